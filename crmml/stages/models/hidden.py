r"""Relationship stages that are not seen: a hidden Markov model of counts, categories or amounts.

A customer is in one of K stages, starting in stage s with probability :math:`\pi_s` and moving by a Markov chain P each
period; what is seen in a period depends on the stage alone [1]_. The log-likelihood sums over all paths of stages by the
forward pass of :mod:`crmml.stages.models._forward_backward` and is maximised by EM from several starts: expected stages and moves
given the data, then the parameters that fit them best; it can never fall. The best starts are carried on by L-BFGS. A
missing period says nothing and is passed over. Covariates can act on the moves (a multinomial logit in each row, as in the
hidden relationship states of Netzer, Lattin and Srinivasan [2]_) and on what is seen.

Standard errors come from the observed information: by Fisher's identity the score is the expected score of the complete
data, which is differenced once.

References
----------
.. [1] MacDonald, I. L. and Zucchini, W. (1997), Hidden Markov and Other Models for Discrete-valued Time Series. Chapman & Hall.
.. [2] Netzer, O., Lattin, J. M. and Srinivasan, V. (2008), A hidden Markov model of customer relationship dynamics.
   Marketing Science 27(2), 185-204.
"""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar

import joblib
import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.base import BaseEstimator, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from ...exceptions import DataError
from ...typing import FrameLike, Seed
from ..process.chain import StageChain
from ..process.space import as_stage_space
from ._emissions import EMISSIONS
from ._forward_backward import viterbi
from ._hidden_data import HiddenData, HiddenParameters, em, polish
from ._transition_logit import TransitionLogit
from .base import InformationCriteria

#: A stage that fewer observations than this belong to is called nearly empty.
FEW = 5.0
STORED_DRAWS = 500
#: Probabilities up to this have run to 0.
BOUNDARY = 1e-6
#: Starts that L-BFGS carries on.
POLISHED = 3


