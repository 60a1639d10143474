import numpy as np
import pytest

from crmml import DataError
from crmml.metrics import calibration_table, expected_calibration_error, wilson_interval


def test_error_by_hand():
    y = [0, 1, 1, 0, 1]
    p = [0.05, 0.08, 0.55, 0.52, 1.0]
    wanted = (2 * abs(0.065 - 0.5) + 2 * abs(0.535 - 0.5) + 0) / 5
    assert expected_calibration_error(y, p) == pytest.approx(wanted)
    assert expected_calibration_error([0, 1], [0.0, 1.0]) == 0


def test_true_probabilities_have_little_error():
    rng = np.random.default_rng(0)
    p = rng.random(100_000)
    y = rng.random(100_000) < p
    assert expected_calibration_error(y, p) < 0.006
    assert expected_calibration_error(y, p, bins="count") < 0.006
    assert expected_calibration_error(y, p**2) > 0.1
    table = calibration_table(y, p)
    assert table["customers"].sum() == 100_000
    assert ((table["rate_lower"] < table["rate"]) & (table["rate"] < table["rate_upper"])).all()


def test_edges_and_equal_probabilities():
    table = calibration_table([0, 1, 0, 1], [0.1, 0.1, 1.0, 1.0])
    assert table["lower"].tolist() == [0.1, 0.9]
    by_count = calibration_table([0, 1, 0, 1], [0.2, 0.2, 0.2, 0.2], bins="count")
    assert by_count["customers"].tolist() == [4]


def test_wilson_of_nothing_seen():
    lower, upper = wilson_interval(0.0, 10, coverage=0.95)
    assert lower == 0
    assert upper == pytest.approx(0.2775, abs=1e-4)


def test_faults():
    with pytest.raises(DataError, match=r"probabilities run from -2 to 0.5"):
        expected_calibration_error([0, 1], [-2, 0.5])
    with pytest.raises(DataError, match="n_bins"):
        calibration_table([0, 1], [0.1, 0.5], n_bins=0)
