"""The ruler of time that a summary was measured with, and that a model remembers.

Two arguments are kept apart everywhere. ``period`` is the bucket in which several purchases count as one; ``unit`` is
what recency, T and horizons are counted in. Nothing assumes either in silence.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import narwhals as nw
import pandas as pd

from ..checks import DAYS_PER_UNIT, check_annual_rate, check_unit
from ..exceptions import RulerError

METADATA_PREFIX = "crmml."
#: The key of Parquet's metadata under which pandas keeps a frame's attributes.
PANDAS_ATTRIBUTES = "PANDAS_ATTRS"


@dataclass(frozen=True)
class Ruler:
    """How a summary's times were measured; ``None`` is "not known".

    Attributes
    ----------
    unit : {"h", "D", "W", "M", "Y"} or None
        What recency, T and horizons are counted in.
    period : {"h", "D", "W", "M", "Y"} or None
        The bucket in which several purchases count as one.
    observation_end : str or None
        Last instant that was observed, ISO 8601, inclusive.
    refunds : str or None
        How refunds were handled: "net", "drop" or "raise".
    clock : str or None
        The clock that times were measured on, as :meth:`crmml.transactions.Clock.to_text` gives it; None is plain time.
    entry_period : str or None
        Days at the start of the log whose first-time buyers are taken for customers of old, where there are any.
    """

    unit: str | None = None
    period: str | None = None
    observation_end: str | None = None
    refunds: str | None = None
    clock: str | None = field(default=None, repr=False)
    entry_period: str | None = None

    def to_metadata(self) -> dict[str, str]:
        """Return the known fields as flat strings, keys prefixed ``crmml.``."""
        return {METADATA_PREFIX + key: value for key, value in asdict(self).items() if value is not None}

    @classmethod
    def from_metadata(cls, metadata: Mapping) -> Ruler:
        """Read a ruler back from flat metadata, or from the attributes that pandas writes into Parquet's; others' keys are ignored."""
        text = {_as_text(key): _as_text(value) for key, value in (metadata or {}).items() if value is not None}
        text = _attributes(text.get(PANDAS_ATTRIBUTES, "{}")) | text
        return cls(**{name: text.get(METADATA_PREFIX + name) for name in cls.__dataclass_fields__})

    @property
    def is_known(self) -> bool:
        """Whether anything at all is known."""
        return self != Ruler()

    def merged(self, **fields: str | None) -> Ruler:
        """Return a copy in which the fields that are not None replace this ruler's."""
        return replace(self, **{key: value for key, value in fields.items() if value is not None})

    def check_same(self, other: Ruler, *, what: str = "the summary") -> None:
        """Refuse ``other`` when it states a unit or period that differs from this ruler's.

        Raises
        ------
        RulerError
            Naming each field that differs. A field unknown on either side is not compared.
        """
        faults = [
            f"{field} is {theirs!r} in {what} but {ours!r} in the fitted model; "
            f"make the summary with {field}={ours!r}, or fit the model on such a summary"
            for field in ("unit", "period")
            if (ours := getattr(self, field)) and (theirs := getattr(other, field)) and ours != theirs
        ]
        if (
            self.unit and other.unit
        ):  # both say how they were measured, so that saying nothing of a clock means plain time
            faults += self._unlike_clock(other, what)
        if faults:
            raise RulerError(faults, what)

    def _unlike_clock(self, other: Ruler, what: str) -> list[str]:
        faults = []
        if self.clock != other.clock:
            ours, theirs = (f"{'a clock' if ruler.clock else 'plain time'}" for ruler in (self, other))
            another = "another one" if self.clock and other.clock else theirs
            faults.append(
                f"times are on {another} in {what} but on {ours} in the fitted model; make the summary with the clock that the model "
                "was fitted with, or fit the model on such a summary"
            )
        if self.entry_period != other.entry_period:
            ours, theirs = (f"{ruler.entry_period or 0} days" for ruler in (self, other))
            faults.append(
                f"the entry period is {theirs} in {what} but {ours} in the fitted model; make the summary with that of the model"
            )
        return faults


def get_ruler(frame: Any) -> Ruler:
    """Return the ruler a frame carries: pandas attrs, or the schema metadata of pyarrow; else an empty one."""
    native = frame.to_native() if isinstance(frame, (nw.DataFrame, nw.LazyFrame)) else frame
    if isinstance(native, pd.DataFrame):
        return Ruler.from_metadata(native.attrs)
    if hasattr(native, "replace_schema_metadata"):
        return Ruler.from_metadata(native.schema.metadata or {})
    return Ruler()


def set_ruler(frame: Any, ruler: Ruler) -> Any:
    """Attach a ruler where the engine can carry it (pandas, pyarrow); the frame is not changed in place for pyarrow.

    Returns
    -------
    frame
        With the ruler, or as it was where the engine has no place for one.
    """
    if isinstance(frame, pd.DataFrame):
        frame.attrs.update(ruler.to_metadata())
        return frame
    if hasattr(frame, "replace_schema_metadata"):
        return frame.replace_schema_metadata({**(frame.schema.metadata or {}), **ruler.to_metadata()})
    return frame


def periods_to_unit(count: Any, period: str, unit: str) -> Any:
    """Turn a number of periods into units; whole ratios are divided by or multiplied with, so that 29 days are 29 / 7 weeks.

    Examples
    --------
    >>> periods_to_unit(29, "D", "W") == 29 / 7, periods_to_unit(2, "D", "h")
    (True, 48.0)
    """
    longer, shorter = DAYS_PER_UNIT[check_unit(unit)], DAYS_PER_UNIT[check_unit(period)]
    return count / (longer / shorter) if longer >= shorter else count * (shorter * (1 / longer))


def convert(amount: float, source: str, target: str) -> float:
    """Convert a length of time between units.

    Examples
    --------
    >>> convert(26, "W", "D")
    182.0
    """
    return amount * DAYS_PER_UNIT[check_unit(source)] / DAYS_PER_UNIT[check_unit(target)]


def discount_intensity(annual_rate: float, unit: str) -> float:
    """Continuous discount intensity δ per ``unit`` of an annual effective rate: ln(1 + rate) per 365.25 days.

    Parameters
    ----------
    annual_rate : float
        0.10 is ten percent a year. From 0 to 1: more is taken for a slip.
    unit : {"h", "D", "W", "M", "Y"}

    Examples
    --------
    >>> round(discount_intensity(0.10, "Y"), 6)
    0.09531
    """
    return math.log1p(check_annual_rate(annual_rate)) * DAYS_PER_UNIT[check_unit(unit)] / DAYS_PER_UNIT["Y"]


def _as_text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _attributes(text: str) -> dict[str, str]:
    """The attributes of a pandas frame, as pandas writes them into Parquet's metadata."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return {name: value for name, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}
