"""Do 90 % intervals hold the truth nine times in ten? ``python -m experiments.coverage --fits 1000``.

For each of many simulated customer bases a model is fitted, its posterior sampled, and the interval of the expected
purchases of customers drawn from that base compared with the expectation at the true parameters. Customers of one base
share its estimates, so that the standard error of the coverage is that of the bases' means.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.stats import norm

from crmml import clv, tracking

#: Designs in which all parameters are identified: enough customers, purchases and dropouts.
DESIGNS: dict[str, dict[str, float]] = {
    "BetaGeoNBD": {"r": 0.8, "alpha": 6.0, "a": 0.8, "b": 2.4},
    "ModifiedBetaGeoNBD": {"r": 0.8, "alpha": 6.0, "a": 0.8, "b": 2.4},
    "ParetoNBD": {"r": 0.8, "alpha": 6.0, "s": 0.9, "beta": 15.0},
}
CUSTOMERS, T, HORIZON, ASKED = 1000, 52.0, 26.0, 20


@dataclass(frozen=True)
class Coverage:
    """Share of true expectations inside their intervals.

    Attributes
    ----------
    model : str
    share, std_error : float
    fits, not_converged : int
    """

    model: str
    share: float
    std_error: float
    fits: int
    not_converged: int

    def describe(self, nominal: float = 0.9) -> str:
        """Say what was found, with the 95 % interval of the share."""
        margin = norm.ppf(0.975) * self.std_error
        return (
            f"{self.model}: {self.share:.1%} of true conditional means inside their {nominal:.0%} intervals "
            f"({self.share - margin:.1%} to {self.share + margin:.1%}), {self.fits:,} fits, "
            f"{self.not_converged:,} of them without an interior optimum."
        )


def one_fit(name: str, seed: int, customers: int = CUSTOMERS, n_draws: int = 1000) -> tuple[float, bool]:
    """Share of customers of one simulated base whose true conditional mean lies inside its interval."""
    model = getattr(clv, name)
    truth = model().set_fitted_params(**DESIGNS[name])
    times = truth.simulate(customers, T, random_state=seed).groupby("customer_id")["time"]
    X = pd.DataFrame({"frequency": times.size() - 1, "recency": times.max(), "T": T})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = model().fit(X)
        fitted.sample_posterior(n_draws, random_state=seed)
        asked = X.sample(ASKED, random_state=seed)
        interval = fitted.predict_interval(asked, horizon=HORIZON, coverage=0.9, n_draws=n_draws)
    mean = truth.predict(asked, HORIZON)
    return float(((interval[:, 0] <= mean) & (mean <= interval[:, 1])).mean()), fitted.converged_


def coverage(name: str, fits: int, n_jobs: int = 1, first_seed: int = 0, **options) -> Coverage:
    """Coverage over many fits, with fixed seeds."""
    work = (delayed(one_fit)(name, first_seed + seed, **options) for seed in range(fits))
    shares, converged = zip(*Parallel(n_jobs=n_jobs)(work), strict=True)
    return Coverage(
        name, float(np.mean(shares)), float(np.std(shares, ddof=1) / np.sqrt(fits)), fits, fits - int(np.sum(converged))
    )


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--fits", type=int, default=1000)
    parser.add_argument("--models", nargs="*", default=[name for name in DESIGNS if hasattr(clv, name)])
    parser.add_argument("--n-jobs", type=int, default=-1)
    arguments = parser.parse_args(argv)
    tracking.quiet()
    for name in arguments.models:
        found = coverage(name, arguments.fits, arguments.n_jobs)
        with tracking.track(
            "coverage", run_name=name, model=name, fits=arguments.fits, customers=CUSTOMERS, T=T
        ) as run:
            run.log_params(DESIGNS[name])
            run.log_metrics(
                {"coverage": found.share, "std_error": found.std_error, "not_converged": found.not_converged}
            )
        print(found.describe(), flush=True)


if __name__ == "__main__":
    main()
