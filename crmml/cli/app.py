"""The application that the commands join, and how each of them ends: warnings as sentences, faults with an exit code."""

from __future__ import annotations

import functools
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from sklearn.utils._param_validation import InvalidParameterError

from ..exceptions import DataError

EXIT_CODES = (
    "Exit codes: 0 done. 1 unexpected failure, with its traceback. 2 wrong usage or wrong data: one message that lists "
    "every fault found, and nothing is written."
)
#: Faults of what was typed or of the files named, told without a traceback.
USAGE_ERRORS = (
    DataError,
    InvalidParameterError,
    FileExistsError,
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)

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

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            with _warnings_as_sentences():
                function(*args, **kwargs)
        except USAGE_ERRORS as error:
            typer.echo(str(error), err=True)
            raise typer.Exit(2) from None
        except typer.Exit:
            raise
        except Exception:
            traceback.print_exc()
            typer.echo("crmml failed unexpectedly: this is a fault of the program, not of the data.", err=True)
            raise typer.Exit(1) from None

    return app.command(epilog=EXIT_CODES)(run)


def main() -> None:
    """Run the command line."""
    app()


@contextmanager
def _warnings_as_sentences() -> Iterator[None]:
    def show(message: Any, *_: Any, **__: Any) -> None:
        typer.echo(f"Note: {message}", err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.filterwarnings("always", module=r"crmml(\.|$)")
        for category in (UserWarning, RuntimeWarning):
            warnings.filterwarnings("always", category=category, module=r"(crmml|__main__)")
        warnings.showwarning = show
        yield
