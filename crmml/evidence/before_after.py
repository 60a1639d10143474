"""One outcome before and after: how much it changed, which is not how much the programme changed it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .. import frames
from ..checks import Faults, check_choice, check_coverage
from ..exceptions import DataError, EvidenceWarning, warn
from ..results import Result
from ..typing import ArrayLike, Frame, Window
from . import _differences as differences
from ._differences import NAN, Interval
from ._panel import as_numbers, as_times
from ._study_windows import StudyWindow, days_without, read_window, window_notes
from .forest_display import BeforeAfterForestDisplay
from .measures import Average, Share

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SUBJECT = "the comparison"


@dataclass(frozen=True)
class BeforeAfter(Result):
    """Change of one outcome between two windows.

    Attributes
    ----------
    kind : {"rate", "mean"}
    before, after : float
        Levels: fractions for rates, else in the unit of the outcome.
    n_before, n_after : int
    change, lower, upper : float
        after - before with its interval, a difference of fractions for rates (0.1 is 10 percentage points); the interval of a mean
        is NaN where nothing varies.
    relative_change, relative_lower, relative_upper : float
        (after - before) / before with its interval, as fractions (0.1 is 10 %); NaN where the level before cannot be told
        from 0, and the interval for the same customers' rates.
    p_value : float
        Two-sided, of no change; NaN where the interval is.
    paired : bool
        Whether each customer was compared with itself.
    coverage : float
    outcome : str
    notes : tuple of str
        What is unlike in the two windows, or not known of them.
    causal : bool
        False, always.
    """

    kind: str
    before: float
    after: float
    n_before: int
    n_after: int
    change: float
    lower: float
    upper: float
    relative_change: float
    relative_lower: float
    relative_upper: float
    p_value: float
    paired: bool
    coverage: float
    outcome: str
    notes: tuple[str, ...]
    causal: bool = False

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers, one in a row: quantity, value, lower, upper; ends are NaN where there is no interval."""
        rows = [
            ("before", self.before, NAN, NAN),
            ("after", self.after, NAN, NAN),
            ("change", self.change, self.lower, self.upper),
            ("relative_change", self.relative_change, self.relative_lower, self.relative_upper),
        ]
        return pd.DataFrame(rows, columns=["quantity", "value", "lower", "upper"])

    def plot(self, ax: Axes | None = None) -> BeforeAfterForestDisplay:
        """Draw the change and the relative change with their intervals.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Only where there is one panel.

        Returns
        -------
        BeforeAfterForestDisplay
        """
        return BeforeAfterForestDisplay.from_result(self).plot(ax=ax)

    def describe(self) -> str:
        """Say it in plain sentences."""
        known = not math.isnan(self.lower)
        verb = "rose" if self.change > 0 else "fell" if self.change < 0 else "did not change"
        if self.kind == "rate":
            levels = f"from {self.before:.1%} to {self.after:.1%}"
            ends = (
                f"{100 * self.change:+.3g} percentage points ({self.coverage:.0%} interval {100 * self.lower:+.3g} to "
                f"{100 * self.upper:+.3g})"
            )
        else:
            levels = f"from {self.before:,.4g} to {self.after:,.4g}"
            bounds = f"{self.coverage:.0%} interval {self.lower:+,.4g} to {self.upper:+,.4g}"
            ends = f"{self.change:+,.4g} ({bounds if known else 'interval unknown, for nothing varies'})"
        text = f"{self.outcome} {verb} {levels}: {ends}" + (f", p = {self.p_value:.3g}" if known else "")
        if not math.isnan(self.relative_change):
            text += f"; {100 * self.relative_change:+.3g} % of the former level"
            if not math.isnan(self.relative_lower):
                text += f" ({100 * self.relative_lower:+.3g} to {100 * self.relative_upper:+.3g} %)"
        who = (
            f"The same {self.n_before:,} customers, each compared with itself."
            if self.paired
            else f"{self.n_before:,} cases before and {self.n_after:,} after, taken as different customers."
        )
        lines = [text + ".", who, *(f"Note: {note}." for note in self.notes)]
        lines.append(
            "This is not the effect of the programme: season, trend and whatever else changed are in it. Use "
            "difference_in_differences with units that were not treated, and placebo_test to see what such a comparison is worth."
        )
        return "\n".join(lines)


