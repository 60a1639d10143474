import numpy as np
import pytest
from scipy.stats import ttest_ind

from crmml import DataError
from crmml.metrics import bootstrap_interval, uplift_calibration_error, uplift_calibration_table


def make(n=20_000, seed=0, shift=0.0):
    rng = np.random.default_rng(seed)
    uplift, treated = rng.uniform(-0.1, 0.3, n), rng.integers(0, 2, n)
    y = (rng.random(n) < 0.3 + uplift * treated).astype(float)
    return y, uplift + shift, treated


def test_bins_by_hand():
    y, uplift, treated = make(2000)
    table = uplift_calibration_table(y, uplift, treated, n_bins=4)
    assert table["customers"].tolist() == [500] * 4
    assert (table["treated"] + table["controls"] == table["customers"]).all()
    order = np.argsort(uplift)
    for k in range(4):
        rows = order[500 * k : 500 * (k + 1)]
        t = treated[rows] == 1
        row = table.iloc[k]
        assert row["lower"] == uplift[rows].min()
        assert row["upper"] == uplift[rows].max()
        assert row["predicted"] == pytest.approx(uplift[rows].mean())
        assert row["observed"] == pytest.approx(y[rows][t].mean() - y[rows][~t].mean())
        wanted = y[rows][t].var(ddof=1) / t.sum() + y[rows][~t].var(ddof=1) / (~t).sum()
        assert row["variance"] == pytest.approx(wanted)


def test_newcombe_published():
    """Newcombe 1998, table II, row (a): 56/70 against 48/80, method 10, 95 %: .0524 to .3339."""
    y = np.repeat([1.0, 0.0, 1.0, 0.0], [56, 14, 48, 32])
    treated = np.repeat([1, 0], [70, 80])
    row = uplift_calibration_table(y, np.zeros(150), treated, n_bins=1, coverage=0.95).iloc[0]
    assert row["observed"] == pytest.approx(0.2)
    assert row["observed_lower"] == pytest.approx(0.0524, abs=5e-5)
    assert row["observed_upper"] == pytest.approx(0.3339, abs=5e-5)


def test_amounts_get_welchs_interval():
    rng = np.random.default_rng(0)
    treated = rng.integers(0, 2, 90)
    y = rng.normal(10, 1 + 2 * treated)
    row = uplift_calibration_table(y, np.zeros(90), treated, n_bins=1, coverage=0.9).iloc[0]
    wanted = ttest_ind(y[treated == 1], y[treated == 0], equal_var=False).confidence_interval(0.9)
    assert row["observed_lower"] == pytest.approx(wanted.low)
    assert row["observed_upper"] == pytest.approx(wanted.high)


def test_intervals_cover():
    covered = []
    for seed in range(60):
        y, uplift, treated = make(2000, seed)
        table = uplift_calibration_table(y, uplift, treated, n_bins=5, coverage=0.9)
        covered += (
            (table["observed_lower"] <= table["predicted"]) & (table["predicted"] <= table["observed_upper"])
        ).tolist()
    # 300 bins: four standard errors of a share of 0.9
    assert np.mean(covered) == pytest.approx(0.9, abs=4 * np.sqrt(0.9 * 0.1 / 300))


def test_the_error_is_not_noise():
    """A perfect model has an expected squared error of 0, one that is off by 0.1 of 0.01, however many the bins."""
    for n_bins in (5, 50):
        for shift in (0.0, 0.1):
            squared = []
            for seed in range(40):
                table = uplift_calibration_table(*make(2000, seed, shift), n_bins=n_bins)
                gap = (table["predicted"] - table["observed"]) ** 2
                squared.append((table["customers"] * (gap - table["variance"])).sum() / table["customers"].sum())
                if seed == 0:
                    found = uplift_calibration_error(*make(2000, seed, shift), n_bins=n_bins)
                    assert found == pytest.approx(np.sqrt(max(0, squared[0])))
            assert np.mean(squared) == pytest.approx(shift**2, abs=4 * np.std(squared) / np.sqrt(40))


def test_a_few_predictions_make_a_few_bins():
    rng = np.random.default_rng(0)
    uplift, treated = rng.choice([0.0, 0.1, 0.1, 0.1], 400), rng.integers(0, 2, 400)
    y = rng.random(400)
    table = uplift_calibration_table(y, uplift, treated)
    assert table["predicted"].round(12).tolist() == [0.0, 0.1]
    assert len(uplift_calibration_table(y, np.zeros(400), treated)) == 1


def test_an_interval_of_the_error():
    y, uplift, treated = make(3000, shift=0.2)
    found = bootstrap_interval(uplift_calibration_error, y, uplift, treated, n_resamples=50, random_state=0)
    assert found.lower < 0.2 < found.upper


def test_faults():
    y, uplift, treated = make(60)
    with pytest.raises(DataError, match=r"bin 1 of 30 has .* at least 2 of each are needed, so take fewer bins"):
        uplift_calibration_table(y, uplift, treated, n_bins=30)
    with pytest.raises(DataError, match="n_bins=0 must be"):
        uplift_calibration_table(y, uplift, treated, n_bins=0)
    with pytest.raises(DataError, match=r"coverage=90 must lie between 0 and 1; write 0\.9"):
        uplift_calibration_table(y, uplift, treated, coverage=90)
    with pytest.raises(DataError, match=r"1 value of uplift|1 value of score"):
        uplift_calibration_error(y, np.append(uplift[:-1], np.nan), treated)


def test_percent_for_probabilities_and_too_many_bins():
    rng = np.random.default_rng(0)
    uplift, treatment = rng.uniform(0, 0.4, 400), rng.integers(0, 2, 400)
    y = rng.random(400) < 0.3 + uplift * treatment
    with pytest.raises(
        DataError, match=r"\d+ of 400 predictions lie beyond \[-1, 1\], though y is 0 or 1: they look like percent"
    ):
        uplift_calibration_error(y, 100 * uplift, treatment)
    assert uplift_calibration_table(100.0 * y, 100 * uplift, treatment, n_bins=2).shape[0] == 2
    with pytest.raises(DataError, match=r"so it is in \d+ more bins") as error:
        uplift_calibration_table(y, uplift, treatment, n_bins=400)
    assert len(error.value.faults) == 4
