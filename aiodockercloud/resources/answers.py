"""Objects of servers that lack what the objects of the API have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..exceptions import DockerCloudError, InvalidResponse

__all__ = ["reading"]


@contextmanager
def reading(kind: str) -> Iterator[None]:
    """Read objects of a server in the block, whose fields can be missing or odd.

    Args:
        kind: What is read, for the message.

    Raises:
        InvalidResponse: A field is missing or has another type. Other errors of the
            library pass.
    """
    try:
        yield
    except DockerCloudError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError) as exc:
        # The text of the error may quote the answer.
        raise InvalidResponse(
            f"a {kind} of the server is not as the API has it: {type(exc).__name__}"
        ) from exc
