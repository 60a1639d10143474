"""A churn classifier for tables as they come: honest probabilities, a threshold that pays, and whom to contact."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.base import BaseEstimator, clone
from sklearn.isotonic import IsotonicRegression
from sklearn.pipeline import Pipeline
from sklearn.utils import compute_class_weight, get_tags
from sklearn.utils._param_validation import HasMethods, Interval, Options, StrOptions
from sklearn.utils.validation import check_is_fitted

from .. import frames
from ..checks import check_random_state
from ..exceptions import DataError, FeatureWarning, warn
from ..fitting import atomic
from ..frames.numbers import check_sample_weight
from ..tables.encoding import ColumnEncoder, kinds_of, left_out, no_columns
from ..tables.members import default_members, fit_blend, fit_member, member_of, score_of
from ..tables.reading import TableMixin
from ..typing import ArrayLike, Estimator, FrameLike, Label, Seed
from ._folds import customers_of, inner_folds, on_later_cutoffs
from ._labels import LabelledMixin, labels_of
from ._thresholds import best_threshold, beta_of
from .costs import ContactCosts


class ChurnClassifier(TableMixin, LabelledMixin, BaseEstimator):
    """Classifier of churn on mixed columns, calibrated on held-out data, with a threshold by profit.

    The columns are encoded (text that reads as numbers becomes numbers, blanks are missing, categories never seen count as
    rare ones). Without an ``estimator`` there are two members, an additive logistic regression on splines, best where
    effects add up, and shallow boosted trees, best where columns interact; with one it is the only member. Members are
    scored on rows they were not fitted on: later cutoffs where ``groups`` tells of cutoffs, else folds. On these scores
    the probability is

        p = expit(c + Σ_m w_m · logit p_m),   w_m ≥ 0,

    by maximum likelihood: with two members a stack [1]_ that gives weight to what predicts, with one Platt's
    calibration [2]_. Members are then fitted again on all rows.

    Parameters
    ----------
    estimator : classifier, default=None
        None takes the stack.
    calibrate : {"sigmoid", "isotonic", None}, default="sigmoid"
        "sigmoid" as above; "isotonic" follows it by isotonic regression (for many rows); None takes a given estimator's
        own probabilities, and of the stack the weights without the intercept, scaled to sum to 1.
    threshold : {"profit", "f1", "f2", "f0.5"} or float, default="profit"
        Probability from which ``predict`` says churn. "profit": the break-even of ``costs``; where costs differ between
        customers, or ``calibrate`` is None, the threshold with the highest profit on held-out rows. "f1" and its kin: the
        highest F-score on held-out rows.
    costs : ContactCosts or mapping of its fields, default=None
        None takes the literature's 200, 10, 1 and 0.3; they are nobody's own.
    class_weight : {"balanced"}, mapping of label to weight, or None, default=None
        Weight of the classes when members are fitted; calibration is without it, so probabilities stay honest.
    cv : int, splitter or iterable, default=5
        Inner folds where no cutoffs are known; a splitter is given ``groups``.
    encode : {"auto"} or bool, default="auto"
        Whether a given estimator gets encoded columns; "auto" does unless it is a Pipeline that begins with a
        ColumnTransformer, FeatureUnion, FunctionTransformer or ModelFeatures, which take the raw columns themselves.
    churned : label, default=None
        The label that means churn, as in churned="left". None takes 1 (against 0 or -1), true and yes for it, and of other
        numbers the larger, with a warning; other labels are refused, as they do not tell.
    random_state : int, RandomState or None, default=None

    Attributes
    ----------
    classes_ : ndarray of shape (2,)
        The second is churn.
    members_ : dict of str to classifier
    weights_ : dict of str to float
        Weight of each member's log-odds.
    intercept_ : float
    threshold_ : float
        Infinite where contacting never pays.
    threshold_rule_ : str
        How it came about, in words.
    held_out_ : str
        What calibration and threshold were chosen on, in words.
    n_features_in_, feature_names_in_

    References
    ----------
    .. [1] Breiman, L. (1996), Stacked regressions. Machine Learning 24, 49–64.
    .. [2] Platt, J. C. (1999), Probabilistic outputs for support vector machines. Advances in Large Margin Classifiers, 61–74.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"contract": rng.choice(["month", "year"], 600), "charge": rng.gamma(4, 10, 600).round(2)})
    >>> y = np.where(rng.random(600) < np.where(X["contract"] == "month", 0.5, 0.1), "Yes", "No")
    >>> costs = {"clv": 300, "incentive_cost": 20, "contact_cost": 2}
    >>> model = ChurnClassifier(costs=costs, random_state=0).fit(X, y)
    >>> model.predict(X.head(3)).tolist()
    ['No', 'No', 'No']
    >>> model.decide(X.head(3)).round(2)
       churn_probability  contact  expected_profit
    0               0.13    False            -8.63
    1               0.14    False            -7.07
    2               0.13    False            -8.67
    """

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods(["fit"]), None],
        "calibrate": [StrOptions({"sigmoid", "isotonic"}), None],
        "threshold": [str, Interval(Real, 0, 1, closed="both")],
        "costs": [ContactCosts, dict, None],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "cv": ["cv_object"],
        "encode": [StrOptions({"auto"}), Options(bool, {True, False})],
        "churned": [str, Real, np.bool_, None],
        "random_state": ["random_state"],
    }

    feature_names_in_: np.ndarray

    def __init__(
        self,
        estimator: Estimator | None = None,
        *,
        calibrate: str | None = "sigmoid",
        threshold: str | float = "profit",
        costs: Any = None,
        class_weight: Any = None,
        cv: Any = 5,
        encode: str | bool = "auto",
        churned: Label | None = None,
        random_state: Seed = None,
    ):
        self.estimator = estimator
        self.calibrate = calibrate
        self.threshold = threshold
        self.costs = costs
        self.class_weight = class_weight
        self.cv = cv
        self.encode = encode
        self.churned = churned
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        given = self.estimator if self.encode is False else None
        tags.input_tags.allow_nan = given is None or get_tags(given).input_tags.allow_nan
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags

    @atomic
    def fit(
        self,
        X: FrameLike,
        y: ArrayLike,
        *,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        clv: ArrayLike | None = None,
        incentive_cost: ArrayLike | None = None,
        contact_cost: ArrayLike | None = None,
        acceptance: ArrayLike | None = None,
    ) -> ChurnClassifier:
        """Fit members, weights, calibration and threshold.

        Parameters
        ----------
        X : frame of any engine, or array, of shape (n, p)
        y : array of shape (n,)
            Two labels, none missing; ``churned`` says which is churn where they do not tell.
        sample_weight : array of shape (n,), default=None
            Not negative; rows of weight 0 are as if they were not there.
        groups : frame or SnapshotData, or array of shape (n,), default=None
            ``data.groups`` of snapshots: calibration is then on later cutoffs. An array of customers keeps them apart in
            the inner folds.
        clv, incentive_cost, contact_cost, acceptance : float or array of shape (n,), default=None
            Money for each row in the choice of the threshold; None takes ``costs``.

        Raises
        ------
        DataError
            Labels that are missing, not two or do not tell which is churn, columns that cannot be read, costs out of
            range or of another length, rows of other labels than X's, no column left to learn from.

        Warns
        -----
        FeatureWarning
            For columns left out, and where no later data, or too little of any, is there to calibrate on.
        """
        self._validate_params()
        beta_of(self.threshold)
        money = {"clv": clv, "incentive_cost": incentive_cost, "contact_cost": contact_cost, "acceptance": acceptance}
        frames.check_aligned("the rows", X=X, y=y, sample_weight=sample_weight, groups=groups, **money)
        table = self._table(X, reset=True)
        self.classes_, labels = labels_of(type(self).__name__, y, len(table), self.churned)
        weight = None
        if sample_weight is not None:
            weight = check_sample_weight(sample_weight, len(table))
        there = np.ones(len(table), dtype=bool) if weight is None else weight > 0
        if np.unique(labels[there]).size < 2:
            raise DataError(
                ["only one class has weights above 0; churners and stayers are both needed"], "sample_weight"
            )
        costs = ContactCosts.of(self.costs, **money)
        costs.check_length(len(table))
        customers = customers_of(groups, len(table))
        kinds = kinds_of(table[there], None if customers is None else customers[there])
        seed = check_random_state(self.random_state).randint(2**31 - 1)
        members = (
            default_members(table[there], kinds, seed)
            if self.estimator is None
            else {"estimator": member_of(self.estimator, self.encode, kinds)}
        )
        encoded = any(_encodes(member) for member in members.values())
        if encoded and no_columns(kinds):
            raise DataError([*left_out(kinds), "no column is left to learn from"], "the features")
        fit_weight = self._with_class_weight(labels, weight)
        self._fit_blend(members, table, labels, weight, fit_weight, groups, costs, seed)
        part = None if fit_weight is None else fit_weight[there]
        self.members_ = {
            name: fit_member(member, table[there], labels[there], part) for name, member in members.items()
        }
        if encoded and (notes := left_out(kinds)):
            warn("Among the features " + "; ".join(sorted(notes)) + ".", FeatureWarning)
        return self

    def _fit_blend(
        self,
        members: dict[str, BaseEstimator],
        table: pd.DataFrame,
        y: np.ndarray,
        weight: np.ndarray | None,
        fit_weight: np.ndarray | None,
        groups: Any,
        costs: ContactCosts,
        seed: int,
    ) -> None:
        """Score members on rows held out, and choose weights, calibration and threshold on these scores."""
        several = self.calibrate is not None or len(members) > 1
        by_formula = self._by_formula(costs)
        folds = inner_folds(y, weight, self.cv, groups, seed) if several or not by_formula else []
        if not folds and (self.calibrate is not None or not by_formula):
            least = int(min(y.sum(), y.size - y.sum()))
            warn(
                f"No rows can be held out with both labels on both sides (the rarer label has {least:,} rows), so nothing is "
                "calibrated and weights and threshold are the starting ones; probabilities may be off.",
                FeatureWarning,
            )
        self.isotonic_ = None
        self.intercept_, weights = 0.0, np.full(len(members), 1 / len(members))
        rows, held, labels = np.zeros(0, np.int64), np.zeros(0), None
        if folds:
            rows = np.concatenate([out for _, out in folds])
            scores = np.concatenate([self._held_out(members, table, y, fit_weight, fit, out) for fit, out in folds])
            held_weight, labels = None if weight is None else weight[rows], y[rows]
            if several:
                self.intercept_, weights = self._blended(scores, labels, held_weight)
            held = self._calibrated(expit(self.intercept_ + scores @ weights), labels, held_weight)
        self.weights_ = dict(zip(members, (float(entry) for entry in weights), strict=True))
        self.held_out_ = self._in_words(folds, groups)
        self.threshold_ = best_threshold(self.threshold, held, labels, rows, costs, exact=self.calibrate is not None)
        self.threshold_rule_ = self._rule_in_words(searched=bool(folds) and not by_formula)

    def _by_formula(self, costs: ContactCosts) -> bool:
        """Whether the threshold needs no rows held out: it is given, or where one contact breaks even."""
        given = isinstance(self.threshold, (float, int))
        return given or (self.threshold == "profit" and self.calibrate is not None and not costs.per_customer)

    def _blended(self, scores: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> tuple[float, np.ndarray]:
        """Intercept and weights of the log-odds; without calibration the weights add up to 1."""
        intercept, weights = fit_blend(scores, y, weight)
        if self.calibrate is not None:
            return intercept, weights
        total = weights.sum()
        return 0.0, weights / total if total > 0 else np.full(weights.size, 1 / weights.size)

    def _calibrated(self, p: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
        """Probabilities of the rows held out, by the isotonic regression where one is asked for."""
        if self.calibrate != "isotonic":
            return p
        isotonic = IsotonicRegression(y_min=0.0, y_max=1.0, out_of_bounds="clip")
        self.isotonic_ = isotonic
        return isotonic.fit_transform(p, y, sample_weight=weight)

    def _rule_in_words(self, *, searched: bool) -> str:
        if self.threshold == "profit":
            return "which had the highest profit on rows held out" if searched else "where contacting breaks even"
        return f"chosen by {self.threshold}" if isinstance(self.threshold, str) else "as given"

    def _held_out(
        self,
        members: dict[str, BaseEstimator],
        table: pd.DataFrame,
        y: np.ndarray,
        weight: np.ndarray | None,
        fit: np.ndarray,
        out: np.ndarray,
    ) -> np.ndarray:
        """Scores of the rows ``out`` by members fitted on the rows ``fit``, shape (n_out, n_members)."""
        part = None if weight is None else weight[fit]
        with warnings.catch_warnings():
            # what is rare may be missing from a fold; the fit on all rows speaks of it
            warnings.simplefilter("ignore", FeatureWarning)
            fitted = [fit_member(clone(member), table.iloc[fit], y[fit], part) for member in members.values()]
            return np.column_stack([score_of(member, table.iloc[out]) for member in fitted])

    def predict_proba(self, X: FrameLike) -> np.ndarray:
        """Probability of staying and of churn.

        Parameters
        ----------
        X : frame of any engine, or array, of shape (n, p)
            Columns are picked by name; others are ignored and their order is free.

        Returns
        -------
        ndarray of shape (n, 2)

        Raises
        ------
        DataError
            When columns are gone or hold text where numbers were.

        Warns
        -----
        FeatureWarning
            For categories never seen at fit, and columns missing throughout.
        """
        check_is_fitted(self)
        p = self._churn_probability(self._table(X, reset=False))
        return np.column_stack([1 - p, p])

    def _churn_probability(self, table: pd.DataFrame) -> np.ndarray:
        if not len(table):
            return np.zeros(0)
        if self.calibrate is None and len(self.members_) == 1:
            member = next(iter(self.members_.values()))
            if hasattr(member, "predict_proba"):
                return member.predict_proba(table)[:, 1]
        z = np.full(len(table), self.intercept_)
        for number, (name, member) in enumerate(self.members_.items()):
            if number and self.weights_[name] == 0:  # the first one looks at the columns whatever it is worth
                continue
            with warnings.catch_warnings():
                if number:
                    warnings.simplefilter("ignore", FeatureWarning)  # the first member has said it
                z += self.weights_[name] * score_of(member, table)
        p = expit(z)
        return p if self.isotonic_ is None else self.isotonic_.predict(p)

    def predict(self, X: FrameLike) -> np.ndarray:
        """The label of each row: churn from a probability of ``threshold_`` on, shape (n,)."""
        p = self.predict_proba(X)[:, 1]
        return self.classes_[(p >= self.threshold_).astype(np.int64)]

    def decide(
        self,
        X: FrameLike,
        *,
        clv: ArrayLike | None = None,
        incentive_cost: ArrayLike | None = None,
        contact_cost: ArrayLike | None = None,
        acceptance: ArrayLike | None = None,
    ) -> Any:
        """Whom to contact, and the profit to expect from it.

        Parameters
        ----------
        X : frame of any engine, or array, of shape (n, p)
        clv, incentive_cost, contact_cost, acceptance : float or array of shape (n,), default=None
            Each customer's own; None takes ``costs``.

        Returns
        -------
        frame of X's engine
            customer_id where X has it; churn_probability; contact, where the expected profit is above 0;
            expected_profit of contacting, in the currency of the costs (not contacting has profit 0).

        Raises
        ------
        DataError
            For costs out of range or of another length.
        """
        check_is_fitted(self)
        table = self._table(X, reset=False)
        given = {"clv": clv, "incentive_cost": incentive_cost, "contact_cost": contact_cost, "acceptance": acceptance}
        frames.check_aligned("the rows", X=X, **given)
        costs = ContactCosts.of(self.costs, **given)
        costs.check_length(len(table))
        p = self._churn_probability(table)
        profit = costs.expected_profit(p)
        columns = {"churn_probability": p, "contact": profit > 0, "expected_profit": profit}
        return frames.with_identifier(X, columns, "customer_id")

    def describe(self) -> str:
        """Sentences on what the score is made of, what it was calibrated on, and the threshold."""
        check_is_fitted(self)
        parts = ", ".join(f"{name} {weight:.2f}" for name, weight in self.weights_.items())
        called = f"A customer is called a churner from {self.threshold_:.1%} on, {self.threshold_rule_}."
        if np.isinf(self.threshold_):
            called = "At these costs contacting never pays, so no customer is called a churner."
        return (
            f"Churn probability from {len(self.members_)} member{'s' if len(self.members_) > 1 else ''} (weight of log-odds: "
            f"{parts}), {self.held_out_}. {called}"
        )

    def _in_words(self, folds: list, groups: Any) -> str:
        """What was done with rows held out."""
        if not folds:
            return "not calibrated on rows held out"
        rows = sum(out.size for _, out in folds)
        kind = "rows of later cutoffs" if on_later_cutoffs(folds, groups) else "rows held out in turn"
        done = "calibrated on" if self.calibrate is not None else "not calibrated, with weights and threshold chosen on"
        return f"{done} {rows:,} {kind} ({len(folds)} fold{'s' if len(folds) > 1 else ''})"

    def _with_class_weight(self, y: np.ndarray, weight: np.ndarray | None) -> np.ndarray | None:
        if self.class_weight is None:
            return weight
        given = self.class_weight
        if isinstance(given, dict):
            labels = self.classes_.tolist()
            unknown = [label for label in given if label not in labels]
            negative = [label for label, amount in given.items() if not amount >= 0]
            if unknown or negative:
                raise ValueError(
                    f"class_weight={given!r} must give the labels {labels} weights that are not negative; "
                    f"{', '.join(map(repr, unknown + negative))} is not right."
                )
            given = {code: given.get(label, 1.0) for code, label in enumerate(labels)}
        by_class = compute_class_weight(given, classes=np.asarray([0, 1]), y=y)[y]
        return by_class if weight is None else by_class * weight


def _encodes(member: BaseEstimator) -> bool:
    return isinstance(member, Pipeline) and isinstance(member.steps[0][1], ColumnEncoder)
