import pandas as pd
import pytest

from crmml import DataError
from experiments.sources import ONLINE_RETAIL, at_hand, online_retail_invoices, online_retail_lines, read, read_log


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_any_usual_separator(tmp_path, separator):
    table = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    table.to_csv(tmp_path / "t.csv", sep=separator, index=False)
    pd.testing.assert_frame_equal(read(tmp_path / "t.csv"), table)
    with pytest.raises(DataError, match="there is no file"):
        read(tmp_path / "gone.csv")


def test_a_log_with_other_names(tmp_path):
    table = pd.DataFrame({"who": [1], "when": ["2024-01-31"], "paid": [3.5], "more": ["x"]})
    table.to_parquet(tmp_path / "t.parquet")
    log = read_log(tmp_path / "t.parquet", "who", "when", "paid")
    assert log.columns.tolist() == ["customer_id", "timestamp", "value"]
    assert log["timestamp"].tolist() == [pd.Timestamp("2024-01-31")]
    assert read_log(tmp_path / "t.parquet", "who", "when", None).columns.tolist() == ["customer_id", "timestamp"]
    with pytest.raises(DataError, match="there is no column 'amount'; there are who, when, paid, more"):
        read_log(tmp_path / "t.parquet", "who", "when", "amount")


def test_what_is_not_at_hand(monkeypatch, tmp_path):
    monkeypatch.delenv("CRMML_DATA_HOME", raising=False)
    assert not at_hand(*ONLINE_RETAIL)
    monkeypatch.setenv("CRMML_DATA_HOME", str(tmp_path))
    assert not at_hand(*ONLINE_RETAIL)
    (tmp_path / ONLINE_RETAIL[0]).touch()
    assert at_hand(*ONLINE_RETAIL)


def test_lines_and_invoices_of_online_retail():
    items = pd.DataFrame(
        {
            "InvoiceNo": ["1", "1", "C2", "3", "4"],
            "Quantity": [2, 1, -1, 1, 1],
            "UnitPrice": [1.5, 2.0, 1.0, 0.0, 5.0],
            "CustomerID": pd.array([7, 7, 7, 7, None], dtype="Int64"),
            "InvoiceDate": pd.to_datetime(["2011-01-01 10:00"] * 5),
        }
    )
    assert online_retail_lines(items)["value"].tolist() == [3.0, 2.0]
    invoices = online_retail_invoices(items)
    assert invoices.to_dict("list") == {
        "customer_id": [7],
        "timestamp": [pd.Timestamp("2011-01-01 10:00")],
        "value": [5.0],
    }
