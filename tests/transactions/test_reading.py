import pandas as pd
import pytest

from crmml import DataError
from crmml.transactions import read_log

PLAIN = "customer_id,timestamp,amount\nA1,2024-01-05,10.50\nA1,2024-02-06,20\nB2,2024-03-07,30\n"


@pytest.fixture
def written(tmp_path):
    def write(text, name="log.csv"):
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_day_and_month_are_told_by_the_whole_column(written):
    rows = "".join(f"A,{i % 12 + 1}/{i % 11 + 1}/2024\n" for i in range(30_000))
    log, _ = read_log(written("customer_id,timestamp\n" + rows + "A,1/13/2024\n"))
    assert log["timestamp"].iloc[-1] == pd.Timestamp("2024-01-13")
    with pytest.raises(
        DataError, match=r"can be read in two ways in all its 30,000 rows .* say date_format='%d/%m/%Y' or"
    ):
        read_log(written("customer_id,timestamp\n" + rows))
    log, _ = read_log(written("customer_id,timestamp\n" + rows), date_format="%d/%m/%Y")
    assert log["timestamp"].iloc[1] == pd.Timestamp("2024-02-02")
    with pytest.raises(DataError, match=r"mixes ways to write a day|cannot be read as"):
        read_log(written("customer_id,timestamp\n" + rows + "A,1/13/2024\nA,13/1/2024\n"))


def test_every_fault_is_in_one_message(written):
    text = "customer_id,timestamp,amount\nA,31/12/2024,x\nB,2024,5\nC,30/12/2024,5\n"
    with pytest.raises(DataError) as error:
        read_log(written(text), value="amount")
    assert len(error.value.faults) == 2


def test_value_is_the_product_of_quantity_and_price(written):
    log, _ = read_log(
        written("customer_id,timestamp,n,p\nA,2024-01-05,3,1.5\nA,2024-01-06,-1,2.25\n"), quantity="n", price="p"
    )
    assert log["value"].tolist() == [4.5, -2.25]


def test_order_lines_become_orders(written):
    text = "customer_id,timestamp,amount,order\n7.0,2024-01-05 10:00,1.5,o1\n7,2024-01-05 09:00,2,o1\n8,2024-01-06,3.25,o2\n"
    log, report = read_log(written(text), value="amount", order_id="order")
    assert log.to_dict("list") == {
        "customer_id": ["7", "8"],
        "timestamp": [pd.Timestamp("2024-01-05 09:00"), pd.Timestamp("2024-01-06")],
        "value": [3.5, 3.25],
        "order_id": ["o1", "o2"],
    }
    assert (report.lines, report.rows) == (3, 2)
    with pytest.raises(DataError, match="column 'order' is missing in 1 of 2 rows"):
        read_log(written("customer_id,timestamp,order\nA,2024-01-05,\nA,2024-01-05,o\n"), order_id="order")


def test_folders_and_patterns_are_laid_under_each_other(written, tmp_path):
    written(PLAIN, "1.csv")
    written(PLAIN.replace(",", ";"), "2.csv")
    (tmp_path / "3.md").write_text("notes")
    by_folder, report = read_log(tmp_path, value="amount")
    assert len(by_folder) == 6
    assert report.files == ("1.csv", "2.csv")
    assert len(read_log(tmp_path / "*.csv")[0]) == 6
    written("customer_id,day\nA,2024-01-05\n", "4.csv")
    with pytest.raises(DataError, match=r"4\.csv"):
        read_log(tmp_path)


def test_zones(written):
    text = "customer_id,timestamp\nA,2024-01-05T23:30:00Z\nA,2024-07-05T23:30:00Z\n"
    assert read_log(written(text))[0]["timestamp"].tolist() == [
        pd.Timestamp("2024-01-05 23:30"),
        pd.Timestamp("2024-07-05 23:30"),
    ]
    log, _ = read_log(written(text), time_zone="Europe/Vienna")
    assert log["timestamp"].tolist() == [pd.Timestamp("2024-01-06 00:30"), pd.Timestamp("2024-07-06 01:30")]
    with pytest.raises(DataError, match="carry none: leave it out"):
        read_log(written(PLAIN), time_zone="Europe/Vienna")


