"""A change of retention in a stage chain: probability taken off the arcs into rupture, at every stage or on one arc."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from sklearn.base import BaseEstimator

from ..amounts.changes import Percent, Points, check_change
from ..checks import MOST_PERIODS, Faults, check_choice, check_count
from ..exceptions import DataError
from ..stages import StageChain, StageSpace
from ..typing import ArrayLike, Numbers
from ._equity import EquityChange


@dataclass(frozen=True)
class ArcShift:
    """Probability moved from the arc ``origin`` → rupture to the arc ``origin`` → ``to``.

    Parameters
    ----------
    origin, to : str
        Stages; ``to`` may be the origin itself: they stay.
    amount : Points or Percent
        ``Points(2)`` moves 0.02 per period; ``Percent(20)`` moves a fifth of those who break from ``origin``.

    Examples
    --------
    >>> ArcShift("decline", "stability", Percent(20)).describe()
    "20 percent of those who break from 'decline' go to 'stability' instead"
    """

    origin: str
    to: str
    amount: Points | Percent

    def __post_init__(self) -> None:
        check_change(self.amount)

    def describe(self) -> str:
        """Say it in words."""
        keep = "stay there" if self.origin == self.to else f"go to {self.to!r}"
        if isinstance(self.amount, Percent):
            return f"{self.amount.expected:g} percent of those who break from {self.origin!r} {keep} instead"
        return f"{self.amount.expected:g} percentage points of {self.origin!r} {keep} instead of breaking"


@dataclass(frozen=True, kw_only=True, eq=False)
class StageTerms:
    """Customers and money where retention is that of a stage chain.

    Parameters
    ----------
    n_customers : array or mapping by stage
        Customers in each stage today.
    reward : array or mapping by stage
        Money per period of a customer in each stage.
    horizon : int, default=None
        How many periods count; None is for ever.
    first_payment : {"now", "end", "next"}, default="now"
        As in `StageChain.lifetime_value`.

    Raises
    ------
    DataError
        Naming every fault; whether the stages fit is seen with the chain.

    Examples
    --------
    >>> StageTerms(n_customers=[100, 50, 0], reward=[10, 4, 0], horizon=12).horizon
    12
    """

    n_customers: ArrayLike | Mapping[str, float]
    reward: ArrayLike | Mapping[str, float]
    horizon: int | None = None
    first_payment: Literal["now", "end", "next"] = "now"

    def __post_init__(self) -> None:
        faults = Faults("the terms of a stage chain")
        if self.horizon is not None:
            object.__setattr__(
                self, "horizon", faults.check(check_count, self.horizon, "horizon", least=1, most=MOST_PERIODS)
            )
        faults.check(check_choice, self.first_payment, "first_payment", ("now", "end", "next"))
        faults.refuse()


def stage_equity(
    model: StageChain | BaseEstimator,
    change: Points | Percent | ArcShift,
    terms: StageTerms,
    annual_rate: float,
    n_draws: int,
    rng: np.random.Generator,
) -> EquityChange:
    """Return what the customers are worth before and after a change in a chain.

    Raises
    ------
    DataError
        When more probability is to be moved than goes into rupture, or the stages do not fit.
    """
    chain: StageChain = getattr(model, "chain_", model)
    _check_fits(chain, change)
    count = _customers(chain, terms)
    wanted, onto = _wanted(chain.matrix, chain.stages, change)
    _check_moves(chain, wanted, onto)
    moved, _ = _moved(chain.matrix, chain.stages.rupture_mask, wanted, onto)

    n_customers: Any = terms.n_customers
    reward: Any = terms.reward

    def equity(matrix: np.ndarray) -> float:
        return StageChain(matrix, chain.stages, chain.period).customer_equity(
            n_customers, reward, annual_rate, horizon=terms.horizon, first_payment=terms.first_payment
        )

    draws, words = None, _mapping(change)
    size = change.amount if isinstance(change, ArcShift) else change
    by = size.draws(n_draws, rng)
    if chain.has_draws or np.ndim(by):
        matrices = _drawn_matrices(chain, n_draws, rng)
        draws, held = np.empty(len(matrices)), 0
        for k, (matrix, step) in enumerate(zip(matrices, np.broadcast_to(by, (len(matrices),)), strict=True)):
            drawn, short = _moved(matrix, chain.stages.rupture_mask, *_wanted(matrix, chain.stages, change, step))
            draws[k] = equity(drawn) - equity(matrix)
            held += short
        if held:
            words += (
                f" In {held / len(draws):.1%} of the draws there is less probability to move, and all of it is moved."
            )
    return EquityChange(n_customers=count, before=equity(chain.matrix), after=equity(moved), draws=draws, words=words)


def _check_fits(chain: StageChain, change: Points | Percent | ArcShift) -> None:
    """Refuse a change without a kind, a chain without rupture, and an arc that the stages do not have."""
    if not isinstance(change, ArcShift):
        check_change(change)
    space = chain.stages
    if not space.rupture_mask.any():
        raise DataError(["the stage space names no rupture, so there is no retention to change"], "the chain")
    if not isinstance(change, ArcShift):
        return
    faults = Faults("the arc")
    for name in dict.fromkeys((change.origin, change.to)):
        if name not in space.names:
            faults.add(f"{name!r} is not a stage; there are {', '.join(space.names)}")
    faults.refuse()
    i, j = space.index(change.origin), space.index(change.to)
    if space.rupture_mask[[i, j]].any() or space.absorbing_mask[i] or not space.allowed_moves[i, j]:
        faults.add(
            f"{change.origin!r} to {change.to!r} cannot take up what is moved off the arc from {change.origin!r} into rupture"
        )
    faults.refuse()


def _customers(chain: StageChain, terms: StageTerms) -> float:
    count = float(chain._per_stage(terms.n_customers, "n_customers").sum())
    if not count > 0:
        raise DataError(["n_customers is 0 in every stage"], "the customer base")
    return count


def _wanted(
    P: np.ndarray, space: StageSpace, change: Points | Percent | ArcShift, by: Numbers | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return the probability to be taken off rupture at each stage, (n,), and the arcs that take it up, (n, n), rows summing to 1."""
    rupture = space.rupture_mask
    into = P[:, rupture].sum(axis=1)
    if isinstance(change, ArcShift):
        i, j = space.index(change.origin), space.index(change.to)
        amount = change.amount.expected / 100 if by is None else by
        wanted, onto = np.zeros(len(P)), np.zeros_like(P)
        wanted[i] = amount * into[i] if isinstance(change.amount, Percent) else amount
        onto[i, j] = 1.0
        return wanted, onto
    inside = ~rupture & ~space.absorbing_mask
    wanted = np.where(inside, change.applied(1 - into, by) - (1 - into), 0.0)
    stay = np.where(rupture, 0.0, P)
    total = stay.sum(axis=1, keepdims=True)
    return wanted, np.divide(stay, total, out=np.eye(len(P)), where=total > 0)


