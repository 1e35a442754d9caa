# What type checkers see of the package, which loads the types when one is first used.

from .exports import *  # noqa: F403 - the names of its __all__
from .exports import __all__ as __all__
