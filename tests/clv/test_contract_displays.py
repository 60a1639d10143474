import matplotlib as mpl
import numpy as np
import pytest

from crmml import DataError
from crmml.clv import BetaDiscreteWeibull, ExponentialGamma, SurvivorsDisplay

SEEN = [1000, 869, 743, 653, 593]
ALL = [*SEEN, 551, 517, 491, 468, 445, 427, 409, 394]


@pytest.fixture(autouse=True)
def no_windows():
    mpl.use("agg")
    yield
    import matplotlib.pyplot as plt

    plt.close("all")


def test_survivors_against_the_model():
    model = BetaDiscreteWeibull().fit_survivors(SEEN)
    display = SurvivorsDisplay.from_estimator(model, {"high end": ALL, "late": [500, 430]}, split_at=4)
    assert display.time.tolist() == list(range(13))
    np.testing.assert_array_equal(display.expected, model.survival(np.arange(13)))
    assert (display.lower <= display.expected).all()
    assert (display.expected <= display.upper).all()
    assert display.observed["late"].tolist() == [1.0, 0.86]
    share = display.observed["high end"]
    assert ((display.lower <= share) & (share <= display.upper)).all()  # renewals that the model has not seen included
    ax = display.plot().ax_
    assert ax.get_title()
    assert ax.get_xlabel() == "Renewals"
    assert ax.get_ylabel()
    assert any("not seen" in text.get_text() for text in ax.texts)


def test_continuous_time_and_its_end():
    model = ExponentialGamma().fit_survivors(SEEN)
    display = SurvivorsDisplay.from_estimator(model, SEEN, until=20, coverage=0.5, n_draws=200)
    assert (display.time[0], display.time[-1], display.time.size) == (0, 20, 401)
    assert display.plot().ax_.get_xlabel() == "Units of time"
    with pytest.raises(DataError, match="grows"):
        SurvivorsDisplay.from_estimator(model, [10, 11])
    with pytest.raises(ValueError, match="until"):
        SurvivorsDisplay.from_estimator(model, SEEN, until=0)
