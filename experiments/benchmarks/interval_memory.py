"""Memory of 90 % intervals for a million customers: ``python -m experiments.benchmarks.interval_memory``."""

from __future__ import annotations

import argparse
import resource
import time

from crmml.clv import BetaGeoNBD

from .transaction_models import simulated


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--draws", type=int, default=1000)
    arguments = parser.parse_args(argv)
    summary, _ = simulated(arguments.customers)
    model = BetaGeoNBD(horizon=39).fit(summary)
    model.sample_posterior(arguments.draws, random_state=0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.process_time()
    interval = model.predict_interval(summary, n_draws=arguments.draws)
    seconds = time.process_time() - begin
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(
        f"90 % intervals of {len(interval):,} customers from {arguments.draws:,} draws: {seconds:.0f} s of CPU; peak of the "
        f"process {after / 2**20:.2f} GiB, {before / 2**20:.2f} GiB before (data simulated, model fitted)"
    )


if __name__ == "__main__":
    main()
