"""EM of the hidden Markov model against hmmlearn, in process CPU time: ``python -m experiments.benchmarks.hidden_stages``.

The same counts are taken as categories, for which hmmlearn has its fastest path (scaling), and as Poisson counts, for which it
works in logs and calls scipy's density for each customer.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np

from crmml.stages.models._emissions import CategoricalEmission, PoissonEmission
from crmml.stages.models._hidden_data import HiddenData, HiddenParameters, em
from crmml.stages.models._transition_logit import TransitionLogit

from .ratios import compare, line

RATES = np.array([0.3, 2.2, 6.5])
P = np.array([[0.88, 0.10, 0.02], [0.12, 0.78, 0.10], [0.03, 0.17, 0.80]])


def simulated(n_customers: int, n_periods: int) -> np.ndarray:
    """Simulate counts of customers in three hidden stages."""
    rng = np.random.default_rng(0)
    stage, X = rng.integers(0, 3, n_customers), np.empty((n_customers, n_periods))
    for t in range(n_periods):
        X[:, t] = rng.poisson(RATES[stage])
        stage = (rng.random(n_customers)[:, None] > np.cumsum(P, axis=1)[stage]).sum(axis=1)
    return X


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=2)
    arguments = parser.parse_args(argv)
    from hmmlearn.hmm import CategoricalHMM, PoissonHMM

    X = simulated(arguments.customers, 24)
    data, logit = HiddenData(X), TransitionLogit(np.ones((3, 3), dtype=bool), 0)
    flat, lengths = X.astype(int).reshape(-1, 1), [24] * len(X)
    start = np.full(3, 1 / 3)
    proba = np.exp(
        PoissonEmission().log_density(np.arange(X.max() + 1), None, {"rate": 1.1 * RATES, "beta": np.zeros(0)})
    ).T
    proba /= proba.sum(axis=1, keepdims=True)

    def theirs(kind: str) -> None:
        if kind == "categorical":
            model = CategoricalHMM(3, n_iter=1, init_params="", tol=0, implementation="scaling")
            model.emissionprob_ = proba
        else:
            model = PoissonHMM(3, n_iter=1, init_params="", tol=0)
            model.lambdas_ = 1.1 * RATES[:, None]
        model.startprob_, model.transmat_ = start, P
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.fit(flat, lengths)

    for kind, emission, parameters in (
        ("categorical", CategoricalEmission(), {"proba": proba}),
        ("poisson", PoissonEmission(), {"rate": 1.1 * RATES, "beta": np.zeros(0)}),
    ):
        at = HiddenParameters(start, logit.from_matrix(P), parameters)
        work = {
            "crmml": lambda e=emission, p=at: em(data, e, logit, p, 1, 0.0),
            "hmmlearn": lambda kind=kind: theirs(kind),
        }
        seconds = compare(work, arguments.repeats)
        seconds["crmml"] /= 2  # one step of EM here is two passes: one before the step, one to judge it
        print(line(f"EM step, {kind}, {arguments.customers:,} x 24 x 3", seconds, target="10x"))


if __name__ == "__main__":
    main()
