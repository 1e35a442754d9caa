"""The clouds that the user has stored under a name: one file, for its owner only."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import checks

__all__ = ["Context", "ContextError", "Contexts"]

#: The permissions of the file and of its directory.
_FILE_MODE, _DIRECTORY_MODE = 0o600, 0o700


class ContextError(ValueError):
    """A context does not exist, exists already, or cannot be read or stored."""


@dataclass(frozen=True)
class Context:
    """A cloud: its address, and the credentials for the address.

    Attributes:
        url: The address of the server.
        user: The user's name.
        apikey: The user's API key, which no representation of the context contains.
        namespace: The organisation whose objects are meant; ``None`` for the account's
            own objects.
    """

    url: str
    user: str
    apikey: str = field(repr=False)
    namespace: str | None = None


@dataclass(frozen=True)
class Contexts:
    """The stored contexts by their names, and the name of the current one.

    Attributes:
        by_name: The contexts.
        current: The name of the context that commands use; ``None`` for none.
    """

    by_name: Mapping[str, Context]
    current: str | None = None

    @staticmethod
    def path() -> Path:
        """Return the path of the file, in the directory that XDG names."""
        base = os.environ.get("XDG_CONFIG_HOME", "")
        # XDG: a path that is not absolute is ignored.
        folder = Path(base) if Path(base).is_absolute() else Path.home() / ".config"
        return folder / "aiodockercloud" / "contexts.json"

    @classmethod
    def load(cls) -> Contexts:
        """Read the contexts; none exist without a file.

        Raises:
            ContextError: The file cannot be read, or has another form. The message
                contains no secret.
        """
        path = cls.path()
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return cls({})
        except (OSError, UnicodeDecodeError) as error:
            raise ContextError(f"{path} cannot be read: {error}") from error
        try:
            data = json.loads(text)
            by_name = {
                name: _context(fields) for name, fields in data["contexts"].items()
            }
            current = data["current"]
        except (AttributeError, KeyError, TypeError, ValueError):
            # The error is not quoted, because the text has keys.
            raise ContextError(
                f"{path} has another form than aiodockercloud writes; remove the file,"
                " and add the contexts again"
            ) from None
        return cls(by_name, current if current in by_name else None)

    def store(self) -> None:
        """Write the contexts, so that readers meet the former or the new file.

        Raises:
            ContextError: The file cannot be written.
        """
        path = self.path()
        contexts = {name: asdict(one) for name, one in sorted(self.by_name.items())}
        text = json.dumps({"current": self.current, "contexts": contexts}, indent=2)
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=_DIRECTORY_MODE)
            # A file of mkstemp is for its owner only.
            number, draft = tempfile.mkstemp(dir=path.parent, prefix=".contexts-")
            try:
                with open(number, "w", encoding="utf-8") as file:
                    os.fchmod(number, _FILE_MODE)
                    file.write(f"{text}\n")
                    file.flush()
                    os.fsync(number)
                os.replace(draft, path)
            except BaseException:
                os.unlink(draft)
                raise
        except OSError as error:
            raise ContextError(f"{path} cannot be written: {error}") from error

    def get(self, name: str) -> Context:
        """Return the context of a name.

        Raises:
            ContextError: There is no such context.
        """
        try:
            return self.by_name[name]
        except KeyError:
            known = ", ".join(sorted(self.by_name)) or "none"
            raise ContextError(
                f"there is no context {name!r}; contexts: {known}"
            ) from None

    def with_context(self, name: str, context: Context) -> Contexts:
        """Return the contexts with one more, which becomes current as the first one.

        A context of the same name and address is replaced: its key is a new one.

        Raises:
            ContextError: The name has another address, or is no word.
        """
        if not name or not name.isprintable() or " " in name:
            raise ContextError(f"{name!r} is not a name of a context: one word")
        known = self.by_name.get(name)
        if known is not None and known.url != context.url:
            raise ContextError(
                f"the context {name!r} is that of {known.url}; to remove the context:"
                f" aiodockercloud context rm {name}"
            )
        return Contexts({**self.by_name, name: context}, self.current or name)

    def without(self, name: str) -> Contexts:
        """Return the contexts without one; none is current if that one was.

        Raises:
            ContextError: There is no such context.
        """
        self.get(name)
        others = {key: one for key, one in self.by_name.items() if key != name}
        return Contexts(others, None if self.current == name else self.current)

    def using(self, name: str) -> Contexts:
        """Return the contexts with another current one.

        Raises:
            ContextError: There is no such context.
        """
        self.get(name)
        return replace(self, current=name)


def _context(fields: Any) -> Context:
    found = Context(**fields)
    texts = (found.url, found.user, found.apikey, found.namespace or "")
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a value is no text")
    checks.http_url(found.url)
    return found
