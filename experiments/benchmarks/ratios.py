"""Comparing two ways of doing the same work: process CPU time, in one run, in turns, as ratios.

All run on one BLAS thread: a waiting second thread burns CPU time that would be counted for whoever comes next.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping

from threadpoolctl import threadpool_limits


def cpu_seconds(work: Callable[[], object]) -> float:
    """Process CPU time of one call, in seconds, garbage collection outside."""
    gc.collect()
    begin = time.process_time()
    work()
    return time.process_time() - begin


def compare(work: Mapping[str, Callable[[], object]], repeats: int = 5, warm_up: int = 1) -> dict[str, float]:
    """Median CPU seconds of each piece of work, the pieces taken in turns so that a drift of the machine hits all."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    with threadpool_limits(limits=1, user_api="blas"):
        for _ in range(warm_up):
            for function in work.values():
                function()
        for _ in range(repeats):
            for name, function in work.items():
                seconds[name].append(cpu_seconds(function))
    return {name: statistics.median(values) for name, values in seconds.items()}


def line(title: str, seconds: Mapping[str, float], ours: str = "crmml", target: str = "") -> str:
    """One line: our time, and how many times longer each other took."""
    ratios = {name: value / seconds[ours] for name, value in seconds.items() if name != ours}
    others = ", ".join(f"{name} {ratio:.{1 if ratio >= 1 else 2}f}x" for name, ratio in ratios.items())
    return f"{title:<48} crmml {seconds[ours] * 1000:9.1f} ms | {others}{f'   (aim: {target})' if target else ''}"
