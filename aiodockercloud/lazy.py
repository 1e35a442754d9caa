"""Names of a package that are loaded when a program uses the first one."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__ = ["names_of"]


def names_of(
    package: str, module: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package.

    The package also has its own modules as attributes, as if they were imported.

    Args:
        package: The name of the package.
        module: The module of the package that defines the names, in its ``__all__``.
    """

    def load() -> dict[str, Any]:
        found = import_module(f"{package}.{module}")
        names = {name: getattr(found, name) for name in ("__all__", *found.__all__)}
        vars(import_module(package)).update(names)
        return names

    def get(name: str) -> Any:
        try:
            return import_module(f"{package}.{name}")
        except ModuleNotFoundError as error:
            if error.name != f"{package}.{name}":
                raise
        if name not in (names := load()):
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return names[name]

    def names() -> list[str]:
        return sorted({*vars(import_module(package)), *load()})

    return get, names
