"""The errors of the state and of the control plane, by meaning.

The text of an error is for the caller and for the log of an action. HTTP statuses
belong to the API: ``api/errors.py`` has the status of each error.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..engines import EngineError
from .records import Action


class OperationFailed(Exception):
    """An operation cannot be carried out, or failed."""


class InvalidField(OperationFailed):
    """A field of a definition has a wrong value; the text begins with its name."""


class CredentialsRefused(OperationFailed):
    """The credentials are missing or wrong."""


class AccessRefused(OperationFailed):
    """The credentials are valid and do not allow the request."""


class NamespaceRefused(AccessRefused):
    """The credentials do not reach the namespace."""


class TooManyAttempts(OperationFailed):
    """Too many attempts with wrong credentials.

    Attributes:
        seconds: The time until the next attempt is possible.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(
            f"too many attempts with wrong credentials; wait {seconds:.0f} s"
        )
        self.seconds = seconds


class NoSuchObject(OperationFailed):
    """The namespace has no such object."""


class NotAllowedNow(OperationFailed):
    """The state of the object does not allow the operation.

    Attributes:
        action: The Failed action that records the attempt, if one does.
    """

    action: Action | None = None


@contextmanager
def engine_errors(name: str = "", timed_out: str = "") -> Iterator[None]:
    """Raise an error of the engine as :class:`OperationFailed`.

    Args:
        name: The object that the text names.
        timed_out: The text for a ``TimeoutError``; without a text, a ``TimeoutError``
            passes unchanged.

    Raises:
        OperationFailed: The block raised an ``EngineError``, or timed out.
    """
    prefix = f"{name}: " if name else ""
    try:
        yield
    except EngineError as error:
        raise OperationFailed(f"{prefix}{error}") from error
    except TimeoutError as error:
        if not timed_out:
            raise
        raise OperationFailed(f"{prefix}{timed_out}") from error
