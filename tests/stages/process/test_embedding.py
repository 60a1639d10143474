import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from crmml.stages import StageChain, StageGenerator, StageSpace, embeddability
from crmml.testing import contract_chain


@settings(max_examples=40, deadline=None)
@given(arrays(float, (4, 4), elements=st.one_of(st.just(0.0), st.floats(0.01, 0.4))))
def test_what_comes_from_a_generator_is_found_again(rates):
    np.fill_diagonal(rates, 0)
    Q = rates - np.diag(rates.sum(axis=1))
    found = embeddability(StageGenerator(Q, unit="M").to_chain(1.0, "M"))
    assert found.verdict == "embeddable"
    np.testing.assert_allclose(found.generator.matrix, Q, atol=1e-6)
    assert found.distance < 1e-7


def test_reasons():
    swap = embeddability(StageChain([[0.0, 1.0], [1.0, 0.0]]))
    assert swap.verdict == "not embeddable"
    assert "determinant" in swap.describe()
    skipped = embeddability(contract_chain())
    assert "'broken' can be reached from 'loyal', but not in one period" in skipped.reasons
    assert 0 < skipped.distance < 0.05
    cycle = np.array([[0.8, 0.19, 0.01], [0.1, 0.7, 0.2], [0.01, 0.19, 0.8]])
    unsure = embeddability(StageChain(cycle))
    assert unsure.verdict == "open"
    assert "negative intensity" in unsure.describe()
    rank_one = embeddability(StageChain(np.full((3, 3), 1 / 3)))
    assert rank_one.verdict == "not embeddable"
    assert np.isfinite(rank_one.distance)


def test_units():
    space = StageSpace(("on", "gone"), rupture="gone", absorbing=("gone",))
    chain = StageChain([[0.8, 0.2], [0, 1]], space, "Y")
    months = embeddability(chain, "M").generator
    assert months.unit == "M"
    assert months.rupture_probability(12.0)[0] == pytest.approx(0.2)
    assert embeddability(chain).generator.matrix[0, 1] == pytest.approx(-np.log(0.8))