class HiddenMarkovStageModel(InformationCriteria, BaseEstimator):
    """A hidden Markov model of relationship stages.

    Parameters
    ----------
    n_stages : int, StageSpace or sequence of str, default=3
        How many stages, or which. A space brings names, rupture, and moves that cannot happen; where all can, stages are
        put in order of their expected observation, lowest first, so that labels do not switch between fits.
    emission : {"poisson", "categorical", "gaussian"}, default="poisson"
        What is seen: counts; codes 0, 1, ... of categories; or amounts.
    period : {"h", "D", "W", "M", "Y"}, default=None
        How long a period lasts; ``chain_`` needs it for annual discount rates.
    n_init : int, default=5
        EM starts: one spread over the observations, the others shaken, and where moves are ruled out with the stages in
        other orders; the best is kept.
    max_iter : int, default=2000
        EM steps of each start, at most.
    tol : float, default=1e-7
        EM stops when the log-likelihood gains less than this share of itself; L-BFGS goes on from the best three starts.
    std_errors : bool, default=True
        Whether to find the information matrix; it takes two passes for each parameter.
    n_jobs : int, default=None
        Starts run side by side; the result does not depend on it.
    random_state : int, RandomState or None, default=0
        For the shaken starts.

    Attributes
    ----------
    stages_ : StageSpace
    start_ : ndarray of shape (n_stages,)
        Distribution of the stage in a customer's first observed period.
    transition_matrix_ : ndarray of shape (n_stages, n_stages)
        At the mean of the covariates, where there are any.
    coef_transition_ : ndarray of shape (n_stages, n_stages, n_covariates + 1)
        Log odds against staying: intercept, then effects.
    rates_, means_, standard_deviations_, emission_probabilities_, coef_emission_ : ndarray
        Of the emission, whichever it has.
    chain_ : StageChain
    log_likelihood_ : float
    history_ : ndarray
        Log-likelihood of the best start, step by step.
    start_log_likelihoods_ : ndarray of shape (n_init,)
        Where EM ended, best first.
    n_parameters_, n_informative_, n_iter_ : int
    converged_ : bool
    covariance_ : ndarray
        Of the unbounded parameters; None without ``std_errors``.

    Examples
    --------
    >>> import numpy as np
    >>> from crmml.stages import HiddenMarkovStageModel, StageChain
    >>> chain = StageChain([[0.9, 0.1], [0.2, 0.8]])
    >>> stages = chain.simulate(500, 12, start=[0.5, 0.5], random_state=0).astype(int)
    >>> orders = np.random.default_rng(0).poisson(np.array([0.3, 4.0])[stages])
    >>> model = HiddenMarkovStageModel(2, n_init=2).fit(orders)
    >>> model.rates_.round(1), model.transition_matrix_.round(1)
    (array([0.3, 4.1]), array([[0.9, 0.1],
           [0.2, 0.8]]))
    >>> model.decode(orders[:1])
    array([[0., 0., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1.]])
    """

    _title = "Hidden Markov stage model"
    _parameter_constraints: ClassVar[dict] = {
        "emission": [StrOptions(set(EMISSIONS))],
        "period": [StrOptions({"h", "D", "W", "M", "Y"}), None],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "std_errors": ["boolean"],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_stages: Any = 3,
        emission: str = "poisson",
        *,
        period: str | None = None,
        n_init: int = 5,
        max_iter: int = 2000,
        tol: float = 1e-7,
        std_errors: bool = True,
        n_jobs: int | None = None,
        random_state: Seed = 0,
    ) -> None:
        self.n_stages = n_stages
        self.emission = emission
        self.period = period
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.std_errors = std_errors
        self.n_jobs = n_jobs
        self.random_state = random_state

    # ---- input ----------------------------------------------------------------------------------------------------

    def _panel(self, X: Any, *, reset: bool) -> np.ndarray:
        """Return the checked panel: the one door through which all input passes."""
        if reset:
            array = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        else:
            array = check_array(X, dtype=np.float64, ensure_all_finite="allow-nan", estimator=self)
        seen = np.unique(array[~np.isnan(array)])
        faults = self._emission(reset).faults(seen) if len(seen) else []
        if (nothing := int(np.isnan(array).all(axis=1).sum())) > 0:
            faults.append(f"{nothing:,} of {len(array):,} customers have no observed period; leave them out")
        if reset and not faults:
            n = len(as_stage_space(self.n_stages))
            if len(seen) < n:
                faults.append(f"{n} stages cannot be told apart by {len(seen)} distinct value(s); take fewer stages")
        elif (
            not reset
            and not faults
            and self.emission == "categorical"
            and seen.max() >= self.emission_probabilities_.shape[1]
        ):
            faults.append(
                f"category {seen.max():g} was never seen at fit; there were 0 to {self.emission_probabilities_.shape[1] - 1}"
            )
        if faults:
            raise DataError(faults, f"the panel given to {type(self).__name__}")
        return array

    def _emission(self, reset: bool) -> Any:
        return EMISSIONS[self.emission]() if reset else self._fitted_emission

    def _data(self, X: np.ndarray, transition_covariates: Any, emission_covariates: Any) -> HiddenData:
        if emission_covariates is not None and not EMISSIONS[self.emission].takes_covariates:
            raise ValueError("emission='categorical' takes no emission covariates; let them act on the transitions.")
        return HiddenData(X, transition_covariates, emission_covariates)

    def _fitted_data(self, X: Any, transition_covariates: Any, emission_covariates: Any) -> HiddenData:
        check_is_fitted(self)
        data = self._data(self._panel(X, reset=False), transition_covariates, emission_covariates)
        faults = [
            f"there are {found} {what} covariates, at fit there were {known}"
            for what, found, known in (
                ("transition", data.n_transition, self._logit.q),
                ("emission", data.n_emission, self._n_emission),
            )
            if found != known
        ]
        if faults:
            raise DataError(faults, "the covariates")
        return data

    # ---- fit ------------------------------------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: FrameLike, y: None = None, *, transition_covariates: Any = None, emission_covariates: Any = None
    ) -> HiddenMarkovStageModel:
        """Fit by EM.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
            What was seen in each period; NaN where nothing was looked at. Rows may begin and end at any period.
        y : None
            Ignored.
        transition_covariates : array-like of shape (n_customers, k) or (n_customers, n_periods, k), default=None
            What the moves depend on; the entry of a period bears on the move out of it.
        emission_covariates : array-like of shape (n_customers, k) or (n_customers, n_periods, k), default=None
            What the observation of a period depends on besides the stage.

        Returns
        -------
        self : object

        Raises
        ------
        DataError
            Naming every fault of X.

        Warns
        -----
        ConvergenceWarning
            When EM had not settled after ``max_iter`` steps, or a stage is nearly empty.
        """
        panel = self._panel(X, reset=True)
        space = as_stage_space(self.n_stages)
        data = self._data(panel, transition_covariates, emission_covariates)
        emission = EMISSIONS[self.emission]()
        logit = TransitionLogit(space.allowed_moves, data.n_transition)
        seeds = check_random_state(self.random_state).randint(0, 2**31 - 1, self.n_init)
        starts = [self._first(data, emission, logit, None if k == 0 else int(seed)) for k, seed in enumerate(seeds)]
        if not space.allowed_moves.all():  # which stage is the lowest is not known: starts begin in different orders
            n = len(space)
            orders = [
                np.arange(n),
                np.arange(n)[::-1],
                *(np.random.default_rng(seed).permutation(n) for seed in seeds[2:]),
            ]
            starts = [
                HiddenParameters(first.start, first.transition, emission.permuted(first.emission, order))
                for first, order in zip(starts, orders, strict=False)
            ]
        results = joblib.Parallel(n_jobs=self.n_jobs)(
            joblib.delayed(em)(data, emission, logit, start, self.max_iter, self.tol) for start in starts
        )
        results.sort(key=lambda result: -result.history[-1])
        polished = [polish(data, emission, logit, result) for result in results[:POLISHED]]
        best = max(polished, key=lambda result: result.history[-1])
        parameters = best.parameters
        if space.allowed_moves.all():
            order = np.argsort(emission.mean(parameters.emission), kind="stable")
            parameters = parameters.permuted(order, emission, logit)
        self.stages_, self._logit, self._fitted_emission = space, logit, emission
        self._parameters, self._n_emission = parameters, data.n_emission
        self._mean_covariates = data.mean_transition_covariates()
        self.history_ = np.array(best.history)
        self.start_log_likelihoods_ = np.array([result.history[-1] for result in results])
        self.log_likelihood_, self.converged_, self.n_iter_ = best.history[-1], best.converged, len(best.history) - 1
        self.start_ = parameters.start
        self.coef_transition_ = parameters.transition
        average = logit.probabilities(parameters.transition, self._mean_covariates)
        self.transition_matrix_ = average if self._mean_covariates is None else average[0]
        for name, attribute in emission.attributes.items():
            if parameters.emission[name].size:
                setattr(self, attribute, parameters.emission[name])
        self.n_parameters_ = len(space) - 1 + logit.size + emission.n_parameters(parameters.emission)
        self.n_informative_ = len(panel)
        self.covariance_: np.ndarray | None = None
        draws = self._information(data) if self.std_errors else None
        self.chain_ = StageChain(self.transition_matrix_, space, self.period, draws=draws)
        self._warn(data)
        return self

    def _first(self, data: HiddenData, emission: Any, logit: TransitionLogit, seed: int | None) -> HiddenParameters:
        n, rng = len(logit.allowed), None if seed is None else np.random.default_rng(seed)
        P = np.where(logit.allowed, 0.3 / n, 0.0) + 0.7 * np.eye(n) * logit.allowed
        start = np.full(n, 1 / n)
        if rng is not None:
            P = P * rng.gamma(2.0, size=P.shape)
            start = rng.dirichlet(np.full(n, 3.0))
        P = np.where(P.sum(axis=1, keepdims=True) > 0, P, logit.allowed)
        P = P / P.sum(axis=1, keepdims=True)
        return HiddenParameters(
            start, logit.from_matrix(P), emission.initial(data.values, data.value_weight, n, data.value_covariates, rng)
        )

    def _information(self, data: HiddenData) -> np.ndarray:
        """Set ``covariance_`` from differences of the score; return draws of P.

        Probabilities of moves that ran to 0 are left as they are: they have no standard error, and are NaN.
        """
        parameters, logit, emission = self._parameters, self._logit, self._fitted_emission
        vector = parameters.to_vector(logit, emission)
        n_start = len(parameters.start) - 1
        moves = slice(n_start, n_start + logit.size)
        largest = None if data.z_rows is None else np.abs(data.z_rows).max(axis=0)
        size = np.concatenate(
            [np.ones(n_start), logit.sizes(largest), emission.sizes(data.value_covariates, parameters.emission)]
        )
        P = logit.probabilities(parameters.transition, data.z_rows)
        never = logit.never(P if P.ndim == 2 else P.max(axis=0))
        free = np.concatenate([parameters.start[1:] > BOUNDARY, ~never, np.ones(len(vector) - moves.stop, dtype=bool)])
        if parameters.start[0] <= BOUNDARY:
            free[:n_start] = False
        at = np.flatnonzero(free)
        H = np.empty((len(at),) * 2)
        for row, k in enumerate(at):
            step = np.zeros(len(vector))
            step[k] = 1e-4 * size[k]
            sides = []
            for sign in (1, -1):
                moved = HiddenParameters.from_vector(vector + sign * step, parameters, logit, emission)
                sides.append(data.score(moved, emission, logit)[1][at])
            H[row] = (sides[0] - sides[1]) / (2 * step[k]) * size[at] * size[k]
        value, direction = np.linalg.eigh(-(H + H.T) / 2)
        sound = value > 1e-9 * value.max()
        scaled = (direction[:, sound] / value[sound]) @ direction[:, sound].T
        unknown = (
            np.abs(direction[:, ~sound]).max(axis=1, initial=0.0) > 1e-3
        )  # flat directions have no error to speak of
        scaled[unknown], scaled[:, unknown] = np.nan, np.nan
        self.covariance_ = np.full((len(vector),) * 2, np.nan)
        self.covariance_[np.ix_(at, at)] = scaled * np.outer(size[at], size[at])
        self._vector = vector
        rng = np.random.default_rng(0)
        known = np.nan_to_num(self.covariance_[moves, moves])
        rows = (
            rng.multivariate_normal(vector[moves], known, STORED_DRAWS, method="eigh")
            if logit.size
            else np.zeros((STORED_DRAWS, 0))
        )
        z = self._mean_covariates
        matrices = (logit.probabilities(logit.from_vector(row), z) for row in rows)
        return np.stack([Q if z is None else Q[0] for Q in matrices])

    def _warn(self, data: HiddenData) -> None:
        if not self.converged_:
            warnings.warn(
                f"EM had not settled after {self.n_iter_:,} steps; raise max_iter, or take fewer stages.",
                ConvergenceWarning,
                stacklevel=3,
            )
        mass = data.expectation(self._parameters, self._fitted_emission, self._logit).value_mass.sum(axis=0)
        for name, size in zip(self.stages_.names, mass, strict=True):
            if size < FEW:
                warnings.warn(
                    f"Stage {name!r} is nearly empty: {size:.1f} of {data.n_observed:,} observations belong to it. The data do "
                    f"not carry {len(mass)} stages; take fewer.",
                    ConvergenceWarning,
                    stacklevel=3,
                )

    # ---- the stages of customers ----------------------------------------------------------------------------------

    def filter(self, X: FrameLike, *, transition_covariates: Any = None, emission_covariates: Any = None) -> np.ndarray:
        """Return the distribution of the stage in each period, given what was seen up to then.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
            A panel of any length.
        transition_covariates, emission_covariates : array-like, default=None
            As in :meth:`fit`.

        Returns
        -------
        ndarray of shape (n_customers, n_periods, n_stages)
            NaN before a customer's first and after the last observed period.
        """
        data = self._fitted_data(X, transition_covariates, emission_covariates)
        return data.stages(self._parameters, self._fitted_emission, self._logit, smooth=False)

    def smooth(self, X: FrameLike, *, transition_covariates: Any = None, emission_covariates: Any = None) -> np.ndarray:
        """Return the distribution of the stage in each period, given all that was seen.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
        transition_covariates, emission_covariates : array-like, default=None
            As in :meth:`fit`.

        Returns
        -------
        ndarray of shape (n_customers, n_periods, n_stages)
            NaN before a customer's first and after the last observed period.
        """
        data = self._fitted_data(X, transition_covariates, emission_covariates)
        return data.stages(self._parameters, self._fitted_emission, self._logit, smooth=True)

    def decode(self, X: FrameLike, *, transition_covariates: Any = None, emission_covariates: Any = None) -> np.ndarray:
        """Return each customer's most likely path of stages (Viterbi).

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
        transition_covariates, emission_covariates : array-like, default=None
            As in :meth:`fit`.

        Returns
        -------
        ndarray of shape (n_customers, n_periods)
            Codes; NaN before a customer's first and after the last observed period.
        """
        data = self._fitted_data(X, transition_covariates, emission_covariates)
        return data.paths(self._parameters, self._fitted_emission, self._logit, viterbi)

    def predict_proba(
        self, X: FrameLike, horizon: int = 1, *, transition_covariates: Any = None, emission_covariates: Any = None
    ) -> np.ndarray:
        """Return the distribution of the stage ``horizon`` periods after each customer's last observed one.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
            A panel of any length.
        horizon : int, default=1
            At least 0.
        transition_covariates, emission_covariates : array-like, default=None
            As in :meth:`fit`; those of the last observed period stay as they are.

        Returns
        -------
        ndarray of shape (n_customers, n_stages)
        """
        if horizon != int(horizon) or horizon < 0:
            raise ValueError(f"horizon={horizon!r} must be a whole number, at least 0.")
        data = self._fitted_data(X, transition_covariates, emission_covariates)
        share = data.last_filtered(self._parameters, self._fitted_emission, self._logit)
        z = data.last_transition_covariates()
        P = self._logit.probabilities(self._parameters.transition, z)
        for _ in range(int(horizon)):
            share = share @ P if z is None else np.einsum("ni,nij->nj", share, P)
        return share

    def predict(self, X: FrameLike, horizon: int = 1, **covariates: Any) -> np.ndarray:
        """Return the most likely stage ``horizon`` periods after each customer's last observed one, as codes (n_customers,)."""
        return self.predict_proba(X, horizon, **covariates).argmax(axis=1)

    def predict_mean(self, X: FrameLike, horizon: int = 1, **covariates: Any) -> np.ndarray:
        """Return the expected observation ``horizon`` periods ahead (n_customers,); emission covariates at 0."""
        return self.predict_proba(X, horizon, **covariates) @ self._fitted_emission.mean(self._parameters.emission)

    def score(
        self, X: FrameLike, y: None = None, *, transition_covariates: Any = None, emission_covariates: Any = None
    ) -> float:
        """Return the mean log-likelihood per customer.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
        y : None
            Ignored.
        transition_covariates, emission_covariates : array-like, default=None
            As in :meth:`fit`.

        Returns
        -------
        float
        """
        data = self._fitted_data(X, transition_covariates, emission_covariates)
        return data.log_likelihood(self._parameters, self._fitted_emission, self._logit) / len(data.X)

    def simulate(self, n_customers: int, n_periods: int, *, random_state: Seed = None) -> tuple[np.ndarray, np.ndarray]:
        """Simulate customers at the mean of the transition covariates and emission covariates of 0.

        Parameters
        ----------
        n_customers, n_periods : int
        random_state : int, RandomState or None

        Returns
        -------
        X, stages : ndarray of shape (n_customers, n_periods)
            What is seen, and the codes of the stages.
        """
        check_is_fitted(self)
        state = check_random_state(random_state)
        stages = self.chain_.simulate(n_customers, n_periods, start=self.start_, random_state=state)
        rng = np.random.default_rng(state.randint(0, 2**31 - 1))
        seen = self._fitted_emission.sample(stages.astype(int).ravel(), None, self._parameters.emission, rng)
        return seen.reshape(stages.shape), stages

    # ---- figures and words ----------------------------------------------------------------------------------------

    def summary(self, coverage: float = 0.95) -> pd.DataFrame:
        """Return the parameters on their fitted, unbounded scale with standard errors and intervals.

        Parameters
        ----------
        coverage : float, default=0.95

        Returns
        -------
        DataFrame
            parameter, estimate, std_error, lower, upper. Start and transitions are log odds (against the first stage, and against
            staying), rates and standard deviations logs. NaN errors where a probability ran to 0 or the data do not tell.
        """
        check_is_fitted(self)
        if self.covariance_ is None:
            raise ValueError("The model was fitted with std_errors=False; fit it with True.")
        std_error = np.sqrt(np.maximum(np.diag(self.covariance_), 0.0))  # NaN stays
        z = norm.ppf((1 + coverage) / 2)
        return pd.DataFrame(
            {
                "parameter": self._parameter_names(),
                "estimate": self._vector,
                "std_error": std_error,
                "lower": self._vector - z * std_error,
                "upper": self._vector + z * std_error,
            }
        )

    def _parameter_names(self) -> list[str]:
        stages, logit = self.stages_.names, self._logit
        names = [f"start {name}" for name in stages[1:]]
        for i, free in enumerate(logit.free):
            for j in free:
                arc = f"{stages[i]} → {stages[j]}"
                names += [arc, *(f"{arc}, covariate {k}" for k in range(logit.q))]
        if self.emission == "poisson":
            names += [f"log rate {name}" for name in stages]
        elif self.emission == "gaussian":
            names += [f"mean {name}" for name in stages] + [f"log sd {name}" for name in stages]
        else:
            names += [
                f"{name}, category {c}" for name in stages for c in range(1, self.emission_probabilities_.shape[1])
            ]
        return names + [f"emission covariate {k}" for k in range(self._n_emission)]

    def describe(self) -> str:
        """Say in plain sentences what the stages are and how customers move between them."""
        check_is_fitted(self)
        word = {"poisson": "events", "gaussian": "amount", "categorical": "category"}[self.emission]
        mean = self._fitted_emission.mean(self._parameters.emission)
        each = ", ".join(f"{name} {value:.2f}" for name, value in zip(self.stages_.names, mean, strict=True))
        return (
            f"{self._title} with {len(mean)} stages on {self.n_informative_:,} customers (log-likelihood {self.log_likelihood_:,.2f}, "
            f"{self.n_parameters_} parameters). Mean {word} a period: {each}.\n{self.chain_.describe()}"
        )