def compare_before_after(
    before: Share | Average | ArrayLike | Frame,
    after: Share | Average | ArrayLike | Frame,
    *,
    outcome: str | None = None,
    customer_id: str | None = None,
    timestamp: str | None = None,
    kind: str | None = None,
    paired: bool | None = None,
    before_window: Window | None = None,
    after_window: Window | None = None,
    coverage: float = 0.9,
) -> BeforeAfter:
    r"""Compare an outcome after with before, **without any claim of cause**.

    Different customers: two means by Welch's t [1]_, two rates by Newcombe's hybrid of Wilson intervals [2]_ with the pooled
    z-test. The same customers: means by the t-test of their differences, rates by the adjusted interval of Bonett and Price
    [3]_ with McNemar's exact test [4]_. Ratios of means by Fieller [5]_, of rates on the log scale [6]_.

    Parameters
    ----------
    before, after : Share, Average, array of shape (n,) or frame of any engine
        Both of one form. Frames: one row per customer, columns by name.
    outcome : str, default=None
        Column of frames; for the others its name in sentences.
    customer_id : str, default=None
        Column of frames, without repeats; tells which rows are the same customer.
    timestamp : str, default=None
        Column of frames with the date of the outcome, checked against the windows.
    kind : {"rate", "mean"}, default=None
        None takes "rate" for shares and for outcomes that are true and false or 0 and 1 throughout.
    paired : bool, default=None
        None compares each customer with itself where ``customer_id`` shows the same customers on both sides. True does so for
        those on both sides, leaving the others out; arrays are then taken in order.
    before_window, after_window : (start, end), default=None
        Days; ``end`` is exclusive, or a length of the calendar: "3M", "1Y".
    coverage : float, default=0.9

    Returns
    -------
    BeforeAfter
        With ``causal`` False.

    Raises
    ------
    DataError
        Naming every fault: an empty group, text for numbers, missing outcomes, repeated customers, dates outside their window,
        a window longer than the data.

    Warns
    -----
    EvidenceWarning
        When the windows are of unequal length or lie in different seasons or overlap, or when only part of the customers
        are on both sides and are taken as different ones.

    References
    ----------
    .. [1] Welch, B. L. (1947), The generalization of "Student's" problem when several different population variances are
       involved. Biometrika 34, 28-35.
    .. [2] Newcombe, R. G. (1998), Interval estimation for the difference between independent proportions: comparison of
       eleven methods. Statistics in Medicine 17(8), 873-890.
    .. [3] Bonett, D. G. and Price, R. M. (2012), Adjusted Wald confidence interval for a difference of binomial proportions
       based on paired data. J. Educational and Behavioral Statistics 37(4), 479-488.
    .. [4] McNemar, Q. (1947), Note on the sampling error of the difference between correlated proportions or percentages.
       Psychometrika 12, 153-157.
    .. [5] Fieller, E. C. (1954), Some problems in interval estimation. JRSS B 16(2), 175-185.
    .. [6] Katz, D., Baptista, J., Azen, S. P. and Pike, M. C. (1978), Obtaining confidence intervals for the risk ratio in
       cohort studies. Biometrics 34(3), 469-474.

    Examples
    --------
    >>> found = compare_before_after(Share(140, 200), Share(160, 200), outcome="Retention")
    >>> found.causal, round(found.change, 3), round(found.lower, 3), round(found.upper, 3)
    (False, 0.1, 0.029, 0.17)
    """
    _check_arguments(kind, paired, coverage)
    windows = _read_windows(before_window, after_window)
    comparison = _read_comparison(before, after, outcome, customer_id, timestamp, kind, paired, windows)
    return BeforeAfter(
        **_compared(comparison, coverage),
        paired=comparison.paired,
        coverage=coverage,
        outcome=outcome or "The outcome",
        notes=comparison.notes,
    )


