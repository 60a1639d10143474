"""Models of observed stages against the same work by hand, in process CPU time: ``python -m experiments.benchmarks.stages``."""

from __future__ import annotations

import argparse

import numpy as np
from sklearn.linear_model import LogisticRegression

from crmml.stages import CovariateMarkovStageModel, MarkovStageModel
from crmml.stages.models.panel import count_transitions

from .ratios import compare, line


def bare_counts(X: np.ndarray, n: int) -> np.ndarray:
    """Count the moves of a complete panel of integer codes with one bincount."""
    return np.bincount((X[:, :-1] * n + X[:, 1:]).ravel(), minlength=n * n).reshape(n, n)


def with_covariates(n_customers: int, n_periods: int) -> tuple[np.ndarray, np.ndarray]:
    """Simulate three stages whose moves depend on three covariates."""
    rng = np.random.default_rng(0)
    Z, effect = rng.normal(size=(n_customers, n_periods, 3)), 0.7 * rng.normal(size=(3, 3, 3))
    X = np.zeros((n_customers, n_periods))
    for t in range(n_periods - 1):
        utility = np.einsum("nk,nkj->nj", Z[:, t], effect[X[:, t].astype(int)]) + rng.gumbel(size=(n_customers, 3))
        X[:, t + 1] = utility.argmax(axis=1)
    return X, Z


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args(argv).repeats
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 5, (100_000, 24))
    panel = codes.astype(float)
    work = {"crmml": lambda: count_transitions(panel, 5), "bincount": lambda: bare_counts(codes, 5)}
    print(line("moves of 100,000 x 24", compare(work, repeats), target="at least 0.5x"))
    model = MarkovStageModel(5)
    work = {"crmml": lambda: model.fit(panel), "bincount": lambda: bare_counts(codes, 5)}
    print(line("fit with checks, 100,000 x 24", compare(work, repeats)))
    X, Z = with_covariates(50_000, 25)

    def bare() -> None:
        for i in range(3):
            who, when = np.nonzero(X[:, :-1] == i)
            LogisticRegression(C=np.inf, max_iter=1000).fit(Z[who, when], X[who, when + 1])

    work = {
        "crmml": lambda: CovariateMarkovStageModel(3).fit(X, covariates={f"z{k}": Z[..., k] for k in range(3)}),
        "bare classifiers": bare,
    }
    print(line("1.2M moves x 3 covariates", compare(work, min(repeats, 3)), target="at least 0.83x"))


if __name__ == "__main__":
    main()
