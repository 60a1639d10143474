import numpy as np
from hypothesis import HealthCheck, given, settings

from crmml.clv import BetaGeoNBD, GammaGamma
from crmml.testing.strategies import parameters, summaries, transaction_logs
from crmml.transactions import clean, summarize


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(summaries(value=True), parameters(BetaGeoNBD))
def test_summaries_are_legal_for_every_model(X, params):
    model = BetaGeoNBD().set_fitted_params(**params)
    assert np.isfinite(model.predict(X, 30.0)).all()
    assert np.isfinite(model.score(X))
    assert np.isfinite(GammaGamma().set_fitted_params(p=2.0, q=3.0, gamma=5.0).predict(X)).all()


@settings(deadline=None, max_examples=30)
@given(transaction_logs(refunds=True))
def test_logs_are_legal(log):
    cleaned, report = clean(log, value="value")
    assert report.rows_out == len(cleaned)
    if len(cleaned):
        assert len(summarize(cleaned, value="value")) == cleaned["customer_id"].nunique()
