"""What a command says: headed paragraphs on standard output, progress at a terminal."""

from __future__ import annotations

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
