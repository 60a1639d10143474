"""The application that the commands join, and how each of them ends: warnings as sentences, faults with an exit code."""

from __future__ import annotations

import functools
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import InvalidParameterError

from ..exceptions import DataError
from .console import in_options
from .options import with_fields_as_options

EXIT_CODES = (
    "Exit codes: 0 done. 1 a fault of the program, with its traceback. 2 wrong usage, wrong data, or a file, disk or store "
    "that cannot be used: one message that lists every fault found, and nothing is written."
)
#: Packages whose errors are those of the stores they speak to: not found, not reachable, damaged, refused.
_STORES = ("mlflow", "sqlalchemy", "requests", "urllib3", "sqlite3", "alembic")

app = typer.Typer(
    name="crmml",
    help="From a transaction log to the value of every customer.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def command(function: Callable[..., None]) -> Callable[..., None]:
    """Add a command that prints each warning as a sentence, and ends with the exit codes that the help promises."""
    whole = with_fields_as_options(function)

    @functools.wraps(whole)
    def run(**given: Any) -> None:
        try:
            with _warnings_as_sentences():
                whole(**given)
        except typer.Exit:
            raise
        except Exception as error:
            said = _said_of(error)
            if said is None:
                traceback.print_exc()
                typer.echo("crmml failed unexpectedly: this is a fault of the program, not of the data.", err=True)
                raise typer.Exit(1) from None
            typer.echo(said, err=True)
            raise typer.Exit(2) from None

    del run.__wrapped__  # typer would follow it to the signature of the function
    return app.command(epilog=EXIT_CODES)(run)


def main() -> None:
    """Run the command line."""
    app()


def _said_of(error: Exception) -> str | None:
    """What is said of a fault of the world outside: the data, the options, a file, a store; None for a fault of the program."""
    if isinstance(error, DataError | InvalidParameterError):
        return in_options(str(error))
    if isinstance(error, MemoryError):
        return "The machine's memory does not suffice for this; use a smaller file, or a larger machine."
    if isinstance(error, OSError):
        name = f": {error.filename}" if error.filename else ""
        return f"{error.strerror or type(error).__name__}{name}." if error.strerror or name else f"{error}."
    if type(error).__module__.partition(".")[0] in _STORES:
        first = next((line.strip() for line in str(error).splitlines() if line.strip()), type(error).__name__)
        return f"The store of models cannot be used: {first[:300]}"
    return None


@contextmanager
def _warnings_as_sentences() -> Iterator[None]:
    said: set[str] = set()

    def show(message: Any, *_: Any, **__: Any) -> None:
        if (text := in_options(str(message))) not in said:
            said.add(text)
            typer.echo(f"Note: {text}", err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", module=r"crmml(\.|$)")
        for category in (UserWarning, RuntimeWarning):
            warnings.filterwarnings("always", category=category, module=r"(crmml|__main__)")
        warnings.filterwarnings("always", category=ConvergenceWarning)
        warnings.showwarning = show
        yield
