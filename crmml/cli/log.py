"""What is done with a transaction log itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import command
from .console import in_options, say, status
from .options import OverwriteOption, QuietOption, SourceArgument
from .sources import LogOptions, refuse_to_replace


@command
def look(source: SourceArgument) -> None:
    """Look at a transaction log: its columns, how it would be read, and the command that reads it. Nothing is written."""
    from ..transactions import propose_reading

    with status("Looking", quiet=False):
        proposal = propose_reading(source)
    say(str(source), *(in_options(line) for line in proposal.describe().splitlines()))


@command
def summarize(
    source: SourceArgument,
    destination: Annotated[Path, typer.Argument(help="Parquet or CSV file to write.", dir_okay=False)],
    log: LogOptions,
    overwrite: OverwriteOption = False,
    quiet: QuietOption = False,
) -> None:
    """Turn a transaction log into one row per customer: frequency, recency, T and, with --value, monetary_value.

    A Parquet DESTINATION remembers its units; a CSV cannot, so that they must be stated again when it is used.
    """
    from ..files import kind_of, write_table

    refuse_to_replace(destination, overwrite)
    kind_of(destination)
    with status("Reading", quiet):
        summary, said = log.read_log_as_summary(source)
    write_table(summary, destination)
    if not quiet:
        say("Reading", *said)
        say("Written", f"{len(summary):,} customers to {destination}")
