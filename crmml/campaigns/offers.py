"""What a plan chooses from: each customer's offers, with what they change, are worth and cost; and the limits of the choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from .. import frames
from ..checks import Faults, check_coverage, check_number, check_probability, is_count
from ..customers.scanning.identifier_names import IDENTIFIERS, identifier_of
from ..typing import ArrayLike, Frame, FrameLike

#: Columns of a learner's table that begin so are not actions.
_BOUNDS = ("uplift_std", "uplift_lower", "uplift_upper")
#: Rows that a message names.
_SHOWN = 3


@dataclass(frozen=True, eq=False)
class Limits:
    """What stands in the way of contacting everybody.

    Attributes
    ----------
    budget : float
        Most money for all contacts; infinite without one.
    total : float
        Most contacts over all actions.
    each : ndarray of shape (n_actions,) or None
        Most contacts of each action.
    min_probability : float or None
        A contact is made only where it pays with at least this probability.
    time_limit : float or None
        Seconds for the search.
    holdout : float
        Share of the chosen who are not contacted.
    """

    budget: float = np.inf
    total: float = np.inf
    each: np.ndarray | None = None
    min_probability: float | None = None
    time_limit: float | None = None
    holdout: float = 0.0


@dataclass(frozen=True, eq=False)
class Offers:
    """Every action that could be taken for every customer.

    Attributes
    ----------
    actions : tuple
        Names, in the order of the columns.
    uplift, value, cost : ndarray of shape (n, n_actions)
    uplift_std : ndarray of shape (n, n_actions) or None
    draws : ndarray of shape (n_draws, n, n_actions) or None
    strata, customer_id : ndarray of shape (n,) or None
    identifier : str
        Name of the column of identifiers.
    frame : frame or None
        The caller's, whose engine results come back in.
    """

    actions: tuple
    uplift: np.ndarray
    value: np.ndarray
    cost: np.ndarray
    uplift_std: np.ndarray | None = None
    draws: np.ndarray | None = None
    strata: np.ndarray | None = None
    customer_id: np.ndarray | None = None
    identifier: str = "customer_id"
    frame: Frame | None = None

    @property
    def profit(self) -> np.ndarray:
        """Expected profit of each contact, shape (n, n_actions)."""
        return self.uplift * self.value - self.cost

    def probability_it_pays(self) -> np.ndarray | None:
        """Probability that uplift times value exceeds the cost, shape (n, n_actions); None where no errors are known."""
        if self.draws is not None:
            count = np.zeros(self.uplift.shape)
            for drawn in self.draws:
                count += drawn * self.value > self.cost
            return count / len(self.draws)
        if self.uplift_std is None:
            return None
        profit, spread = self.profit, self.uplift_std * self.value
        z = np.divide(profit, spread, out=np.where(profit > 0, np.inf, -np.inf), where=spread > 0)
        return norm.cdf(z)


@dataclass(frozen=True, eq=False)
class _Table:
    """Uplift as it was given, in columns, with who the customers are."""

    uplift: Any
    actions: list | None
    customer_id: Any
    identifier: str
    frame: Any


def read_plan(
    settings: Any,
    uplift: FrameLike,
    *,
    value: float | FrameLike,
    cost: float | Mapping[Any, float] | FrameLike,
    customer_id: ArrayLike | str | None = None,
    uplift_std: FrameLike | None = None,
    draws: ArrayLike | None = None,
    actions: Sequence[Any] | None = None,
    strata: ArrayLike | None = None,
) -> tuple[Offers, Limits]:
    """Return the offers and the limits, or one error with every fault of both.

    Parameters
    ----------
    settings : Targeting
        Its budget, capacity, holdout, min_probability, coverage and time_limit are read.
    uplift, value, cost, customer_id, uplift_std, draws, actions, strata
        As in `Targeting.plan`.

    Raises
    ------
    DataError
    """
    faults = Faults("the plan")
    given = {"value": value, "cost": cost, "uplift_std": uplift_std, "strata": strata, "customer_id": customer_id}
    faults.extend(frames.misaligned({"uplift": uplift, **given}))
    table = _read_table(uplift, customer_id, actions, faults)
    u = _read_uplift(table.uplift, faults)
    n, k = (None, 0) if u is None else u.shape
    names = _read_actions(table.actions, k, faults)
    c = _money(_cost_by_action(cost, names, faults), "cost", (n, k), faults, by_action=True)
    v = _money(value, "value", (n, k), faults, by_action=False)
    std = _like_uplift(uplift_std, "uplift_std", (n, k), faults)
    sample = _like_uplift(draws, "draws", (n, k), faults)
    if uplift_std is not None and draws is not None:
        faults.add("uplift_std and draws are both given; give one")
    who = _read_labels(table.customer_id, "customer_id", n, faults, unique=True)
    groups = _read_labels(strata, "strata", n, faults)
    limits = _read_limits(settings, names, uplift_std is not None or draws is not None, faults)
    faults.refuse()
    assert u is not None
    assert v is not None
    assert c is not None
    return Offers(tuple(names), u, v, c, std, sample, groups, who, table.identifier, table.frame), limits


def _read_table(uplift: Any, customer_id: Any, actions: Sequence[Any] | None, faults: Faults) -> _Table:
    """Find the columns of uplift and of identifiers in a frame; arrays are as they are."""
    names = list(actions) if actions is not None else None
    if not frames.is_frame(uplift):
        identifier = customer_id if isinstance(customer_id, str) else identifier_of(None)
        return _Table(uplift, names, customer_id, identifier, None)
    there = frames.wrap(uplift).collect_schema().names()
    identifier = customer_id if isinstance(customer_id, str) else identifier_of(uplift)
    key = identifier if isinstance(customer_id, str) or (customer_id is None and identifier in there) else None
    if names is None:
        names = _actions_among([name for name in there if name not in (key, *IDENTIFIERS)], faults)
    read = faults.check(frames.to_columns, uplift, [*([key] if key else []), *names])
    if read is None:
        return _Table(None, names, None if key else customer_id, identifier, uplift)
    return _Table(read[names], names, read[key].to_numpy() if key else customer_id, identifier, uplift)


def _actions_among(names: list, faults: Faults) -> list:
    """The columns that are actions; errors and bounds of a learner's table are noted and left out."""
    bounds = [name for name in names if str(name).startswith(_BOUNDS)]
    if bounds:
        faults.add(
            f"{', '.join(bounds)} are not actions: name the columns of uplift in actions=, and give standard errors "
            "as uplift_std="
        )
    return [name for name in names if name not in bounds]


