"""Which further cells to hide, so that totals do not give the hidden ones away."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_matrix, hstack, identity
from scipy.sparse.csgraph import connected_components

from ..exceptions import DataError

#: Hidden cells that hang together through several margins, up to which it is checked that none can be computed.
MOST_TOGETHER = 2_000


def hide_more(
    hidden: np.ndarray, count: np.ndarray, margins: Sequence[np.ndarray], order: np.ndarray, minimum: int
) -> tuple[np.ndarray, int]:
    """Hide cells until no hidden one follows from the totals.

    In each group of each margin either nothing is hidden, or at least two cells are, and at least ``minimum`` customers
    together. With several margins, no hidden count may be determined by all totals at once: the system that they make of
    the hidden cells leaves each of them free to move without any count becoming negative.

    Parameters
    ----------
    hidden : ndarray of bool of shape (n,)
    count : ndarray of shape (n,)
        0 where it is not known.
    margins : sequence of ndarray of int of shape (n,)
        Group of each cell, per margin.
    order : ndarray of int of shape (n,)
        Cells in the order in which they are hidden.
    minimum : int

    Returns
    -------
    hidden : ndarray of bool of shape (n,)
    n_open : int
        Groups (or cells, with several margins) that a total gives away although nothing is left to hide beside them.
    """
    hidden = hidden.copy()
    place = np.empty(order.size, dtype=np.int64)
    place[order] = np.arange(order.size)
    while True:
        before = int(hidden.sum())
        n_open = sum(_by_group(hidden, count, margin, order, minimum) for margin in margins)
        if len(margins) > 1 and hidden.sum() == before:
            for cell in _determined(hidden, count, margins):
                beside = np.any([margin == margin[cell] for margin in margins], axis=0) & ~hidden
                if beside.any():
                    hidden[np.flatnonzero(beside)[np.argmin(place[beside])]] = True
                    break
        if hidden.sum() == before:
            return hidden, n_open or (len(_determined(hidden, count, margins)) if len(margins) > 1 else 0)


def _by_group(hidden: np.ndarray, count: np.ndarray, group: np.ndarray, order: np.ndarray, minimum: int) -> int:
    """Hide the smallest cells of each group that gives something away; return how many groups still do. In place."""
    n_groups = int(group.max()) + 1
    n_hidden = np.bincount(group[hidden], minlength=n_groups)
    total = np.bincount(group[hidden], weights=count[hidden], minlength=n_groups)
    weak = (n_hidden > 0) & ((n_hidden < 2) | (total < minimum))
    for cell in order[weak[group[order]] & ~hidden[order]]:
        g = group[cell]
        if n_hidden[g] < 2 or total[g] < minimum:
            hidden[cell] = True
            n_hidden[g] += 1
            total[g] += count[cell]
    return int(np.sum((n_hidden > 0) & ((n_hidden < 2) | (total < minimum))))


def _determined(hidden: np.ndarray, count: np.ndarray, margins: Sequence[np.ndarray]) -> np.ndarray:
    """Hidden cells whose count follows from the totals of all margins, the cells shown, and that none is negative."""
    cells = np.flatnonzero(hidden)
    groups = [np.unique(margin[cells], return_inverse=True)[1] for margin in margins]
    offsets = np.cumsum([0, *(int(group.max(initial=-1)) + 1 for group in groups)])
    rows = np.concatenate([group + offset for group, offset in zip(groups, offsets[:-1], strict=True)])
    columns = np.tile(np.arange(cells.size), len(groups))
    system = coo_matrix((np.ones(rows.size), (rows, columns)), shape=(int(offsets[-1]), cells.size)).tocsr()
    together = connected_components(system.T @ system, directed=False)[1]
    found = []
    for component in range(int(together.max(initial=-1)) + 1):
        inside = np.flatnonzero(together == component)
        if inside.size > MOST_TOGETHER:
            raise DataError(
                [
                    f"{inside.size:,} hidden cells hang together through the totals in within=, more than the {MOST_TOGETHER:,} "
                    "that are checked; make coarser cells"
                ],
                "the table",
            )
        part = system[:, inside]
        moves = ~_stuck(part, count[cells[inside]] == 0)
        found.append(cells[inside[~moves]])
        inside = inside[moves]
        part = part[:, moves].toarray()
        _, size, directions = np.linalg.svd(part[np.any(part, axis=1)])
        rank = int(np.sum(size > 1e-9 * size.max(initial=0.0)))
        free = np.abs(directions[rank:]).max(axis=0, initial=0.0)
        found.append(cells[inside[free < 1e-7]])
    return np.concatenate(found) if found else np.zeros(0, dtype=np.int64)


def _stuck(system: Any, empty: np.ndarray) -> np.ndarray:
    """Cells of nobody that stay at 0 in every table of the same totals: raising one would make another negative.

    Tables of the same totals differ by a direction d with ``system @ d = 0``, which is not negative where a cell is empty.
    Such directions add up, so that one linear programme finds the one in which most empty cells rise.
    """
    n, n_empty = empty.size, int(empty.sum())
    stuck = np.zeros(n, dtype=bool)
    if not n_empty:
        return stuck
    # directions d, then for each empty cell a part of its rise that is at most 1
    rise = coo_matrix((np.ones(n_empty), (np.arange(n_empty), np.flatnonzero(empty))), shape=(n_empty, n))
    answer = linprog(
        np.append(np.zeros(n), -np.ones(n_empty)),
        A_eq=hstack([system, coo_matrix((system.shape[0], n_empty))]).tocsr(),
        b_eq=np.zeros(system.shape[0]),
        A_ub=hstack([-rise, identity(n_empty)]).tocsr(),
        b_ub=np.zeros(n_empty),
        bounds=[(None, None)] * n + [(0.0, 1.0)] * n_empty,
    )
    stuck[empty] = answer.x[n:] < 0.5
    return stuck
