"""What a clock learnt from a log costs beside one fit of the model on it: ``python -m experiments.benchmarks.calendar``.

Process CPU time, the median of several turns in one run; ratios are what to quote.
"""

from __future__ import annotations

import argparse
import warnings

from crmml.clv import ModifiedBetaGeoNBD, learn_clock
from crmml.datasets import load_cdnow, load_cdnow_sample
from crmml.transactions import summarize

from .ratios import compare

END = "1997-09-30"


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args(argv)
    warnings.simplefilter("ignore")
    for name, log in (("CDNOW sample", load_cdnow_sample()), ("CDNOW", load_cdnow())):
        past = log[log["timestamp"] <= END]
        plain = summarize(past, unit="W", observation_end=END)
        clock = learn_clock(past, unit="W", observation_end=END)
        summary = summarize(past, unit="W", clock=clock, observation_end=END)
        model, on_clock = ModifiedBetaGeoNBD(horizon=39).fit(plain), ModifiedBetaGeoNBD(horizon=39).fit(summary)
        work = {
            "summary in plain time": lambda past=past: summarize(past, unit="W", observation_end=END),
            "fit in plain time": lambda plain=plain: ModifiedBetaGeoNBD().fit(plain),
            "clock learnt": lambda past=past: learn_clock(past, unit="W", observation_end=END),
            "summary on the clock": lambda past=past, clock=clock: summarize(
                past, unit="W", clock=clock, observation_end=END
            ),
            "total in plain time": lambda model=model, plain=plain: model.total_interval(plain),
            "total on the clock": lambda model=on_clock, summary=summary: model.total_interval(summary),
        }
        seconds = compare(work, arguments.repeats)
        unit = seconds["summary in plain time"]
        print(f"{name}: {len(past):,} transactions; one summary in plain time takes {unit:.3f} s of CPU")
        for what, took in seconds.items():
            print(f"  {what:24} {took:7.3f} s  {took / unit:6.1f} summaries")


if __name__ == "__main__":
    main()
