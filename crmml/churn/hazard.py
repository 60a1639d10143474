"""Time to churn by the hazards of one interval after another, on any classifier."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import check_is_fitted

from .. import frames
from ..exceptions import DataError, FeatureWarning, warn
from ..fitting import atomic
from ..frames.numbers import as_numbers, check_sample_weight
from ..metrics import concordance
from ..tables.reading import TableMixin
from ..typing import ArrayLike, Estimator, FrameLike, Label, Seed
from ._labels import labels_of
from .classifier import ChurnClassifier

#: Name of the column that tells the classifier the time since the start.
TIME = "time since start"


class HazardChurnClassifier(TableMixin, ClassifierMixin, BaseEstimator):
    r"""Discrete-time hazards of churn [1]_ [2]_, by any classifier, from customers some of whom have not churned yet.

    Time since the start is cut into intervals :math:`(e_{j-1}, e_j]`. In each a customer who is still there churns with
    probability :math:`h_j(x)`, so that

    .. math:: S(e_j \mid x) = \prod_{k \le j} (1 - h_k(x)), \qquad
        L = \prod_i h_{J_i}^{\delta_i} (1 - h_{J_i})^{1 - \delta_i} \prod_{j < J_i} (1 - h_j(x_i)).

    This likelihood is that of independent yes-or-no outcomes, one for each customer and interval; the hazard is therefore
    learnt by a classifier on these rows, the time being one column more. A customer who is lost from sight inside an
    interval does not count in it. Inside an interval the hazard rate is constant. After the last interval, the rate of each
    customer's last quarter of intervals is carried on, with a warning.

    Parameters
    ----------
    estimator : classifier, default=None
        None takes the stack of `ChurnClassifier`; any classifier is calibrated on customers held out.
    n_intervals : int, default=12
        Most intervals; every time with an event is one of its own where there are no more of them, else they hold equal
        numbers of events.
    horizon : float, default=None
        For `predict_proba`, in the unit of the durations; None takes the end of the last interval.
    cv : int, default=3
        Inner folds, customers kept whole.
    churned : label, default=None
        The label that means churn, as in churned="left". None takes 1 (against 0 or -1), true and yes for it, and of other
        numbers the larger, with a warning; other labels are refused, as they do not tell.
    random_state : int, RandomState or None, default=None

    Attributes
    ----------
    edges_ : ndarray of shape (n_intervals + 1,)
        Ends of intervals, from 0.
    hazard_ : ChurnClassifier
        Fitted on a row for each customer and interval.
    classes_ : ndarray of shape (2,)
        The second is churn.

    References
    ----------
    .. [1] Singer, J. D. and Willett, J. B. (1993), It's about time: using discrete-time survival analysis to study duration
       and the timing of events. Journal of Educational Statistics 18, 155-195.
    .. [2] Tutz, G. and Schmid, M. (2016), Modeling Discrete Time-to-Event Data. Springer, chapter 3.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"contract": rng.choice(["month", "year"], 2000)})
    >>> life = rng.geometric(np.where(X["contract"] == "month", 0.2, 0.05))
    >>> seen = rng.integers(1, 13, 2000)
    >>> from sklearn.linear_model import LogisticRegression
    >>> model = HazardChurnClassifier(LogisticRegression(), random_state=0).fit(X, life <= seen, duration=np.minimum(life, seen))
    >>> new = pd.DataFrame({"contract": ["month", "year"]})
    >>> model.predict_survival(new, [1, 6]).round(1)
    array([[0.8, 0.3],
           [0.9, 0.7]])
    """

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods(["fit"]), None],
        "n_intervals": [Interval(Integral, 1, None, closed="left")],
        "horizon": [Interval(Real, 0, None, closed="neither"), None],
        "cv": [Interval(Integral, 2, None, closed="left")],
        "churned": [str, Real, np.bool_, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: Estimator | None = None,
        *,
        n_intervals: int = 12,
        horizon: float | None = None,
        cv: int = 3,
        churned: Label | None = None,
        random_state: Seed = None,
    ):
        self.estimator = estimator
        self.n_intervals = n_intervals
        self.horizon = horizon
        self.cv = cv
        self.churned = churned
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        tags.input_tags.string = True
        return tags

    @atomic
    def fit(
        self, X: FrameLike, y: ArrayLike, *, duration: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> HazardChurnClassifier:
        """Fit the hazard.

        Parameters
        ----------
        X : frame of any engine, or array, of shape (n, p)
            As known at the start of each customer's time, without the duration itself.
        y : array of shape (n,)
            Two labels: whether the time ended with churn or is censored; ``churned`` says which is churn where they do
            not tell.
        duration : array of shape (n,), default=None
            Time from the start to churn or to the end of what was seen, any unit, above 0. None: one interval for all.
        sample_weight : array of shape (n,), default=None

        Raises
        ------
        DataError
            For labels that are not two classes or do not tell which is churn, durations missing or not above 0, a
            column that is the duration.
        """
        self._validate_params()
        frames.check_aligned("the rows", X=X, y=y, duration=duration, sample_weight=sample_weight)
        table = self._table(X, reset=True)
        self.classes_, event = labels_of(type(self).__name__, y, len(table), self.churned)
        duration = self._durations(duration, table)
        weight = None if sample_weight is None else check_sample_weight(sample_weight, len(table))
        self.edges_ = self._intervals(duration, event == 1)
        self.longest_ = float(duration.max())
        # interval of each end, and intervals survived whole
        at = np.searchsorted(self.edges_[1:], duration, side="left")
        whole = np.searchsorted(self.edges_[1:], duration, side="right")
        n_rows = np.where(event == 1, at + 1, whole)
        last = self.edges_.size - 1
        customer = np.repeat(np.arange(len(table)), np.minimum(n_rows, last))
        interval = np.arange(customer.size) - np.repeat(
            np.cumsum(np.minimum(n_rows, last)) - np.minimum(n_rows, last), np.minimum(n_rows, last)
        )
        churned = (interval == at[customer]) & (event[customer] == 1)
        rows = self._at_times(table.iloc[customer], interval)
        self.hazard_ = ChurnClassifier(
            self.estimator, calibrate="sigmoid", threshold=0.5, cv=self.cv, random_state=self.random_state
        )
        self.hazard_.fit(
            rows, churned, sample_weight=None if weight is None else weight[customer], groups=customer.astype(np.int64)
        )
        return self

    def _durations(self, duration: Any, table: pd.DataFrame) -> np.ndarray:
        if duration is None:
            return np.ones(len(table))
        values = as_numbers(duration, "duration", "the durations") if np.ndim(duration) == 1 else np.asarray(duration)
        faults = []
        if values.shape != (len(table),):
            faults.append(f"it has shape {values.shape}; ({len(table)},) is expected")
        elif bad := int((~(values > 0) | np.isinf(values)).sum()):
            faults.append(
                f"{bad:,} of {values.size:,} durations are missing or not above 0; leave out customers not seen at all"
            )
        else:
            faults += [
                f"column {name!r} is the duration itself, which says who had churned; drop it"
                for name in table
                if pd.api.types.is_numeric_dtype(table[name].dtype)
                and np.ptp(values) > 0
                and np.array_equal(table[name].to_numpy(dtype=np.float64, na_value=np.nan), values)
            ]
        if faults:
            raise DataError(faults, "duration")
        return values

    def _intervals(self, duration: np.ndarray, event: np.ndarray) -> np.ndarray:
        times = np.unique(duration[event])
        if times.size > self.n_intervals:
            level = np.arange(1, self.n_intervals + 1) / self.n_intervals
            times = np.unique(np.quantile(duration[event], level, method="higher"))
        return np.append(0.0, times)

    def _at_times(self, table: pd.DataFrame, interval: np.ndarray) -> pd.DataFrame:
        rows = table.reset_index(drop=True)
        if TIME in table:
            raise DataError([f"column {TIME!r} is the name of the time this model adds; rename it"], "the features")
        if self.edges_.size > 2:
            rows[TIME] = (self.edges_[interval] + self.edges_[interval + 1]) / 2
        return rows

    def predict_hazard(self, X: FrameLike) -> np.ndarray:
        """Probability of churning in each interval for those still there at its start, shape (n, n_intervals)."""
        check_is_fitted(self)
        table = self._table(X, reset=False)
        n, m = len(table), self.edges_.size - 1
        rows = self._at_times(table.iloc[np.repeat(np.arange(n), m)], np.tile(np.arange(m), n))
        return self.hazard_.predict_proba(rows)[:, 1].reshape(n, m)

    def predict_survival(self, X: FrameLike, times: ArrayLike, *, elapsed: ArrayLike = 0.0) -> np.ndarray:
        """Probability of not churning within each time.

        Parameters
        ----------
        X : frame of any engine, or array, of shape (n, p)
        times : array of shape (n_times,)
            In the unit of the durations, counted from ``elapsed``.
        elapsed : float or array of shape (n,), default=0.0
            Time already survived by each customer; 0 for new ones.

        Returns
        -------
        ndarray of shape (n, n_times)

        Warns
        -----
        FeatureWarning
            For times beyond the last interval, where hazards are carried on.
        """
        frames.check_aligned("the rows", X=X, elapsed=elapsed)
        rate = self._rates(X)
        times, elapsed = np.asarray(times, dtype=np.float64), self._elapsed(elapsed, len(rate))
        if times.ndim != 1 or not (times >= 0).all():
            raise DataError(["times must be one row of numbers of at least 0"], "times")
        total = elapsed[:, None] + times
        if (total > max(self.longest_, self.edges_[-1])).any():
            warn(
                f"Times reach {total.max():g}, beyond the longest seen, {self.longest_:g}; hazards of each customer's last "
                "quarter of intervals are carried on. Ask for earlier times, or take these as a guess.",
                FeatureWarning,
            )
        return np.exp(self._cumulative(rate, elapsed[:, None]) - self._cumulative(rate, total))

    def expected_remaining_life(
        self, X: FrameLike, *, elapsed: ArrayLike = 0.0, until: float | None = None
    ) -> np.ndarray:
        r"""Expected time to churn from ``elapsed`` on, within the time that was seen.

        .. math:: \int_{a}^{u} \frac{S(t)}{S(a)}\,dt

        Parameters
        ----------
        X : frame of any engine, or array, of shape (n, p)
        elapsed : float or array of shape (n,), default=0.0
        until : float, default=None
            End u of the time counted, from the start of each customer; None takes the longest duration seen (a restricted
            mean, which needs no guess); infinity carries the last hazards on.

        Returns
        -------
        ndarray of shape (n,)
            In the unit of the durations; 0 for customers already past ``until``.
        """
        frames.check_aligned("the rows", X=X, elapsed=elapsed)
        rate = self._rates(X)
        elapsed = self._elapsed(elapsed, len(rate))
        until = max(self.longest_, self.edges_[-1]) if until is None else float(until)
        starts, ends = np.append(self.edges_[:-1], self.edges_[-1]), np.append(self.edges_[1:], np.inf)
        lower = np.maximum(starts, elapsed[:, None])
        upper = np.maximum(np.minimum(ends, until), lower)
        survived = np.exp(self._cumulative(rate, elapsed[:, None]) - self._cumulative(rate, lower))
        # a constant rate over a stretch: (1 - exp(-rate * length)) / rate
        length = upper - lower
        with np.errstate(invalid="ignore", over="ignore"):
            mean = np.where(
                np.isinf(length), 1 / np.maximum(rate, 1e-300), -np.expm1(-rate * length) / np.maximum(rate, 1e-300)
            )
        mean = np.where((rate * length < 1e-12) & np.isfinite(length), length, mean)
        return (survived * np.where(length > 0, mean, 0.0)).sum(axis=1)

    def _rates(self, X: Any) -> np.ndarray:
        """Hazard rate of each interval and of the time after the last, shape (n, n_intervals + 1)."""
        cumulative = -np.log1p(-np.clip(self.predict_hazard(X), 0, 1 - 1e-12))
        width = np.diff(self.edges_)
        late = max(1, width.size // 4)
        tail = cumulative[:, -late:].sum(axis=1) / width[-late:].sum()
        return np.column_stack([cumulative / width, tail])

    def _cumulative(self, rate: np.ndarray, times: np.ndarray) -> np.ndarray:
        """Cumulative hazard at times of shape (n or 1, k)."""
        ends = np.append(self.edges_[1:], np.inf)
        spent = np.clip(times[:, :, None] - self.edges_, 0.0, ends - self.edges_)
        return np.einsum("nkj,nj->nk", np.broadcast_to(spent, (len(rate), *spent.shape[1:])), rate)

    def _elapsed(self, elapsed: Any, n: int) -> np.ndarray:
        values = as_numbers(np.ravel(elapsed), "elapsed", "elapsed time").reshape(np.shape(elapsed))
        if values.ndim > 1 or values.size not in (1, n) or not (values >= 0).all():
            raise DataError(
                [f"elapsed must be one number, or one for each of {n:,} customers, at least 0"], "elapsed time"
            )
        return np.broadcast_to(values.ravel(), n) if values.size == 1 else values

    def predict_proba(self, X: FrameLike, *, elapsed: ArrayLike = 0.0) -> np.ndarray:
        """Probability of staying and of churning within the horizon, shape (n, 2)."""
        check_is_fitted(self)
        horizon = self.edges_[-1] if self.horizon is None else float(self.horizon)
        p = 1 - self.predict_survival(X, [horizon], elapsed=elapsed)[:, 0]
        return np.column_stack([1 - p, p])

    def predict(self, X: FrameLike) -> np.ndarray:
        """The likelier label within the horizon, shape (n,)."""
        check_is_fitted(self)
        return self.classes_[(self.predict_proba(X)[:, 1] >= 0.5).astype(np.int64)]

    def score(
        self, X: FrameLike, y: ArrayLike, *, duration: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> float:
        """Harrell's concordance of the churn probability with the times; without durations it is the area under the ROC curve."""
        frames.check_aligned("the rows", X=X, y=y, duration=duration)
        p = self.predict_proba(X)[:, 1]
        event = np.asarray(y) == self.classes_[1]
        if sample_weight is not None and np.ptp(sample_weight) > 0:
            raise ValueError("The concordance takes no weights; leave sample_weight out.")
        return concordance(np.ones(p.size) if duration is None else duration, event, p)

    def describe(self) -> str:
        """Sentences on the intervals and the score."""
        check_is_fitted(self)
        return (
            f"Hazard of churn over {self.edges_.size - 1} intervals up to {self.edges_[-1]:g}, durations seen up to "
            f"{self.longest_:g}. {self.hazard_.describe().split('. A customer')[0]}."
        )
