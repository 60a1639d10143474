"""What is done with a registered model."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from ..exceptions import DataError
from .app import command
from .console import say, status
from .options import OverwriteOption, QuietOption, SourceArgument, TrackingUriOption
from .sources import LogOptions, refuse_to_replace


@command
def score(
    model: Annotated[
        str, typer.Argument(help="Name of a registered model (its champion), or a URI such as models:/shop/3.")
    ],
    source: SourceArgument,
    destination: Annotated[Path, typer.Argument(help="Parquet file to write.", dir_okay=False)],
    log: LogOptions,
    tracking_uri: TrackingUriOption = None,
    overwrite: OverwriteOption = False,
    quiet: QuietOption = False,
) -> None:
    """Score every customer of a summary or a transaction log with a registered model, into a Parquet file.

    The file appears whole or not at all.
    """
    from .. import scoring, tracking
    from ..files import write_table

    tracking.quiet()
    refuse_to_replace(destination, overwrite)
    if destination.suffix.lower() != ".parquet":
        raise DataError([f"{destination} must end in .parquet"], "DESTINATION")
    uri = model if model.startswith(("models:/", "runs:/")) else f"models:/{model}@{tracking.CHAMPION}"
    tracking.check_store(tracking_uri)
    said: list[str] = []
    with status("Scoring", quiet), tempfile.TemporaryDirectory() as folder:
        table = Path(source)
        if not log.names_nothing(source):
            summary, said = log.read_summary(source)
            table = Path(folder) / f"{table.stem.partition('*')[0] or 'log'}.parquet"
            write_table(summary, table)
        done = scoring.score(uri, table, destination, overwrite=overwrite, uri=tracking_uri)
    if quiet:
        return
    if said:
        say("Reading", *said)
    say("Written", f"{done.rows:,} customers to {destination}")
