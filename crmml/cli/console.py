"""What a command says: headed paragraphs on standard output, progress at a terminal."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer


def say(heading: str, *paragraphs: str) -> None:
    """Print paragraphs under a heading."""
    typer.echo(f"\n{heading}")
    for paragraph in paragraphs:
        typer.echo(f"  {paragraph}")


@contextmanager
def status(words: str, quiet: bool) -> Iterator[Callable[[str], None]]:
    """Show what is going on at a terminal; say nothing elsewhere."""
    from rich.console import Console

    console = Console(stderr=True, quiet=quiet or not sys.stderr.isatty())
    with console.status(words) as shown:
        yield shown.update


#: Arguments of the library that are options of the command line.
_ARGUMENTS = (
    "customer_id", "timestamp", "value", "quantity", "price", "order_id", "unit", "period", "observation_end", "refunds", "nulls",
    "duplicates", "date_format", "time_zone", "decimal", "null_words", "delimiter", "encoding", "quote", "skip_lines",
    "column_names", "sheet", "overwrite", "horizon", "margin", "annual_discount_rate", "calibration_end",
)  # fmt: skip
_CALL = re.compile(rf"[\w.]*\b(?:clean|read_log|summarize)\(((?:{'|'.join(_ARGUMENTS)})=[^()]*)\)")
_ARGUMENT = re.compile(rf"(?<![\w-])({'|'.join(_ARGUMENTS)})=('[^']*'|\"[^\"]*\"|\.\.\.|[\w+-](?:[\w.+-]*\w)?)?")


def in_options(message: str) -> str:
    """Return a message of the library with its arguments as the options that they are on the command line.

    Examples
    --------
    >>> in_options("say which one it is with customer_id=")
    'say which one it is with --customer-id'
    >>> in_options("where they stand for nothing, say null_words=.")
    'where they stand for nothing, say --null-words.'
    >>> in_options("(clean(nulls='drop') drops and counts them)")
    '(--nulls drop drops and counts them)'
    """
    return _ARGUMENT.sub(_as_option, _CALL.sub(r"\1", message))


def _as_option(found: re.Match[str]) -> str:
    name, value = found[1], found[2]
    option = f"--{name.replace('_', '-')}"
    if value is None or value in ("True", "False"):
        return option
    bare = value[1:-1] if value[0] in "'\"" else value
    return f"{option} {shlex.quote(bare)}"
