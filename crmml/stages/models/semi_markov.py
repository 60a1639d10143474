r"""Stages with memory: how long a customer has been in a stage bears on leaving it.

Each stage is a row of hidden phases. A customer enters a stage in its first phase and in every period stays in the phase, goes on
to the next one, or leaves for the first phase of another stage; the chance of leaving differs between phases, so that the time
in a stage has a discrete phase-type (Coxian) distribution instead of the geometric one of a Markov chain [1]_ [2]_. The stage is
seen, the phase is not: the likelihood is that of a hidden Markov model whose observation tells the stage for certain,
conditional on the first observed stage, and is maximised by the EM and L-BFGS of :mod:`crmml.stages.models.hidden`. With one phase a
stage the model is :class:`crmml.stages.MarkovStageModel`.

References
----------
.. [1] Neuts, M. F. (1981), Matrix-Geometric Solutions in Stochastic Models. Johns Hopkins University Press. Chapter 2.
.. [2] Langrock, R. and Zucchini, W. (2011), Hidden Markov models with arbitrary state dwell-time distributions. Computational
   Statistics & Data Analysis 55(1), 715-724.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from scipy.stats import chi2
from sklearn.base import _fit_context, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from ...checks import MOST_PERIODS, check_count, check_draws, check_random_state
from ...exceptions import shortened, warn
from ...fitting import atomic
from ...inference import Estimates
from ...typing import ArrayLike, FrameLike, Seed
from ..process.chain import StageChain
from ..process.space import StagesLike, StageSpace
from ._emissions import Emission, Parameters
from ._hidden_data import BOUNDARY, HiddenData, HiddenParameters, covariance_of, em, polish
from ._transition_logit import TransitionLogit
from ._transitions import count_gaps
from .base import StagePanelModel, estimates_of_moves, weights_of
from .markov_tests import StageTest
from .panel import count_transitions


class SemiMarkovStageModel(StagePanelModel):
    """A model of observed stages with sojourn times by phases.

    Parameters
    ----------
    stages : StageSpace, sequence of str or int
        Stages in which staying cannot happen have one phase, as absorbing ones do.
    n_phases : int or mapping of stage to int, default=2
        Phases of each stage; stages left out of a mapping have 1.
    period : {"h", "D", "W", "M", "Y"}, default=None
        How long a period lasts.
    n_init : int, default=3
        EM starts; the best is kept.
    max_iter : int, default=1000
        EM steps of each start, at most.
    tol : float, default=1e-7
        EM stops when the log-likelihood gains less than this share of itself; L-BFGS goes on from there.
    random_state : int, RandomState or None, default=None
        For the shaken starts.

    Attributes
    ----------
    stages_ : StageSpace
    n_phases_ : dict
    expanded_chain_ : StageChain
        Over the phases, named "stage (1)", "stage (2)", ...; every analysis of a chain applies to it.
    chain_ : StageChain
        First-order shares of the moves between stages, for reference: without memory.
    phase_start_ : ndarray of shape (n_phases_in_all,)
        Where customers are when first observed.
    std_errors_ : ndarray of shape (n_phases_in_all, n_phases_in_all)
        Of the moves between phases; NaN where one ran to 0 or the data do not tell.
    log_likelihood_ : float
        Conditional on the first observed stage.
    n_parameters_, n_informative_ : int
    converged_ : bool

    Examples
    --------
    >>> import numpy as np
    >>> from crmml.stages import SemiMarkovStageModel, StageSpace
    >>> rng = np.random.default_rng(0)
    >>> space = StageSpace(("active", "gone"), rupture="gone", absorbing=("gone",))
    >>> ends = 1 + rng.geometric(0.5, 2000) + rng.geometric(0.5, 2000)  # nobody leaves at once
    >>> X = (np.arange(15) >= ends[:, None]).astype(float)
    >>> model = SemiMarkovStageModel(space, random_state=0).fit(X)
    >>> model.sojourn_distribution("active", 4).round(1)
    array([0. , 0.2, 0.2, 0.2])
    """

    title = "Semi-Markov stage model"
    _parameter_constraints: ClassVar[dict] = {
        "n_phases": [Interval(Integral, 1, None, closed="left"), Mapping],
        "period": [StrOptions({"h", "D", "W", "M", "Y"}), None],
        "n_init": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        stages: StagesLike,
        n_phases: int | Mapping[str, int] = 2,
        *,
        period: str | None = None,
        n_init: int = 3,
        max_iter: int = 1000,
        tol: float = 1e-7,
        random_state: Seed = None,
    ) -> None:
        self.stages = stages
        self.n_phases = n_phases
        self.period = period
        self.n_init = n_init
        self.max_iter = max_iter
        self.tol = tol
        self.random_state = random_state

    @atomic
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: FrameLike, y: None = None, sample_weight: ArrayLike | None = None) -> SemiMarkovStageModel:
        """Fit to a panel.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
            Float codes into ``stages``, NaN unobserved.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_customers,), default=None
            How many customers each row stands for. At least 0.

        Returns
        -------
        self : object
        """
        panel, weight = self._open_panel(X, sample_weight)
        self.stages_ = space = self._space()
        informative = self._warn_of_no_information(panel, gaps=True)
        self.n_informative_ = float(informative.sum() if weight is None else weight[informative].sum())
        counts = count_transitions(panel, len(space), weight)
        self._refuse_unvisited(counts)
        self._lay_out(space)
        emission = _StageOfPhase(self._stage_of)
        logit = TransitionLogit(self._moves(_possible(panel, space, counts)), 0)
        known = ~np.isnan(panel).all(axis=1)
        data = HiddenData(panel[known], weight=None if weight is None else weight[known])
        seeds = check_random_state(self.random_state).randint(0, 2**31 - 1, self.n_init)
        starts = [self._first(data, logit, counts, int(seed)) for seed in seeds]
        results = [em(data, emission, logit, start, self.max_iter, self.tol) for start in starts]
        best = polish(data, emission, logit, max(results, key=lambda result: result.history[-1]))
        self._parameters, self._logit, self._emission = best.parameters, logit, emission
        self.converged_, self.phase_start_ = best.converged, best.parameters.start
        self.log_likelihood_ = self._conditional(data)
        self.n_parameters_ = logit.size + sum(n - 1 for n in self.n_phases_.values())
        self.std_errors_ = self._errors(data)
        self._make_chains(counts)
        if not self.converged_:
            warn("EM had not settled; raise max_iter, or take fewer phases.", ConvergenceWarning)
        return self

    def _refuse_unvisited(self, counts: np.ndarray) -> None:
        unvisited = (counts.sum(axis=1) == 0) & ~self.stages_.absorbing_mask
        if unvisited.any():
            named = ", ".join(repr(n) for n, u in zip(self.stages_.names, unvisited, strict=True) if u)
            self._refuse([f"no move was observed from {named}; declare it absorbing, or leave it out of the stages"])

    def _errors(self, data: HiddenData) -> np.ndarray:
        """Return standard errors of the moves between phases, from the observed information by the delta method."""
        logit, n_start = self._logit, len(self.phase_start_) - 1
        _, covariance = covariance_of(data, self._emission, logit, self._parameters)
        P = logit.probabilities(self._parameters.transition)
        errors, at = np.full(P.shape, np.nan), n_start
        for i, free in enumerate(logit.free):
            own = covariance[at : at + len(free), at : at + len(free)]
            at += len(free)
            known = np.isfinite(np.diag(own))
            slope = -np.outer(P[i], P[i, free])  # of each probability by each log odds
            slope[free, np.arange(len(free))] += P[i, free]
            variance = np.einsum("ja,ab,jb->j", slope[:, known], own[np.ix_(known, known)], slope[:, known])
            told = (P[i] > BOUNDARY) & (np.abs(slope[:, ~known]).max(axis=1, initial=0.0) < 1e-5)
            errors[i] = np.where(told, np.sqrt(np.maximum(variance, 0.0)), np.nan)
        return errors

    def _make_chains(self, counts: np.ndarray) -> None:
        """Set the chain over the phases, and that of first-order shares."""
        space, P = self.stages_, self._logit.probabilities(self._parameters.transition)
        names = tuple(
            f"{space.names[s]} ({k + 1})" if self.n_phases_[space.names[s]] > 1 else space.names[s]
            for s, k in zip(self._stage_of, self._phase, strict=True)
        )
        expanded = StageSpace(
            names,
            rupture=tuple(n for n, s in zip(names, self._stage_of, strict=True) if space.rupture_mask[s]) or None,
            absorbing=tuple(n for n, s in zip(names, self._stage_of, strict=True) if space.absorbing_mask[s]),
            allowed=self._logit.allowed | np.eye(len(names), dtype=bool),
        )
        self.expanded_chain_ = StageChain(P, expanded, self.period)
        total = np.maximum(counts.sum(axis=1, keepdims=True), 1e-300)
        shares = np.where(space.absorbing_mask[:, None], np.eye(len(space)), counts / total)
        self.chain_ = StageChain(shares, space, self.period, counts=counts)

    def _lay_out(self, space: StageSpace) -> None:
        """Set how many phases each stage has, and which stage each phase belongs to."""
        wanted = self.n_phases if isinstance(self.n_phases, Mapping) else dict.fromkeys(space.names, self.n_phases)
        if unknown := [name for name in wanted if name not in space.names]:
            raise ValueError(
                f"n_phases names {', '.join(map(repr, unknown))}, which is not a stage; stages: {', '.join(space.names)}."
            )
        can_stay = np.diag(space.allowed_moves) & ~space.absorbing_mask
        self.n_phases_ = {
            name: int(wanted.get(name, 1)) if stays else 1 for name, stays in zip(space.names, can_stay, strict=True)
        }
        for name, phases in self.n_phases_.items():
            check_count(phases, f"n_phases of {name!r}", least=1)
        self._stage_of = np.repeat(np.arange(len(space)), list(self.n_phases_.values()))
        self._phase = np.concatenate([np.arange(n) for n in self.n_phases_.values()])

    def _moves(self, seen: np.ndarray) -> np.ndarray:
        """Return which moves between phases can happen: stay, go on, or enter the first phase of another stage."""
        n = len(self._stage_of)
        allowed = np.zeros((n, n), dtype=bool)
        fixed = self.stages_.absorbing_mask
        for i in range(n):
            s = self._stage_of[i]
            if fixed[s]:
                allowed[i, i] = True
                continue
            for j in range(n):
                if self._stage_of[j] == s:
                    allowed[i, j] = self.stages_.allowed_moves[s, s] and self._phase[j] - self._phase[i] in (0, 1)
                else:
                    allowed[i, j] = (
                        self._phase[j] == 0
                        and self.stages_.allowed_moves[s, self._stage_of[j]]
                        and seen[s, self._stage_of[j]]
                    )
        return allowed

    def _first(self, data: HiddenData, logit: TransitionLogit, counts: np.ndarray, seed: int) -> HiddenParameters:
        rng = np.random.default_rng(seed)
        stay = np.diag(counts) / np.maximum(counts.sum(axis=1), 1)
        P = np.zeros(logit.allowed.shape)
        for i, s in enumerate(self._stage_of):
            for j, target in enumerate(self._stage_of):
                if not logit.allowed[i, j]:
                    continue
                if target == s:
                    ahead = logit.allowed[i, min(i + 1, len(P) - 1)] and i + 1 < len(P) and self._stage_of[i + 1] == s
                    P[i, j] = max(stay[s], 0.05) * (0.5 if ahead else 1.0)
                else:
                    P[i, j] = max(counts[s, target], 0.5) / max(counts[s].sum(), 1)
        P *= np.where(logit.allowed, rng.gamma(4.0, size=P.shape), 0.0)
        P /= P.sum(axis=1, keepdims=True)
        seen = data.X[np.arange(len(data.X)), data.first].astype(int)
        first = np.bincount(seen, data.weight, minlength=len(self.stages_)) + 1e-3
        start = first[self._stage_of] * rng.dirichlet(np.ones(len(P)) * 3)
        return HiddenParameters(start / start.sum(), logit.from_matrix(P), {})

    def _conditional(self, data: HiddenData) -> float:
        """Return the log-likelihood conditional on each customer's first observed stage."""
        share = np.bincount(self._stage_of, self.phase_start_, len(self.stages_))
        first = data.X[np.arange(len(data.X)), data.first].astype(int)
        total = data.log_likelihood(self._parameters, self._emission, self._logit)
        logs = np.log(np.maximum(share[first], np.finfo(float).tiny))
        return total - float(logs.sum() if data.weight is None else logs @ data.weight)

    # ---- prediction -----------------------------------------------------------------------------------------------

    def _phases(self, panel: np.ndarray) -> np.ndarray:
        self.last_stage(panel)
        return HiddenData(panel).last_filtered(self._parameters, self._emission, self._logit)

    def predict_proba(self, X: FrameLike, horizon: int = 1) -> np.ndarray:
        """Return the distribution over stages ``horizon`` periods after each customer's last observed one.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
            A panel of any length; the longer, the better is it known how long a customer has been in the stage.
        horizon : int, default=1

        Returns
        -------
        ndarray of shape (n_customers, n_stages)
        """
        share = self._phases(self.read_fitted_panel(X)) @ self.expanded_chain_.step(horizon)
        proba = share @ np.eye(len(self.stages_))[self._stage_of]
        return np.where(proba < 1e-250, 0.0, proba)

    def rupture_probability(self, X: FrameLike, horizon: int) -> np.ndarray:
        """Return each customer's probability of having entered rupture within a horizon.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
        horizon : int

        Returns
        -------
        ndarray of shape (n_customers,)
        """
        phases = self._phases(self.read_fitted_panel(X))
        self._rupture()
        return phases @ self.expanded_chain_.rupture_probability(check_count(horizon, "horizon"))

    def score(self, X: FrameLike, y: None = None, sample_weight: ArrayLike | None = None) -> float:
        """Return the mean log-likelihood per customer, conditional on the first observed stage.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
        y : None
            Ignored.
        sample_weight : array-like of shape (n_customers,), default=None
            How many customers each row stands for.

        Returns
        -------
        float
        """
        panel = self.read_fitted_panel(X)
        weight = weights_of(sample_weight, panel, X)
        known = ~np.isnan(panel).all(axis=1)
        total = self._conditional(HiddenData(panel[known], weight=None if weight is None else weight[known]))
        return total / (len(panel) if weight is None else float(weight.sum()))

    def sojourn_distribution(self, stage: str, longest: int) -> np.ndarray:
        """Return the probabilities that a stay lasts 1, 2, ..., ``longest`` periods.

        Parameters
        ----------
        stage : str
            One that does not absorb.
        longest : int

        Returns
        -------
        ndarray of shape (longest,)
        """
        check_is_fitted(self)
        longest = check_count(longest, "longest", least=1, most=MOST_PERIODS)
        own = np.flatnonzero(self._stage_of == self.stages_.index(stage))
        T = self.expanded_chain_.P[np.ix_(own, own)]
        still = [1.0]
        row = np.eye(len(own))[0]
        for _ in range(longest):
            row = row @ T
            still.append(float(row.sum()))
        return -np.diff(still)

    def sojourn_time(self) -> np.ndarray:
        """Return the expected number of periods of a stay in each stage (n_stages,), from its beginning."""
        check_is_fitted(self)
        times = np.full(len(self.stages_), np.inf)
        for s in np.flatnonzero(~self.stages_.absorbing_mask):
            own = np.flatnonzero(self._stage_of == s)
            T = self.expanded_chain_.P[np.ix_(own, own)]
            if (T.sum(axis=1) < 1 - 1e-12).any():  # it is left at all
                times[s] = np.linalg.solve(np.eye(len(own)) - T, np.ones(len(own)))[0]
        return times

    def memory_test(self, X: FrameLike, *, n_resamples: int = 0, random_state: Seed = None) -> StageTest:
        """Test whether the time already spent in a stage matters: these phases against one a stage.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
            The panel that the model was fitted to.
        n_resamples : int, default=0
            Panels simulated without memory to find the p-value. 0 takes that of chi-square, which is rough: without memory
            the phases are not identified.
        random_state : int, RandomState or None

        Returns
        -------
        StageTest
        """
        panel = self.read_fitted_panel(X)
        n_resamples, state = check_draws(n_resamples, "n_resamples", least=0), check_random_state(random_state)
        statistic, degrees = self._against_one_phase(panel)
        if max(self.n_phases_.values()) == 1:
            raise ValueError("Every stage has one phase, so there is no memory to test; take n_phases of 2 or more.")
        panel = panel[~np.isnan(panel).all(axis=1)]
        words = "the time already spent in a stage does not matter"
        moves = int(count_transitions(panel, len(self.stages_)).sum())
        if not n_resamples:
            return StageTest(words, statistic, degrees, float(chi2.sf(statistic, degrees)), moves)
        seen = ~np.isnan(panel)
        first = seen.argmax(axis=1)
        start = panel[np.arange(len(panel)), first].astype(int)
        larger = 0
        for _ in range(n_resamples):
            simulated = np.full(panel.shape, np.nan)
            for stage, at in np.unique(np.column_stack([start, first]), axis=0):
                who = (start == stage) & (first == at)
                left = panel.shape[1] - int(at)
                simulated[who, at:] = self.chain_.simulate(int(who.sum()), left, start=int(stage), random_state=state)
            larger += (
                clone(self)._refitted(np.where(seen, simulated, np.nan))._against_one_phase(simulated, seen)[0]
                >= statistic
            )
        return StageTest(words, statistic, degrees, (1 + larger) / (1 + n_resamples), moves, "bootstrap")

    def _refitted(self, panel: np.ndarray) -> SemiMarkovStageModel:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of the refit: the model itself has given them
            return self.fit(panel)

    def _against_one_phase(self, panel: np.ndarray, seen: np.ndarray | None = None) -> tuple[float, int]:
        panel = panel if seen is None else np.where(seen, panel, np.nan)
        one = clone(self).set_params(n_phases=1, n_init=1)._refitted(panel)
        return max(2 * (self.log_likelihood_ - one.log_likelihood_), 0.0), self.n_parameters_ - one.n_parameters_

    def estimates(self) -> Estimates:
        """Return the estimates with their standard errors, on the scale they are reported on."""
        return estimates_of_moves(self._phase_space(), self.expanded_chain_.P, self.std_errors_)

    def _phase_space(self) -> StageSpace:
        """Return the phases with the moves between them that are estimated: staying is no parameter where it cannot be."""
        stages = self.expanded_chain_.stages
        return StageSpace(stages.names, absorbing=stages.absorbing, allowed=self._logit.allowed)

    def describe(self) -> str:
        """Say in plain sentences how long stays last and how the chance of leaving changes with time."""
        check_is_fitted(self)
        lines = [
            f"{self.title} on {self.n_informative_:,.0f} customers (log-likelihood {self.log_likelihood_:,.2f}, {self.n_parameters_} "
            "parameters)."
        ]
        mean = self.sojourn_time()
        for s, name in enumerate(self.stages_.names):
            if not self.stages_.absorbing_mask[s]:
                leave = self.sojourn_distribution(name, 6)
                still = 1 - np.r_[0, np.cumsum(leave)[:-1]]
                hazard = leave[[0, 5]] / np.maximum(still[[0, 5]], 1e-300)
                lines.append(
                    f"A stay in {shortened(name)} lasts {mean[s]:.1f} periods on average; {100 * hazard[0]:.0f} % leave after the "
                    f"first period, {100 * hazard[1]:.0f} % of those still there after the sixth."
                )
        return "\n".join(lines)


