r"""Likelihood-ratio tests about Markov chains: order, homogeneity in time, equality of groups.

Each statistic is :math:`G^2 = 2 \sum n \log(\hat p_{1} / \hat p_{0})` over the moves from stages that are not absorbing, with
the probabilities fitted under the wider and the narrower hypothesis [1]_. Where cells are few, chi-square is a rough guide:
``n_resamples`` simulates panels with the same gaps under the hypothesis instead.

References
----------
.. [1] Anderson, T. W. and Goodman, L. A. (1957), Statistical inference about Markov chains. Annals of Mathematical
   Statistics 28(1), 89-110.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse.csgraph import connected_components
from scipy.stats import chi2

from ...checks import MOST_CELLS, check_count, check_coverage, check_draws, check_random_state
from ...exceptions import DataError, shortened
from ...results import Result
from ...typing import ArrayLike, Seed
from ..process.chain import StageChain
from ..process.space import StageSpace
from ._transitions import count_by_period, count_histories


@dataclass(frozen=True)
class StageTest(Result):
    """A likelihood-ratio test.

    Attributes
    ----------
    hypothesis : str
        What is tested, in words.
    statistic : float
        G².
    degrees_of_freedom : int
    p_value : float
        Probability of a statistic at least as large under the hypothesis.
    n_moves : int
        Moves that entered.
    method : {"chi-square", "bootstrap"}
    """

    hypothesis: str
    statistic: float
    degrees_of_freedom: int
    p_value: float
    n_moves: int
    method: str = "chi-square"

    def describe(self) -> str:
        """Say the result in a plain sentence."""
        verdict = "is refuted" if self.p_value < 0.05 else "is not refuted"
        p = "p < 0.0001" if self.p_value < 1e-4 else f"p = {self.p_value:.4f}"
        return (
            f"That {self.hypothesis} {verdict} by {self.n_moves:,} moves (G² {self.statistic:.2f} on "
            f"{self.degrees_of_freedom} degrees of freedom, {p}, {self.method})."
        )


def order_test(
    X: np.ndarray, space: StageSpace, *, order: int = 1, n_resamples: int = 0, random_state: Seed = None
) -> StageTest:
    """Test order ``order − 1`` against ``order``, for order 1 or more.

    Against order 0 the moves are fitted by quasi-independence on the cells that can happen; above, within each shorter
    history degrees of freedom are (histories seen − 1) × (destinations seen − 1).
    """
    order = check_count(order, "order", least=1, most=max(1, int(np.log(MOST_CELLS) / np.log(max(len(space), 2))) - 1))
    free = ~space.absorbing_mask

    def statistic(panel: np.ndarray) -> tuple[float, int, int]:
        counts = count_histories(panel, len(space), order)
        if order == 1:
            table = counts[free]
            return (*_quasi_independence(table, space.allowed_moves[free]), int(table.sum()))
        counts = np.moveaxis(counts, 0, -2)  # shorter history first, then the earliest stage, then the destination
        blocks = counts.reshape(-1, len(space), len(space))
        inside = np.tile(free, len(blocks) // len(space))
        parts = [_independence(block) for block, keep in zip(blocks, inside, strict=True) if keep]
        return sum(g for g, _ in parts), sum(d for _, d in parts), int(blocks[inside].sum())

    words = (
        "the next stage does not depend on the present one"
        if order == 1
        else f"{order - 1} past stage{'s' * (order > 2)} are enough"
    )
    if order == 2:
        words = "the present stage alone decides the next one"
    return _result(words, statistic, X, space, n_resamples, random_state, under=order - 1)


def homogeneity_test(X: np.ndarray, space: StageSpace, *, n_resamples: int = 0, random_state: Seed = None) -> StageTest:
    """Test whether the probabilities are the same in every period."""
    free = np.flatnonzero(~space.absorbing_mask)

    def statistic(panel: np.ndarray) -> tuple[float, int, int]:
        counts = count_by_period(panel, len(space))
        parts = [_independence(counts[:, i]) for i in free]
        return sum(g for g, _ in parts), sum(d for _, d in parts), int(counts[:, free].sum())

    words = "the probabilities are the same in every period"
    return _result(words, statistic, X, space, n_resamples, random_state, under=1)


@dataclass(frozen=True)
class GroupComparison(Result):
    """Customer groups side by side.

    Attributes
    ----------
    test : StageTest
        Of the hypothesis that all groups move alike.
    chains : dict
        A StageChain for each group, with its posterior.
    table : DataFrame
        group, stage, n_moves, rupture_probability within the horizon, lower, upper.
    horizon : int
    """

    test: StageTest
    chains: dict[Any, StageChain]
    table: pd.DataFrame
    horizon: int

    def describe(self) -> str:
        """Say in plain sentences whether the groups differ, and how soon each breaks."""
        lines = [self.test.describe()]
        for group, rows in self.table.groupby("group", sort=False):
            columns = [rows[name].tolist() for name in ("stage", "rupture_probability", "lower", "upper")]
            each = ", ".join(
                f"{shortened(stage)} {100 * value:.1f} % ({100 * lower:.1f} to {100 * upper:.1f} %)"
                for stage, value, lower, upper in zip(*columns, strict=True)
            )
            lines.append(f"{shortened(str(group))}: rupture within {self.horizon} periods from {each}.")
        return "\n".join(lines)


def compare_groups(
    X: np.ndarray,
    groups: ArrayLike,
    space: StageSpace,
    *,
    horizon: int = 12,
    coverage: float = 0.9,
    period: str | None = None,
) -> GroupComparison:
    """Test whether groups of customers move alike, and fit a chain to each."""
    check_coverage(coverage)
    check_count(horizon, "horizon")
    labels = np.asarray(groups, dtype=object)
    if labels.shape != (len(X),):
        raise DataError(
            [f"groups has the shape {labels.shape}; one label for each of the {len(X):,} customers is needed"], "groups"
        )
    if missing := int(pd.isna(labels).sum()):
        raise DataError([f"groups is missing for {missing:,} of {len(X):,} customers"], "groups")
    names, code = np.unique(labels.astype(str), return_inverse=True)
    if len(names) < 2:
        raise DataError([f"there is only one group, {names[0]!r}"], "groups")
    counts = count_by_period(X, len(space), code)
    free = np.flatnonzero(~space.absorbing_mask)
    parts = [_independence(counts[:, i]) for i in free]
    g, df = sum(g for g, _ in parts), sum(d for _, d in parts)
    test = StageTest("all groups move alike", g, df, float(chi2.sf(g, df)) if df else 1.0, int(counts[:, free].sum()))
    moves = space.allowed_moves & ~space.absorbing_mask[:, None]
    perks = moves / np.maximum(moves.sum(axis=1, keepdims=True), 1)
    chains, rows = {}, []
    for name, own in zip(names, counts, strict=True):
        mass = own + perks
        P = np.where(moves, mass / mass.sum(axis=1, keepdims=True).clip(min=1e-300), np.eye(len(space)))
        chain = chains[str(name)] = StageChain(P, space, period, counts=own, concentration=np.where(moves, mass, 0.0))
        if not space.rupture_mask.any():
            continue
        value, ends = (
            chain.rupture_probability(horizon),
            chain.interval("rupture_probability", horizon, coverage=coverage),
        )
        rows += [
            (str(name), space.names[i], int(own[i].sum()), value[i], ends[i, 0], ends[i, 1])
            for i in np.flatnonzero(space.transient_mask)
        ]
    columns = ["group", "stage", "n_moves", "rupture_probability", "lower", "upper"]
    return GroupComparison(test, chains, pd.DataFrame(rows, columns=columns), horizon)


# ---- parts ----------------------------------------------------------------------------------------------------------


def _independence(table: np.ndarray) -> tuple[float, int]:
    """Return G² of independence of rows and columns that were seen, and its degrees of freedom."""
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    if table.size == 0:
        return 0.0, 0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    return _g2(table, expected), (table.shape[0] - 1) * (table.shape[1] - 1)


def _quasi_independence(table: np.ndarray, possible: np.ndarray) -> tuple[float, int]:
    """Return G² of independence on the cells that can happen, fitted by proportional scaling, and its degrees of freedom."""
    rows, columns = table.sum(axis=1) > 0, table.sum(axis=0) > 0
    table, possible = table[rows][:, columns], possible[rows][:, columns]
    if possible.all():
        return _independence(table)
    return _g2(table, _quasi_expected(table, possible)), max(
        int(possible.sum()) - sum(table.shape) + _blocks(possible), 0
    )


def _blocks(possible: np.ndarray) -> int:
    """Return how many parts a table falls into whose cells share no row or column."""
    rows, columns = possible.shape
    graph = np.zeros((rows + columns,) * 2, dtype=bool)
    graph[:rows, rows:] = possible
    return int(connected_components(graph, directed=False)[0])


def _quasi_expected(table: np.ndarray, possible: np.ndarray) -> np.ndarray:
    """Return the table with the margins of the given one whose possible cells are products of a row and a column factor."""
    expected = possible.astype(float)
    for _ in range(10_000):
        expected *= (table.sum(axis=1) / expected.sum(axis=1))[:, None]
        have = expected.sum(axis=0)
        ratio = np.divide(table.sum(axis=0), have, out=np.ones_like(have), where=have > 0)
        expected *= ratio
        if np.abs(ratio - 1).max() < 1e-13:
            break
    return expected


def _g2(observed: np.ndarray, expected: np.ndarray) -> float:
    seen = observed > 0
    return float(2 * (observed[seen] @ np.log(observed[seen] / expected[seen])))


def _result(
    words: str,
    statistic: Callable[[np.ndarray], tuple[float, int, int]],
    X: np.ndarray,
    space: StageSpace,
    n_resamples: int,
    random_state: Any,
    *,
    under: int,
) -> StageTest:
    n_resamples, generator = check_draws(n_resamples, "n_resamples", least=0), check_random_state(random_state)
    g, df, moves = statistic(X)
    if not n_resamples:
        return StageTest(words, g, df, float(chi2.sf(g, df)) if df else 1.0, moves)
    if under > 1:
        raise ValueError("n_resamples is for hypotheses of order 0 and 1.")
    P = _fitted_under(X, space, under)
    larger = sum(statistic(_simulated(P, X, generator))[0] >= g * (1 - 1e-12) for _ in range(n_resamples))
    return StageTest(words, g, df, (1 + larger) / (1 + n_resamples), moves, "bootstrap")


def _fitted_under(X: np.ndarray, space: StageSpace, order: int) -> np.ndarray:
    """Return transition probabilities fitted under order 0 or 1; absorbing stages keep theirs."""
    counts = count_histories(X, len(space), 1)
    free = ~space.absorbing_mask
    mass = np.array(counts)
    if order == 0:
        mass[free] = np.where(space.allowed_moves[free], counts[free].sum(axis=0), 0.0)
        kept = counts[free].sum(axis=1) > 0
        mass[np.flatnonzero(free)[kept]] = _quasi_expected(counts[free][kept], space.allowed_moves[free][kept])
    mass[~free] = np.eye(len(space))[~free]
    empty = mass.sum(axis=1) == 0
    mass[empty] = np.eye(len(space))[empty]
    return mass / mass.sum(axis=1, keepdims=True)


def _simulated(P: np.ndarray, X: np.ndarray, generator: Any) -> np.ndarray:
    """Return a panel with the gaps of X, each customer starting where the real one was first seen."""
    seen = ~np.isnan(X)
    first = seen.argmax(axis=1)
    now = np.where(seen.any(axis=1), np.nan_to_num(X[np.arange(len(X)), first]), 0).astype(int)
    upto = np.cumsum(P, axis=1)
    last = np.array([np.flatnonzero(row)[-1] for row in P])
    panel = np.full(X.shape, np.nan)
    for t in range(X.shape[1]):
        panel[:, t] = now
        moved = np.minimum((generator.random_sample(len(X))[:, None] >= upto[now]).sum(axis=1), last[now])
        now = np.where(t >= first, moved, now)
    return np.where(seen, panel, np.nan)
