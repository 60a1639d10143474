"""Campaigns beside bare numpy, pandas and scikit-learn: ``python -m experiments.benchmarks.campaigns``.

What is written by hand here checks nothing, names nothing and tells no uncertainty; each pair gives the same figures.
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier

from crmml.campaigns import ChannelPaths, Targeting, TLearner, attribute
from crmml.metrics import qini_score

from .ratios import compare, line


def same(ours: object, by_hand: object) -> None:
    """Refuse a comparison of two that do not agree."""
    if not np.allclose(ours, by_hand, rtol=1e-9, atol=1e-12):
        raise AssertionError(f"the two do not agree: {ours}, {by_hand}")


def qini_by_hand(y: np.ndarray, score: np.ndarray, treatment: np.ndarray) -> float:
    order = np.argsort(-score, kind="stable")
    y, treated = y[order], treatment[order]
    n_treated, n_control = np.cumsum(treated), np.cumsum(1 - treated)
    control = np.cumsum(y * (1 - treated)) / np.maximum(n_control, 1)
    curve = (np.cumsum(y * treated) - n_treated * control) / n_treated[-1]
    return curve.mean() - (y[treated == 1].mean() - y[treated == 0].mean()) / 2


def of_qini(n: int, repeats: int) -> str:
    rng = np.random.default_rng(0)
    score, treatment = rng.normal(size=n), rng.integers(0, 2, n)
    y = (rng.random(n) < 0.1 + 0.02 * treatment * (score > 0)).astype(float)
    same(qini_score(y, score, treatment), qini_by_hand(y, score, treatment))
    work = {
        "crmml": lambda: qini_score(y, score, treatment),
        "numpy by hand": lambda: qini_by_hand(y, score, treatment),
    }
    return line(f"Qini of {n:,} customers", compare(work, repeats))


def of_learner(n: int, repeats: int) -> str:
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.normal(size=(n, 8)), columns=[f"x{j}" for j in range(8)])
    treatment = rng.integers(0, 2, n)
    y = (rng.random(n) < 0.1 + 0.05 * treatment * (X["x0"] > 0)).astype(int).to_numpy()
    trees = HistGradientBoostingClassifier(max_iter=50, random_state=0)

    def bare() -> np.ndarray:
        arms = [clone(trees).fit(X[treatment == arm], y[treatment == arm]) for arm in (1, 0)]
        treated, control = (arm.predict_proba(X)[:, 1] for arm in arms)
        return treated - control

    def ours() -> np.ndarray:
        return TLearner(trees, control=0, random_state=0).fit(X, y, treatment=treatment).predict(X)

    same(ours().ravel(), bare())
    seconds = compare({"crmml": ours, "two bare fits": bare}, repeats)
    return line(f"T-learner of {n:,} customers, fit and predict", seconds)


def of_targeting(n: int, repeats: int) -> str:
    rng = np.random.default_rng(0)
    uplift, value = rng.normal(0.01, 0.02, n), rng.lognormal(4, 1, n)
    cost, budget = 0.5, 0.05 * n

    def by_hand() -> float:
        profit = uplift * value - cost
        order = np.argsort(-profit, kind="stable")[: int(budget // cost)]
        return profit[order][profit[order] > 0].sum()

    def ours() -> float:
        return Targeting(budget=budget).plan(uplift, value=value, cost=cost).expected_profit

    same(ours(), by_hand())
    return line(
        f"plan for {n:,} customers, one action, a budget", compare({"crmml": ours, "numpy by hand": by_hand}, repeats)
    )


def of_attribution(n: int, repeats: int) -> str:
    rng = np.random.default_rng(0)
    path = np.repeat(np.arange(n), 3)
    touches = pd.DataFrame(
        {
            "path_id": path,
            "channel": np.array([f"channel {c}" for c in range(8)])[rng.integers(0, 8, 3 * n)],
            "position": np.tile(np.arange(3), n),
            "converted": np.repeat(rng.random(n) < 0.1, 3),
        }
    )

    def by_hand() -> np.ndarray:  # the transitions are counted, which any removal effect starts from
        ordered = touches.sort_values(["path_id", "position"], kind="stable")
        nxt = ordered.groupby("path_id")["channel"].shift(-1)
        return pd.crosstab(ordered["channel"], nxt.fillna("end")).to_numpy()

    def ours() -> object:
        paths = ChannelPaths.from_touches(
            touches, path_id="path_id", channel="channel", position="position", converted="converted"
        )
        return attribute(paths, "markov", n_resamples=0)

    seconds = compare({"crmml": ours, "transitions alone, in pandas": by_hand}, repeats)
    return line(f"Markov removal, {n:,} paths of 3 touches", seconds)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=3)
    chosen = parser.parse_args(argv)
    for work in (of_qini, of_targeting, of_attribution):
        print(work(chosen.customers, chosen.repeats), flush=True)
    print(of_learner(max(chosen.customers // 10, 100), chosen.repeats), flush=True)


if __name__ == "__main__":
    main()
