"""A first look at the files of a log: what they hold, how they would be read, and the command that reads them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ..exceptions import DataError, shown
from ..files.text_table import connected, scratch_folder
from ..results import Result
from ._column_roles import counted_format, proposed_roles
from ._log_files import LogFile, Paths, files_named, open_log_file
from .displays import ReadingDisplay
from .reading import read_log
from .reading_report import ReadingReport

#: Rows that are looked at, and characters of each entry.
_ROWS, _LOOKED_AT = 1_000, 1_000
_NOTHING_STATED = dict.fromkeys(("delimiter", "encoding", "quote", "skip_lines", "column_names", "sheet"))
_READINGS = re.compile(r"say (date_format='[^']*'(?: or date_format='[^']*')+)")
_DECIMALS = re.compile(r"say decimal='\.' or decimal=','")


@dataclass(frozen=True)
class ReadingProposal(Result):
    """How the files of a log would be read.

    Attributes
    ----------
    path : str
    table : DataFrame with columns column, role, entries
        The columns with the role each would have, and their first entries.
    arguments : dict
        What :func:`crmml.transactions.read_log` would be given.
    report : ReadingReport or None
        What was understood by them; None where something must be chosen first.
    choices : tuple of dict
        Arguments to choose between where the content leaves it open; each belongs to ``arguments``.
    faults : tuple of str
        Why nothing was read.
    """

    path: str
    table: pd.DataFrame = field(repr=False)
    arguments: dict[str, Any]
    report: ReadingReport | None
    choices: tuple[dict[str, Any], ...]
    faults: tuple[str, ...]

    @property
    def commands(self) -> tuple[str, ...]:
        """The command lines to choose from, one where all is clear; none where a customer or a time was not found."""
        if not {"customer_id", "timestamp"} <= set(self.arguments) or (self.faults and not self.choices):
            return ()
        return tuple(_command(self.path, self.arguments | choice) for choice in (self.choices or ({},)))

    def describe(self) -> str:
        """Say what is in the files, what was understood, and what to type next."""
        said = [
            f"{column}: {entries}" + (f"   <- {role}" if role else "")
            for column, role, entries in self.table.to_numpy().tolist()
        ]
        if self.report is not None:
            said += ["", self.report.describe()]
        said += self.faults
        if len(self.commands) > 1:
            said += ["", "Choose one:"]
        elif self.commands:
            said += ["", "To summarise it (--unit is what times are counted in: h, D, W, M or Y):"]
        return "\n".join([*said, *self.commands])

    def plot(self, ax: Any = None) -> ReadingDisplay:
        """Draw the transactions of each month.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        ReadingDisplay

        Raises
        ------
        DataError
            When nothing was read.
        """
        if self.report is None:
            raise DataError([*self.faults] or ["nothing was read"], f"the log {self.path}")
        return self.report.plot(ax=ax)


def propose_reading(path_or_paths: Paths) -> ReadingProposal:
    """Look at the files of a log and propose how to read them.

    Columns are found by their names and by what they hold. The proposal states what the content leaves open, such as an
    encoding, so that it can be seen and changed; what has two readings, such as 01/02/2024, is left to choose.

    Parameters
    ----------
    path_or_paths : path, pattern, folder or sequence of these

    Returns
    -------
    ReadingProposal
        ``describe()`` shows it with the command to type.

    Raises
    ------
    DataError
        When the files cannot be opened.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "orders.csv"
    ...     _ = path.write_text("Buyer;Date;Paid\\nA;31.01.2024;1,50\\nB;01.02.2024;2,00\\n")
    ...     proposal = propose_reading(path)
    >>> proposal.arguments
    {'customer_id': 'Buyer', 'timestamp': 'Date', 'value': 'Paid', 'date_format': '%d.%m.%Y', 'decimal': ','}
    """
    paths = files_named(path_or_paths)
    with ExitStack() as stack:
        scratch = stack.enter_context(scratch_folder())
        database = stack.enter_context(connected(scratch))
        stated: dict[str, Any] = dict(_NOTHING_STATED)
        file = open_log_file(paths[0], scratch, database, (), stated)
        if not file.opened.encoding_is_certain:
            stated["encoding"] = file.opened.candidates[0][0]
            file = open_log_file(paths[0], scratch, database, (), stated)
        columns = _first_entries(file, database)
    roles = proposed_roles(columns)
    arguments: dict[str, Any] = {role: roles[role] for role in _ORDER if role in roles}
    if stated["encoding"]:
        arguments["encoding"] = stated["encoding"]
    if "timestamp" in roles and (counted := counted_format([text for text in columns[roles["timestamp"]] if text])):
        arguments["date_format"] = counted
    wanted = {name: role for role, name in roles.items()}
    table = pd.DataFrame(
        [(name, wanted.get(name, ""), ", ".join(shown(text, 20) for text in columns[name][:3])) for name in columns],
        columns=["column", "role", "entries"],
    )
    return _tried(path_or_paths, table, arguments)


_ORDER = ("customer_id", "timestamp", "value", "quantity", "price", "order_id")


def _first_entries(file: LogFile, database: Any) -> dict[str, list[str]]:
    names = file.names
    listed = ", ".join(f"left({file.text(name)}, {_LOOKED_AT}) as e{i}" for i, name in enumerate(names))
    rows = database.rows(f"select {listed} from {file.source()} limit {_ROWS}")
    return {name: [row[i] for row in rows if row[i] is not None] for i, name in enumerate(names)}


def _tried(path_or_paths: Paths, table: pd.DataFrame, arguments: dict[str, Any]) -> ReadingProposal:
    """Read the log with the arguments, and pin what the content told; or say what must be chosen."""
    path = str(path_or_paths) if not isinstance(path_or_paths, list | tuple) else str(path_or_paths[0])
    lacking = [role for role in ("customer_id", "timestamp") if role not in arguments]
    if lacking:
        words = {"customer_id": "which column tells the customer", "timestamp": "which column tells the time"}
        faults = tuple(f"It cannot be told {words[role]}; say {role}=." for role in lacking)
        return ReadingProposal(path, table, arguments, None, (), faults)
    try:
        _, report = read_log(path_or_paths, engine="pyarrow", **arguments)
    except DataError as error:
        choices = tuple(choice for fault in error.faults for choice in _choices(fault))
        return ReadingProposal(path, table, arguments, None, choices if len(error.faults) == 1 else (), error.faults)
    return ReadingProposal(path, table, arguments | _pinned(report), report, (), ())


def _choices(fault: str) -> list[dict[str, Any]]:
    """The arguments between which a fault leaves the choice."""
    if found := _READINGS.search(fault):
        return [{"date_format": text} for text in re.findall(r"date_format='([^']*)'", found[1])]
    return [{"decimal": "."}, {"decimal": ","}] if _DECIMALS.search(fault) else []


def _pinned(report: ReadingReport) -> dict[str, Any]:
    """What the content told and another day's file might tell otherwise."""
    told = report.table.set_index("argument")["reading"]
    pinned: dict[str, Any] = {}
    if "date_format" in told.index:
        reading = str(told.loc[["date_format"]].iloc[0])
        if reading.startswith("%"):
            pinned["date_format"] = reading.rpartition(", ")[0]
    if "decimal" in told.index and any("comma" in str(reading) for reading in told.loc[["decimal"]]):
        pinned["decimal"] = ","
    return pinned


def _command(path: str, arguments: Mapping[str, Any]) -> str:
    options = [f"--{name.replace('_', '-')} {shlex.quote(str(value))}" for name, value in arguments.items()]
    return " ".join(["crmml summarize", shlex.quote(path), "summary.parquet", *options, "--unit D"])
