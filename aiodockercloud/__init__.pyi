# What type checkers see of the package, which loads the client when it is first used.

from . import client as client
from . import exceptions as exceptions
from . import loglines as loglines
from . import resources as resources
from . import transport as transport
from . import wire as wire
from .exports import *  # noqa: F403 - the names of its __all__
from .exports import __all__ as __all__

#: The version of the installed distribution, which comes from git's tag.
__version__: str