def test_one_zone_throughout_is_read_at_once_and_others_are_seen_in_the_last_row(written):
    rows = "".join(f"A,2024-01-05T23:{i % 60:02d}:00+01:00\n" for i in range(30_000))
    log, _ = read_log(written("customer_id,timestamp\n" + rows + ",\n"))
    assert log["timestamp"].iloc[[1, -1]].tolist() == [pd.Timestamp("2024-01-05 23:01"), pd.NaT]
    summer, _ = read_log(written("customer_id,timestamp\n" + rows + "A,2024-07-05T23:30:00+02:00\n"))
    assert summer["timestamp"].iloc[-1] == pd.Timestamp("2024-07-05 23:30")
    for last, said in [
        ("2024-01-05T23:30:00", "mixes times with a zone"),
        ("2024-01-05T23:30:00Z", None),
        ("2024-01-05T23:30:00+09:00", "more than an hour apart"),
        ("2024-01-05T23:30:60+01:00", "cannot be read as a date in 1 of 30,001 rows"),
        ("2024-01-05T24:00:00+01:00", "cannot be read as a date in 1 of 30,001 rows"),
        ("2023-02-29T23:30:00+01:00", "cannot be read as a date in 1 of 30,001 rows"),
    ]:
        path = written(f"customer_id,timestamp\n{rows}A,{last}\n")
        if said is None:
            assert len(read_log(path)[0]) == 30_001
            continue
        with pytest.raises(DataError, match=said):
            read_log(path)


@pytest.mark.parametrize("kind", ["pandas", "polars", "pyarrow", "duckdb"])
def test_the_frame_is_of_the_engine_that_was_asked_for(kind, written):
    pytest.importorskip(kind)
    log, _ = read_log(written(PLAIN), value="amount", engine=kind)
    assert type(log).__module__.split(".")[0].strip("_") in (kind, "duckdb")
    rows = log.fetchall() if kind == "duckdb" else log.rows() if kind == "polars" else None
    if rows is not None:
        assert [row[2] for row in rows] == [10.5, 20, 30]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"engine": "excel"}, "engine='excel' is not known"),
        ({"decimal": ";"}, "decimal=';' is not known"),
        ({"quantity": "amount"}, "name both"),
        ({"value": "amount", "quantity": "a", "price": "b"}, "two ways to the value"),
        ({"date_format": "dd/mm"}, "must be a format such as"),
        ({"time_zone": "Mars/Base"}, "is not known"),
        ({"delimiter": "ab"}, "must be one character"),
        ({"skip_lines": -1}, "skip_lines=-1"),
        ({"value": "timestamp"}, "more than one purpose"),
        ({"keep": ["amount"], "value": "amount"}, "is read already"),
        ({"sheet": "a"}, "is not a workbook"),
    ],
)
def test_arguments_that_cannot_be_are_refused(arguments, said, written):
    with pytest.raises(DataError, match=said):
        read_log(written(PLAIN), **arguments)


def test_parquet_is_read_by_its_own_types(tmp_path):
    frame = pd.DataFrame(
        {
            "customer_id": [17850, 17850],
            "timestamp": pd.to_datetime(["2024-01-05 23:30", "2024-01-06 00:00"]).tz_localize("Europe/Vienna"),
            "amount": [1.5, None],
        }
    )
    frame.to_parquet(tmp_path / "log.parquet")
    log, report = read_log(tmp_path / "log.parquet", value="amount")
    assert log["customer_id"].tolist() == ["17850", "17850"]
    assert log["timestamp"].iloc[0] == pd.Timestamp("2024-01-05 23:30")
    assert report.missing["value"] == 1
