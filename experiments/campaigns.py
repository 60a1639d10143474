"""Whom an e-mail changes, whom to send it to, and what that earns: ``python -m experiments.campaigns``.

On Hillstrom's e-mails where they are found (``CRMML_DATA_HOME``), else on a simulated campaign; or on a campaign of your own, one
row a customer with the arm and the outcome:

    python -m experiments.campaigns --table sent.csv --treatment letter --outcome bought --drop order_id,spend --value 20 --cost 0.5

Uplift models are judged by five folds stratified on arm and outcome (seed 0): the Qini of each fold by customers that the model has
not seen, its mean over folds, an interval by drawing customers again, and a test against drawing lots. A plan within a budget is then
made for one half of the customers by a model of the other half, and judged by what the arms of its own half did.
"""

from __future__ import annotations

import argparse
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from crmml import DataError, tracking
from crmml.campaigns import (
    BudgetDisplay,
    SLearner,
    Targeting,
    TargetingPlan,
    TLearner,
    TransformedOutcome,
    UpliftCalibrationDisplay,
    UpliftDisplay,
    XLearner,
)
from crmml.campaigns._arms import read_arms
from crmml.campaigns._outcomes import is_binary, read_outcome
from crmml.datasets import fetch_hillstrom, make_campaign
from crmml.exceptions import FeatureWarning
from crmml.metrics import qini_score, random_targeting_test, uplift_at_k, uplift_calibration_error

from .sources import at_hand, read

FOLDS, N_RESAMPLES, N_PERMUTATIONS, COVERAGE = 5, 200, 199, 0.9
#: Names of columns that are taken where none are said.
TREATMENT_WORDS = ("treatment", "treated", "arm", "group", "segment", "variant")
OUTCOME_WORDS = ("outcome", "response", "visit", "conversion", "converted", "bought", "y")
#: What a unit of the outcome is worth and a contact costs where nobody says; the budget pays for half of the customers.
VALUE, COST, BUDGET_SHARE, HOLDOUT, N_BOOTSTRAP = 1.0, 0.04, 0.5, 0.1, 50
HILLSTROM_FEATURES = ["recency", "history", "mens", "womens", "newbie"]


@dataclass(frozen=True)
class Campaign:
    """Customers of one arm and of the control, with features, arm and outcome.

    Attributes
    ----------
    name : str
    X : DataFrame
    y : ndarray
    treated : ndarray
        1 and 0.
    words : str
    propensity : float or None
        Probability of being treated, where the design tells it; None estimates it.
    truth : ndarray or None
        Uplift of each customer, where the data are simulated.
    """

    name: str
    X: pd.DataFrame
    y: np.ndarray
    treated: np.ndarray
    words: str
    propensity: float | None = None
    truth: np.ndarray | None = None


@dataclass(frozen=True)
class Judged:
    """Uplift of each customer by a model that has not seen them, and its Qini.

    Attributes
    ----------
    uplift : ndarray
    qini : float
        Mean over folds.
    by_fold : list of float
    drawn : ndarray of shape (n_resamples,)
        The same with customers drawn again within folds, the same customers for every model.
    """

    uplift: np.ndarray
    qini: float
    by_fold: list[float]
    drawn: np.ndarray


def rivals(binary: bool) -> dict[str, Any]:
    """The learners as they come, and those of the published protocol."""
    trees: Any = HistGradientBoostingClassifier if binary else HistGradientBoostingRegressor
    line = LogisticRegression(max_iter=2000) if binary else LinearRegression()
    return {
        "SLearner": SLearner(random_state=0),
        "TLearner": TLearner(random_state=0),
        "XLearner": XLearner(random_state=0),
        "TransformedOutcome": TransformedOutcome(random_state=0),
        "T-HGB": TLearner(trees(random_state=0)),
        "T-LogReg" if binary else "T-Linear": TLearner(make_pipeline(StandardScaler(), line), random_state=0),
        "X-HGB": XLearner(trees(random_state=0), HistGradientBoostingRegressor(random_state=0)),
    }


