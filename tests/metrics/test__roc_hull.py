import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml.metrics import _roc_hull
from crmml.metrics._roc_hull import _curve, _majorant, hull_corners


def brute_force(y, score):
    """Corners of the upper hull by turning left never: Andrew's chain over the ends of groups of equal scores."""
    x, p, _ = _curve(y, score)
    chain = [(0, 0)]
    for point in zip((x - p).tolist(), p.tolist(), strict=True):
        while len(chain) > 1:
            (a, b), (c, d) = chain[-2:]
            if (c - a) * (point[1] - b) - (d - b) * (point[0] - a) >= 0:
                chain.pop()
            else:
                break
        chain.append(point)
    return [(s + c, c) for s, c in chain]


def corners(y, score):
    return list(zip(*(array.tolist() for array in hull_corners(y, score)), strict=True))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(-3, 3)), min_size=1, max_size=20))
def test_against_andrews_chain(rows):
    y, score = np.array([r[0] for r in rows]), np.array([float(r[1]) for r in rows])
    assert corners(y, score) == brute_force(y, score)


@pytest.mark.parametrize(
    "kind", ["uniform", "normal", "tied", "skewed", "useless", "perfect", "reversed", "few buckets"]
)
def test_buckets_change_nothing(kind):
    rng = np.random.default_rng(0)
    n = 60_000
    score = {
        "tied": rng.integers(0, 50, n).astype(float),
        "normal": rng.normal(size=n),
        "few buckets": np.where(rng.random(n) < 1e-4, 1e9, rng.random(n)),
        "skewed": rng.lognormal(0, 4, n),
    }.get(kind, rng.random(n))
    rank = score.argsort().argsort() / n
    y = rng.random(n) < (0.3 if kind == "useless" else 0.6 * rank**2)
    y = {"perfect": rank > 0.8, "reversed": rank < 0.2}.get(kind, y)
    wanted = _majorant(*_curve(y, score)[:2])
    found = hull_corners(y, score)
    for one, two in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, two)


def test_small_buckets_too(monkeypatch):
    monkeypatch.setattr(_roc_hull, "SMALL", 2)
    monkeypatch.setattr(_roc_hull, "BUCKETS", 8)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        score, y = rng.integers(0, 60, 100) / 7.0, rng.random(100) < 0.4
        assert corners(y, score) == brute_force(y, score)
