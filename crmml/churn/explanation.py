"""Signed reasons for each customer's churn score, in the user's own columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from ..checks import check_count
from ..exceptions import DataError
from ..results import Result
from ..tables.encoding import ColumnEncoder
from ..tables.members import score_of
from ..typing import Estimator, FrameLike
from .classifier import ChurnClassifier
from .displays import ContributionDisplay

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Explanation(Result):
    """What each column adds to each customer's log-odds of churn.

    Attributes
    ----------
    contributions : DataFrame of shape (n, p)
        One row per customer and one column per feature, in log-odds; positive raises churn.
    baseline : float
        Log-odds that no column explains: about those of an average customer.
    score : ndarray of shape (n,)
        Log-odds of each customer (before an isotonic calibration, which knows no columns).
    values : DataFrame of shape (n, p)
        The features themselves.
    probability : ndarray of shape (n,)
        Of churn, as `ChurnClassifier.predict_proba` gives it.
    left_over : float
        Largest distance of baseline + contributions from the score; 0 up to rounding where the reasons are exact.
    """

    contributions: pd.DataFrame
    baseline: float
    score: np.ndarray
    values: pd.DataFrame
    probability: np.ndarray
    left_over: float

    def reasons(self, n: int = 3) -> pd.DataFrame:
        """The n strongest reasons of each customer.

        Parameters
        ----------
        n : int, default=3
            At least 1.

        Returns
        -------
        DataFrame
            row (position in X), rank, column, value (as given), effect (log-odds), and odds_ratio = exp(effect).
        """
        effects = self.contributions.to_numpy()
        n = min(check_count(n, "n", least=1), effects.shape[1])
        order = np.argsort(-np.abs(effects), axis=1, kind="stable")[:, :n]
        row = np.repeat(np.arange(len(effects)), n)
        column = order.ravel()
        names = self.contributions.columns.to_numpy()
        cells = self.values.to_numpy(dtype=object)
        return pd.DataFrame(
            {
                "row": row,
                "rank": np.tile(np.arange(1, n + 1), len(effects)),
                "column": names[column],
                "value": cells[row, column],
                "effect": effects[row, column],
                "odds_ratio": np.exp(effects[row, column]),
            }
        )

    def to_frame(self) -> pd.DataFrame:
        """Return the contributions, one row per customer and one column per feature."""
        return self.contributions.copy()

    def plot(self, ax: Axes | None = None) -> ContributionDisplay:
        """Draw the mean size of each column's contribution."""
        return ContributionDisplay.from_result(self).plot(ax=ax)

    def sentences(self, n: int = 3) -> list[str]:
        """One plain sentence for each customer: the probability and its strongest reasons."""
        effects, cells = self.contributions.to_numpy(), self.values.to_numpy(dtype=object)
        names = list(self.contributions.columns)
        found = []
        for row, order in enumerate(np.argsort(-np.abs(effects), axis=1, kind="stable")[:, :n]):
            parts = [
                f"{names[k]} = {_shown(cells[row, k])} ({'raises' if effects[row, k] > 0 else 'lowers'} the odds "
                f"{np.exp(abs(effects[row, k])):.2g} times)"
                for k in order
                if effects[row, k] != 0
            ]
            why = "; ".join(parts) if parts else "no column tells it from the average"
            found.append(f"Churn probability {self.probability[row]:.0%}: {why}.")
        return found

    def describe(self) -> str:
        """Say which columns matter most over all customers."""
        size = self.contributions.abs().mean().sort_values(ascending=False, kind="stable")
        top = ", ".join(f"{name} ({value:.2f})" for name, value in size.iloc[:5].items())
        return (
            f"Over {len(self.score):,} customers the columns that move the log-odds of churn most (mean size): {top}. "
            f"An average customer's probability is {expit(self.baseline):.1%}."
        )


