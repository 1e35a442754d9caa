"""How a caller refers to an object; methods use this type at run time, too."""

from collections.abc import Mapping
from typing import Any

__all__ = ["Reference"]

#: How a caller refers to an object: by its dict, its ``resource_uri`` or its uuid.
Reference = str | Mapping[str, Any]
