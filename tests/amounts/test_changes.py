import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmml.amounts import Percent, Points, Uncertain
from crmml.amounts.changes import check_change
from crmml.retention import ArcShift, ConstantRetention


def test_points_and_percent_are_different_changes():
    assert Points(10).applied(0.7) == pytest.approx(0.8)
    assert Percent(10).applied(0.7) == pytest.approx(0.77)
    assert Points(10) != Percent(10)


@given(st.floats(0.01, 0.99), st.floats(-0.9, 5))
def test_one_is_the_other_over_the_share(share, relative):
    points, percent = Points(100 * relative * share), Percent(100 * relative)
    assert points.applied(share) == pytest.approx(percent.applied(share))


def test_an_uncertain_change_is_drawn(rng):
    change = Points(Uncertain.normal(10, 2, name="gain"))
    draws = change.draws(20_000, rng)
    assert draws.mean() == pytest.approx(0.1, abs=5e-4)
    assert change.expected == 10
    assert Points(10).draws(5, rng) == 0.1


@pytest.mark.parametrize("wrong", ["10", None, True, float("nan")])
def test_no_number(wrong):
    with pytest.raises(TypeError, match="needs a number"):
        Points(wrong)


def test_more_than_all_cannot_be_taken():
    with pytest.raises(ValueError, match="takes away more than there is"):
        Percent(-101)


def test_a_bare_number_is_refused():
    with pytest.raises(TypeError, match=r"give Points\(10\)"):
        check_change(0.10)


def test_changes_of_other_models():
    for change in (ArcShift("a", "b", Points(1)), ConstantRetention(0.8, "Y")):
        with pytest.raises(TypeError, match="does not fit this model"):
            check_change(change)
