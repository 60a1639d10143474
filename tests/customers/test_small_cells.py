import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from crmml import DataError
from crmml.customers import export_table, suppress_small_cells
from crmml.customers.small_cells import SmallCellWarning
from crmml.files import read_table

TABLE = pd.DataFrame(
    {
        "region": ["N", "N", "N", "S", "S", "S"],
        "tier": ["A", "B", "C", "A", "B", "C"],
        "customers": [3, 9, 40, 12, 30, 7],
        "revenue": [900.0, 950.0, 700.0, 2400.0, 610.0, 55.0],
    }
)


def test_on_every_engine(engine):
    result = suppress_small_cells(engine.frame(TABLE), "customers", within="region")
    assert engine.owns(result)
    found = engine.pandas(result)
    assert found["customers"].isna().tolist() == [True, True, False, False, False, False]
    assert found["revenue"].isna().tolist() == [True, True, False, False, False, False]
    assert found["customers"].dropna().tolist() == [40, 12, 30, 7]
    assert found["tier"].tolist() == TABLE["tier"].tolist()


def test_without_totals_small_cells_alone():
    found = suppress_small_cells(TABLE, "customers", complementary=False)
    assert found["customers"].isna().tolist() == [True, False, False, False, False, False]
    assert TABLE["customers"].tolist()[0] == 3


def test_the_whole_table_is_a_group_unless_told():
    found = suppress_small_cells(TABLE, "customers")
    assert found["customers"].isna().tolist() == [True, False, False, False, False, True]


def test_a_large_enough_table_stays():
    big = TABLE.assign(customers=[30, 9, 40, 12, 30, 7])
    pd.testing.assert_frame_equal(suppress_small_cells(big, "customers"), big)


def test_zero_is_small_and_two_small_ones_need_company():
    table = pd.DataFrame({"tier": list("ABCD"), "customers": [0, 1, 6, 50]})
    assert suppress_small_cells(table, "customers")["customers"].isna().tolist() == [True, True, True, False]
    enough = pd.DataFrame({"tier": list("ABCD"), "customers": [3, 4, 6, 50]})
    assert suppress_small_cells(enough, "customers")["customers"].isna().tolist() == [True, True, False, False]


def test_a_missing_count_is_hidden_already():
    table = pd.DataFrame({"tier": list("ABC"), "customers": [np.nan, 20, 50], "mean": [1.0, 2.0, 3.0]})
    assert suppress_small_cells(table, "customers")["mean"].isna().tolist() == [True, True, False]


def test_figures_are_named_or_all_that_is_no_text():
    table = TABLE.assign(year=2024, seen=pd.Timestamp("2024-01-01"), is_key=True)
    with pytest.warns(SmallCellWarning, match="'is_key' holds truth values"):
        every = suppress_small_cells(table, "customers", complementary=False)
    assert every.iloc[0].isna().to_dict() == {
        "region": False, "tier": False, "customers": True, "revenue": True, "year": True, "seen": True, "is_key": False,
    }  # fmt: skip
    named = suppress_small_cells(table, "customers", columns="revenue", complementary=False)
    assert named.columns[named.isna().any()].tolist() == ["customers", "revenue"]
    grouped = suppress_small_cells(table.drop(columns="is_key"), "customers", within="year", complementary=False)
    assert grouped["year"].tolist() == [2024] * 6


def test_the_order_of_rows_changes_nothing():
    table = pd.DataFrame({"tier": list("ABCDE"), "customers": [2, 9, 9, 9, 50]})
    found = suppress_small_cells(table, "customers").set_index("tier")["customers"]
    turned = suppress_small_cells(table[::-1], "customers").set_index("tier")["customers"]
    pd.testing.assert_series_equal(found.sort_index(), turned.sort_index())


def test_a_group_of_one_cell_cannot_be_hidden_and_is_told():
    table = pd.DataFrame({"region": ["N", "S", "S"], "tier": ["A", "A", "B"], "customers": [3, 9, 40]})
    with pytest.warns(SmallCellWarning, match="1 group is hidden whole"):
        found = suppress_small_cells(table, "customers", within="region")
    assert found["customers"].isna().tolist() == [True, False, False]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=9, max_size=9))