@dataclass(frozen=True)
class _Comparison:
    """Two sides of one form, free of faults: counts, averages, or outcomes, of the same customers in order where paired."""

    one: Any
    two: Any
    paired: bool
    is_rate: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Side:
    """Outcomes of one side, and whose they are, where that is known."""

    values: np.ndarray
    ids: pd.Series | None = None

    def __len__(self) -> int:
        return len(self.values)


def _compared(comparison: _Comparison, coverage: float) -> dict[str, Any]:
    """Change, interval and test that fit the form of the two sides."""
    one, two = comparison.one, comparison.two
    if isinstance(one, Share):
        return _of_shares(one, two, coverage)
    if isinstance(one, Average):
        return _of_averages(one, two, coverage)
    if comparison.paired:
        return (_of_paired_rates if comparison.is_rate else _of_pairs)(one, two, coverage)
    if comparison.is_rate:
        return _of_shares(Share(int(one.sum()), len(one)), Share(int(two.sum()), len(two)), coverage)
    return _of_averages(Average.of(one), Average.of(two), coverage)


def _check_arguments(kind: str | None, paired: bool | None, coverage: float) -> None:
    faults = Faults(SUBJECT)
    faults.check(check_choice, kind, "kind", ("rate", "mean", None))
    faults.check(check_choice, paired, "paired", (True, False, None))
    faults.check(check_coverage, coverage)
    faults.refuse()


def _read_windows(before: Window | None, after: Window | None) -> tuple[StudyWindow | None, StudyWindow | None]:
    faults = Faults(SUBJECT)
    read = faults.check(read_window, before, "before_window"), faults.check(read_window, after, "after_window")
    faults.refuse()
    return read


def _notes(windows: tuple[StudyWindow | None, StudyWindow | None]) -> list[str]:
    before, after = windows
    if before is None or after is None:
        return ["the windows are not stated; whether they are of one length and season is not known"]
    notes = window_notes(before, after)
    for note in notes:
        warn(f"{note}.", EvidenceWarning)
    return notes


def _is_binary(values: np.ndarray) -> bool:
    return bool(np.isin(values, (0.0, 1.0)).all())


def _read_comparison(
    before: Any,
    after: Any,
    outcome: str | None,
    customer_id: str | None,
    timestamp: str | None,
    kind: str | None,
    paired: bool | None,
    windows: tuple[StudyWindow | None, StudyWindow | None],
) -> _Comparison:
    """Bring two sides to one form; refuse them with every fault."""
    notes = _notes(windows)
    if any(isinstance(side, Share | Average) for side in (before, after)):
        if type(before) is not type(after):
            raise DataError(
                [f"{type(before).__name__} before and {type(after).__name__} after; give both alike"], SUBJECT
            )
        if paired:
            raise ValueError("paired=True needs the customers' own outcomes; give frames or arrays, not aggregates.")
        return _Comparison(before, after, False, isinstance(before, Share), tuple(notes))
    sides = _read_sides(before, after, outcome, customer_id, timestamp, paired, windows)
    one, two, same = _matched(*sides, customer_id, paired, notes)
    if min(len(one), len(two)) < 2:
        raise DataError([f"{min(len(one), len(two))} customers can be compared; a spread needs at least 2"], SUBJECT)
    binary = _is_binary(one) and _is_binary(two)
    if kind == "rate" and not binary:
        raise DataError(["a rate needs outcomes of 0 and 1; there are others: take kind='mean'"], SUBJECT)
    return _Comparison(one, two, same, kind == "rate" or (kind is None and binary), tuple(notes))


