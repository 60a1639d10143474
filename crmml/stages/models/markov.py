r"""A Markov chain of observed stages, by maximum likelihood or with a Dirichlet prior.

A customer in stage i moves to stage j in the next period with probability :math:`p_{ij}`, whatever came before (order 1)
or depending on the last h stages (order h). With :math:`n_{ij}` moves from i to j [1]_,

.. math:: \log L = \sum_{ij} n_{ij} \log p_{ij}, \qquad \hat p_{ij} = n_{ij} / n_{i\cdot}, \qquad
   \operatorname{Var} \hat p_{ij} = p_{ij}(1 - p_{ij}) / n_{i\cdot},

and with Dirichlet weights :math:`\kappa_{ij}` on the moves that can happen, the posterior of row i is
Dirichlet(:math:`n_{i\cdot} + \kappa_{i\cdot}`), whose mean is the estimate. Customers are never joined: a move is looked at
only within a customer's own row.

References
----------
.. [1] Anderson, T. W. and Goodman, L. A. (1957), Statistical inference about Markov chains. Annals of Mathematical
   Statistics 28(1), 89-110.
"""

from __future__ import annotations

from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from sklearn.base import _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from ... import frames
from ...checks import check_count
from ...exceptions import DataError, warn
from ...fitting import atomic
from ...inference import Estimates
from ...typing import ArrayLike, FrameLike, Seed
from ..process.chain import StageChain
from ..process.space import StagesLike, StageSpace
from ._histories import HistorySpace
from ._transitions import count_gaps, count_histories, fit_gaps, gap_expectation, information_of_gaps, with_log_odds
from .base import StagePanelModel, weights_of
from .markov_tests import GroupComparison, StageTest, compare_groups, homogeneity_test, order_test

#: Stored draws where the posterior is no Dirichlet.
STORED_DRAWS = 1000
#: Histories that are counted, at most.
MAX_CELLS = 5_000_000


