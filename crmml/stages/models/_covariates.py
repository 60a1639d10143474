"""Covariates of customers by name: a mapping from names to arrays, or a frame with one row per customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from ... import frames
from ...exceptions import DataError
from ...frames.numbers import read_numbers
from ...typing import ArrayLike, Frame

#: What models take as covariates: arrays (n_customers,) or (n_customers, n_periods) by name, or a frame with one row per
#: customer.
Covariates: TypeAlias = Mapping[str, ArrayLike] | Frame


def read_covariates(
    covariates: Covariates | None,
    shape: tuple[int, ...],
    names: Sequence[str] | None = None,
    categorical: Sequence[str] = (),
) -> dict[str, np.ndarray]:
    """Return each named covariate as an array (n,) or (n, n_periods), checked.

    Parameters
    ----------
    covariates : mapping or frame, or None
    shape : (n_customers, n_periods), or (n_customers,)
    names : sequence of str, default=None
        The ones to take, in this order; None takes all there are.
    categorical : sequence of str, default=()
        Names of those whose values are categories; they are returned as text.

    Raises
    ------
    DataError
        Naming every fault.
    """
    given = _by_name(covariates, names)
    wanted = list(given) if names is None else list(names)
    columns, faults = {}, [f"{name!r} is missing" for name in wanted if name not in given]
    for name in (name for name in wanted if name in given):
        array = np.asarray(given[name])
        if array.shape not in ((shape[0],), shape):
            faults.append(f"{name!r} has the shape {array.shape}; give {(shape[0],)} or {shape}")
        elif name in categorical:
            columns[name] = array.astype(str)
        else:
            values, found = read_numbers(array.ravel(), f"{name!r}", flags=True)
            columns[name] = values.reshape(array.shape)
            if found:
                faults.append(
                    f"{name!r} has values that are not numbers; name it in categorical=, or mend it: {found[0]}"
                )
    if faults:
        raise DataError(faults, "the covariates")
    return columns


def stacked(columns: Mapping[str, np.ndarray], names: Sequence[str], shape: tuple[int, ...]) -> np.ndarray | None:
    """Return the named covariates as one array (n_customers, n_periods, k); None where none are named."""
    if not len(names):
        return None
    whole = [
        columns[name] if columns[name].ndim == 2 else np.repeat(columns[name][:, None], shape[1], 1) for name in names
    ]
    return np.stack(whole, axis=2)


def _by_name(covariates: Any, names: Sequence[str] | None) -> Mapping[str, Any]:
    if covariates is None:
        return {}
    if isinstance(covariates, Mapping):
        return {str(name): values for name, values in covariates.items()}
    if not frames.is_frame(covariates):
        raise DataError(
            [
                f"they are given as a {type(covariates).__name__}; give a mapping from names to arrays, or a frame with one row "
                "per customer"
            ],
            "the covariates",
        )
    there = [str(name) for name in frames.wrap(covariates).collect_schema().names()]
    table = frames.to_columns(covariates, [name for name in there if names is None or name in names])
    return {str(name): table[name].to_numpy() for name in table}
