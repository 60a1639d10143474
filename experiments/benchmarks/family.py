"""The other models of purchases, and the posterior, against lifetimes: ``python -m experiments.benchmarks.family``.

lifetimes' Pareto/NBD takes minutes at 100,000 customers, so that larger bases are left to ``--sizes``.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np

from crmml.clv import BetaGeoBetaBinomial, BetaGeoNBD, ModifiedBetaGeoNBD, ParetoNBD
from crmml.datasets import load_donations

from .ratios import compare, cpu_seconds, line
from .transaction_models import cdnow, simulated


def work_on(summary) -> dict:
    """Fits of both libraries on one summary, by model."""
    from lifetimes import ModifiedBetaGeoFitter, ParetoNBDFitter

    x, t_x, T = (summary[c].to_numpy(dtype=float) for c in ("frequency", "recency", "T"))
    return {
        "MBG/NBD": (lambda: ModifiedBetaGeoNBD().fit(summary), lambda: ModifiedBetaGeoFitter().fit(x, t_x, T)),
        "Pareto/NBD": (lambda: ParetoNBD().fit(summary), lambda: ParetoNBDFitter().fit(x, t_x, T)),
    }


def donations() -> dict:
    """Fits of BG/BB on the donations."""
    from lifetimes import BetaGeoBetaBinomFitter

    data = load_donations()
    columns = [data[c].to_numpy() for c in ("frequency", "recency", "T", "weight")]
    return {
        "BG/BB": (
            lambda: BetaGeoBetaBinomial().fit(data, sample_weight=data["weight"]),
            lambda: BetaGeoBetaBinomFitter().fit(*columns[:3], weights=columns[3]),
        )
    }


def report(title: str, work: dict, repeats: int, target: str) -> None:
    for name, (ours, theirs) in work.items():
        seconds = compare({"crmml": ours, "lifetimes": theirs}, repeats, warm_up=1 if repeats > 1 else 0)
        print(line(f"fit, {title}, {name}", seconds, target=target), flush=True)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=[100_000])
    parser.add_argument("--models", nargs="*", default=["MBG/NBD", "Pareto/NBD"])
    arguments = parser.parse_args(argv)
    warnings.filterwarnings("ignore")
    summary, _ = cdnow()
    report("CDNOW sample", work_on(summary), 5, "at least 5x")
    report("donations", donations(), 5, "at least 5x")
    model = BetaGeoNBD().fit(summary)
    model.sample_posterior(random_state=0)
    seconds = np.median([cpu_seconds(lambda s=seed: model.sample_posterior(4000, random_state=s)) for seed in range(5)])
    ess = model.sample_posterior(4000, random_state=0).ess
    print(
        f"posterior of BG/NBD, CDNOW sample: {ess:,.0f} effective of 4,000 draws in {seconds:.2f} s of CPU, "
        f"{ess / seconds:,.0f} a second",
        flush=True,
    )
    for size in arguments.sizes:
        summary, _ = simulated(size)
        work = {name: pair for name, pair in work_on(summary).items() if name in arguments.models}
        report(f"{size:,} customers", work, 1, "MBG/NBD at least 10x, Pareto/NBD at least 20x")


if __name__ == "__main__":
    main()
