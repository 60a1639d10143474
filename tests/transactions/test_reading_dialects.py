"""One log, written in every way that shops, spreadsheets and databases write one: read right, or refused in words."""

import bz2
import gzip
import io
import lzma
import zipfile
from decimal import Decimal

import pandas as pd
import pyarrow as pa
import pytest

from crmml import DataError
from crmml.transactions import read_log

HEADER = "customer_id,timestamp,amount\n"
ROWS = "A1,2024-01-25,10.50\nA1,2024-02-16,20\nB2,2024-03-17,30\n"
PLAIN = HEADER + ROWS
LOG = [("A1", "2024-01-25", 10.5), ("A1", "2024-02-16", 20.0), ("B2", "2024-03-17", 30.0)]
ENGINES = ("pandas", "polars", "pyarrow", "duckdb")


def amounts(*texts, delimiter=";"):
    """The log with other texts for its amounts."""
    rows = zip(LOG, texts, strict=True)
    return f"customer_id{delimiter}timestamp{delimiter}amount\n" + "".join(
        f"{customer}{delimiter}{day}{delimiter}{text}\n" for (customer, day, _), text in rows
    )


def dates(*texts):
    """The log with other texts for its times."""
    return HEADER + "".join(f'{row[0]},"{text}",{row[2]}\n' for row, text in zip(LOG, texts, strict=True))


def worth(*values):
    """The log with other amounts."""
    return [(row[0], row[1], value) for row, value in zip(LOG, values, strict=True)]


def at(*times):
    """The log with other times."""
    return [(row[0], time, row[2]) for row, time in zip(LOG, times, strict=True)]


def ids(*names):
    """The log with other customers."""
    return [(name, *row[1:]) for row, name in zip(LOG, names, strict=True)]


def named(*names):
    """The file with other texts for its customers."""
    return HEADER + "".join(f"{name},{row[1]},{row[2]}\n" for row, name in zip(LOG, names, strict=True))


