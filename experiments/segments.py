"""The customer base at one glance: ``python -m experiments.segments``.

Three departments' records put into one, then, on Online Retail where it is found (``CRMML_DATA_HOME``) and on CDNOW: how
concentrated value is, the customer pyramid with both usual sets of shares, segments by recency, frequency and money, clusters,
cohorts, what moved between two halves of the time, and which key accounts are overdue. Or on a log of your own:

    python -m experiments.segments --log orders.csv --customer-id customer --timestamp day --value amount

The last half of the log is cut where its first half ends; tiers of both halves have the cut points of the first.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from crmml import tracking
from crmml.customers import assert_no_identifiers
from crmml.datasets import load_cdnow
from crmml.exceptions import LogWarning
from crmml.segments import (
    ClusterSegmenter,
    LorenzDisplay,
    MigrationFlowDisplay,
    PyramidDisplay,
    PyramidSegmenter,
    RFMGridDisplay,
    RFMSegmenter,
    SegmentWarning,
    concentration,
    fallen,
    key_accounts,
    migration,
    value_movement,
)
from crmml.transactions import CohortDisplay, clean, cohorts, summarize

from .customer_records import balance, sources, unify
from .sources import ONLINE_RETAIL, at_hand, online_retail_invoices, read_log

#: Shares of the tiers, both in use.
SHARES = {"1/4/15/80": (0.01, 0.04, 0.15, 0.80), "1/19/30/50": (0.01, 0.19, 0.30, 0.50)}
#: Share of the customers, by value, whose rhythm is watched.
KEY_SHARE = 0.05


def run_records(n: int = 2000, seed: int = 0) -> dict[str, float]:
    """Three conflicting tables into one, everything counted."""
    _, tables = sources(n, seed)
    customers, report = unify(tables)
    metrics = balance(tables, customers, report)
    lines = ["== three departments ==", report.describe()]
    lines.append(
        f"{metrics['values_given']:,.0f} values went in and {metrics['values_accounted_for']:,.0f} are accounted for; "
        f"{metrics['conflicting_values_reported']:,.0f} that lost or are spelt otherwise stand in the report, from which "
        f"{metrics['sources_restored_cell_by_cell']:.0f} of {len(tables)} tables come back cell by cell."
    )
    with tracking.track("segments", run_name="three departments", n=n, seed=seed) as run:
        run.log_metrics(metrics)
        run.log_text("\n".join(lines), "findings.txt")
    assert_no_identifiers(run.run_id, customers["tax_number"])
    print("\n".join(lines), end="\n\n")
    return metrics


def tiers_in_halves(log: pd.DataFrame, pyramid: PyramidSegmenter) -> tuple[pd.DataFrame, pd.DataFrame, pd.Timestamp]:
    """Each half's customers with value and tier; the pyramid is fitted to the first half."""
    first, last = log["timestamp"].min().normalize(), log["timestamp"].max().normalize()
    middle = first + (last - first) / 2
    middle = middle.normalize()
    halves = []
    for part in (log[log["timestamp"] < middle], log[log["timestamp"] >= middle]):
        halves.append(part.groupby("customer_id", as_index=False)["value"].sum())
    pyramid.fit(halves[0])
    before, after = (half.assign(segment=pyramid.predict(half)) for half in halves)
    return before, after, middle


