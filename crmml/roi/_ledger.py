"""What ledgers of costs and of benefits share: rows read with every fault named, payments, totals, conversion."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pandas as pd

from .. import frames
from ..amounts.conversion import ConversionRates
from ..amounts.money import Money
from ..amounts.uncertain_amounts import Quantity, Uncertain, merged_inputs
from ..amounts.windows import read_window
from ..checks import check_choice, check_currency, check_flag
from ..exceptions import DataError, in_number, listed, shown
from ..frames import expressions as ex
from ..frames.text_amounts import DecimalMark
from ..results import Result
from ..typing import Frame, Window
from ._ledger_table import read_table
from .ledger_rows import SPREAD, LedgerRow, read_row, with_distribution
from .roi_displays import LedgerDisplay

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Columns of a table, by the names of a row's fields.
FIELDS = (
    "date",
    "kind",
    "label",
    "amount",
    "hours",
    "hourly_rate",
    "currency",
    "every",
    "until",
    "times",
    "direct",
    "forecast",
    "source",
)


class Ledger(Result):
    """An immutable list of rows; subclasses say which kinds there are."""

    _kinds: ClassVar[tuple[str, ...]]
    _noun: ClassVar[str]
    _one: ClassVar[str]
    _needs_direct: ClassVar[bool]

    rows: tuple[LedgerRow, ...]
    currency: str | None
    allow_overlap: bool

    def __init__(self, currency: str | None = None, *, allow_overlap: bool = False) -> None:
        code = None if currency is None else check_currency(currency)
        self.__dict__.update(currency=code, allow_overlap=check_flag(allow_overlap, "allow_overlap"), rows=())

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a {type(self).__name__} does not change; add() returns another one")

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)

    def __len__(self) -> int:
        return len(self.rows)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and (self.rows, self.currency) == (other.rows, other.currency)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        currency = ", ".join(self.currencies) or self.currency or "no currency"
        return f"{type(self).__name__}({in_number(f'{len(self)} rows')}, {currency})"

    @property
    def currencies(self) -> tuple[str, ...]:
        """The currencies of the rows that have a price, sorted."""
        return tuple(sorted({row.currency for row in self.rows if row.priced}))

    @property
    def unpriced(self) -> tuple[LedgerRow, ...]:
        """The rows without an amount."""
        return tuple(row for row in self.rows if not row.priced)

    @classmethod
    def from_table(
        cls,
        frame: Frame,
        columns: Mapping[str, str] | None = None,
        *,
        currency: str | None = None,
        allow_overlap: bool = False,
        decimal: DecimalMark | None = None,
        day_first: bool | None = None,
    ) -> Self:
        """Read a ledger from a table.

        Text is read as spreadsheets write it: amounts with separators of thousands, a currency sign that agrees with the
        currency, a minus sign or brackets; days with the year first, or with the year last. What a comma and what a day stands
        for is decided by the whole column, and refused with both readings where both fit. Blank rows are passed over; rows that
        total others are refused.

        Parameters
        ----------
        frame : frame of pandas, polars (eager or lazy), pyarrow, DuckDB or PySpark
            One row each. Columns date, kind, label and, as needed, amount, hours, hourly_rate, currency, every, until, times,
            direct (benefits: required), forecast, source; an uncertain amount by distribution ("triangular" with lower, amount,
            upper; "uniform" with lower, upper; "lognormal" with lower, upper and, if not 0.9, coverage; "normal" with amount, sd).
            Other columns are ignored. Of times in a time zone the day on its own clock counts, as in a transaction log.
        columns : mapping of str to str, default=None
            Names of the frame's columns by the names above, where they differ.
        currency : str, default=None
            Of rows that state none.
        allow_overlap : bool, default=False
            Whether duplicate and overlapping rows are meant.
        decimal : {".", ","}, default=None
            What parts the decimals of amounts in text; None decides by each column.
        day_first : bool, default=None
            Whether the day stands before the month in text such as "03/04/2024"; None decides by each column.

        Raises
        ------
        DataError
            Naming every fault of every row, by the number of the row, the first being 1.

        Examples
        --------
        >>> import pandas as pd
        >>> from crmml.roi import CostLedger
        >>> table = pd.DataFrame(
        ...     {
        ...         "date": ["31/01/2024", "01/02/2024"],
        ...         "kind": ["Software License", "training"],
        ...         "label": ["CRM", "two days"],
        ...         "amount": ["1.200,50 €", "300"],
        ...     }
        ... )
        >>> print(CostLedger.from_table(table, currency="EUR").describe())
        2 costs, 0 of them recurring, with 2 payments from 2024-01-31 to 2024-02-01.
        EUR 1,500 in all: software licence 1,200, training 300.
        """
        if columns is not None and not isinstance(columns, Mapping):
            raise TypeError(f"columns={shown(columns)} must map fields to columns, as in {{'amount': 'Betrag'}}.")
        check_choice(decimal, "decimal", (None, ".", ","))
        check_choice(day_first, "day_first", (None, True, False))
        ledger = cls(currency, allow_overlap=allow_overlap)
        wrapped = frames.wrap(frame)
        _refuse_other_names(wrapped.collect_schema().names(), columns, f"the table of {cls._noun}")
        source_of = _sources(dict(columns or {}), wrapped.collect_schema().names())
        needed = ["date", "kind", "label", *(["direct"] if cls._needs_direct else [])]
        wanted = list(dict.fromkeys(source_of.get(name, name) for name in [*needed, *source_of]))
        frames.check_columns(wrapped, wanted, f"the table of {cls._noun}")
        table = frames.to_columns(_on_own_clock(wrapped, wanted).to_native(), wanted)
        cells = {name: table[column].tolist() for name, column in source_of.items()}
        read = read_table(cells, source_of, ledger.currency, decimal=decimal, day_first=day_first)
        return ledger._extended(read.records, read.places, read.faults)

    def _add(self, fields: Mapping[str, Any]) -> Self:
        return self._extended([fields], [f"the new row {str(fields.get('label') or '')!r}"])

    def _extended(self, records: Iterable[Mapping[str, Any]], names: list[str], of_table: Sequence[str] = ()) -> Self:
        rows, places = list(self.rows), [f"row {k + 1}" for k in range(len(self.rows))]
        wrong_at: dict[str, list[str]] = {}
        taken = {name for row in rows for name in _names(row)}
        for fields, place in zip(records, names, strict=True):
            fields, wrong = with_distribution(dict(fields))
            row, found = read_row(fields, self._kinds, self.currency, needs_direct=self._needs_direct, taken=taken)
            for fault in [*wrong, *found]:
                wrong_at.setdefault(fault, []).append(place)
            if row is not None:
                rows.append(row)
                places.append(place)
                taken.update(_names(row))
        faults = [*of_table, *_by_fault(wrong_at)]
        if not self.allow_overlap:
            faults += overlaps(rows, places)
        if not faults:
            faults += self._input_faults(rows)
        if faults:
            raise DataError(faults, f"the ledger of {self._noun}")
        return self._with(tuple(rows))

    @staticmethod
    def _input_faults(rows: list[LedgerRow]) -> list[str]:
        try:
            merged_inputs(row.amount for row in rows if isinstance(row.amount, Quantity))
        except ValueError as error:
            return [str(error)]
        return []

    def _with(self, rows: tuple[LedgerRow, ...], currency: str | None = None) -> Self:
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__, rows=rows, currency=currency or self.currency)
        return other

    def converted(self, rates: ConversionRates) -> Self:
        """Return the ledger with every amount in one currency, by rates that are stated.

        Parameters
        ----------
        rates : ConversionRates

        Raises
        ------
        DataError
            Naming the currencies that have no rate.
        """
        if not isinstance(rates, ConversionRates):
            raise TypeError(
                f"rates={shown(rates)} must be ConversionRates(to, on, rates), with the day that they hold for."
            )
        rates.check(self.currencies, f"the ledger of {self._noun}")
        return self._with(tuple(_converted(row, rates) for row in self.rows), rates.to)

    def payments(self, window: Window | None = None) -> pd.DataFrame:
        """Return every payment, one row each, in the order of their dates.

        Parameters
        ----------
        window : (start, end), default=None
            From the start on and before the end; None takes all.

        Returns
        -------
        DataFrame
            date, kind, label, amount (expected; NaN where not priced), currency, direct, forecast, row (number, from 0).
        """
        days = [row.dates() for row in self.rows]
        of = np.repeat(np.arange(len(self.rows)), [len(part) for part in days])
        table = pd.DataFrame(
            {"date": np.concatenate([part.to_numpy("datetime64[us]") for part in days]) if days else []}
        )
        table["date"] = pd.to_datetime(table["date"])
        for name, kind in (("kind", object), ("label", object), ("expected", float), ("currency", object)):
            values = np.array([getattr(row, name) for row in self.rows], dtype=kind)
            table["amount" if name == "expected" else name] = values[of]
        for name in ("direct", "forecast"):
            table[name] = np.array([getattr(row, name) for row in self.rows], dtype=bool)[of]
        table["row"] = of
        if window is not None:
            start, end = read_window(window)
            table = table[(table["date"] >= start) & (table["date"] < end)]
        return table.sort_values("date", kind="stable", ignore_index=True)

    def total(
        self, window: Window | None = None, *, rates: ConversionRates | None = None, direct: bool | None = None
    ) -> Money:
        """Return the expected total of what is priced; totals of the parts of a window add up to the whole's.

        Parameters
        ----------
        window : (start, end), default=None
            From the start on and before the end; ``end`` may be a length such as "3Y". None takes all.
        rates : ConversionRates, default=None
            Needed where currencies are mixed.
        direct : bool, default=None
            Only direct, or only indirect, rows.

        Raises
        ------
        DataError
            When currencies are mixed, or there is none because no row has a price.
        """
        check_choice(direct, "direct", (None, True, False))
        ledger = self if rates is None else self.converted(rates)
        ledger._check_one_currency()
        table = ledger.payments(window)
        if direct is not None:
            table = table[table["direct"] == direct]
        return Money(float(table["amount"].sum()), ledger.currencies[0])

    def _check_one_currency(self) -> None:
        if len(self.currencies) != 1:
            raise DataError([self._currency_fault()], f"the ledger of {self._noun}")

    def _currency_fault(self) -> str:
        if not self.currencies:
            return "no row has an amount, so that there is no total and no currency"
        counts = ", ".join(f"{sum(r.priced and r.currency == c for r in self.rows)} in {c}" for c in self.currencies)
        return (
            f"currencies are mixed ({counts}); give rates=ConversionRates(to={self.currencies[0]!r}, on=a day, rates={{...}}) "
            "with the rates you hold right"
        )

    @property
    def table(self) -> pd.DataFrame:
        """The rows as a frame: expected amount per payment, its distribution in words, number of payments and their total."""
        records = [
            {
                "date": row.date,
                "kind": row.kind,
                "label": row.label,
                "amount": row.expected,
                "currency": row.currency,
                "every": row.every,
                "payments": len(row.dates()),
                "total": row.expected * len(row.dates()),
                "uncertainty": _uncertainty(row.amount),
                "direct": row.direct,
                "forecast": row.forecast,
                "source": row.source,
            }
            for row in self.rows
        ]
        names = [
            "date",
            "kind",
            "label",
            "amount",
            "currency",
            "every",
            "payments",
            "total",
            "uncertainty",
            "direct",
            "forecast",
            "source",
        ]
        return pd.DataFrame(records, columns=names)

    def by_kind(self, window: Window | None = None) -> pd.DataFrame:
        """Return expected totals of what is priced, largest first: kind, currency, amount."""
        table = self.payments(window).dropna(subset=["amount"])
        totals = table.groupby(["kind", "currency"], as_index=False).agg({"amount": "sum"})
        return totals.sort_values("amount", ascending=False, ignore_index=True, kind="stable")

    def plot(self, ax: Axes | None = None) -> LedgerDisplay:
        """Draw expected totals by kind.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        LedgerDisplay
        """
        return LedgerDisplay.from_result(self).plot(ax=ax)

    def describe(self) -> str:
        """Say in plain sentences what is in the ledger."""
        if not self.rows:
            return f"The ledger of {self._noun} is empty."
        recurring = sum(row.every is not None for row in self.rows)
        table = self.payments()
        span = f"{table['date'].min():%Y-%m-%d} to {table['date'].max():%Y-%m-%d}"
        lines = [
            f"{len(self):,} {self._noun if len(self) != 1 else self._one}, {recurring} of them recurring, with {len(table):,} "
            f"payment{'s' * (len(table) != 1)} from {span}."
        ]
        for currency in self.currencies:
            kinds = self.by_kind()
            kinds = kinds[kinds["currency"] == currency]
            parts = ", ".join(
                f"{kind} {amount:,.0f}" for kind, amount in zip(kinds["kind"], kinds["amount"], strict=True)
            )
            lines.append(f"{Money(float(kinds['amount'].sum()), currency).describe()} in all: {parts}.")
        if doubtful := [row.label for row in self.rows if isinstance(row.amount, Quantity)]:
            lines.append(f"With a stated uncertainty: {listed(doubtful)}.")
        if self.unpriced:
            lines.append(f"Without a price: {listed([row.label for row in self.unpriced])}.")
        return "\n".join(lines)


def _sources(columns: Mapping[str, str], there: Sequence[str]) -> dict[str, str]:
    """The frame's column of each field that it has, or that the caller named."""
    known = FIELDS + SPREAD
    if odd := [name for name in columns.values() if not isinstance(name, str | int)]:
        raise ValueError(f"columns names a column {shown(odd[0])}; give the names of columns.")
    if unknown := [name for name in columns if name not in known]:
        raise ValueError(f"columns names {', '.join(map(repr, unknown))}; the fields are {', '.join(known)}.")
    return {name: columns.get(name, name) for name in known if columns.get(name, name) in there or name in columns}