def _read_sides(
    before: Any,
    after: Any,
    outcome: str | None,
    customer_id: str | None,
    timestamp: str | None,
    paired: bool | None,
    windows: tuple[StudyWindow | None, StudyWindow | None],
) -> tuple[_Side, _Side]:
    """Outcomes of both sides, from frames or arrays."""
    framed = frames.is_frame(before)
    if framed != frames.is_frame(after):
        raise DataError(["one side is a frame and the other is not; give both alike"], SUBJECT)
    if framed and outcome is None:
        raise ValueError("outcome must name the column of the frames that is compared.")
    faults = Faults(SUBJECT)
    sides = []
    for where, side, window in zip(("before", "after"), (before, after), windows, strict=True):
        found: list[str] = []
        sides.append(_Side(*_side(side, outcome if framed else None, customer_id, timestamp, window, found)))
        faults.extend(f"{where}: {fault}" for fault in found)
    one, two = sides
    if paired and not framed:
        faults.extend(frames.misaligned({"before": before, "after": after}))
    if paired and one.ids is None and len(one) != len(two):
        faults.add(f"paired=True, but there are {len(one):,} outcomes before and {len(two):,} after; name customer_id")
    if paired and framed and one.ids is None:
        faults.add("paired=True needs customer_id, which tells the rows of one customer")
    faults.refuse()
    return one, two


