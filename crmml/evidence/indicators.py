"""Indicators before and after, each with its definition, interval, sample size and the size that would be needed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..amounts.changes import Percent, Points
from ..results import Result
from ..typing import Frame, Seed, Unit, Window
from ._indicator_request import IndicatorRequest, Intake, check_mappings, read_setting
from ._indicator_rows import row_of_change, rows_of
from ._study_windows import window_notes
from .forest_display import BeforeAfterForestDisplay
from .indicator_definitions import IndicatorDefinition
from .measures import Average, Share

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: What is known of an indicator in one window.
Measurement = Share | Average | float | Frame


@dataclass(frozen=True, eq=False)
class IndicatorTable(Result):
    """Indicators before and after.

    Attributes
    ----------
    table : DataFrame
        One row per indicator (two for durations: median, and mean up to the longest time seen in both groups): indicator,
        statistic, level_unit; before, before_lower, before_upper, before_n, and the same after; change, change_lower,
        change_upper in change_unit ("percentage points" for shares, else the unit of the level); relative_change,
        relative_lower, relative_upper in relative_unit ("%", of the level before); n_needed, cases per group to verify the change
        (or the target). NaN is unknown.
    missing : tuple of str
        What is not known, and why.
    definitions : mapping of str to IndicatorDefinition
    coverage, power, significance : float
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
    significance: float
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

    def plot(self, ax: Axes | None = None) -> BeforeAfterForestDisplay:
        """Draw the changes with their intervals, points and percent in panels of their own.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Only where there is one panel.

        Returns
        -------
        BeforeAfterForestDisplay
        """
        return BeforeAfterForestDisplay.from_result(self).plot(ax=ax)

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
            text += f"; {row['n_needed']:,.0f} cases per group verify it at {self.power:.0%} power"
        return text + "."

    def _ends(self, row: dict[str, Any], of: str) -> str:
        lower, upper = row[f"{of}_lower"], row[f"{of}_upper"]
        if math.isnan(lower) or math.isnan(upper):
            return "interval unknown"
        return f"{self.coverage:.0%} interval {lower:+,.3g} to {upper:+,.3g}"


def indicators(
    before: Mapping[str, Measurement] | None = None,
    after: Mapping[str, Measurement] | None = None,
    *,
    changes: Mapping[str, Points | Percent] | None = None,
    unit: str = "fraction",
    targets: Mapping[str, float] | None = None,
    before_window: Window | None = None,
    after_window: Window | None = None,
    satisfied_from: float | None = None,
    duration_unit: Unit = "h",
    currency: str | None = None,
    columns: Mapping[str, str] | None = None,
    definitions: Iterable[IndicatorDefinition] = (),
    coverage: float = 0.9,
    power: float = 0.8,
    significance: float = 0.05,
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
        surveys    one row per answer: satisfied (0 or 1), or score with ``satisfied_from``
        customers  one row per customer of the first day: kept (0 or 1)
        visits     one row per visit: customer_id, timestamp
        staff      one row per worker and day: worker_id, minutes
        equipment  one row per machine (bed, room) and day: asset_id, used, available
        deals      one row per deal closed in the window: opened, closed, won (0 or 1), amount
        leads      one row per period such as a week: leads, cost
        tickets    one row per ticket opened in the window: opened, responded, closed, missing while it waits
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
    significance : float, default=0.05
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
    interval +3.84 to +25.8); 294 cases per group verify it at 80% power.
    Satisfaction rose from 75 to 88 %: +13 percentage points (interval unknown), +17.3 % of the former level; 139 cases per
    group verify it at 80% power.
    Not known:
      - satisfaction: interval unknown: sample size missing (before and after); give Share(count, n)
    A change between two windows is not yet an effect: season, trend and other causes are in it too.
    """
    setting = read_setting(unit, duration_unit, coverage, power, significance, n_resamples, random_state)
    check_mappings({"before": before, "after": after, "changes": changes, "targets": targets})
    intake = Intake(setting, definitions, currency, columns, satisfied_from)
    request = intake.read(before, after, changes, targets, before_window, after_window)
    rows, missing = _rows(request)
    known = request.known
    return IndicatorTable(
        table=pd.DataFrame(rows),
        missing=tuple(missing),
        definitions={row["indicator"]: known[row["indicator"]] for row in rows},
        coverage=request.setting.coverage,
        power=request.setting.power,
        significance=request.setting.significance,
        before_window=None if request.before_window is None else str(request.before_window),
        after_window=None if request.after_window is None else str(request.after_window),
    )


def _rows(request: IndicatorRequest) -> tuple[list[dict[str, Any]], list[str]]:
    """Rows of the table, and what is not known."""
    rows: list[dict[str, Any]] = []
    missing: list[str] = []
    if request.before_window is not None and request.after_window is not None:
        missing += window_notes(request.before_window, request.after_window)
    missing += request.absent
    for name, one in request.before.items():
        rows += rows_of(request.known[name], one, request.after[name], request.aims.get(name), request.setting, missing)
    for name, change in request.changes.items():
        rows.append(row_of_change(request.known[name], change))
        missing.append(
            f"{name}: only its change is given; levels before and after, sample size and interval are unknown"
        )
    return rows, missing
