"""Removal effects of a Markov chain of channels, exactly, for any order."""

from __future__ import annotations

import numpy as np
from scipy.sparse import csc_array, eye_array
from scipy.sparse.linalg import spsolve

_DENSE = 400


class MarkovRemoval:
    r"""The chain of paths with states start, channel histories, conversion and null [1]_.

    A state is the last ``order`` channels touched (fewer after the start). With moves counted from the paths, Q between states and
    r to the conversion, the probability of a conversion is :math:`P = e_{start}^\top (I - Q)^{-1} r`. Removing a channel sends
    every move to it to null, so :math:`P_{-c}` solves the same system without the states whose latest channel is c; the removal
    effect is :math:`1 - P_{-c} / P`. Loops are kept as they are.

    References
    ----------
    .. [1] Anderl, E., Becker, I., von Wangenheim, F. and Schumann, J. H. (2016), Mapping the customer journey: lessons learned
       from graph-based online attribution modeling. International Journal of Research in Marketing 33(3), 457-474.
    """

    def __init__(self, sequences: tuple[tuple[int, ...], ...], n_channels: int, order: int):
        states: dict[tuple[int, ...], int] = {(): 0}
        origin, target, path, ends = [], [], [], []
        for row, sequence in enumerate(sequences):
            at = 0
            history: tuple[int, ...] = ()
            for channel in sequence:
                history = (*history, channel)[-order:]
                to = states.setdefault(history, len(states))
                origin.append(at)
                target.append(to)
                path.append(row)
                at = to
            ends.append(at)
        self.n, self.n_channels = len(states), n_channels
        self.latest = np.array([state[-1] if state else -1 for state in states])
        self.origin, self.target, self.path = np.array(origin), np.array(target), np.array(path)
        self.ends = np.array(ends)

    def effects(self, won: np.ndarray, lost: np.ndarray) -> tuple[float, np.ndarray]:
        """Return P(conversion) and the removal effect of each channel, for counts of each sequence."""
        moves = csc_array(((won + lost)[self.path], (self.origin, self.target)), shape=(self.n, self.n))
        exits = np.bincount(self.ends, won + lost, self.n)
        conversions = np.bincount(self.ends, won, self.n)
        total = np.asarray(moves.sum(axis=1)).ravel() + exits
        seen = total > 0
        inverse = np.divide(1.0, total, out=np.zeros(self.n), where=seen)
        chain, r = moves.multiply(inverse[:, None]).tocsc(), conversions * inverse
        whole = self._reach(chain, r, seen)
        without = [
            self._reach(chain, r, seen & (self.latest != c)) if (self.latest == c).any() else whole
            for c in range(self.n_channels)
        ]
        return whole, 1.0 - np.array(without) / whole

    @staticmethod
    def _reach(chain: csc_array, r: np.ndarray, keep: np.ndarray) -> float:
        rows = np.flatnonzero(keep)
        inner = chain[rows][:, rows]
        if len(rows) <= _DENSE:
            return float(np.linalg.solve(np.eye(len(rows)) - inner.toarray(), r[rows])[0])
        return float(np.atleast_1d(spsolve((eye_array(len(rows)) - inner).tocsc(), r[rows]))[0])
