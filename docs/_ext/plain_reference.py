"""Sphinx: the reference without what only the authors of the code need.

Inherited methods show the types of their sub-API, ``→ Service`` and not ``→ T``.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import Any, TypeVar, get_args, get_origin

from sphinx.application import Sphinx

from aiodockercloud.resources.readable import Readable

#: A type variable as autodoc writes it, such as ``aiodockercloud.resources.managed.T``.
_VARIABLE = re.compile(r"~?aiodockercloud\.[\w.]+\.([A-Z])\b")


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
                        # A name such as "types.Service", which is loaded later.
                        found[variable.__name__] = (
                            f"aiodockercloud.{one.__forward_arg__}"
                        )
    return found


def _inherited(name: str, text: str) -> str:
    """Return a signature with the types of the sub-API that inherits the method."""
    module, _, rest = name.partition(".resources.")
    place, owner, _ = rest.rsplit(".", 2)
    replaced = _replaced(getattr(import_module(f"{module}.resources.{place}"), owner))
    return _VARIABLE.sub(lambda match: replaced.get(match[1], match[0]), text)


def _signature(
    _app: Sphinx,
    what: str,
    name: str,
    found: object,
    _options: object,
    arguments: str | None,
    returned: str | None,
) -> tuple[str | None, str | None]:
    if what == "exception":
        # Programs catch the errors and construct none.
        return "", None
    if what == "method" and ".resources." in name:
        arguments = arguments and _inherited(name, arguments)
        returned = returned and _inherited(name, returned)
    # The default of a field that is new for each object.
    return arguments and arguments.replace("<factory>", "..."), returned


def _skip(
    _app: Sphinx, _what: str, _name: str, found: object, _skip: bool, _options: object
) -> bool | None:
    """Leave out the fields of named tuples; the docstrings of classes describe them."""
    described = (inspect.getdoc(found) or "").startswith("Alias for field")
    return True if described else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the extension."""
    app.connect("autodoc-process-signature", _signature)
    app.connect("autodoc-skip-member", _skip)
    return {"parallel_read_safe": True}
