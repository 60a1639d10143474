"""The dialect of a text table: what parts its fields, how they are quoted, where its header is. Told by its beginning."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ..exceptions import DataError

DELIMITERS = (",", ";", "\t", "|", "^", "~", ":")
DELIMITER_WORDS = {
    ",": "comma",
    ";": "semicolon",
    "\t": "tab",
    "|": "vertical bar",
    "^": "caret",
    "~": "tilde",
    ":": "colon",
    " ": "blank",
}
#: Columns beyond which a file is no table of customers.
MOST_COLUMNS = 5_000
#: Rows of the sample that the dialect is told by.
ROWS_LOOKED_AT = 2_000
#: Lines before the header that are looked for.
MOST_PREAMBLE = 50
#: Characters of a cell of the header.
LONGEST_NAME = 1_000


@dataclass(frozen=True)
class Dialect:
    """How a text table is written.

    Attributes
    ----------
    delimiter : str
    quote : str
        "" where fields are not quoted.
    escape : str
        What stands before a quote within a quoted field: the quote itself, or a backslash.
    skip_lines : int
        Lines before the header.
    names : tuple of str
        The header, without blanks around the names.
    fields : int
        Fields of the header; more than names where it ends in delimiters behind which no row has anything.
    has_header : bool
        False where the names were stated and the first line is a row.
    stated : frozenset of str
        Which of "delimiter", "quote", "skip_lines", "names" were stated.
    """

    delimiter: str
    quote: str
    escape: str
    skip_lines: int
    names: tuple[str, ...]
    fields: int
    has_header: bool = True
    stated: frozenset[str] = frozenset()


def find_dialect(
    sample: str,
    name: str,
    *,
    delimiter: str | None = None,
    quote: str | None = None,
    skip_lines: int | None = None,
    column_names: Sequence[str] | None = None,
    wanted: Sequence[str] = (),
) -> Dialect:
    """Tell the dialect of a text by its beginning; what is stated is taken as it is.

    Parameters
    ----------
    sample : str
        The first lines, whole.
    name : str
        Of the file, for messages.
    delimiter, quote : str, default=None
    skip_lines : int, default=None
        Lines before the header; None looks for titles and blank lines.
    column_names : sequence of str, default=None
        Names of the columns of a file without a header.
    wanted : sequence of str
        Names that the header should hold, by which it is known.

    Raises
    ------
    DataError
        When the header is blank, too wide, or has a name twice.

    Examples
    --------
    >>> dialect = find_dialect("buyer;day;amount\\nA;2024-01-05;10,50\\nB;2024-01-06;7,00\\n", "orders.csv")
    >>> dialect.delimiter, dialect.names
    (';', ('buyer', 'day', 'amount'))
    """
    lines = lines_of(sample)
    start = skip_lines or 0
    if skip_lines is None and lines and lines[0].lower().startswith("sep=") and len(lines[0].strip()) <= 5:
        delimiter = delimiter or lines[0].rstrip("\r\n")[4:] or None
        start = 1
    body = "".join(lines[start:])
    if not body.strip():
        raise DataError([f"{name} is empty: it has no header and no row"], "the file")
    stated = {"delimiter": delimiter, "quote": quote, "skip_lines": skip_lines, "names": column_names}
    found_quote = quote if quote is not None else _quote_of(body)
    found = delimiter or _delimiter_of(body, found_quote, wanted)
    rows = _records(body, found, found_quote)
    _refuse_unparted(rows, name, found)
    names, before, fields = _header_of(rows, skip_lines is None and start == 0, wanted, column_names)
    _refuse_header(names, name, found)
    return Dialect(
        found,
        found_quote,
        _escape_of(body, found_quote),
        start + before,
        names,
        fields,
        column_names is None,
        frozenset(key for key, value in stated.items() if value is not None),
    )


def lines_of(text: str) -> list[str]:
    """The lines of a text with their ends; unlike str.splitlines, no other sign than CR and LF ends one."""
    return re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+$", text)


def _escape_of(body: str, quote: str) -> str:
    """A backslash where quotes within fields are plainly written so, else the quote itself, doubled."""
    return "\\" if quote and f"\\{quote}" in body and f"{quote}{quote}" not in body.replace(f"\\{quote}", "") else quote


def _quote_of(body: str) -> str:
    """The double quote, unless fields are plainly in single ones."""
    if '"' in body:
        return '"'
    lines = [line.strip() for line in lines_of(body[:20_000])[:50] if line.strip()]
    single = [line for line in lines if line.startswith("'") and line.endswith("'") and len(line) > 1]
    return "'" if lines and len(single) == len(lines) else '"'


def _records(body: str, delimiter: str, quote: str) -> list[tuple[list[str], int]]:
    """The first records, each with the lines before it; one that cannot be parsed ends them."""
    rows: list[tuple[list[str], int]] = []
    try:
        reader = csv.reader(
            io.StringIO(body, newline=""),
            delimiter=delimiter,
            quotechar=quote or None,
            quoting=csv.QUOTE_MINIMAL if quote else csv.QUOTE_NONE,
        )
        before = 0
        for row in reader:
            rows.append((row, before))
            before = reader.line_num
            if len(rows) >= ROWS_LOOKED_AT:
                break
    except csv.Error:
        pass
    return rows


def _delimiter_of(body: str, quote: str, wanted: Sequence[str]) -> str:
    """The delimiter under which rows have the same number of fields, and the header holds what is wanted."""
    best, best_score = ",", (-1, 0.0, 0, 0)
    for delimiter in DELIMITERS:
        rows = [row for row, _ in _records(body, delimiter, quote) if row]
        if not rows:
            continue
        widths = Counter(len(row) for row in rows)
        width, count = max(widths.items(), key=lambda pair: (pair[1], pair[0]))
        if width < 2:
            continue
        holds = max(len(set(wanted) & {cell.strip() for cell in row}) for row in rows[:MOST_PREAMBLE])
        first = next(i for i, row in enumerate(rows) if len(row) == width)  # a header is no narrower than the rows
        score = (holds, round(count / len(rows), 2), -first, -DELIMITERS.index(delimiter))
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _header_of(
    records: list[tuple[list[str], int]],
    looks_for_preamble: bool,
    wanted: Sequence[str],
    column_names: Sequence[str] | None,
) -> tuple[tuple[str, ...], int, int]:
    """The names, the lines before them, and the fields of a row."""
    rows = [row for row, _ in records]
    widths = Counter(len(row) for row in rows if row)
    width = max(widths.items(), key=lambda pair: (pair[1], pair[0]))[0]
    if column_names is not None:
        return tuple(column_names), 0, len(column_names)
    at = _header_row(rows, width, wanted) if looks_for_preamble else next(i for i, row in enumerate(rows) if row)
    names = [cell.strip() for cell in rows[at]]
    fields = len(names)
    while (
        len(names) > 1
        and not names[-1]
        and not any(row[len(names) - 1 :] and row[len(names) - 1].strip() for row in rows[at + 1 :])
    ):
        names.pop()  # a delimiter ends the line and no row has anything behind it
    widest = max((len(row) for row in rows[at + 1 :]), default=fields)
    fields = max(len(names), min(fields, widest))  # it may end the header alone
    return tuple(names), records[at][1], fields


def _header_row(rows: list[list[str]], width: int, wanted: Sequence[str]) -> int:
    """The row that names the columns: that which holds the names wanted, else the first as wide as the rows and without gaps."""
    looked_at = rows[:MOST_PREAMBLE]
    holding = [len(set(wanted) & {cell.strip() for cell in row}) for row in looked_at]
    if wanted and max(holding) > 0:
        return holding.index(max(holding))
    first = next(i for i, row in enumerate(rows) if row)
    for i, row in enumerate(looked_at):
        named = [cell for cell in row if cell.strip()]
        if len(row) in (width, width - 1) and len(named) >= len(row) - 1 and len(named) > 1:
            return i
    return first


def _refuse_unparted(rows: list[tuple[list[str], int]], name: str, delimiter: str) -> None:
    if not any(row for row, _ in rows):
        word = DELIMITER_WORDS.get(delimiter, repr(delimiter))
        raise DataError([f"{name} does not begin as a table: its first line cannot be parted by {word}"], "the file")


def _refuse_header(names: tuple[str, ...], name: str, delimiter: str) -> None:
    if len(names) > MOST_COLUMNS:
        raise DataError([f"{name} has {len(names):,} columns; at most {MOST_COLUMNS:,} are read"], "the file")
    faults = []
    twice = [column for column, count in Counter(names).items() if count > 1 and column]
    if twice:
        shown = ", ".join(repr(column[:40]) for column in twice[:5])
        faults.append(f"{name} has the column {shown} more than once; rename one")
    if long := sum(len(column) > LONGEST_NAME for column in names):
        faults.append(
            f"{name} has a header of {long:,} names longer than {LONGEST_NAME:,} characters; is its delimiter a "
            f"{DELIMITER_WORDS.get(delimiter, repr(delimiter))}?"
        )
    if faults:
        raise DataError(faults, "the file")


def unnamed(names: Sequence[str]) -> list[str]:
    """The names with a working name for each blank one: column_3."""
    return [column or f"column_{i}" for i, column in enumerate(names, start=1)]
