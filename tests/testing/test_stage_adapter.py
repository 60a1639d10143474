import numpy as np

from crmml.testing.stage_adapter import N_PERIODS, legal_panel, legal_stage_models


def test_any_matrix_becomes_codes_row_by_row():
    X = np.random.default_rng(0).normal(size=(50, 3)) * 100
    panel = legal_panel(X, 3)
    assert panel.shape == (50, N_PERIODS)
    assert set(np.unique(panel)) == {0.0, 1.0, 2.0}
    np.testing.assert_array_equal(legal_panel(X[7:8], 3), panel[7:8])


def test_each_model_fits_them():
    X = np.random.default_rng(0).normal(size=(60, 3))
    for model in legal_stage_models():
        assert model.fit(X).predict_proba(X).shape == (60, 2)
