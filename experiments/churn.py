"""Churn classifiers that pay and labels that cannot leak: ``python -m experiments.churn``.

On Telco and Online Retail where they are found (``CRMML_DATA_HOME``); or on churn data of your own, one row a customer with a
label, or a transaction log:

    python -m experiments.churn --table customers.csv --label churned --churned yes
    python -m experiments.churn --log orders.csv --customer-id customer --timestamp day --value amount --horizon 90

A table is judged by five stratified folds (seed 0); a log by seven cutoffs, the last being scored by models that have seen
label windows which end before it, and for comparison by models that have not kept that embargo.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from crmml import DataError, tracking
from crmml.churn import ChurnClassifier, ContactCosts, explain
from crmml.datasets import fetch_telco_churn
from crmml.exceptions import FeatureWarning, LogWarning
from crmml.metrics import (
    LiftDisplay,
    ProfitDisplay,
    ReliabilityDisplay,
    bootstrap_interval,
    expected_calibration_error,
    expected_maximum_profit,
    top_decile_lift,
)
from crmml.model_selection import SnapshotSplit, drift_report, fold_leakage_report, leakage_report
from crmml.tables.encoding import ColumnEncoder
from crmml.transactions import snapshots

from .sources import ONLINE_RETAIL, at_hand, online_retail_lines, read, read_log

#: Words that say churn, and words that label columns carry.
CHURN_WORDS = {"1", "1.0", "true", "yes", "y", "churn", "churned", "left", "lost", "attrited customer", "exited"}
LABEL_WORDS = ("churn", "churned", "churn_label", "exited", "attrition", "attrition_flag", "left", "label", "target")
FOLDS, N_CUTOFFS, GAP_DAYS = 5, 7, 30


@dataclass(frozen=True)
class Table:
    """Customers with features and a label."""

    name: str
    X: pd.DataFrame
    y: np.ndarray
    words: str


def of_table(name: str, frame: pd.DataFrame, label: str | None = None, churned: str | None = None) -> Table:
    """Part a table into features and label; rows without a label are left out, and said."""
    if label is None:
        found = [column for word in LABEL_WORDS for column in frame if str(column).strip().lower() == word]
        if not found:
            raise DataError([f"no column is called like a label; name it with --label; there are {list(frame)}"], name)
        label = found[0]
    if label not in frame:
        raise DataError([f"there is no column {label!r}; there are {', '.join(map(str, frame))}"], name)
    known = frame[label].notna() & (frame[label].astype(str).str.strip() != "")
    text = frame.loc[known, label].astype(str).str.strip()
    count = text.value_counts()
    if len(count) != 2:
        raise DataError(
            [f"column {label!r} has {len(count)} values ({', '.join(count.index[:5])}); two are needed"], name
        )
    if churned is None:
        said = [value for value in count.index if value.lower() in CHURN_WORDS]
        churned = said[0] if len(said) == 1 else count.index[-1]
    elif churned not in count.index:
        raise DataError([f"--churned {churned!r} is not in column {label!r}; it has {' and '.join(count.index)}"], name)
    y = (text == churned).to_numpy().astype(int)
    words = f"{len(y):,} customers, {frame.shape[1] - 1} columns; churn is {label} = {churned} ({y.mean():.1%})"
    if left := int((~known).sum()):
        words += f"; {left:,} rows without a label are left out"
    return Table(name, frame.loc[known].drop(columns=label).reset_index(drop=True), y, words + ".")


def rivals() -> dict[str, Any]:
    """The classifier as it comes, beside what one would take otherwise and the score that knows nothing."""
    return {
        "ChurnClassifier": ChurnClassifier(random_state=0),
        "LogisticRegression": make_pipeline(ColumnEncoder("linear"), LogisticRegression(max_iter=2000)),
        "HistGradientBoosting": make_pipeline(ColumnEncoder("tree"), HistGradientBoostingClassifier(random_state=0)),
        "constant": DummyClassifier(),
    }


def rivals_on_numbers() -> dict[str, Any]:
    """The same for snapshots, whose features are numbers: the rivals as they are published."""
    return {
        "ChurnClassifier": ChurnClassifier(random_state=0),
        "LogisticRegression": make_pipeline(
            SimpleImputer(keep_empty_features=True), StandardScaler(), LogisticRegression(max_iter=3000)
        ),
        "HistGradientBoosting": HistGradientBoostingClassifier(random_state=0),
    }


def out_of_fold(model: Any, table: Table) -> tuple[np.ndarray, np.ndarray, float]:
    """Probabilities of each row by a model that has not seen it, its fold, and the CPU seconds of fitting."""
    p, fold, seconds = np.zeros(len(table.y)), np.zeros(len(table.y), int), 0.0
    cv = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    for k, (train, test) in enumerate(cv.split(table.X, table.y)):
        begin = time.process_time()
        model.fit(table.X.iloc[train], table.y[train])
        seconds += time.process_time() - begin
        p[test], fold[test] = model.predict_proba(table.X.iloc[test])[:, 1], k
    return p, fold, seconds


def figures(y: np.ndarray, p: np.ndarray, fold: np.ndarray, costs: dict[str, float]) -> dict[str, float]:
    """Means over folds; the calibration error is that of all probabilities together."""
    parts = [fold == k for k in np.unique(fold)]
    money = [expected_maximum_profit(y[k], p[k], **costs, return_details=True) for k in parts]
    return {
        "auc": float(np.mean([roc_auc_score(y[k], p[k]) for k in parts])),
        "average_precision": float(np.mean([average_precision_score(y[k], p[k]) for k in parts])),
        "top_decile_lift": float(np.mean([top_decile_lift(y[k], p[k]) for k in parts])),
        "brier": float(np.mean([brier_score_loss(y[k], p[k]) for k in parts])),
        "calibration_error": expected_calibration_error(y, p),
        "empc": float(np.mean([found.profit for found in money])),
        "gain": float(np.mean([found.gain for found in money])),
    }


def run_table(table: Table, costs: ContactCosts, resampled: bool = False) -> dict[str, float]:
    """Judge all rivals on a table, look for leaks, explain, and record."""
    money = {"clv": costs.clv, "incentive_cost": costs.incentive_cost, "contact_cost": costs.contact_cost}
    metrics, lines = {}, [f"== {table.name} ==", table.words]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", FeatureWarning)
        scores = {name: out_of_fold(model, table) for name, model in rivals().items()}
        model = ChurnClassifier(costs=costs, random_state=0).fit(table.X, table.y)
    lines += sorted({str(entry.message) for entry in said if "left out" in str(entry.message)})
    rows = {name: figures(table.y, p, fold, money) for name, (p, fold, _) in scores.items()}
    shown = pd.DataFrame(rows).T.round({"auc": 4, "average_precision": 3, "top_decile_lift": 2, "brier": 4})
    lines.append(shown.round(4).to_string())
    metrics |= {f"{name}_{key}": value for name, row in rows.items() for key, value in row.items()}
    p, _, seconds = scores["ChurnClassifier"]
    metrics["fit_cpu_ratio"] = seconds / scores["HistGradientBoosting"][2]
    lines.append(f"CPU time to fit, over that of HistGradientBoosting: {metrics['fit_cpu_ratio']:.1f}.")
    for metric in (roc_auc_score, expected_maximum_profit):
        options = money if metric is expected_maximum_profit else {}
        found = bootstrap_interval(metric, table.y, p, n_resamples=200, random_state=0, **options)
        lines.append(f"{metric.__name__}, all folds together: {found.describe()}.")
    lines.append(expected_maximum_profit(table.y, p, **money, return_details=True).describe())
    lines.append(model.describe())
    lines.append(fold_leakage_report(table.X, table.y, StratifiedKFold(FOLDS, shuffle=True, random_state=0)).describe())
    if resampled:
        lines.append("Seeded leak, churners repeated before the split: " + oversampled(table).describe())
    try:
        lines.append(explain(model, table.X.iloc[:1000]).describe())
    except ImportError as missing:
        lines.append(f"No reasons: {missing}.")
    with tracking.track("churn", run_name=table.name, data=table.name, folds=FOLDS, **money) as run:
        run.log_metrics(metrics)
        run.log_text("\n".join(lines), "findings.txt")
        run.log_figure(LiftDisplay.from_predictions(table.y, p).plot().figure_, "gain.png")
        run.log_figure(ProfitDisplay.from_predictions(table.y, p, **money).plot().figure_, "profit.png")
        run.log_figure(ReliabilityDisplay.from_predictions(table.y, p).plot().figure_, "reliability.png")
    print("\n".join(lines), end="\n\n")
    return metrics


def oversampled(table: Table) -> Any:
    """The report on a table whose churners were repeated until classes balance, before any split."""
    churners, stayers = np.flatnonzero(table.y), np.flatnonzero(table.y == 0)
    if len(churners) > len(stayers):
        churners, stayers = stayers, churners
    more = np.random.default_rng(0).choice(churners, len(stayers) - len(churners))
    rows = np.concatenate([np.arange(len(table.y)), more])
    cv = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    return fold_leakage_report(table.X.iloc[rows].reset_index(drop=True), table.y[rows], cv)


def run_log(name: str, log: pd.DataFrame, horizon: float = 90) -> dict[str, float]:
    """Judge the embargo and seeded leaks on a log with customer_id, timestamp and, where known, value."""
    end = log["timestamp"].max().normalize() + pd.Timedelta(days=1)
    width = pd.Timedelta(days=horizon)
    cutoffs = [end - width - pd.Timedelta(days=GAP_DAYS * k) for k in reversed(range(N_CUTOFFS))]
    cutoffs = [cutoff for cutoff in cutoffs if cutoff > log["timestamp"].min()]
    if len(cutoffs) < 2 or cutoffs[0] + width > cutoffs[-2]:
        raise DataError([f"it is too short for an embargo of {horizon:g} days; take a shorter --horizon"], name)
    value = "value" if "value" in log else None

    def features(part: pd.DataFrame, cutoff: Any) -> Any:
        return snapshots(
            part,
            cutoffs=cutoff,
            horizon=horizon,
            features=["rfm", "rhythm", "trend"],
            value=value,
            observation_end=end if len(part) == len(log) else None,
            incomplete="raise" if len(part) == len(log) else "unlabelled",
        )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LogWarning)
        data = features(log, cutoffs)
    at = pd.to_datetime(data.groups["cutoff"])
    last = cutoffs[-1]
    test = (at == last).to_numpy()
    train = {
        "honest": (at + width <= last).to_numpy(),
        "without embargo": (at < last).to_numpy(),
    }
    lines, metrics = [f"== {name} ==", data.describe()], {}
    models = rivals_on_numbers()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FeatureWarning)
        for kind, rows in train.items():
            for key, model in models.items():
                given = {"groups": data.groups[rows]} if key == "ChurnClassifier" else {}
                model.fit(data.X[rows], data.y[rows], **given)
                metrics[f"auc_{kind.replace(' ', '_')}_{key}"] = roc_auc_score(
                    data.y[test], model.predict_proba(data.X[test])[:, 1]
                )
            part = [f"{key} {metrics[f'auc_{kind.replace(chr(32), chr(95))}_{key}']:.3f}" for key in models]
            lines.append(f"AUC at {last:%Y-%m-%d}, trained {kind}: " + ", ".join(part) + ".")
        lines += gaps(data, ~test, models, horizon, metrics)
        lines += seeded(log, features, cutoffs, metrics)
        before, after = data.at(cutoffs[0]).X, data.at(last).X
        lines.append("From the first cutoff to the last: " + drift_report(before, after).describe())
    with tracking.track("churn", run_name=name, data=name, horizon_days=horizon, cutoffs=len(cutoffs)) as run:
        run.log_metrics(metrics)
        run.log_text("\n".join(lines), "findings.txt")
    print("\n".join(lines), end="\n\n")
    return metrics


def gaps(data: Any, earlier: np.ndarray, models: dict, horizon: float, metrics: dict[str, float]) -> list[str]:
    """What a validation on the earlier cutoffs says of trees against a line, with and without the embargo."""
    kinds = {
        "SnapshotSplit": SnapshotSplit(1, horizon=horizon, random_state=0),
        "random folds": StratifiedKFold(FOLDS, shuffle=True, random_state=0),
    }
    lines = []
    later = metrics["auc_honest_HistGradientBoosting"] - metrics["auc_honest_LogisticRegression"]
    for kind, cv in kinds.items():
        auc = {
            key: cross_val_score(
                clone(models[key]),
                data.X[earlier].reset_index(drop=True),
                data.y[earlier],
                groups=data.groups[earlier].reset_index(drop=True) if isinstance(cv, SnapshotSplit) else None,
                cv=cv,
                scoring="roc_auc",
            ).mean()
            for key in ("HistGradientBoosting", "LogisticRegression")
        }
        gap = auc["HistGradientBoosting"] - auc["LogisticRegression"]
        metrics[f"gap_{kind.replace(' ', '_')}"] = float(gap)
        lines.append(
            f"Trees minus line in AUC, validated on earlier cutoffs by {kind}: {gap:+.3f}; on the later data: {later:+.3f}."
        )
    metrics["gap_later"] = float(later)
    return lines


def seeded(log: pd.DataFrame, features: Any, cutoffs: list, metrics: dict[str, float]) -> list[str]:
    """Whether each leak put in on purpose is found, and nothing where there is none."""
    last_cutoffs = cutoffs[:: max(1, len(cutoffs) // 2)]

    def table(part: pd.DataFrame, cutoff: Any) -> tuple[pd.DataFrame, Any]:
        data = features(part, cutoff)
        return data.X.set_index(pd.Index(data.customer_id, name="customer_id")), data

    def reaching(days: int) -> Any:
        def make(part: pd.DataFrame, cutoff: Any) -> pd.DataFrame:
            X, _ = table(part, cutoff)
            until = part[part["timestamp"] < cutoff + pd.Timedelta(days=days)]
            return X.assign(orders=until.groupby("customer_id").size().reindex(X.index).to_numpy())

        return make

    def by_recency(part: pd.DataFrame, cutoff: Any) -> Any:
        X, _ = table(part, cutoff)
        return X, (X["time_since_last"] > X["time_since_last"].median()).astype(int)  # each cutoff's own threshold

    makers = {
        "none": features,
        "label from recency": by_recency,
        "features one day into the horizon": reaching(1),
        "features seven days into the horizon": reaching(7),
    }
    lines = []
    for name, maker in makers.items():
        report = leakage_report(maker, log, last_cutoffs)
        metrics[f"leaks_found_{name.replace(' ', '_')}"] = float(len(report.columns))
        named = ", ".join(report.columns) if report.columns else "nothing"
        lines.append(f"Seeded leak, {name}: found {named}.")
    return lines


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, help="one row a customer with a label, CSV or Parquet")
    parser.add_argument("--label", help="column of the label; None looks for usual names")
    parser.add_argument(
        "--churned", help="the label's value that means churn; None takes words such as yes, else the rarer"
    )
    parser.add_argument("--log", type=Path, help="a transaction log, CSV or Parquet")
    parser.add_argument("--customer-id", default="customer_id")
    parser.add_argument("--timestamp", default="timestamp")
    parser.add_argument("--value", default=None)
    parser.add_argument("--horizon", type=float, default=90.0, help="days of silence that are churn, of a log")
    parser.add_argument("--clv", type=float, default=200.0, help="money, all three in one currency")
    parser.add_argument("--incentive-cost", type=float, default=10.0)
    parser.add_argument("--contact-cost", type=float, default=1.0)
    chosen = parser.parse_args(argv)
    tracking.disable_telemetry()
    costs = ContactCosts(chosen.clv, chosen.incentive_cost, chosen.contact_cost)
    if chosen.table:
        run_table(of_table(chosen.table.stem, read(chosen.table), chosen.label, chosen.churned), costs)
    elif chosen.log:
        log = read_log(chosen.log, chosen.customer_id, chosen.timestamp, chosen.value)
        run_log(chosen.log.stem, log, chosen.horizon)
    else:
        if at_hand("telco_churn.csv", "Telco-Customer-Churn.csv"):
            run_table(of_table("Telco", fetch_telco_churn(), "Churn", "Yes"), costs, resampled=True)
        if at_hand(*ONLINE_RETAIL):
            run_log("Online Retail", online_retail_lines().drop(columns="invoice"))
        if not os.environ.get("CRMML_DATA_HOME"):
            print("Telco and Online Retail are not at hand: set CRMML_DATA_HOME to the folder that has them.")


if __name__ == "__main__":
    main()
