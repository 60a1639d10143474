"""The indicators of a programme: what is counted, of what, in which window and unit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ..checks import check_choice


@dataclass(frozen=True)
class IndicatorDefinition:
    """What an indicator means.

    Parameters
    ----------
    name : str
        Key in :func:`crmml.evidence.indicators`.
    title : str
    kind : {"rate", "mean", "ratio", "duration"}
        A share of cases; an average of cases; a ratio of two totals; a time that may not be over.
    numerator, denominator, window : str
        In words: what is counted, of what, and when.
    unit : str
        Of its level, such as "minutes per worker and day"; rates are in %.
    better : {"higher", "lower"}
    source : str, default=""
        Kind of raw data it is computed from, "" for aggregates only.
    bounded : bool, default=False
        Whether a ratio is a share, at most 100 %, shown in %.
    """

    name: str
    title: str
    kind: str
    numerator: str
    denominator: str
    window: str
    unit: str
    better: str
    source: str = ""
    bounded: bool = False

    def __post_init__(self) -> None:
        check_choice(self.kind, "kind", ("rate", "mean", "ratio", "duration"))
        check_choice(self.better, "better", ("higher", "lower"))

    @property
    def is_share(self) -> bool:
        """Whether it lies between 0 and 100 % and changes in percentage points."""
        return self.kind == "rate" or self.bounded

    def describe(self) -> str:
        """Say it in a sentence."""
        return f"{self.title}: {self.numerator}, over {self.denominator}; {self.window}. In {self.unit}; {self.better} is better."


#: Columns of each kind of raw data, beside those that only some indicators need.
SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "surveys": "one row per answer: satisfied (0 or 1), or score with satisfied_from=",
        "customers": "one row per customer of the first day: kept (0 or 1)",
        "visits": "one row per visit: customer_id, timestamp",
        "staff": "one row per worker and day: worker_id, minutes",
        "equipment": "one row per machine (bed, room) and day: asset_id, used, available, in one unit of time",
        "deals": "one row per deal closed in the window: opened, closed, won (0 or 1), amount",
        "leads": "one row per period such as a week: leads, cost",
        "tickets": "one row per ticket opened in the window: opened, responded, closed; missing while it waits",
    }
)

_DEFINITIONS = (
    IndicatorDefinition(
        "satisfaction", "Satisfaction", "rate", "answers that are satisfied", "all answers",
        "answers given in the window", "%", "higher", "surveys",
    ),
    IndicatorDefinition(
        "retention", "Retention", "rate", "customers still there on the last day", "customers there on the first day",
        "from the first to the last day of the window", "%", "higher", "customers",
    ),
    IndicatorDefinition(
        "repeat_visits", "Repeat visits", "rate", "customers who came on two days or more", "customers who came at all",
        "visits in the window", "%", "higher", "visits",
    ),
    IndicatorDefinition(
        "staff_minutes", "Staff time", "mean", "each worker's average minutes a day on the task", "workers",
        "working days in the window", "minutes per worker and day", "lower", "staff",
    ),
    IndicatorDefinition(
        "utilisation", "Utilisation", "ratio", "time in use", "time available",
        "machine days in the window, machines being the sampling unit", "%", "higher", "equipment", bounded=True,
    ),
    IndicatorDefinition(
        "bed_turnover", "Bed turnover", "mean", "discharges", "beds", "the window", "discharges per bed", "higher",
    ),
    IndicatorDefinition(
        "idle_equipment", "Idle equipment", "ratio", "time available but not in use", "time available",
        "machine days in the window, machines being the sampling unit", "%", "lower", "equipment", bounded=True,
    ),
    IndicatorDefinition(
        "sales_cycle", "Sales cycle", "mean", "days from opening to winning", "deals won",
        "deals won in the window; open and lost ones are not in it", "days per deal won", "lower", "deals",
    ),
    IndicatorDefinition(
        "deal_size", "Deal size", "mean", "amount won", "deals won", "deals won in the window",
        "currency of the data per deal won", "higher", "deals",
    ),
    IndicatorDefinition(
        "win_rate", "Win rate", "rate", "deals won", "deals closed, won or lost", "deals closed in the window", "%", "higher",
        "deals",
    ),
    IndicatorDefinition(
        "leads", "Leads", "mean", "leads acquired", "periods such as weeks", "periods in the window", "leads per period",
        "higher", "leads",
    ),
    IndicatorDefinition(
        "lead_acquisition_cost", "Lead acquisition cost", "ratio", "cost of acquiring leads", "leads acquired",
        "periods in the window, periods being the sampling unit", "currency of the data per lead", "lower", "leads",
    ),
    IndicatorDefinition(
        "response_time", "Response time", "duration", "time from opening to the first response", "tickets",
        "tickets opened in the window, those without a response censored at its end, or when they were closed", "hours", "lower",
        "tickets",
    ),
    IndicatorDefinition(
        "closing_time", "Closing time", "duration", "time from opening to closing", "tickets",
        "tickets opened in the window, those open at its end censored there", "hours", "lower", "tickets",
    ),
)  # fmt: skip

#: All definitions by name.
INDICATORS: Mapping[str, IndicatorDefinition] = MappingProxyType({one.name: one for one in _DEFINITIONS})
