import numpy as np
import pytest

from crmml import DataError
from crmml.datasets import make_stage_panel
from crmml.stages import MarkovStageModel, to_panel
from crmml.testing import contract_chain


def test_the_chain_is_found_again():
    chain = contract_chain()
    long = make_stage_panel(chain, n_customers=4000, n_periods=10, start="new", missing=0.1, random_state=0)
    assert list(long.columns) == ["customer_id", "period", "stage"]
    assert 0.9 < len(long) / 40_000 < 0.92  # a tenth is missing, but nobody's first period
    X, _ = to_panel(long, chain.stages)
    assert (X[:, 0] == 0).all()
    np.testing.assert_allclose(MarkovStageModel(chain.stages).fit(X).transition_matrix_, chain.P, atol=0.02)
    again = make_stage_panel(chain, n_customers=4000, n_periods=10, start="new", missing=0.1, random_state=0)
    assert long.equals(again)


def test_wrong_arguments():
    with pytest.raises(DataError) as caught:
        make_stage_panel(contract_chain(), n_customers=0, n_periods=1.5, missing=1)
    assert len(caught.value.faults) == 3
