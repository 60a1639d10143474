"""What money costs in CPU time: discounting, a table of values with intervals, the value of retention.

``python -m experiments.benchmarks.money``. Online Retail (one year, daily recording) where it can be had, and 6,000 customers
simulated from BG/NBD in weeks. Discounted expectations are set beside the quadrature over time, which needs nothing but
undiscounted ones.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable

import numpy as np
import pandas as pd

from crmml.amounts import Percent
from crmml.clv import BetaGeoNBD, CustomerLifetimeValue, GammaGamma, ParetoNBD
from crmml.frames.ruler import discount_intensity
from crmml.inference import discounted_integral
from crmml.retention import DropoutTerms, retention_value
from crmml.transactions import summarize

from ..sources import online_retail_invoices
from .ratios import compare, cpu_seconds, line
from .transaction_models import simulated

RATE = 0.1


def online_retail() -> pd.DataFrame:
    """Summary of one year, in days."""
    return summarize(online_retail_invoices(), value="value", unit="D")


def simulated_weeks(n: int) -> pd.DataFrame:
    """Summary of customers simulated from BG/NBD and Gamma-Gamma, in weeks."""
    return simulated(n)[0]


def discounting(summary: pd.DataFrame, title: str, repeats: int) -> str:
    """Per distinct row: discounted beside undiscounted, the quadrature over time, and Pareto/NBD's closed form."""
    model, pareto = BetaGeoNBD(horizon=1).fit(summary), ParetoNBD(horizon=1).fit(summary)
    unit = model.ruler_.unit
    year = {"D": 365.25, "W": 365.25 / 7}[unit]
    delta = discount_intensity(RATE, unit)
    columns = np.unique(summary[["frequency", "recency", "T"]].to_numpy(float), axis=0)
    rows, theta = model._rows(columns), list(model.params_.values())

    def by_time() -> np.ndarray:
        return discounted_integral(
            lambda t: model.numerics.conditional_expectation(rows, t, theta), year, delta, float(np.median(rows.T))
        )

    work: dict[str, Callable[[], object]] = {
        "crmml": lambda: model.numerics.discounted_residual_transactions(rows, delta, theta, year),
        "undiscounted": lambda: model.numerics.conditional_expectation(rows, year, theta),
        "quadrature over time": by_time,
        "Pareto/NBD": lambda: pareto.numerics.discounted_residual_transactions(
            rows, delta, list(pareto.params_.values()), year
        ),
    }
    apart = np.abs(np.asarray(work["crmml"]()) / np.asarray(by_time()) - 1).max()
    seconds = compare(work, repeats)
    each = 1e6 * seconds["crmml"] / len(columns)
    return (
        f"{line(f'discounted BG/NBD, {title}', seconds, target='undiscounted at least 1/3')}\n"
        f"    {each:.1f} µs per distinct row ({len(columns):,} of them); largest difference from the quadrature {apart:.0e}"
    )


def value_model(summary: pd.DataFrame) -> CustomerLifetimeValue:
    """BG/NBD and Gamma-Gamma over a year, with draws of their posteriors kept."""
    model = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=1, unit="Y", annual_discount_rate=RATE)
    model.fit(summary)
    model.predict_interval(summary.head(5))
    return model


def tables(model: CustomerLifetimeValue, summary: pd.DataFrame, title: str) -> list[str]:
    """CPU seconds of a table with intervals, of either kind."""
    return [
        f"table, {kind}, {title}: {cpu_seconds(lambda kind=kind: model.table(summary, coverage=0.9, kind=kind)):.2f} s of CPU"
        "   (aim: under 3)"
        for kind in ("mean", "outcome")
    ]


def retention(model: CustomerLifetimeValue, summary: pd.DataFrame, title: str) -> str:
    """CPU seconds of the value of two percent less retention."""

    def work() -> object:
        return retention_value(
            model, Percent(-2), DropoutTerms(summary), currency="GBP", annual_discount_rate=RATE, random_state=0
        )

    return f"retention_value, {title}: {cpu_seconds(work):.2f} s of CPU   (aim: under 10)"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=6000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--without-online-retail", action="store_true")
    chosen = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    bases = {f"{chosen.customers:,} simulated customers in weeks": simulated_weeks(chosen.customers)}
    if not chosen.without_online_retail:
        summary = online_retail()
        bases[f"Online Retail, {len(summary):,} customers in days"] = summary
    for title, summary in bases.items():
        print(discounting(summary, title, chosen.repeats), flush=True)
        model = value_model(summary)
        print("\n".join(tables(model, summary, title)), flush=True)
        print(retention(model, summary, title), flush=True)


if __name__ == "__main__":
    main()
