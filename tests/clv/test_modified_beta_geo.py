import pytest

from crmml.clv import ModifiedBetaGeoNBD

from .cdnow import cdnow_split


def test_published_fit_on_cdnow():
    """BTYDplus and lifetimes print these for the CDNOW sample in weeks."""
    model = ModifiedBetaGeoNBD(horizon=39).fit(cdnow_split())
    published = {"r": 0.52484, "alpha": 6.18309, "a": 0.89139, "b": 1.61405}
    assert dict(model.params_) == pytest.approx(published, rel=1e-4)
    assert model.log_likelihood_ == pytest.approx(-9582.1357, abs=5e-5)
    assert model.predict(cdnow_split()).sum() == pytest.approx(1576.71, abs=0.05)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_who_never_came_back_may_have_left():
    model = ModifiedBetaGeoNBD().fit(cdnow_split())
    alive = model.probability_alive([[0, 0.0, 1.0], [0, 0.0, 39.0], [0, 0.0, 400.0]])
    assert 1 > alive[0] > alive[1] > alive[2] > 0
