"""A random log, written in a random dialect, is read back equal. CRMML_EXAMPLES sets how many are tried."""

import csv
import gzip
import io
import os
import tempfile
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmml import DataError
from crmml.files import unguarded
from crmml.transactions import read_log

EXAMPLES = int(os.environ.get("CRMML_EXAMPLES", "60"))
TEXT = st.text("abcXYZ019 ,;|\t'\"._-äßé€中\n", min_size=1, max_size=12).map(str.strip)
# an apostrophe before a sign that begins formulas is a guard, which reading takes off; see test_reading_guards.py
IDS = TEXT.filter(lambda text: text and not text.endswith(".0") and unguarded(text) == text)
#: How a time is written: what is stated, what text it has, and to what it is cut.
TIMES = {
    "iso": (None, "%Y-%m-%d %H:%M:%S", "s"),
    "iso T": (None, "%Y-%m-%dT%H:%M:%S", "s"),
    "iso Z": (None, "%Y-%m-%dT%H:%M:%SZ", "s"),
    "iso day": (None, "%Y-%m-%d", "D"),
    "day first": ("%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M", "min"),
    "month first": ("%m/%d/%Y", "%m/%d/%Y", "D"),
    "day first, told": (None, "%d.%m.%Y %H:%M:%S", "s"),
    "two digits": ("%m/%d/%y", "%m/%d/%y", "D"),
    "month named": (None, "%d-%b-%Y %H:%M", "min"),
    "half days": ("%m/%d/%Y %I:%M %p", "%m/%d/%Y %I:%M %p", "min"),
    "year first": (None, "%Y/%m/%d %H:%M", "min"),
    "compact": ("%Y%m%d", "%Y%m%d", "D"),
}
MOMENTS = st.datetimes(pd.Timestamp("1990-01-01").to_pydatetime(), pd.Timestamp("2035-12-31").to_pydatetime())


def amount_text(cents, decimal, thousands, sign, minus):
    text = f"{abs(cents) / 100:,.2f}".replace(",", "\0").replace(".", decimal).replace("\0", thousands)
    text = f"{sign}{text}" if sign in ("$", "") else f"{text} {sign}"
    return text if cents >= 0 else f"({text})" if minus == "()" else f"{text}-" if minus == "behind" else f"-{text}"


@st.composite
def logs(draw):
    n = draw(st.integers(1, 6))
    return pd.DataFrame(
        {
            "who": draw(st.lists(IDS, min_size=n, max_size=n)),
            "when": draw(st.lists(MOMENTS, min_size=n, max_size=n)),
            "cents": draw(st.lists(st.integers(-500_000_00, 500_000_00), min_size=n, max_size=n)),
        }
    )


@st.composite
def dialects(draw):
    decimal = draw(st.sampled_from([".", ","]))
    other = "," if decimal == "." else "."
    return {
        "delimiter": draw(st.sampled_from([",", ";", "\t", "|"])),
        "quoting": draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC])),
        "newline": draw(st.sampled_from(["\n", "\r\n"])),
        "encoding": draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "gb18030"])),
        "packed": draw(st.booleans()),
        "title": draw(st.sampled_from(["", "Orders of March\n", "\n\n"])),
        "decimal": decimal,
        "thousands": draw(st.sampled_from(["", other, "'", "\u00a0"])),
        "sign": draw(st.sampled_from(["", "$", "€", "EUR"])),
        "minus": draw(st.sampled_from(["before", "behind", "()"])),
        "times": draw(st.sampled_from(sorted(TIMES))),
        "engine": draw(st.sampled_from(["pandas", "polars", "pyarrow", "duckdb"])),
        "trailing": draw(st.booleans()),
    }


def written(log, dialect, path):
    out = io.StringIO()
    writer = csv.writer(
        out, delimiter=dialect["delimiter"], quoting=dialect["quoting"], lineterminator=dialect["newline"]
    )
    writer.writerow(["who", "when", "paid", "note"])
    pattern = TIMES[dialect["times"]][1]
    for row in log.itertuples():
        paid = amount_text(row.cents, dialect["decimal"], dialect["thousands"], dialect["sign"], dialect["minus"])
        writer.writerow([row.who, row.when.strftime(pattern), paid, "x"])
    text = dialect["title"].replace("\n", dialect["newline"]) + out.getvalue()
    if dialect["trailing"] and "\n" not in "".join(log["who"]):
        head, rest = text[: text.index("note") + 10], text[text.index("note") + 10 :]
        text = head + rest.replace(f"x{dialect['newline']}", f"x{dialect['delimiter']}{dialect['newline']}")
    data = text.encode(dialect["encoding"])
    path.write_bytes(gzip.compress(data) if dialect["packed"] else data)


def _fits_twice(moments):
    return all(moment.day <= 12 for moment in moments) and any(moment.day != moment.month for moment in moments)


def as_rows(log, engine):
    if engine == "duckdb":
        return log.fetchall()
    if engine == "polars":
        return log.rows()
    frame = log.to_pandas() if engine == "pyarrow" else log
    return list(frame.itertuples(index=False, name=None))


@given(logs(), dialects())
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_log_in_any_dialect_is_read_back_equal(log, dialect):
    pytest.importorskip("polars")
    stated, _, unit = TIMES[dialect["times"]]
    arguments = {"date_format": stated, "decimal": dialect["decimal"], "engine": dialect["engine"]}
    if dialect["encoding"] == "gb18030":
        arguments["encoding"] = "gb18030"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.csv"
        written(log, dialect, path)
        if dialect["times"] == "day first, told" and _fits_twice(log["when"]):
            with pytest.raises(DataError, match="can be read in two ways"):  # the content cannot tell
                read_log(path, customer_id="who", timestamp="when", value="paid", **arguments)
            return
        read, _ = read_log(path, customer_id="who", timestamp="when", value="paid", **arguments)
    rows = as_rows(read, dialect["engine"])
    assert [row[0] for row in rows] == log["who"].tolist()
    expected = log["when"].dt.floor(unit)
    assert [pd.Timestamp(row[1]) for row in rows] == expected.tolist()
    assert [round(100 * row[2]) for row in rows] == log["cents"].tolist()
