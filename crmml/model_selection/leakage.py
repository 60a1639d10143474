"""Finding leaks: features that change when the future is removed, labels made of features, rows on both sides of a split."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from .. import frames
from ..exceptions import DataError
from ..transactions.snapshot_data import SnapshotData
from ..transactions.snapshots import log_before
from ..transactions.times import moment_text, to_moment
from ..typing import Frame, Moment
from .fold_leakage import fold_findings, label_findings
from .leakage_findings import COLUMNS, LeakageReport, finding

#: Relative difference that rounding may leave between two computations of one number.
ROUNDING = 1e-9
#: Customers of either label from which one cutoff can show that the label is a function of a feature.
FEWEST = 30


def leakage_report(
    make_features: Callable,
    log: Frame,
    cutoffs: Moment | Sequence[Moment],
    *,
    cv: Any = None,
    customer_id: str = "customer_id",
    timestamp: str = "timestamp",
) -> LeakageReport:
    """Compute features twice at each cutoff, from the whole log and from what was before the cutoff, and compare.

    A feature that is what it claims to be cannot change when every event from the cutoff on is removed. Each column that
    does is named. Where labels come along, it is also looked for columns that the label is a function of, which no event
    after the cutoff could be, and with ``cv`` for what :func:`fold_leakage_report` finds.

    Parameters
    ----------
    make_features : callable
        ``make_features(log, cutoff)`` returns one row per customer: a frame with the customer column (or, for pandas, an
        index of customers), a pair of such a frame and labels, or a :class:`SnapshotData`; for
        :func:`snapshots` pass ``incomplete="unlabelled"``, since a log that ends at the cutoff has no label window.
    log : frame of any engine
    cutoffs : date or datetime, or a sequence of them
    cv : splitter or iterable of (train, test), default=None
        How the stacked rows of all cutoffs would be split.
    customer_id, timestamp : str
        Columns of the log and, the first, of the features.

    Returns
    -------
    LeakageReport

    Raises
    ------
    DataError
        When features have no customers, or a customer twice.

    Examples
    --------
    >>> from crmml.datasets import load_cdnow_sample
    >>> from crmml.transactions import snapshots
    >>> log = load_cdnow_sample()
    >>> def honest(log, cutoff):
    ...     return snapshots(log, cutoffs=cutoff, horizon=90, features=["rfm"], incomplete="unlabelled")
    >>> print(leakage_report(honest, log, ["1997-09-01", "1998-01-01"]).describe())
    No leak found in 4 columns at 2 cutoffs.
    >>> def last_purchase(log, cutoff):
    ...     return log.groupby("customer_id", as_index=False).agg(last=("timestamp", "max"))
    >>> leakage_report(last_purchase, log, ["1997-09-01"]).columns
    ['last']
    """
    single = isinstance(cutoffs, str) or not isinstance(cutoffs, Iterable)
    given: Any = [cutoffs] if single else cutoffs
    moments = [to_moment(cutoff) for cutoff in given]
    made = [_computed_twice(make_features, log, moment, customer_id, timestamp) for moment in moments]
    findings = [change for one in made for change in one.changes]
    stacked = pd.concat([one.table for one in made])
    notes: tuple[str, ...] = ()
    if all(one.label is not None for one in made):
        of_labels, notes = _label_findings(made, stacked, cv)
        findings += of_labels
    elif cv is not None:
        raise ValueError("cv= needs labels: let make_features return a pair of features and labels, or SnapshotData.")
    checked = f"{stacked.shape[1]} columns at {len(moments)} cutoff{'s' if len(moments) != 1 else ''}"
    return LeakageReport(pd.DataFrame(findings, columns=COLUMNS), checked, notes)


@dataclass(frozen=True, eq=False)
class _Computed:
    """Features at one cutoff, and what changed when events from it on were removed."""

    moment: pd.Timestamp
    table: pd.DataFrame
    label: np.ndarray | None
    horizon: pd.Timedelta
    changes: list[dict[str, Any]]


def _computed_twice(
    make_features: Callable, log: Frame, moment: pd.Timestamp, customer_id: str, timestamp: str
) -> _Computed:
    made = make_features(log, moment)
    table, label = _table(made, customer_id)
    without, _ = _table(make_features(log_before(log, timestamp, moment), moment), customer_id)
    changes = _changes(table, without, moment)
    if changes:
        again, _ = _table(make_features(log, moment), customer_id)
        unstable = {change["column"] for change in _changes(table, again, moment)}
        changes = [_unstable(change) if change["column"] in unstable else change for change in changes]
    horizon = made.horizon if isinstance(made, SnapshotData) else pd.Timedelta(0)
    return _Computed(moment, table, label, horizon, changes)


def _label_findings(
    made: list[_Computed], stacked: pd.DataFrame, cv: Any
) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    """What the labels are a function of, and with ``cv`` what the folds give away."""
    y = np.concatenate([one.label for one in made if one.label is not None])
    known = ~np.isnan(y)
    if not known.any():
        return [], ()
    sizes = [len(one.table) for one in made]
    cutoffs = np.asarray([one.moment for one in made], dtype="datetime64[us]")
    ends = np.asarray([one.moment + one.horizon for one in made], dtype="datetime64[us]")
    keys = pd.DataFrame(
        {"customer_id": stacked.index, "cutoff": np.repeat(cutoffs, sizes), "label_end": np.repeat(ends, sizes)}
    )
    X, groups = stacked[known].reset_index(drop=True), keys[known].reset_index(drop=True)
    findings = label_findings(X, y[known]) or _in_every_cutoff(X, y[known], groups["cutoff"].to_numpy())
    if cv is None:
        return findings, ()
    more, notes = fold_findings(X, y[known], cv, groups)
    return findings + more, notes


def _in_every_cutoff(X: pd.DataFrame, y: np.ndarray, cutoff: np.ndarray) -> list[dict[str, Any]]:
    """What the label is a function of at each cutoff by itself, as where the threshold is each cutoff's own."""
    found: list[dict[str, Any]] = []
    for number, moment in enumerate(np.unique(cutoff)):
        rows = cutoff == moment
        if min(y[rows].sum(), (1 - y[rows]).sum()) < FEWEST:
            return []
        here = {entry["column"]: entry for entry in label_findings(X[rows].reset_index(drop=True), y[rows])}
        found = list(here.values()) if number == 0 else [entry for entry in found if entry["column"] in here]
    return [{**entry, "rows": len(y), "of": len(y)} for entry in found]


