import datetime as dt
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.exceptions import FeatureWarning
from crmml.tables.encoding import ColumnEncoder, kinds_of, left_out, no_columns, to_numbers


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    n = 400
    charges = rng.gamma(2.0, 30.0, n).round(2)
    return pd.DataFrame(
        {
            "plan": rng.choice(["basic", "plus", "gold"], n, p=[0.6, 0.3, 0.1]),
            "charges": [" " if i % 40 == 0 else f"{c}" for i, c in enumerate(charges)],
            "months": rng.integers(0, 60, n),
            "autopay": rng.random(n) < 0.5,
            "since": pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 900, n), unit="D"),
            "customerID": [f"K-{i:05d}" for i in range(n)],
            "note": np.nan,
            "region": [None if i % 7 == 0 else "north " if i % 2 else "south" for i in range(n)],
        }
    )


def y_of(table):
    return (table["plan"] == "basic").to_numpy() * 1.0


def test_kinds_of_columns(table):
    encoder = ColumnEncoder("tree").fit(table, y_of(table))
    assert encoder.kinds_ == {
        "plan": "category",
        "charges": "number",
        "months": "number",
        "autopay": "number",
        "since": "number",
        "customerID": "identifier",
        "note": "empty",
        "region": "category",
    }
    assert encoder.names_out_ == ["plan", "charges", "months", "autopay", "since", "region"]
    assert kinds_of(table) == encoder.kinds_
    by_name = dict(zip(("customerID", "note"), left_out(encoder.kinds_), strict=True))
    assert "'customerID' looks like an identifier" in by_name["customerID"]
    assert "'note' is missing in all rows" in by_name["note"]
    assert not no_columns(encoder.kinds_)
    assert no_columns({"customerID": "identifier", "note": "empty"})


def test_tree_view(table):
    Z = ColumnEncoder("tree").fit(table, y_of(table)).transform(table)
    assert np.isnan(Z[::40, 1]).all()
    assert np.isnan(Z[:, 1]).sum() == 10
    np.testing.assert_array_equal(Z[:, 2], table["months"])
    days = (table["since"] - pd.Timestamp(0)).dt.days
    np.testing.assert_array_equal(Z[:, 4], days)
    # categories in the order of their share of churners
    rank = dict(zip(table["plan"], Z[:, 0], strict=True))
    assert rank["basic"] > max(rank["plus"], rank["gold"])
    assert np.isnan(Z[::7, 5]).all()


@pytest.mark.parametrize("view", ["linear", "additive"])
def test_linear_views(table, view):
    encoder = ColumnEncoder(view).fit(table, y_of(table))
    Z = encoder.transform(table)
    names = encoder.get_feature_names_out().tolist()
    assert Z.shape == (400, len(names))
    assert np.isfinite(Z).all()
    assert "charges is missing" in names
    assert "region is missing" in names
    plan = [i for i, name in enumerate(names) if name.startswith("plan")]
    np.testing.assert_array_equal(Z[:, plan].sum(axis=1), 1)
    assert [encoder.columns_[i] for i in encoder.origin_[plan]] == ["plan"] * 4
    if view == "linear":
        months = Z[:, names.index("months")]
        assert abs(months.mean()) < 1e-12
        assert months.std() == pytest.approx(1)
    else:
        assert sum(name.startswith("months (spline") for name in names) >= 4
        # two values need no spline
        assert "autopay" in names


def test_splines_go_on_in_a_line_beyond_the_data(table):
    encoder = ColumnEncoder("additive").fit(table[["months"]])
    far = encoder.transform(pd.DataFrame({"months": [100.0, 200.0, 300.0]}))
    np.testing.assert_allclose(far[2] - far[1], far[1] - far[0], atol=1e-9)