def test_two_margins_leave_no_hidden_cell_to_be_computed(counts):
    grid = np.reshape(counts, (3, 3))
    table = pd.DataFrame({"region": np.repeat(list("NSE"), 3), "tier": np.tile(list("ABC"), 3), "customers": counts})
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        shown = suppress_small_cells(table, "customers", minimum=3, within=[["region"], ["tier"]])["customers"]
    hidden = shown.isna().to_numpy()
    assert hidden[np.asarray(counts) < 3].all()
    assert (shown[~hidden] == np.asarray(counts)[~hidden]).all()
    if not hidden.any():
        return
    # by linear algebra: nobody who knows all totals and all cells shown can solve for a hidden one
    cells = np.flatnonzero(hidden)
    system = np.vstack([np.repeat(np.eye(3), 3, axis=1), np.tile(np.eye(3), 3)])[:, cells]
    rank = np.linalg.matrix_rank(system)
    solved = [np.linalg.matrix_rank(np.vstack([system, np.eye(cells.size)[i]])) == rank for i in range(cells.size)]
    by_row, by_column = hidden.reshape(3, 3).sum(axis=1), hidden.reshape(3, 3).sum(axis=0)
    assert set(by_row) | set(by_column) <= {0, 2, 3}
    assert not any(solved)
    sums = [(grid * hidden.reshape(3, 3)).sum(axis=axis)[n > 0] for axis, n in ((1, by_row), (0, by_column))]
    assert bool(caught) == bool(np.any(np.concatenate(sums) < 3))


def test_a_bridge_between_two_squares_is_found():
    # rows 0-1 × columns 0-1 and rows 2-3 × columns 2-3 are hidden squares; (1, 2) hangs between them and every margin
    # that it is in has two hidden cells, yet its count follows from the totals
    counts = np.full((4, 4), 20)
    for i, j in [(0, 0), (0, 1), (1, 0), (1, 1), (2, 2), (2, 3), (3, 2), (3, 3), (1, 2)]:
        counts[i, j] = 4
    table = pd.DataFrame({"r": np.repeat(range(4), 4), "c": np.tile(range(4), 4), "n": counts.ravel()})
    hidden = suppress_small_cells(table, "n", columns=[], within=[["r"], ["c"]])["n"].isna().to_numpy().reshape(4, 4)
    assert hidden.sum() > 9
    kept = suppress_small_cells(table, "n", columns=[], within="r")["n"].isna().sum()
    assert kept == 9


def narrowest(table, hidden, margins):
    """Width of the narrowest range of a hidden count, by whoever knows the totals and that no count is negative."""
    system = np.vstack([pd.get_dummies(table[margin]).to_numpy(float).T[:, hidden] for margin in margins])
    totals = system @ table["n"].to_numpy(float)[hidden]
    widths = []
    for unit in np.eye(int(hidden.sum())):
        least, most = (linprog(sign * unit, A_eq=system, b_eq=totals).fun * sign for sign in (1, -1))
        widths.append(most - least)
    return min(widths)


