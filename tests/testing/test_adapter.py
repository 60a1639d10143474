import numpy as np
import pytest

from crmml.clv import BetaGeoBetaBinomial, BetaGeoNBD
from crmml.testing.adapter import legal_estimators, legal_rows


@pytest.mark.parametrize("discrete", [False, True])
def test_any_matrix_becomes_a_legal_summary_row_by_row(discrete):
    X = np.random.default_rng(0).normal(size=(200, 3)) * 50
    rows = legal_rows(X, ("frequency", "recency", "T"), discrete)
    model = BetaGeoBetaBinomial() if discrete else BetaGeoNBD()
    assert model._check_meaning(rows) == []
    np.testing.assert_array_equal(legal_rows(X[7:8], ("frequency", "recency", "T"), discrete), rows[7:8])


def test_each_estimator_reads_them():
    X = np.random.default_rng(0).normal(size=(60, 3))
    for model in legal_estimators():
        assert np.isfinite(model._summary(X, reset=True)).all()