def test_rare_and_unseen_categories(table):
    shops = np.where(np.arange(400) < 5, "tiny", np.where(np.arange(400) % 2, "a", "b"))
    encoder = ColumnEncoder("linear").fit(pd.DataFrame({"shop": shops}))
    assert encoder.names_out_ == ["shop = a", "shop = b", "shop is another"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        known = encoder.transform(pd.DataFrame({"shop": ["tiny", "a"]}))
    np.testing.assert_array_equal(known, [[0, 0, 1], [1, 0, 0]])
    with pytest.warns(FeatureWarning, match=r"'shop' has 1 category never seen at fit in 2 rows \('new'\)"):
        unseen = encoder.transform(pd.DataFrame({"shop": ["new", "b", "new"]}))
    np.testing.assert_array_equal(unseen, [[0, 0, 1], [0, 1, 0], [0, 0, 1]])


def test_many_categories_are_capped():
    rng = np.random.default_rng(0)
    towns = pd.DataFrame({"town": [f"t{k}" for k in rng.zipf(1.3, 20_000) % 3000]})
    encoder = ColumnEncoder("linear").fit(towns)
    assert encoder.kinds_["town"] == "category"
    assert len(encoder.names_out_) == 61


def test_missing_in_every_row_at_prediction(table):
    encoder = ColumnEncoder("additive").fit(table)
    gone = table.assign(months=np.nan, plan=None)
    with pytest.warns(FeatureWarning, match=r"'plan' is missing in all 400 rows; column 'months' is missing in all"):
        assert np.isfinite(encoder.transform(gone)).all()


def test_text_where_numbers_were_is_refused(table):
    encoder = ColumnEncoder("tree").fit(table)
    wrong = table.assign(months="many", charges="much")
    with pytest.raises(DataError) as caught:
        encoder.transform(wrong)
    assert len(caught.value.faults) == 2
    assert "column 'months' held numbers at fit and holds text in 400 of 400 rows ('many')" in str(caught.value)


def test_infinite_numbers_are_refused(table):
    with pytest.raises(DataError, match="column 'months' is infinite in 1 of 400 rows"):
        ColumnEncoder("tree").fit(table.assign(months=np.r_[np.inf, np.ones(399)]))
    encoder = ColumnEncoder("tree").fit(table)
    with pytest.raises(DataError, match="column 'months' is infinite in 1 of 400 rows"):
        encoder.transform(table.assign(months=np.r_[np.inf, np.ones(399)]))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("RowNumber", "identifier"),
        ("CustomerId", "identifier"),
        ("user_id", "identifier"),
        ("amount", "number"),
        ("paid", "number"),
        ("valid", "number"),
    ],
)
def test_whole_numbers_that_name_rows(name, kind):
    assert ColumnEncoder("tree").fit(pd.DataFrame({name: np.arange(100)})).kinds_[name] == kind


def test_numbers_of_all_kinds():
    for column in (
        pd.Series([1, None, 3], dtype="Int64"),
        pd.Series(["1", " ", "3.0"]),
        pd.Series(["1", "", "3"], dtype="category"),
        pd.Series([1.0, np.nan, 3.0]),
        pd.Series(pd.to_datetime(["1970-01-02", None, "1970-01-04"])),
        pd.Series(pd.to_datetime(["1970-01-02", None, "1970-01-04"]).tz_localize("UTC")),
        pd.Series(pd.to_timedelta(["1D", None, "3D"])),
    ):
        values, odd = to_numbers(column)
        np.testing.assert_array_equal(values, [1, np.nan, 3])
        assert not odd.size
    values, odd = to_numbers(pd.Series(["1", "x", None]))
    assert odd.tolist() == ["x"]


def test_one_kind_whatever_holds_the_column():
    days = [dt.date(2020, 1, 1) + dt.timedelta(days=i) for i in range(30)]
    stamps = pd.DataFrame({"since": pd.to_datetime(days)})
    encoder = ColumnEncoder("tree").fit(stamps)
    for column in (days, [str(day) for day in days]):
        other = pd.DataFrame({"since": pd.Series(column, dtype=object)})
        assert kinds_of(other) == {"since": "number"}
        np.testing.assert_array_equal(encoder.transform(other), encoder.transform(stamps))
    truth = pd.DataFrame({"pays": np.arange(30) % 2 == 0})
    encoder = ColumnEncoder("tree").fit(truth)
    gaps = truth.astype(object).where(np.arange(30)[:, None] > 3, None)
    np.testing.assert_array_equal(encoder.transform(gaps)[4:], encoder.transform(truth)[4:])
    assert np.isnan(encoder.transform(gaps)[:4]).all()
    whole = pd.DataFrame({"k": pd.Categorical(np.arange(30) % 3)})
    floats = pd.DataFrame({"k": np.arange(30) % 3 * 1.0})
    encoder = ColumnEncoder("linear").fit(whole)
    np.testing.assert_array_equal(encoder.transform(floats), encoder.transform(whole))
    words = pd.DataFrame({"charge": ["nan" if i % 7 == 0 else f"{i}.5" for i in range(60)]})
    assert kinds_of(words) == {"charge": "number"}


