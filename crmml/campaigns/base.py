"""What the models of uplift share: input, arms, propensities, the bootstrap, and what they say of themselves."""

from __future__ import annotations

import warnings
from numbers import Integral
from typing import Any, ClassVar, NamedTuple

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from scipy.special import ndtri
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import HasMethods, Interval
from sklearn.utils.validation import check_is_fitted

from .. import frames
from ..checks import MOST_DRAWS, check_coverage, check_draws, check_random_state
from ..customers.scanning.identifier_names import IDENTIFIERS, identifier_of
from ..exceptions import DataError, FeatureWarning, warn
from ..fitting import atomic
from ..frames.numbers import check_sample_weight
from ..inference.intervals import is_spread
from ..metrics import qini_score
from ..tables.encoding import kinds_of, left_out, no_columns
from ..tables.reading import TableMixin
from ..typing import ArrayLike, FrameLike, Seed
from ._arms import LEAST_ROWS, Arms, read_arms
from ._outcomes import is_binary, read_outcome
from ._propensity import clipped, contradictions, estimate_propensity, propensity_model, read_propensity


class CampaignRows(NamedTuple):
    """What an uplift model is fitted on.

    Attributes
    ----------
    X : DataFrame of shape (n, p)
    y : ndarray of shape (n,)
    code : ndarray of int, shape (n,)
        0 for control, k for the k-th treated arm.
    weight : ndarray of shape (n,) or None
    propensity : ndarray of shape (n, n_arms + 1) or None
    binary : bool
        Whether y is 0 and 1.
    kinds : dict
        Kind of each column.
    names : list
        Of the arms, control first.
    """

    X: pd.DataFrame
    y: np.ndarray
    code: np.ndarray
    weight: np.ndarray | None
    propensity: np.ndarray | None
    binary: bool
    kinds: dict[Any, str]
    names: list

    def rows(self, chosen: np.ndarray) -> CampaignRows:
        """Those of a mask or of positions."""
        return self._replace(
            X=self.X[chosen] if chosen.dtype == bool else self.X.iloc[chosen],
            y=self.y[chosen],
            code=self.code[chosen],
            weight=None if self.weight is None else self.weight[chosen],
            propensity=None if self.propensity is None else self.propensity[chosen],
        )


