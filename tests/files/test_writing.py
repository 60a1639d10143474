import errno
import os
import threading

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmml import DataError
from crmml.files import guarded, only_writer, read_table, replacing, unguarded, write_table
from crmml.files.writing import PATIENCE, replace_folder, scratch_folder


def test_a_failed_write_leaves_nothing_and_keeps_what_was_there(tmp_path):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def write_half():
        with replacing(target) as temporary:
            temporary.write_text("new, half")
            raise RuntimeError("half")

    with pytest.raises(RuntimeError, match="half"):
        write_half()
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    table = pd.DataFrame({"a": range(1000)})
    write_table(table.head(3), tmp_path / "a.parquet")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for name in ("a.parquet", "b.parquet", "c.csv"):
        with pytest.raises(OSError, match="No space left"):
            write_table(table, tmp_path / name)
    assert os.listdir(tmp_path) == ["a.parquet"]
    assert len(read_table(tmp_path / "a.parquet")) == 3


def test_writers_at_the_same_time_each_write_it_whole(tmp_path):
    tables = [pd.DataFrame({"a": [number] * 5_000}) for number in range(6)]
    threads = [threading.Thread(target=write_table, args=(table, tmp_path / "a.parquet")) for table in tables]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = read_table(tmp_path / "a.parquet")["a"]
    assert (len(found), found.nunique()) == (5_000, 1)
    assert os.listdir(tmp_path) == ["a.parquet"]


def test_one_writer_at_a_time(tmp_path):
    with only_writer(tmp_path / "a"):
        with only_writer(tmp_path / "b"):
            pass
        with pytest.raises(DataError, match=r"another job is writing to .*a now"), only_writer(tmp_path / "a"):
            pass
    with only_writer(tmp_path / "a"):
        assert os.listdir(tmp_path) == [".a.crmml-lock"]
    assert os.listdir(tmp_path) == []
    assert PATIENCE > 1


def test_what_a_killed_writer_left_is_cleared_and_nothing_else(tmp_path):
    left = [".a.csv.crmml-x1y2.tmp", ".a.csv.crmml-lock"]
    others = [".a.csv.tmp", ".b.csv.crmml-x1y2.tmp", "a.csv.crmml-x.tmp", ".a.csvx.crmml-x1.tmp"]
    for name in left + others:
        (tmp_path / name).write_text("half")
    (tmp_path / ".a.csv.crmml-folder.tmp").mkdir()
    (tmp_path / ".a.csv.crmml-folder.tmp" / "part").write_text("half")
    write_table(pd.DataFrame({"a": [1]}), tmp_path / "a.csv")
    assert sorted(os.listdir(tmp_path)) == sorted([*others, "a.csv"])


def test_a_folder_set_aside_by_a_killed_writer_is_put_back(tmp_path):
    target = tmp_path / "out"
    (tmp_path / ".out.crmml-old.tmp").mkdir()
    (tmp_path / ".out.crmml-old.tmp" / "a").write_text("old")
    with only_writer(target):
        assert (target / "a").read_text() == "old"
        new = scratch_folder(target)
        (new / "a").write_text("new")
        replace_folder(target, new)
    assert (target / "a").read_text() == "new"
    assert os.listdir(tmp_path) == ["out"]
    assert target.stat().st_mode & 0o777 != 0o700 or os.umask(os.umask(0o22)) == 0o77


def test_a_folder_is_no_destination_of_a_table(tmp_path):
    (tmp_path / "a.parquet").mkdir()
    (tmp_path / "a.parquet" / "mine").write_text("mine")
    with pytest.raises(DataError, match=r"a\.parquet is a folder; name a file"):
        write_table(pd.DataFrame({"a": [1]}), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="there is no folder"):
        write_table(pd.DataFrame({"a": [1]}), tmp_path / "none" / "a.parquet")
    assert (tmp_path / "a.parquet" / "mine").read_text() == "mine"


def test_permissions_are_those_of_any_new_file(tmp_path):
    write_table(pd.DataFrame({"a": [1]}), tmp_path / "a.parquet")
    (tmp_path / "plain").touch()
    assert (tmp_path / "a.parquet").stat().st_mode == (tmp_path / "plain").stat().st_mode
    assert pq.read_table(tmp_path / "a.parquet").num_rows == 1


HARMFUL = [
    "=1+1",
    "+1+1",
    "-1+1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",
    "＠x",
    "=cmd|' /C calc'!A0",
    "-",
    "+49 30 1234",
    "-x",
    "--5",
]
HARMLESS = ["Ann", "", " =1", "'tis", "a=b", "5", "-5", "+5.25", "-1e-5", "-.5", "007", "客户"]


@pytest.mark.parametrize("kind", [object, "str", "category"])
def test_formulas_are_guarded_in_every_column_of_text(tmp_path, kind):
    texts = HARMFUL + HARMLESS
    table = pd.DataFrame({"=name()": pd.Series(texts, dtype=kind), "n": np.linspace(-5, 5, len(texts)), "k": -1})
    write_table(table, tmp_path / "a.csv")
    back = pd.read_csv(tmp_path / "a.csv", keep_default_na=False, dtype={"'=name()": str}, lineterminator="\n")
    assert list(back.columns) == ["'=name()", "n", "k"]
    found = back["'=name()"].tolist()
    assert found == [f"'{text}" for text in HARMFUL] + HARMLESS
    assert [unguarded(text) for text in found] == texts
    np.testing.assert_allclose(back["n"], table["n"])
    assert (back["k"] == -1).all()
    assert table["=name()"].tolist() == texts  # what was given is left alone


def test_the_guard_can_be_left_off_and_is_not_put_on_parquet(tmp_path):
    table = pd.DataFrame({"a": ["=1+1", None]})
    write_table(table, tmp_path / "a.csv", guard_formulas=False)
    assert (tmp_path / "a.csv").read_text().splitlines()[1] == "=1+1"
    write_table(table, tmp_path / "a.parquet")
    assert read_table(tmp_path / "a.parquet")["a"][0] == "=1+1"
    write_table(table, tmp_path / "b.csv")
    assert (tmp_path / "b.csv").read_text().splitlines()[1:] == ["'=1+1", '""']


def test_formulas_on_every_engine(engine, tmp_path):
    write_table(engine.frame({"a": ["=1+1", "b"], "n": [-1, 2]}), tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text().split() == ["a,n", "'=1+1,-1", "b,2"]


@given(st.text(alphabet="'=+-@\t1a.e\r", max_size=6))
def test_every_text_is_given_back(text):
    shown = guarded(text)
    assert unguarded(shown) == text
    assert shown[:1] not in set("=+-@\t\r") or is_number(shown)


def is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True