def explain(classifier: Estimator, X: FrameLike, *, background: Any = None) -> Explanation:
    r"""Why each customer's churn score is what it is.

    A `ChurnClassifier` adds up log-odds: its intercept and the weighted scores of its members. So do the reasons. Of a linear
    or additive member, a column's reason is the sum of coefficient times distance from the background's mean over the outputs
    that came from it, which is exactly its Shapley value for independent columns [1]_. Of trees that add up log-odds
    (gradient boosting) the Shapley values are computed by the package shap [2]_, exactly, with the frequencies of the
    training rows; of any other classifier they are estimated by permutations against the background.

    Parameters
    ----------
    classifier : fitted ChurnClassifier
    X : frame of any engine, or array, of shape (n, p)
        Customers to explain.
    background : frame or array, default=None
        What an average customer is; None takes X.

    Returns
    -------
    Explanation

    Raises
    ------
    TypeError
        When the classifier is no `ChurnClassifier`, or wraps a pipeline that makes its own columns.
    ImportError
        When trees are to be explained and shap is not installed (the extra ``explain``).

    References
    ----------
    .. [1] Strumbelj, E. and Kononenko, I. (2014), Explaining prediction models and individual predictions with feature
       contributions. Knowledge and Information Systems 41, 647-665.
    .. [2] Lundberg, S. M. et al. (2020), From local explanations to global understanding with explainable AI for trees. Nature
       Machine Intelligence 2, 56-67.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"plan": ["basic", "gold"] * 500, "months": np.arange(1000) % 37})
    >>> y = rng.random(1000) < np.where(X["plan"] == "basic", 0.6, 0.2) - X["months"] / 200
    >>> found = explain(ChurnClassifier(LogisticRegression(), random_state=0).fit(X, y), X)
    >>> found.contributions.iloc[:2].round(1)
       plan  months
    0   0.9     0.5
    1  -0.9     0.5
    """
    if not isinstance(classifier, ChurnClassifier):
        raise TypeError(
            f"{type(classifier).__name__} is no ChurnClassifier; wrap it: ChurnClassifier(estimator).fit(X, y)."
        )
    check_is_fitted(classifier)
    table = classifier._table(X, reset=False)
    base = table if background is None else classifier._table(background, reset=False)
    if not len(table) or not len(base):
        raise DataError(["there are no rows to explain"], "the features")
    names = list(table.columns)
    total, baseline = np.zeros((len(table), len(names))), float(classifier.intercept_)
    score = np.full(len(table), float(classifier.intercept_))
    for name, member in classifier.members_.items():
        weight = classifier.weights_[name]
        if weight == 0:
            continue
        encoder, model = _parts(member)
        matrix, average = encoder.transform(table), encoder.transform(base)
        effects, start = _effects(model, matrix, average)
        by_column = np.zeros_like(total)
        np.add.at(by_column.T, encoder.origin_, effects.T)
        total += weight * by_column
        baseline += weight * start
        score += weight * score_of(model, matrix)
    left_over = float(np.abs(score - baseline - total.sum(axis=1)).max())
    contributions, probability = pd.DataFrame(total, columns=names), classifier._churn_probability(table)
    return Explanation(contributions, baseline, score, table.reset_index(drop=True), probability, left_over)


def _parts(member: Any) -> tuple[ColumnEncoder, Any]:
    if isinstance(member, Pipeline) and isinstance(member.steps[0][1], ColumnEncoder) and len(member.steps) == 2:
        return member.steps[0][1], member.steps[1][1]
    raise TypeError(
        "The classifier makes its own columns, whose names are not the caller's; give the bare classifier to "
        "ChurnClassifier, which encodes columns and remembers where each came from."
    )


def _effects(model: Any, matrix: np.ndarray, average: np.ndarray) -> tuple[np.ndarray, float]:
    """Contributions of the encoder's outputs in log-odds, shape (n, n_outputs), and where they start from."""
    if isinstance(model, Pipeline) and hasattr(model[-1], "coef_"):
        for step in model[:-1]:
            matrix, average = step.transform(matrix), step.transform(average)
        if matrix.shape[1] == model.n_features_in_:
            model = model[-1]
    if hasattr(model, "coef_") and np.shape(model.coef_) == (1, matrix.shape[1]):
        mean = average.mean(axis=0)
        coef = np.ravel(model.coef_)
        return (matrix - mean) * coef, float(np.ravel(model.intercept_)[0] + mean @ coef)
    try:
        import shap
    except ImportError:
        raise ImportError(
            f"reasons of {type(model).__name__} are computed by shap: pip install 'crmml[explain]'"
        ) from None
    if any(hasattr(model, name) for name in ("_predictors", "get_booster", "booster_")) or (
        type(model).__name__ == "GradientBoostingClassifier"
    ):
        found = shap.TreeExplainer(model)(matrix)
        values, start = found.values, found.base_values
        if np.ndim(values) == 3:
            values, start = values[:, :, 1], np.asarray(start)[:, 1]
        return np.asarray(values), float(np.ravel(start)[0])
    reference = average[np.linspace(0, len(average) - 1, min(len(average), 100)).astype(np.int64)]

    def log_odds(rows: np.ndarray) -> np.ndarray:
        return score_of(model, rows)

    masker = shap.maskers.Independent(reference, max_samples=len(reference))
    found = shap.explainers.Permutation(log_odds, masker, seed=0)(matrix, silent=True)
    return np.asarray(found.values), float(np.ravel(found.base_values)[0])


def _shown(value: Any) -> str:
    if value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return "missing"
    if isinstance(value, (float, np.floating)):
        return f"{value:.4g}"
    return str(value).strip() or "blank"
