import numpy as np
import pytest

from crmml.stages import select_n_stages


def test_the_lowest_bic_is_chosen():
    rng = np.random.default_rng(0)
    X = np.where(rng.random((150, 1)) < 0.5, rng.poisson(0.5, (150, 6)), rng.poisson(6.0, (150, 6)))
    found = select_n_stages(X, [1, 2], n_init=1, std_errors=False)
    assert found.table["n_stages"].tolist() == [1, 2]
    assert found.best is found.models[2]
    assert found.best.bic_ == found.table["bic"].min()
    assert found.describe().startswith("BIC chooses 2 stages")
    only = select_n_stages(X, [1])
    assert only.describe() == "BIC chooses 1 stage, the only number tried."
    with pytest.raises(ValueError, match="at least one number"):
        select_n_stages(X, [])