def _on_own_clock(wrapped: Any, wanted: Sequence[str]) -> Any:
    """Take time zones off, the clock's time staying."""
    schema = wrapped.collect_schema()
    kinds = {name: schema[name] for name in wanted}
    zoned = [name for name, kind in kinds.items() if isinstance(kind, ex.Datetime) and kind.time_zone is not None]
    return wrapped.with_columns(*(ex.col(name).dt.replace_time_zone(None) for name in zoned)) if zoned else wrapped


def _names(row: LedgerRow) -> set[str]:
    """Its label, and the names of its unknowns."""
    return {row.label, *(row.amount.inputs() if isinstance(row.amount, Quantity) else ())}


def _uncertainty(amount: Any) -> str:
    if isinstance(amount, Uncertain):
        return amount.describe()
    return f"from {', '.join(amount.inputs())}" if isinstance(amount, Quantity) else ""


#: How many offenders are named.
_SHOWN = 5

#: How many kinds of fault of rows one message holds.
_FAULTS_SHOWN = 50


def _by_fault(wrong_at: Mapping[str, list[str]]) -> list[str]:
    """Name each fault once, with the rows that have it."""
    told = []
    for fault, places in wrong_at.items():
        numbers = [place.removeprefix("row ") for place in places]
        if len(places) == 1:
            told.append(f"{places[0]}: {fault}")
        elif len(places) <= _SHOWN:
            told.append(f"rows {', '.join(numbers[:-1])} and {numbers[-1]}: {fault}")
        else:
            told.append(f"rows {', '.join(numbers[:_SHOWN])} and {len(places) - _SHOWN:,} more: {fault}")
    more = len(told) - _FAULTS_SHOWN
    return told if more <= 0 else [*told[:_FAULTS_SHOWN], f"and {more:,} more faults of rows"]


