"""Fit in continuous time by the analytic gradient against differences: ``python -m experiments.benchmarks.continuous_stages``.

600 customers, four stages and rupture, the same likelihood and optimiser (L-BFGS-B of scipy); the other side takes scipy's
matrix exponential interval by interval and finite differences.
"""

from __future__ import annotations

import argparse
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.linalg import expm
from scipy.optimize import minimize

from crmml.stages import StageGenerator, StageSpace
from crmml.stages.models._panel_likelihood import Intervals, PanelLikelihood

from .ratios import compare, line

ARCS = np.array([[0, 1], [0, 4], [1, 0], [1, 2], [1, 4], [2, 1], [2, 3], [2, 4], [3, 2], [3, 4]])
RATES = np.array([0.13, 0.05, 0.07, 0.12, 0.014, 0.06, 0.074, 0.018, 0.058, 0.008])
RUPTURE = np.array([False, False, False, False, True])


def simulated(n_customers: int) -> Intervals:
    """Simulate customers looked at five times, irregularly; rupture to the moment."""
    Q = np.zeros((5, 5))
    Q[ARCS[:, 0], ARCS[:, 1]] = RATES
    Q -= np.diag(Q.sum(axis=1))
    moves = StageGenerator(Q, StageSpace(tuple("12345"), rupture="5"), "M").simulate(n_customers, 24.0, random_state=0)
    rng, rows = np.random.default_rng(0), []
    for _, path in moves.assign(code=moves["stage"].astype(int) - 1).groupby("customer_id"):
        at, stage = path["time"].to_numpy(), path["code"].to_numpy()
        broken = at[stage == 4].min() if (stage == 4).any() else np.inf
        times = np.r_[0, np.sort(rng.uniform(0, 24, 5))]
        seen = [(t, stage[np.searchsorted(at, t, "right") - 1], False) for t in times if t < broken]
        if np.isfinite(broken):
            seen.append((broken, 4, True))
        rows += [(a[1], b[1], b[0] - a[0], b[2]) for a, b in pairwise(seen)]
    table = pd.DataFrame(rows, columns=["origin", "to", "length", "exact"])
    arrays = [table[name].to_numpy() for name in table]
    return Intervals(*arrays, np.zeros((len(table), 0)), np.ones(len(table)))


def by_hand(data: Intervals, vector: np.ndarray) -> float:
    """Return the log-likelihood with one matrix exponential per interval."""
    Q = np.zeros((5, 5))
    Q[ARCS[:, 0], ARCS[:, 1]] = np.exp(vector)
    Q -= np.diag(Q.sum(axis=1))
    total = 0.0
    for a, b, t, exact in zip(data.origin, data.to, data.length, data.exact, strict=True):
        P = expm(Q * t)
        total += np.log(P[a, :4] @ Q[:4, 4] if exact else P[a, b])
    return total


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=600)
    customers = parser.parse_args(argv).customers
    data, start = simulated(customers), np.full(len(ARCS), -2.5)
    likelihood = PanelLikelihood(data, ARCS, RUPTURE)

    def ours() -> float:
        return minimize(lambda v: tuple(-part for part in likelihood(v)), start, jac=True, method="L-BFGS-B").fun

    def theirs() -> float:
        return minimize(lambda v: -by_hand(data, v), start, method="L-BFGS-B").fun

    assert abs(likelihood(np.log(RATES))[0] - by_hand(data, np.log(RATES))) < 1e-7
    seconds = compare({"crmml": ours, "expm and differences": theirs}, repeats=1, warm_up=0)
    print(line(f"fit, {customers} customers, {len(data.origin):,} intervals", seconds, target="10x"))


if __name__ == "__main__":
    main()
