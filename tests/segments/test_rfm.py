import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml import DataError
from crmml.exceptions import RulerError
from crmml.frames.ruler import Ruler
from crmml.segments import RFMSegmenter, SegmentWarning, rfm_names

from .customers import customers

COLUMNS = {"recency": "days", "frequency": "frequency", "monetary": "monetary_value"}


def quietly(model, X, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SegmentWarning)
        return model.fit(X, **options)


def test_scores_without_ties_are_quintiles():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({name: rng.permutation(100).astype(float) for name in COLUMNS.values()})
    scores = RFMSegmenter(recency="days").fit(X).transform(X)
    np.testing.assert_array_equal(scores[:, 0], 5 - X["days"] // 20)
    np.testing.assert_array_equal(scores[:, 1], 1 + X["frequency"] // 20)
    np.testing.assert_array_equal(scores[:, 2], 1 + X["monetary_value"] // 20)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(0, 6)), min_size=1, max_size=40),
    st.integers(1, 6),
    st.randoms(use_true_random=False),
)
def test_equal_values_share_a_bin_and_better_ones_never_score_lower(rows, bins, random):
    X = np.asarray(rows, dtype=float)
    model = quietly(RFMSegmenter(bins), X)
    scores = model.transform(X)
    assert ((scores >= 1) & (scores <= bins)).all()
    for j, sign in enumerate((-1, 1, 1)):
        order = np.argsort(sign * X[:, j], kind="stable")
        step, gain = np.diff(sign * X[order, j]), np.diff(scores[order, j])
        assert (gain[step == 0] == 0).all()
        assert (gain >= 0).all()
        assert len(set(scores[:, j])) == list(model.n_bins_.values())[j]
    shuffled = rows.copy()
    random.shuffle(shuffled)
    again = quietly(RFMSegmenter(bins), np.asarray(shuffled, dtype=float))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))


def test_heavy_ties_merge_bins_with_one_warning():
    X = customers()
    with pytest.warns(SegmentWarning) as caught:
        model = RFMSegmenter(10).fit(X)
    assert len(caught) == 1
    assert "frequency has 6 of 10 bins" in str(caught[0].message)
    assert model.n_bins_["frequency"] == 6
    lower = model.transform(X)[X["frequency"] == 0, 1]
    assert len(set(lower)) == 1


def test_one_distinct_value_scores_in_the_middle():
    X = pd.DataFrame({"days": [3.0] * 8, "frequency": [1] * 8, "monetary_value": [9.0] * 8})
    with pytest.warns(SegmentWarning, match="recency has 1 of 5 bins; frequency has 1 of 5 bins; monetary has 1 of 5"):
        model = RFMSegmenter(recency="days").fit(X)
    assert set(model.predict(X)) == {"Need attention"}
    assert (model.transform(X) == 3).all()
    assert model.score(X) == 0.0


def test_recency_of_a_summary_is_T_less_recency():
    X = customers()
    of_summary, of_column = quietly(RFMSegmenter(), X), quietly(RFMSegmenter(recency="days"), X)
    assert (of_summary.predict(X) == of_column.predict(X)).all()
    by_position = quietly(RFMSegmenter(), X[["days", "frequency", "monetary_value"]].to_numpy())
    assert (by_position.predict(X[["days", "frequency", "monetary_value"]].to_numpy()) == of_column.predict(X)).all()
    spend = of_summary.profile().table["value_sum"].sum()
    assert spend == pytest.approx((X["frequency"] * X["monetary_value"]).sum())
    assert of_column.profile().table["value_sum"].sum() == pytest.approx(X["monetary_value"].sum())


def test_fixed_cut_points_and_names_of_ones_own():
    X = pd.DataFrame({"days": [30.0, 31, 400], "frequency": [1, 2, 3], "monetary_value": [10.0, 99, 100]})
    names = pd.DataFrame(
        {
            "segment": ["good", "rest"],
            **{f"{d}_lower": [2 if d == "monetary" else 1, 1] for d in COLUMNS},
            **{f"{d}_upper": [2, 2] for d in COLUMNS},
        }
    )
    cuts = {"recency": [30], "frequency": [2], "monetary": [100]}
    model = RFMSegmenter(cut_points=cuts, names=names).fit(X.to_numpy())
    np.testing.assert_array_equal(model.transform(X.to_numpy()), [[2, 1, 1], [1, 2, 1], [1, 2, 2]])
    assert model.predict(X.to_numpy()).tolist() == ["rest", "rest", "good"]
    assert model.segments_ == ("good", "rest")
    mixed = quietly(RFMSegmenter({"monetary": 3}, cut_points={"recency": [30]}, recency="days"), X)
    assert mixed.n_bins_ == {"recency": 2, "frequency": 3, "monetary": 3}


def test_codes():
    X = pd.DataFrame({"days": [1.0, 2, 3], "frequency": [3, 2, np.nan], "monetary_value": [7.0, 8, 9]})
    model = RFMSegmenter(2, recency="days", missing="own").fit(X)
    assert model.predict_codes(X).tolist() == ["221", "112", "Unknown"]
    assert model.predict(X)[2] == "Unknown"
    assert np.isnan(model.transform(X)[2]).all()
    assert model.profile().table["segment"].iloc[-1] == "Unknown"
    wide = quietly(RFMSegmenter(12, recency="days"), customers())
    assert wide.predict_codes(customers())[0].count("-") == 2