def overlaps(rows: list[LedgerRow], places: list[str]) -> list[str]:
    """Name duplicates, recurring rows of one kind and label at one time, and one-off rows that a recurring row already holds."""
    groups: dict[tuple[str, str], list[int]] = {}
    for k, row in enumerate(rows):
        groups.setdefault((row.kind, row.label.casefold()), []).append(k)
    found = []
    for members in groups.values():
        if len(members) > 1:
            found += [f"{places[i]} and {places[j]} ({rows[j].what()}) {what}" for i, j, what in _within(rows, members)]
    if len(found) > _SHOWN:
        found = [*found[:_SHOWN], f"and {len(found) - _SHOWN} more of this sort"]
    if found:
        found.append("take out what is there twice, give different labels, or make the ledger with allow_overlap=True")
    return found


def _within(rows: list[LedgerRow], members: list[int]) -> list[tuple[int, int, str]]:
    """Pairs of rows of one kind and label that hold the same money, and how."""
    found: list[tuple[int, int, str]] = []
    first: dict[Hashable, int] = {}
    single: dict[Hashable, int] = {}
    distinct: list[int] = []
    for k in members:
        row = rows[k]
        identity = (row.date, row.currency, row.every, row.until, row.times, _key(row.amount))
        if identity in first:
            found.append((first[identity], k, "are duplicates"))
            continue
        first[identity] = k
        if row.every is None:
            single[row.date, row.currency, _key(row.amount)] = k
        else:
            distinct.append(k)
    distinct.sort(key=lambda k: rows[k].date)
    latest: int | None = None
    ends = pd.Timestamp.min
    for k in distinct:
        row = rows[k]
        if latest is not None and row.date <= ends:
            found.append((min(latest, k), max(latest, k), "recur at the same time under one kind and label"))
        if latest is None or row.covers_until > ends:
            latest, ends = k, row.covers_until
        for day in row.dates() if single else ():
            other = single.get((day, row.currency, _key(row.amount)))
            if other is not None:
                found.append((min(other, k), max(other, k), "hold the same payment, once alone and once as recurring"))
    return found


