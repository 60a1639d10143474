"""Stages of relationships, rupture, the best lever and the policy: ``python -m experiments.relationship_stages``.

On the whole CDNOW log and, where it is found (``CRMML_DATA_HOME``), on Online Retail; or on a log or panel of your own:

    python -m experiments.relationship_stages --log orders.csv --customer-id customer --timestamp day --value amount
    python -m experiments.relationship_stages --panel stages.csv --rupture gone

Customers are staged by their own rhythm, learnt on the time before the split; the models are fitted to the moves before it
and judged by the log-loss of the next stage in the moves after it, against two baselines: the shares of the next stage in
training, and staying with the training stay-rate with the rest spread by those shares.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from crmml import tracking
from crmml.datasets import load_cdnow
from crmml.stages import (
    CovariateMarkovStageModel,
    LifecycleStager,
    MarkovStageModel,
    RuptureCurveDisplay,
    StageChain,
    StageDecisionProcess,
    StageFlowDisplay,
    StageSpace,
    TransitionHeatmapDisplay,
    to_panel,
)
from crmml.transactions import clean, stage_panel

from .sources import ONLINE_RETAIL, at_hand, online_retail_invoices, read, read_log

#: Share of the periods that comes before the split.
TRAIN_SHARE = 2 / 3
#: What the policy assumes of a contact, for want of logged actions: it keeps this share of those who would break.
KEPT_BY_A_CONTACT = 0.2
#: And costs this share of the mean spend a period of an active customer.
COST_OF_A_CONTACT = 0.02


@dataclass
class Study:
    """A staged customer base, split in time."""

    name: str
    space: StageSpace
    X: np.ndarray
    split: int
    period: str | None
    spend: np.ndarray | None
    words: str


def of_log(name: str, log: pd.DataFrame, period: str = "M") -> Study:
    """Stage a log with columns customer_id, timestamp and, where known, value."""
    log, report = clean(log, value="value" if "value" in log else None)
    months = log["timestamp"].dt.to_period("M")
    cut = months.min() + int((months.max() - months.min()).n * TRAIN_SHARE)
    stager = LifecycleStager(period=period).fit(log[months <= cut])
    long = stage_panel(log, stager=stager)
    X, ids = to_panel(long, stager.stages)
    first = pd.to_datetime(long["period"]).min().to_period("M")
    split = (cut - first).n + 1
    spend = None
    if "value" in log:
        who = pd.Index(ids).get_indexer(pd.Index(log["customer_id"]))
        column = np.array([(m - first).n for m in months])
        inside = (who >= 0) & (column >= 0) & (column < split)
        paid = np.zeros((len(ids), X.shape[1]))
        np.add.at(paid, (who[inside], column[inside]), log["value"].to_numpy()[inside])
        at = [(X[:, :split] == i) for i in range(len(stager.stages))]
        spend = np.array([paid[:, :split][mask].mean() if mask.any() else 0.0 for mask in at])
    return Study(name, stager.stages, X, split, period, spend, f"{report.describe()}\n{stager.describe()}")


def of_panel(path: Path, rupture: str | None, absorbing: bool, columns: tuple[str, str, str]) -> Study:
    """Read a long frame of stages, in the order in which the stages sort unless they are numbers."""
    long = read(path)
    customer, period, stage = columns
    names = tuple(str(name) for name in sorted(long[stage].dropna().unique()))
    long[stage] = long[stage].map(str, na_action="ignore")
    space = StageSpace(names, rupture=rupture, absorbing=(rupture,) if rupture and absorbing else ())
    X, _ = to_panel(long, space, customer_id=customer, period=period, stage=stage)
    return Study(
        path.stem, space, X, max(2, int(X.shape[1] * TRAIN_SHARE)), None, None, f"A panel of {X.shape[0]:,} customers."
    )


def tenure(X: np.ndarray) -> dict[str, np.ndarray]:
    """Return the logs of periods since the first observed one and of periods in the present stage, (n, T) each."""
    seen = ~np.isnan(X)
    age = np.where(seen.any(axis=1)[:, None], np.arange(X.shape[1]) - seen.argmax(axis=1)[:, None], 0)
    stay = np.zeros(X.shape)
    for t in range(1, X.shape[1]):
        stay[:, t] = np.where(X[:, t] == X[:, t - 1], stay[:, t - 1] + 1, 0)
    return {"age": np.log1p(np.maximum(age, 0)), "stay": np.log1p(stay)}


def log_losses(study: Study, matrices: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the mean log-loss of the next stage over the moves after the split, from stages that do not absorb."""
    who, t = np.nonzero(~np.isnan(study.X[:, :-1]) & ~np.isnan(study.X[:, 1:]))
    later = t >= study.split - 1
    origin, to = study.X[who, t].astype(int), study.X[who, t + 1].astype(int)
    open_ = ~study.space.absorbing_mask[origin]
    train, test = open_ & ~later, open_ & later
    n = len(study.space)
    share = np.bincount(to[train], minlength=n) + 0.5
    share = share / share.sum()
    stay = (origin[train] == to[train]).mean()
    rest = np.where(np.eye(n, dtype=bool), 0.0, share)
    sticky = stay * np.eye(n) + (1 - stay) * rest / rest.sum(axis=1, keepdims=True)
    losses = {
        "marginals": -np.log(share[to[test]]).mean(),
        "stay, rest by marginals": -np.log(sticky[origin[test], to[test]]).mean(),
    }
    for name, P in matrices.items():
        found = P[who[test], t[test], to[test]] if P.ndim == 3 else P[origin[test], to[test]]
        losses[name] = -np.log(np.maximum(found, 1e-12)).mean()
    return losses


