"""Choosing k against one k-means fit on all, in process CPU time: ``python -m experiments.benchmarks.cluster``."""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from threadpoolctl import threadpool_limits

from crmml.segments import ClusterSegmenter

from .ratios import compare, line


def customers(n: int, k: int, d: int) -> np.ndarray:
    """Simulate k kinds of customers in d numbers, centres 6 standard deviations apart or more in most pairs."""
    rng = np.random.default_rng(0)
    return 6 * rng.normal(size=(k, d))[rng.integers(k, size=n)] + rng.normal(size=(n, d))


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--customers", type=int, default=1_000_000)
    arguments = parser.parse_args(argv)
    for k, d in ((4, 4), (6, 8)):
        X = customers(arguments.customers, k, d)
        frame = pd.DataFrame(X, columns=[f"x{j}" for j in range(d)])
        scaled = (X - X.mean(axis=0)) / X.std(axis=0)
        found = []

        def ours(frame: pd.DataFrame = frame, found: list = found) -> None:
            found.append(ClusterSegmenter(random_state=0).fit(frame).k_)

        work = {
            "crmml": ours,
            "one fit": lambda scaled=scaled, k=k: KMeans(k, n_init=1, random_state=0).fit(scaled),
            "ten starts": lambda scaled=scaled, k=k: KMeans(k, n_init=10, random_state=0).fit(scaled),
        }
        with threadpool_limits(limits=1):
            seconds = compare(work, arguments.repeats, warm_up=0)
        title = f"{len(X):,} customers x {d}: k chosen as {found[0]} of {k}"
        print(line(title, seconds, target="one fit at least 0.33x"), flush=True)


if __name__ == "__main__":
    main()
