import numpy as np
import pytest

from crmml.stages.decisions.policy import induced_chain

from .test_process import process, two_actions


def test_table_and_words():
    policy = process().solve(start="on")
    table = policy.table()
    assert list(table.columns) == ["stage", "action", "probability", "value", "rupture_probability"]
    assert table["value"].tolist() == policy.stage_value.tolist()
    text = policy.describe()
    for part in ("What to do now, by stage: on: visit", "for ever", "within 12 periods", "Always nothing"):
        assert part in text
    mixed = process(cost=9.0).solve(max_rupture=0.5, start="on")
    assert "over 12 periods" in mixed.describe()
    assert mixed.now.shape == (3, 2)
    assert mixed.action(0) == mixed.action("on")


def test_the_chain_of_a_policy():
    chains = two_actions()
    rule = np.array([[0.5, 0.5], [1.0, 0.0], [1.0, 0.0]])
    P = induced_chain(chains, rule).P
    np.testing.assert_allclose(P[0], (chains["nothing"].P[0] + chains["visit"].P[0]) / 2)
    np.testing.assert_allclose(P[1], chains["nothing"].P[1])
    found = process().evaluate(rule, start="on")
    assert found.rupture == pytest.approx(induced_chain(chains, rule).rupture_probability(12)[0])
