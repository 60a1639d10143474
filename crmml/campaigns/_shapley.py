"""Shapley values of channels, by all coalitions or by orders drawn at random with an error bound."""

from __future__ import annotations

from math import ceil, factorial, log

import numpy as np

#: Coalitions are enumerated up to this number of channels.
EXACT_CHANNELS = 12


class ChannelGame:
    r"""The coalition game of channels [1]_.

    A path counts for a coalition S where all its channels are in S. The worth of S is the sum of the conversions (or money) of
    these paths ("conversions"), or their conversions divided by their number ("rate", 0 where there are none).

    .. math:: \varphi_c = \sum_{S \not\ni c} \frac{|S|!\,(n - |S| - 1)!}{n!} [w(S \cup c) - w(S)].

    For "conversions" this splits each converting path equally among its different channels [2]_.

    References
    ----------
    .. [1] Shapley, L. S. (1953), A value for n-person games. Contributions to the Theory of Games II, 307-317.
    .. [2] Zhao, K., Mahboobi, S. H. and Bagheri, S. R. (2018), Shapley value methods for attribution modeling in online
       advertising. arXiv:1804.05327.
    .. [3] Maurer, A. and Pontil, M. (2009), Empirical Bernstein bounds and sample variance penalization. COLT.
    """

    def __init__(self, sequences: tuple[tuple[int, ...], ...], n_channels: int, worth: str):
        sets = [frozenset(sequence) for sequence in sequences]
        known = {s: i for i, s in enumerate(dict.fromkeys(sets))}
        self.n, self.worth = n_channels, worth
        self.set_of = np.array([known[s] for s in sets])
        self.member = np.zeros((len(known), n_channels), dtype=bool)
        for s, i in known.items():
            self.member[i, list(s)] = True

    def _sets(self, won: np.ndarray, lost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        size = len(self.member)
        return np.bincount(self.set_of, won, size), np.bincount(self.set_of, won + lost, size)

    def _worth(self, won: np.ndarray, all_: np.ndarray) -> np.ndarray:
        if self.worth == "conversions":
            return won
        return np.divide(won, all_, out=np.zeros_like(won), where=all_ > 0)

    def closed_form(self, won: np.ndarray) -> np.ndarray:
        """Each path split equally among its different channels; for "conversions" only."""
        sums, _ = self._sets(won, np.zeros_like(won))
        return (sums / self.member.sum(axis=1)) @ self.member

    def exact(self, won: np.ndarray, lost: np.ndarray) -> np.ndarray:
        """Sum over all 2^n coalitions."""
        n, masks = self.n, self.member @ (1 << np.arange(self.n))
        sums, totals = self._sets(won, lost)
        w, a = np.bincount(masks, sums, 1 << n), np.bincount(masks, totals, 1 << n)
        for c in range(n):  # sums over subsets
            for table in (w, a):
                view = table.reshape(-1, 2, 1 << c)
                view[:, 1] += view[:, 0]
        v = self._worth(w, a)
        coalition = np.arange(1 << n)
        size = np.array([int(s).bit_count() for s in coalition])
        weight = np.array([factorial(s) * factorial(n - s - 1) / factorial(n) for s in range(n)] + [0.0])
        values = np.empty(n)
        for c in range(n):
            without = coalition[(coalition >> c) & 1 == 0]
            values[c] = weight[size[without]] @ (v[without | (1 << c)] - v[without])
        return values

    def ranges(self, won: np.ndarray) -> np.ndarray:
        """Width of the interval that a channel's marginal contribution lies in."""
        if self.worth == "rate":
            return np.full(self.n, 2.0)
        sums, _ = self._sets(won, np.zeros_like(won))
        return sums @ self.member

    def permutations_for(self, won: np.ndarray, error: float, coverage: float) -> int:
        """Orders after which Hoeffding's inequality promises the error, for all channels at once."""
        return max(2, ceil(float((self.ranges(won) ** 2).max()) * log(4 * self.n / (1 - coverage)) / (2 * error**2)))

    def sampled(
        self, won: np.ndarray, lost: np.ndarray, n_orders: int, random: np.random.RandomState, coverage: float
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean marginal contribution over random orders; (values, standard errors, bound on the error of all at once).

        The bound is, for each channel, the smaller of Hoeffding's and the empirical Bernstein inequality [3]_, each at half the
        probability of failure, which is shared among the channels.
        """
        sums, totals = self._sets(won, lost)
        mean, square = np.zeros(self.n), np.zeros(self.n)
        for m in range(1, n_orders + 1):
            order = random.permutation(self.n)
            rank = np.empty(self.n, dtype=int)
            rank[order] = np.arange(self.n)
            complete = np.where(self.member, rank, -1).max(axis=1)
            w = np.bincount(complete, sums, self.n).cumsum()
            a = np.bincount(complete, totals, self.n).cumsum()
            marginal = np.empty(self.n)
            marginal[order] = np.diff(self._worth(w, a), prepend=0.0)
            step = marginal - mean
            mean += step / m
            square += step * (marginal - mean)
        variance = square / (n_orders - 1)
        width, fail = self.ranges(won), 1 - coverage
        hoeffding = width * np.sqrt(log(4 * self.n / fail) / (2 * n_orders))
        tail = log(8 * self.n / fail)
        bernstein = np.sqrt(2 * variance * tail / n_orders) + 7 * width * tail / (3 * (n_orders - 1))
        return mean, np.sqrt(variance / n_orders), np.minimum(hoeffding, bernstein)