def judge(
    campaign: Campaign, models: dict[str, Any] | None = None, n_resamples: int = N_RESAMPLES
) -> dict[str, Judged]:
    """All rivals and a random order, on the same folds and the same customers drawn again."""
    y, treated = campaign.y, campaign.treated
    strata = 2 * treated + (y > 0 if not is_binary(y) else y)
    folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(campaign.X, strata))
    models = rivals(is_binary(y)) if models is None else models
    scores = {name: np.zeros(y.size) for name in models}
    for train, test in folds:
        for name, model in models.items():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FeatureWarning)
                fitted = clone(model).fit(
                    campaign.X.iloc[train], y[train], treatment=treated[train], propensity=campaign.propensity
                )
            scores[name][test] = fitted.predict(campaign.X.iloc[test])
    scores["random"] = np.zeros(y.size)
    for _, test in folds:
        scores["random"][test] = np.random.default_rng(0).random(test.size)
    rng = np.random.default_rng(0)
    drawn: dict[str, list[float]] = {name: [] for name in scores}
    for _ in range(n_resamples):
        parts = [test[rng.integers(0, test.size, test.size)] for _, test in folds]
        for name, score in scores.items():
            drawn[name].append(float(np.mean([qini_score(y[rows], score[rows], treated[rows]) for rows in parts])))
    found = {}
    for name, score in scores.items():
        by_fold = [qini_score(y[test], score[test], treated[test]) for _, test in folds]
        found[name] = Judged(score, float(np.mean(by_fold)), by_fold, np.asarray(drawn[name]))
    return found


def interval(values: np.ndarray) -> tuple[float, float]:
    """Of values drawn again."""
    lower, upper = np.quantile(values, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return float(lower), float(upper)


def average_effect(campaign: Campaign) -> tuple[float, float]:
    """Difference of mean outcomes and its standard error."""
    arms = [campaign.y[campaign.treated == k] for k in (0, 1)]
    return float(arms[1].mean() - arms[0].mean()), float(np.sqrt(sum(part.var(ddof=1) / part.size for part in arms)))


def uplift_study(campaign: Campaign) -> tuple[dict[str, Judged], dict[str, float], list[str]]:
    """Judge the learners; what was found as figures and as sentences."""
    effect, error = average_effect(campaign)
    z = float(ndtri(0.5 + COVERAGE / 2))
    metrics = {"average_effect": effect, "average_effect_error": error}
    lines = [
        campaign.words,
        f"Average effect {effect:.5f} ± {error:.5f} ({COVERAGE:.0%} interval {effect - z * error:.5f} to {effect + z * error:.5f}).",
    ]
    judged = judge(campaign)
    rows = {}
    for name, found in judged.items():
        lower, upper = interval(found.drawn)
        test = random_targeting_test(
            campaign.y, found.uplift, campaign.treated, n_resamples=N_PERMUTATIONS, random_state=0
        )
        row = {"qini": found.qini, "lower": lower, "upper": upper, "p_random": test.p_value}
        row["uplift_at_30"] = uplift_at_k(campaign.y, found.uplift, campaign.treated, share=0.3)
        if name != "random":
            row["calibration"] = uplift_calibration_error(campaign.y, found.uplift, campaign.treated)
        if campaign.truth is not None:
            row["true_correlation"] = float(np.corrcoef(found.uplift, campaign.truth)[0, 1])
        rows[name] = row
    metrics |= {f"{name}_{key}": value for name, row in rows.items() for key, value in row.items()}
    shown = pd.DataFrame(rows).T
    lines.append(f"Qini, mean of {FOLDS} folds, with its {COVERAGE:.0%} interval; p against targeting at random:")
    lines.append(shown.round(4).to_string(na_rep=""))
    tried = [row["p_random"] for name, row in rows.items() if name != "random"]
    lines.append(
        f"The smallest p is {min(tried):.3f}; {len(tried)} models were tried, so that it counts as "
        f"{min(1.0, len(tried) * min(tried)):.3f}."
    )
    best = max((name for name in judged if name != "random"), key=lambda name: judged[name].qini)
    apart = [name for name, row in rows.items() if row["lower"] > 0]
    lines.append(
        f"Whose {COVERAGE:.0%} interval lies above 0: {', '.join(apart) or 'none, so nobody is known to be worth more than another'}."
    )
    for name in judged:
        if name not in (best, "random"):
            lower, upper = interval(judged[best].drawn - judged[name].drawn)
            metrics[f"{best}_over_{name}_lower"], metrics[f"{best}_over_{name}_upper"] = lower, upper
            verdict = "better" if lower > 0 else "not told apart"
            lines.append(
                f"{best} less {name}: {judged[best].qini - judged[name].qini:+.4f} ({lower:+.4f} to {upper:+.4f}), {verdict}."
            )
    return judged, metrics, lines


def targeting_study(
    campaign: Campaign, value: float, cost: float, budget: float | None = None
) -> tuple[TargetingPlan, dict[str, float], list[str]]:
    """Plan contacts for one half by a linear model of the other half; judged by the randomised arms of the planned half.

    Among those whom the plan chooses, treated less controls in their mean outcome is what a contact does, whatever the model
    believed; the same for as many customers drawn by lot.
    """
    y, treated = campaign.y, campaign.treated
    strata = 2 * treated + (y > 0)
    train, test = next(StratifiedKFold(2, shuffle=True, random_state=0).split(campaign.X, strata))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FeatureWarning)
        model = TLearner(n_resamples=N_BOOTSTRAP, random_state=0).fit(
            campaign.X.iloc[train], y[train], treatment=treated[train], propensity=campaign.propensity
        )
        part = campaign.X.iloc[test]
        uplift, draws = model.predict(part), model.sample(part)
    budget = BUDGET_SHARE * cost * len(test) if budget is None else budget
    plan = Targeting(budget, holdout=HOLDOUT, random_state=0).plan(uplift, value=value, cost=cost, draws=draws)
    chosen = plan.chosen >= 0
    lines = [
        f"A plan for {len(test):,} customers, a unit of the outcome being worth {value:g} and a contact costing {cost:g} "
        "(--value and --cost; what nobody said is ASSUMED).",
        plan.describe(),
    ]
    metrics = {"planned_contacts": float(chosen.sum()), "planned_profit": plan.planned_profit}
    if chosen.any() and not chosen.all():
        by_plan = _earned(y[test], treated[test], chosen, value, cost)
        metrics |= {"earned_a_contact": by_plan[0], "earned_a_contact_error": by_plan[1]}
        by_lot = _earned(y[test], treated[test], np.ones(len(test), dtype=bool), value, cost)
        z = float(ndtri(0.5 + COVERAGE / 2))
        lines.append(
            f"Judged by the arms: a contact of the plan earns {by_plan[0]:.4f} ({COVERAGE:.0%} interval "
            f"{by_plan[0] - z * by_plan[1]:.4f} to {by_plan[0] + z * by_plan[1]:.4f}), {uplift[chosen].mean() * value - cost:.4f} "
            f"were expected; one drawn by lot {by_lot[0]:.4f} ({by_lot[0] - z * by_lot[1]:.4f} to {by_lot[0] + z * by_lot[1]:.4f})."
        )
        metrics["earned_a_contact_by_lot"] = by_lot[0]
    return plan, metrics, lines


