"""The metrics under names that scikit-learn's model selection takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, make_scorer, roc_auc_score

from ..exceptions import shown
from ..typing import Label
from .calibration import expected_calibration_error
from .inputs import read_binary, require
from .profit import expected_maximum_profit, maximum_profit, profit_gain
from .ranking import normalized_gini, top_decile_lift
from .uplift import qini_score


def _roc_auc(y_true: Any, y_score: Any, *, churned: Label | None = None) -> float:
    """scikit-learn's, with labels of any two kinds."""
    return float(roc_auc_score(*read_binary(y_true, y_score, churned=churned)))


def _average_precision(y_true: Any, y_score: Any, *, churned: Label | None = None) -> float:
    """scikit-learn's, with labels of any two kinds."""
    return float(average_precision_score(*read_binary(y_true, y_score, churned=churned)))


def _brier_score(y_true: Any, y_prob: Any, *, churned: Label | None = None) -> float:
    """scikit-learn's, with labels of any two kinds."""
    return float(brier_score_loss(*read_binary(y_true, y_prob, probability=True, churned=churned)))


def _log_loss(y_true: Any, y_prob: Any, *, churned: Label | None = None) -> float:
    """scikit-learn's, with labels of any two kinds."""
    y, p = read_binary(y_true, y_prob, probability=True, churned=churned)
    return float(log_loss(y, p, labels=[False, True]))


def _of_label(y_true: Any, y_score: Any, *, metric: Callable, pos_label: Label, **options: Any) -> float:
    """A metric whose event is named: scikit-learn takes the model's column of ``pos_label``, wherever it stands."""
    return metric(y_true, y_score, churned=pos_label, **options)


#: name: (metric, what the model is asked for, whether more is better)
_SCORERS: dict[str, tuple[Callable, Any, bool]] = {
    "expected_maximum_profit": (expected_maximum_profit, ("predict_proba", "decision_function"), True),
    "maximum_profit": (maximum_profit, ("predict_proba", "decision_function"), True),
    "profit_gain": (profit_gain, ("predict_proba", "decision_function"), True),
    "top_decile_lift": (top_decile_lift, ("predict_proba", "decision_function"), True),
    "roc_auc": (_roc_auc, ("predict_proba", "decision_function"), True),
    "average_precision": (_average_precision, ("predict_proba", "decision_function"), True),
    "neg_expected_calibration_error": (expected_calibration_error, "predict_proba", False),
    "neg_brier_score": (_brier_score, "predict_proba", False),
    "neg_log_loss": (_log_loss, "predict_proba", False),
    "normalized_gini": (normalized_gini, "predict", True),
    "qini": (qini_score, "predict", True),
}


def get_scorer(name: str, *, churned: Label | None = None, **options: Any) -> Any:
    """Return a scorer by name, for ``scoring=`` of cross_validate, GridSearchCV and their kin.

    Parameters
    ----------
    name : str
        expected_maximum_profit, maximum_profit, profit_gain, top_decile_lift, neg_expected_calibration_error (metrics of
        this package); roc_auc, average_precision, neg_brier_score, neg_log_loss (scikit-learn's); normalized_gini, of
        regressors; qini, of uplift models (as their ``score``, with ``ties="line"``), which asks for
        ``set_score_request(treatment=True)`` where metadata are routed.
        Those with neg_ are losses with the sign turned, so that more is always better.
    churned : label, default=None
        The label that means churn, for labels that do not tell (1, true and yes do).
    **options
        Of the metric, such as clv and contact_cost.

    Returns
    -------
    scorer

    Raises
    ------
    DataError
        For a name that is not known, and ``churned`` for a metric without labels.

    Examples
    --------
    >>> get_scorer("expected_maximum_profit", clv=500)
    make_scorer(expected_maximum_profit, response_method=('predict_proba', 'decision_function'), clv=500)
    """
    require(
        []
        if isinstance(name, str) and name in _SCORERS
        else [f"{shown(name)} is not known; there are {', '.join(sorted(_SCORERS))}"],
        "the scorer",
    )
    metric, response, better = _SCORERS[name]
    known = list(inspect.signature(metric).parameters)[2:]
    unknown = [option for option in options if option not in known]
    takes = ", ".join(known) or "none"
    require([f"{option!r} is not an option of {name}; there are {takes}" for option in unknown], "the scorer")
    if churned is not None:
        without = [f"{name!r} takes no labels of churn; leave churned= out"] if response == "predict" else []
        require(without, "the scorer")
        options = {"metric": metric, "pos_label": churned, **options}
        metric = _of_label
    if name == "qini":
        options = {"ties": "line", **options}
    return make_scorer(metric, response_method=response, greater_is_better=better, **options)


def scorers(*names: str, churned: Label | None = None, **costs: Any) -> dict[str, Any]:
    """Return several scorers by name; costs go to those that take money. EMPC always brings its gain along.

    Parameters
    ----------
    *names : str
        None takes the classifiers' usual ones.
    churned : label, default=None
        As in `get_scorer`, for those of labels.
    **costs
        clv, incentive_cost, contact_cost.

    Returns
    -------
    dict

    Examples
    --------
    >>> sorted(scorers("roc_auc", "expected_maximum_profit", clv=500))
    ['expected_maximum_profit', 'profit_gain', 'roc_auc']
    """
    chosen = list(names) or [
        "roc_auc",
        "average_precision",
        "top_decile_lift",
        "expected_maximum_profit",
        "neg_brier_score",
        "neg_expected_calibration_error",
    ]
    if "expected_maximum_profit" in chosen and "profit_gain" not in chosen:
        chosen.insert(chosen.index("expected_maximum_profit") + 1, "profit_gain")
    known = set(inspect.signature(maximum_profit).parameters) | set(inspect.signature(profit_gain).parameters)
    unknown = [name for name in costs if name not in known - {"y_true", "y_score", "return_details"}]
    require([f"{name!r} is not a cost of these scorers" for name in unknown], "the scorers")
    money = {"expected_maximum_profit", "maximum_profit", "profit_gain"}
    return {
        name: get_scorer(
            name,
            churned=None if _SCORERS.get(name, ("", ""))[1] == "predict" else churned,
            **(costs if name in money else {}),
        )
        for name in chosen
    }
