import sys
from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.datasets import CompleteJourney, fetch_complete_journey, fetch_hillstrom, fetched_campaigns
from crmml.datasets.fetched_campaigns import COMPLETE_JOURNEY_TABLES


def test_another_file_is_refused(tmp_path):
    (tmp_path / "hillstrom.csv").write_text("recency,visit\n1,0\n")
    with pytest.raises(DataError, match=r"hillstrom.csv cannot be used.*\n.*SHA-256 is .* delete it and call again"):
        fetch_hillstrom(tmp_path)
    (tmp_path / "completejourney").mkdir()
    pd.DataFrame({"campaign_id": ["1"]}).to_parquet(tmp_path / "completejourney" / "campaigns.parquet")
    with pytest.raises(DataError, match=r"campaigns.parquet cannot be used.*\n.*SHA-256 is"):
        fetch_complete_journey(tmp_path)


def as_r_keeps(table):
    """The same table as it comes out of R's format: days and moments as numbers, classes as categories."""
    plain = table.copy()
    for name in plain:
        if name.endswith("_date"):
            plain[name] = (plain[name] - pd.Timestamp(0)).dt.days.astype(float)
        elif name.endswith("_timestamp"):
            plain[name] = plain[name].dt.tz_localize("UTC")
        elif name in ("income", "age", "campaign_type"):
            plain[name] = plain[name].astype("category")
    return plain


def fake_journey(monkeypatch):
    """Small tables of the right columns."""
    rows = 3
    made = {}
    for name, (_, columns, _) in COMPLETE_JOURNEY_TABLES.items():
        made[name] = pd.DataFrame({column: np.asarray(["1", "2", None], dtype=object) for column in columns})
        for column in columns:
            if column.endswith(("_date", "_timestamp")):
                made[name][column] = pd.to_datetime(["2017-03-03"] * rows).astype("datetime64[us]")
            elif column in fetched_campaigns.AMOUNTS:
                made[name][column] = 1.5
            elif column == "week":
                made[name][column] = 7
    monkeypatch.setattr(
        fetched_campaigns,
        "COMPLETE_JOURNEY_TABLES",
        {name: (rows, columns, sha) for name, (_, columns, sha) in COMPLETE_JOURNEY_TABLES.items()},
    )
    return made


def test_upstream_and_prepared_give_the_same(tmp_path, monkeypatch):
    made = fake_journey(monkeypatch)
    for name in ("prepared", "upstream"):
        (tmp_path / name / "completejourney").mkdir(parents=True)
    for name, table in made.items():
        table.to_parquet(tmp_path / "prepared" / "completejourney" / f"{name}.parquet")
        (tmp_path / "upstream" / "completejourney" / f"{name}.rda").write_bytes(b"")
    monkeypatch.setattr(fetched_campaigns, "_check_sha256", lambda path, expected: None)
    monkeypatch.setitem(
        sys.modules, "rdata", SimpleNamespace(read_rda=lambda path: {path.stem: as_r_keeps(made[path.stem])})
    )
    prepared = fetch_complete_journey(tmp_path / "prepared")
    monkeypatch.setenv("CRMML_DATA_HOME", str(tmp_path / "upstream"))
    upstream = fetch_complete_journey()
    for name in [field.name for field in fields(CompleteJourney)]:
        pd.testing.assert_frame_equal(getattr(upstream, name), getattr(prepared, name))
    assert prepared.campaign_descriptions["start_date"].iloc[0] == pd.Timestamp("2017-03-03")
    assert prepared.demographics["income"].isna().sum() == 1


def test_upstream_must_hold_the_published_tables(tmp_path, monkeypatch):
    (tmp_path / "completejourney").mkdir()
    (tmp_path / "completejourney" / "campaigns.rda").write_bytes(b"")
    short = pd.DataFrame({"campaign_id": ["1"]})
    monkeypatch.setitem(sys.modules, "rdata", SimpleNamespace(read_rda=lambda path: {"campaigns": short}))
    with pytest.raises(DataError) as caught:
        fetch_complete_journey(tmp_path)
    assert "column 'household_id' is missing" in str(caught.value)
    assert "it has 1 row, not 6,589" in str(caught.value)
    monkeypatch.setitem(sys.modules, "rdata", None)
    with pytest.raises(ImportError, match=r"pip install rdata, or put campaigns.parquet beside it"):
        fetch_complete_journey(tmp_path)


@pytest.mark.data
def test_hillstrom():
    frame = fetch_hillstrom()
    assert frame.shape == (64_000, 12)
    counts = {"Womens E-Mail": 21_387, "Mens E-Mail": 21_307, "No E-Mail": 21_306}
    assert frame["segment"].value_counts().to_dict() == counts
    assert frame[["visit", "conversion"]].isin([0, 1]).all(axis=None)


@pytest.mark.data
def test_complete_journey():
    data = fetch_complete_journey()
    for name, table in zip([field.name for field in fields(CompleteJourney)], data, strict=True):
        rows, columns, _ = COMPLETE_JOURNEY_TABLES[name]
        assert table.shape == (rows, len(columns))
        assert list(table) == list(columns)
    assert data.campaigns["campaign_id"].nunique() == 27
    assert (data.campaign_descriptions["start_date"] <= data.campaign_descriptions["end_date"]).all()
    assert set(data.coupon_redemptions["campaign_id"]) <= set(data.campaigns["campaign_id"])
    assert data.transactions_sample["sales_value"].dtype == "float64"
    assert data.transactions_sample["transaction_timestamp"].dt.year.isin([2017, 2018]).all()
