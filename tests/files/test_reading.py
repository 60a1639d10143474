import pandas as pd
import pytest

from crmml import DataError, Ruler
from crmml.files import kind_of, read_table, write_table
from crmml.frames import get_ruler, set_ruler

DATA = pd.DataFrame({"customer_id": ["007", "8"], "T": [1.5, 2.5]})


def test_parquet_keeps_the_ruler_on_every_engine_that_carries_one(engine, tmp_path):
    ruler = Ruler(unit="W", period="D")
    write_table(set_ruler(engine.frame(DATA), ruler), tmp_path / "a.parquet")
    back = read_table(tmp_path / "a.parquet")
    assert back.to_numpy().tolist() == DATA.to_numpy().tolist()
    assert get_ruler(back) == (ruler if engine.name in ("pandas", "pyarrow") else Ruler())


def test_csv_keeps_leading_zeros_where_told(tmp_path):
    write_table(DATA, tmp_path / "a.csv")
    assert read_table(tmp_path / "a.csv", text=["customer_id"])["customer_id"].tolist() == ["007", "8"]


@pytest.mark.parametrize("name", ["a.xlsx", "a", "a.parquet.zip"])
def test_unknown_endings(name):
    with pytest.raises(DataError, match=r"must end in \.parquet or \.csv"):
        kind_of(name)


def test_files_that_are_missing_or_broken(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        read_table(tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(DataError, match="is empty"):
        read_table(tmp_path / "empty.csv")
    (tmp_path / "broken.parquet").write_text("no parquet")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read_table(tmp_path / "broken.parquet")
    with pytest.raises(DataError, match="there is no folder"):
        write_table(DATA, tmp_path / "no" / "a.csv")
