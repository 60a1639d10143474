"""How often a go-live that never happened would have looked like a success, on the user's own history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy import stats

from .. import frames
from ..checks import (
    UNIT_WORDS,
    Faults,
    check_choice,
    check_count,
    check_coverage,
    check_number,
    check_probability,
    check_random_state,
    is_number,
)
from ..exceptions import DataError
from ..frames import expressions as ex
from ..frames.ruler import convert
from ..inference import wilson_interval
from ..results import Result
from ..transactions.log import CUSTOMER, TIME, VALUE, codes_of
from ..transactions.opening import open_log
from ..typing import Frame, Moment, Seed, Unit
from ._staggered import NEVER, errors_of, group_time
from .placebo_display import PlaceboDisplay

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: What is compared: in words.
OUTCOMES = {
    "spend": "spend per customer",
    "purchases": "purchase days per customer",
    "bought": "share of customers who buy",
}
_DAY = "__day"


@dataclass(frozen=True, eq=False)
class PlaceboTest(Result):
    """Verdicts of two comparisons on go-live dates at which nothing happened.

    Attributes
    ----------
    naive_rate : float
        Share of dates at which the naive before/after comparison was significant.
    naive_up_rate, naive_down_rate : float
        The same by direction: a success, and a failure, that never was.
    naive_lower, naive_upper : float
        Wilson's interval of it, counting only windows that do not overlap (``n_disjoint``) as trials.
    did_rate, did_lower, did_upper : float
        Share for difference-in-differences with a treated half drawn at random, and Wilson's interval over all draws.
    significance : float
        Nominal level of both tests.
    coverage : float
    table : DataFrame
        One row per draw: go_live, customers, naive_effect, naive_p_value, did_effect, did_p_value.
    outcome : {"spend", "purchases", "bought"}
    window_days : int
        Length of the window before, and of that after.
    n_placebos, n_dates, n_disjoint : int
        Draws, possible dates, and pairs of windows that fit into the history side by side.
    """

    naive_rate: float
    naive_up_rate: float
    naive_down_rate: float
    naive_lower: float
    naive_upper: float
    did_rate: float
    did_lower: float
    did_upper: float
    significance: float
    coverage: float
    table: pd.DataFrame
    outcome: str
    window_days: int
    n_placebos: int
    n_dates: int
    n_disjoint: int

    def plot(self, ax: Axes | None = None) -> PlaceboDisplay:
        """Draw how often each comparison was significant, beside what is promised.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        PlaceboDisplay
        """
        return PlaceboDisplay.from_result(self).plot(ax=ax)

    def describe(self) -> str:
        """Say it in plain sentences."""
        first, last = self.table["go_live"].min(), self.table["go_live"].max()
        return "\n".join(
            [
                f"On your own history a go-live that never happened would have looked significant in {self.naive_rate:.1%} of "
                f"{self.n_placebos:,} dates ({first:%Y-%m-%d} to {last:%Y-%m-%d}) by a naive before/after comparison of "
                f"{OUTCOMES[self.outcome]} ({self.window_days} days each side), where {self.significance:.0%} is promised: like a "
                f"success in {self.naive_up_rate:.1%}, like a failure in {self.naive_down_rate:.1%}.",
                f"Only {self.n_disjoint} such pairs of windows fit side by side, so that the {self.coverage:.0%} interval of the "
                f"naive share is {self.naive_lower:.1%} to {self.naive_upper:.1%}.",
                f"Difference-in-differences, with a treated half of customers drawn at random at each date, was significant in "
                f"{self.did_rate:.1%} ({self.coverage:.0%} interval {self.did_lower:.1%} to {self.did_upper:.1%}).",
            ]
        )


def placebo_test(
    log: Frame,
    *,
    horizon: float,
    unit: Unit = "D",
    customer_id: str = "customer_id",
    timestamp: str = "timestamp",
    value: str | None = None,
    outcome: str | None = None,
    n_placebos: int = 1000,
    significance: float = 0.05,
    min_customers: int = 40,
    observation_end: Moment | None = None,
    coverage: float = 0.9,
    random_state: Seed = None,
) -> PlaceboTest:
    """Draw go-live dates at which nothing happened, and see how often a comparison cries success [1]_.

    For each date drawn, uniformly with replacement, from all days with a whole window before and after:

    * customers who first bought before the window that precedes the date take part, so that being chosen depends on neither
      window;
    * **naive**: each customer's outcome after less that before, tested against 0 by a paired t-test;
    * **difference-in-differences**: half of these customers, drawn at random, are called treated, and the change of theirs
      is compared with the change of the others, as :func:`crmml.evidence.difference_in_differences` does with two periods.

    Nothing happened at any date, so a sound test is significant in a share ``significance`` of them. Season, trend and the ageing
    of the base make the naive one err far more often; they are common to both halves and cancel in the second. The share found is
    what an alleged success by before/after comparison on this base is worth. Where few customers spend most of the money,
    the second test is significant somewhat less often than ``significance``, since t-tests hold back on heavy tails.

    Parameters
    ----------
    log : frame of pandas, polars (eager or lazy), pyarrow, DuckDB or PySpark
        Transactions, without refunds, from a time in which no such programme began.
    horizon : float
        Length of the window before, and of the one after, in ``unit``; rounded to whole days.
    unit : {"D", "W", "M", "Y"}, default="D"
    customer_id, timestamp : str
    value : str, default=None
        Amount of a transaction, in one currency.
    outcome : {"spend", "purchases", "bought"}, default=None
        Summed value, number of days with a purchase, or whether there was any. None takes "spend" where ``value`` is given,
        else "purchases".
    n_placebos : int, default=1000
    significance : float, default=0.05
        Two-sided level of each test.
    min_customers : int, default=40
        Dates with fewer customers are not drawn.
    observation_end : date or datetime, default=None
        A bare date stands for its whole day; None takes the last event. The window after ends by then.
    coverage : float, default=0.9
        Of the intervals of the shares.
    random_state : int, RandomState or None, default=None

    Returns
    -------
    PlaceboTest

    Raises
    ------
    DataError
        Naming every fault of the log; or when no date has two whole windows and enough customers.

    References
    ----------
    .. [1] Bertrand, M., Duflo, E. and Mullainathan, S. (2004), How much should we trust differences-in-differences
       estimates? Quarterly J. Economics 119(1), 249-275.

    Examples
    --------
    >>> from crmml.datasets import load_cdnow_sample
    >>> found = placebo_test(load_cdnow_sample(), horizon=60, value="value", n_placebos=50, random_state=0)
    >>> found.naive_rate > 5 * found.significance, found.did_rate < 0.2
    (True, True)
    """
    outcome = outcome or ("spend" if value else "purchases")
    window = _read_window_days(horizon, unit, outcome, value, n_placebos, significance, min_customers, coverage)
    read, end = open_log(log, customer_id, timestamp, value if outcome == "spend" else None, observation_end)
    customer, day, amount = _customer_days(read.frame, outcome)
    last = frames.last_complete(end, "D")
    dates, first = _dates(customer, day, window, last, min_customers)
    rng = check_random_state(random_state)
    drawn = np.sort(rng.choice(dates, n_placebos))
    rows = [_verdicts(int(date), customer, day, amount, first, window, outcome, rng) for date in drawn]
    table = pd.DataFrame(rows, columns=["customers", "naive_effect", "naive_p_value", "did_effect", "did_p_value"])
    table.insert(0, "go_live", drawn.astype("datetime64[D]").astype("datetime64[us]"))
    naive, did = table["naive_p_value"] < significance, table["did_p_value"] < significance
    disjoint = int((dates[-1] - dates[0]) // (2 * window)) + 1
    (lower, did_lower), (upper, did_upper) = wilson_interval(
        [naive.mean(), did.mean()], [disjoint, n_placebos], coverage=coverage
    )
    return PlaceboTest(
        naive_rate=float(naive.mean()),
        naive_up_rate=float((naive & (table["naive_effect"] > 0)).mean()),
        naive_down_rate=float((naive & (table["naive_effect"] < 0)).mean()),
        naive_lower=float(lower),
        naive_upper=float(upper),
        did_rate=float(did.mean()),
        did_lower=float(did_lower),
        did_upper=float(did_upper),
        significance=significance,
        coverage=coverage,
        table=table,
        outcome=outcome,
        window_days=window,
        n_placebos=n_placebos,
        n_dates=len(dates),
        n_disjoint=disjoint,
    )


def _read_window_days(
    horizon: float,
    unit: str,
    outcome: str,
    value: str | None,
    n_placebos: int,
    significance: float,
    min_customers: int,
    coverage: float,
) -> int:
    """Return the length of a window in days; refuse arguments with every fault."""
    faults = Faults("the placebo test")
    faults.check(check_number, horizon, "horizon", meaning="60 for 60 days; its unit goes into unit=")
    faults.check(check_choice, unit, "unit", ("D", "W", "M", "Y"))
    faults.check(check_choice, outcome, "outcome", tuple(OUTCOMES))
    if outcome == "spend" and value is None:
        faults.add("outcome='spend' needs value, the column of amounts")
    faults.check(check_count, n_placebos, "n_placebos", least=20)
    faults.check(check_count, min_customers, "min_customers", least=4)
    faults.check(check_probability, significance, "significance", open_interval=True)
    faults.check(check_coverage, coverage)
    window = 0.0
    if is_number(horizon) and unit in ("D", "W", "M", "Y"):
        window = convert(horizon, unit, "D")
        if not 1 <= window < 1e6:
            faults.add(f"horizon={horizon!r} {UNIT_WORDS[unit]} must be at least one day, and finite")
    faults.refuse()
    return round(window)


def _customer_days(frame: Any, outcome: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Customer code, day and amount of each customer's days with a purchase, in an order that no engine changes."""
    index = frames.period_index(ex.col(TIME), "D", frame).alias(_DAY)
    spend = outcome == "spend"
    picked = frames.optimised(frame).select(ex.col(CUSTOMER), index, *([ex.col(VALUE)] if spend else []))
    bought = picked.group_by(CUSTOMER, _DAY).agg(ex.col(VALUE).sum()) if spend else picked.unique()
    table = frames.collected(bought)
    customer, _ = codes_of(table[CUSTOMER])
    day = table[_DAY].to_numpy().astype(np.int64)
    amount = table[VALUE].to_numpy().astype(np.float64) if spend else np.ones(len(day))
    order = np.lexsort((customer, day))
    return customer[order], day[order], amount[order]


