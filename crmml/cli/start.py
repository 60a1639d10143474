"""The first command anyone types."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import command
from .console import say, status
from .options import OverwriteOption, QuietOption


@command
def quickstart(
    folder: Annotated[
        Path, typer.Argument(help="Folder to write to; made when it is not there.", file_okay=False)
    ] = Path(),
    folder_option: Annotated[
        Path | None, typer.Option("--folder", help="The same, as an option.", file_okay=False)
    ] = None,
    overwrite: OverwriteOption = False,
    quiet: QuietOption = False,
) -> None:
    """Run the whole job on CDNOW, a public log of 23,570 customers, offline, and say what was found.

    Cleans, summarises, fits on 39 weeks, checks against the 39 weeks that follow, scores every customer, and writes
    summary.parquet, scores.parquet, three plots and an MLflow run (mlflow.db) to FOLDER.
    """
    from .. import tracking
    from ..quickstart import quickstart as run_quickstart

    tracking.quiet()
    with status("Starting", quiet) as on_step:
        findings = run_quickstart(folder_option or folder, overwrite=overwrite, on_step=on_step)
    if quiet:
        return
    say("What was found", *findings.sentences)
    say("What was written", *(str(path) for path in findings.files))
    say("What to type next", *(f"{purpose}:\n    {typed}" for purpose, typed in findings.next_steps))
