import datetime as dt

import pytest

from crmml.files.dates import DateReading, candidate_readings, is_iso, stated_sql, two_ways
from crmml.files.text_table import connected, literal


@pytest.mark.parametrize(
    ("text", "orders"),
    [
        ("1/2/2024", ["dmy", "mdy"]),
        ("01.02.2024 8:26", ["dmy", "mdy"]),
        ("01-02-24", ["dmy", "mdy", "ymd"]),
        ("2024/02/01", ["ymd"]),
        ("5-Jan-2024", ["dmy"]),
        ("January 5, 2024", ["mdy"]),
        ("20240201", ["ymd", "dmy", "mdy"]),
        ("soon", []),
        ("1/2/2024 99", []),
        ("1" * 10_000, []),
    ],
)
def test_the_orders_that_a_shape_allows(text, orders):
    assert [reading.order for reading in candidate_readings([text])] == orders


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("31/01/2024", dt.datetime(2024, 1, 31)),
        ("31/01/2024 8:26", dt.datetime(2024, 1, 31, 8, 26)),
        ("31/01/2024 08:26:11", dt.datetime(2024, 1, 31, 8, 26, 11)),
        ("31/01/2024 8:26 PM", dt.datetime(2024, 1, 31, 20, 26)),
        ("31-Jan-2024", dt.datetime(2024, 1, 31)),
        ("31 January 2024", dt.datetime(2024, 1, 31)),
        ("31.1.24", dt.datetime(2024, 1, 31)),
    ],
)
def test_a_reading_reads(text, moment, tmp_path):
    reading = candidate_readings([text])[0]
    with connected(tmp_path) as database:
        assert database.row(f"select {reading.sql(literal(text))}")[0] == moment
        assert database.row(f"select {reading.sql(literal('30/02/2024'))}")[0] is None
        assert database.row(f"select {reading.sql(literal('5/1/9'))}")[0] is None


def test_stated_formats(tmp_path):
    with connected(tmp_path) as database:
        for stated, text in [
            ("unix_s", "1706659200"),
            ("unix_ms", "1706659200000"),
            ("excel", "45322"),
            ("%Y%m%d", "20240131"),
        ]:
            assert database.row(f"select {stated_sql(stated, literal(text))}")[0] == dt.datetime(2024, 1, 31)
        assert database.row(f"select {stated_sql('unix_s', literal('soon'))}")[0] is None


def test_iso_is_known():
    assert is_iso(["2024-01-31", "2024-01-31T10:00:00Z"])
    assert not is_iso(["31/01/2024"])


def test_both_readings_are_shown():
    readings = [(DateReading(("%d/%m/%Y",), "dmy"), "2024-02-01"), (DateReading(("%m/%d/%Y",), "mdy"), "2024-01-02")]
    assert two_ways("day", 3, "01/02/2024", readings) == (
        "column 'day' can be read in two ways in all its 3 rows ('01/02/2024' is 2024-02-01 with the day first and 2024-01-02 with "
        "the month first); say date_format='%d/%m/%Y' or date_format='%m/%d/%Y'"
    )
