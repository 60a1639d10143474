"""Transaction logs simulated from the model that is handed in."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pandas as pd

from ..checks import DAYS_PER_UNIT, Faults, check_count, check_unit
from ..typing import ArrayLike, Estimator, Seed

MICROSECONDS_PER_DAY = 86_400_000_000


def make_transactions(
    model: Estimator,
    *,
    n_customers: int,
    T: Any,
    random_state: Seed = None,
    start: ArrayLike = "2024-01-01",
    unit: str | None = None,
    spend: Estimator | None = None,
) -> pd.DataFrame:
    """Simulate the transaction log of new customers, all observed up to the same instant.

    Customer i makes the first purchase at ``start + max(T) - T[i]``, so that observation ends for everybody at
    ``start + max(T)``; repeat purchases come from ``model``, amounts from ``spend``.

    Parameters
    ----------
    model : object
        Anything with ``simulate(n, T, random_state)`` returning a frame with columns customer_id (0 .. n - 1) and time
        since the customer's first purchase, that purchase at 0 included: every fitted transaction model of
        :mod:`crmml.clv`.
    n_customers : int
        At least 1.
    T : float or array-like of shape (n_customers,)
        How long each customer is observed, in ``unit``. Above 0.
    random_state : int, Generator, RandomState or None
    start : str or datetime, default="2024-01-01"
        Instant of the earliest first purchase, without time zone.
    unit : {"h", "D", "W", "M", "Y"}, default=None
        The unit of T and of the model's times; None takes the unit that the model was fitted in.
    spend : object, default=None
        Anything with ``simulate(counts, random_state)`` returning one amount a transaction, customer by customer, such as
        a fitted :class:`crmml.clv.GammaGamma`; one that also takes ``frequency`` is told the repeat purchases. It adds
        the column value.

    Returns
    -------
    DataFrame
        customer_id (int), timestamp (datetime to the microsecond)[, value (float)], ordered by customer and time.

    Raises
    ------
    DataError
        Listing every argument that cannot be used, before anything is simulated.

    Examples
    --------
    >>> from crmml.clv import BetaGeoNBD
    >>> from crmml.datasets import make_transactions
    >>> model = BetaGeoNBD().set_fitted_params(r=0.25, alpha=4.5, a=0.8, b=2.5)
    >>> log = make_transactions(model, n_customers=1000, T=52, unit="W", random_state=0)
    >>> log["customer_id"].nunique(), str(log["timestamp"].min())
    (1000, '2024-01-01 00:00:00')
    """
    if unit is not None:
        check_unit(unit)
    known = getattr(getattr(model, "ruler_", None), "unit", None)
    lengths, first, days = _check(n_customers, T, start, unit, known)
    n_customers = lengths.size
    model_seed, spend_seed = _two_seeds(random_state)
    times = model.simulate(n_customers, lengths, model_seed).sort_values(["customer_id", "time"], kind="stable")
    customer, time = times["customer_id"].to_numpy(np.int64), times["time"].to_numpy(np.float64)
    scale = days * MICROSECONDS_PER_DAY
    end = first + np.rint(lengths.max() * scale).astype(np.int64)
    stamp = end - np.rint((lengths[customer] - time) * scale).astype(np.int64)
    log = pd.DataFrame({"customer_id": customer, "timestamp": stamp.view("datetime64[us]")})
    if spend is not None:
        counts = np.bincount(customer, minlength=n_customers)
        takes = inspect.signature(spend.simulate).parameters
        log["value"] = spend.simulate(counts, spend_seed, **({"frequency": counts - 1} if "frequency" in takes else {}))
    return log


def _check(
    n_customers: Any, T: Any, start: Any, unit: str | None, known: str | None
) -> tuple[np.ndarray, np.int64, float]:
    """Return each T, ``start`` in microseconds since 1970 and the unit in days, or refuse with every fault."""
    faults = Faults("the arguments of make_transactions")
    count = faults.check(check_count, n_customers, "n_customers", least=1)
    lengths = np.asarray(T, dtype=np.float64)
    if bad := int(np.count_nonzero(~(np.isfinite(lengths) & (lengths > 0)))):
        faults.add(f"T must be finite and above 0; {bad:,} of {lengths.size:,} values are not")
    if count is not None and lengths.shape not in ((), (count,)):
        faults.add(f"T has shape {lengths.shape}; give one number, or one for each of the {count:,} customers")
    if unit is None and known is None:
        faults.add("the model states no unit of time: say unit='W' (or h, D, M, Y)")
    if unit is not None and known is not None and unit != known:
        faults.add(f"unit={unit!r}, but the model was fitted in {known!r}: leave unit out")
    first = pd.to_datetime(start, errors="coerce")
    if not isinstance(first, pd.Timestamp) or first.tz is not None:
        faults.add(f"start={start!r} must be an instant without time zone, for instance '2024-01-01'")
    faults.refuse()
    instant = first.to_datetime64().astype("datetime64[us]").astype(np.int64)
    return np.broadcast_to(lengths, (count or 0,)), instant, DAYS_PER_UNIT[str(unit or known)]


def _two_seeds(random_state: Any) -> list[int]:
    """Draw a seed for the times and one for the amounts, so that the times are the same with and without amounts."""
    if isinstance(random_state, np.random.RandomState):
        return random_state.randint(0, 2**31 - 1, size=2).tolist()
    return np.random.default_rng(random_state).integers(0, 2**31 - 1, size=2).tolist()
