"""Rows of a table of indicators: levels, changes in points and in percent, and the cases that are needed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

from ..amounts.changes import Percent, Points
from ..inference import wilson_interval
from ..inference.intervals import is_spread
from . import _differences as differences
from ._differences import NAN, Interval
from ._durations import median, median_difference, restricted_mean
from ._indicator_data import Durations, Ratio
from .measures import Average, Share
from .sample_size import sample_size_for_means, sample_size_for_rates


@dataclass(frozen=True)
class _Level:
    """A level in the unit of the table, with its interval and what its error is made of."""

    value: float
    lower: float = NAN
    upper: float = NAN
    n: float = NAN
    variance: float = NAN
    df: float = NAN
    share: Share | None = None


@dataclass(frozen=True)
class Setting:
    """What does not depend on the measurements; ``unit`` is that of bare shares, "fraction" or "percent"."""

    coverage: float
    power: float
    significance: float
    n_resamples: int
    rng: np.random.RandomState
    unit: str = "fraction"
    duration_unit: str = "h"


def rows_of(
    definition, one: Any, two: Any, aim: float | None, setting: Setting, missing: list[str]
) -> list[dict[str, Any]]:
    if isinstance(one, Durations) and isinstance(two, Durations):
        limit = min(one.duration.max(), two.duration.max())
        name = f"mean up to {limit:,.4g} {definition.unit}"
        first, second = _of_duration(one, limit, setting), _of_duration(two, limit, setting)
        row = _row(definition, name, first, second, aim, setting, missing)
        return [_row_of_medians(definition, one, two, setting, missing), row]
    sides = ("before", "after")
    unknown = [side for side, cases in zip(sides, (one, two), strict=True) if isinstance(cases, float)]
    if unknown:
        form = "Share(count, n)" if definition.kind == "rate" else "Average(mean, sd, n)"
        missing.append(
            f"{definition.name}: interval unknown: sample size missing ({' and '.join(unknown)}); give {form}"
        )
    statistic = {"rate": "share", "ratio": "ratio"}.get(definition.kind, "mean")
    first, second = _level(one, definition, setting), _level(two, definition, setting)
    return [_row(definition, statistic, first, second, aim, setting, missing)]


def _level(cases: Any, definition, setting: Setting) -> _Level:
    if isinstance(cases, float):
        return _Level(cases)
    if isinstance(cases, Share):
        ends = wilson_interval(cases.rate, cases.n, coverage=setting.coverage)
        return _Level(100 * cases.rate, 100 * float(ends[0]), 100 * float(ends[1]), cases.n, share=cases)
    if isinstance(cases, Durations):
        return _of_duration(cases, float(cases.duration.max()), setting)
    if isinstance(cases, Average):
        value, variance, n = cases.mean, cases.sd**2 / cases.n, cases.n
    else:
        value, variance, n = _of_ratio(cases)
    scale = 100.0 if definition.bounded and isinstance(cases, Ratio) else 1.0
    value, variance = value * scale, variance * scale**2
    half = float(stats.t.ppf(0.5 + setting.coverage / 2, n - 1)) * math.sqrt(variance)
    lower, upper = value - half, value + half
    if definition.bounded:
        lower, upper = max(lower, 0.0), min(upper, 100.0)
    return _Level(value, lower, upper, n, variance, n - 1)


def _of_ratio(cases: Ratio) -> tuple[float, float, int]:
    total, n = cases.denominator.sum(), len(cases.numerator)
    ratio = cases.numerator.sum() / total
    residual = cases.numerator - ratio * cases.denominator
    return float(ratio), float(n / (n - 1) * (residual**2).sum() / total**2), n


def _of_duration(cases: Durations, limit: float, setting: Setting) -> _Level:
    value, variance = restricted_mean(cases.duration, cases.event, limit)
    half = stats.norm.ppf(0.5 + setting.coverage / 2) * math.sqrt(variance)
    n = len(cases.duration)
    return _Level(
        value, max(value - half, 0.0), min(value + half, limit), n, variance, max(int(cases.event.sum()) - 1, 1)
    )


def _row(definition, statistic, one: _Level, two: _Level, aim, setting: Setting, missing: list[str]) -> dict[str, Any]:
    change, ratio = Interval(two.value - one.value), Interval(two.value / one.value if one.value > 0 else NAN)
    if one.share and two.share:
        counts = one.share.count, one.share.n, two.share.count, two.share.n
        found = differences.rate_difference(*counts, setting.coverage)
        change = Interval(*(100 * edge for edge in found))
        ratio = differences.rate_ratio(*counts, setting.coverage)
    elif not (math.isnan(one.variance) or math.isnan(two.variance)):
        change, _, df = differences.mean_difference(
            one.value, one.variance, one.df, two.value, two.variance, two.df, setting.coverage
        )
        ratio = differences.mean_ratio(one.value, one.variance, two.value, two.variance, 0.0, df, setting.coverage)
    if math.isnan(ratio.estimate):
        missing.append(
            f"{definition.name}: the level before is not above 0, so that there is no change in percent of it"
        )
    elif math.isnan(change.lower) and not math.isnan(one.variance + two.variance):
        missing.append(f"{definition.name}: interval unknown: no case differs from another")
    elif math.isnan(ratio.lower) and not math.isnan(change.lower):
        missing.append(
            f"{definition.name}: the level before cannot be told from 0 (or both are 100 %): no interval in percent of it"
        )
    return {
        **_levels(definition, statistic, one, two),
        **_changes(definition, change, ratio),
        "n_needed": _needed(definition, one, two, two.value if aim is None else aim, setting),
    }


def _levels(definition, statistic: str, one: _Level, two: _Level) -> dict[str, Any]:
    row: dict[str, Any] = {"indicator": definition.name, "statistic": statistic, "level_unit": definition.unit}
    for side, level in (("before", one), ("after", two)):
        row |= {side: level.value, f"{side}_lower": level.lower, f"{side}_upper": level.upper, f"{side}_n": level.n}
    return row


def _changes(definition, change: Interval, ratio: Interval) -> dict[str, Any]:
    return {
        "change": change.estimate,
        "change_lower": change.lower,
        "change_upper": change.upper,
        "change_unit": "percentage points" if definition.is_share else definition.unit,
        "relative_change": 100 * (ratio.estimate - 1),
        "relative_lower": 100 * (ratio.lower - 1),
        "relative_upper": 100 * (ratio.upper - 1),
        "relative_unit": "%",
    }


def _needed(definition, one: _Level, two: _Level, aim: float, setting: Setting) -> float:
    if one.value == aim:
        return NAN
    if definition.kind == "rate":
        return sample_size_for_rates(one.value / 100, aim / 100, power=setting.power, significance=setting.significance)
    if math.isnan(one.variance) or math.isnan(two.variance):
        return NAN
    spread = (math.sqrt(one.variance * one.n), math.sqrt(two.variance * two.n))
    if not is_spread(max(spread), aim - one.value):
        return NAN
    return sample_size_for_means(aim - one.value, spread, power=setting.power, significance=setting.significance)


def _row_of_medians(definition, one: Durations, two: Durations, setting: Setting, missing: list[str]) -> dict[str, Any]:
    levels = []
    for side, cases in (("before", one), ("after", two)):
        value, lower, upper = (edge if math.isfinite(edge) else NAN for edge in median(*cases, setting.coverage))
        levels.append(_Level(value, lower, upper, len(cases.duration)))
        if math.isnan(value):
            missing.append(
                f"{definition.name}: the median {side} is not reached, half of the cases or more were not over"
            )
        elif math.isnan(upper):
            missing.append(
                f"{definition.name}: the upper end of the median {side} is not reached, too many cases were not over"
            )
    change = Interval(*median_difference(one, two, setting.coverage, setting.n_resamples, setting.rng))
    if not math.isnan(change.estimate) and math.isnan(change.lower + change.upper):
        missing.append(
            f"{definition.name}: the interval of the change of the median has no end, too many cases were not over"
        )
    base = levels[0].value
    ratio = Interval(levels[1].value / base if base > 0 else NAN)
    return {
        **_levels(definition, "median", levels[0], levels[1]),
        **_changes(definition, change, ratio),
        "n_needed": NAN,
    }


def row_of_change(definition, change: Points | Percent) -> dict[str, Any]:
    points = isinstance(change, Points)
    unknown = _Level(NAN)
    return {
        **_levels(definition, "change", unknown, unknown),
        **_changes(
            definition,
            Interval(change.expected if points else NAN),
            Interval(NAN if points else 1 + change.expected / 100),
        ),
        "n_needed": NAN,
    }
