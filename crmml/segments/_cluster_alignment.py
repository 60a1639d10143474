"""The names of an earlier fit for the clusters of a later one: each that of the earlier cluster whose centre is nearest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from sklearn.metrics import pairwise_distances

from ._cluster_names import short_name
from ._fitted_part import FittedPart


@dataclass(frozen=True)
class Alignment:
    """Clusters at the places of an earlier fit.

    Attributes
    ----------
    parts : list of FittedPart
        With their new positions.
    segments : tuple of str
        Of those places that are taken.
    moved : tuple of str
        Segments that moved by more than half the distance between the two nearest earlier ones.
    """

    parts: list[FittedPart]
    segments: tuple[str, ...]
    moved: tuple[str, ...]


def aligned(
    parts: Sequence[FittedPart], earlier: Sequence[FittedPart], segments: Sequence[str], *, named: bool
) -> Alignment:
    """Assign clusters to earlier ones one to one, with the least sum of squared distances on the earlier scale.

    Parameters
    ----------
    parts, earlier : sequence of FittedPart
        Type by type.
    segments : sequence of str
        Names of the earlier fit.
    named : bool
        Whether clusters beyond the earlier number are named by what sets them apart, and not by their number alone.
    """
    names, moved, placed = list(segments), [], []
    for part, before in zip(parts, earlier, strict=True):
        position, far = _nearest_places(part, before)
        moved += [names[place] for place in far]
        _give_free_places(part, position, names, len(segments), named=named)
        placed.append(part.at(position))
    used = sorted({int(place) for part in placed for place in part.position})
    renumbered = np.full(len(names), -1)
    renumbered[used] = np.arange(len(used))
    return Alignment(
        [part.at(renumbered[part.position]) for part in placed],
        tuple(names[place] for place in used),
        tuple(dict.fromkeys(moved)),
    )


def _nearest_places(part: FittedPart, before: FittedPart) -> tuple[np.ndarray, list[int]]:
    """Place of each cluster, -1 where the earlier fit has no more, and the places that moved far."""
    centers = np.stack([before.scale.encode_centre(part.scale.decode(centre)) for centre in part.centers])
    distance = pairwise_distances(centers, before.centers)
    own, theirs = linear_sum_assignment(distance**2)
    apart = pairwise_distances(before.centers)[np.triu_indices(before.k, 1)]
    limit = apart.min() / 2 if apart.size else np.inf
    position = np.full(part.k, -1)
    position[own] = before.position[theirs]
    return position, [int(position[j]) for j, i in zip(own, theirs, strict=True) if distance[j, i] > limit]


def _give_free_places(part: FittedPart, position: np.ndarray, names: list[str], n_before: int, *, named: bool) -> None:
    """Put clusters without an earlier one behind the earlier segments, and name their places."""
    free = [place for place in range(n_before, n_before + part.k) if place not in position]
    for j in np.flatnonzero(position < 0):
        position[j] = free.pop(0)
        if position[j] == len(names):
            number = int(position[j]) + 1
            names.append(short_name(part, int(j), number) if named else f"segment {number}")
