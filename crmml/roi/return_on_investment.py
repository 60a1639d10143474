r"""Return on investment from two ledgers: what is known, with an interval, or the list of what is missing.

With payments :math:`c_t` of costs and :math:`g_t` of gains within a window, :math:`C = \sum_t c_t` and :math:`G = \sum_t g_t`,

.. math:: \mathrm{ROI} = \frac{G - C}{C},\qquad \text{gross multiple} = \frac GC = 1 + \mathrm{ROI},\qquad
   \mathrm{NPV} = \sum_t e^{-\delta t}(g_t - c_t),\quad \delta = \ln(1 + \text{annual rate})\text{ per 365.25 days},

ROI being of undiscounted money, NPV as of the first day of the window [1]_.

References
----------
.. [1] Brealey, R. A., Myers, S. C. and Allen, F. (2020), Principles of Corporate Finance, 13th ed. McGraw-Hill, chapters 2, 5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from ..amounts.conversion import ConversionRates
from ..amounts.money import Money
from ..amounts.windows import read_window
from ..checks import (
    Faults,
    check_annual_rate,
    check_cells,
    check_choice,
    check_coverage,
    check_draws,
    check_flag,
    check_generator,
)
from ..exceptions import MissingInputsError, listed
from ..results import Result
from ..typing import Day, Seed, Window
from ._cash_flows import CashFlows
from ._requirements import currency_faults, known_until, missing_inputs, read_observed
from .ledgers import BenefitLedger, CostLedger
from .returns import Payback, Return, payback_of, percent, return_by, tails
from .roi_displays import ROIWaterfallDisplay
from .tornado import Tornado, swing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: The horizons that every return is shown for, in months of the calendar from the start of the window.
HORIZONS = {"6 months": 6, "1 year": 12, "3 years": 36}


@dataclass(frozen=True)
class ReturnOnInvestment(Result):
    """The return of a programme over a window.

    Attributes
    ----------
    currency : str
    start, end : Timestamp
        The window, from the start on and before the end.
    annual_discount_rate : float
    total : Return
        Direct and indirect benefits together, over the window.
    direct : Return or None
        Direct benefits only; None where no direct benefit has a price.
    by_horizon : dict of str to (Return or None)
        "6 months", "1 year", "3 years" from the start, direct and indirect; None where the window ends before, or no cost, or in
        some draws none, falls within.
    direct_by_horizon : dict
        The same of direct benefits only.
    payback, discounted_payback : Payback
    unpriced : tuple of str
        Benefits without a price: no part of any figure.
    forecast_gain : float
        How much of the gain is marked as assumed rather than observed.
    known_until : Timestamp
        Last day that the benefits are known, or stated as forecast, for.
    coverage : float
        Of the intervals.
    uncertain : tuple of str
        Names of the unknowns.
    n_draws : int
        0 where there are none.
    """

    currency: str
    start: pd.Timestamp
    end: pd.Timestamp
    annual_discount_rate: float
    total: Return
    direct: Return | None
    by_horizon: Mapping[str, Return | None]
    direct_by_horizon: Mapping[str, Return | None]
    payback: Payback
    discounted_payback: Payback
    unpriced: tuple[str, ...]
    forecast_gain: float
    known_until: pd.Timestamp
    coverage: float
    uncertain: tuple[str, ...]
    n_draws: int
    _flows: CashFlows = field(repr=False, compare=False)
    _money: np.ndarray | None = field(repr=False, compare=False)

    @property
    def roi(self) -> float:
        """(gain - cost) / cost: 7.71 is 771 %."""
        return self.total.roi

    @property
    def gross_multiple(self) -> float:
        """Gain over cost: 8.71 came back for every 1 spent."""
        return self.total.gross_multiple

    @property
    def npv(self) -> float:
        """Net present value as of the start of the window."""
        return self.total.npv

    @property
    def cost(self) -> float:
        """Expected cost within the window, not discounted."""
        return self.total.cost

    @property
    def gain(self) -> float:
        """Expected gain within the window, not discounted."""
        return self.total.gain

    @property
    def roi_interval(self) -> tuple[float, float] | None:
        """Interval of the ROI, None where no uncertainty was stated."""
        return self.total.roi_interval

    @property
    def npv_interval(self) -> tuple[float, float] | None:
        """Interval of the net present value, None where no uncertainty was stated."""
        return self.total.npv_interval

    @property
    def probability_positive(self) -> float | None:
        """Probability that the ROI is above 0, None where no uncertainty was stated."""
        return self.total.probability_positive

    @property
    def table(self) -> pd.DataFrame:
        """One row for each scope and horizon: cost, gain, roi, gross_multiple, npv, their intervals; what is not known is missing."""
        records = []
        for scope, whole, parts in (
            ("direct only", self.direct, self.direct_by_horizon),
            ("with indirect", self.total, self.by_horizon),
        ):
            for horizon, found in [*parts.items(), ("window", whole)]:
                record: dict[str, Any] = {"benefits": scope, "horizon": horizon, "currency": self.currency}
                if found is not None:
                    roi, npv = found.roi_interval or (np.nan,) * 2, found.npv_interval or (np.nan,) * 2
                    record |= {
                        "end": found.end,
                        "cost": found.cost,
                        "gain": found.gain,
                        "roi": found.roi,
                        "roi_lower": roi[0],
                        "roi_upper": roi[1],
                        "gross_multiple": found.gross_multiple,
                        "npv": found.npv,
                        "npv_lower": npv[0],
                        "npv_upper": npv[1],
                    }
                records.append(record)
        names = ["benefits", "horizon", "currency", "end", "cost", "gain", "roi", "roi_lower", "roi_upper"]
        names += ["gross_multiple", "npv", "npv_lower", "npv_upper"]
        return pd.DataFrame(records, columns=names)

    def tornado(self, of: str = "roi", *, coverage: float = 0.9) -> Tornado:
        """Move each unknown from a low to a high quantile with the others at their medians, and sort by what that does.

        Parameters
        ----------
        of : {"roi", "npv", "gain", "cost"}, default="roi"
            Over the window, direct and indirect.
        coverage : float, default=0.9
            The quantiles are (1 - coverage)/2 and (1 + coverage)/2.

        Returns
        -------
        Tornado

        Raises
        ------
        ValueError
            When no uncertainty was stated.
        """
        check_choice(of, "of", ("roi", "npv", "gain", "cost"))
        rate = self.annual_discount_rate if of == "npv" else 0.0

        def evaluate(values: Mapping[str, float]) -> float:
            cost, gain = self._flows.totals(self._flows.amounts(values), annual_rate=rate)
            found = {"roi": gain / cost - 1, "npv": gain - cost, "gain": gain, "cost": cost}[of]
            return float(found[0])

        return swing(evaluate, self._flows.inputs, of=of, currency=self.currency, coverage=coverage)

    def cash_flow(self, *, direct: bool = False, discounted: bool = False) -> pd.DataFrame:
        """Return cumulative cost, gain and net by the day, with the net's interval where uncertainty was stated.

        Returns
        -------
        DataFrame
            date, cost, gain, net and, where there is an interval, net_lower and net_upper.
        """
        check_flag(direct, "direct")
        rate = self.annual_discount_rate if check_flag(discounted, "discounted") else 0.0
        days, cost, gain = self._flows.cumulative(self._flows.amounts(), direct=direct, annual_rate=rate)
        dates = self.start + pd.to_timedelta(days, unit="D")
        table = pd.DataFrame({"date": dates, "cost": cost[:, 0], "gain": gain[:, 0], "net": (gain - cost)[:, 0]})
        if self._money is not None:
            money = self._money[:, : max(1, 4_000_000 // len(days))]
            _, cost, gain = self._flows.cumulative(money, direct=direct, annual_rate=rate)
            lower, upper = np.quantile(gain - cost, tails(self.coverage), axis=1)
            table = table.assign(net_lower=lower, net_upper=upper)
        return table

    def by_kind(self) -> pd.DataFrame:
        """Return expected amounts within the window by kind, costs negative and first, then direct and indirect benefits.

        Returns
        -------
        DataFrame
            step (the kind), group ("cost", "direct" or "indirect"), amount.
        """
        flows, amount = self._flows, self._flows.amounts()[:, 0]
        paid = np.bincount(flows.owner, minlength=len(flows.rows)) * amount
        group = np.where(flows.is_cost, "cost", np.where(flows.is_direct, "direct", "indirect"))
        table = pd.DataFrame({"step": [row.kind for row in flows.rows], "group": group})
        table["amount"] = np.where(flows.is_cost, -paid, paid)
        table = table[paid != 0].groupby(["group", "step"], as_index=False)["amount"].sum()
        table["size"] = table["amount"].abs()
        table = table.sort_values(["group", "size"], ascending=[True, False], kind="stable", ignore_index=True)
        return table[["step", "group", "amount"]]

    def plot(self, ax: Axes | None = None) -> ROIWaterfallDisplay:
        """Draw the way from costs through benefits to the net gain.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        ROIWaterfallDisplay
        """
        return ROIWaterfallDisplay.from_result(self).plot(ax=ax)

    def describe(self) -> str:
        """Say the return in plain sentences a manager can read."""
        lines = [*self._totals_said(), *self._present_value_said()]
        reached = [f"{name} {percent(found.roi)}" for name, found in self.by_horizon.items() if found is not None]
        if reached:
            lines.append(f"Return on investment after {', '.join(reached)}.")
        lines.append(self.payback.describe())
        if self.annual_discount_rate:
            said = self.discounted_payback.describe()
            lines.append(f"With discounting, {said[0].lower()}{said[1:]}")
        return "\n".join([*lines, *self._limits_said()])

    @property
    def _last_day(self) -> pd.Timestamp:
        return self.end - pd.Timedelta(days=1)

    def _totals_said(self) -> list[str]:
        cost, gain = (Money(amount, self.currency).describe() for amount in (self.cost, self.gain))
        lines = [
            f"From {self.start:%Y-%m-%d} to {self._last_day:%Y-%m-%d} the programme costs {cost} and brings {gain}: "
            f"{self.total.describe()}."
        ]
        if self.direct is None:
            lines.append("No direct benefit has a price, so there is no return on direct benefits alone.")
        elif self.direct.gain != self.gain:
            lines.append(f"With direct benefits only, {self.direct.describe()}.")
        return lines

    def _present_value_said(self) -> list[str]:
        rate = f" at {self.annual_discount_rate:.1%} a year" if self.annual_discount_rate else ", not discounted"
        npv = Money(self.npv, self.currency).describe()
        if self.npv_interval is None or self.probability_positive is None:
            return [f"Net present value{rate}: {npv}. No uncertainty was stated, so there is no interval."]
        lower, upper = (Money(value, self.currency).describe() for value in self.npv_interval)
        return [
            f"Net present value{rate}: {npv} ({lower} to {upper}).",
            f"The return is above 0 with probability {self.probability_positive:.0%}. Intervals hold {self.coverage:.0%} of "
            f"{self.n_draws:,} draws of {len(self.uncertain)} stated unknown{'s' if len(self.uncertain) != 1 else ''}, taken as "
            "independent.",
        ]

    def _limits_said(self) -> list[str]:
        """What is assumed, ends early, or has no price."""
        lines = []
        if self.forecast_gain:
            lines.append(f"{self.forecast_gain / self.gain:.0%} of the gain is forecast, not observed.")
        costs = (row for row, cost in zip(self._flows.rows, self._flows.is_cost, strict=True) if cost)
        recurring = [row.covers_until for row in costs if row.every is not None]
        if recurring and max(recurring) < self._last_day:
            lines.append(f"Recurring costs are entered to {max(recurring):%Y-%m-%d}; none is counted after that day.")
        if self.unpriced:
            lines.append(f"In no figure, for want of a price: {listed(self.unpriced, separator='; ')}.")
        return lines


def roi(
    costs: CostLedger,
    benefits: BenefitLedger,
    window: Window,
    annual_discount_rate: float = 0.0,
    *,
    observed_until: Day | None = None,
    rates: ConversionRates | None = None,
    coverage: float = 0.9,
    n_draws: int = 4000,
    random_state: Seed = None,
) -> ReturnOnInvestment:
    """Return on investment of a programme, or a refusal with the list of what is missing.

    Expected figures are those with every unknown at its mean, which is their expected value as long as amounts are sums and
    products of different unknowns; intervals come from draws of the stated distributions.

    Parameters
    ----------
    costs : CostLedger
    benefits : BenefitLedger
    window : (start, end)
        Days, the end exclusive, or a length of the calendar: ``("2024-01-01", "3Y")``.
    annual_discount_rate : float, default=0.0
        Effective rate a year, 0.08 for 8 %, at most 1.
    observed_until : day, default=None
        Last day for which the benefits that are not marked ``forecast`` are complete. After it only forecast benefits may follow.
        None takes the last day that a benefit's row speaks of: a one-off row its own day, a recurring one the end of its last
        period.
    rates : ConversionRates, default=None
        Needed where currencies are mixed.
    coverage : float, default=0.9
        Of the intervals, equal tails.
    n_draws : int, default=4000
        Of the stated uncertainties.
    random_state : int, Generator, RandomState or None

    Returns
    -------
    ReturnOnInvestment

    Raises
    ------
    MissingInputsError
        Naming everything that is missing: costs or prices of costs, a cost above 0, a benefit with a price, benefits for the
        whole window, rates between currencies; and what else is wrong: costs before the window, benefits before the first cost.
    ValueError
        For a rate above 100 % or other wrong arguments.

    Examples
    --------
    >>> costs = CostLedger("USD").add("2024-01-01", "implementation", "CRM", 100_000)
    >>> benefits = BenefitLedger("USD").add("2024-07-01", "margin", "more sales", 871_000, direct=True)
    >>> found = roi(costs, benefits, ("2024-01-01", "1Y"), observed_until="2024-12-31")
    >>> round(found.roi, 6), round(found.gross_multiple, 6)
    (7.71, 8.71)
    >>> for line in found.describe().splitlines()[1:]:
    ...     print(line)
    Net present value, not discounted: USD 771,000. No uncertainty was stated, so there is no interval.
    Return on investment after 6 months -100 %, 1 year 771 %.
    It is expected to have paid for itself by 2024-07-01, after 182 days.
    """
    programme = _read_programme(
        costs, benefits, window, annual_discount_rate, observed_until, rates, coverage, n_draws, random_state
    )
    start, end, flows, money = programme.start, programme.end, programme.flows, programme.money
    ends = {name: start + pd.DateOffset(months=months) for name, months in HORIZONS.items()}
    assumed = CashFlows((), [row for row in programme.benefits.rows if row.forecast], start, end)
    return ReturnOnInvestment(
        currency=programme.currency,
        start=start,
        end=end,
        annual_discount_rate=programme.rate,
        total=cast(Return, programme.returned_by(end, direct=False)),
        direct=programme.returned_by(end, direct=True),
        by_horizon={name: programme.returned_by(until, direct=False) for name, until in ends.items()},
        direct_by_horizon={name: programme.returned_by(until, direct=True) for name, until in ends.items()},
        payback=payback_of(flows, money, 0.0, programme.coverage),
        discounted_payback=payback_of(flows, money, programme.rate, programme.coverage),
        unpriced=tuple(row.label for row in programme.benefits.unpriced),
        forecast_gain=float(assumed.totals(assumed.amounts())[1][0]),
        known_until=programme.known_until,
        coverage=programme.coverage,
        uncertain=tuple(sorted(flows.inputs)),
        n_draws=programme.n_draws if money is not None else 0,
        _flows=flows,
        _money=money,
    )


@dataclass(frozen=True)
class _Programme:
    """Two ledgers in one currency over a window that they cover, free of faults, with draws of what is uncertain."""

    benefits: BenefitLedger
    currency: str
    start: pd.Timestamp
    end: pd.Timestamp
    rate: float
    coverage: float
    n_draws: int
    known_until: pd.Timestamp
    flows: CashFlows
    money: np.ndarray | None

    def returned_by(self, until: pd.Timestamp, *, direct: bool) -> Return | None:
        """What came back before a day; None after the window, and where no direct benefit has a price."""
        priced = any(row.priced and row.direct for row in self.benefits.rows)
        if until > self.end or (direct and not priced):
            return None
        return return_by(self.flows, self.money, until, direct, self.rate, self.coverage, self.currency)


def _read_programme(
    costs: CostLedger,
    benefits: BenefitLedger,
    window: Window,
    annual_discount_rate: float,
    observed_until: Day | None,
    rates: ConversionRates | None,
    coverage: float,
    n_draws: int,
    random_state: Seed,
) -> _Programme:
    """Check arguments, then what the ledgers lack; every fault of each at once."""
    if not isinstance(costs, CostLedger) or not isinstance(benefits, BenefitLedger):
        raise TypeError(
            "roi takes a CostLedger and a BenefitLedger, in this order; a frame becomes one by "
            "CostLedger.from_table(frame, currency=...)."
        )
    if rates is not None and not isinstance(rates, ConversionRates):
        raise TypeError(f"rates={rates!r} must be ConversionRates(to, on, rates), with the day that they hold for.")
    wrong = Faults("the request for a return on investment")
    rate: Any = wrong.check(check_annual_rate, annual_discount_rate)
    wrong.check(check_coverage, coverage)
    wrong.check(check_draws, n_draws, least=100)
    rng: Any = wrong.check(check_generator, random_state)
    days: Any = wrong.check(read_window, window)
    observed = wrong.check(read_observed, observed_until)
    wrong.refuse()
    start, end = days
    faults = currency_faults(costs, benefits, rates)
    if rates is not None and not faults:
        costs, benefits = costs.converted(rates), benefits.converted(rates)
    faults += missing_inputs(costs, benefits, start, end)
    known, unknown = known_until(benefits, start, end, observed)
    if unknown and any(row.priced for row in benefits.rows):
        faults += unknown
    if faults:
        raise MissingInputsError(faults)
    flows = CashFlows(costs.rows, benefits.rows, start, end)
    check_cells(n_draws=int(n_draws), rows=len(costs.rows) + len(benefits.rows))
    money = _drawn(flows, int(n_draws), rng)
    return _Programme(
        benefits, costs.currencies[0], start, end, rate, float(coverage), int(n_draws), known, flows, money
    )


def _drawn(flows: CashFlows, n_draws: int, rng: np.random.Generator) -> np.ndarray | None:
    """Draws of all amounts, None where nothing is uncertain; refuse what no return can be computed of."""
    with np.errstate(over="ignore", invalid="ignore"):
        (cost,), (gain,) = flows.totals(flows.amounts())
        if not np.isfinite([cost, gain, gain / cost]).all():
            raise MissingInputsError([f"costs of {cost:g} and benefits of {gain:g} are beyond what can be computed"])
    if not flows.inputs:
        return None
    money = flows.draw(n_draws, rng)
    if empty := int((flows.totals(money)[0] <= 0).sum()):
        raise MissingInputsError([f"the cost is 0 in {empty:,} of {n_draws:,} draws; state a distribution above 0"])
    return money