def _earned(y: np.ndarray, treated: np.ndarray, rows: np.ndarray, value: float, cost: float) -> tuple[float, float]:
    """What a contact among these customers earns after its cost, and the standard error."""
    arms = [y[rows & (treated == k)] for k in (1, 0)]
    error = np.sqrt(sum(part.var(ddof=1) / part.size for part in arms))
    return float(value * (arms[0].mean() - arms[1].mean()) - cost), float(value * error)


def run(campaign: Campaign, value: float = VALUE, cost: float = COST, budget: float | None = None) -> dict[str, float]:
    """Judge the learners on a campaign, plan the next one, say it, and record it."""
    judged, metrics, lines = uplift_study(campaign)
    ours = judged["XLearner"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FeatureWarning)
        model = XLearner(random_state=0).fit(
            campaign.X, campaign.y, treatment=campaign.treated, propensity=campaign.propensity
        )
    lines.append(model.describe())
    plan, figures, said = targeting_study(campaign, value, cost, budget)
    metrics |= figures
    lines += said
    settings = {"data": campaign.name, "folds": FOLDS, "value": value, "cost": cost, "holdout": HOLDOUT}
    with tracking.track("campaigns", run_name=campaign.name, **settings) as active:
        active.log_metrics(metrics)
        given = campaign.y, ours.uplift, campaign.treated
        curve = UpliftDisplay.from_predictions(*given, n_resamples=N_RESAMPLES, random_state=0, name="XLearner")
        active.log_figure(curve.plot().figure_, "uplift.png")
        active.log_figure(UpliftCalibrationDisplay.from_predictions(*given).plot().figure_, "calibration.png")
        if plan.n_contacts:
            active.log_figure(BudgetDisplay.from_result(plan).plot().figure_, "budget.png")
        active.log_text("\n".join(lines), "findings.txt")
    print("\n".join([f"== {campaign.name} ==", *lines]), end="\n\n")
    return metrics


# ---- data -----------------------------------------------------------------------------------------------------------


def hillstrom(arm: str = "Womens E-Mail", outcome: str = "visit", frame: pd.DataFrame | None = None) -> Campaign:
    """One arm of Hillstrom's e-mails against none; what was spent and converted afterwards is no feature."""
    frame = fetch_hillstrom() if frame is None else frame
    frame = frame[frame["segment"].isin([arm, "No E-Mail"])].reset_index(drop=True)
    kinds = pd.get_dummies(frame[["zip_code", "channel"]], dtype=float)
    treated = (frame["segment"] == arm).astype(int).to_numpy()
    y = frame[outcome].to_numpy(dtype=np.float64)
    words = f"{len(y):,} customers, {treated.sum():,} of them in arm {arm!r}, the others sent none; outcome {outcome}."
    return Campaign(f"Hillstrom, {arm}", frame[HILLSTROM_FEATURES].join(kinds), y, treated, words, 0.5)