def _matched(
    one: _Side, two: _Side, customer_id: str | None, paired: bool | None, notes: list[str]
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Outcomes, those of the same customers in order where each is compared with itself, and whether it is."""
    if one.ids is None or two.ids is None:
        return one.values, two.values, bool(paired)
    if _kinds_differ(one.ids, two.ids):
        raise DataError(
            [f"the kinds of {customer_id!r} differ, numbers on one side and text on the other; give both alike"],
            SUBJECT,
        )
    common = one.ids.isin(two.ids)
    shared = int(common.sum())
    if not shared:
        notes.append(f"no {customer_id} is on both sides")
    if not (paired or (paired is None and shared == len(one) == len(two))):
        if paired is None and shared:
            warn(
                f"{shared:,} customers are on both sides ({len(one):,} before, {len(two):,} after) and are taken as different ones; "
                "paired=True compares these alone, paired=False says that this is meant.",
                EvidenceWarning,
            )
            notes.append(f"{shared:,} customers are on both sides and are taken as different ones")
        return one.values, two.values, False
    if left := len(one) + len(two) - 2 * shared:
        notes.append(f"{left:,} customers on one side only are left out")
    second = pd.Series(two.values, index=two.ids).reindex(one.ids[common]).to_numpy()
    return one.values[common.to_numpy()], second, True


def _side(side, outcome, customer_id, timestamp, window, faults) -> tuple[np.ndarray, pd.Series | None]:
    ids = None
    if outcome is None:
        column = pd.Series(np.asarray(side).ravel() if np.ndim(side) == 1 else [], dtype=None)
        if np.ndim(side) != 1:
            faults.append(f"shape {np.shape(side)} is given; one outcome a customer is needed")
            return np.zeros(0), None
        outcome = "outcome"
    else:
        names = [outcome, *([customer_id] if customer_id else []), *([timestamp] if timestamp else [])]
        try:
            table = frames.to_columns(side, list(dict.fromkeys(names))).reset_index(drop=True)
        except DataError as error:
            faults += error.faults
            return np.zeros(0), None
        column = table[outcome]
        if customer_id:
            ids, wrong = frames.alike(table[customer_id], customer_id)
            faults += wrong
            _check_ids(ids, customer_id, faults)
        if timestamp:
            _check_times(table[timestamp], timestamp, window, faults)
    if not len(column):
        faults.append("there are no rows, the group is empty")
        return np.zeros(0), ids
    values = as_numbers(column.astype("float64") if column.dtype == bool else column, outcome, faults)
    return values, ids


def _kinds_differ(one: pd.Series, two: pd.Series) -> bool:
    """Whether the identifiers are numbers on one side and text on the other, which nothing could match."""
    kinds = [{isinstance(entry, str) for entry in ids.to_numpy(dtype=object)} for ids in (one, two)]
    return kinds in ([{True}, {False}], [{False}, {True}])


def _check_ids(ids: pd.Series, name: str, faults: list[str]) -> None:
    if missing := int(ids.isna().sum()):
        faults.append(f"column {name!r} is missing in {missing:,} of {len(ids):,} rows; repair them")
    if twice := int(ids.duplicated().sum()):
        faults.append(f"{twice:,} of {len(ids):,} rows repeat a customer; add up or average to one row each")


def _check_times(column: pd.Series, name: str, window: StudyWindow | None, faults: list[str]) -> None:
    before = len(faults)
    moments = as_times(column, name, faults)
    if len(faults) > before or window is None:
        return
    if moments.dtype.kind != "M" or moments.isna().any():
        faults.append(f"column {name!r} must hold a date in every row, such as 2024-03-01")
        return
    early, late = int((moments < window.start).sum()), int((moments >= window.stop).sum())
    if early or late:
        faults.append(
            f"column {name!r} is outside the window {window} in {early + late:,} of {len(moments):,} rows ({early:,} before it, "
            f"{late:,} after it); leave these rows out, or change the window, whose end is exclusive"
        )
    elif gap := days_without(moments, window):
        faults.append(
            f"the window {window} is longer than the data: nothing is dated in {gap} days at its ends; shorten it"
        )


def _result(kind, before, after, n_before, n_after, change: Interval, ratio: Interval, p: float) -> dict[str, Any]:
    return {
        "kind": kind,
        "before": before,
        "after": after,
        "n_before": n_before,
        "n_after": n_after,
        "change": change.estimate,
        "lower": change.lower,
        "upper": change.upper,
        "relative_change": ratio.estimate - 1,
        "relative_lower": ratio.lower - 1,
        "relative_upper": ratio.upper - 1,
        "p_value": p,
    }


def _of_shares(one: Share, two: Share, coverage: float) -> dict[str, Any]:
    counts = one.count, one.n, two.count, two.n
    change = differences.rate_difference(*counts, coverage)
    ratio = differences.rate_ratio(*counts, coverage)
    return _result("rate", one.rate, two.rate, one.n, two.n, change, ratio, differences.rate_p_value(*counts))


def _of_averages(one: Average, two: Average, coverage: float) -> dict[str, Any]:
    v1, v2 = one.sd**2 / one.n, two.sd**2 / two.n
    change, p, df = differences.mean_difference(one.mean, v1, one.n - 1, two.mean, v2, two.n - 1, coverage)
    ratio = differences.mean_ratio(one.mean, v1, two.mean, v2, 0.0, df, coverage)
    return _result("mean", one.mean, two.mean, one.n, two.n, change, ratio, p)


def _of_pairs(one: np.ndarray, two: np.ndarray, coverage: float) -> dict[str, Any]:
    n = len(one)
    change, p = differences.paired_difference(two - one, coverage)
    covariance = np.cov(one, two) / n
    m1, m2 = float(one.mean()), float(two.mean())
    ratio = differences.mean_ratio(m1, covariance[0, 0], m2, covariance[1, 1], covariance[0, 1], n - 1, coverage)
    return _result("mean", m1, m2, n, n, change, ratio, p)


def _of_paired_rates(one: np.ndarray, two: np.ndarray, coverage: float) -> dict[str, Any]:
    n, gained, lost = len(one), int((two > one).sum()), int((two < one).sum())
    change, p = differences.paired_rates(gained, lost, n, coverage)
    p1, p2 = float(one.mean()), float(two.mean())
    ratio = Interval(p2 / p1 if p1 else NAN)
    return _result("rate", p1, p2, n, n, change, ratio, p)