def test_a_count_that_only_its_sign_gives_away_is_hidden_better():
    # six hidden cells in a ring leave one direction, but raising (0, 0) makes (1, 2) negative and the other way round:
    # all six followed from the totals
    counts = np.array([[0, 5, 90], [90, 9, 0], [6, 90, 8]])
    table = pd.DataFrame({"r": np.repeat(list("abc"), 3), "c": np.tile(list("xyz"), 3), "n": counts.ravel()})
    ring = table["n"].to_numpy() < 90
    assert narrowest(table, ring, ["r", "c"]) == pytest.approx(0.0, abs=1e-9)
    hidden = suppress_small_cells(table, "n", within=[["r"], ["c"]])["n"].isna().to_numpy()
    assert narrowest(table, hidden, ["r", "c"]) > 1


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 4), st.integers(2, 4), st.data())
def test_no_range_of_a_hidden_count_is_a_point(n_rows, n_columns, data):
    size = n_rows * n_columns
    counts = data.draw(st.lists(st.sampled_from([0, 1, 4, 5, 6, 9, 50]), min_size=size, max_size=size))
    table = pd.DataFrame(
        {"r": np.repeat(list("abcd")[:n_rows], n_columns), "c": np.tile(list("wxyz")[:n_columns], n_rows), "n": counts}
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        hidden = suppress_small_cells(table, "n", within=[["r"], ["c"]])["n"].isna().to_numpy()
    assert caught or not hidden.any() or narrowest(table, hidden, ["r", "c"]) > 0.5


def test_too_many_cells_together(monkeypatch):
    monkeypatch.setattr("crmml.customers._complementary.MOST_TOGETHER", 3)
    table = pd.DataFrame({"r": [0, 0, 1, 1], "c": [0, 1, 0, 1], "n": [3] * 4})
    with pytest.raises(DataError, match="make coarser cells"):
        suppress_small_cells(table, "n", within=[["r"], ["c"]])


def test_bad_counts_and_arguments():
    with pytest.raises(DataError, match="negative or no whole number in 2 rows"):
        suppress_small_cells(pd.DataFrame({"n": [-1, 2.5, 3]}), "n")
    with pytest.raises(DataError, match="no counts"):
        suppress_small_cells(pd.DataFrame({"n": ["a"]}), "n")
    with pytest.raises(DataError, match="'m' is missing"):
        suppress_small_cells(pd.DataFrame({"n": [1]}), "n", within="m")
    with pytest.raises(ValueError, match="at least 2"):
        suppress_small_cells(TABLE, "customers", minimum=1)
    with pytest.raises(ValueError, match="to be hidden"):
        suppress_small_cells(TABLE, "customers", within="customers")


def test_first_calls_that_go_wrong_say_what_to_do():
    with pytest.raises(DataError, match=r"'region' is in the index of pandas; call reset_index\(\) first"):
        suppress_small_cells(TABLE.set_index(["region", "tier"]), "customers", within="region")
    with pytest.raises(TypeError, match="count= takes one"):
        suppress_small_cells(TABLE, ["customers"])
    for within in (3, [3]):
        with pytest.raises(TypeError, match=r"within=3 must be names|3 is no name of a column"):
            suppress_small_cells(TABLE, "customers", within=within)
    with pytest.raises(TypeError, match="2 is no name of a column"):
        # not the column at that place
        suppress_small_cells(TABLE, 2)
    with pytest.raises(DataError, match="no whole number in 1 row"):
        suppress_small_cells(pd.DataFrame({"n": [3.0, np.inf]}), "n")


# ---- export ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_export_on_every_engine(engine, ending, tmp_path):
    path = tmp_path / f"tiers.{ending}"
    result = export_table(engine.frame(TABLE), path, count="customers", within="region")
    assert engine.owns(result)
    found = read_table(path).sort_values(["region", "tier"], ignore_index=True)
    assert found["customers"].isna().tolist() == [True, True, False, False, False, False]
    assert [path.name for path in tmp_path.iterdir()] == [path.name]
    if ending == "csv":
        assert "N,C,40,700.0" in path.read_text()
        assert ",3," not in path.read_text()


@pytest.mark.parametrize(
    "name",
    [
        "customer_id",
        "CustomerID",
        "id",
        "e-mail",
        "contact_phone",
        "tax_number",
        "客户编号",
        "手机号",
        "licence",
        "clientNo",
    ],
)
def test_columns_called_like_identifiers_are_refused(name, tmp_path):
    table = TABLE.assign(**{name: "x"})
    path = tmp_path / "out.csv"
    with pytest.raises(DataError, match="called like an identifier"):
        export_table(table, path, count="customers")
    assert not path.exists()
    export_table(table, path, count="customers", allow=name)
    assert path.exists()


@pytest.mark.parametrize(
    "name", ["segment_id", "valid", "paid", "tier", "n_customers", "mean_order_number", "phone_model", "分层"]
)
def test_other_columns_pass(name, tmp_path):
    export_table(TABLE.assign(**{name: "x"}), tmp_path / "out.csv", count="customers")


def test_columns_that_hold_identifiers_are_refused_without_showing_them(tmp_path):
    people = TABLE.assign(who=[f"person{i}@clinic.org" for i in range(6)], key=[f"{i:064x}" for i in range(6)])
    with pytest.raises(DataError) as caught:
        export_table(people, tmp_path / "out.csv", count="customers")
    assert len(caught.value.faults) == 2
    assert "person1" not in str(caught.value)
    with pytest.raises(DataError, match=r"must end in \.parquet or \.csv"):
        export_table(TABLE, tmp_path / "out.xlsx", count="customers")
    with pytest.raises(DataError, match="'who' is missing"):
        export_table(TABLE, tmp_path / "out.csv", count="customers", allow=["who"])


def test_an_index_that_the_file_would_lose_is_refused(tmp_path):
    grouped = TABLE.groupby(["region", "tier"])[["customers", "revenue"]].sum()
    for table in (grouped, TABLE.set_index("tier"), TABLE.set_axis(list("abcdef"))):
        with pytest.raises(DataError, match=r"would not be written; call reset_index\(\)"):
            export_table(table, tmp_path / "out.csv", count="customers")
    export_table(TABLE[::-1], tmp_path / "out.csv", count="customers")
    export_table(grouped.reset_index(), tmp_path / "out.csv", count="customers")


def test_tables_of_mixed_values_and_of_lists(tmp_path):
    table = pd.DataFrame({"region": ["n", np.inf, "e"], "count": [9, 12, 30], "note": [1.5, "some", None]})
    export_table(table, tmp_path / "out.csv", count="count")
    assert (tmp_path / "out.csv").read_text().splitlines()[1:] == ["n,9,1.5", "inf,12,some", "e,30,"]
    with pytest.raises(DataError, match="column 'region' of within= holds lists"):
        suppress_small_cells(table.assign(region=[["n"], ["s"], ["e"]]), "count", within="region")


@pytest.mark.parametrize(
    "name",
    [
        "姓名",
        "name",
        "full_name",
        "address",
        "Email_Address",
        "kunden_id",
        "Kundennummer",
        "uid",
        "user",
        "card_number",
    ],
)
def test_columns_named_after_persons_are_refused(name, tmp_path):
    table = pd.DataFrame({name: ["a", "b"], "count": [9, 12]})
    with pytest.raises(DataError, match=f"column '{name}'"):
        export_table(table, tmp_path / "out.csv", count="count")
    assert list(export_table(table, tmp_path / "out.csv", count="count", allow=[name])) == [name, "count"]


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("phone numbers", "+86 138 1234 5678"),
        ("phone numbers", "13812345678"),
        ("phone numbers", "(212) 555-1234"),
        ("bank account numbers", "DE89 3704 0044 0532 0130 00"),
        ("e-mail addresses", "write to li@example.org, please"),
    ],
)
def test_texts_that_identify_persons_are_refused(what, text, tmp_path):
    table = pd.DataFrame({"note": [text, text, "none"], "count": [9, 12, 30]})
    with pytest.raises(DataError, match=f"column 'note' holds {what}"):
        export_table(table, tmp_path / "out.csv", count="count")
    assert not (tmp_path / "out.csv").exists()


