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

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import joblib
import numpy as np
from sklearn.base import _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from ...checks import check_count, check_random_state
from ...exceptions import shortened, warn
from ...fitting import atomic
from ...inference import Estimates
from ...typing import ArrayLike, FrameLike, Seed
from ..process.chain import StageChain
from ..process.space import StagesLike, StageSpace, as_stage_space
from ._covariates import Covariates, read_covariates, stacked
from ._emissions import EMISSIONS, Emission
from ._forward_backward import viterbi
from ._hidden_data import BOUNDARY, EMResult, HiddenData, HiddenParameters, covariance_of, em, polish
from ._transition_logit import TransitionLogit
from .base import StageModel, check_beside, step_ahead, stopped_at, weights_of

#: A stage that fewer observations than this belong to is called nearly empty.
FEW = 5.0
STORED_DRAWS = 500
#: Starts that L-BFGS carries on.
POLISHED = 3


class HiddenMarkovStageModel(StageModel):
    """A hidden Markov model of relationship stages.

    Parameters
    ----------
    n_stages : int, StageSpace or sequence of str, default=3
        How many stages, or which. A space brings names, rupture, and moves that cannot happen; where all can, stages are
        put in order of their expected observation, lowest first, so that labels do not switch between fits.
    emission : {"poisson", "categorical", "gaussian"}, default="poisson"
        What is seen: counts; codes 0, 1, ... of categories; or amounts.
    transition_covariates : sequence of str, default=()
        Names of the covariates that the moves depend on; the value of a period bears on the move out of it.
    emission_covariates : sequence of str, default=()
        Names of the covariates that the observation of a period depends on besides the stage.
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
        Whether to find the information matrix; it takes two passes for each parameter. Without it the errors of
        :meth:`summary` are NaN.
    n_jobs : int, default=None
        Starts run side by side; the result does not depend on it.
    random_state : int, RandomState or None, default=None
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
    >>> model = HiddenMarkovStageModel(2, n_init=2, random_state=0).fit(orders)
    >>> model.rates_.round(1), model.transition_matrix_.round(1)
    (array([0.3, 4.1]), array([[0.9, 0.1],
           [0.2, 0.8]]))
    >>> model.decode(orders[:1])
    array([[0., 0., 1., 1., 1., 1., 1., 1., 1., 1., 1., 1.]])
    """

    title = "Hidden Markov stage model"
    _parameter_constraints: ClassVar[dict] = {
        "emission": [StrOptions(set(EMISSIONS))],
        "transition_covariates": ["array-like"],
        "emission_covariates": ["array-like"],
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
        n_stages: StagesLike = 3,
        emission: str = "poisson",
        *,
        transition_covariates: Sequence[str] = (),
        emission_covariates: Sequence[str] = (),
        period: str | None = None,
        n_init: int = 5,
        max_iter: int = 2000,
        tol: float = 1e-7,
        std_errors: bool = True,
        n_jobs: int | None = None,
        random_state: Seed = None,
    ) -> None:
        self.n_stages = n_stages
        self.emission = emission
        self.transition_covariates = transition_covariates
        self.emission_covariates = emission_covariates
        self.period = period
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.std_errors = std_errors
        self.n_jobs = n_jobs
        self.random_state = random_state

    # ---- input ----------------------------------------------------------------------------------------------------

    def read_panel(self, X: FrameLike, *, reset: bool) -> np.ndarray:
        """Return the checked panel: the one door through which all input passes."""
        if reset:
            array = validate_data(self, X, dtype=np.float64, ensure_all_finite="allow-nan")
        else:
            array = check_array(X, dtype=np.float64, ensure_all_finite="allow-nan", estimator=self)
        seen = np.unique(array[~np.isnan(array)])
        emission = EMISSIONS[self.emission]() if reset else self._emission
        faults = emission.faults(seen) if len(seen) else []
        if (nothing := int(np.isnan(array).all(axis=1).sum())) > 0:
            faults.append(f"{nothing:,} of {len(array):,} customers have no observed period; leave them out")
        self._refuse(faults or (self._faults_at_fit(seen) if reset else self._faults_after(seen)))
        return array

    def _faults_at_fit(self, seen: np.ndarray) -> list[str]:
        n = len(as_stage_space(self.n_stages))
        if len(seen) >= n:
            return []
        return [f"{n} stages cannot be told apart by {len(seen)} distinct value(s); take fewer stages"]

    def _faults_after(self, seen: np.ndarray) -> list[str]:
        if self.emission != "categorical" or seen.max() < (known := self.emission_probabilities_.shape[1]):
            return []
        return [f"category {seen.max():g} was never seen at fit; there were 0 to {known - 1}"]

    def _data(self, panel: np.ndarray, covariates: Covariates | None, weight: np.ndarray | None) -> HiddenData:
        """Return the panel laid out for the passes, with its covariates."""
        if len(self.emission_covariates) and not EMISSIONS[self.emission].takes_covariates:
            raise ValueError("emission='categorical' takes no emission covariates; let them act on the transitions.")
        names = dict.fromkeys([*self.transition_covariates, *self.emission_covariates])
        columns = read_covariates(covariates, panel.shape, list(names))
        moves, seen = (
            stacked(columns, names, panel.shape) for names in (self.transition_covariates, self.emission_covariates)
        )
        if weight is not None and (weight == 0).any():
            kept = weight > 0
            panel, weight = panel[kept], weight[kept]
            moves, seen = (None if z is None else z[kept] for z in (moves, seen))
        return HiddenData(panel, moves, seen, weight)

    def _fitted_data(
        self, X: FrameLike, covariates: Covariates | None, sample_weight: ArrayLike | None = None
    ) -> HiddenData:
        check_is_fitted(self)
        check_beside(X, covariates)
        panel = self.read_panel(X, reset=False)
        return self._data(panel, covariates, weights_of(sample_weight, panel, X))

    # ---- fit ------------------------------------------------------------------------------------------------------

    @atomic
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: FrameLike,
        y: None = None,
        sample_weight: ArrayLike | None = None,
        *,
        covariates: Covariates | None = None,
    ) -> HiddenMarkovStageModel:
        """Fit by EM.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
            What was seen in each period; NaN where nothing was looked at. Rows may begin and end at any period.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_customers,), default=None
            How many customers each row stands for. At least 0.
        covariates : mapping or frame, default=None
            The covariates that the constructor names: arrays of shape (n_customers,), for what does not change, or
            (n_customers, n_periods), by name; or a frame with one row per customer.

        Returns
        -------
        self : object

        Raises
        ------
        DataError
            Naming every fault of X, or of the covariates.

        Warns
        -----
        ConvergenceWarning
            When EM had not settled after ``max_iter`` steps, or a stage is nearly empty.
        """
        check_beside(X, covariates)
        panel = self.read_panel(X, reset=True)
        data = self._data(panel, covariates, weights_of(sample_weight, panel, X))
        space, emission = as_stage_space(self.n_stages), EMISSIONS[self.emission]()
        logit = TransitionLogit(space.allowed_moves, data.n_transition)
        results = joblib.Parallel(n_jobs=self.n_jobs)(
            joblib.delayed(em)(data, emission, logit, start, self.max_iter, self.tol)
            for start in self._starts(data, emission, logit)
        )
        results.sort(key=lambda result: -result.history[-1])
        polished = [polish(data, emission, logit, result) for result in results[:POLISHED]]
        best = max(polished, key=lambda result: result.history[-1])
        self.start_log_likelihoods_ = np.array([result.history[-1] for result in results])
        self._keep(best, data, emission, logit, space)
        self._tell_uncertainty(data)
        self._warn(data)
        return self

    def _starts(self, data: HiddenData, emission: Emission, logit: TransitionLogit) -> list[HiddenParameters]:
        """Return where EM begins: spread over the observations, then shaken, in other orders where moves are ruled out."""
        seeds = check_random_state(self.random_state).randint(0, 2**31 - 1, self.n_init)
        starts = [self._first(data, emission, logit, None if k == 0 else int(seed)) for k, seed in enumerate(seeds)]
        if logit.allowed.all():
            return starts
        n = len(logit.allowed)  # which stage is the lowest is not known: starts begin in different orders
        shuffled = (np.random.default_rng(seed).permutation(n) for seed in seeds[2:])
        orders = [np.arange(n), np.arange(n)[::-1], *shuffled]
        return [
            HiddenParameters(first.start, first.transition, emission.permuted(first.emission, order))
            for first, order in zip(starts, orders, strict=False)
        ]

    def _keep(
        self, best: EMResult, data: HiddenData, emission: Emission, logit: TransitionLogit, space: StageSpace
    ) -> None:
        """Set the estimates; where every move can happen the stages are put in order of their mean observation."""
        parameters = best.parameters
        if space.allowed_moves.all():
            order = np.argsort(emission.mean(parameters.emission), kind="stable")
            parameters = parameters.permuted(order, emission, logit)
        self.stages_, self._logit, self._emission, self._parameters = space, logit, emission, parameters
        self._mean_covariates = data.mean_transition_covariates()
        self.history_ = np.array(best.history)
        self.log_likelihood_, self.converged_, self.n_iter_ = best.history[-1], best.converged, len(best.history) - 1
        self.start_ = parameters.start
        self.coef_transition_ = parameters.transition
        self.transition_matrix_ = self._average(parameters.transition)
        for name, attribute in emission.attributes.items():
            if parameters.emission[name].size:
                setattr(self, attribute, parameters.emission[name])
        self.n_parameters_ = len(space) - 1 + logit.size + emission.n_parameters(parameters.emission)
        self.n_informative_ = data.size

    def _average(self, transition: np.ndarray) -> np.ndarray:
        """Return transition probabilities at the mean of the covariates."""
        P = self._logit.probabilities(transition, self._mean_covariates)
        return P if self._mean_covariates is None else P[0]

    def _tell_uncertainty(self, data: HiddenData) -> None:
        """Set ``covariance_`` and ``chain_``, with draws of P from the normal approximation."""
        self.covariance_: np.ndarray | None = None
        draws = None
        if self.std_errors:
            self._vector, self.covariance_ = covariance_of(data, self._emission, self._logit, self._parameters)
            draws = self._draw_transitions()
        self.chain_ = StageChain(self.transition_matrix_, self.stages_, self.period, draws=draws)

    def _draw_transitions(self) -> np.ndarray:
        n_start = len(self.start_) - 1
        moves = slice(n_start, n_start + self._logit.size)
        if not self._logit.size:
            rows = np.zeros((STORED_DRAWS, 0))
        else:
            known = np.nan_to_num(self.covariance_[moves, moves])  # type: ignore[index]
            rng = np.random.default_rng(0)
            rows = rng.multivariate_normal(self._vector[moves], known, STORED_DRAWS, method="eigh")
        return np.stack([self._average(self._logit.from_vector(row)) for row in rows])

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

    def _warn(self, data: HiddenData) -> None:
        if not self.converged_:
            warn(
                f"EM had not settled after {self.n_iter_:,} steps; raise max_iter, or take fewer stages.",
                ConvergenceWarning,
            )
        mass = data.e_step(self._parameters, self._emission, self._logit).value_mass.sum(axis=0)
        for name, size in zip(self.stages_.names, mass, strict=True):
            if size < FEW:
                warn(
                    f"Stage {name!r} is nearly empty: {size:.1f} of {data.n_observed:,.0f} observations belong to it. The data do "
                    f"not carry {len(mass)} stages; take fewer.",
                    ConvergenceWarning,
                )

    # ---- the stages of customers ----------------------------------------------------------------------------------

    def filter(self, X: FrameLike, *, covariates: Covariates | None = None) -> np.ndarray:
        """Return the distribution of the stage in each period, given what was seen up to then.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
            A panel of any length.
        covariates : mapping or frame, default=None
            As in :meth:`fit`.

        Returns
        -------
        ndarray of shape (n_customers, n_periods, n_stages)
            NaN before a customer's first and after the last observed period.
        """
        data = self._fitted_data(X, covariates)
        return data.stages(self._parameters, self._emission, self._logit, smooth=False)

    def smooth(self, X: FrameLike, *, covariates: Covariates | None = None) -> np.ndarray:
        """Return the distribution of the stage in each period, given all that was seen.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
        covariates : mapping or frame, default=None
            As in :meth:`fit`.

        Returns
        -------
        ndarray of shape (n_customers, n_periods, n_stages)
            NaN before a customer's first and after the last observed period.
        """
        data = self._fitted_data(X, covariates)
        return data.stages(self._parameters, self._emission, self._logit, smooth=True)

    def decode(self, X: FrameLike, *, covariates: Covariates | None = None) -> np.ndarray:
        """Return each customer's most likely path of stages (Viterbi).

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
        covariates : mapping or frame, default=None
            As in :meth:`fit`.

        Returns
        -------
        ndarray of shape (n_customers, n_periods)
            Codes; NaN before a customer's first and after the last observed period.
        """
        data = self._fitted_data(X, covariates)
        return data.paths(self._parameters, self._emission, self._logit, viterbi)

    def _last(self, X: FrameLike, covariates: Covariates | None) -> tuple[np.ndarray, np.ndarray]:
        """Return the distribution of each customer's last observed stage, and the moves out of it."""
        data = self._fitted_data(X, covariates)
        share = data.last_filtered(self._parameters, self._emission, self._logit)
        return share, self._logit.probabilities(self._parameters.transition, data.last_transition_covariates())

    def predict_proba(self, X: FrameLike, horizon: int = 1, *, covariates: Covariates | None = None) -> np.ndarray:
        """Return the distribution of the stage ``horizon`` periods after each customer's last observed one.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
            A panel of any length.
        horizon : int, default=1
            At least 0.
        covariates : mapping or frame, default=None
            As in :meth:`fit`; those of the last observed period stay as they are.

        Returns
        -------
        ndarray of shape (n_customers, n_stages)
        """
        horizon = check_count(horizon, "horizon")
        return step_ahead(*self._last(X, covariates), horizon)

    def rupture_probability(self, X: FrameLike, horizon: int, *, covariates: Covariates | None = None) -> np.ndarray:
        """Return each customer's probability of having entered rupture within a horizon: first passage.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
            A panel of any length.
        horizon : int
            Periods after the last observed one, at least 0.
        covariates : mapping or frame, default=None
            As in :meth:`fit`; those of the last observed period stay as they are.

        Returns
        -------
        ndarray of shape (n_customers,)
            The probability that the last observed stage was rupture is part of it.
        """
        horizon = check_count(horizon, "horizon")
        share, P = self._last(X, covariates)
        broken = self._rupture()
        return step_ahead(share, stopped_at(P, broken), horizon)[:, broken].sum(axis=1)

    def predict_mean(self, X: FrameLike, horizon: int = 1, *, covariates: Covariates | None = None) -> np.ndarray:
        """Return the expected observation ``horizon`` periods ahead (n_customers,); emission covariates at 0."""
        return self.predict_proba(X, horizon, covariates=covariates) @ self._emission.mean(self._parameters.emission)

    def score(
        self,
        X: FrameLike,
        y: None = None,
        sample_weight: ArrayLike | None = None,
        *,
        covariates: Covariates | None = None,
    ) -> float:
        """Return the mean log-likelihood per customer.

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
        """
        data = self._fitted_data(X, covariates, sample_weight)
        return data.log_likelihood(self._parameters, self._emission, self._logit) / data.size

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
        seen = self._emission.sample(stages.astype(int).ravel(), None, self._parameters.emission, rng)
        return seen.reshape(stages.shape), stages

    # ---- figures and words ----------------------------------------------------------------------------------------

    def estimates(self) -> Estimates:
        """Return start and transition probabilities (at the mean of the covariates), effects as log odds against staying,
        and what each stage shows; NaN errors where a probability ran to 0 or the data do not tell.
        """
        names, value, link = self._reported(self._parameters)
        error = np.full(len(value), np.nan)
        if self.covariance_ is not None:
            slope = self._slope()
            known = np.isfinite(np.diag(self.covariance_))
            inside = slope[:, known]
            variance = np.einsum("ka,ab,kb->k", inside, self.covariance_[np.ix_(known, known)], inside)
            probability = np.array([one == "logit" for one in link])
            lost = np.abs(slope[:, ~known]).max(axis=1, initial=0.0) > np.where(probability, 1e-5, 0.0)
            lost |= probability & (value <= BOUNDARY)
            error = np.where(lost, np.nan, np.sqrt(np.maximum(variance, 0.0)))
        return Estimates(names, value, error, link)

    def _slope(self) -> np.ndarray:
        """Return the derivatives of what is reported by the unbounded vector, by central differences."""
        columns = []
        for k in range(len(self._vector)):
            step = np.zeros(len(self._vector))
            step[k] = 1e-6 * max(1.0, abs(self._vector[k]))
            ends = (
                HiddenParameters.from_vector(moved, self._parameters, self._logit, self._emission)
                for moved in (self._vector + step, self._vector - step)
            )
            up, down = (self._reported(end)[1] for end in ends)
            columns.append((up - down) / (2 * step[k]))
        return np.array(columns).T

    def _reported(self, p: HiddenParameters) -> tuple[list[str], np.ndarray, list[Any]]:
        """Return names, values and links of what is reported of some parameters."""
        stages, logit = self.stages_.names, self._logit
        rows = [(f"start {name}", share, "logit") for name, share in zip(stages, p.start, strict=True)]
        P = self._average(p.transition)
        for i, j in zip(*np.nonzero(logit.allowed & (logit.allowed.sum(axis=1) > 1)[:, None]), strict=True):
            rows.append((f"{stages[i]} → {stages[j]}", P[i, j], "logit"))
        for i, free in enumerate(logit.free):
            rows += [
                (f"{stages[i]} → {stages[j]}, {name}", p.transition[i, j, 1 + k], "identity")
                for j in free
                for k, name in enumerate(self.transition_covariates)
            ]
        rows += self._emission.reported(stages, p.emission)
        if len(self.emission_covariates):
            rows += [
                (f"emission, {name}", effect, "identity")
                for name, effect in zip(self.emission_covariates, p.emission["beta"], strict=True)
            ]
        names, values, links = zip(*rows, strict=True)
        return list(names), np.array(values, dtype=float), list(links)

    def describe(self) -> str:
        """Say in plain sentences what the stages are and how customers move between them."""
        check_is_fitted(self)
        word = {"poisson": "events", "gaussian": "amount", "categorical": "category"}[self.emission]
        mean = self._emission.mean(self._parameters.emission)
        each = ", ".join(f"{shortened(name)} {value:.2f}" for name, value in zip(self.stages_.names, mean, strict=True))
        return (
            f"{self.title} with {len(mean)} stages on {self.n_informative_:,.0f} customers "
            f"(log-likelihood {self.log_likelihood_:,.2f}, {self.n_parameters_} parameters). "
            f"Mean {word} per period: {each}.\n{self.chain_.describe()}"
        )