def test_types_have_cut_points_of_their_own():
    X = customers()
    X.loc[X["type"] == "hospital", "monetary_value"] *= 100
    model = quietly(RFMSegmenter(by="type"), X)
    for kind, part in X.groupby("type"):
        alone = quietly(RFMSegmenter(), part)
        assert (model.predict(part) == alone.predict(part)).all()
        np.testing.assert_array_equal(model.cut_points_[kind]["monetary"], alone.cut_points_["monetary"])
    table = model.profile().table
    assert table["type"].unique().tolist() == ["hospital", "pharmacy"]
    assert table.groupby("type")["share"].sum().tolist() == pytest.approx([1, 1])
    assert table["customers"].sum() == len(X)


def test_small_and_unknown_types():
    X = customers()
    X["type"] = np.where(np.arange(len(X)) < 10, 7, 1)
    with pytest.warns(SegmentWarning, match="type 7 has fewer than 30 customers"):
        model = RFMSegmenter({"frequency": 3}, by="type").fit(X)
    assert model.pooled_types_ == ("7",)
    assert (model.predict(X.head(10)) == quietly(RFMSegmenter({"frequency": 3}), X).predict(X.head(10))).all()
    other = X.head(3).assign(type=[1, 7, 9])
    with pytest.raises(DataError, match="holds '9' in 1 of 3 rows, which fit has not seen; it knows '1', '7'"):
        model.predict(other)
    with pytest.raises(DataError, match="'type' is missing in 1 of 3 rows"):
        model.predict(X.head(3).assign(type=[1.0, np.nan, 7.0]))
    assert (model.predict(X.head(20).assign(type=X["type"].astype(float))) == model.predict(X.head(20))).all()
    with pytest.raises(TypeError, match="X must be a frame"):
        RFMSegmenter(by="type").fit(np.ones((3, 3)))


def test_every_fault_in_one_message():
    bad = customers().astype({"frequency": float})
    bad.loc[0, "frequency"], bad.loc[1, "monetary_value"], bad.loc[2, "T"] = np.nan, np.inf, np.nan
    with pytest.raises(DataError) as caught:
        RFMSegmenter().fit(bad)
    assert len(caught.value.faults) == 3
    assert "column 'frequency' is missing in 1 of 600 rows (row 0); drop or fill these rows" in str(caught.value)
    with pytest.raises(DataError, match="is before recency in 1 of 600"):
        quietly(RFMSegmenter(), customers().assign(T=lambda X: X["T"].where(X.index > 0, -1.0)))
    with pytest.raises(DataError, match="'days' is negative"):
        RFMSegmenter(recency="days").fit(customers().assign(days=-1.0))
    with pytest.raises(DataError, match=r"'monetary_value' is not a number in 600 of 600 rows"):
        RFMSegmenter().fit(customers().assign(monetary_value="much"))
    with pytest.raises(DataError, match="did you mean 'frequency'"):
        RFMSegmenter(frequency="frequncy").fit(customers())
    with pytest.raises(DataError, match="no rows"):
        RFMSegmenter().fit(customers().head(0))
    with pytest.raises(ValueError, match="has 2"):
        RFMSegmenter().fit(np.ones((4, 2)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bins": {"rec": 3}}, "its keys are recency"),
        ({"bins": {"recency": 0}}, "whole number from 1 to 100"),
        ({"cut_points": {"monetary": [3, 1]}}, "ascending"),
        ({"recency": "frequency"}, "three columns"),
    ],
)
def test_parameters_that_do_not_fit(options, message):
    with pytest.raises(ValueError, match=message):
        RFMSegmenter(**options).fit(customers())


def test_another_ruler_is_refused():
    X = customers()
    X.attrs = Ruler(unit="D").to_metadata()
    model = quietly(RFMSegmenter(), X)
    other = X.copy()
    other.attrs = Ruler(unit="W").to_metadata()
    with pytest.raises(RulerError, match="unit is 'W'"):
        model.predict(other)


def test_all_engines(engine):
    X = customers()
    model = quietly(RFMSegmenter({"frequency": 3}, by="type", names=rfm_names({"frequency": 3})), X)
    frame = engine.frame(X)
    again = quietly(RFMSegmenter({"frequency": 3}, by="type"), frame)
    pd.testing.assert_frame_equal(again.profile().table, model.profile().table)
    table = again.table(frame)
    expected = model.table(X)
    if engine.is_eager:
        assert engine.owns(table)
    import narwhals as nw

    got = nw.from_native(table).to_pandas().sort_values("customer_id", ignore_index=True)
    pd.testing.assert_frame_equal(
        got.astype({"segment": object}), expected.astype({"segment": object}), check_dtype=False
    )


def test_cut_points_of_text_are_told_plainly():
    with pytest.raises(ValueError, match=r"cut_points\['frequency'\]=\['a'\] must be a list of numbers"):
        RFMSegmenter(cut_points={"frequency": ["a"]}).fit(customers())