class UpliftModel(TableMixin, BaseEstimator):
    """Base of the models of uplift. A learner says how it is fitted on rows, and how what it fitted predicts."""

    _parameter_constraints: ClassVar[dict] = {
        "estimator": [HasMethods(["fit"]), None],
        "control": "no_validation",
        "n_resamples": [Interval(Integral, 0, MOST_DRAWS, closed="both")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }
    #: Whether the formula has propensities in it; without, they are only checked.
    _uses_propensity: ClassVar[bool] = False
    _least_rows: ClassVar[int] = LEAST_ROWS

    feature_names_in_: np.ndarray
    estimator: Any
    control: Any
    n_resamples: int
    n_jobs: int | None
    random_state: Any

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.allow_nan = all(given is None for given in self._given())
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        return tags

    def _given(self) -> list[Any]:
        """The estimators handed in."""
        return [self.estimator]

    def _check_outcome(self, y: np.ndarray, binary: bool) -> None:
        """Refuse estimators that cannot predict such outcomes."""
        raise NotImplementedError

    def _fit_models(self, rows: CampaignRows, seed: int) -> dict[str, list]:
        """Fit whatever the learner needs."""
        raise NotImplementedError

    def _effects(self, models: dict[str, list], X: pd.DataFrame) -> np.ndarray:
        """Uplift of each arm, shape (n, n_arms)."""
        raise NotImplementedError

    @atomic
    def fit(
        self,
        X: Any,
        y: Any,
        *,
        treatment: Any,
        propensity: Any = None,
        sample_weight: Any = None,
    ) -> Any:
        """Learn what each arm changes.

        Parameters
        ----------
        X : frame of any engine, or array, of shape (n, p)
            Features known before the campaign. Text, dates and categories are encoded for estimators that take numbers only;
            columns customer_id and customer_number are left out.
        y : array of shape (n,)
            Outcome in a window that is over: 0 and 1, or an amount.
        treatment : array of shape (n,)
            Arm of each customer: 0 and 1, or names. Customers of the control arm belong to the data.
        propensity : float, mapping of arm to float, or array of shape (n,) or (n, n_arms + 1), default=None
            Probability of being treated, where the design of the campaign tells it; columns are in the order control, then
            ``arms_``. None estimates it by a cross-fitted logistic regression where the formula needs it (`XLearner`,
            `TransformedOutcome`); the other learners have no propensity in their formula and only check it.
        sample_weight : array of shape (n,), default=None
            Not negative; rows of weight 0 are as if they were not there.

        Returns
        -------
        self

        Raises
        ------
        DataError
            Treatment missing, unknown or ambiguous control, an arm without rows or with fewer than 10, outcomes missing or
            not numbers, a feature that equals outcome or treatment, propensities of 0 or 1, propensities that the arms contradict,
            no overlap, or an estimator that does not suit the outcome.

        Warns
        -----
        OverlapWarning
            When estimated propensities are at the edge.
        FeatureWarning
            For columns left out.
        """
        self._validate_params()
        given = {"X": X, "y": y, "treatment": treatment, "propensity": propensity, "sample_weight": sample_weight}
        if faults := frames.misaligned(given):
            raise DataError(faults, "the campaign")
        rows, arms = self._read_rows(X, y, treatment, propensity, sample_weight)
        if notes := left_out(rows.kinds):
            warn("Among the features " + "; ".join(sorted(notes)) + ".", FeatureWarning)
        self.control_, self.arms_ = arms.control, np.asarray(arms.treated)
        # one seed for all that is drawn in this fit, so that its parts belong together where random_state is None
        rng = check_random_state(self.random_state)
        seed = int(rng.randint(2**31 - 1))
        rows = self._with_propensity(rows, seed)
        self.outcome_ = "binary" if rows.binary else "continuous"
        self.counts_ = np.bincount(rows.code, minlength=len(rows.names))
        self.average_effect_ = _average_effects(rows)
        self.models_ = self._fit_models(rows, seed)
        seeds = rng.randint(2**31 - 1, size=self.n_resamples)
        self.bootstrap_models_ = Parallel(n_jobs=self.n_jobs)(
            delayed(_refitted)(self, rows, int(entry)) for entry in seeds
        )
        found = self._effects(self.models_, rows.X)
        self.spread_ = np.quantile(found, [0.05, 0.5, 0.95], axis=0)
        self.share_negative_ = (found < 0).mean(axis=0)
        return self

    def _read_rows(
        self, X: FrameLike, y: ArrayLike, treatment: ArrayLike, propensity: Any, sample_weight: ArrayLike | None
    ) -> tuple[CampaignRows, Arms]:
        """The rows of weight above 0, with the arms; or what is wrong with them."""
        table = self._table(X, reset=True)
        outcome = read_outcome(y, len(table))
        arms = read_arms(treatment, self.control, len(table), least=self._least_rows)
        names = [arms.control, *arms.treated]
        weight = None
        if sample_weight is not None:
            weight = check_sample_weight(sample_weight, len(table))
        known = None
        if propensity is not None:
            known = read_propensity(propensity, len(table), arms.control, arms.treated)
        rows = CampaignRows(table, outcome, arms.code, weight, known, False, {}, names)
        if weight is not None and (weight == 0).any():
            rows = rows.rows(weight > 0)
            if (counts := np.bincount(rows.code, minlength=len(names))).min() < self._least_rows:
                raise DataError(
                    [f"an arm has {counts.min():,} rows with weights above 0; {self._least_rows} are needed"],
                    "sample_weight",
                )
        if rows.propensity is not None and (faults := contradictions(rows.propensity, rows.code, rows.weight, names)):
            raise DataError(faults, "the propensity")
        rows = rows._replace(kinds=kinds_of(rows.X), binary=is_binary(rows.y))
        self._refuse_leaks(rows.X, rows.y, rows.code)
        self._check_outcome(rows.y, rows.binary)
        if no_columns(rows.kinds):
            raise DataError([*left_out(rows.kinds), "no column is left to learn from"], "the features")
        return rows, arms

    @staticmethod
    def _refuse_leaks(table: pd.DataFrame, y: np.ndarray, code: np.ndarray) -> None:
        """Features that are the outcome or the arm itself."""
        faults = []
        for name in table:
            column = table[name]
            if pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
                values = column.to_numpy(dtype=np.float64, na_value=np.nan)
                if y.size > 1 and np.unique(y).size > 1 and np.array_equal(values, y):
                    faults.append(f"column {name!r} equals the outcome in every row; take it out of the features")
            arm, kinds = pd.factorize(column)
            if (
                len(kinds) == code.max() + 1
                and len(np.unique(arm * len(kinds) + code)) == len(kinds)
                and (arm >= 0).all()
            ):
                faults.append(f"column {name!r} tells the arm in every row; take it out of the features")
        if faults:
            raise DataError(faults, "the features")

    def _with_propensity(self, rows: CampaignRows, seed: int) -> CampaignRows:
        """Propensities where the formula needs them, and what predicts them for customers to come."""
        self.n_clipped_ = 0
        self.propensity_model_: Any = None
        self.constant_propensity_ = None
        self.propensity_source_ = "not needed" if rows.propensity is None else "known"
        if rows.propensity is not None:
            if (rows.propensity == rows.propensity[0]).all():
                self.constant_propensity_ = rows.propensity[0].copy()
            elif self._uses_propensity:
                from ..tables.members import fit_member

                model = propensity_model(rows.kinds)
                self.propensity_model_ = fit_member(model, rows.X, rows.code, rows.weight)
        elif self._uses_propensity:
            found, self.propensity_model_, self.n_clipped_ = estimate_propensity(
                rows.X, rows.code, rows.weight, rows.kinds, rows.names, seed
            )
            self.propensity_source_ = "estimated"
            rows = rows._replace(propensity=found)
        if rows.propensity is not None:
            self.propensity_range_ = np.vstack([rows.propensity.min(axis=0), rows.propensity.max(axis=0)])
        return rows

    def _propensity_of(self, X: pd.DataFrame) -> np.ndarray:
        """Propensities of each arm for any customers, shape (n, n_arms + 1)."""
        if self.constant_propensity_ is not None:
            return np.broadcast_to(self.constant_propensity_, (len(X), len(self.constant_propensity_)))
        if not len(X):
            return np.zeros((0, len(self.arms_) + 1))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FeatureWarning)  # the models of outcomes speak of the same columns
            return clipped(self.propensity_model_.predict_proba(X))

    def _table(self, X: Any, *, reset: bool) -> pd.DataFrame:
        if reset and frames.is_frame(X):
            wrapped = frames.wrap(X)
            if there := [name for name in IDENTIFIERS if name in wrapped.collect_schema().names()]:
                X = wrapped.drop(*there).to_native()  # an identifier is not a feature
        return super()._table(X, reset=reset)

    def predict(self, X: FrameLike) -> np.ndarray:
        """What contacting each customer is expected to change.

        Parameters
        ----------
        X : frame of any engine, or array, of shape (n, p)
            Columns are picked by name; others are ignored and their order is free.

        Returns
        -------
        ndarray of shape (n,), or (n, n_arms) where there are several arms beside the control
            Expected outcome if treated less that if not, in units of y: a difference of probabilities where y is 0 and 1.
            Columns in the order of ``arms_``.

        Raises
        ------
        DataError
            When columns are gone or hold text where numbers were.
        """
        check_is_fitted(self)
        return self._squeezed(self._effects(self.models_, self._table(X, reset=False)))

    def _squeezed(self, effects: np.ndarray) -> np.ndarray:
        return effects[..., 0] if len(self.arms_) == 1 else effects

    def sample(self, X: FrameLike, n_draws: int | None = None, random_state: Seed = None) -> np.ndarray:
        """Draws of each customer's uplift, from models fitted again on customers drawn again.

        One draw is one model's view of all customers, so that sums over customers keep their uncertainty.

        Parameters
        ----------
        X : frame of any engine, or array, of shape (n, p)
        n_draws : int, default=None
            None gives the ``n_resamples`` there are, in order; another number draws among them with replacement.
        random_state : int, RandomState or None, default=None
            Only used with ``n_draws``.

        Returns
        -------
        ndarray of shape (n_draws, n), or (n_draws, n, n_arms)
            Centred on ``predict(X)``.

        Raises
        ------
        DataError
            When the model was fitted with ``n_resamples`` below 2.
        """
        check_is_fitted(self)
        return self._squeezed(self._draws(self._table(X, reset=False), n_draws, random_state))

    def _draws(self, table: pd.DataFrame, n_draws: int | None = None, random_state: Any = None) -> np.ndarray:
        if len(self.bootstrap_models_) < 2:
            raise DataError(
                [
                    f"it was fitted with n_resamples={self.n_resamples}, so nothing is known of its uncertainty; fit it with "
                    "n_resamples=50 or more"
                ],
                f"the {type(self).__name__}",
            )
        state = check_random_state(random_state) if n_draws is not None else None
        drawn = np.stack([self._effects(models, table) for models in self.bootstrap_models_])
        drawn += self._effects(self.models_, table) - drawn.mean(axis=0)
        if n_draws is None or state is None:
            return drawn
        n_draws = check_draws(n_draws, cells=drawn[0].size)
        return drawn[state.randint(0, len(drawn), n_draws)]

    def predict_std(self, X: FrameLike) -> np.ndarray:
        """Standard error of each customer's uplift by the bootstrap, of the shape of ``predict(X)``; see `sample`."""
        return self.sample(X).std(axis=0, ddof=1)

    def predict_interval(self, X: FrameLike, coverage: float = 0.9) -> np.ndarray:
        """Interval of each customer's expected uplift: ``predict(X)`` ± z · ``predict_std(X)`` [1]_.

        It covers what another sample of customers would have changed in the model, not what the model smooths away: a
        strongly regularised model is sure of itself and may still be wrong for one customer. On simulated campaigns of 5,000
        customers, whose effects no learner can fit exactly, 90 % intervals held the true uplift of 89 % of customers by
        ``TLearner()``, 86 % by ``XLearner()`` and 63 % by ``SLearner()``. It is an interval of the expected change, not of one
        customer's own outcome, which cannot be seen both ways.

        Parameters
        ----------
        X : frame of any engine, or array, of shape (n, p)
        coverage : float, default=0.9

        Returns
        -------
        ndarray of shape (n, 2), or (n, n_arms, 2)

        Raises
        ------
        DataError
            When the model was fitted with ``n_resamples`` below 2.

        References
        ----------
        .. [1] Efron, B. and Tibshirani, R. J. (1993), An Introduction to the Bootstrap. Chapman & Hall, chapter 12.
        """
        check_coverage(coverage)
        half = ndtri(0.5 + coverage / 2) * self.predict_std(X)
        centre = self.predict(X)
        return np.stack([centre - half, centre + half], axis=-1)

    def table(self, X: FrameLike, coverage: float = 0.9) -> Any:
        """Each customer's uplift, beside the identifier.

        Parameters
        ----------
        X : frame of any engine, or array, of shape (n, p)
        coverage : float, default=0.9

        Returns
        -------
        frame of X's engine
            customer_id, or customer_number, where X has it; uplift, and with ``n_resamples`` uplift_std, uplift_lower and
            uplift_upper. Where there are several arms each name is followed by ``_`` and the arm.
        """
        check_is_fitted(self)
        check_coverage(coverage)
        table = self._table(X, reset=False)
        effects = self._effects(self.models_, table)
        columns: dict[str, np.ndarray] = {}
        std = self._draws(table).std(axis=0, ddof=1) if len(self.bootstrap_models_) > 1 else None
        z = ndtri(0.5 + coverage / 2)
        for k, arm in enumerate(self.arms_.tolist()):
            tail = "" if len(self.arms_) == 1 else f"_{arm}"
            columns[f"uplift{tail}"] = effects[:, k]
            if std is not None:
                columns[f"uplift_std{tail}"] = std[:, k]
                columns[f"uplift_lower{tail}"] = effects[:, k] - z * std[:, k]
                columns[f"uplift_upper{tail}"] = effects[:, k] + z * std[:, k]
        return frames.with_identifier(X, columns, identifier_of(X))

    def score(self, X: FrameLike, y: ArrayLike, *, treatment: ArrayLike | None = None) -> float:
        """Qini of the predicted uplift (`crmml.metrics.qini_score` with ``ties="line"``), the mean over arms against the control.

        Parameters
        ----------
        X : frame of any engine, or array, of shape (n, p)
        y, treatment : arrays of shape (n,)
            As in `fit`; customers that the model has not seen, treated at random.

        Returns
        -------
        float
            0 is expected of a random order.

        Raises
        ------
        DataError
            Without treatment, or where it has arms that were not there at fit.
        """
        check_is_fitted(self)
        if treatment is None:
            raise DataError(
                [
                    "treatment= is missing; give the arm of each customer. Searches and cross-validation hand it on after "
                    "sklearn.set_config(enable_metadata_routing=True), set_fit_request(treatment=True) and "
                    "set_score_request(treatment=True)"
                ],
                "the campaign",
            )
        if faults := frames.misaligned({"X": X, "y": y, "treatment": treatment}):
            raise DataError(faults, "the campaign")
        table = self._table(X, reset=False)
        y = read_outcome(y, len(table))
        arms = read_arms(treatment, self.control_, len(table), least=1)
        if unknown := [arm for arm in arms.treated if arm not in self.arms_.tolist()]:
            known = ", ".join(map(repr, self.arms_.tolist()))
            raise DataError(
                [f"arm {arm!r} was not there at fit; there were {known}" for arm in unknown], "the treatment"
            )
        effects = self._effects(self.models_, table)
        found = []
        for k, arm in enumerate(self.arms_.tolist()):
            if arm in arms.treated:
                there = np.isin(arms.code, (0, arms.treated.index(arm) + 1))
                found.append(qini_score(y[there], effects[there, k], arms.code[there] > 0, ties="line"))
        return float(np.mean(found))

    def describe(self) -> str:
        """Sentences on the campaign, the mean effect with its interval, and how far customers differ."""
        check_is_fitted(self)
        unit = "difference of probabilities" if self.outcome_ == "binary" else "difference of means, in units of y"
        lines = [
            f"{type(self).__name__} on {self.counts_.sum():,} customers, of whom {self.counts_[0]:,} were in the control arm "
            f"{self.control_!r}; uplift is a {unit}."
        ]
        for k, (arm, effect) in enumerate(zip(self.arms_.tolist(), self.average_effect_, strict=True)):
            lower, upper = effect[0] - ndtri(0.95) * effect[1], effect[0] + ndtri(0.95) * effect[1]
            ends = f"90% interval {lower:.4g} to {upper:.4g}"
            if not is_spread(effect[1], effect[0]):
                ends = "interval unknown, for no outcome differs"
            a, b, c = self.spread_[:, k]
            given = " given the features" if self.propensity_source_ == "estimated" else ""
            lines.append(
                f"Arm {arm!r} ({self.counts_[k + 1]:,} customers) changed the mean outcome by {effect[0]:+.4g} "
                f"({ends}), if the arms were drawn at random{given}. "
                f"Predicted uplift has its median at {b:.4g} and runs from {a:.4g} to {c:.4g} for the middle 90% of customers; "
                f"it is negative for {self.share_negative_[k]:.0%}."
            )
        if self.propensity_source_ == "estimated":
            least, most = self.propensity_range_
            edge = f", {self.n_clipped_:,} rows being at the edge" if self.n_clipped_ else ""
            lines.append(f"Propensities were estimated; they run from {least.min():.3g} to {most.max():.3g}{edge}.")
        if len(self.bootstrap_models_) < 2:
            lines.append("Uncertainty was not computed (n_resamples=0).")
        return " ".join(lines)


