"""Pareto/NBD with covariates that change every week: ``python -m experiments.benchmarks.covariate_paths``.

Customers are simulated from the model, over weeks whose covariates are three normal numbers each, so that no two pieces are alike.
The likelihood is set beside the same integral taken by scipy's adaptive rule, customer by customer and piece by piece.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import pandas as pd
from scipy.integrate import quad
from scipy.special import gammaln

from crmml.clv import ParetoNBD

from .ratios import compare, cpu_seconds, line

NAMES = ("price", "mailing", "weather")
TRUTH = {"r": 1.2, "alpha": 12.0, "s": 1.0, "beta": 40.0}
PURCHASE, DROPOUT = np.array([0.4, -0.2, 0.1]), np.array([0.2, 0.0, -0.1])


def simulated(n: int, weeks: int, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Summary and covariate paths of n customers who are observed for up to so many weeks."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, weeks, len(NAMES)))
    T = rng.uniform(0.6 * weeks, weeks, n)
    pace, hazard = np.exp(z @ PURCHASE), np.exp(z @ DROPOUT)
    rate = rng.gamma(TRUTH["r"], 1 / TRUTH["alpha"], n)
    lived = np.minimum(rng.exponential(size=n) / rng.gamma(TRUTH["s"], 1 / TRUTH["beta"], n), hazard.sum(axis=1))
    before = np.cumsum(hazard, axis=1) - hazard
    span = np.clip((lived[:, None] - before) / hazard, 0, 1)
    span = np.minimum(span, np.clip(T[:, None] - np.arange(weeks), 0, 1))
    count = rng.poisson(rate[:, None] * pace * span)
    latest = np.arange(weeks) + span * rng.beta(np.maximum(count, 1), 1)
    recency = np.max(np.where(count > 0, latest, 0.0), axis=1)
    X = pd.DataFrame({"customer_id": np.arange(n), "frequency": count.sum(axis=1), "recency": recency, "T": T})
    start = np.tile(np.arange(float(weeks)), n)
    paths = {
        "customer_id": np.repeat(np.arange(n), weeks),
        "start": start,
        "end": start + 1,
        "purchases": count.ravel(),
    }
    return X, pd.DataFrame(paths | dict(zip(NAMES, z.reshape(-1, len(NAMES)).T, strict=True)))


def model() -> ParetoNBD:
    return ParetoNBD(purchase_covariates=NAMES, dropout_covariates=NAMES)


def by_hand(X: pd.DataFrame, paths: pd.DataFrame) -> float:
    """The mean log-likelihood at the truth, by scipy's adaptive rule."""
    r, alpha, s, beta = TRUTH.values()
    total = 0.0
    for row, (_, path) in zip(X.itertuples(), paths.groupby("customer_id"), strict=True):
        z, edges = path[list(NAMES)].to_numpy(), np.append(path["start"], path["end"].iloc[-1])
        a, b, p = np.exp(z @ PURCHASE), np.exp(z @ DROPOUT), r + row.frequency
        at_A, at_B = (np.append(0, np.cumsum(value * np.diff(edges))) for value in (a, b))
        gone = 0.0
        for k in np.flatnonzero((edges[1:] > row.recency) & (edges[:-1] < row.T)):

            def left(t: float, k: int = k, a=a, b=b, at_A=at_A, at_B=at_B, edges=edges, p=p) -> float:
                A, B = at_A[k] + a[k] * (t - edges[k]), at_B[k] + b[k] * (t - edges[k])
                return (1 + A / alpha) ** -p * s * b[k] / beta * (1 + B / beta) ** -(s + 1)

            gone += quad(left, max(edges[k], row.recency), min(edges[k + 1], row.T), epsabs=0, epsrel=1e-10)[0]
        A, B = np.interp(row.T, edges, at_A), np.interp(row.T, edges, at_B)
        stay = (1 + A / alpha) ** -p * (1 + B / beta) ** -s
        total += gammaln(p) - gammaln(r) - row.frequency * np.log(alpha) + np.log(stay + gone)
        total += float(PURCHASE @ (path["purchases"].to_numpy() @ z))
    return total / len(X)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, nargs="*", default=[600, 10_000])
    parser.add_argument("--weeks", type=int, default=104)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args(argv)
    warnings.filterwarnings("ignore")
    X, paths = simulated(min(arguments.customers), arguments.weeks)
    known = model().set_fitted_params(
        **TRUTH,
        coef_purchase=dict(zip(NAMES, PURCHASE.tolist(), strict=True)),
        coef_dropout=dict(zip(NAMES, DROPOUT.tolist(), strict=True)),
    )
    if not np.isclose(known.score(X, covariate_paths=paths), by_hand(X, paths), rtol=1e-9):
        raise AssertionError("the two likelihoods do not agree")
    work = {"crmml": lambda: known.score(X, covariate_paths=paths), "scipy's quad": lambda: by_hand(X, paths)}
    print(line(f"log-likelihood, {len(X):,} customers x 3", compare(work, arguments.repeats)), flush=True)
    for size in arguments.customers:
        X, paths = simulated(size, arguments.weeks)
        fitted: list[ParetoNBD] = []
        fit = cpu_seconds(lambda X=X, paths=paths, to=fitted: to.append(model().fit(X, covariate_paths=paths)))
        alive = cpu_seconds(lambda X=X, paths=paths, to=fitted: to[0].probability_alive(X, covariate_paths=paths))
        said = "" if fitted[0].converged_ else " (not converged)"
        print(
            f"{size:,} customers x {arguments.weeks} weeks x 3: fit {fit:.2f} s{said}, P(alive) {alive:.2f} s",
            flush=True,
        )


if __name__ == "__main__":
    main()
