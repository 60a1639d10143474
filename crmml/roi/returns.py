"""What came back by a day, and when a programme had paid for itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..checks import Faults, check_number
from ..results import IntervalDisplay, Result
from ._cash_flows import CashFlows

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Return(Result):
    """What came back by a day.

    Attributes
    ----------
    cost, gain : float
        With every unknown at its mean, not discounted, in ``currency``.
    roi : float
        (gain - cost) / cost: 7.71 is 771 %.
    gross_multiple : float
        gain / cost: 8.71 came back for every 1 spent.
    npv : float
        Discounted to the start of the window.
    roi_interval, npv_interval : (float, float) or None
        None where no uncertainty was stated.
    probability_positive : float or None
        That ROI is above 0.
    currency : str
    start, end : Timestamp
        From the start on and before the end.
    """

    cost: float
    gain: float
    roi: float
    gross_multiple: float
    npv: float
    roi_interval: tuple[float, float] | None
    npv_interval: tuple[float, float] | None
    probability_positive: float | None
    currency: str
    start: pd.Timestamp
    end: pd.Timestamp

    def plot(self, ax: Axes | None = None) -> IntervalDisplay:
        """Draw cost, gain and net present value, with the interval of the last.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        IntervalDisplay
        """
        table = self.to_frame()
        money = table[table["quantity"].isin(["cost", "gain", "npv"])].reset_index(drop=True)
        return IntervalDisplay(money, title=f"{self.describe()}, in {self.currency}").plot(ax=ax)

    def describe(self) -> str:
        """Say it in a sentence."""
        text = (
            f"for every {self.currency} 1 spent {self.currency} {self.gross_multiple:,.2f} came back gross, a return on investment of "
            f"{percent(self.roi)}"
        )
        return (
            f"{text} ({percent(self.roi_interval[0])} to {percent(self.roi_interval[1])})"
            if self.roi_interval
            else text
        )


@dataclass(frozen=True)
class Payback(Result):
    """When the programme had paid for itself.

    Attributes
    ----------
    date : Timestamp or None
        First day on which cumulative gain was at least cumulative cost; None where there is none within the window.
    days : int or None
        From the start of the window.
    holds : bool
        Whether it stays so to the end of the window: no later cost takes it below again.
    reason : str
        Why there is no date; "" where there is one.
    interval : (Timestamp or None, Timestamp or None) or None
        Over the draws, None within it for "not within the window"; None where no uncertainty was stated.
    probability : float or None
        That it comes within the window.
    lasting : Timestamp or None
        First day from which it stays so to the end of the window: ``date`` where ``holds``, None where it does not.
    """

    date: pd.Timestamp | None
    days: int | None
    holds: bool
    reason: str
    interval: tuple[pd.Timestamp | None, pd.Timestamp | None] | None
    probability: float | None
    lasting: pd.Timestamp | None = None

    def to_frame(self) -> pd.DataFrame:
        """Return the days until payback, with their interval and the probability: quantity, value, lower, upper, probability."""
        days = float("nan") if self.days is None else float(self.days)
        ends = [float("nan")] * 2
        if self.date is not None and self.interval is not None:
            ends = [float("nan") if day is None else days + (day - self.date).days for day in self.interval]
        probability = float("nan") if self.probability is None else self.probability
        record = ("days_until_payback", days, *ends, probability)
        return pd.DataFrame([record], columns=["quantity", "value", "lower", "upper", "probability"])

    def describe(self) -> str:
        """Say it in a sentence."""
        if self.date is None:
            text = f"It is not expected to pay for itself within the window: {self.reason}."
        else:
            end = "by the end of the window" if self.lasting is None else f"until {self.lasting:%Y-%m-%d}"
            after = "" if self.holds else f", though later costs take it below again {end}"
            days = f"{self.days:,} day{'s' * (self.days != 1)}"
            text = f"It is expected to have paid for itself by {self.date:%Y-%m-%d}, after {days}{after}."
        if self.interval is not None and self.probability is not None:
            lower, upper = (f"{day:%Y-%m-%d}" if day is not None else "after the window" for day in self.interval)
            ends = "" if self.interval[0] is None else f"; interval {lower} to {upper}"
            text += f" It does so within the window with probability {self.probability:.0%}{ends}."
        return text


def return_by(
    flows: CashFlows,
    money: np.ndarray | None,
    until: pd.Timestamp,
    direct: bool,
    rate: float,
    coverage: float,
    currency: str,
) -> Return | None:
    """Return what came back before a day, or None where nothing, or in some draws nothing, was spent by then."""
    options: dict[str, Any] = {"before": (until - flows.start).days, "direct": direct}
    expected = flows.amounts()
    (cost,), (gain,) = flows.totals(expected, **options)
    if not cost > 0:
        return None
    (later_cost,), (later_gain,) = flows.totals(expected, annual_rate=rate, **options)
    roi_interval = npv_interval = probability = None
    if money is not None:
        spent, won = flows.totals(money, **options)
        if not (spent > 0).all():
            return None
        draws = won / spent - 1
        spent, won = flows.totals(money, annual_rate=rate, **options)
        roi_interval, npv_interval = _interval(draws, coverage), _interval(won - spent, coverage)
        probability = float((draws > 0).mean())
    return Return(
        float(cost),
        float(gain),
        float((gain - cost) / cost),
        float(gain / cost),
        float(later_gain - later_cost),
        roi_interval,
        npv_interval,
        probability,
        currency,
        flows.start,
        until,
    )


def payback_of(flows: CashFlows, money: np.ndarray | None, rate: float, coverage: float) -> Payback:
    """Return when cumulative gain first was at least cumulative cost."""
    (when,), (since,) = flows.payback(flows.amounts(), annual_rate=rate)
    interval = probability = None
    if money is not None:
        draws, _ = flows.payback(money, annual_rate=rate)
        lower, upper = np.quantile(draws, tails(coverage), method="inverted_cdf")
        interval, probability = (_at(flows, lower), _at(flows, upper)), float(np.isfinite(draws).mean())
    if np.isfinite(when):
        day, lasting = _at(flows, when), _at(flows, since)
        return Payback(day, int(when), day == lasting, "", interval, probability, lasting)
    cost, gain = flows.totals(flows.amounts(), annual_rate=rate)
    reason = f"by its end benefits come to {gain[0]:,.0f}, costs to {cost[0]:,.0f}"
    return Payback(None, None, False, reason, interval, probability)


def _at(flows: CashFlows, day: float) -> pd.Timestamp | None:
    return flows.start + pd.Timedelta(days=int(day)) if np.isfinite(day) else None


def tails(coverage: float) -> list[float]:
    """Return the two tails of an interval with equal ones."""
    return [(1 - coverage) / 2, (1 + coverage) / 2]


def _interval(draws: np.ndarray, coverage: float) -> tuple[float, float]:
    lower, upper = np.quantile(draws, tails(coverage))
    return float(lower), float(upper)


def percent(share: float) -> str:
    """Say a share in percent."""
    return f"{100 * share:,.0f} %" if abs(share) >= 0.1 else f"{100 * share:,.1f} %"


def implied_gain(roi: float, cost: float) -> float:
    """Gain that a reported return on investment stands for: cost · (1 + roi).

    Parameters
    ----------
    roi : float
        0.447 for 44.7 %.
    cost : float
        Above 0.

    Examples
    --------
    An airline's 44.7 % on 70 million dollars is a gain of customer equity of 101.29 million.

    >>> round(implied_gain(0.447, 70.0), 2)
    101.29
    """
    faults = Faults("the reported return")
    roi = faults.check(check_number, roi, "roi", least=-1, meaning="0.447 for 44.7 %") or 0.0
    cost = faults.check(check_number, cost, "cost", above=0) or 0.0
    faults.refuse()
    return cost * (1 + roi)