def _refitted(learner: UpliftModel, rows: CampaignRows, seed: int) -> dict[str, list]:
    """Models on customers drawn again within each arm; drawn again where an arm has lost an outcome."""
    rng = np.random.default_rng(seed)
    parts = [np.flatnonzero(rows.code == k) for k in range(len(rows.names))]
    for _ in range(100):
        drawn = [part[rng.integers(0, part.size, part.size)] for part in parts]
        if not rows.binary or all(
            np.unique(rows.y[again]).size == np.unique(rows.y[part]).size
            for again, part in zip(drawn, parts, strict=True)
        ):
            break
    chosen = np.sort(np.concatenate(drawn))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FeatureWarning)  # the fit on all rows has spoken of the columns
        return learner._fit_models(rows.rows(chosen), seed)


def _average_effects(rows: CampaignRows) -> np.ndarray:
    """Mean effect and standard error of each arm, shape (n_arms, 2): means weighted by 1 / propensity where there are some."""
    weight = np.ones(rows.y.size) if rows.weight is None else rows.weight
    if rows.propensity is not None:
        weight = weight / rows.propensity[np.arange(rows.y.size), rows.code]
    means = []
    for k in range(len(rows.names)):
        y, w = rows.y[rows.code == k], weight[rows.code == k]
        mean = np.average(y, weights=w)
        means.append((mean, np.sum(w**2 * (y - mean) ** 2) / w.sum() ** 2))
    return np.asarray([(mean - means[0][0], np.sqrt(variance + means[0][1])) for mean, variance in means[1:]])