def policy_of(chain: StageChain, spend: np.ndarray) -> str:
    """Return the policy under a stated assumption of what a contact does, in words."""
    rupture = chain.stages.rupture_mask
    P = np.array(chain.P)
    saved = KEPT_BY_A_CONTACT * P[:, rupture].sum(axis=1)
    inside = np.flatnonzero(chain.stages.transient_mask)
    P[np.ix_(inside, np.flatnonzero(rupture))] *= 1 - KEPT_BY_A_CONTACT
    P[inside, inside] += saved[inside]
    cost = float(COST_OF_A_CONTACT * spend[inside].mean())
    contact = StageChain(P, chain.stages, chain.period)
    process = StageDecisionProcess({"nothing": chain, "contact": contact}, spend, {"contact": cost}, 0.1)
    free = process.solve()
    year = process.evaluate(free.probabilities, horizon=12).cost
    lowest = process.solve(objective="rupture", budget=year / 2 if year > 0 else cost, horizon=12)
    return (
        f"Assumed, not measured: a contact costs {cost:.2f} and keeps {KEPT_BY_A_CONTACT:.0%} of those who would break that period "
        f"where they are.\n{free.describe()}\nWith half of what that costs in 12 periods the lowest rupture within 12 periods is "
        f"{100 * lowest.rupture:.1f} %."
    )


def run(study: Study) -> dict[str, float]:
    """Fit, judge, print and record one study; return its metrics."""
    train = study.X[:, : study.split]
    train = train[(~np.isnan(train)).any(axis=1)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        model = MarkovStageModel(study.space, prior=0.5, period=study.period).fit(train)
        second = MarkovStageModel(study.space, prior=0.5, order=2).fit(train)
        seen = (~np.isnan(study.X[:, : study.split])).any(axis=1)
        covariates = tenure(study.X)
        own = CovariateMarkovStageModel(study.space, unvisited="uniform").fit(
            train, covariates={name: values[seen, : study.split] for name, values in covariates.items()}
        )
        P = {"Markov": model.transition_matrix_, "Markov with tenure": own_matrices(own, study.X, covariates)}
    chain, losses = model.chain_, log_losses(study, P)
    metrics = {f"log_loss_{name.replace(' ', '_').replace(',', '')}": float(value) for name, value in losses.items()}
    lines = [f"== {study.name} ==", study.words, f"Stages: {', '.join(study.space.names)}."]
    share = [
        np.mean(study.X[:, study.split - 1][~np.isnan(study.X[:, study.split - 1])] == i)
        for i in range(len(study.space))
    ]
    lines.append(
        "At the split: "
        + ", ".join(f"{n} {100 * s:.1f} %" for n, s in zip(study.space.names, share, strict=True))
        + "."
    )
    lines.append(chain.describe())
    if study.space.rupture_mask.any():
        for name, value in zip(study.space.names, chain.rupture_probability(12), strict=True):
            metrics[f"rupture_12_{name}"] = float(value)
        if study.spend is not None:
            lines.append(policy_of(chain, study.spend))
    lines.append(model.order_test(train)[1].describe())
    lines.append(
        "Log-loss of the next stage after the split: " + ", ".join(f"{k} {v:.4f}" for k, v in losses.items()) + "."
    )
    with tracking.track("relationship-stages", run_name=study.name, data=study.name, split=study.split) as record:
        record.log_metrics(
            metrics | {"log_likelihood": model.log_likelihood_, "log_likelihood_order_two": second.log_likelihood_}
        )
        record.log_text("\n".join(lines), "findings.txt")
        record.log_figure(StageFlowDisplay.from_predictions(study.X, study.space).plot().figure_, "stage_flow.png")
        record.log_figure(TransitionHeatmapDisplay.from_result(chain).plot().figure_, "transitions.png")
        if study.space.rupture_mask.any():
            record.log_figure(RuptureCurveDisplay.from_result(chain).plot().figure_, "rupture.png")
    print("\n".join(lines), end="\n\n")
    return metrics


def own_matrices(model: CovariateMarkovStageModel, X: np.ndarray, covariates: dict[str, np.ndarray]) -> np.ndarray:
    """Return the distribution of the next stage of each customer and period, (n, T, n_stages)."""
    n, T = X.shape
    P = model.transition_matrices({name: values.ravel() for name, values in covariates.items()}, n * T)
    origin = np.where(np.isnan(X), 0, X).astype(int).ravel()
    return P[np.arange(n * T), origin].reshape(n, T, -1)


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--log", type=Path, help="a transaction log, CSV or Parquet")
    parser.add_argument("--panel", type=Path, help="a long frame of stages, CSV or Parquet")
    parser.add_argument("--customer-id", default="customer_id")
    parser.add_argument("--timestamp", default="timestamp")
    parser.add_argument("--value", default=None)
    parser.add_argument("--period", default="period")
    parser.add_argument("--stage", default="stage")
    parser.add_argument("--rupture", default=None, help="the stage of a panel in which the relationship is broken")
    parser.add_argument("--absorbing", action="store_true", help="rupture is never left")
    chosen = parser.parse_args(argv)
    tracking.disable_telemetry()
    if chosen.panel:
        columns = (chosen.customer_id, chosen.period, chosen.stage)
        run(of_panel(chosen.panel, chosen.rupture, chosen.absorbing, columns))
    elif chosen.log:
        run(of_log(chosen.log.stem, read_log(chosen.log, chosen.customer_id, chosen.timestamp, chosen.value)))
    else:
        run(of_log("CDNOW", load_cdnow()[["customer_id", "timestamp", "value"]]))
        if at_hand(*ONLINE_RETAIL):
            run(of_log("Online Retail", online_retail_invoices()))
        else:
            print("Online Retail is not at hand: set CRMML_DATA_HOME to the folder that has it.")


if __name__ == "__main__":
    main()
