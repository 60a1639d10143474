import pytest

from experiments.coverage import coverage


@pytest.mark.parametrize("model", ["BetaGeoNBD"])
def test_intervals_hold_the_truth_nine_times_in_ten(model):
    """150 bases: a coverage of 85 % would lie below the lower bound in 98 of 100 runs of other seeds."""
    found = coverage(model, fits=150, customers=500, n_draws=400)
    assert found.not_converged <= 3
    assert found.std_error < 0.02
    assert 0.87 < found.share < 0.93, found.describe()
