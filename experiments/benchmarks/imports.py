"""How long ``import crmml`` takes beside ``import sklearn, pandas``: ``python -m experiments.benchmarks.imports``."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys


def cpu_seconds(code: str) -> float:
    """CPU time of a fresh interpreter that runs the code."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    seconds: dict[str, list[float]] = {"import crmml": [], "import sklearn, pandas": []}
    for _ in range(11):
        for code, values in seconds.items():
            values.append(cpu_seconds(code))
    ours, theirs = (statistics.median(values) for values in seconds.values())
    print(f"import crmml {ours:.3f} s, import sklearn, pandas {theirs:.3f} s: {ours / theirs:.2f} of it   (aim: 1.5)")


if __name__ == "__main__":
    main()
