"""What a translation between the layouts of stack files cannot carry over."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Loss", "Remark"]


@dataclass(frozen=True, slots=True)
class Remark:
    """A value that a translation leaves out or changes.

    Attributes:
        path: The keys from the top of the file to the value.
        problem: What is lost, and what to use instead.
        harmless: Whether the containers run as before without the value.
    """

    path: tuple[str | int, ...]
    problem: str
    harmless: bool = False


@dataclass(frozen=True, slots=True)
class Loss:
    """A value of a stack file that a conversion leaves out or changes.

    Attributes:
        line: The line of the value in the file, from 1; 0 if there is no file.
        service: The service; empty for the file as a whole.
        key: The key below the service or at the top of the file, with the keys inside
            its value: ``deploy.replicas``.
        problem: What is lost, and what to use instead.
        harmless: Whether the containers run as before without the value.
    """

    line: int
    service: str
    key: str
    problem: str
    harmless: bool = False

    def __str__(self) -> str:
        service = f"service {self.service}: " if self.service else ""
        key = f"key {self.key}: " if self.key else ""
        line = f"line {self.line}: " if self.line else ""
        return f"{line}{service}{key}{self.problem}"
