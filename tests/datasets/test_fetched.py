import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.datasets import fetch_online_retail, fetch_telco_churn
from crmml.datasets.fetched import ONLINE_RETAIL_COLUMNS


def test_another_file_is_refused(tmp_path):
    pd.DataFrame({"InvoiceNo": [1]}).to_parquet(tmp_path / "online_retail.parquet")
    with pytest.raises(DataError, match=r"SHA-256 is .* delete it and call again"):
        fetch_online_retail(tmp_path)


def test_what_upstream_must_hold(tmp_path, monkeypatch):
    frame = pd.DataFrame(dict.fromkeys(ONLINE_RETAIL_COLUMNS, np.arange(3)))
    monkeypatch.setattr("crmml.datasets.fetched._read_rda", lambda path: frame)
    monkeypatch.setenv("CRMML_DATA_HOME", str(tmp_path))
    (tmp_path / "onlineretail.rda").write_bytes(b"")
    with pytest.raises(DataError) as caught:
        fetch_online_retail()
    assert "it has 3 rows, not 541,909" in str(caught.value)
    assert "Quantity adds up to 3, not 5,176,450" in str(caught.value)
    monkeypatch.setattr("crmml.datasets.fetched._read_rda", lambda path: frame.drop(columns="Country"))
    with pytest.raises(DataError, match="column 'Country' is missing"):
        fetch_online_retail()


@pytest.mark.data
def test_online_retail():
    frame = fetch_online_retail()
    assert frame.shape == (541_909, 8)
    assert frame["CustomerID"].isna().sum() == 135_080
    assert frame["InvoiceDate"].min() == pd.Timestamp("2010-12-01 08:26:00")
    assert (frame["Quantity"] * frame["UnitPrice"]).sum() == pytest.approx(9_747_747.93, abs=0.01)


def test_another_telco_file_is_refused(tmp_path):
    (tmp_path / "Telco-Customer-Churn.csv").write_text("customerID,Churn\n1,No\n")
    with pytest.raises(DataError, match=r"Telco-Customer-Churn.csv cannot be used.*\n.*SHA-256 is .* delete it"):
        fetch_telco_churn(tmp_path)


@pytest.mark.data
def test_telco_churn():
    frame = fetch_telco_churn()
    assert frame.shape == (7043, 21)
    assert (frame["Churn"] == "Yes").sum() == 1869
    assert (frame["TotalCharges"].str.strip() == "").sum() == 11