def _key(amount: Any) -> Hashable:
    return (amount.distribution, amount.parameters) if isinstance(amount, Uncertain) else amount


def _converted(row: LedgerRow, rates: ConversionRates) -> LedgerRow:
    """Return a row in the currency of the rates' result, its source saying how it was converted."""
    if not row.priced or row.currency == rates.to:
        return replace(row, currency=rates.to) if not row.priced else row
    rate = rates.rates[row.currency]
    note = f"converted from {row.currency} at {rate:g} of {rates.on:%Y-%m-%d}"
    source = f"{row.source}; {note}" if row.source else note
    hourly = None if row.hourly_rate is None else row.hourly_rate * rate
    return replace(row, amount=row.amount * rate, hourly_rate=hourly, currency=rates.to, source=source)


def _refuse_other_names(there: Iterable[str], columns: Mapping[str, str] | None, subject: str) -> None:
    """Refuse columns that state a field under another name: they would be passed over, an amount become exact or unknown."""
    meant = {"low": "lower", "high": "upper", "min": "lower", "max": "upper", "std": "sd"}
    there = list(there)
    faults = [f"column {name!r} is called {meant[name]!r} here; rename it" for name in there if name in meant]
    for name in there:
        plain = re.sub(r"[\s_]+", "_", str(name)[:100].strip().lower())
        if plain in FIELDS + SPREAD and name != plain and plain not in there and plain not in (columns or {}):
            faults.append(
                f"column {name!r} is read only by its name; rename it {plain!r}, or give columns={{{plain!r}: {name!r}}}"
            )
    if faults:
        raise DataError(faults, subject)
