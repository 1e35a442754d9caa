"""Lines of logs: the text of a line, its time stamp, and the lines of a whole text.

::

    async with cloud.services.logs(service, tail=100) as lines:
        async for line in lines:
            print(log_text(line))
"""

from __future__ import annotations

from .wire.loglines import format_stamp, log_lines, log_stamp, log_text, parse_stamp

__all__ = ["format_stamp", "log_lines", "log_stamp", "log_text", "parse_stamp"]