def _read_uplift(uplift: Any, faults: Faults) -> np.ndarray | None:
    """Uplift of shape (n, n_actions), None where it cannot be told."""
    if uplift is None and faults:
        return None
    u = _floats(uplift, "uplift", faults)
    if u is None:
        return None
    if u.ndim not in (1, 2):
        faults.add(f"uplift has shape {u.shape}; (n,) or (n, n_actions) is expected")
        return None
    u = u[:, None] if u.ndim == 1 else u
    if not u.size:
        faults.add("uplift has no rows or no actions")
    _note(~np.isfinite(u), "uplift", "missing or infinite; leave these customers out", faults)
    return u


def _read_actions(names: list | None, k: int, faults: Faults) -> list:
    if names is None:
        return ["contact"] if k == 1 else list(range(k))
    if k and (len(names) != k or len(set(names)) != len(names)):
        faults.add(f"actions names {len(names)}, {len(set(names))} of them different; uplift has {k} columns")
    return names


def _cost_by_action(cost: Any, names: list, faults: Faults) -> Any:
    """A price list by name, in the order of the actions."""
    if not isinstance(cost, Mapping):
        return cost
    if wrong := [repr(name) for name in {*cost, *names} if name not in cost or name not in names]:
        faults.add(f"cost by action and the actions differ in {', '.join(sorted(wrong))}; name each action once")
    return [cost.get(name, 0.0) for name in names]


def _money(
    given: Any, name: str, shape: tuple[int | None, int], faults: Faults, *, by_action: bool
) -> np.ndarray | None:
    """Value or cost as (n, n_actions)."""
    array = _floats(given, name, faults)
    if array is None:
        return None
    _note(~np.isfinite(array), name, "missing, infinite or not a number", faults)
    more = "set it to 0 for customers who are not worth keeping" if name == "value" else "a contact costs at least 0"
    _note(array < 0, name, f"negative; {more}", faults)
    n, k = shape
    if n is None:
        return None
    table = _by_row_or_action(array, n, k, by_action=by_action)
    if table is None:
        wanted = f"one number, ({k},), ({n}, {k}) or ({n}, 1)" if by_action else f"one number, ({n},) or ({n}, {k})"
        faults.add(f"{name} has shape {array.shape}; {wanted} is expected")
        return None
    return np.broadcast_to(table, (n, k))


def _by_row_or_action(array: np.ndarray, n: int, k: int, *, by_action: bool) -> np.ndarray | None:
    """A vector as a column of customers or a row of actions; None for a shape that is neither."""
    if array.ndim == 1:
        if by_action and k > 1:
            return array[None, :] if array.size == k else None
        if array.size == n:
            return array[:, None]
        return array[None, :] if by_action and array.size == 1 else None
    return array if array.ndim == 0 or array.shape in ((n, k), (n, 1)) else None


