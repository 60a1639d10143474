"""Observations of stages at irregular times, as the continuous-time model reads them."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ...exceptions import DataError
from ...frames.numbers import read_numbers
from ..process.space import StageSpace


def numbers(column: pd.Series, name: str) -> tuple[np.ndarray, list[str]]:
    """Return a column as numbers, and its faults."""
    values, faults = read_numbers(column, f"column {name!r}", flags=True)
    if faults:
        return values, faults
    wrong = int((~np.isfinite(values)).sum())
    fault = f"column {name!r} is missing or not a finite number in {wrong:,} of {len(column):,} rows"
    return values, [fault] if wrong else []


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows in order of customer and time; times given twice and weights that differ are refused."""
    rows = rows.sort_values(["id", "time"], kind="stable", ignore_index=True)
    same = rows["id"].to_numpy()[1:] == rows["id"].to_numpy()[:-1]
    faults = []
    if (twice := int((same & (np.diff(rows["time"]) == 0)).sum())) > 0:
        faults.append(f"{twice:,} rows repeat a customer's time; keep one row per customer and time")
    if (other := int((same & (np.diff(rows["weight"]) != 0)).sum())) > 0:
        faults.append(
            f"the sample weight changes {other:,} times within a customer; give all rows of a customer the same"
        )
    if faults:
        raise DataError(faults, "the frame of stages")
    return rows


def arcs_of(space: StageSpace) -> np.ndarray:
    """Return the moves between different stages that can happen in an instant, (n_arcs, 2)."""
    moves = space.allowed_moves & ~space.absorbing_mask[:, None] & ~np.eye(len(space), dtype=bool)
    if not moves.any():
        raise DataError(["no move between different stages can happen in it"], "the stage space")
    return np.argwhere(moves)
