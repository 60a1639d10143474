"""The effect of a roll-out, from units treated and units not yet treated, before and after."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..checks import Faults, check_choice, check_count, check_coverage, check_random_state
from ..exceptions import DataError, EvidenceWarning, warn
from ..results import Result
from ..typing import Frame, Seed, Window
from ._panel import SUBJECT, Panel, read_panel
from ._staggered import NEVER, Errors, GroupTime, errors_of, group_time
from .event_study_display import EventStudyDisplay

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Below so many clusters a warning is given.
FEW_CLUSTERS = 20

AGGREGATES = {
    "group": "each treated unit counts the same, whenever it began",
    "simple": "each treated unit and period counts the same, so that early starters weigh more",
    "event": "each length of exposure counts the same",
}


@dataclass(frozen=True, eq=False)
class DifferenceInDifferences(Result):
    """Effect of the treatment on the treated, under the assumptions listed.

    Attributes
    ----------
    att : float
        Average effect on treated units, per unit and period, in the unit of the outcome.
    std_error, lower, upper, p_value, degrees_of_freedom : float
        Clustered standard error, interval, two-sided p-value of no effect, and its degrees of freedom; interval and p-value are NaN
        where within the groups nothing varies.
    coverage : float
    aggregate : {"group", "simple", "event"}
        How the group-time effects are averaged in ``att``.
    group_time : DataFrame
        group (first treated period), period, att, std_error, lower, upper; periods before treatment are placebo effects.
    event_study : DataFrame
        relative_period (0 is the first treated one), att, std_error, lower, upper, lower_uniform, upper_uniform (which hold for all
        rows together), p_value, treated_units. The base period has effect 0 by construction and no interval.
    by_group : DataFrame
        group, treated_units, att, std_error, lower, upper.
    pretrend_statistic, pretrend_p_value : float
        Wald test that all placebo effects before treatment are zero; NaN where it cannot be made.
    pretrend_degrees_of_freedom : int
        Number of independent placebo effects tested.
    n_units, n_treated, n_control, n_periods, n_clusters : int
        Controls are the units not treated within the periods; with ``control="not_yet"`` others serve until they begin.
    n_always_treated, n_incomplete : int
        Units left out.
    n_unidentified : int
        Groups and periods after treatment without any control left; they are in no average.
    control, outcome : str
    assumptions : tuple of str
        Under which ``att`` is causal.
    causal : bool
        True: an effect, if the assumptions hold.
    """

    att: float
    std_error: float
    lower: float
    upper: float
    p_value: float
    degrees_of_freedom: float
    coverage: float
    aggregate: str
    group_time: pd.DataFrame
    event_study: pd.DataFrame
    by_group: pd.DataFrame
    pretrend_statistic: float
    pretrend_p_value: float
    pretrend_degrees_of_freedom: int
    n_units: int
    n_treated: int
    n_control: int
    n_periods: int
    n_clusters: int
    n_always_treated: int
    n_incomplete: int
    n_unidentified: int
    control: str
    outcome: str
    assumptions: tuple[str, ...]
    causal: bool = True

    @property
    def table(self) -> pd.DataFrame:
        """The effect by length of exposure, as in ``event_study``."""
        return self.event_study

    def plot(self, ax: Axes | None = None) -> EventStudyDisplay:
        """Draw the effect by length of exposure with its intervals; those before treatment are placebo effects.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        EventStudyDisplay
        """
        return EventStudyDisplay.from_result(self).plot(ax=ax)

    def describe(self) -> str:
        """Say it in plain sentences."""
        verb = "raised" if self.att > 0 else "lowered" if self.att < 0 else "did not change"
        amount = f" by {abs(self.att):,.4g}" if self.att else ""
        ends = f"{self.coverage:.0%} interval {self.lower:,.4g} to {self.upper:,.4g}, p = {self.p_value:.3g}"
        if np.isnan(self.lower):
            ends = "interval unknown, for within the groups nothing varies"
        lines = [
            f"If the assumptions below hold, the treatment {verb} {self.outcome!r}{amount} per treated unit and period "
            f"({ends}); "
            f"{AGGREGATES[self.aggregate]}.",
            f"{self.n_treated:,} treated units in {len(self.by_group)} group{'s' if len(self.by_group) > 1 else ''} and "
            f"{self.n_control:,} never treated, over {self.n_periods} periods; errors clustered in {self.n_clusters:,} clusters.",
        ]
        if left := self.n_always_treated + self.n_incomplete:
            lines.append(
                f"{left:,} unit{' is' if left == 1 else 's are'} left out: {self.n_always_treated:,} treated from the first period "
                f"on, {self.n_incomplete:,} lacking a period."
            )
        if self.n_unidentified:
            lines.append(
                f"{self.n_unidentified:,} groups and periods after treatment have no control left and are in no average."
            )
        if np.isnan(self.pretrend_p_value):
            reason = (
                "there are too few units"
                if self.pretrend_degrees_of_freedom
                else "there is one period before treatment only"
            )
            lines.append(f"Whether groups moved alike before treatment cannot be tested: {reason}.")
        else:
            found = "moved differently" if self.pretrend_p_value < 0.05 else "show no different movement"
            effects = "effect" if self.pretrend_degrees_of_freedom == 1 else "effects"
            lines.append(
                f"Before treatment the groups {found} (joint test of {self.pretrend_degrees_of_freedom} placebo {effects}, "
                f"p = {self.pretrend_p_value:.3g}); a passed test is no proof that they would have moved alike after it."
            )
        return "\n".join([*lines, "Assumptions:", *(f"  - {line}" for line in self.assumptions)])


def difference_in_differences(
    data: Frame,
    *,
    unit_id: str,
    time: str,
    outcome: str,
    treated_from: str | None = None,
    treated: str | None = None,
    cluster: str | None = None,
    window: Window | None = None,
    control: str = "not_yet",
    aggregate: str = "group",
    anticipation: int = 0,
    unbalanced: str = "raise",
    treated_before: str = "raise",
    coverage: float = 0.9,
    n_resamples: int = 999,
    random_state: Seed = None,
) -> DifferenceInDifferences:
    r"""Effect of a treatment that groups of units take up at different times, or one group at one time.

    Group-time effects of Callaway and Sant'Anna [1]_: units first treated in period g are compared, from their last period
    before treatment g - 1 to period t, with units not treated by then,

    .. math:: ATT(g, t) = E[Y_t - Y_{g-1} \mid G = g] - E[Y_t - Y_{g-1} \mid C_t],

    with means for expectations and :math:`C_t` the units never treated, or not treated by t. They are averaged over groups
    and periods with the shares of treated units as weights, which are taken as given. With one group and two periods it is
    the plain difference of differences of means. A regression with unit and period effects is not used: with staggered
    starts it takes units already treated as controls, and effects that grow or differ bias it, even to the wrong sign [2]_.

    Errors are clustered by unit, since outcomes of one unit are alike over time [3]_, or by ``cluster``: cohort by cohort,
    with n / (n - 1), which for one group and two periods is the standard error of the bias-reduced linearisation of Bell and
    McCaffrey [4]_; the degrees of freedom are Welch's and Satterthwaite's, fewer than theirs where groups differ in size.
    Uniform bands use a multiplier bootstrap [1]_ with Gaussian multipliers, divided by the root of a chi-square over its
    degrees of freedom, so that they hold with few units too.

    Parameters
    ----------
    data : frame of pandas, polars (eager or lazy), pyarrow, DuckDB or PySpark
        One row for each unit (customer, branch, region) and period. Every unit needs every period.
    unit_id, time, outcome : str
        Columns. ``time`` holds whole numbers or dates (the first day of each period, say); distinct entries, sorted, are the
        periods.
    treated_from : str, default=None
        Column with the first treated period of the unit, the same in all its rows, missing or infinite for units never
        treated; after the last period it counts as never. Entries before the first period (0, -1, 1900-01-01) may mean never
        or long ago: ``treated_before`` says which.
    treated : str, default=None
        Instead of ``treated_from``: column of 0 and 1, whether the unit is treated in the period: not whether
        it belongs to the treated group.
    cluster : str, default=None
        Column of clusters coarser than units, such as the branch that was treated as a whole.
    window : (start, end), default=None
        Periods that the study was planned for, the end exclusive, or a length such as "6M" where periods are dates; rows
        outside are refused.
    control : {"not_yet", "never"}, default="not_yet"
        Whether units serve as controls until they are treated, or only those never treated.
    aggregate : {"group", "simple", "event"}, default="group"
        How effects are averaged in ``att``: each treated unit, each treated unit and period, or each length of exposure
        counting the same.
    anticipation : int, default=0
        Periods before treatment in which its coming may already show; the base is moved before them.
    unbalanced : {"raise", "drop"}, default="raise"
        Whether units that lack a period are refused or left out, with their number.
    treated_before : {"raise", "drop"}, default="raise"
        Whether entries of ``treated_from`` before the first period are refused, or are true and their units left out as treated
        from the start, with their number.
    coverage : float, default=0.9
    n_resamples : int, default=999
        Of the multiplier bootstrap.
    random_state : int, RandomState or None, default=None

    Returns
    -------
    DifferenceInDifferences

    Raises
    ------
    DataError
        Naming every fault: missing or repeated rows of a unit and period, text for numbers, a treatment that turns off
        again or lies between two periods, a first treated period before the first one, an empty group, a group of
        one unit or within one cluster, a treated group with no period before, rows outside the window or a window longer than
        the data.

    Warns
    -----
    EvidenceWarning
        For units left out (always treated, or incomplete) and for fewer than 20 clusters.

    References
    ----------
    .. [1] Callaway, B. and Sant'Anna, P. H. C. (2021), Difference-in-differences with multiple time periods. J. Econometrics
       225(2), 200-230.
    .. [2] Goodman-Bacon, A. (2021), Difference-in-differences with variation in treatment timing. J. Econometrics 225(2),
       254-277.
    .. [3] Bertrand, M., Duflo, E. and Mullainathan, S. (2004), How much should we trust differences-in-differences
       estimates? Quarterly J. Economics 119(1), 249-275.
    .. [4] Bell, R. M. and McCaffrey, D. F. (2002), Bias reduction in standard errors for linear regression with multi-stage
       samples. Survey Methodology 28(2), 169-181.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> unit, month = np.repeat(np.arange(60), 6), np.tile(np.arange(6), 60)
    >>> start = np.where(unit < 20, 2.0, np.where(unit < 40, 4.0, np.nan))
    >>> spend = 10 + unit % 7 + month + 3.0 * (month >= start) + rng.normal(0, 1, 360)
    >>> data = pd.DataFrame({"customer_id": unit, "month": month, "spend": spend, "start": start})
    >>> found = difference_in_differences(
    ...     data, unit_id="customer_id", time="month", outcome="spend", treated_from="start", random_state=0)
    >>> round(found.att, 2), round(found.lower, 2), round(found.upper, 2)
    (2.9, 2.4, 3.41)
    """
    _check_arguments(
        treated_from, treated, control, aggregate, anticipation, unbalanced, treated_before, coverage, n_resamples
    )
    rng = check_random_state(random_state)
    panel = read_panel(data, unit_id=unit_id, time=time, outcome=outcome, treated_from=treated_from, treated=treated,
        cluster=cluster, window=window, unbalanced=unbalanced, treated_before=treated_before, anticipation=anticipation)  # fmt: skip
    layout = group_time(panel.first, len(panel.periods), control, anticipation)
    post = layout.time >= layout.group
    if not post.any():
        raise ValueError("control='never' leaves no control group: every unit is treated in the end; take 'not_yet'.")
    n_clusters = _check_clusters(panel)
    size_of = dict(zip(layout.cohorts.tolist(), layout.sizes.tolist(), strict=True))
    weight = np.array([size_of[g] for g in layout.group], dtype=float)
    overall, groups, events = _weights(layout, post, weight, aggregate)
    estimate = partial(_estimated, panel, layout)
    head = estimate(overall[None])
    lower, upper = head.interval(coverage)
    wald, wald_p, rank = _pretrend(layout, estimate, anticipation)
    return DifferenceInDifferences(
        att=float(head.estimate[0]),
        std_error=float(head.std_error[0]),
        lower=float(lower[0]),
        upper=float(upper[0]),
        p_value=float(head.p_value()[0]),
        degrees_of_freedom=float(head.df[0]),
        coverage=coverage,
        aggregate=aggregate,
        group_time=_cell_table(layout, panel, estimate(np.eye(len(weight))), coverage),
        event_study=_event_table(layout, events, estimate, weight, anticipation, coverage, n_resamples, rng),
        by_group=_group_table(groups, panel, estimate, size_of, coverage),
        pretrend_statistic=wald,
        pretrend_p_value=wald_p,
        pretrend_degrees_of_freedom=rank,
        n_units=len(panel.Y),
        n_treated=int((panel.first != NEVER).sum()),
        n_control=int((panel.first == NEVER).sum()),
        n_periods=len(panel.periods),
        n_clusters=n_clusters,
        n_always_treated=panel.n_always,
        n_incomplete=panel.n_incomplete,
        n_unidentified=layout.unidentified,
        control=control,
        outcome=outcome,
        assumptions=_assumptions(control, anticipation),
    )


def _check_arguments(
    treated_from, treated, control, aggregate, anticipation, unbalanced, treated_before, coverage, n_resamples
) -> None:
    faults = Faults("the comparison")
    if (treated_from is None) == (treated is None):
        faults.add("give either treated_from (a column of first treated periods) or treated (a column of 0 and 1)")
    faults.check(check_choice, control, "control", ("not_yet", "never"))
    faults.check(check_choice, aggregate, "aggregate", tuple(AGGREGATES))
    faults.check(check_choice, unbalanced, "unbalanced", ("raise", "drop"))
    faults.check(check_choice, treated_before, "treated_before", ("raise", "drop"))
    faults.check(check_count, anticipation, "anticipation")
    faults.check(check_coverage, coverage)
    faults.check(check_count, n_resamples, "n_resamples", least=99)
    faults.refuse()


def _estimated(panel: Panel, layout: GroupTime, weights: np.ndarray) -> Errors:
    """Averages of the group-time effects with their errors, one for each row of weights."""
    contrast = np.tensordot(weights, layout.contrast, axes=1)
    return errors_of(panel.Y, panel.first, layout.cohorts, contrast, panel.cluster)


def _pretrend(
    layout: GroupTime, estimate: Callable[[np.ndarray], Errors], anticipation: int
) -> tuple[float, float, int]:
    """Wald test that all placebo effects before treatment are zero: statistic, p-value, degrees of freedom."""
    before = layout.time < layout.group - 1 - anticipation
    if not before.any():
        return float("nan"), float("nan"), 0
    return estimate(np.eye(len(layout.group))[before]).joint_p_value()


def _check_clusters(panel: Panel) -> int:
    """Return the number of clusters; warn of few.

    A group within one cluster is refused: its residuals add up to 0 there and hide the error.
    """
    n_clusters = len(panel.Y) if panel.cluster is None else int(panel.cluster.max()) + 1
    if panel.cluster is not None:
        pairs = np.unique(np.column_stack([panel.cluster, panel.first]), axis=0)
        per_cohort = pd.Series(pairs[:, 1]).value_counts()
        if per_cohort.min() < 2:
            fault = (
                f"{int((per_cohort < 2).sum())} of {len(per_cohort)} groups (of one first treated period, or never treated) lie in "
                "one cluster each, so that its own fate cannot be told from the treatment's effect; give clusters that are smaller "
                "than the groups, or pool groups"
            )
            raise DataError([fault], SUBJECT)
    if n_clusters < FEW_CLUSTERS:
        warn(
            f"the errors rest on {n_clusters} clusters, fewer than {FEW_CLUSTERS}; take the interval as rough, and see how often "
            "placebo treatments look significant on the same data.",
            EvidenceWarning,
        )
    return n_clusters


def _weights(layout: GroupTime, post: np.ndarray, weight: np.ndarray, aggregate: str):
    """Weights on the group-time effects: overall, by group, by relative period."""
    relative = layout.time - layout.group
    groups = {}
    for g in np.unique(layout.group[post]):
        rows = post & (layout.group == g)
        groups[int(g)] = rows / rows.sum()
    events = {int(e): np.where(relative == e, weight, 0) / weight[relative == e].sum() for e in np.unique(relative)}
    if aggregate == "simple":
        overall = np.where(post, weight, 0) / weight[post].sum()
    elif aggregate == "event":
        overall = np.mean([w for e, w in events.items() if e >= 0], axis=0)
    else:
        shares = np.array([weight[layout.group == g][0] for g in groups])
        overall = np.average(list(groups.values()), axis=0, weights=shares)
    return overall, groups, events


def _cell_table(layout: GroupTime, panel: Panel, cells: Errors, coverage: float) -> pd.DataFrame:
    lower, upper = cells.interval(coverage)
    at = panel.periods
    return pd.DataFrame(
        {
            "group": at[layout.group],
            "period": at[layout.time],
            "after": layout.time >= layout.group,
            "att": cells.estimate,
            "std_error": cells.std_error,
            "lower": lower,
            "upper": upper,
        }
    )


def _group_table(groups, panel: Panel, estimate, size_of, coverage: float) -> pd.DataFrame:
    found = estimate(np.stack(list(groups.values())))
    lower, upper = found.interval(coverage)
    return pd.DataFrame(
        {
            "group": panel.periods[list(groups)],
            "treated_units": [size_of[g] for g in groups],
            "att": found.estimate,
            "std_error": found.std_error,
            "lower": lower,
            "upper": upper,
        }
    )


def _event_table(layout, events, estimate, weight, anticipation, coverage, n_resamples, rng) -> pd.DataFrame:
    found = estimate(np.stack(list(events.values())))
    lower, upper = found.interval(coverage)
    half = np.where(found.varies, found.uniform_critical(coverage, n_resamples, rng) * found.std_error, np.nan)
    relative = layout.time - layout.group
    table = pd.DataFrame(
        {
            "relative_period": list(events),
            "att": found.estimate,
            "std_error": found.std_error,
            "lower": lower,
            "upper": upper,
            "lower_uniform": found.estimate - half,
            "upper_uniform": found.estimate + half,
            "p_value": found.p_value(),
            "treated_units": [int(weight[relative == e].sum()) for e in events],
        }
    )
    base = {"relative_period": -1 - anticipation, "att": 0.0, "treated_units": int(weight[relative == 0].sum())}
    return pd.concat([table, pd.DataFrame([base])]).sort_values("relative_period", ignore_index=True)


def _assumptions(control: str, anticipation: int) -> tuple[str, ...]:
    who = "units not treated by then" if control == "not_yet" else "units never treated"
    early = (
        f"more than {anticipation} period{'s' * (anticipation != 1)} before its start"
        if anticipation
        else "before its start"
    )
    return (
        f"without the treatment, treated units would have moved as the {who} did (parallel trends)",
        f"nobody acted on the treatment {early} (no anticipation)",
        "the treatment of one unit leaves the outcomes of others as they are (no interference)",
        "a unit once treated stays treated, and the outcome is measured alike before and after, in all units",
    )