def _table(made: Any, customer_id: str) -> tuple[pd.DataFrame, np.ndarray | None]:
    """Features indexed by customer, and labels where there are any."""
    label = None
    if isinstance(made, SnapshotData):
        table = frames.to_columns(made.X, frames.wrap(made.X).collect_schema().names())
        table, label = table.set_index(pd.Index(made.customer_id)), made.y
    else:
        if isinstance(made, tuple) and len(made) == 2:
            made, label = made
        if not frames.is_frame(made):
            raise TypeError(
                f"make_features returned {type(made).__name__}; return a frame, a pair of frame and labels, or SnapshotData."
            )
        table = frames.to_columns(made, frames.wrap(made).collect_schema().names())
        if customer_id in table:
            table = table.set_index(customer_id)
        elif not isinstance(made, pd.DataFrame):
            raise DataError([f"they have no column {customer_id!r} to tell rows apart by"], "the features")
    if table.index.has_duplicates:
        raise DataError(
            [f"{int(table.index.duplicated().sum()):,} customers have more than one row at one cutoff"], "the features"
        )
    return table, None if label is None else np.asarray(label, dtype=np.float64)


def _changes(table: pd.DataFrame, other: pd.DataFrame, moment: pd.Timestamp) -> list[dict[str, Any]]:
    """Columns that differ between two computations, and customers who are in one only."""
    when, found = moment_text(moment), []
    both = table.index.intersection(other.index)
    if lost := len(table.index.symmetric_difference(other.index)):
        text = (
            f"{lost:,} customers have a row at cutoff {when} only because of events from it on; decide eligibility by what "
            "was before"
        )
        found.append(finding("eligibility", "", when, lost, len(table), text))
    for name in table:
        if name not in other:
            text = f"column {name!r} exists at cutoff {when} only because of events from it on"
            found.append(finding("future", name, when, len(table), len(table), text))
            continue
        changed = int(_differs(table[name].loc[both], other[name].loc[both]).sum())
        if changed:
            text = (
                f"column {name!r} changes in {changed:,} of {len(both):,} rows when events from the cutoff {when} on are removed: "
                "it uses the future; compute it from events strictly before the cutoff"
            )
            found.append(finding("future", name, when, changed, len(both), text))
    return found


def _differs(one: pd.Series, two: pd.Series) -> np.ndarray:
    missing = one.isna().to_numpy(), two.isna().to_numpy()
    if pd.api.types.is_numeric_dtype(one) and pd.api.types.is_numeric_dtype(two):
        a, b = one.to_numpy(dtype=np.float64, na_value=np.nan), two.to_numpy(dtype=np.float64, na_value=np.nan)
        same = np.isclose(a, b, rtol=ROUNDING, atol=0)
    else:
        same = one.to_numpy(dtype=object) == two.to_numpy(dtype=object)
    return np.where(missing[0] | missing[1], missing[0] != missing[1], ~np.asarray(same, dtype=bool))


def _unstable(change: dict[str, Any]) -> dict[str, Any]:
    name = change["column"]
    text = (
        f"column {name!r} differs from one computation to the next, so nothing can be said of it; fix its random state"
    )
    return change | {"leak": "not reproducible", "detail": text}