def _like_uplift(given: Any, name: str, shape: tuple[int | None, int], faults: Faults) -> np.ndarray | None:
    """Standard errors, or draws with their axis in front."""
    if given is None or (array := _floats(given, name, faults)) is None or shape[0] is None:
        return None
    lead = 1 if name == "draws" else 0
    if shape[1] == 1 and array.ndim == 1 + lead:
        array = array[..., None]
    if array.ndim != 2 + lead or array.shape[lead:] != shape or (lead and array.shape[0] < 2):
        faults.add(
            f"{name} has shape {np.shape(given)}; it must match uplift's {shape}" + ", with draws in front" * lead
        )
        return None
    if lead:
        _note(~np.isfinite(array), name, "missing or infinite", faults)
    else:
        _note(~np.isfinite(array) | (array < 0), name, "missing, infinite or negative", faults)
    return array


def _read_labels(column: Any, name: str, n: int | None, faults: Faults, *, unique: bool = False) -> np.ndarray | None:
    """One value for each customer; with ``unique`` another for each."""
    if column is None or n is None:
        return None
    if np.shape(column) != (n,):
        faults.add(f"{name} has shape {np.shape(column)}; ({n},) is expected")
        return None
    values = pd.Series(column)
    if lists := int(frames.unhashable(values).sum()):
        faults.add(f"{name} holds lists or their like in {lists:,} of {n:,} rows; one value per customer is needed")
        return None
    if unique and (twice := int(values.duplicated().sum())):
        faults.add(f"{twice:,} rows repeat another's {name}; one row per customer is needed")
    return np.asarray(column)


def _read_limits(settings: Any, names: list, has_errors: bool, faults: Faults) -> Limits:
    budget, least, seconds = settings.budget, settings.min_probability, settings.time_limit
    faults.check(check_coverage, settings.coverage)
    if budget is not None:
        budget = faults.check(check_number, budget, "budget", least=0, meaning="None is no limit")
    if least is not None:
        least = faults.check(check_probability, least, "min_probability")
        if not has_errors:
            faults.add(f"min_probability={settings.min_probability!r} needs uplift_std or draws, and neither is given")
    if seconds is not None:
        seconds = faults.check(check_number, seconds, "time_limit", above=0, meaning="in seconds; None is no limit")
    share = faults.check(check_probability, settings.holdout, "holdout")
    if share == 1:
        faults.add(
            f"holdout={settings.holdout!r} would leave nobody to contact; a share below 1 is needed, such as 0.1"
        )
    total, each = _read_capacity(settings.capacity, names, faults)
    return Limits(np.inf if budget is None else budget, total, each, least, seconds, share or 0.0)


def _read_capacity(given: Any, names: list, faults: Faults) -> tuple[float, np.ndarray | None]:
    """Most contacts in all, and of each action."""
    if given is None:
        return np.inf, None
    by_action = isinstance(given, Mapping) or np.ndim(given) > 0
    parts = _capacities(given, names, faults)
    if wrong := [part for part in parts if part is not None and not (is_count(part) and part >= 0)]:
        faults.add(f"capacity has {', '.join(map(repr, wrong[:_SHOWN]))}; whole numbers of at least 0 are needed")
        return np.inf, None
    counts = np.array([np.inf if part is None else float(part) for part in parts])
    return (np.inf, counts) if by_action else (float(counts[0]), None)


def _capacities(given: Any, names: list, faults: Faults) -> list:
    """The entries of a capacity: one per action, or the only one there is."""
    if isinstance(given, Mapping):
        if unknown := [name for name in given if name not in names]:
            faults.add(f"capacity names {', '.join(map(repr, unknown))}; the actions are {', '.join(map(repr, names))}")
        return [given.get(name) for name in names]
    if np.ndim(given) == 0:
        return [given]
    parts = list(given)
    if len(parts) != len(names):
        faults.add(f"capacity has {len(parts)} entries for {len(names)} actions")
    return parts


def _floats(given: Any, name: str, faults: Faults) -> np.ndarray | None:
    try:
        return np.asarray(given, dtype=np.float64)
    except (ValueError, TypeError):
        faults.add(f"{name} cannot be read as numbers of one shape")
        return None


def _note(wrong: np.ndarray, name: str, what: str, faults: Faults) -> None:
    """Note the entries that are wrong, with their number and the first rows."""
    if wrong.ndim == 0 and wrong:
        faults.add(f"{name} is {what}")
    elif wrong.any():
        at = np.unique(np.nonzero(wrong)[-2 if wrong.ndim > 1 else 0])[:_SHOWN]
        faults.add(
            f"{int(wrong.sum()):,} of {wrong.size:,} values of {name} are {what} (first in rows {', '.join(map(str, at))})"
        )
