"""The one estimation flow of customer-lifetime-value models: compress, start, maximise, information matrix.

A model declares its columns, its parameters and its likelihood with gradient; everything else is here. Parameters are
positive and are fitted on the log scale; ``covariance_`` is on that fitted scale, and :meth:`ParametricModel.summary`
carries it to the natural scale by the delta method.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from .. import frames
from ..checks import Faults, check_count, check_number
from ..exceptions import DataError, warn
from ..fitting import atomic
from ..frames.named_columns import NamedColumnsMixin
from ..frames.numbers import check_sample_weight
from ..frames.ruler import Ruler
from ..inference import Estimates, LikelihoodModel, MaximumLikelihood, Posterior, maximize
from ..inference.likelihood_model import Link, no_optimum
from ..transactions.compression import unique_rows
from ..typing import ArrayLike, FrameLike, Seed
from ._covariates import CovariateLayout
from ._posterior import FitData, draw_posterior
from ._prior import make_prior

#: Above this many unique rows the start values come from a fit to an evenly spaced sample of them.
SAMPLE_ABOVE = 20_000

#: Draws that must not move between calls come from this seed.
KEPT_SEED = 0

#: Posterior draws that are made at most: more tell nothing more, and are gigabytes.
MOST_DRAWS = 1_000_000

#: Posterior draws that are stored with a model: 1,000 × 4 numbers are 32 kB.
STORED_DRAWS = 1_000


class ParametricModel(NamedColumnsMixin, LikelihoodModel, BaseEstimator):
    """A model with a handful of positive parameters, fitted by maximum likelihood."""

    #: Name in the literature, for tables and sentences.
    title: ClassVar[str]
    #: Columns the model reads, in the order of its array form.
    _columns: ClassVar[tuple[str, ...]]
    #: Parameters in the literature's order.
    parameter_names: ClassVar[tuple[str, ...]]
    #: What it means when a parameter runs to zero or to infinity: {name: (at zero, at infinity)}.
    limits: ClassVar[Mapping[str, tuple[str, str]]] = {}
    _parameter_constraints: ClassVar[dict] = {"prior": [StrOptions({"weak"}), Mapping, None]}
    #: Half-width of the search box on the log scale.
    _box: ClassVar[float] = 14.0
    prior: Any
    #: What the posterior needs of the data, while the model is in the memory it was fitted in.
    _data: Any

    # ---- what a model file declares -------------------------------------------------------------------------------

    @abstractmethod
    def start_values(self, columns: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return start values on the natural scale, from crude moments; they must carry the data's units."""

    @abstractmethod
    def _log_likelihood(self, rows: Any, theta: Sequence[Any]) -> np.ndarray:
        """Log-likelihood of each row, in the data's own units, with the full constant."""

    @abstractmethod
    def _log_likelihood_gradient(self, rows: Any, theta: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
        """Log-likelihood of each row and its gradient (k, n) with respect to the log parameters."""

    def _rows(self, columns: np.ndarray) -> Any:
        """Return what the likelihood takes; the columns themselves unless a model prepares more."""
        return columns

    def _weighted_total(self, rows: Any, weight: np.ndarray) -> Callable | None:
        """Return a function of theta that gives the weighted total and its gradient faster than row by row, if there is one."""
        return None

    def _informative(self, columns: np.ndarray) -> np.ndarray:
        """Return a mask of the rows that enter the likelihood; all unless a model says otherwise."""
        return np.ones(len(columns), dtype=bool)

    @abstractmethod
    def _check_meaning(self, columns: np.ndarray) -> list[str]:
        """Return the faults of the columns' contents, one sentence each."""

    # ---- input ----------------------------------------------------------------------------------------------------

    #: Columns that the model reads where they are there.
    _optional_columns: ClassVar[tuple[str, ...]] = ()

    def _input_columns(self) -> tuple[str, ...]:
        """The columns read: the model's own, and its covariates if it has any."""
        return self._columns

    def _summary(self, X: Any, *, reset: bool) -> np.ndarray:
        """Return the checked columns as an array (n, c): the one door through which all input passes."""
        columns = self._columns_of(X, self._input_columns(), reset=reset)
        if faults := self._check_meaning(columns):
            raise DataError(faults, f"the summary given to {type(self).__name__}")
        return columns

    def _fitted_summary(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        self._remember_ruler(X, reset=False)
        return self._summary(X, reset=False)

    # ---- the flow -------------------------------------------------------------------------------------------------

    @atomic
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: FrameLike, y: None = None, sample_weight: ArrayLike | None = None) -> Any:
        """Fit by maximum likelihood.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, n_columns)
            A summary with the model's columns (any order, others ignored), or an array with exactly these columns.
        y : None
            Ignored; there for the convention.
        sample_weight : array-like of shape (n_customers,), default=None
            How many customers each row stands for. At least 0.

        Returns
        -------
        self : object

        Raises
        ------
        DataError
            Naming every fault of X at once.

        Warns
        -----
        ConvergenceWarning
            When the point reached is no interior optimum; ``converged_`` is then False.
        """
        frames.check_aligned("the summary", X=X, sample_weight=sample_weight)
        self._remember_ruler(X, reset=True)
        columns = self._summary(X, reset=True)
        weight = None
        if sample_weight is not None:
            weight = check_sample_weight(sample_weight, len(columns))
        unique, weight = self._compress(columns, weight)
        self._fit_rows(unique, weight)
        return self

    def _compress(self, columns: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        keep = self._informative(columns)
        if weight is not None:
            keep &= weight > 0
        if not keep.all():
            columns, weight = columns[keep], None if weight is None else weight[keep]
        if len(columns) < 2:
            raise DataError(
                [
                    f"{type(self).__name__} has n_samples = {len(columns)} informative customers and needs at least 2 "
                    f"to estimate {', '.join(self.parameter_names)}; give it more customers"
                ],
                "the summary",
            )
        parts, counts, codes = unique_rows(*columns.T)
        total = counts.astype(np.float64) if weight is None else np.bincount(codes, weight, minlength=counts.size)
        rows = np.column_stack(parts)
        if len(rows) <= SAMPLE_ABOVE:  # in one order, whatever order the customers came in: equal bases give equal fits
            order = np.lexsort(rows.T[::-1])
            rows, total = rows[order], total[order]
        return rows, total

    def _layout(self) -> CovariateLayout:
        """The fitted vector's layout; without covariates just the log parameters."""
        return CovariateLayout(self.parameter_names, ())

    def _penalty(self) -> Any:
        """Half the strength of the L2 penalty on each coefficient behind the parameters, or one for all; none unless offered."""
        return 0.0

    def _fit_rows(self, columns: np.ndarray, weight: np.ndarray) -> None:
        """Start, maximise, keep: the flow of estimation on unique rows with weights."""
        layout = self._layout()
        matrix = layout.coordinates(columns, weight)
        size = float(weight.sum())
        centre = np.zeros(matrix.shape[1])
        centre[: layout.n_parameters] = np.log(self.start_values(columns, weight))
        if isinstance(self.prior, Mapping):  # a wrong one is refused now, not when the posterior is sampled
            make_prior(self.prior, layout.names, centre, layout.n_parameters)
        box = {"lower": centre - self._box, "upper": centre + self._box}
        start, information = self._warm_start(layout, matrix, columns, weight, centre, box)
        objective = self._objective(layout, matrix, columns, weight)
        optimum = self._maximise(objective, start, **box, scale=size, information=information)
        self._keep(optimum, layout, matrix, size)
        self._data = FitData(columns, weight, layout, matrix, optimum, centre)
        self._warn_unless_converged(optimum)

    def _warm_start(self, layout, matrix, columns, weight, start, box) -> tuple[np.ndarray, np.ndarray | None]:
        """Where there are very many rows, the optimum of an evenly spaced sample of them, and its information scaled up."""
        if len(columns) <= SAMPLE_ABOVE:
            return start, None
        sample = slice(None, None, len(columns) // (SAMPLE_ABOVE // 4))
        size, share = float(weight.sum()), float(weight[sample].sum())
        objective = self._objective(layout, matrix, columns[sample], weight[sample], share / size)
        first = maximize(objective, start, **box, scale=share, tolerance=1e-3)
        return first.theta, first.information * (size / share) if first.converged else None

    def _objective(self, layout, matrix, columns, weight, share: float = 1.0):
        """Penalised log-likelihood and gradient in the coordinates u, the fitted vector being matrix @ u."""
        rows, penalty, k = self._rows(columns), self._penalty() * share, layout.n_parameters
        penalised = bool(np.any(penalty))
        total_of = None if layout.effects else self._weighted_total(rows, weight)
        if total_of is not None:
            return lambda u: total_of(np.exp(u))

        def objective(u: np.ndarray) -> tuple[float, np.ndarray]:
            vector = matrix @ u
            value, by_log_theta = self._log_likelihood_gradient(rows, layout.theta(vector, columns))
            total, gradient = float(weight @ value), layout.gradient(by_log_theta, weight, columns)
            if penalised:
                total -= float(np.sum(penalty * vector[k:] ** 2))
                gradient[k:] -= 2 * penalty * vector[k:]
            return total, matrix.T @ gradient

        return objective

    def _keep(self, optimum: MaximumLikelihood, layout: CovariateLayout, matrix: np.ndarray, size: float) -> None:
        vector = matrix @ optimum.theta
        coefficients = vector[layout.n_parameters :]
        log_likelihood = optimum.log_likelihood + float(np.sum(self._penalty() * coefficients**2))
        self.theta_ = vector
        self.covariance_ = matrix @ optimum.covariance @ matrix.T
        self.log_likelihood_ = log_likelihood
        self.n_customers_ = size
        self.n_parameters_ = optimum.theta.size
        self.posterior_draws_: np.ndarray | None = None

    def _why_not(self, optimum: MaximumLikelihood) -> str:
        """Say in words what kind of non-optimum was reached."""
        centre = self._data.start
        reasons = []
        away = np.abs(optimum.theta - centre) > np.log(1000) if not np.isfinite(optimum.covariance).all() else []
        for j in sorted({*optimum.at_bound, *(int(i) for i in np.flatnonzero(away))}):
            if j >= len(self.parameter_names):
                reasons.append("a covariate's coefficient ran away")
                continue
            name = self.parameter_names[j]
            zero, infinity = self.limits.get(name, ("", ""))
            meaning = zero if optimum.theta[j] < centre[j] else infinity
            reasons.append(f"{name} ran to {np.exp(optimum.theta[j]):.3g}{': ' + meaning if meaning else ''}")
        detail = "; ".join(reasons) or optimum.message
        cure = "use a simpler model, more data or a longer calibration period"
        return no_optimum(type(self).__name__, detail, optimum, cure)

    # ---- results --------------------------------------------------------------------------------------------------

    def estimates(self) -> Estimates:
        """Return the estimates with their standard errors, on the scale they are reported on."""
        k, layout = len(self.parameter_names), self._layout()
        links: list[Link] = ["log" if j < k else "identity" for j in range(layout.size)]
        return Estimates.from_fitted(layout.names, self.theta_, self.covariance_, links)

    @property
    def _sample_size(self) -> float:
        return self.n_customers_

    @property
    def params_(self) -> Mapping[str, float]:
        """Estimates on the natural scale, a read-only mapping under the literature's names."""
        check_is_fitted(self, "theta_")
        natural = np.exp(self.theta_[: len(self.parameter_names)]).tolist()
        return MappingProxyType(dict(zip(self.parameter_names, natural, strict=True)))

    def _theta(self, columns: np.ndarray) -> list:
        """Natural parameters of these rows at the estimate."""
        return self._layout().theta(self.theta_, columns)

    @atomic
    def set_fitted_params(
        self,
        *,
        ruler: Ruler | None = None,
        coef_purchase: Mapping[str, float] | None = None,
        coef_dropout: Mapping[str, float] | None = None,
        **params: float,
    ) -> Any:
        """Make this a fitted model with given parameters, for instance published ones, without any data.

        Parameters
        ----------
        ruler : Ruler, default=None
            The ruler of the parameters, if known.
        coef_purchase, coef_dropout : mapping of str to float, default=None
            Coefficients of the covariates that the constructor names.
        **params : float
            Every parameter of the model, on the natural scale, positive.

        Returns
        -------
        self : object
            Without log-likelihood or covariance, since no data were seen.

        Raises
        ------
        DataError
            Naming each parameter that is missing, unknown or not positive.
        """
        layout = self._layout()
        given = {"purchase": coef_purchase or {}, "dropout": coef_dropout or {}}
        coefficients = self._read_coefficients(layout, given, params)
        self.theta_ = np.array([*np.log([float(params[name]) for name in self.parameter_names]), *coefficients])
        self.covariance_ = np.full((layout.size, layout.size), np.nan)
        self.log_likelihood_ = float("nan")
        self.converged_ = False
        self.convergence_message_ = "the parameters were given, not fitted"
        self._forget_fit()
        self.n_customers_ = 0.0
        self.n_parameters_ = layout.size
        self.n_features_in_ = len(self._input_columns())
        if hasattr(self, "feature_names_in_"):  # of an earlier fit
            del self.feature_names_in_
        self.ruler_ = ruler or Ruler()
        return self

    def _forget_fit(self) -> None:
        """Drop what only data give: they do not belong to parameters that are given."""
        self.posterior_draws_ = None
        self._data = None

    def _read_coefficients(
        self, layout: CovariateLayout, given: Mapping[str, Mapping[str, float]], params: dict[str, float]
    ) -> list[float]:
        """Return the coefficients in the layout's order; those of neither process are among ``params``, which keeps the rest.

        Raises
        ------
        DataError
            Naming each parameter or coefficient that is missing, unknown or not legal.
        """
        faults = Faults(f"the parameters given to {type(self).__name__}")
        left = {process: dict(coefficients) for process, coefficients in given.items()}
        coefficients = []
        for effect in layout.effects:
            source = left.get(effect.process, params)
            for name in effect.names:
                if name not in source:
                    faults.add(f"{name} is missing" if source is params else f"coef_{effect.process} lacks {name}")
                coefficients.append(faults.check(check_number, source.pop(name, 0.0), f"coefficient {name}") or 0.0)
        faults.extend(f"{name} is missing" for name in self.parameter_names if name not in params)
        known = ", ".join(self.parameter_names)
        faults.extend(
            f"{name} is not a parameter; there are {known}" for name in params if name not in self.parameter_names
        )
        for name, value in params.items():
            faults.check(check_number, value, name, above=0)
        for process, more in left.items():
            faults.extend(f"coef_{process} names {name}, which is no covariate of that process" for name in more)
        faults.refuse()
        return coefficients

    # ---- posterior ------------------------------------------------------------------------------------------------

    def sample_posterior(self, n_draws: int = 4000, random_state: Seed = None) -> Posterior:
        """Sample the posterior by importance sampling around its mode; no Markov chain is run.

        A Student-t proposal at the mode, Pareto-smoothed weights, adaptation where the weights' tail is too heavy.
        The draws are kept for :meth:`predict_interval`.

        Parameters
        ----------
        n_draws : int, default=4000
        random_state : int, Generator, RandomState or None

        Returns
        -------
        Posterior
            ``draws`` on the natural scale, ``ess``, ``pareto_k``, ``to_arviz()``.

        Raises
        ------
        ValueError
            When ``prior`` is None, since the posterior need not exist then; and for a model that was loaded from a
            file, which carries no data: call this before storing it, the draws go with it.

        Warns
        -----
        ConvergenceWarning
            When the fit found no interior optimum, so that the prior decides what the data do not.
        UserWarning
            When the prior moves a parameter off its estimate, beyond 90 % of the draws.
        """
        posterior = self._sample_posterior(n_draws, random_state)
        self._warn_of_doubt()
        return posterior

    def _sample_posterior(self, n_draws: int, random_state: Seed) -> Posterior:
        """Sample the posterior and keep its draws, without a word on what they are worth."""
        check_is_fitted(self, "theta_")
        n_draws = check_count(n_draws, "n_draws", least=100, most=MOST_DRAWS)
        if self.prior is None:
            raise ValueError(
                f"{type(self).__name__}(prior=None) has no proper prior, and its posterior need not be proper; use prior='weak'."
            )
        if getattr(self, "_data", None) is None:
            raise ValueError(
                f"This {type(self).__name__} carries no data (it was loaded, copied from another process, or given its "
                "parameters); sample the posterior before storing a model, or fit it again."
            )
        data = self._data
        prior = make_prior(self.prior, data.layout.names, data.start, data.layout.n_parameters)
        posterior, self.posterior_draws_ = draw_posterior(self, data, prior, n_draws, random_state)
        return posterior

    def _doubt(self) -> str:
        """Why the draws do not spread around the estimate, in sentences; empty where they do."""
        if not self.n_customers_:  # parameters that were given
            return ""
        holds = "An interval that would leave its own estimate out is widened to hold it."
        if not self.converged_:
            return f"{self._convergence_words()} Its posterior and its intervals follow the prior where the data do not tell. {holds}"
        if not (moved := self._moved_by_prior()):
            return ""
        return (
            f"{type(self).__name__}: the data hardly tell {', '.join(moved)}, and the prior moves "
            f"{'it' if len(moved) == 1 else 'them'} off the estimate, beyond 90 % of the draws. {holds} State what is known with "
            "prior={name: (median, sd of the log)}, or give it more customers."
        )

    def _words_of_doubt(self) -> str:
        """A sentence for ``describe()`` on a fit that found no interior optimum."""
        return f" {self._convergence_words()}" if self.n_customers_ and not self.converged_ else ""

    def _convergence_words(self) -> str:
        return getattr(self, "convergence_message_", f"{type(self).__name__} found no interior optimum.")

    def _moved_by_prior(self) -> list[str]:
        """The parameters whose estimate lies outside the central 90 % of their draws, if the caller did not ask for it."""
        draws = getattr(self, "posterior_draws_", None)
        if draws is None or isinstance(self.prior, Mapping):
            return []
        lower, upper = np.quantile(draws, [0.05, 0.95], axis=0)
        outside = (self.theta_ < lower) | (self.theta_ > upper)
        return [name for name, out in zip(self._layout().names, outside, strict=True) if out]

    def _warn_of_doubt(self) -> None:
        if doubt := self._doubt():
            category = UserWarning if self.converged_ else ConvergenceWarning
            warn(doubt, category)

    def _draws(self, n_draws: int, *, tell: bool = True) -> np.ndarray:
        """At most n_draws fitted vectors (draws, k): those sampled, else sampled now, else from the normal approximation.

        Unless somebody else will, say where they do not spread around the estimate.
        """
        vectors = self._known_draws(n_draws)
        if tell:
            self._warn_of_doubt()
        return vectors

    def _known_draws(self, n_draws: int) -> np.ndarray:
        check_is_fitted(self, "theta_")
        n_draws = check_count(n_draws, "n_draws", least=1, most=MOST_DRAWS)
        draws = getattr(self, "posterior_draws_", None)
        if draws is None and getattr(self, "_data", None) is not None:
            self._sample_posterior(max(n_draws, STORED_DRAWS), random_state=KEPT_SEED)
            draws = self.posterior_draws_
        if draws is not None:
            return draws[:n_draws]
        if not np.isfinite(self.covariance_).all():
            if self.n_customers_:
                raise ValueError(
                    f"{self._convergence_words()} Without a covariance matrix there is no interval, and the model was stored without "
                    "posterior draws: fit it again and call sample_posterior() before storing it."
                )
            raise ValueError(
                f"This {type(self).__name__} has neither posterior draws nor a covariance matrix, so there is no interval: fit it."
            )
        warn(
            "The model was stored without posterior draws: intervals come from the normal approximation on the fitted "
            "scale. Call sample_posterior() before storing a model.",
            UserWarning,
        )
        return np.random.default_rng(KEPT_SEED).multivariate_normal(
            self.theta_, self.covariance_, n_draws, method="eigh"
        )

    def __getstate__(self) -> dict:
        state = dict(super().__getstate__())  # a copy: what is left out here stays with the model itself
        state.pop("_data", None)
        if state.get("posterior_draws_") is not None:
            state["posterior_draws_"] = state["posterior_draws_"][:STORED_DRAWS]
        return state

    def score(self, X: FrameLike, y: None = None, sample_weight: ArrayLike | None = None) -> float:
        """Mean log-likelihood per customer, in the data's own units.

        Parameters
        ----------
        X : frame or array-like of shape (n_customers, n_columns)
        y : None
            Ignored.
        sample_weight : array-like of shape (n_customers,), default=None

        Returns
        -------
        float
        """
        frames.check_aligned("the summary", X=X, sample_weight=sample_weight)
        columns = self._fitted_summary(X)
        weight = None if sample_weight is None else check_sample_weight(sample_weight, len(columns))
        keep = self._informative(columns)
        value = np.zeros(len(columns))
        if keep.any():
            value[keep] = self._log_likelihood(self._rows(columns[keep]), self._theta(columns[keep]))
        return float(np.average(value, weights=weight))