def test_a_kind_given_holds_where_rows_say_otherwise():
    few = pd.DataFrame({"children": ["0", "1", "2", "1"] * 5})
    assert ColumnEncoder("tree").fit(few).kinds_["children"] == "number"
    assert ColumnEncoder("tree", {"children": "category"}).fit(few).kinds_["children"] == "category"


def test_identifiers_of_several_snapshots_and_cells_that_are_no_values():
    table = pd.DataFrame({"customer_id": np.tile(np.arange(100), 6), "plan_id": np.arange(600) % 5})
    assert kinds_of(table) == {"customer_id": "identifier", "plan_id": "number"}
    with pytest.raises(DataError, match=r"(?s)'a' holds lists or the like in 2 rows.*'b' holds complex numbers"):
        kinds_of(pd.DataFrame({"a": [[1], [2]], "b": [1j, 2j]}))


def test_a_store_that_comes_back_is_no_identifier():
    n = 600
    table = pd.DataFrame({"store_id": np.arange(n) % 55, "customer_id": np.arange(n) % 200, "row_number": np.arange(n)})
    assert kinds_of(table) == {"store_id": "number", "customer_id": "identifier", "row_number": "identifier"}


def test_whole_numbers_are_named_alike_in_every_precision():
    values = np.asarray([1, 2, 1, 2], dtype=object)
    for kind in (np.float32, np.float64, int):
        column = pd.Series([kind(v) for v in values], dtype=object).astype("category")
        assert ColumnEncoder().fit(pd.DataFrame({"plan": column})).kept_["plan"] == ["1", "2"]


def identified(n=300, snapshots=2, seed=0):
    rng = np.random.default_rng(seed)
    licence = [f"LIC-{k:05d}-QX" for k in rng.permutation(n)]
    return pd.DataFrame(
        {"ref": licence * snapshots, "plan": rng.choice(["a", "b"], n * snapshots), "x": rng.normal(size=n * snapshots)}
    )


def stored(model):
    return pickle.dumps(model).decode("latin-1")


@pytest.mark.parametrize("missing", [False, True])
def test_texts_that_come_back_a_few_times_are_identifiers(missing):
    table = identified()
    if missing:  # the share is of the entries that are known
        table["ref"] = table["ref"].where(np.arange(len(table)) % 3 > 0)
    for view in ("linear", "additive", "tree"):
        encoder = ColumnEncoder(view).fit(table, np.arange(len(table)) % 2)
        assert encoder.kinds_["ref"] == "identifier"
        assert "LIC-" not in stored(encoder)
    assert (
        kinds_of(identified(600, 1).assign(ref=np.resize([f"town {k}" for k in range(55)], 600)))["ref"] == "category"
    )


def test_texts_of_many_snapshots_are_identifiers_by_name_look_or_customer():
    table = identified(100, 12)
    customers = np.tile(np.arange(100), 12)
    assert kinds_of(table)["ref"] == "category"
    assert kinds_of(table, customers)["ref"] == "identifier"
    assert kinds_of(table, customers)["plan"] == "category"
    assert kinds_of(table.rename(columns={"ref": "licence"}))["licence"] == "identifier"
    mails = table.assign(ref=[f"{text.lower()}@example.org" for text in table["ref"]])
    assert kinds_of(mails)["ref"] == "identifier"
    numbers = table.assign(licence_no=[str(10_000 + k) for k in customers])
    assert kinds_of(numbers)["licence_no"] == "identifier"
    # a category is what somebody made it
    made = table.astype({"ref": "category"})
    assert kinds_of(made, customers)["ref"] == "category"


def test_rare_entries_of_text_with_many_are_not_remembered():
    table = identified(300, 5)
    common = np.resize(["north", "south"], len(table))
    mixed = pd.DataFrame({"ref": np.where(np.arange(len(table)) % 10 < 8, common, table["ref"])})
    encoder = ColumnEncoder("linear").fit(mixed)
    assert encoder.kept_["ref"] == ["north", "south"]
    assert "LIC-" not in stored(encoder)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder.transform(mixed.head(100))
    with pytest.warns(
        FeatureWarning, match=r"none of the 2 categories kept in 90 of 100 rows, against 20.0% of rows at fit"
    ):
        encoder.transform(pd.DataFrame({"ref": ["north"] * 10 + ["new"] * 90}))
