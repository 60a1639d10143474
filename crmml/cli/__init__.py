"""The command line: one small module for each group of commands, which parses, calls and prints."""

from . import start  # noqa: I001  # the order of the imports is that of the commands in the help
from . import log, models, scores
from .app import app, main

__all__ = ["app", "log", "main", "models", "scores", "start"]
