"""Ledgers of what a programme costs and what it brings: dated, typed rows that never lose their currency."""

from __future__ import annotations

from ..amounts.uncertain_amounts import Quantity
from ..typing import Day
from ._ledger import FIELDS, Ledger
from .ledger_rows import BENEFIT_KINDS, COST_KINDS


class CostLedger(Ledger):
    """What a programme costs; immutable, `add` returns a longer one.

    Parameters
    ----------
    currency : str, default=None
        Of rows that state none: three letters.
    allow_overlap : bool, default=False
        Whether duplicate rows, and recurring rows of one kind and label at the same time, are meant.

    Attributes
    ----------
    rows : tuple of LedgerRow
    currency : str or None
    currencies : tuple of str
    unpriced : tuple of LedgerRow
    table : DataFrame

    Examples
    --------
    >>> costs = (
    ...     CostLedger("CNY")
    ...     .add("2024-01-01", "software licence", "CRM", 300_000)
    ...     .add("2024-01-15", "training", "two days for all", hours=320, hourly_rate=90)
    ...     .add("2024-02-01", "maintenance", "support", 5_000, every="M", until="2024-12-31")
    ... )
    >>> costs.total(("2024-01-01", "6M")).describe()
    'CNY 353,800'
    >>> print(costs.describe())
    3 costs, 1 of them recurring, with 13 payments from 2024-01-01 to 2024-12-01.
    CNY 383,800 in all: software licence 300,000, maintenance 55,000, training 28,800.
    """

    _kinds, _noun, _one, _needs_direct = COST_KINDS, "costs", "cost", False

    def add(
        self,
        date: Day,
        kind: str,
        label: str,
        amount: float | Quantity | None = None,
        *,
        hours: float | Quantity | None = None,
        hourly_rate: float | Quantity | None = None,
        currency: str | None = None,
        every: str | None = None,
        until: Day | None = None,
        times: int | None = None,
        forecast: bool = False,
        source: str = "",
    ) -> CostLedger:
        """Return a ledger with one more cost.

        Parameters
        ----------
        date : day
            Of the payment, or of the first one.
        kind : str
            software licence, subscription, implementation, migration, training, maintenance, servers, staff, process, other.
        label : str
        amount : float or Quantity, default=None
            Money per payment, at least 0. None, without hours, is a cost whose price is not known yet: no return can be known.
        hours, hourly_rate : float or Quantity, default=None
            Instead of the amount.
        currency : str, default=None
            None takes the ledger's.
        every : str, default=None
            "D", "W", "M", "Y", or such as "3M"; None is one-off.
        until : day, default=None
            Last day, inclusive.
        times : int, default=None
            Number of payments, instead of ``until``.
        forecast : bool, default=False
        source : str, default=""

        Raises
        ------
        DataError
            Naming everything that is wrong, duplicates and overlaps included.
        """
        given = {k: v for k, v in locals().items() if k in FIELDS}
        return self._add(given)


class BenefitLedger(Ledger):
    """What a programme brings, directly or indirectly, priced or not; immutable, `add` returns a longer one.

    Parameters
    ----------
    currency : str, default=None
        Of rows that state none: three letters.
    allow_overlap : bool, default=False

    Attributes
    ----------
    rows, currency, currencies, unpriced, table
        As those of `CostLedger`.

    Examples
    --------
    >>> benefits = (
    ...     BenefitLedger("CNY")
    ...     .add("2024-02-01", "staff time", "less paperwork", 12_000, direct=True, every="M", times=11)
    ...     .add("2024-06-01", "satisfaction", "75 to 88 %", direct=False)
    ... )
    >>> print(benefits.describe())
    2 benefits, 1 of them recurring, with 12 payments from 2024-02-01 to 2024-12-01.
    CNY 132,000 in all: staff time 132,000.
    Without a price: 75 to 88 %.
    """

    _kinds, _noun, _one, _needs_direct = BENEFIT_KINDS, "benefits", "benefit", True

    def add(
        self,
        date: Day,
        kind: str,
        label: str,
        amount: float | Quantity | None = None,
        *,
        direct: bool | None = None,
        hours: float | Quantity | None = None,
        hourly_rate: float | Quantity | None = None,
        currency: str | None = None,
        every: str | None = None,
        until: Day | None = None,
        times: int | None = None,
        forecast: bool = False,
        source: str = "",
    ) -> BenefitLedger:
        """Return a ledger with one more benefit.

        Parameters
        ----------
        date : day
        kind : str
            margin (not revenue), retention, staff time, cost saving, capacity, satisfaction, other.
        label : str
        amount : float or Quantity, default=None
            Money per payment. None, without hours, is a benefit without a price: kept and listed. An uncertain benefit may turn
            out below 0 as long as it is expected above.
        direct : bool
            Whether it comes from the programme directly; must be said.
        forecast : bool, default=False
            Whether it is assumed rather than observed.
        hours, hourly_rate, currency, every, until, times, source
            As in `CostLedger.add`.

        Raises
        ------
        DataError
            Naming everything that is wrong.
        """
        given = {k: v for k, v in locals().items() if k in FIELDS}
        return self._add(given)