def zipped(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return out.getvalue()


def in_a_book(rows):
    openpyxl = pytest.importorskip("openpyxl")
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(out)
    return out.getvalue()


def in_parquet(**columns):
    out = io.BytesIO()
    pd.DataFrame(columns).to_parquet(out)
    return out.getvalue()


HOURS = at("2024-01-25 14:05", "2024-02-16 00:00", "2024-03-17 23:59:58")
MINUTES = at("2024-01-25 14:05", "2024-02-16 00:00", "2024-03-17 23:59")
GREEK = ids("Müller", "Müller", "Čapek")
DAYS = pd.to_datetime([row[1] for row in LOG])

#: name of the variant -> (body, what is expected: a log, or the words of the refusal; arguments; ending of the file)
RIGHT = {
    "plain": (PLAIN, LOG),
    "semicolon": (PLAIN.replace(",", ";"), LOG),
    "tab": (PLAIN.replace(",", "\t"), LOG, {}, ".tsv"),
    "pipe": (PLAIN.replace(",", "|"), LOG, {}, ".txt"),
    "caret": (PLAIN.replace(",", "^"), LOG),
    "tilde": (PLAIN.replace(",", "~"), LOG),
    "blanks of several": (PLAIN.replace(",", "   "), LOG, {"delimiter": " "}, ".txt"),
    "byte order mark": (b"\xef\xbb\xbf" + PLAIN.encode(), LOG),
    "byte order mark and quotes": (b'\xef\xbb\xbf"customer_id","timestamp","amount"\n' + ROWS.encode(), LOG),
    "utf-16": (PLAIN.encode("utf-16"), LOG),
    "utf-16 without mark": (PLAIN.encode("utf-16-le"), LOG),
    "utf-32": (PLAIN.encode("utf-32"), LOG),
    "upper ending": (PLAIN, LOG, {}, ".CSV"),
    "no ending": (PLAIN, LOG, {}, ""),
    "name with signs": (PLAIN, LOG, {}, " [1] 'a' {x}*.csv"),
    "decimal comma": (amounts("10,50", "20,00", "30,00"), LOG),
    "thousands in points": (amounts("1.010,50", "20,00", "1.234.567,00"), worth(1010.5, 20, 1234567)),
    "thousands in commas": (amounts("1,010.50", "20.00", "1,234,567.00"), worth(1010.5, 20, 1234567)),
    "thousands in commas, quoted": (amounts('"1,010.50"', "20", "30.00", delimiter=","), worth(1010.5, 20, 30)),
    "apostrophes": (amounts("1'010.50", "20.00", "1'234'567.00"), worth(1010.5, 20, 1234567)),
    "curly apostrophes": (amounts("1’010.50", "20.00", "1’234’567.00"), worth(1010.5, 20, 1234567)),
    "unbreakable blanks": (amounts("1\u00a0010,50", "20,00", "1\u202f234\u202f567,00"), worth(1010.5, 20, 1234567)),
    "euro before": (amounts("€10.50", "€ 20.00", "€30.00"), LOG),
    "euro behind": (amounts("10,50 €", "20,00 €", "30,00\u00a0€"), LOG),
    "dollar": (amounts("$10.50", "$20.00", "$1,030.00"), worth(10.5, 20, 1030)),
    "codes": (amounts("EUR 10.50", "20.00 EUR", "30.00EUR"), LOG),
    "brackets": (amounts("(10.50)", "20.00", "(30.00)"), worth(-10.5, 20, -30)),
    "minus behind": (amounts("10.50-", "20.00", "30.00-"), worth(-10.5, 20, -30)),
    "true minus": (amounts("−10.50", "20.00", "-30.00"), worth(-10.5, 20, -30)),
    "minus and sign": (amounts("-€10.50", "€20.00", "€-30.00"), worth(-10.5, 20, -30)),
    "either mark stated": (amounts("1.500", "2.000", "3.250"), worth(1500, 2000, 3250), {"decimal": ","}),
    "either mark stated, point": (amounts("1.500", "2.000", "3.250"), worth(1.5, 2, 3.25), {"decimal": "."}),
    "exponents": (amounts("1.05e1", "2E1", "30.0"), LOG),
    "missing amount": (amounts("10.50", "", "30.00"), worth(10.5, None, 30)),
    "missing amount in words": (amounts("10.50", "NA", "NULL"), worth(10.5, None, None)),
    "d/m/yyyy": (dates("25/1/2024", "16/2/2024", "17/3/2024"), LOG),
    "m/d/yyyy h:mm": (dates("1/25/2024 14:05", "2/16/2024 0:00", "3/17/2024 23:59"), MINUTES),
    "dd-mm-yyyy": (dates("25-01-2024", "16-02-2024", "17-03-2024"), LOG),
    "mm/dd/yy": (dates("01/25/24", "02/16/24", "03/17/24"), LOG, {"date_format": "%m/%d/%y"}),
    "dd.mm.yyyy hh:mm": (dates("25.01.2024 14:05", "16.02.2024 00:00", "17.03.2024 23:59"), MINUTES),
    "dd.mm.yyyy hh:mm:ss": (dates("25.01.2024 14:05:00", "16.02.2024 00:00:00", "17.03.2024 23:59:58"), HOURS),
    "midnights without a clock": (dates("25.01.2024 14:05:00", "16.02.2024", "17.03.2024 23:59:58"), HOURS),
    "yyyy/mm/dd": (dates("2024/01/25", "2024/02/16", "2024/03/17"), LOG),
    "yyyymmdd": (dates("20240125", "20240216", "20240317"), LOG),
    "5-Jan-2024": (dates("25-Jan-2024", "16-Feb-2024", "17-Mar-2024"), LOG),
    "25 January 2024": (dates("25 January 2024", "16 February 2024", "17 March 2024"), LOG),
    "January 25, 2024": (dates("January 25, 2024", "February 16, 2024", "March 17, 2024"), LOG),
    "am and pm": (dates("1/25/2024 2:05 PM", "2/16/2024 12:00 AM", "3/17/2024 11:59 PM"), MINUTES),
    "am and pm with seconds": (
        dates("01/25/2024 02:05:00 pm", "02/16/2024 12:00:00 am", "03/17/2024 11:59:58 pm"),
        HOURS,
    ),
    "ISO with T": (dates("2024-01-25T14:05:00", "2024-02-16T00:00:00", "2024-03-17T23:59:58"), HOURS),
    "ISO with milliseconds": (dates("2024-01-25 14:05:00.000", "2024-02-16", "2024-03-17 23:59:58.000"), HOURS),
    "unix_s": (dates(1706191500, 1708041600, 1710719998), HOURS, {"date_format": "unix_s"}),
    "unix_s with .0": (dates(1706191500.0, 1708041600.0, 1710719998.0), HOURS, {"date_format": "unix_s"}),
    "unix_ms": (dates(1706191500000, 1708041600000, 1710719998000), HOURS, {"date_format": "unix_ms"}),
    "excel serials": (dates("45316.5868055556", "45338", "45368.9999768519"), HOURS, {"date_format": "excel"}),
    "stated format": (dates("2024y01m25", "2024y02m16", "2024y03m17"), LOG, {"date_format": "%Yy%mm%d"}),
    "cp437": (named("Müller", "Müller", "Été").encode("cp437"), ids("Müller", "Müller", "Été"), {"encoding": "cp437"}),
    "cp1252": (amounts("€10.50", "€20.00", "€30.00").encode("cp1252"), LOG, {"encoding": "cp1252"}),
    "cp1250": (named("Müller", "Müller", "Čapek").encode("cp1250"), GREEK, {"encoding": "cp1250"}),
    "latin-1": (named("Müller", "Müller", "B2").encode("latin-1"), ids("Müller", "Müller", "B2"), {"encoding": "latin-1"}),
    "gb18030": (named("王", "王", "李").encode("gb18030"), ids("王", "王", "李"), {"encoding": "gb18030"}),
    "shift_jis": (named("田中", "田中", "ソ").encode("shift_jis"), ids("田中", "田中", "ソ"), {"encoding": "shift_jis"}),
    "unicode": (named("Müller", "Müller", "Čapek"), GREEK),
    "gzip": (gzip.compress(PLAIN.encode()), LOG, {}, ".csv.gz"),
    "gzip without ending": (gzip.compress(PLAIN.encode()), LOG),
    "gzip in utf-16": (gzip.compress(PLAIN.encode("utf-16")), LOG, {}, ".csv.gz"),
    "bz2": (bz2.compress(PLAIN.encode()), LOG, {}, ".csv.bz2"),
    "xz": (lzma.compress(PLAIN.encode()), LOG, {}, ".csv.xz"),
    "zstd": (pa.Codec("zstd").compress(PLAIN.encode(), asbytes=True), LOG, {}, ".csv.zst"),
    "zip": (zipped(**{"log.csv": PLAIN}), LOG, {}, ".zip"),
    "parquet": (in_parquet(customer_id=["A1", "A1", "B2"], timestamp=DAYS, amount=[10.5, 20, 30]), LOG, {}, ".parquet"),
    "parquet with texts": (
        in_parquet(customer_id=[1, 1, 20], timestamp=["25.01.2024", "16.02.2024", "17.03.2024"], amount=[10.5, 20, 30]),
        ids("1", "1", "20"),
        {},
        ".parquet",
    ),
    "parquet with a gap in the ids": (
        in_parquet(customer_id=[17850.0, None, 20.0], timestamp=DAYS, amount=[10.5, 20, 30]),
        ids("17850", None, "20"),
        {},
        ".parquet",
    ),
    "parquet with a zone": (
        in_parquet(customer_id=["A1", "A1", "B2"], timestamp=DAYS.tz_localize("Europe/Vienna"), amount=[10.5, 20, 30]),
        LOG,
        {},
        ".parquet",
    ),
    "parquet with decimals": (
        in_parquet(customer_id=["A1", "A1", "B2"], timestamp=DAYS.date, amount=[Decimal("10.50"), Decimal(20), Decimal(30)]),
        LOG,
        {},
        ".parquet",
    ),
    "quoted": ('"' + PLAIN.strip().replace(",", '","').replace("\n", '"\n"') + '"\n', LOG),
    "single quotes": ("'" + PLAIN.strip().replace(",", "','").replace("\n", "'\n'") + "'\n", LOG),
    "delimiter in quotes": (named('"Smith, J"', '"Smith, J"', "B2"), ids("Smith, J", "Smith, J", "B2")),
    "doubled quotes": (named('"a ""b"" c"', '"a ""b"" c"', "B2"), ids('a "b" c', 'a "b" c', "B2")),
    "backslash quotes": (named('"a \\"b\\", c"', '"a \\"b\\", c"', "B2"), ids('a "b", c', 'a "b", c', "B2")),
    "newline in quotes": (named('"a\nb"', '"a\nb"', "B2"), ids("a\nb", "a\nb", "B2")),
    "quotes that mean nothing": (named('5" nail', '5" nail', '"'), ids('5" nail', '5" nail', '"'), {"quote": ""}),
    "apostrophe in a name": (named("O'Neil", "O'Neil", "'t Hooft"), ids("O'Neil", "O'Neil", "'t Hooft")),
    "title line": ("Orders of March,,\n" + PLAIN, LOG),
    "title lines and blanks": ("Orders of March\n\nBranch 7\n" + PLAIN, LOG),
    "title that is quoted": ('"Orders\nof March"\n' + PLAIN, LOG),
    "skip_lines": ("# one\n# two\n" + PLAIN, LOG, {"skip_lines": 2}),
    "sep= line": ("sep=,\n" + PLAIN, LOG),
    "sep= semicolon": ("sep=;\n" + PLAIN.replace(",", ";"), LOG),
    "header repeated": (PLAIN.replace("B2", "customer_id,timestamp,amount\nB2"), LOG),
    "column_names": (ROWS, LOG, {"column_names": ["customer_id", "timestamp", "amount"]}),
    "blank lines": (PLAIN.replace("\n", "\n\n"), LOG),
    "blank lines before": ("\n\n" + PLAIN, LOG),
    "no last line end": (PLAIN.rstrip(), LOG),
    "CRLF": (PLAIN.replace("\n", "\r\n"), LOG),
    "CR": (PLAIN.replace("\n", "\r"), LOG),
    "mixed line ends": (HEADER + ROWS.replace("\n", "\r\n", 2), LOG),
    "trailing delimiter everywhere": (PLAIN.replace("\n", ",\n"), LOG),
    "trailing delimiter in rows alone": (HEADER + ROWS.replace("\n", ",\n"), LOG),
    "trailing delimiter in one row": (PLAIN.replace("10.50", "10.50,"), LOG),
    "two trailing delimiters": (HEADER + ROWS.replace("\n", ",,\n"), LOG),
    "columns aligned by blanks": (
        "   A1 20240125  10.50\n  A1  20240216 20\n'B 2' 20240317   30.00 \n".replace("'", '"'),
        ids("A1", "A1", "B 2"),
        {"delimiter": " ", "column_names": ["customer_id", "timestamp", "amount"]},
        ".txt",
    ),
    "titles above columns aligned by blanks": (
        "Orders of March\n" + PLAIN.replace(",", "    "), LOG, {"delimiter": " "}, ".txt"),
    "unix_s with fractions": (
        dates("1706191500.25", "1708041600", "1710719998.5"),
        at("2024-01-25 14:05:00.25", "2024-02-16", "2024-03-17 23:59:58.5"),
        {"date_format": "unix_s"},
    ),
    "trailing delimiter in the first row": (PLAIN.replace("amount", "amount,"), LOG),
    "blanks behind delimiters": (PLAIN.replace(",", ", "), LOG),
    "blanks around quotes": ('customer_id, timestamp, amount\n"A1", "2024-01-25", "10.50"\n' + ROWS.split("\n", 1)[1], LOG),
    "blanks in the header": ("customer_id , timestamp\t, amount \n" + ROWS, LOG),
    "ids with zeros": (named("00123", "00123", "123"), ids("00123", "00123", "123")),
    "ids with .0": (named("17850.0", "17850.0", "13047.0"), ids("17850", "17850", "13047")),
    "ids with points": (named("1.5", "1.5", "A.0"), ids("1.5", "1.5", "A.0")),
    "long ids": (named("9007199254740993", "9007199254740993", "1e5"), ids("9007199254740993", "9007199254740993", "1e5")),
    "words as ids": (named("NA", "null", "None"), ids("NA", "null", "None")),
    "words that are nobody": (named("NULL", "A1", "\\N"), ids(None, "A1", None), {"null_words": ["NULL", "\\N"]}),
    "blank ids": (named("", "  ", '""'), ids(None, None, None)),
    "blanks around ids": (named(" A1", "A1\t", "\u00a0B2 "), ids("A1", "A1", "B2")),
    "formulas": (named("=cmd()", "=cmd()", "@x"), ids("=cmd()", "=cmd()", "@x")),
    "total row, whose time is missing": (PLAIN + "Total,,60.50\n", [*LOG, ("Total", None, 60.5)]),
    "one row": (HEADER + "A1,2024-01-25,10.50\n", LOG[:1]),
    "other columns": (PLAIN.replace("\n", ",x;y\n").replace("x;y", "note", 1), LOG),
    "two columns of blank names": (PLAIN.replace("\n", ",1,2\n").replace("1,2\n", ",\n", 1), LOG),
    "order of columns": ("amount,customer_id,timestamp\n10.5,A1,2024-01-25\n20,A1,2024-02-16\n30,B2,2024-03-17\n", LOG),
}  # fmt: skip

REFUSED = {
    "empty": (b"", "is empty"),
    "blanks alone": ("\n\n  \n", "is empty"),
    "wrong workbook": (b"PK\x03\x04xx", "begins as a workbook or archive", {}, ".xlsx"),
    "workbook named csv": (b"PK\x03\x04\x14\x00\x06\x00\x08\x00", "begins as a workbook or archive"),
    "web page": ("<!DOCTYPE html><table></table>", "is a web page"),
    "text named parquet": (PLAIN, "cannot be read as Parquet", {}, ".parquet"),
    "half a parquet": (RIGHT["parquet"][0][:-20], "cannot be read as Parquet", {}, ".parquet"),
    "half a gzip": (gzip.compress(PLAIN.encode())[:-12], "cannot be unpacked|cannot be read"),
    "zip of two": (zipped(**{"a.csv": PLAIN, "b.csv": PLAIN}), "archive of 2 files"),
    "NUL bytes": (PLAIN.replace("B2", "B\x002"), "NUL byte"),
    "latin-1 unstated": (named("Müller", "Müller", "B2").encode("latin-1"), "not in UTF-8.*'Müller' in encoding="),
    "gb18030 unstated": (named("王小明", "王小明", "李四").encode("gb18030"), "not in UTF-8"),
    "utf-8 stated, is none": (named("Müller", "Müller", "B2").encode("latin-1"), "not in UTF-8", {"encoding": "utf-8"}),
    "unknown encoding": (PLAIN, "encoding='utf-99' is not known", {"encoding": "utf-99"}),
    "no header": (ROWS, "name the columns with column_names="),
    "another header": (PLAIN.replace("customer_id", "buyer"), "customer_id"),
    "header in other case": (PLAIN.replace("customer_id", "Customer_ID"), "Customer_ID"),
    "named twice": (PLAIN.replace("amount", "timestamp"), "'timestamp' more than once"),
    "milliseconds stated as seconds": (dates(1706191500000, 1708041600000, 1), "unix_s in 2 rows", {"date_format": "unix_s"}),
    "microseconds stated as seconds": (dates(17061915000000000, 1, 1), "unix_s in 1 row ", {"date_format": "unix_s"}),
    "a line of 3 MB": (PLAIN + "x" * 3_000_000 + ",2024-01-25,10.5\n", "a row longer than 2,000,000 bytes"),
    "a header of 1 MB": ("x" * 1_000_000 + ",timestamp,amount\n" + ROWS, "does not begin as a table"),
    "a row of 100,000 fields": (PLAIN + "B,2024-01-25," + "1," * 100_000 + "1\n", "cannot be read as a table"),
    "blanks part the columns": (PLAIN.replace(",", " "), "customer_id"),
    "blanks part the columns, no header": (
        ROWS.replace(",", " "),
        "say delimiter=, for instance ' '",
        {"column_names": ["customer_id", "timestamp", "amount"]},
    ),
    "extra field": (PLAIN + "C3,2024-03-18,7,oops\n", "1 row with more fields.*line 5 has 4"),
    "short row": (PLAIN + "C3,2024-03-18\n", "1 row with fewer fields.*line 5 has 2"),
    "delimiter in a name": (PLAIN.replace("B2", "Smith, John"), "1 row with more fields.*line 4 has 4"),
    "open quote": (PLAIN.replace("B2", '"B2'), "quote"),
    "either mark": (amounts("1.500", "2.000", "3.250"), "decimal="),
    "mixed marks": (amounts("1,50", "2.25", "3,75"), "amount"),
    "mixed currencies": (amounts("€1.50", "$2.25", "€3.75"), "mixes currencies"),
    "word among amounts": (amounts("1.50", "free", "3.75"), "free"),
    "hexadecimal": (amounts("1.50", "0x10", "3.75"), "0x10"),
    "endless amount": (amounts("1.50", "inf", "3.75"), "inf"),
    "either order": (dates("1/5/2024", "2/6/2024", "3/7/2024"), "two ways.*date_format='%d/%m/%Y' or date_format='%m/%d/%Y'"),
    "two digits all ways": (dates("01/05/24", "02/06/24", "03/07/24"), "(two|three) ways"),
    "mixed orders": (dates("25/1/2024", "2/16/2024", "17/3/2024"), "mixes ways|cannot be read"),
    "no such day": (dates("30/2/2024", "16/2/2024", "17/3/2024"), "30/2/2024"),
    "no such ISO day": (dates("2024-02-30", "2024-02-16", "2024-03-17"), "2024-02-30"),
    "seconds unstated": (dates(1706191500, 1708041600, 1710719998), "say date_format='unix_s'"),
    "words as days": (dates("yesterday", "today", "tomorrow"), "cannot be read as dates"),
    "year alone": (dates("2024", "2024", "2023"), "could be anything"),
    "stated format that does not fit": (PLAIN, "cannot be read as %d/%m/%Y in 3 rows", {"date_format": "%d/%m/%Y"}),
    "zone stated, none there": (PLAIN, "carry none", {"time_zone": "Europe/Vienna"}),
    "too many lines skipped": (PLAIN, "has only|is empty", {"skip_lines": 90}),
}  # fmt: skip


def read(tmp_path, body, engine, arguments=None, ending=".csv", name="log"):
    path = tmp_path / f"{name}{ending}"
    path.write_bytes(body if isinstance(body, bytes) else body.encode())
    log, report = read_log(path, value="amount", engine=engine, **(arguments or {}))
    return rows_of(log), report


def rows_of(log):
    """The rows of a log of any engine, times as ISO texts, what is missing as None."""
    library = type(log).__module__.split(".")[0].strip("_")
    if library == "pandas":
        rows = list(log.itertuples(index=False, name=None))
    elif library == "polars":
        rows = log.rows()
    elif library == "pyarrow":
        rows = list(zip(*(column.to_pylist() for column in log.columns), strict=True))
    else:
        rows = log.fetchall()
    return [tuple(None if pd.isna(cell) else cell for cell in row) for row in rows]


def expected_rows(rows):
    return [(customer, pd.Timestamp(time) if time else None, value) for customer, time, value in rows]


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("variant", RIGHT)
def test_every_way_to_write_a_log_is_read_right(variant, kind, tmp_path):
    body, expected, *rest = RIGHT[variant]
    assert read(tmp_path, body, kind, *rest)[0] == expected_rows(expected)


@pytest.mark.parametrize("kind", ENGINES)
@pytest.mark.parametrize("variant", REFUSED)
def test_what_cannot_be_read_is_refused_in_words(variant, kind, tmp_path):
    body, words, *rest = REFUSED[variant]
    with pytest.raises(DataError, match=f"(?s){words}"):
        read(tmp_path, body, kind, *rest)