def _possible(panel: np.ndarray, space: StageSpace, counts: np.ndarray) -> np.ndarray:
    """Return the moves that were seen; all that the space allows where stages were also seen across a gap."""
    across = sum((pairs for gap, pairs in count_gaps(panel, len(space)).items() if gap > 1), np.zeros_like(counts))
    return (counts > 0) | (space.allowed_moves if across.any() else False)


class _StageOfPhase(Emission):
    """The stage that a phase belongs to, seen without error; it has no parameters."""

    attributes: ClassVar[dict[str, str]] = {}

    def __init__(self, stage_of: np.ndarray) -> None:
        self.stage_of = stage_of

    def faults(self, values: np.ndarray) -> list[str]:
        return []

    def initial(
        self, values: np.ndarray, weight: np.ndarray, n_stages: int, x: np.ndarray | None, rng: Any
    ) -> Parameters:
        return {}

    def log_density(self, values: np.ndarray, x: np.ndarray | None, p: Parameters) -> np.ndarray:
        return np.where(values[:, None] == self.stage_of[None, :], 0.0, -690.0)

    def m_step(self, values: np.ndarray, x: np.ndarray | None, weight: np.ndarray, p: Parameters) -> Parameters:
        return p

    def mean(self, p: Parameters) -> np.ndarray:
        return self.stage_of.astype(float)

    def to_vector(self, p: Parameters) -> np.ndarray:
        return np.zeros(0)

    def from_vector(self, vector: np.ndarray, like: Parameters) -> Parameters:
        return like

    def score(self, values: np.ndarray, x: np.ndarray | None, weight: np.ndarray, p: Parameters) -> np.ndarray:
        return np.zeros(0)

    def reported(self, stages: Sequence[str], p: Parameters) -> list[tuple[str, float, str]]:
        return []

    def sample(self, stage: np.ndarray, x: np.ndarray | None, p: Parameters, rng: np.random.Generator) -> np.ndarray:
        return self.stage_of[stage].astype(float)
