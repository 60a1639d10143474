r"""Moves that depend on covariates and actions: one classifier for each stage that is left.

A customer in stage i at period t with covariates :math:`z_t` moves to stage j with probability
:math:`p_{ij}(z_t)`; row i is whatever a classifier learns from the moves observed from stage i, so that with logistic
regression it is a multinomial logit [1]_. Given its covariates each customer has a chain of their own.

References
----------
.. [1] Netzer, O., Lattin, J. M. and Srinivasan, V. (2008), A hidden Markov model of customer relationship dynamics.
   Marketing Science 27(2), 185-204 (there with hidden stages).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import joblib
import numpy as np
import pandas as pd
from sklearn.base import _fit_context, clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils import get_tags
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.validation import check_is_fitted, has_fit_parameter

from ... import frames
from ...checks import check_count, check_coverage, check_draws, check_random_state
from ...exceptions import DataError, shown
from ...fitting import atomic
from ...inference import Estimates
from ...typing import ArrayLike, Estimator, FrameLike, Seed
from ..process.chain import StageChain
from ..process.space import StagesLike, StageSpace, as_stage_space
from ._covariates import Covariates, read_covariates
from ._logistic_information import contrasts
from .base import StagePanelModel, check_beside, step_ahead, stopped_at, weights_of
from .marginal_effect import EffectQuestion, MarginalEffect
from .panel import count_transitions, last_observed


class CovariateMarkovStageModel(StagePanelModel):
    """A Markov chain of observed stages whose probabilities depend on covariates and actions.

    Parameters
    ----------
    stages : StageSpace, sequence of str or int, default=None
        None numbers the stages that occur.
    classifier : scikit-learn classifier with predict_proba, default=None
        Cloned for each origin stage; None is ``LogisticRegression(C=inf)``: a multinomial logit by maximum likelihood.
    covariates : sequence of str, default=None
        Names of the covariates that the moves may depend on; None takes all that :meth:`fit` is given.
    categorical : sequence of str, default=()
        Names of covariates whose values are categories, such as which action was taken; each becomes one column for every
        category but the first in sorted order.
    period : {"h", "D", "W", "M", "Y"}, default=None
        How long a period lasts.
    unvisited : {"raise", "stay", "uniform"}, default="raise"
        What to do about a stage from which no move was observed: refuse; take it as one that is never left; or take every
        move that can happen as equally likely.

    Attributes
    ----------
    stages_ : StageSpace
    converged_ : bool
        Whether every classifier settled before its last iteration.
    classifiers_ : dict
        By origin stage; None where only one destination was seen, and where the row is fixed.
    covariate_names_ : tuple of str
    categories_ : dict
        Of the categorical covariates.
    counts_ : ndarray of shape (n_stages, n_stages)
    chain_ : StageChain
        That of the average customer, by the shares of the moves observed from each stage: with logistic regression these are
        also the averages of the fitted probabilities.
    log_likelihood_ : float
    n_informative_ : float
        Customers with at least one observed move, by their weights.

    Notes
    -----
    :meth:`summary` shows, where the classifier is a logistic regression (penalised by squares, or not at all), the intercepts
    and effects as log odds against staying (or against the first stage moved to, where nobody stays), with the errors of the
    observed information, penalty included. Any other classifier has no parameters that can be shown: the table then holds
    the average probabilities of the moves, with NaN errors. Without covariates it holds the probabilities with their errors.

    Examples
    --------
    >>> import numpy as np
    >>> from crmml.stages import CovariateMarkovStageModel, StageSpace
    >>> space = StageSpace(("active", "gone"), rupture="gone", absorbing=("gone",))
    >>> rng = np.random.default_rng(0)
    >>> visited = rng.integers(0, 2, (2000, 2))
    >>> X = np.column_stack([np.zeros(2000), rng.random(2000) < np.where(visited[:, 0], 0.1, 0.3)])
    >>> model = CovariateMarkovStageModel(space).fit(X, covariates={"visited": visited})
    >>> [round(float(model.chain({"visited": value}).P[0, 1]), 2) for value in (0, 1)]
    [0.29, 0.1]
    """

    title = "Markov stage model with covariates"
    _parameter_constraints: ClassVar[dict] = {
        "classifier": [HasMethods(["fit", "predict_proba"]), None],
        "covariates": ["array-like", None],
        "categorical": ["array-like"],
        "unvisited": [StrOptions({"raise", "stay", "uniform"})],
        "period": [StrOptions({"h", "D", "W", "M", "Y"}), None],
    }

    def __init__(
        self,
        stages: StagesLike | None = None,
        classifier: Estimator | None = None,
        *,
        covariates: Sequence[str] | None = None,
        categorical: Sequence[str] = (),
        period: str | None = None,
        unvisited: str = "raise",
    ) -> None:
        self.stages = stages
        self.classifier = classifier
        self.covariates = covariates
        self.categorical = categorical
        self.period = period
        self.unvisited = unvisited

    def _space(self) -> StageSpace:
        return as_stage_space(self._n_seen if self.stages is None else self.stages)

    def read_panel(self, X: Any, *, reset: bool) -> np.ndarray:
        """Return the checked panel: the one door through which all input passes."""
        if reset and self.stages is None:
            highest = pd.DataFrame(X).max(numeric_only=True).max() if np.ndim(X) == 2 and np.size(X) else np.nan
            self._n_seen = max(int(highest) + 1, 2) if np.isfinite(highest) else 2
        return super().read_panel(X, reset=reset)

    @atomic
    @_fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: FrameLike,
        y: None = None,
        sample_weight: ArrayLike | None = None,
        *,
        covariates: Covariates | None = None,
    ) -> CovariateMarkovStageModel:
        """Fit one classifier for each stage that is left.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
            Float codes into ``stages``, NaN unobserved.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_customers,), default=None
            How many customers each row stands for, at least 0; for classifiers whose fit takes weights.
        covariates : mapping or frame, default=None
            What each move may depend on: arrays of shape (n_customers,), for what does not change, or
            (n_customers, n_periods), whose entry at a period bears on the move out of it, by name; or a frame with one row per
            customer. None is the plain chain.

        Returns
        -------
        self : object

        Raises
        ------
        DataError
            Naming every fault of the panel or of the covariates.
        """
        check_beside(X, covariates)
        panel = self.read_panel(X, reset=True)
        weight = weights_of(sample_weight, panel, X)
        self.stages_ = self._space()
        columns = self._columns(covariates, panel.shape)
        if weight is not None:  # customers of weight 0 are nobody
            kept = weight > 0
            panel, weight, columns = panel[kept], weight[kept], {name: v[kept] for name, v in columns.items()}
        informative = self._warn_of_no_information(panel)
        self.n_informative_ = float(informative.sum() if weight is None else weight[informative].sum())
        self.covariate_names_ = tuple(columns)
        known = getattr(self, "_known_categories", None)  # of the model whose bootstrap this is
        self.categories_ = known or {name: np.unique(columns[name]).tolist() for name in self._categorical(columns)}
        self.counts_ = count_transitions(panel, len(self.stages_), weight)
        self._fit_rows(panel, columns, weight)
        mean = self._fixed_rows
        mean = mean / mean.sum(axis=1, keepdims=True)
        self.chain_ = StageChain(mean, self.stages_, self.period, counts=self.counts_)
        return self

    def _fit_rows(self, panel: np.ndarray, columns: Mapping[str, np.ndarray], weight: np.ndarray | None) -> None:
        """Fit each row of the transition matrix by itself, adding up the log-likelihood."""
        space = self.stages_
        self._fixed_rows = np.eye(len(space))
        self.classifiers_: dict[str, Any] = dict.fromkeys(space.names)
        self._tables: dict[str, Any] = {}
        self.log_likelihood_, self.n_parameters_, self.converged_ = 0.0, 0, True
        for i, name in enumerate(space.names):
            if space.absorbing_mask[i]:
                continue
            n_destinations = np.count_nonzero(self.counts_[i])
            if n_destinations == 0:
                self._fixed_rows[i] = self._unvisited_row(i)
                continue
            who, when, to = _moves_from(panel, i)
            features = self._features(columns, who, when)
            own = np.ones(len(who)) if weight is None else weight[who]
            self._fixed_rows[i] = self.counts_[i] / self.counts_[i].sum()
            if n_destinations > 1:
                self._fit_one(name, features, to, None if weight is None else own)
                self.n_parameters_ += (n_destinations - 1) * (features.shape[1] + 1)
            self.log_likelihood_ += self._log_likelihood_of(i, features, to, own)

    def _fit_one(self, name: str, features: np.ndarray, to: np.ndarray, weight: np.ndarray | None) -> None:
        if features.shape[1] == 0:
            self.classifiers_[name] = np.bincount(to, weight, len(self.stages_)) / (
                len(to) if weight is None else weight.sum()
            )
            return
        classifier = LogisticRegression(C=np.inf, max_iter=1000) if self.classifier is None else clone(self.classifier)
        if weight is None:
            classifier.fit(features, to)
        elif has_fit_parameter(classifier, "sample_weight"):
            classifier.fit(features, to, sample_weight=weight)
        else:
            raise ValueError(
                f"sample_weight needs a classifier whose fit takes it; {type(classifier).__name__} does not. Take another, or "
                "repeat the rows."
            )
        self.classifiers_[name] = classifier
        if isinstance(classifier, LogisticRegression):
            self.converged_ &= bool(np.max(classifier.n_iter_) < classifier.max_iter)
            reference = self.stages_.index(name)
            reference = reference if reference in classifier.classes_ else int(classifier.classes_[0])
            self._tables[name] = contrasts(classifier, features, weight, reference)

    def _log_likelihood_of(self, i: int, features: np.ndarray, to: np.ndarray, weight: np.ndarray) -> float:
        proba = self._row(self.classifiers_[self.stages_.names[i]], self._fixed_rows[i], features)
        with np.errstate(divide="ignore"):
            return float(weight @ np.log(proba[np.arange(len(to)), to]))

    def estimates(self) -> Estimates:
        """Return log odds where the rows are logistic, the probabilities of an average customer where they are not."""
        fitted = [name for name, row in self.classifiers_.items() if row is not None]
        if not self.covariate_names_ or any(name not in self._tables for name in fitted):
            return self._move_estimates(self._fixed_rows, self._share_errors())
        names, value, error = [], [], []
        terms = ["intercept", *self._feature_names()]
        for origin in fitted:
            destinations, estimate, std_error = self._tables[origin]
            names += [f"{origin} → {self.stages_.names[to]}, {term}" for to in destinations for term in terms]
            value.append(estimate.ravel())
            error.append(std_error.ravel())
        flat = [np.concatenate(part) if part else np.zeros(0) for part in (value, error)]
        return Estimates(names, flat[0], flat[1], ["identity"] * len(names))

    def _share_errors(self) -> np.ndarray:
        """Return standard errors of the shares of moves; NaN where covariates were given, or nothing was observed."""
        total = self.counts_.sum(axis=1, keepdims=True)
        if self.covariate_names_:
            return np.full(self.counts_.shape, np.nan)
        P = self._fixed_rows
        return np.sqrt(np.divide(P * (1 - P), total, out=np.full(P.shape, np.nan), where=total > 0))

    def _feature_names(self) -> list[str]:
        names = []
        for name in self.covariate_names_:
            names += [f"{name}={c}" for c in self.categories_[name][1:]] if name in self.categories_ else [name]
        return names

    def _unvisited_row(self, i: int) -> np.ndarray:
        space = self.stages_
        if self.unvisited == "raise":
            raise DataError(
                [
                    f"no move was observed from {space.names[i]!r}, so where it leads is unknown; say unvisited='stay' or 'uniform', "
                    "declare it absorbing, or leave it out of the stages"
                ],
                f"the panel given to {type(self).__name__}",
            )
        if self.unvisited == "uniform":
            return space.allowed_moves[i] / space.allowed_moves[i].sum()
        return np.eye(len(space))[i]

    # ---- covariates -----------------------------------------------------------------------------------------------

    def _categorical(self, columns: Mapping[str, np.ndarray]) -> list[str]:
        if unknown := [name for name in self.categorical if name not in columns]:
            raise DataError(
                [
                    f"categorical names {', '.join(map(repr, unknown))}; the covariates are {', '.join(columns) or 'none'}"
                ],
                "the covariates",
            )
        return [name for name in columns if name in self.categorical]

    def _columns(self, covariates: Covariates | None, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
        """Return each covariate as an array (n,) or (n, n_periods), checked."""
        return read_covariates(covariates, shape, self.covariates, self.categorical)

    def _fitted_columns(self, covariates: Covariates | None, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
        columns = read_covariates(covariates, shape, self.covariate_names_, self.categorical)
        faults = []
        for name, known in self.categories_.items():
            if len(new := sorted(set(columns[name].tolist()) - set(known))):
                faults.append(
                    f"{name!r} has {', '.join(map(repr, new[:3]))}, never seen at fit; there were {', '.join(map(repr, known[:8]))}"
                )
        if faults:
            raise DataError(faults, "the covariates")
        return columns

    def _features(self, columns: Mapping[str, np.ndarray], who: np.ndarray, when: np.ndarray) -> np.ndarray:
        """Return the features (n_moves, k) of customers at periods."""
        parts = []
        for name, values in columns.items():
            value = values[who] if values.ndim == 1 else values[who, when]
            if name in self.categories_:
                parts += [(value == category).astype(float) for category in self.categories_[name][1:]]
            else:
                parts.append(value)
        features = np.column_stack(parts) if parts else np.empty((len(who), 0))
        missing = int(np.isnan(features).any(axis=1).sum()) if np.isnan(features.sum()) else 0
        if missing and not (self.classifier is not None and get_tags(self.classifier).input_tags.allow_nan):
            raise DataError(
                [
                    f"a covariate is missing at {missing:,} of {len(features):,} moves; fill it in, or take a classifier that bears "
                    "missing values, such as HistGradientBoostingClassifier"
                ],
                "the covariates",
            )
        return features

    def _row(self, classifier: Any, fixed: np.ndarray, features: np.ndarray) -> np.ndarray:
        """Return the probabilities (n, n_stages) of a row of the transition matrix."""
        if classifier is None:
            return np.broadcast_to(fixed, (len(features), len(fixed)))
        if isinstance(classifier, np.ndarray):
            return np.broadcast_to(classifier, (len(features), len(classifier)))
        proba = np.zeros((len(features), len(self.stages_)))
        proba[:, classifier.classes_.astype(int)] = classifier.predict_proba(features)
        return proba

    # ---- prediction -----------------------------------------------------------------------------------------------

    def transition_matrices(self, covariates: Covariates | None, n_customers: int | None = None) -> np.ndarray:
        """Return each customer's own transition matrix.

        Parameters
        ----------
        covariates : mapping or frame
            As in :meth:`fit`, one value per customer.
        n_customers : int, default=None
            Needed where there are no covariates.

        Returns
        -------
        ndarray of shape (n_customers, n_stages, n_stages)
        """
        check_is_fitted(self)
        if n_customers is None:
            n_customers = _length(covariates)
        columns = self._fitted_columns(covariates, (n_customers,))
        everyone = np.arange(n_customers)
        features = self._features(columns, everyone, everyone)
        rows = [
            self._row(self.classifiers_[name], self._fixed_rows[i], features)
            for i, name in enumerate(self.stages_.names)
        ]
        return np.stack(rows, axis=1)

    def chain(self, covariates: Mapping[str, Any]) -> StageChain:
        """Return the chain of a customer with given covariates.

        Parameters
        ----------
        covariates : mapping
            One value for each name.

        Returns
        -------
        StageChain
        """
        if not isinstance(covariates, Mapping):
            raise TypeError(f"covariates={shown(covariates)} must map the name of each covariate to one value.")
        P = self.transition_matrices({name: np.asarray([value]) for name, value in covariates.items()}, 1)[0]
        return StageChain(P / P.sum(axis=1, keepdims=True), self.stages_, self.period)

    def predict_proba(self, X: FrameLike, horizon: int = 1, *, covariates: Covariates | None = None) -> np.ndarray:
        """Return the distribution over stages ``horizon`` periods after each customer's last observed one.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
            A panel of any length.
        horizon : int, default=1
            At least 0.
        covariates : mapping or frame, default=None
            As in :meth:`fit`; those of the last observed period stay as they are over the horizon.

        Returns
        -------
        ndarray of shape (n_customers, n_stages)
        """
        check_beside(X, covariates)
        panel = self.read_fitted_panel(X)
        last = self.last_stage(panel)
        matrices = self.transition_matrices(self._last_values(covariates, panel), len(panel))
        return step_ahead(np.eye(len(self.stages_))[last], matrices, horizon)

    def _last_values(self, covariates: Covariates | None, panel: np.ndarray) -> dict[str, np.ndarray]:
        columns = self._fitted_columns(covariates, panel.shape)
        _, column = last_observed(panel)
        return {name: v if v.ndim == 1 else v[np.arange(len(v)), column] for name, v in columns.items()}

    def score(
        self,
        X: FrameLike,
        y: None = None,
        sample_weight: ArrayLike | None = None,
        *,
        covariates: Covariates | None = None,
    ) -> float:
        """Return the mean log-likelihood per customer of the moves in a panel.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
        y : None
            Ignored.
        sample_weight : array-like of shape (n_customers,), default=None
            How many customers each row stands for.
        covariates : mapping or frame, default=None
            As in :meth:`fit`.

        Returns
        -------
        float
            Minus infinity where a move has probability 0.
        """
        check_beside(X, covariates)
        panel = self.read_fitted_panel(X)
        columns = self._fitted_columns(covariates, panel.shape)
        weight = weights_of(sample_weight, panel, X)
        weight = np.ones(len(panel)) if weight is None else weight
        total = 0.0
        for i in map(int, np.flatnonzero(~self.stages_.absorbing_mask)):
            who, when, to = _moves_from(panel, i)
            who, when, to = (part[weight[who] > 0] for part in (who, when, to))
            if len(who):
                total += self._log_likelihood_of(i, self._features(columns, who, when), to, weight[who])
        return total / float(weight.sum())

    def rupture_probability(self, X: FrameLike, horizon: int, *, covariates: Covariates | None = None) -> np.ndarray:
        """Return each customer's probability of having entered rupture within a horizon, by their own chain.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
        horizon : int
            Periods after the last observed one.
        covariates : mapping or frame, default=None
            As in :meth:`fit`; those of the last observed period stay as they are.

        Returns
        -------
        ndarray of shape (n_customers,)
        """
        check_beside(X, covariates)
        panel = self.read_fitted_panel(X)
        return self._broken_by(self.last_stage(panel), self._last_values(covariates, panel), horizon)

    def _broken_by(self, last: np.ndarray, values: Mapping[str, np.ndarray], horizon: int) -> np.ndarray:
        broken = self._rupture()
        matrices = stopped_at(self.transition_matrices(values, len(last)), broken)
        return step_ahead(np.eye(len(broken))[last], matrices, horizon)[:, broken].sum(axis=1)

    def marginal_effect(
        self,
        X: FrameLike,
        covariate: str,
        values: tuple[float | str, float | str] = (0, 1),
        *,
        horizon: int = 1,
        covariates: Covariates,
        coverage: float = 0.9,
        n_resamples: int = 200,
        n_jobs: int | None = None,
        random_state: Seed = None,
    ) -> MarginalEffect:
        """Return how much the probability of rupture changes when a covariate, such as an action, goes from one value to another.

        The average over the customers of X, each in their last observed stage and with their other covariates. The interval
        comes from models fitted again to customers drawn with replacement. It is the effect of the action only where who
        got it was decided by chance, or by what the covariates say; else it is an association.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
            The panel that the model was fitted to.
        covariate : str
            Name of the covariate.
        values : (from, to), default=(0, 1)
        horizon : int, default=1
            Periods ahead.
        covariates : mapping or frame
            As in :meth:`fit`.
        coverage : float, default=0.9
        n_resamples : int, default=200
            At least 20.
        n_jobs : int, default=None
        random_state : int, Generator, RandomState or None

        Returns
        -------
        MarginalEffect
        """
        check_beside(X, covariates)
        panel = self.read_fitted_panel(X)
        columns = self._fitted_columns(covariates, panel.shape)
        question = self._read_question(panel, columns, covariate, values, horizon, coverage, n_resamples)
        seeds = check_random_state(random_state).randint(0, 2**31 - 1, n_resamples)
        point = question.effect(self, np.arange(len(panel)))
        draws = np.stack(joblib.Parallel(n_jobs=n_jobs)(joblib.delayed(question.again)(self, int(s)) for s in seeds))
        return question.answer(point, draws)

    def _read_question(
        self,
        panel: np.ndarray,
        columns: dict[str, np.ndarray],
        covariate: str,
        values: tuple[float | str, float | str],
        horizon: int,
        coverage: float,
        n_resamples: int,
    ) -> EffectQuestion:
        coverage, horizon = check_coverage(coverage), check_count(horizon, "horizon")
        check_draws(n_resamples, "n_resamples", least=20)
        if not isinstance(covariate, str) or covariate not in columns:
            raise ValueError(f"covariate={shown(covariate)} is none; the covariates are {', '.join(columns)}.")
        if isinstance(values, str) or np.shape(values) != (2,):
            raise ValueError(f"values={shown(values)} must be two values of the covariate, (before, after).")
        now = self.last_stage(panel)
        if not self.stages_.transient_mask[now].any():
            raise DataError(["no customer's relationship is still open, so nobody can be acted on"], "the panel")
        at = tuple(str(value) if covariate in self.categories_ else value for value in values)
        return EffectQuestion(panel, columns, covariate, tuple(values), at, horizon, coverage, self.stages_.names)

    # ---- words ----------------------------------------------------------------------------------------------------

    def describe(self) -> str:
        """Say in plain sentences what was fitted and what the average chain tells."""
        check_is_fitted(self)
        names = ", ".join(self.covariate_names_) or "none"
        return (
            f"{self.title} (covariates: {names}) on {self.n_informative_:,} customers and {self.counts_.sum():,.0f} moves, "
            f"log-likelihood {self.log_likelihood_:,.2f}. On average:\n{self.chain_.describe()}"
        )


def _moves_from(panel: np.ndarray, stage: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return who moved from a stage, in which period, and where to."""
    width = panel.shape[1]
    at = np.flatnonzero(panel.ravel() == stage)
    at = at[(at + 1) % width != 0]
    to = panel.ravel()[at + 1]
    seen = ~np.isnan(to)
    who, when = np.divmod(at[seen], width)
    return who, when, to[seen].astype(int)


def _length(covariates: Covariates | None) -> int:
    if isinstance(covariates, Mapping) and covariates:
        return len(np.asarray(next(iter(covariates.values()))))
    if covariates is None or not frames.is_frame(covariates):
        raise ValueError("n_customers is needed where there are no covariates.")
    return len(frames.to_columns(covariates, list(frames.wrap(covariates).collect_schema().names())))
