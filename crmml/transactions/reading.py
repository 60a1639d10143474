"""Reading a transaction log from files as people have them, and saying what was understood of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from ..files.text_table import connected, scratch_folder
from ._log_files import Paths, check_log_columns, files_named, open_log_file
from ._log_reader import LogReader
from ._reading_request import ReadingRequest
from .reading_report import ReadingReport


def read_log(
    path_or_paths: Paths,
    *,
    customer_id: str = "customer_id",
    timestamp: str = "timestamp",
    value: str | None = None,
    quantity: str | None = None,
    price: str | None = None,
    order_id: str | None = None,
    keep: Sequence[str] = (),
    engine: str = "pandas",
    date_format: str | None = None,
    time_zone: str | None = None,
    decimal: str | None = None,
    null_words: Sequence[str] = (),
    nulls: str = "keep",
    delimiter: str | None = None,
    encoding: str | None = None,
    quote: str | None = None,
    skip_lines: int | None = None,
    column_names: Sequence[str] | None = None,
    sheet: str | None = None,
) -> tuple[Any, ReadingReport]:
    """Read a transaction log from files as shops, spreadsheets and databases write them.

    What is not stated is told by the content, of whole columns rather than first rows, and reported; what the content leaves
    open is refused with the readings that fit. Nothing is skipped: a row that cannot be read is a fault.

    Parameters
    ----------
    path_or_paths : path, pattern, folder or sequence of these
        CSV whatever its delimiter, quoted or not, packed (gz, zst, bz2, xz, zip) or not; Parquet; workbooks (with
        ``crmml[excel]``). The files of a folder are laid one under the other, by the names of their columns.
    customer_id, timestamp : str
        Columns of the files.
    value : str, default=None
        Column of amounts of money: thousands, decimal commas, currency signs, and minus signs before, behind or as
        brackets are understood.
    quantity, price : str, default=None
        Two columns whose product is the value, instead of ``value``.
    order_id : str, default=None
        Column of orders where a row is a line of an order: lines of one customer and order become one row, at the earliest
        time, with the sum of their values.
    keep : sequence of str, default=()
        Other columns to carry over.
    engine : {"pandas", "polars", "pyarrow", "duckdb"}, default="pandas"
        What kind of frame is returned.
    date_format : str, default=None
        A strptime format, or "iso", "unix_s", "unix_ms", "unix_us" (counted from 1970, on the clock of UTC), "excel" (days of
        a spreadsheet). None tells it by the column, and refuses where day and month could change places.
    time_zone : str, default=None
        Times that carry a zone are put on the clock of this one, for instance "Europe/Vienna"; None leaves each on its own.
    decimal : {".", ","}, default=None
        What parts the decimals; None tells it by the column.
    null_words : sequence of str, default=()
        Texts that stand for a missing customer, for instance "NULL"; by default only blanks do.
    nulls : {"keep", "raise"}, default="keep"
        Whether rows without customer, time or value are returned and counted, or refused; `clean` can drop them.
    delimiter, encoding, quote : str, default=None
        How the text is written; ``quote=""`` where quotes mean nothing.
    skip_lines : int, default=None
        Lines before the header; None looks for titles and blank lines.
    column_names : sequence of str, default=None
        Names of the columns of files without a header.
    sheet : str, default=None
        Sheet of a workbook; None takes the only one that holds anything.

    Returns
    -------
    log : frame
        customer_id (text), timestamp, value where there are amounts, order_id where it is named, and the columns kept, in
        the order of the files.
    report : ReadingReport
        ``describe()`` says what was understood; ``to_frame()`` gives it with the argument that pins each thing.

    Raises
    ------
    DataError
        With every fault: what is wrong, in how many rows, the first of them, and the cure.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "orders.csv"
    ...     _ = path.write_text("buyer;day;paid\\n007;31.01.2024;1.200,50 €\\n007;01.02.2024;20,00 €\\n")
    ...     log, report = read_log(path, customer_id="buyer", timestamp="day", value="paid")
    >>> log["value"].tolist()
    [1200.5, 20.0]
    >>> report.to_frame().set_index("what")["reading"].to_dict()["Times in 'day'"]
    '%d.%m.%Y, the day first'
    """
    request = ReadingRequest.read(
        {"customer_id": customer_id, "timestamp": timestamp, "value": value, "quantity": quantity, "price": price,
         "order_id": order_id},
        keep=keep, engine=engine, date_format=date_format, time_zone=time_zone, decimal=decimal, null_words=null_words,
        nulls=nulls, stated={"delimiter": delimiter, "encoding": encoding, "quote": quote, "skip_lines": skip_lines,
                "column_names": column_names, "sheet": sheet},
    )  # fmt: skip
    paths = files_named(path_or_paths)
    with ExitStack() as stack:
        scratch = stack.enter_context(scratch_folder())
        database = stack.enter_context(connected(scratch))
        files = [open_log_file(path, scratch, database, request.wanted, request.stated) for path in paths]
        check_log_columns(files, request.wanted)
        return LogReader(request, files, database).read()
