"""Sphinx: inherited methods show their own types, as ``→ Service``, not ``→ T``."""

from __future__ import annotations

import re
from importlib import import_module
from typing import Any, TypeVar, get_args, get_origin

from sphinx.application import Sphinx

from aiodockercloud import types
from aiodockercloud.resources.readable import Readable

#: A type variable as autodoc writes it, such as ``aiodockercloud.resources.managed.T``.
_VARIABLE = re.compile(r"~?aiodockercloud\.[\w.]+\.([A-Z])\b")


def _name(found: Any) -> str:
    """Return the public name of a type that replaces a variable."""
    names = (name for name in types.__all__ if getattr(types, name) is found)
    return f"aiodockercloud.types.{next(names)}"


def _replaced(owner: type) -> dict[str, str]:
    """Return the names of the type variables of a class's bases → their types."""
    found: dict[str, str] = {}
    for base in owner.__mro__:
        for generic in vars(base).get("__orig_bases__", ()):
            origin: Any = get_origin(generic) or object
            if issubclass(origin, Readable):
                for variable, one in zip(
                    origin.__parameters__, get_args(generic), strict=True
                ):
                    if not isinstance(one, TypeVar):
                        found[variable.__name__] = _name(one)
    return found


def _process(
    _app: Sphinx,
    what: str,
    name: str,
    _object: object,
    _options: object,
    arguments: str | None,
    returned: str | None,
) -> tuple[str | None, str | None] | None:
    module, _, rest = name.partition(".resources.")
    if what != "method" or not rest:
        return None
    place, owner, _ = rest.rsplit(".", 2)
    replaced = _replaced(getattr(import_module(f"{module}.resources.{place}"), owner))

    def known(text: str | None) -> str | None:
        return text and _VARIABLE.sub(lambda m: replaced.get(m[1], m[0]), text)

    return known(arguments), known(returned)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("autodoc-process-signature", _process)
    return {"parallel_read_safe": True}