def simulated(n_customers: int = 12_000) -> Campaign:
    """A campaign whose true uplift is known."""
    data, truth = make_campaign(n_customers, effect=0.05, baseline=0.2, return_truth=True, random_state=0)
    words = f"{n_customers:,} simulated customers, half of them treated; the true mean uplift is {truth.mean():.3f}."
    X = data.drop(columns=["treatment", "outcome"])
    y = data["outcome"].to_numpy(dtype=np.float64)
    return Campaign("simulated", X, y, data["treatment"].to_numpy(), words, 0.5, truth)


def of_table(
    name: str,
    frame: pd.DataFrame,
    treatment: str | None = None,
    outcome: str | None = None,
    control: str | None = None,
    drop: tuple[str, ...] = (),
    propensity: float | None = None,
) -> list[Campaign]:
    """One campaign for each arm of a table beside the control.

    Raises
    ------
    DataError
        For columns that are not there, and arms or outcomes that cannot be used.
    """
    treatment = _named(name, frame, treatment, TREATMENT_WORDS, "--treatment")
    outcome = _named(name, frame, outcome, OUTCOME_WORDS, "--outcome")
    if missing := [column for column in drop if column not in frame]:
        raise DataError([f"there is no column {column!r} to drop" for column in missing], name)
    y = read_outcome(frame[outcome], len(frame))
    column = frame[treatment]
    if control is not None and control not in column.unique().tolist():
        column = column.astype(str)
    arms = read_arms(column, control, len(frame))
    X = frame.drop(columns=[treatment, outcome, *drop])
    campaigns = []
    for k, arm in enumerate(arms.treated, start=1):
        rows = np.isin(arms.code, (0, k))
        treated = (arms.code[rows] == k).astype(int)
        words = (
            f"{rows.sum():,} customers, {treated.sum():,} of them in arm {arm!r} and the others in {arms.control!r}; "
            f"outcome {outcome}; features {', '.join(map(str, X))} (leave out, with --drop, whatever was not known before "
            "the campaign)."
        )
        called = name if len(arms.treated) == 1 else f"{name}, {arm}"
        part = X[rows].reset_index(drop=True)
        campaigns.append(Campaign(called, part, y[rows], treated, words, propensity))
    return campaigns


def _named(name: str, frame: pd.DataFrame, given: str | None, words: tuple[str, ...], option: str) -> str:
    there = ", ".join(map(str, frame))
    if given is None:
        found = [column for word in words for column in frame if str(column).strip().lower() == word]
        if not found:
            raise DataError([f"no column has a usual name; say {option}; there are {there}"], name)
        return found[0]
    if given not in frame:
        raise DataError([f"there is no column {given!r}; there are {there}"], name)
    return given


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, help="one row a customer with arm and outcome, CSV or Parquet")
    parser.add_argument("--treatment", help="column of the arm; None looks for usual names")
    parser.add_argument("--outcome", help="column of the outcome, 0 and 1 or an amount; None looks for usual names")
    parser.add_argument("--control", help="the arm that is the control; None takes 0 or a name such as none")
    parser.add_argument("--propensity", type=float, help="probability of being treated; None estimates it")
    parser.add_argument("--drop", default="", help="columns that are no features, separated by commas")
    parser.add_argument("--value", type=float, default=VALUE, help="money that a unit of the outcome is worth")
    parser.add_argument("--cost", type=float, default=COST, help="money that a contact costs, in the same currency")
    parser.add_argument("--budget", type=float, help="money for the planned half; None pays for half of its customers")
    chosen = parser.parse_args(argv)
    tracking.quiet()
    if chosen.table:
        drop = tuple(part.strip() for part in chosen.drop.split(",") if part.strip())
        options = chosen.treatment, chosen.outcome, chosen.control, drop, chosen.propensity
        campaigns = of_table(chosen.table.stem, read(chosen.table), *options)
    elif at_hand("hillstrom.csv"):
        frame = fetch_hillstrom()
        campaigns = [hillstrom(arm, frame=frame) for arm in ("Womens E-Mail", "Mens E-Mail")]
    else:
        print(
            "Hillstrom's e-mails are not at hand (set CRMML_DATA_HOME to the folder that has hillstrom.csv): simulated."
        )
        campaigns = [simulated()]
    for campaign in campaigns:
        run(campaign, chosen.value, chosen.cost, chosen.budget)


if __name__ == "__main__":
    main()