class MarkovStageModel(StagePanelModel):
    """A Markov chain of observed stages.

    Parameters
    ----------
    stages : StageSpace, sequence of str or int
        The stages; moves that its space rules out are structural zeros, and are refused where they occur.
    prior : float or array-like of shape (n_stages, n_stages), default=0.0
        Dirichlet weight of each move that can happen; 0 is maximum likelihood. Above 0 the estimate is the posterior mean.
    order : int, default=1
        How many past stages the next one depends on. For an order above 1 histories never seen take the probabilities of
        the shorter history.
    period : {"h", "D", "W", "M", "Y"}, default=None
        How long a period lasts; ``chain_`` needs it for annual discount rates.
    missing : {"adjacent", "gaps"}, default="adjacent"
        "adjacent" uses only periods that follow each other, both observed. "gaps" also uses pairs of observed periods with
        missing ones between, through powers of P, by EM; for order 1.
    unvisited : {"raise", "stay", "uniform"}, default="raise"
        What to do about a stage that was never left or stayed in, so that its row is unknown, where prior is 0: refuse;
        take it as one that is never left; or take every move that can happen as equally likely. With ``missing="gaps"`` that
        holds of missing periods too, unless what was observed leads through that stage.

    Attributes
    ----------
    stages_ : StageSpace
    transition_matrix_ : ndarray of shape (n_stages, n_stages)
        For an order above 1 that of the first order, for reference.
    std_errors_ : ndarray of shape (n_stages, n_stages)
    covariance_ : ndarray of shape (n_stages, n_stages, n_stages)
        Covariance of the probabilities of each row.
    counts_ : ndarray of shape (n_stages, n_stages)
        Moves between periods that follow each other.
    chain_ : StageChain
        With its posterior; over histories where order is above 1.
    start_ : ndarray of shape (n_stages,)
        Share of customers whose first observed stage each is.
    log_likelihood_ : float
        Conditional on the first ``order`` stages.
    n_parameters_, n_informative_ : int
    converged_ : bool

    Examples
    --------
    >>> import numpy as np
    >>> from crmml.stages import MarkovStageModel, StageSpace
    >>> space = StageSpace(("active", "gone"), rupture="gone", absorbing=("gone",))
    >>> X = np.array([[0, 0, 1, 1], [0, 1, 1, 1], [0, 0, 0, np.nan]])
    >>> model = MarkovStageModel(space).fit(X)
    >>> model.transition_matrix_
    array([[0.6, 0.4],
           [0. , 1. ]])
    >>> model.predict_proba([[0, 0, 0]], horizon=2)
    array([[0.36, 0.64]])
    """

    title = "Markov stage model"
    _parameter_constraints: ClassVar[dict] = {
        "prior": [Interval(Real, 0, None, closed="left"), "array-like"],
        "order": [Interval(Integral, 1, None, closed="left")],
        "missing": [StrOptions({"adjacent", "gaps"})],
        "unvisited": [StrOptions({"raise", "stay", "uniform"})],
        "period": [StrOptions({"h", "D", "W", "M", "Y"}), None],
    }

    def __init__(
        self,
        stages: StagesLike,
        prior: ArrayLike = 0.0,
        order: int = 1,
        *,
        period: str | None = None,
        missing: str = "adjacent",
        unvisited: str = "raise",
    ) -> None:
        self.stages = stages
        self.prior = prior
        self.order = order
        self.period = period
        self.missing = missing
        self.unvisited = unvisited

    @atomic
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: FrameLike, y: None = None, sample_weight: ArrayLike | None = None) -> MarkovStageModel:
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

        Raises
        ------
        DataError
            Naming every fault: codes that are not stages, moves that the space rules out, stages never visited.
        """
        panel, weight = self._open_panel(X, sample_weight)
        self.stages_ = self._space()
        self._check_settings(len(self.stages_))
        informative = self._warn_of_no_information(panel, self.order, self.missing == "gaps")
        self.n_informative_ = float(informative.sum() if weight is None else weight[informative].sum())
        self.counts_ = count_histories(panel, len(self.stages_), 1, weight)
        self._kappa = self._prior(self.stages_)
        self.start_ = self._first_stages(panel, weight)
        self.converged_ = True
        if self.missing == "gaps":
            self._fit_gaps(panel, weight)
        else:
            self._fit_counts(panel, weight)
        return self

    def _check_settings(self, n_stages: int) -> None:
        if self.missing == "gaps" and self.order > 1:
            raise ValueError("missing='gaps' is for order=1.")
        if self.missing == "gaps" and np.any(np.asarray(self.prior, dtype=float) > 0):
            raise ValueError("missing='gaps' is maximum likelihood: take prior=0, or missing='adjacent'.")
        if (cells := n_stages ** (self.order + 1)) > MAX_CELLS:
            raise ValueError(f"order={self.order} makes {cells:,} histories of {n_stages} stages; take a lower order.")

    def _first_stages(self, panel: np.ndarray, weight: np.ndarray | None) -> np.ndarray:
        """Return the shares of the stages that customers were first observed in."""
        seen = ~np.isnan(panel)
        known = seen.any(axis=1)
        first = panel[known, seen[known].argmax(axis=1)].astype(int)
        share = np.bincount(first, None if weight is None else weight[known], len(self.stages_)).astype(float)
        return share / share.sum()

    def _prior(self, space: StageSpace) -> np.ndarray:
        """Return the Dirichlet weights, 0 on moves that cannot happen and in rows that are fixed."""
        kappa = np.broadcast_to(np.asarray(self.prior, dtype=float), (len(space),) * 2)
        if not (np.isfinite(kappa).all() and (kappa >= 0).all()):
            raise DataError(["prior must be finite and at least 0"], "the prior")
        return np.where(space.allowed_moves & ~space.absorbing_mask[:, None], kappa, 0.0)

    def _fit_counts(self, panel: np.ndarray, weight: np.ndarray | None) -> None:
        space, counts = self.stages_, self.counts_
        P = self._rows(counts + self._kappa)
        self.transition_matrix_ = P
        free = ~space.absorbing_mask
        total = counts.sum(axis=1) + self._kappa.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.where(
                free & (total > 0), 1 / np.where(total > 0, total + (self._kappa.sum(axis=1) > 0), 1.0), 0.0
            )
        self.covariance_ = scale[:, None, None] * (P[:, :, None] * np.eye(len(P)) - P[:, :, None] * P[:, None, :])
        self.std_errors_ = np.sqrt(np.maximum(np.einsum("ijj->ij", self.covariance_), 0.0))
        self._by_policy = free & (total == 0)
        moves = (space.allowed_moves.sum(axis=1) - 1) * (free & ~self._by_policy)
        if self.order == 1:
            self.n_parameters_ = int(moves.sum())
            self.log_likelihood_ = _log_likelihood(counts, P)
            self.chain_ = StageChain(P, space, self.period, counts=counts, concentration=self._concentration(counts))
            return
        self.history_counts_ = count_histories(panel, len(space), self.order, weight)
        self._histories = HistorySpace(space, self.order, self.history_counts_, self._kappa, P)
        self.n_parameters_ = self._histories.n_parameters
        self.log_likelihood_ = _log_likelihood(self._histories.counts, self._histories.probabilities)
        self.chain_ = self._histories.chain(self.period)

    def _fit_gaps(self, panel: np.ndarray, weight: np.ndarray | None) -> None:
        space = self.stages_
        gaps = count_gaps(panel, len(space), weight)
        visited = sum(gaps.values()).sum(axis=1) > 0  # type: ignore[union-attr]
        fixed = space.absorbing_mask
        by_policy, given = ~visited & ~fixed, None
        if self.unvisited != "raise" and by_policy.any():
            given = self._possible_rows(by_policy, gaps)
        P, expected, value, self.converged_, self.n_iter_ = fit_gaps(gaps, space.allowed_moves, given)
        P[fixed] = np.eye(len(P))[fixed]
        unknown = by_policy & (expected.sum(axis=1) < 1e-8) if given is None else ~np.isnan(given[:, 0])
        if unknown.any() and given is None:
            P[unknown] = self._rows(np.where(unknown[:, None], 0.0, expected))[unknown]
        if not self.converged_:
            warn(
                f"EM had not settled after {self.n_iter_:,} steps; the estimates may be off. Take missing='adjacent'.",
                ConvergenceWarning,
            )
        self.transition_matrix_, self.log_likelihood_ = P, value
        free = space.allowed_moves & ~fixed[:, None] & ~unknown[:, None]
        covariance, cells = information_of_gaps(P, gaps, free & (P > 1e-9))
        jacobian = np.zeros((len(P), len(P), len(cells)))
        for at, (i, j, _) in enumerate(cells):
            jacobian[i, :, at] = -P[i] * P[i, j]
            jacobian[i, j, at] += P[i, j]
        self.covariance_ = np.einsum("ija,ab,ikb->ijk", jacobian, covariance, jacobian)
        self.std_errors_ = np.sqrt(np.maximum(np.einsum("ijj->ij", self.covariance_), 0.0))
        self._warn_of_open_moves()
        self.n_parameters_ = int((space.allowed_moves.sum(axis=1) - 1)[~fixed & ~unknown].sum())
        rng = np.random.default_rng(0)
        change = np.zeros((STORED_DRAWS, len(cells)))
        if cells:
            change = rng.multivariate_normal(np.zeros(len(cells)), covariance, STORED_DRAWS, method="eigh")
        self.chain_ = StageChain(P, space, self.period, counts=self.counts_, draws=with_log_odds(P, cells, change))

    def _possible_rows(self, by_policy: np.ndarray, gaps: dict[int, np.ndarray]) -> np.ndarray | None:
        """Rows that the policy states, NaN elsewhere; None where what was observed leads through them and so rules them out."""
        stated = self._rows(np.where(by_policy[:, None], 0.0, np.eye(len(by_policy))))
        even = self.stages_.allowed_moves / self.stages_.allowed_moves.sum(axis=1, keepdims=True)
        possible = np.isfinite(gap_expectation(np.where(by_policy[:, None], stated, even), gaps)[0])
        return np.where(by_policy[:, None], stated, np.nan) if possible else None

    def _warn_of_open_moves(self) -> None:
        """Warn of probabilities that the gaps leave open: their standard errors exceed all that a probability can be."""
        open_moves = np.argwhere(self.std_errors_ > 1)
        if len(open_moves):
            names = self.stages_.names
            named = ", ".join(f"{names[i]} → {names[j]}" for i, j in open_moves[:3])
            more = f" and {len(open_moves) - 3} more" if len(open_moves) > 3 else ""
            warn(
                f"The observations around missing periods leave open how likely these moves are: {named}{more}. Take "
                "missing='adjacent', rule moves out, or observe more.",
                UserWarning,
            )

    def _rows(self, mass: np.ndarray) -> np.ndarray:
        """Return rows that sum to one; absorbing ones stay; unvisited ones by the stated policy."""
        space = self.stages_
        total = mass.sum(axis=1)
        P = np.divide(mass, total[:, None], out=np.zeros_like(mass), where=total[:, None] > 0)
        fixed = space.absorbing_mask
        P[fixed] = np.eye(len(P))[fixed]
        if (unknown := (total == 0) & ~fixed).any():
            named = ", ".join(repr(name) for name, u in zip(space.names, unknown, strict=True) if u)
            if self.unvisited == "raise":
                raise DataError(
                    [
                        f"no move was observed from {named}, so where it leads is unknown; say unvisited='stay' or 'uniform', take "
                        "a prior above 0, declare it absorbing, or leave it out of the stages"
                    ],
                    f"the panel given to {type(self).__name__}",
                )
            even = space.allowed_moves / space.allowed_moves.sum(axis=1, keepdims=True)
            P[unknown] = (even if self.unvisited == "uniform" else np.eye(len(P)))[unknown]
        return P

    def _concentration(self, counts: np.ndarray) -> np.ndarray:
        """Return the Dirichlet parameters of the posterior.

        Where prior is 0 the draws take 1/K on each of the K moves that can happen (Perks' prior, the weight of one
        customer's move in all), so that they are proper.
        """
        space = self.stages_
        free = space.allowed_moves & ~space.absorbing_mask[:, None]
        perks = free / np.maximum(free.sum(axis=1, keepdims=True), 1)
        mass = np.where(free, counts + np.where(self._kappa.sum(axis=1, keepdims=True) > 0, self._kappa, perks), 0.0)
        mass[self._by_policy] = 0.0  # rows that a policy filled in are what it says
        return mass

    # ---- prediction -----------------------------------------------------------------------------------------------

    def predict_proba(self, X: FrameLike, horizon: int = 1) -> np.ndarray:
        """Return the distribution over stages ``horizon`` periods after each customer's last observed one.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
            A panel of any length.
        horizon : int, default=1
            Periods ahead, at least 0.

        Returns
        -------
        ndarray of shape (n_customers, n_stages)

        Raises
        ------
        DataError
            When nothing was observed of a customer.
        """
        if self.order == 1:
            return super().predict_proba(X, horizon)
        return self._history_shares(X) @ self.chain_.step(horizon) @ self._histories.ends

    def rupture_probability(self, X: FrameLike, horizon: int) -> np.ndarray:
        """Return each customer's probability of having entered rupture within a horizon: first passage.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
            A panel of any length.
        horizon : int
            Periods after the last observed one, at least 0.

        Returns
        -------
        ndarray of shape (n_customers,)
            1 for customers whose last observed stage is rupture.
        """
        if self.order == 1:
            return super().rupture_probability(X, horizon)
        shares = self._history_shares(X)
        self._rupture()
        return shares @ self.chain_.rupture_probability(check_count(horizon, "horizon"))

    def _history_shares(self, X: FrameLike) -> np.ndarray:
        panel = self.read_fitted_panel(X)
        self.last_stage(panel)
        return self._histories.shares(panel)

    def score(self, X: FrameLike, y: None = None, sample_weight: ArrayLike | None = None) -> float:
        """Return the mean log-likelihood per customer of the moves in a panel; minus infinity where one has probability 0.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
        y : None
            Ignored.
        sample_weight : array-like of shape (n_customers,), default=None

        Returns
        -------
        float
        """
        panel = self.read_fitted_panel(X)
        weight = weights_of(sample_weight, panel, X)
        n = len(panel) if weight is None else float(weight.sum())
        if self.missing == "gaps":
            return gap_expectation(self.transition_matrix_, count_gaps(panel, len(self.stages_), weight))[0] / n
        counts = count_histories(panel, len(self.stages_), self.order, weight)
        if self.order == 1:
            return _log_likelihood(counts, self.transition_matrix_) / n
        return self._histories.log_likelihood(counts) / n

    # ---- tests ----------------------------------------------------------------------------------------------------

    def order_test(
        self, X: FrameLike, *, n_resamples: int = 0, random_state: Seed = None
    ) -> tuple[StageTest, StageTest]:
        """Test whether the last stage matters at all (order 1 against 0), and whether the one before does too (2 against 1).

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
        n_resamples : int, default=0
            Panels simulated under the hypothesis to find the p-values; 0 takes those of chi-square.
        random_state : int, Generator, RandomState or None

        Returns
        -------
        (StageTest, StageTest)
        """
        panel = self.read_fitted_panel(X)
        return tuple(  # type: ignore[return-value]
            order_test(panel, self.stages_, order=order, n_resamples=n_resamples, random_state=random_state)
            for order in (1, 2)
        )

    def homogeneity_test(self, X: FrameLike, *, n_resamples: int = 0, random_state: Seed = None) -> StageTest:
        """Test whether the probabilities are the same in every period.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
        n_resamples : int, default=0
            Panels simulated under the hypothesis to find the p-value; 0 takes that of chi-square.
        random_state : int, Generator, RandomState or None

        Returns
        -------
        StageTest
        """
        panel = self.read_fitted_panel(X)
        return homogeneity_test(panel, self.stages_, n_resamples=n_resamples, random_state=random_state)

    def compare_groups(
        self, X: FrameLike, by: ArrayLike, *, horizon: int = 12, coverage: float = 0.9
    ) -> GroupComparison:
        """Compare customer groups, such as hospitals, pharmacies and physicians: a test, and a chain for each.

        Parameters
        ----------
        X : array-like of shape (n_customers, n_periods)
        by : array-like of shape (n_customers,)
            Each customer's group.
        horizon : int, default=12
            Periods ahead for the probability of rupture.
        coverage : float, default=0.9

        Returns
        -------
        GroupComparison
        """
        frames.check_aligned("groups", X=X, by=by)
        panel = self.read_fitted_panel(X)
        return compare_groups(panel, by, self.stages_, horizon=horizon, coverage=coverage, period=self.period)

    # ---- tables and words -----------------------------------------------------------------------------------------

    def estimates(self) -> Estimates:
        """Return the estimates with their standard errors, on the scale they are reported on."""
        return self._move_estimates(self.transition_matrix_, self.std_errors_)

    def describe(self) -> str:
        """Say in plain sentences what was fitted and what it tells."""
        check_is_fitted(self)
        lead = (
            f"{self.title} of order {self.order} on {self.n_informative_:,.0f} customers and {self.counts_.sum():,.0f} moves "
            f"(log-likelihood {self.log_likelihood_:,.2f}, {self.n_parameters_} parameters)."
        )
        return f"{lead}\n{self.chain_.describe()}" if self.order == 1 else lead


def _log_likelihood(counts: np.ndarray, P: np.ndarray) -> float:
    seen = counts > 0
    with np.errstate(divide="ignore"):
        return float(counts[seen] @ np.log(P[seen]))
