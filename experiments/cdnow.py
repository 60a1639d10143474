"""BG/NBD and Gamma-Gamma on CDNOW, against the published table and 39 held-out weeks: ``python -m experiments.cdnow``.

Each of the two data sets (the published sample of 2,357 customers, and all 23,570) is one tracked run in the folder it is
started from: parameters, log-likelihood, standard errors, hold-out error, and the model with its signature.
"""

from __future__ import annotations

import argparse

import numpy as np

from crmml import tracking
from crmml.clv import BetaGeoNBD, CustomerLifetimeValue, GammaGamma
from crmml.datasets import load_cdnow, load_cdnow_sample
from crmml.transactions import clean, split_calibration_holdout

PUBLISHED = {"r": 0.2425945, "alpha": 4.4136019, "a": 0.7929199, "b": 2.4258881}


def study(name: str, log, horizon: float = 39.0) -> dict[str, float]:
    """Fit on 39 weeks, look at the next 39, and record the run; return its metrics."""
    log, report = clean(log, value="value")
    split = split_calibration_holdout(
        log, calibration_end="1997-09-30", observation_end="1998-06-30", value="value", period="D", unit="W"
    )
    with tracking.track("cdnow", run_name=name, data=name, horizon_weeks=horizon, period="D", unit="W") as run:
        value = CustomerLifetimeValue(
            BetaGeoNBD(horizon=horizon), GammaGamma(), horizon=horizon, unit="W", annual_discount_rate=0.1
        ).fit(split)
        expected = value.transactions_.predict(split, horizon)
        actual = split["frequency_holdout"].to_numpy(dtype=float)
        metrics = {
            "log_likelihood_transactions": value.transactions_.log_likelihood_,
            "log_likelihood_spend": value.spend_.log_likelihood_,
            "holdout_expected": float(expected.sum()),
            "holdout_actual": float(actual.sum()),
            "holdout_rmse": float(np.sqrt(np.mean((expected - actual) ** 2))),
            "holdout_rmse_of_the_mean": float(actual.std()),
        }
        run.log_params({**value.transactions_.params_, **value.spend_.params_})
        run.log_metrics(metrics)
        run.log_text(f"{report.describe()}\n{value.describe(split)}", "findings.txt")
        run.log_model(value, "cdnow-value", split[list(value._columns)].head(5))
    return metrics


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.parse_args(argv)
    tracking.disable_telemetry()
    for name, log in (("sample", load_cdnow_sample()), ("all", load_cdnow())):
        metrics = study(name, log)
        miss = metrics["holdout_expected"] / metrics["holdout_actual"] - 1
        print(
            f"CDNOW {name}: log-likelihood {metrics['log_likelihood_transactions']:.3f} (purchases), "
            f"{metrics['log_likelihood_spend']:.3f} (spend); held-out 39 weeks: {metrics['holdout_expected']:,.0f} repeat "
            f"purchases expected, {metrics['holdout_actual']:,.0f} seen ({miss:+.1%}); RMSE a customer "
            f"{metrics['holdout_rmse']:.3f} against {metrics['holdout_rmse_of_the_mean']:.3f} for one mean for all."
        )
    print("The runs are in sqlite:///mlflow.db; see them with: mlflow ui --backend-store-uri sqlite:///mlflow.db")


if __name__ == "__main__":
    main()
