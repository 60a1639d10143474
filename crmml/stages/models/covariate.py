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

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import joblib
import numpy as np
import pandas as pd
from sklearn.base import _fit_context, clone
from sklearn.linear_model import LogisticRegression
from sklearn.utils import check_random_state, get_tags
from sklearn.utils._param_validation import HasMethods, StrOptions
from sklearn.utils.validation import check_is_fitted

from ...exceptions import DataError
from ...typing import Estimator, FrameLike, Seed
from ..process.chain import StageChain, _whole
from ..process.space import StageSpace, as_stage_space
from .base import StagePanelModel
from .panel import count_transitions, last_observed


class CovariateMarkovStageModel(StagePanelModel):
    """A Markov chain of observed stages whose probabilities depend on covariates and actions.

    Parameters
    ----------
    stages : StageSpace, sequence of str or int, default=None
        None numbers the stages that occur.
    classifier : scikit-learn classifier with predict_proba, default=None
        Cloned for each origin stage; None is ``LogisticRegression(C=inf)``: a multinomial logit by maximum likelihood.
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
    n_informative_ : int
        Customers with at least one observed move.

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

    _title = "Markov stage model with covariates"
    _parameter_constraints: ClassVar[dict] = {
        "classifier": [HasMethods(["fit", "predict_proba"]), None],
        "categorical": ["array-like"],
        "unvisited": [StrOptions({"raise", "stay", "uniform"})],
        "period": [StrOptions({"h", "D", "W", "M", "Y"}), None],
    }

    def __init__(
        self,
        stages: Any = None,
        classifier: Estimator | None = None,
        *,
        categorical: Sequence[str] = (),
        period: str | None = None,
        unvisited: str = "raise",
    ) -> None:
        self.stages = stages
        self.classifier = classifier
        self.categorical = categorical
        self.period = period
        self.unvisited = unvisited

    def _space(self) -> StageSpace:
        return as_stage_space(self._n_seen if self.stages is None else self.stages)

    def _panel(self, X: Any, *, reset: bool) -> np.ndarray:
        if reset and self.stages is None:
            highest = pd.DataFrame(X).max(numeric_only=True).max() if np.ndim(X) == 2 and np.size(X) else np.nan
            self._n_seen = max(int(highest) + 1, 2) if np.isfinite(highest) else 2
        return super()._panel(X, reset=reset)

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: FrameLike, y: None = None, *, covariates: Any = None) -> CovariateMarkovStageModel:
        """Fit one classifier for each stage that is left.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
            Float codes into ``stages``, NaN unobserved.
        y : None
            Ignored.
        covariates : mapping, DataFrame or array, default=None
            What each move may depend on. A mapping from names to arrays of shape (n_customers,), for what does not change,
            or (n_customers, n_periods), whose entry at a period bears on the move out of it; a DataFrame with one row a
            customer; or an array of shape (n_customers, k) or (n_customers, n_periods, k). None is the plain chain.

        Returns
        -------
        self : object

        Raises
        ------
        DataError
            Naming every fault of the panel or of the covariates.
        """
        panel = self._panel(X, reset=True)
        self.stages_ = space = self._space()
        self._warn_of_no_information(panel)
        columns = self._columns(covariates, panel.shape)
        self.covariate_names_ = tuple(columns)
        known = getattr(self, "_known_categories", None)  # of the model whose bootstrap this is
        self.categories_ = known or {name: np.unique(columns[name]).tolist() for name in self._categorical(columns)}
        self.counts_ = count_transitions(panel, len(space))
        fitted: dict[str, Any] = {}
        mean = np.eye(len(space))
        self.log_likelihood_, self.n_parameters_ = 0.0, 0
        for i, name in enumerate(space.names):
            fitted[name] = None
            if space.absorbing_mask[i]:
                continue
            n_destinations = np.count_nonzero(self.counts_[i])
            if n_destinations == 0:
                mean[i] = self._unvisited_row(i)
                continue
            who, when, to = _moves_from(panel, i)
            features = self._features(columns, who, when)
            if n_destinations > 1:
                fitted[name] = self._fit_one(features, to)
                self.n_parameters_ += (n_destinations - 1) * (features.shape[1] + 1)
            mean[i] = self.counts_[i] / self.counts_[i].sum()
            proba = self._row(fitted[name], mean[i], features)
            with np.errstate(divide="ignore"):
                self.log_likelihood_ += float(np.log(proba[np.arange(len(to)), to]).sum())
        self.classifiers_ = fitted
        self._fixed_rows = mean
        seen = ~np.isnan(panel)
        self.n_informative_ = int((seen[:, :-1] & seen[:, 1:]).any(axis=1).sum())
        self.chain_ = StageChain(mean / mean.sum(axis=1, keepdims=True), space, self.period, counts=self.counts_)
        return self

    def _fit_one(self, features: np.ndarray, to: np.ndarray) -> Any:
        if features.shape[1] == 0:
            return np.bincount(to, minlength=len(self.stages_)) / len(to)
        classifier = LogisticRegression(C=np.inf, max_iter=1000) if self.classifier is None else clone(self.classifier)
        return classifier.fit(features, to)

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

    def _columns(self, covariates: Any, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
        """Return each covariate as an array (n,) or (n, T), checked."""
        if covariates is None:
            return {}
        if isinstance(covariates, pd.DataFrame):
            covariates = {str(name): covariates[name].to_numpy() for name in covariates}
        if not isinstance(covariates, Mapping):
            array = np.asarray(covariates)
            if array.ndim not in (2, 3):
                raise DataError(
                    [f"they have the shape {array.shape}; give (n, k), (n, T, k) or a mapping by name"],
                    "the covariates",
                )
            covariates = {f"z{k}": array[..., k] for k in range(array.shape[-1])}
        columns, faults = {}, []
        for name, values in covariates.items():
            array = np.asarray(values)
            if array.shape not in ((shape[0],), shape):
                faults.append(f"{name!r} has the shape {array.shape}; give {(shape[0],)} or {shape}")
            elif name in self.categorical:
                columns[name] = array.astype(str)
            else:
                try:
                    columns[name] = array.astype(float)
                except (TypeError, ValueError):
                    faults.append(f"{name!r} is no number everywhere; name it in categorical=")
        if faults:
            raise DataError(faults, "the covariates")
        return columns

    def _fitted_columns(self, covariates: Any, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
        columns = self._columns(covariates, shape)
        faults = [f"{name!r} is missing" for name in self.covariate_names_ if name not in columns]
        for name, known in self.categories_.items():
            if name in columns and len(new := sorted(set(columns[name].tolist()) - set(known))):
                faults.append(
                    f"{name!r} has {', '.join(map(repr, new[:3]))}, never seen at fit; there were {', '.join(map(repr, known[:8]))}"
                )
        if faults:
            raise DataError(faults, "the covariates")
        return {name: columns[name] for name in self.covariate_names_}

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

    def transition_matrices(self, covariates: Any, n_customers: int | None = None) -> np.ndarray:
        """Return each customer's own transition matrix.

        Parameters
        ----------
        covariates : mapping, DataFrame or array
            As in :meth:`fit`, one value a customer.
        n_customers : int, default=None
            Needed where there are no covariates.

        Returns
        -------
        ndarray of shape (n_customers, n_stages, n_stages)
        """
        check_is_fitted(self)
        if n_customers is None:
            if isinstance(covariates, Mapping) and covariates:
                n_customers = len(np.asarray(next(iter(covariates.values()))))
            else:
                n_customers = len(covariates)
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
        P = self.transition_matrices({name: np.asarray([value]) for name, value in covariates.items()}, 1)[0]
        return StageChain(P / P.sum(axis=1, keepdims=True), self.stages_, self.period)

    def predict_proba(self, X: FrameLike, horizon: int = 1, *, covariates: Any = None) -> np.ndarray:
        """Return the distribution over stages ``horizon`` periods after each customer's last observed one.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
            A panel of any length.
        horizon : int, default=1
            At least 0.
        covariates : mapping, DataFrame or array, default=None
            As in :meth:`fit`; those of the last observed period stay as they are over the horizon.

        Returns
        -------
        ndarray of shape (n_customers, n_stages)
        """
        panel = self._fitted_panel(X)
        last = self._last_stage(panel)
        matrices = self.transition_matrices(self._last_values(covariates, panel), len(panel))
        share = np.eye(len(self.stages_))[last]
        for _ in range(_whole(horizon, "horizon")):
            share = np.einsum("ni,nij->nj", share, matrices)
        return share

    def _last_values(self, covariates: Any, panel: np.ndarray) -> dict[str, np.ndarray]:
        columns = self._fitted_columns(covariates, panel.shape)
        _, column = last_observed(panel)
        return {name: v if v.ndim == 1 else v[np.arange(len(v)), column] for name, v in columns.items()}

    def score(self, X: FrameLike, y: None = None, *, covariates: Any = None) -> float:
        """Return the mean log-likelihood per customer of the moves in a panel.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
        y : None
            Ignored.
        covariates : mapping, DataFrame or array, default=None
            As in :meth:`fit`.

        Returns
        -------
        float
            Minus infinity where a move has probability 0.
        """
        panel = self._fitted_panel(X)
        columns = self._fitted_columns(covariates, panel.shape)
        total = 0.0
        for i, name in enumerate(self.stages_.names):
            who, when, to = _moves_from(panel, i)
            if len(who) and not self.stages_.absorbing_mask[i]:
                proba = self._row(self.classifiers_[name], self._fixed_rows[i], self._features(columns, who, when))
                with np.errstate(divide="ignore"):
                    total += float(np.log(proba[np.arange(len(who)), to]).sum())
        return total / len(panel)

    def rupture_probability(self, X: FrameLike, horizon: int, *, covariates: Any = None) -> np.ndarray:
        """Return each customer's probability of having entered rupture within a horizon, by their own chain.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
        horizon : int
            Periods after the last observed one.
        covariates : mapping, DataFrame or array, default=None
            As in :meth:`fit`; those of the last observed period stay as they are.

        Returns
        -------
        ndarray of shape (n_customers,)
        """
        panel = self._fitted_panel(X)
        return self._rupture(self._last_stage(panel), self._last_values(covariates, panel), horizon)

    def _rupture(self, last: np.ndarray, values: Mapping[str, np.ndarray], horizon: int) -> np.ndarray:
        targets = self.stages_.rupture_mask
        if not targets.any():
            raise ValueError("The stage space names no rupture; name it, as in StageSpace(names, rupture=...).")
        matrices = np.array(self.transition_matrices(values, len(last)))
        matrices[:, targets] = np.eye(len(targets))[targets]
        share = np.eye(len(targets))[last]
        for _ in range(_whole(horizon, "horizon")):
            share = np.einsum("ni,nij->nj", share, matrices)
        return share[:, targets].sum(axis=1)

    def marginal_effect(
        self,
        X: FrameLike,
        covariate: str,
        values: tuple[Any, Any] = (0, 1),
        *,
        horizon: int = 1,
        covariates: Any,
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
        covariates : mapping, DataFrame or array
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
        panel = self._fitted_panel(X)
        columns = self._fitted_columns(covariates, panel.shape)
        if covariate not in columns:
            raise ValueError(f"covariate={covariate!r} is none; the covariates are {', '.join(columns)}.")
        if n_resamples < 20:
            raise ValueError(f"n_resamples={n_resamples!r} must be at least 20.")
        at = [str(value) if covariate in self.categories_ else value for value in values]

        def effect(model: CovariateMarkovStageModel, rows: np.ndarray) -> np.ndarray:
            last = model._last_stage(panel[rows])
            own = model._last_values({name: value[rows] for name, value in columns.items()}, panel[rows])
            first, second = (
                model._rupture(last, own | {covariate: np.full(len(rows), value)}, horizon) for value in at
            )
            inside = ~model.stages_.rupture_mask[last] & ~model.stages_.absorbing_mask[last]
            difference = (second - first)[inside]
            by_stage = [
                difference[last[inside] == i].mean() if (last[inside] == i).any() else np.nan
                for i in range(len(self.stages_))
            ]
            return np.array([difference.mean(), *by_stage])

        def again(seed: int) -> np.ndarray:
            rows = np.random.default_rng(seed).integers(0, len(panel), len(panel))
            model = clone(self).set_params(unvisited="stay" if self.unvisited == "raise" else self.unvisited)
            model.set_params(stages=self.stages_)
            model._known_categories = self.categories_
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                model.fit(panel[rows], covariates={name: value[rows] for name, value in columns.items()})
            return effect(model, rows)

        now = self._last_stage(panel)
        if not (~self.stages_.rupture_mask & ~self.stages_.absorbing_mask)[now].any():
            raise DataError(["no customer's relationship is still open, so nobody can be acted on"], "the panel")
        seeds = check_random_state(random_state).randint(0, 2**31 - 1, n_resamples)
        point = effect(self, np.arange(len(panel)))
        draws = np.stack(joblib.Parallel(n_jobs=n_jobs)(joblib.delayed(again)(int(seed)) for seed in seeds))
        tails = [(1 - coverage) / 2, (1 + coverage) / 2]
        seen = ~np.isnan(draws).all(axis=0)
        lower, upper = np.full((2, len(point)), np.nan)
        lower[seen], upper[seen] = np.nanquantile(draws[:, seen], tails, axis=0)
        stage = pd.DataFrame(
            {"stage": self.stages_.names, "effect": point[1:], "lower": lower[1:], "upper": upper[1:]}
        ).dropna(subset="effect", ignore_index=True)
        return MarginalEffect(
            covariate, tuple(values), horizon, float(point[0]), float(lower[0]), float(upper[0]), coverage, stage
        )

    # ---- words ----------------------------------------------------------------------------------------------------

    def describe(self) -> str:
        """Say in plain sentences what was fitted and what the average chain tells."""
        check_is_fitted(self)
        names = ", ".join(self.covariate_names_) or "none"
        return (
            f"{self._title} (covariates: {names}) on {self.n_informative_:,} customers and {self.counts_.sum():,.0f} moves, "
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


@dataclass(frozen=True)
class MarginalEffect:
    """Average change in the probability of rupture when a covariate goes from one value to another.

    Attributes
    ----------
    covariate : str
    values : (from, to)
    horizon : int
        Periods ahead.
    effect, lower, upper : float
        Difference of probabilities, averaged over customers whose relationship is not broken, and its interval.
    coverage : float
    by_stage : DataFrame
        The same by the stage customers are in: stage, effect, lower, upper.
    """

    covariate: str
    values: tuple[Any, Any]
    horizon: int
    effect: float
    lower: float
    upper: float
    coverage: float
    by_stage: pd.DataFrame = field(repr=False)

    def describe(self) -> str:
        """Say the effect in plain sentences."""
        word = "lowers" if self.effect < 0 else "raises"
        sure = (
            "" if self.lower > 0 or self.upper < 0 else " The interval holds 0: the data do not tell which way it goes."
        )
        periods = f"{self.horizon} period{'s' * (self.horizon != 1)}"
        return (
            f"{self.covariate} at {self.values[1]} instead of {self.values[0]} {word} the probability of rupture within {periods} by "
            f"{100 * abs(self.effect):.2f} percentage points on average ({self.coverage:.0%} interval of the change "
            f"{100 * self.lower:+.2f} to {100 * self.upper:+.2f}).{sure} It is the effect of acting only where who got it was "
            "decided by chance or by the covariates."
        )
