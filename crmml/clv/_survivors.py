"""Cohorts as counts of survivors, read into rows with weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..checks import Faults, check_numbers
from ..frames import is_frame, to_columns
from ._checks import SHOWN


def read_cohorts(survivors: Any) -> dict[str, np.ndarray]:
    """Return the counts of each cohort by name: [1000, 869, 743] of one, or several in a mapping or a list.

    Raises
    ------
    DataError
        Naming every fault of every cohort: counts that are missing, negative, not whole or that grow, cohorts of one count or of
        nobody.
    """
    faults = Faults("the survivors")
    found: dict[str, np.ndarray] = {}
    for key, name, counts in _named(survivors):
        array = faults.check(check_numbers, counts, f"{name}: the counts", least=0, whole=True)
        if array is None:
            continue
        if array.ndim != 1 or array.size < 2:
            faults.add(
                f"{name} has {array.size} counts in {array.ndim} dimensions; a cohort is its size and what was left of it later"
            )
            continue
        if array[0] == 0:
            faults.add(f"{name} starts with nobody; leave it out")
        if (grown := np.flatnonzero(np.diff(array) > 0)).size:
            shown = ", ".join(f"{array[i]:g} to {array[i + 1]:g} at renewal {i + 1}" for i in grown[:SHOWN])
            faults.add(
                f"{name} grows {grown.size:,} times ({shown}{', ...' if grown.size > SHOWN else ''}); survivors are those of one "
                "cohort, so newcomers belong to a cohort of their own"
            )
        found[key] = array
    if not found and not faults:
        faults.add("there is no cohort")
    faults.refuse()
    return found


def rows_of(
    cohorts: Mapping[str, np.ndarray], names: Sequence[str], covariates: Any
) -> tuple[pd.DataFrame, np.ndarray]:
    """Return rows of recency, T and the covariates, and the number of customers that each stands for.

    Raises
    ------
    DataError
        Naming each covariate that is missing, or has not one value for each cohort.
    """
    values = _covariates_of(names, covariates, len(cohorts))
    tables, weights = [], []
    for j, counts in enumerate(cohorts.values()):
        last = counts.size - 1
        table = pd.DataFrame({"recency": np.arange(last + 1.0), "T": float(last)})
        tables.append(table.assign(**{name: column[j] for name, column in values.items()}))
        weights.append(np.append(-np.diff(counts), counts[-1]))
    return pd.concat(tables, ignore_index=True), np.concatenate(weights)


def _named(survivors: Any) -> list[tuple[str, str, Any]]:
    """Each cohort's name, what a message calls it, and its counts."""
    if isinstance(survivors, Mapping):
        return [(str(name), f"cohort {name}", counts) for name, counts in survivors.items()]
    several = isinstance(survivors, Sequence | np.ndarray) and len(survivors) and np.ndim(survivors[0]) > 0
    if several and not isinstance(survivors, str):
        return [(f"cohort {k}", f"cohort {k}", counts) for k, counts in enumerate(survivors)]
    return [("the cohort", "the cohort", survivors)]


def _covariates_of(names: Sequence[str], covariates: Any, n_cohorts: int) -> dict[str, np.ndarray]:
    if not names:
        return {}
    faults = Faults("the covariates of the cohorts")
    given = to_columns(covariates, list(names)) if is_frame(covariates) else (covariates or {})
    faults.extend(f"{name} is missing" for name in names if name not in given)
    values = {
        name: faults.check(check_numbers, given[name], name, shape=(n_cohorts,)) for name in names if name in given
    }
    faults.refuse()
    return {name: column for name, column in values.items() if column is not None}