@pytest.mark.parametrize("text", ["2024-01 - 2024-02", "10000-20000", "2024-01-31 12:00", "0 - 100000000", "1 000 000"])
def test_ranges_and_days_are_no_phone_numbers(text, tmp_path):
    table = pd.DataFrame({"bin": [text, text], "count": [9, 12]})
    assert len(export_table(table, tmp_path / "out.csv", count="count")) == 2


def test_truth_values_and_percentages_in_text_are_told():
    table = pd.DataFrame(
        {"tier": list("ABC"), "n": [3, 20, 30], "any_fraud": [True, False, False], "rate": ["66.7%", "5 %", "1%"]}
    )
    with pytest.warns(SmallCellWarning, match="'any_fraud', 'rate' hold truth values or percentages in text"):
        suppress_small_cells(table, "n")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        hidden = suppress_small_cells(table, "n", columns=["any_fraud", "rate"])
        suppress_small_cells(table.assign(n=[10, 20, 30]), "n")
    assert hidden.loc[0, ["any_fraud", "rate"]].isna().all()


def test_formulas_in_a_written_table_are_guarded(tmp_path):
    table = pd.DataFrame({"tier": ["=1+1", "B"], "change": [-2.5, 1.0], "customers": [30, 40]})
    export_table(table, tmp_path / "a.csv", count="customers")
    assert (tmp_path / "a.csv").read_text().splitlines()[1] == "'=1+1,-2.5,30"
    export_table(table, tmp_path / "b.csv", count="customers", guard_formulas=False)
    assert (tmp_path / "b.csv").read_text().splitlines()[1] == "=1+1,-2.5,30"