def run_log(name: str, log: pd.DataFrame, money: str) -> dict[str, float]:
    """All segments of a log with customer_id, timestamp, value."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LogWarning)
        log, report = clean(log, value="value")
        summary = summarize(log, value="value", unit="D")
    total = log.groupby("customer_id", as_index=False)["value"].sum()
    lines, metrics, figures, tables = [f"== {name} ==", report.describe()], {}, {}, {}

    found = concentration(total["value"], random_state=0)
    lines.append(f"Value in {money}. {found.describe()}")
    metrics["gini"] = found.gini.estimate
    for label, shares in SHARES.items():
        pyramid = PyramidSegmenter(shares).fit(total)
        lines.append(f"Pyramid {label}:\n{pyramid.describe()}")
        profile = pyramid.profile()
        tag = label.replace("/", "_")
        metrics |= {
            f"value_share_{tag}_{row.segment}": row.value_share
            for row in profile.table.rename(columns={"share_of_value": "value_share"}).itertuples()
        }
        figures[f"pyramid_{tag}.png"] = PyramidDisplay.from_result(profile)
        tables[f"pyramid_{tag}.csv"] = profile.table
    figures["concentration.png"] = LorenzDisplay.from_result(found, shares=SHARES["1/4/15/80"], name=f"value, {money}")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SegmentWarning)
        rfm = RFMSegmenter().fit(summary)
        lines.append("Recency, frequency, money:\n" + rfm.describe())
        clusters = ClusterSegmenter(columns=["frequency", "recency", "T", "monetary_value"], random_state=0).fit(
            summary
        )
    lines.append("Clusters:\n" + clusters.describe())
    metrics["n_clusters"] = len(clusters.segments_)
    figures["rfm.png"] = RFMGridDisplay.from_estimator(rfm, summary)
    tables["rfm.csv"] = rfm.profile().table

    table = cohorts(log, value="value")
    figures["cohorts.png"] = CohortDisplay.from_result(table)
    tables["cohorts.csv"] = table.drop(columns="customers").rename(columns={"active": "customers"})
    one = table.query("age == 1").dropna()
    metrics["retention_first_month"] = float(np.average(one["retention"], weights=one["customers"]))
    lines.append(f"Of each month's new customers {metrics['retention_first_month']:.1%} buy in the next month.")

    moved(log, lines, metrics, figures)
    watched(log, lines, metrics)
    with tracking.track("segments", run_name=name, data=name, currency=money, key_share=KEY_SHARE) as run:
        run.log_metrics(metrics)
        run.log_text("\n".join(lines), "findings.txt")
        for file, figure in figures.items():
            run.log_figure(figure.plot().figure_, file)
        for file, content in tables.items():
            run.log_table(content, file, count="customers")
    print("\n".join(lines), end="\n\n")
    return metrics


def moved(log: pd.DataFrame, lines: list[str], metrics: dict[str, float], figures: dict[str, Any]) -> None:
    """What became of each tier from one half to the next."""
    pyramid = PyramidSegmenter()
    before, after, middle = tiers_in_halves(log, pyramid)
    chain = migration(before, after, order=pyramid.segments_)
    lines.append(f"From the half before {middle:%Y-%m-%d} to the half after it:\n{chain.describe()}")
    gone = chain.rupture_probability(1)
    metrics |= {f"gone_{tier}": float(gone[i]) for i, tier in enumerate(pyramid.segments_)}
    halves_left = chain.hitting_time()
    metrics |= {f"halves_to_loss_{tier}": float(halves_left[i]) for i, tier in enumerate(pyramid.segments_)}
    movement = value_movement(before, after, value="value", order=pyramid.segments_)
    lines.append(movement.describe())
    top = pyramid.segments_[0]
    lost = fallen(before, after, tier=top, value="value", order=pyramid.segments_)
    metrics["fallen_from_top"] = float(len(lost))
    lines.append(f"{len(lost)} of {(before['segment'] == top).sum()} customers fell from the tier {top!r}.")
    figures["migration.png"] = MigrationFlowDisplay.from_result(chain)


def watched(log: pd.DataFrame, lines: list[str], metrics: dict[str, float]) -> None:
    """Key accounts whose order is overdue."""
    report = key_accounts(log, accounts=KEY_SHARE, value="value", unit="D")
    metrics["key_accounts"], metrics["overdue"] = float(len(report.table)), float(len(report.overdue))
    lines.append(report.describe())


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--log", type=Path, help="a transaction log, CSV or Parquet")
    parser.add_argument("--customer-id", default="customer_id")
    parser.add_argument("--timestamp", default="timestamp")
    parser.add_argument("--value", default="value")
    parser.add_argument("--currency", default="the log's own currency")
    chosen = parser.parse_args(argv)
    tracking.disable_telemetry()
    if chosen.log:
        log = read_log(chosen.log, chosen.customer_id, chosen.timestamp, chosen.value)
        run_log(chosen.log.stem, log, chosen.currency)
        return
    run_records()
    run_log("CDNOW", load_cdnow()[["customer_id", "timestamp", "value"]], "US dollars")
    if at_hand(*ONLINE_RETAIL):
        run_log("Online Retail", online_retail_invoices(), "pounds sterling")
    else:
        print("Online Retail is not at hand: set CRMML_DATA_HOME to the folder that has it.")


if __name__ == "__main__":
    main()
