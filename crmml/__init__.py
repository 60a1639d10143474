"""crmml: from a company's transaction log to decisions about its customers, with honest uncertainty to the money."""

from importlib.metadata import PackageNotFoundError, version

from .exceptions import DataError, LogWarning, RulerError
from .frames.ruler import Ruler

try:
    __version__ = version("crmml")
except PackageNotFoundError:  # a source tree that was never installed
    __version__ = "0+unknown"

__all__ = ["DataError", "LogWarning", "Ruler", "RulerError", "__version__"]
