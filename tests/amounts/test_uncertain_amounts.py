import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from crmml import DataError
from crmml.amounts import Uncertain
from crmml.amounts.uncertain_amounts import draw_inputs, merged_inputs
from crmml.checks import is_number
from crmml.roi import CostLedger

ALL = [
    Uncertain.normal(10, 2, name="a"),
    Uncertain.triangular(1, 2, 6, name="a"),
    Uncertain.uniform(-1, 3, name="a"),
    Uncertain.lognormal(50, 200, name="a"),
    Uncertain.share(30, 100, name="a"),
    Uncertain.empirical([3, 1, 2], name="a"),
]


@pytest.mark.parametrize("unknown", ALL, ids=lambda u: u.distribution)
def test_draws_have_the_distribution(unknown, rng):
    draws = unknown.sample(40_000, rng)
    assert draws.mean() == pytest.approx(unknown.mean, abs=0.03 * draws.std() + 1e-9)
    assert np.median(draws) == pytest.approx(unknown.quantile(0.5), rel=0.03)
    again = pickle.loads(pickle.dumps(unknown))
    assert again == unknown
    np.testing.assert_array_equal(again.quantile([0.1, 0.9]), unknown.quantile([0.1, 0.9]))


def test_stated_quantiles_and_moments():
    assert Uncertain.lognormal(50, 200, coverage=0.8).quantile([0.1, 0.9]) == pytest.approx([50, 200])
    assert Uncertain.lognormal(50, 200).quantile(0.5) == pytest.approx(100)
    assert Uncertain.triangular(1, 2, 6).mean == pytest.approx(3)
    assert Uncertain.share(30, 100).mean == pytest.approx(30.5 / 101)
    assert Uncertain.normal(1, 1).probability_below(0) == pytest.approx(stats.norm.cdf(-1))


def test_a_formula_shares_its_unknowns(rng):
    rate, hours = Uncertain.uniform(10, 20, name="rate"), Uncertain.uniform(1, 3, name="hours")
    both = rate * hours + 2 * rate - rate / 2 + 5 - hours**2
    values = {"rate": 11.0, "hours": 2.0}
    assert both.at(values) == pytest.approx(22 + 22 - 5.5 + 5 - 4)
    assert set(both.inputs()) == {"rate", "hours"}
    difference = (rate - rate).sample(100, rng)
    assert (difference == 0).all()
    assert (rate * hours).mean == pytest.approx(30)


@given(st.floats(1, 10), st.floats(0.1, 5), st.floats(0, 1), st.floats(1, 10))
def test_the_mean_of_a_product_is_the_product_of_means(lower, width, place, factor):
    one = Uncertain.triangular(lower, lower + place * width, lower + width, name="one")
    two = Uncertain.uniform(lower, lower + width, name="two")
    assert (factor * one * two).mean == pytest.approx(factor * one.mean * two.mean)


def test_the_order_of_names_does_not_matter(rng):
    one, two = (Uncertain.normal(0, 1, name=name) for name in "ab")
    first = draw_inputs({"a": one, "b": two}, 5, np.random.default_rng(1))
    second = draw_inputs({"b": two, "a": one}, 5, np.random.default_rng(1))
    assert all((first[name] == second[name]).all() for name in "ab")
    assert not (first["a"] == first["b"]).any()


def test_one_name_is_one_unknown():
    with pytest.raises(ValueError, match="one name is one unknown"):
        merged_inputs([Uncertain.normal(0, 1, name="a"), Uncertain.normal(0, 2, name="a")])
    with pytest.raises(ValueError, match="needs a name"):
        Uncertain.normal(0, 1) * 2
    with pytest.raises(TypeError):
        Uncertain.normal(0, 1, name="a") * "2"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Uncertain.normal(1, 0), "must be above 0"),
        (lambda: Uncertain.triangular(1, 5, 3), "lower <= mode <= upper"),
        (lambda: Uncertain.triangular(2, 2, 2), "lower <= mode <= upper"),
        (lambda: Uncertain.uniform(2, 2), "lower < upper"),
        (lambda: Uncertain.lognormal(-1, 2), "0 < lower < upper"),
        (lambda: Uncertain.lognormal(1, 2, coverage=90), "between 0 and 1"),
        (lambda: Uncertain.share(5, 4), "0 <= events <= n"),
        (lambda: Uncertain.empirical([1.0]), "at least two draws"),
        (lambda: Uncertain.normal("1", 2), "must be finite numbers"),
        (lambda: Uncertain.normal(float("nan"), 2), "must be finite numbers"),
    ],
)
def test_no_distribution(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_words():
    assert Uncertain.triangular(1, 2, 3).describe() == "triangular(1, 2, 3)"
    assert "3 draws" in Uncertain.empirical([1, 2, 3]).describe()
    assert repr(Uncertain.normal(1, 2, name="x")) == "Uncertain.normal(1.0, 2.0, name='x')"
    assert [is_number(x) for x in (1, 1.5, np.int64(2), True, "1", np.nan)] == [True, True, True, False, False, False]


def test_division_of_a_number_and_a_change_of_sign(rng):
    unknown = Uncertain.uniform(2, 4, name="x")
    assert (12 / unknown).at({"x": 3.0}) == 4
    assert (-unknown).at({"x": 3.0}) == -3
    with pytest.raises(TypeError, match="made by one of its class methods"):
        Uncertain("normal", (1, 2))


def test_formulas_that_divide_by_nothing_are_refused():
    unknown = Uncertain.uniform(1, 3, name="x")
    for formula in (1 + unknown / (unknown - 2), unknown / 0, (unknown - 3) ** 0.5):
        with pytest.raises(DataError, match="amount is not finite for some values of x"):
            CostLedger("EUR").add("2024-01-01", "other", "y", formula)


def test_an_unknown_is_a_frame_a_picture_and_html():
    unknown = Uncertain.uniform(0, 10, name="hours")
    assert unknown.to_frame().iloc[0].tolist() == ["hours", pytest.approx(5), pytest.approx(0.5), pytest.approx(9.5)]
    assert unknown.plot().table["quantity"].tolist() == ["hours"]
    assert "uniform(0, 10)" in unknown._repr_html_()
