"""Indicators before and after, each with its definition, interval, sample size and the size that would be needed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from ..amounts.changes import Percent, Points
from ..checks import UNIT_WORDS, check_unit, is_number
from ..exceptions import DataError
from ..frames import is_frame, wrap
from ..typing import Seed, Window
from ._indicator_data import FROM_SOURCE, OPTIONAL, READERS, Table, read_cases
from ._indicator_rows import Setting, row_of_change, rows_of
from ._study_windows import StudyWindow, read_window, window_notes
from .indicator_definitions import INDICATORS, SOURCES, IndicatorDefinition
from .measures import Average, Share

SUBJECT = "the indicators"


@dataclass(frozen=True, eq=False)
class IndicatorTable:
    """Indicators before and after.

    Attributes
    ----------
    table : DataFrame
        One row an indicator (two for durations: median, and mean up to the longest time seen in both groups): indicator,
        statistic, level_unit; before, before_lower, before_upper, before_n, and the same after; change, change_lower,
        change_upper in change_unit ("percentage points" for shares, else the unit of the level); relative_change,
        relative_lower, relative_upper in relative_unit ("%", of the level before); n_needed, cases a group to verify the change
        (or the target). NaN is unknown.
    missing : tuple of str
        What is not known, and why.
    definitions : mapping of str to IndicatorDefinition
    coverage, power, size : float
        Of the intervals; of the test that ``n_needed`` is for.
    before_window, after_window : str or None
    causal : bool
        False: a change between two windows is no effect of the programme.
    """

    table: pd.DataFrame
    missing: tuple[str, ...]
    definitions: Mapping[str, IndicatorDefinition]
    coverage: float
    power: float
    size: float
    before_window: str | None = None
    after_window: str | None = None
    causal: bool = False

    def describe(self) -> str:
        """Say it in plain sentences."""
        lines = [self._line({str(key): entry for key, entry in row.items()}) for row in self.table.to_dict("records")]
        if self.missing:
            lines += ["Not known:", *(f"  - {entry}" for entry in self.missing)]
        lines.append("A change between two windows is not yet an effect: season, trend and other causes are in it too.")
        return "\n".join(lines)

    def _line(self, row: dict[str, Any]) -> str:
        title = self.definitions[row["indicator"]].title
        if row["statistic"] not in ("share", "mean", "ratio", "change"):
            title += f", {row['statistic']}"
        moved = row["change"] if not math.isnan(row["change"]) else row["relative_change"]
        verb = "rose" if moved > 0 else "fell" if moved < 0 else "did not change"
        text = f"{title} {verb}"
        if not math.isnan(row["before"]):
            text += f" from {row['before']:,.4g} to {row['after']:,.4g} {row['level_unit']}"
        parts = []
        if not math.isnan(row["change"]):
            parts.append(f"{row['change']:+,.4g} {row['change_unit']} ({self._ends(row, 'change')})")
        if not math.isnan(row["relative_change"]):
            ends = "" if math.isnan(row["change_lower"]) and parts else f" ({self._ends(row, 'relative')})"
            parts.append(f"{row['relative_change']:+,.3g} % of the former level{ends}")
        text += f": {', '.join(parts)}"
        if not math.isnan(row["n_needed"]):
            text += f"; {row['n_needed']:,.0f} cases a group verify it at {self.power:.0%} power"
        return text + "."

    def _ends(self, row: dict[str, Any], of: str) -> str:
        lower, upper = row[f"{of}_lower"], row[f"{of}_upper"]
        if math.isnan(lower) or math.isnan(upper):
            return "interval unknown"
        return f"{self.coverage:.0%} interval {lower:+,.3g} to {upper:+,.3g}"


def indicators(
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    *,
    changes: Mapping[str, Any] | None = None,
    unit: str = "fraction",
    targets: Mapping[str, float] | None = None,
    before_window: Window | None = None,
    after_window: Window | None = None,
    satisfied_from: float | None = None,
    duration_unit: str = "h",
    currency: str | None = None,
    columns: Mapping[str, str] | None = None,
    definitions: Iterable[IndicatorDefinition] = (),
    coverage: float = 0.9,
    power: float = 0.8,
    size: float = 0.05,
    n_resamples: int = 499,
    random_state: Seed = None,
) -> IndicatorTable:
    r"""Indicators of a programme before and after, from raw data, aggregates, or bare figures.

    Intervals: shares by Wilson [1]_, their difference by Newcombe's hybrid of two Wilson intervals [2]_, their ratio on the
    log scale [3]_; means by Student's t, their difference by Welch, their ratio by Fieller [4]_; ratios of two totals by
    linearisation [5]_; durations of which some are not over by the product-limit estimate: mean up to the longest time seen
    in both groups with its variance [6]_, median with the interval of Brookmeyer and Crowley [7]_ and a bootstrap of its
    change. Needed sizes: :func:`crmml.evidence.sample_size_for_rates`, :func:`crmml.evidence.sample_size_for_means`.

    Shares change in percentage points; relative changes are in percent of the former level; both are given, each with its
    unit.

    Parameters
    ----------
    before, after : mapping of str to measurement
        By indicator (``crmml.evidence.INDICATORS``), the same in both: :class:`Share` (count, n), :class:`Average` (mean, sd, n), a
        bare number where no sample size is known (its interval is then unknown and listed in ``missing``), or a frame of
        pandas, polars, pyarrow, DuckDB or PySpark. A frame may also stand under the name of its source, which gives every
        indicator of it:

        =========  ===========================================================================================
        surveys    one row an answer: satisfied (0 or 1), or score with ``satisfied_from``
        customers  one row a customer of the first day: kept (0 or 1)
        visits     one row a visit: customer_id, timestamp
        staff      one row a worker and day: worker_id, minutes
        equipment  one row a machine (bed, room) and day: asset_id, used, available
        deals      one row a deal closed in the window: opened, closed, won (0 or 1), amount
        leads      one row a period such as a week: leads, cost
        tickets    one row a ticket opened in the window: opened, responded, closed, missing while it waits
        =========  ===========================================================================================
    changes : mapping of str to Percent or Points, default=None
        Indicators of which only the change is known.
    unit : {"fraction", "percent"}, default="fraction"
        Of bare shares and of targets for shares: 0.75 or 75.
    targets : mapping of str to float, default=None
        Level that ``n_needed`` is to verify, instead of the level after; needs the level before.
    before_window, after_window : (start, end), default=None
        Days; ``end`` is exclusive, or a length of the calendar: "3M", "1Y". Rows outside are refused; a
        window of another length or season than the other is said in ``missing``.
        Needed for tickets, which are censored at its end. Where times have a time zone the days are of that zone (for tickets,
        of the column opened).
    satisfied_from : float, default=None
        Score from which an answer counts as satisfied.
    duration_unit : {"h", "D", "W", "M", "Y"}, default="h"
        Unit of response and closing time.
    currency : str, default=None
        Name of the currency, for the units.
    columns : mapping of str to str, default=None
        Your names of the columns: ``{"amount": "value_eur"}``.
    definitions : iterable of IndicatorDefinition, default=()
        Indicators of your own, given as aggregates or bare numbers; or other words for known ones.
    coverage : float, default=0.9
    power : float, default=0.8
    size : float, default=0.05
    n_resamples : int, default=499
        Of the bootstrap of medians.
    random_state : int, RandomState or None, default=None

    Returns
    -------
    IndicatorTable

    Raises
    ------
    DataError
        Naming every fault: rates above 100 %, percent where a fraction is meant and the reverse, indicators on one side
        only, text for numbers, rows outside the window, a window longer than the data, empty groups.

    References
    ----------
    .. [1] Wilson, E. B. (1927), Probable inference, the law of succession, and statistical inference. JASA 22, 209-212.
    .. [2] Newcombe, R. G. (1998), Interval estimation for the difference between independent proportions: comparison of
       eleven methods. Statistics in Medicine 17(8), 873-890.
    .. [3] Katz, D., Baptista, J., Azen, S. P. and Pike, M. C. (1978), Obtaining confidence intervals for the risk ratio in
       cohort studies. Biometrics 34(3), 469-474; with Walter, S. D. (1975), Biometrika 62(2), 371-374, where nothing is left.
    .. [4] Fieller, E. C. (1954), Some problems in interval estimation. JRSS B 16(2), 175-185.
    .. [5] Cochran, W. G. (1977), Sampling Techniques, 3rd edition. Wiley, chapter 6.
    .. [6] Kaplan, E. L. and Meier, P. (1958), Nonparametric estimation from incomplete observations. JASA 53, 457-481.
    .. [7] Brookmeyer, R. and Crowley, J. (1982), A confidence interval for the median survival time. Biometrics 38(1), 29-41.

    Examples
    --------
    >>> found = indicators(
    ...     {"retention": Share(140, 200), "satisfaction": 0.75}, {"retention": Share(160, 200), "satisfaction": 0.88})
    >>> print(found.describe())
    Retention rose from 70 to 80 %: +10 percentage points (90% interval +2.88 to +17), +14.3 % of the former level (90%
    interval +3.84 to +25.8); 294 cases a group verify it at 80% power.
    Satisfaction rose from 75 to 88 %: +13 percentage points (interval unknown), +17.3 % of the former level; 139 cases a
    group verify it at 80% power.
    Not known:
      - satisfaction: interval unknown: sample size missing (before and after); give Share(count, n)
    A change between two windows is not yet an effect: season, trend and other causes are in it too.
    """
    _check_arguments(unit, coverage, power, size, n_resamples)
    _check_mappings({"before": before, "after": after, "changes": changes, "targets": targets})
    check_unit(duration_unit, "duration_unit")
    windows = {
        "before": read_window(before_window, "before_window"),
        "after": read_window(after_window, "after_window"),
    }
    known = _known(definitions, duration_unit, currency)
    rng = check_random_state(random_state)
    faults: list[str] = []
    absent: list[str] = []
    given = {
        side: _by_indicator(source, side, known, dict(columns or {}), faults, absent)
        for side, source in (("before", before), ("after", after))
    }
    for name in {entry.split(":")[0] for entry in absent}:
        for entries in given.values():
            if is_frame(entries.get(name)):
                del entries[name]
    for one, other in (("before", "after"), ("after", "before")):
        for name in given[one]:
            if name not in given[other]:
                faults.append(f"{name} is given {one} but not {other}; give both, or its change in changes=")
    measured: dict[str, dict[str, Any]] = {}
    tables: dict[tuple[int, str], Table] = {}
    for side, entries in given.items():
        options = {
            "rename": dict(columns or {}), "window": windows[side], "satisfied_from": satisfied_from, "duration_unit": duration_unit,
        }  # fmt: skip
        measured[side] = {
            name: _measured(known[name], side, entry, unit, options, tables, faults) for name, entry in entries.items()
        }
    faults += _all_fractions(given, known, unit)
    changes = dict(changes or {})
    faults += _change_faults(changes, given, known) + _target_faults(dict(targets or {}), given, known, unit)
    if not given["before"] and not changes and not faults:
        faults.append("nothing is given; give before and after, or changes")
    if faults:
        raise DataError(faults, SUBJECT)
    setting = Setting(coverage, power, size, n_resamples, rng)
    scale = 1.0 if unit == "percent" else 100.0
    rows, missing = [], _window_notes(windows) + absent
    for name, one in measured["before"].items():
        aim = None
        if targets and name in targets:
            aim = targets[name] * (scale if known[name].is_share else 1.0)
        rows += rows_of(known[name], one, measured["after"][name], aim, setting, missing)
    for name, change in changes.items():
        rows.append(row_of_change(known[name], change))
        missing.append(
            f"{name}: only its change is given; levels before and after, sample size and interval are unknown"
        )
    used = {row["indicator"]: known[row["indicator"]] for row in rows}
    text = {side: None if window is None else str(window) for side, window in windows.items()}
    return IndicatorTable(
        pd.DataFrame(rows), tuple(missing), used, coverage, power, size, text["before"], text["after"]
    )


def _check_arguments(unit: str, coverage: float, power: float, size: float, n_resamples: int) -> None:
    if unit not in ("fraction", "percent"):
        raise ValueError(f"unit={unit!r} is not known; choose 'fraction' (0.75) or 'percent' (75).")
    for name, share in (("coverage", coverage), ("power", power), ("size", size)):
        if not 0 < share < 1:
            raise ValueError(f"{name}={share!r} must lie between 0 and 1.")
    if not isinstance(n_resamples, (int, np.integer)) or n_resamples < 99:
        raise ValueError(f"n_resamples={n_resamples!r} must be a whole number of at least 99.")


def _check_mappings(given: Mapping[str, Any]) -> None:
    faults = [
        f"{name} is {'a frame' if is_frame(one) else f'of type {type(one).__name__}'}; give a mapping, by name of the indicator or "
        "of its source: {'tickets': frame} or {'retention': Share(140, 200)}"
        for name, one in given.items()
        if one is not None and not isinstance(one, Mapping)
    ]
    if faults:
        raise DataError(faults, SUBJECT)


def _known(
    definitions: Iterable[IndicatorDefinition], duration_unit: str, currency: str | None
) -> dict[str, IndicatorDefinition]:
    known = {}
    for name, one in INDICATORS.items():
        if one.kind == "duration":
            one = replace(one, unit=UNIT_WORDS[duration_unit])
        elif currency:
            one = replace(one, unit=one.unit.replace("currency of the data", currency))
        known[name] = one
    return known | {one.name: one for one in definitions}


def _by_indicator(
    given: Mapping[str, Any] | None, side: str, known, columns: Mapping[str, str], faults: list[str], absent: list[str]
) -> dict[str, Any]:
    """Entries by indicator; a source stands for all of its own that its columns allow."""
    result: dict[str, Any] = {}
    for name, entry in dict(given or {}).items():
        if name in known and (name not in FROM_SOURCE or not is_frame(entry)):
            names: tuple[str, ...] = (name,)
        elif name in FROM_SOURCE:
            names = FROM_SOURCE[name]
            if not is_frame(entry):
                faults.append(f"{name!r} {side} stands for raw data; give a frame: {SOURCES[name]}")
                continue
            there = wrap(entry).collect_schema().names()
            lacking = [
                one for one in names if any(columns.get(role, role) not in there for role in OPTIONAL.get(one, ()))
            ]
            if len(lacking) < len(names):
                names = tuple(one for one in names if one not in lacking)
                absent += [
                    f"{one}: not in the {name} {side}, which have no column {' or '.join(OPTIONAL[one])}"
                    for one in lacking
                ]
        else:
            faults.append(
                f"{name!r} is no indicator and no source; there are {', '.join(known)}, and {', '.join(sorted(FROM_SOURCE))}; define "
                "your own with definitions="
            )
            continue
        for one in names:
            if one in result:
                faults.append(f"{one} is given twice {side}; give it once")
            result[one] = entry
    return result


def _measured(
    definition: IndicatorDefinition,
    side: str,
    entry: Any,
    unit: str,
    options: dict[str, Any],
    tables: dict,
    faults: list[str],
) -> Any:
    name, kind = definition.name, definition.kind
    if is_frame(entry):
        if name not in READERS:
            faults.append(f"{name} {side}: raw data are not known for it; give an aggregate or a bare number")
            return None
        key = (id(entry), definition.source)
        if key not in tables:
            tables[key] = Table.of(entry, definition.source, options["rename"])
        cases, found = read_cases(name, side, tables[key], **options)
        faults += found
        return cases
    if isinstance(entry, Share):
        if kind != "rate":
            faults.append(f"{name} {side}: a Share is given for a {kind}; give Average(mean, sd, n)")
        return entry
    if isinstance(entry, Average) and entry.mean < 0 and name in INDICATORS:
        faults.append(f"{name} {side}: {entry.mean:g} {definition.unit} is below 0")
        return None
    if isinstance(entry, Average) and definition.bounded:
        found = _share_faults(entry.mean, unit)
        faults += [f"{name} {side}: {fault}" for fault in found]
        scale = 1.0 if unit == "percent" else 100.0
        return Average(entry.mean * scale, entry.sd * scale, entry.n)
    if isinstance(entry, Average):
        if kind == "rate":
            faults.append(f"{name} {side}: an Average is given for a rate; give Share(count, n)")
        return entry
    if isinstance(entry, Points | Percent):
        faults.append(f"{name} {side}: {entry.describe()} is a change, not a level; put it in changes=")
        return None
    if not is_number(entry):
        faults.append(
            f"{name} {side}: {type(entry).__name__} is no measurement; give Share(count, n), Average(mean, sd, n), a finite number or "
            "a frame"
        )
        return None
    if definition.is_share:
        faults += [f"{name} {side}: {fault}" for fault in _share_faults(float(entry), unit)]
        return float(entry) if unit == "percent" else 100 * float(entry)
    if entry < 0 and name in INDICATORS:
        faults.append(f"{name} {side}: {entry:g} {definition.unit} is below 0")
    return float(entry)


def _share_faults(value: float, unit: str) -> list[str]:
    if value < 0:
        return [f"{value:g} is below 0; a rate lies between 0 and 100 %"]
    if unit == "percent":
        return [f"{value:g} % is above 100 %; the part cannot exceed the whole"] if value > 100 else []
    if 1 < value <= 100:
        return [f"{value:g} is above 1 where a fraction is meant; give {value / 100:g}, or unit='percent'"]
    return [f"{value:g} is a rate above 100 %; the part cannot exceed the whole"] if value > 1 else []


def _all_fractions(given, known, unit: str) -> list[str]:
    """With unit='percent', a share that exceeds 1 neither before nor after is a fraction."""
    if unit != "percent":
        return []
    faults = []
    for name, one in given["before"].items():
        bare = [float(entry) for entry in (one, given["after"].get(name)) if is_number(entry)]
        if known[name].is_share and bare and 0 < max(bare) <= 1:
            faults.append(
                f"{name}: unit='percent', but no rate is above {max(bare):g}, as of fractions; give {100 * max(bare):g} for "
                f"{100 * max(bare):g} %, or unit='fraction' for all; where {max(bare):g} % is meant, give Share(count, n)"
            )
    return faults


def _change_faults(changes: Mapping[str, Any], given, known) -> list[str]:
    faults = []
    for name, change in changes.items():
        if name not in known:
            faults.append(f"{name!r} in changes is no indicator; there are {', '.join(known)}")
        elif name in given["before"]:
            faults.append(f"{name} is given by its levels and by its change; give one")
        elif not isinstance(change, Points | Percent):
            faults.append(
                f"{name}: a change of {change!r} is neither in points nor in percent; give Percent(15) or Points(15)"
            )
        elif isinstance(change, Points) and not known[name].is_share:
            faults.append(
                f"{name} is no share and has no percentage points; give Percent({change.expected:g}) if that is meant"
            )
        elif isinstance(change, Points) and abs(change.expected) > 100:
            faults.append(f"{name}: {change.describe()} is more than there are; if percent is meant, give Percent")
    return faults


def _target_faults(targets: Mapping[str, float], given, known, unit: str) -> list[str]:
    faults = []
    for name, target in targets.items():
        if name not in given["before"]:
            faults.append(f"{name!r} has a target but no level before")
        elif not is_number(target):
            faults.append(f"{name}: the target {target!r} is no finite number")
        elif known[name].is_share:
            faults += [f"{name}, target: {fault}" for fault in _share_faults(float(target), unit)]
    return faults


def _window_notes(windows: Mapping[str, StudyWindow | None]) -> list[str]:
    before, after = windows["before"], windows["after"]
    return [] if before is None or after is None else window_notes(before, after)
