"""What the columns of a summary must mean: each check returns the faults it finds, in words, with counts."""

from __future__ import annotations

import numpy as np

#: How many offending values a message shows.
SHOWN = 3


def fault(name: str, values: np.ndarray, wrong: np.ndarray, what: str, cure: str) -> list[str]:
    """Return one sentence naming the column, the number of wrong rows, the first offenders and the cure, or nothing."""
    count = int(np.count_nonzero(wrong))
    if not count:
        return []
    at = np.flatnonzero(wrong)[:SHOWN]
    shown = ", ".join(f"{values[i]:g} in row {i}" for i in at) + (", ..." if count > SHOWN else "")
    return [f"{name} {what} in {count:,} of {values.size:,} rows ({shown}); {cure}"]


def finite_faults(name: str, values: np.ndarray) -> list[str]:
    """Missing or infinite entries."""
    cure = "drop or repair these rows; a customer without repeat purchases has frequency 0, recency 0"
    return fault(name, values, np.isnan(values), "is missing (NaN)", cure) + fault(
        name, values, np.isinf(values), "is infinite", cure
    )


def count_faults(name: str, values: np.ndarray) -> list[str]:
    """Entries of a count that are negative or not whole."""
    with np.errstate(invalid="ignore"):
        return fault(name, values, values < 0, "is negative", "it counts repeat purchases and starts at 0") + fault(
            name,
            values,
            (values >= 0) & (values != np.floor(values)) & np.isfinite(values),
            "is not a whole number",
            "it counts repeat purchases",
        )


def timing_faults(x: np.ndarray, t_x: np.ndarray, T: np.ndarray) -> list[str]:
    """Faults of frequency, recency and T, singly and together."""
    finite = np.isfinite(x.sum()) and np.isfinite(t_x.sum()) and np.isfinite(T.sum())
    wrong = (x < 0) | (t_x < 0) | (t_x > T) | (x != np.floor(x)) | ((x == 0) & (t_x != 0))
    if finite and not wrong.any():
        return []
    faults = [*finite_faults("frequency", x), *finite_faults("recency", t_x), *finite_faults("T", T)]
    faults += count_faults("frequency", x)
    with np.errstate(invalid="ignore"):
        faults += fault("recency", t_x, t_x < 0, "is negative", "it is the time from first to last purchase")
        faults += fault("T", T, T < 0, "is negative", "it is the time from first purchase to the end of observation")
        faults += fault(
            "recency", t_x, t_x > T, "is later than T", "recency and T must be in one unit, and recency at most T"
        )
        faults += fault(
            "recency",
            t_x,
            (x == 0) & (t_x > 0),
            "is above 0 though frequency is 0",
            "no repeat purchase means recency 0",
        )
    return faults