def _check_moves(chain: StageChain, wanted: np.ndarray, onto: np.ndarray) -> None:
    """Refuse to move more probability than there is."""
    into = chain.matrix[:, chain.stages.rupture_mask].sum(axis=1)
    over, under = wanted > into + 1e-12, -wanted > (chain.matrix * (onto > 0)).sum(axis=1) + 1e-12
    faults = Faults("the change of retention")
    for k in np.flatnonzero(over | under):
        faults.add(
            f"{chain.stages.names[k]!r}: {100 * wanted[k]:+.3g} points of retention, but {100 * into[k]:.3g} % break and "
            f"{100 * (1 - into[k]):.3g} % do not"
        )
    if faults:
        faults.add("Points and Percent are different changes; take a smaller one")
    faults.refuse()


def _moved(P: np.ndarray, rupture: np.ndarray, wanted: np.ndarray, onto: np.ndarray) -> tuple[np.ndarray, bool]:
    """Return the matrix after the move, and whether more was to be moved than there is."""
    P = np.array(P)
    into = P[:, rupture].sum(axis=1)
    moved = np.clip(wanted, -(P * (onto > 0)).sum(axis=1), into)
    even = np.full((len(P), int(rupture.sum())), 1 / rupture.sum())
    share = np.divide(P[:, rupture], into[:, None], out=even, where=into[:, None] > 0)
    P[:, rupture] -= moved[:, None] * share
    P += moved[:, None] * onto
    P = np.clip(P, 0.0, 1.0)
    return P / P.sum(axis=1, keepdims=True), bool((np.abs(moved - wanted) > 1e-12).any())


def _drawn_matrices(chain: StageChain, n_draws: int, rng: np.random.Generator) -> np.ndarray:
    if not chain.has_draws:
        return np.broadcast_to(chain.matrix, (n_draws, *chain.matrix.shape))
    return chain.draws(n_draws, np.random.RandomState(rng.integers(2**32, dtype=np.uint64)))


def _mapping(change: Points | Percent | ArcShift) -> str:
    if isinstance(change, ArcShift):
        return f"Every period {change.describe()}."
    return (
        f"The probability of not breaking within a period changes by {change.describe()} at every stage; what is taken off the "
        "arc into rupture goes to the stage's other arcs in proportion."
    )
