"""A change of retention in a stage chain: probability taken off the arcs into rupture, at every stage or on one arc."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..amounts.changes import Percent, Points, check_change
from ..exceptions import DataError
from ..stages import StageChain


@dataclass(frozen=True)
class ArcShift:
    """Probability moved from the arc ``origin`` → rupture to the arc ``origin`` → ``to``.

    Parameters
    ----------
    origin, to : str
        Stages; ``to`` may be the origin itself: they stay.
    amount : Points or Percent
        ``Points(2)`` moves 0.02 a period; ``Percent(20)`` moves a fifth of those who break from ``origin``.

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


def stage_equity(
    chain: StageChain,
    change: Any,
    n_customers: Any,
    reward: Any,
    annual_rate: float,
    horizon: Any,
    first_payment: Any,
    n_draws: int,
    rng: np.random.Generator,
) -> tuple[float, float, float, np.ndarray | None, str]:
    """Return the number of customers, equity before and after, draws of the gain (or None), and the words.

    Raises
    ------
    DataError
        When more probability is to be moved than goes into rupture, or the stages do not fit.
    """
    if not isinstance(change, ArcShift):
        check_change(change)
    rupture = chain.stages.rupture_mask
    if not rupture.any():
        raise DataError(["the stage space names no rupture, so there is no retention to change"], "the chain")
    moved, _ = _moved(chain.matrix, chain, change, None, strict=True)
    options = {"horizon": horizon, "first_payment": first_payment}

    def equity(matrix: np.ndarray) -> float:
        return StageChain(matrix, chain.stages, chain.period).customer_equity(
            n_customers, reward, annual_rate, **options
        )

    before, after = chain.customer_equity(n_customers, reward, annual_rate, **options), equity(moved)
    size = change.amount if isinstance(change, ArcShift) else change
    by = size.draws(n_draws, rng)
    draws, held = None, 0
    if chain.has_draws or np.ndim(by):
        matrices = (
            chain.sample(n_draws, np.random.RandomState(rng.integers(2**32, dtype=np.uint64)))
            if chain.has_draws
            else np.broadcast_to(chain.matrix, (n_draws, *chain.matrix.shape))
        )
        steps = np.broadcast_to(by, (len(matrices),))
        draws = np.empty(len(matrices))
        for k, (matrix, step) in enumerate(zip(matrices, steps, strict=True)):
            drawn, short = _moved(matrix, chain, change, step, strict=False)
            draws[k] = equity(drawn) - equity(matrix)
            held += short
    if isinstance(change, ArcShift):
        words = f"Every period {change.describe()}."
    else:
        words = (
            f"The probability of not breaking within a period changes by {change.describe()} at every stage; what is taken off the "
            "arc into rupture goes to the stage's other arcs in proportion."
        )
    if draws is not None and held:
        words += f" In {held / len(draws):.1%} of the draws there is less probability to move, and all of it is moved."
    count = chain._per_stage(n_customers, "n_customers")
    if not count.sum() > 0:
        raise DataError(["n_customers is 0 in every stage"], "the customer base")
    return float(count.sum()), before, after, draws, words


def _moved(matrix: np.ndarray, chain: StageChain, change: Any, by: Any, *, strict: bool) -> tuple[np.ndarray, bool]:
    """Return the matrix after the change, and whether more was to be moved than there is; ``strict`` refuses that."""
    space = chain.stages
    rupture = space.rupture_mask
    P = np.array(matrix)
    into = P[:, rupture].sum(axis=1)
    if isinstance(change, ArcShift):
        faults = [
            f"{name!r} is no stage; there are {', '.join(space.names)}"
            for name in dict.fromkeys((change.origin, change.to))
            if name not in space.names
        ]
        if faults:
            raise DataError(faults, "the arc")
        i, j = space.index(change.origin), space.index(change.to)
        if rupture[i] or rupture[j] or space.absorbing_mask[i] or not space.allowed_moves[i, j]:
            raise DataError(
                [
                    f"{change.origin!r} to {change.to!r} cannot take up what is moved off the arc from {change.origin!r} into rupture"
                ],
                "the arc",
            )
        amount = change.amount.expected / 100 if by is None else by
        wanted = np.zeros(len(P))
        wanted[i] = amount * into[i] if isinstance(change.amount, Percent) else amount
        onto = np.zeros_like(P)
        onto[i, j] = 1.0
    else:
        inside = ~rupture & ~space.absorbing_mask
        wanted = np.where(inside, change.applied(1 - into, by) - (1 - into), 0.0)
        stay = np.where(rupture, 0.0, P)
        total = stay.sum(axis=1, keepdims=True)
        onto = np.divide(stay, total, out=np.eye(len(P)), where=total > 0)
    if strict:
        over = wanted > into + 1e-12
        under = -wanted > (P * (onto > 0)).sum(axis=1) + 1e-12
        faults = [
            f"{space.names[k]!r}: {100 * wanted[k]:+.3g} points of retention, but {100 * into[k]:.3g} % break and "
            f"{100 * (1 - into[k]):.3g} % do not"
            for k in np.flatnonzero(over | under)
        ]
        if faults:
            raise DataError(
                [*faults, "Points and Percent are different changes; take a smaller one"], "the change of retention"
            )
    moved = np.clip(wanted, -(P * (onto > 0)).sum(axis=1), into)
    share = np.divide(
        P[:, rupture],
        into[:, None],
        out=np.full((len(P), int(rupture.sum())), 1 / rupture.sum()),
        where=into[:, None] > 0,
    )
    P[:, rupture] -= moved[:, None] * share
    P += moved[:, None] * onto
    P = np.clip(P, 0.0, 1.0)
    return P / P.sum(axis=1, keepdims=True), bool((np.abs(moved - wanted) > 1e-12).any())