def _dates(customer, day, window: int, last: int, min_customers: int) -> tuple[np.ndarray, np.ndarray]:
    """Days on which a placebo can go live, and each customer's first day."""
    first = np.full(int(customer.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, customer, day)
    possible = np.arange(int(day[0]) + window, last - window + 2)
    if not possible.size:
        raise DataError(
            [
                f"two windows of {window} days are longer than the {last - int(day[0]) + 1} days of the log; shorten the horizon"
            ],
            "the transaction log",
        )
    known = np.searchsorted(np.sort(first), possible - window, side="left")
    dates = possible[known >= min_customers]
    if not dates.size:
        raise DataError(
            [
                f"at most {int(known.max()):,} customers had bought before the window that precedes a date, {min_customers} are "
                "needed; shorten the horizon, give a longer log or lower min_customers"
            ],
            "the transaction log",
        )
    return dates, first


def _verdicts(date, customer, day, amount, first, window, outcome, rng) -> tuple[int, float, float, float, float]:
    eligible = np.flatnonzero(first < date - window)
    outcomes = []
    for lower in (date - window, date):
        start, stop = np.searchsorted(day, [lower, lower + window], side="left")
        total = np.bincount(customer[start:stop], amount[start:stop], minlength=first.size)[eligible]
        outcomes.append((total > 0).astype(float) if outcome == "bought" else total)
    Y = np.column_stack(outcomes)
    change = Y[:, 1] - Y[:, 0]
    effect, std_error = change.mean(), change.std(ddof=1) / np.sqrt(len(change))
    p = 2 * stats.t.sf(abs(effect) / std_error, len(change) - 1) if std_error > 0 else 1.0
    treated = np.full(len(eligible), NEVER)
    treated[rng.permutation(len(eligible))[: len(eligible) // 2]] = 1
    layout = group_time(treated, 2, "never", 0)
    found = errors_of(Y, treated, layout.cohorts, layout.contrast)
    did_p = float(found.p_value()[0]) if found.std_error[0] > 0 else 1.0
    return len(eligible), float(effect), float(p), float(found.estimate[0]), did_p
