import numpy as np
import pytest

from crmml import DataError
from crmml.stages import off_policy_value

from .test_process import process, two_actions

BEHAVIOUR = np.array([[0.6, 0.4], [0.3, 0.7], [0.5, 0.5]])
TARGET = np.array([[0.2, 0.8], [0.7, 0.3], [1.0, 0.0]])
REWARD = np.array([[20.0, 16.0], [5.0, 1.0], [0.0, 0.0]])


def logged(n, T, seed):
    rng = np.random.default_rng(seed)
    P = np.stack([chain.P for chain in two_actions().values()])
    X, A, R = (np.empty((n, T)) for _ in range(3))
    s = rng.integers(0, 2, n)
    for t in range(T):
        a = (rng.random(n) > BEHAVIOUR[s, 0]).astype(int)
        X[:, t], A[:, t], R[:, t] = s, a, REWARD[s, a] + rng.normal(size=n)
        s = (rng.random(n)[:, None] > np.cumsum(P[a, s], axis=1)).sum(axis=1).clip(max=2)
    return X, A, R


def truth(T, discount):
    P = np.stack([chain.P for chain in two_actions().values()])
    value = np.zeros(3)
    for _ in range(T):
        value = (TARGET * (REWARD + discount * np.einsum("asj,j->sa", P, value))).sum(axis=1)
    return value[:2].mean()


@pytest.mark.parametrize("method", ["doubly_robust", "weighted", "per_decision"])
def test_right_on_average_and_intervals_cover(method):
    goal, found, inside = truth(4, 0.9), [], 0
    for seed in range(200):
        result = off_policy_value(TARGET, *logged(700, 4, seed), behaviour=BEHAVIOUR, discount=0.9, method=method)
        found.append(result.value)
        inside += result.lower <= goal <= result.upper
    assert np.mean(found) == pytest.approx(goal, abs=4 * np.std(found) / np.sqrt(200) + 0.01 * goal)
    assert 0.82 <= inside / 200 <= 0.97


def test_the_model_lowers_the_variance():
    spread = {
        method: np.std(
            [off_policy_value(TARGET, *logged(700, 4, s), behaviour=BEHAVIOUR, method=method).value for s in range(60)]
        )
        for method in ("doubly_robust", "per_decision")
    }
    assert spread["doubly_robust"] < 0.7 * spread["per_decision"]


def test_the_logged_policy_is_worth_what_it_brought():
    X, A, R = logged(400, 4, 0)
    result = off_policy_value(BEHAVIOUR, X, A, R, behaviour=BEHAVIOUR, method="per_decision")
    assert result.value == pytest.approx(R.sum(axis=1).mean())
    assert result.effective_sample_size == pytest.approx(400)
    assert result.logged_value == pytest.approx(result.value)
    assert "400 of 400 customers" in result.describe()


def test_what_was_never_done_is_refused():
    X, A, R = logged(100, 4, 0)
    A[X == 0] = 0
    with pytest.raises(DataError, match="never taken in the log: action 1 in stage 0"):
        off_policy_value(TARGET, X, A, R)
    with pytest.raises(DataError) as caught:
        off_policy_value(TARGET, X, A + 2, np.full_like(R, np.nan))
    assert "actions has codes other than 0 to 1" in str(caught.value)
    assert "rewards is missing or infinite in 400" in str(caught.value)
    with pytest.raises(ValueError, match="changes from period to period"):
        off_policy_value(process().solve(horizon=4), X, A, R)
    with pytest.raises(ValueError, match="method"):
        off_policy_value(TARGET, X, A, R, method="magic")


def test_few_customers_are_warned_of():
    X, A, R = logged(60, 12, 0)
    with pytest.warns(UserWarning, match="rests on very few"):
        off_policy_value([[0.0, 1.0], [0.0, 1.0], [0.0, 1.0]], X, A, R)
