"""What chains and generators share: names, posterior draws, intervals, the value of stages, sentences."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import pandas as pd
from scipy.sparse.csgraph import connected_components

from ...checks import UNIT_WORDS, check_coverage, check_draws, check_random_state, is_count
from ...exceptions import DataError, shortened, shown
from ...results import Result
from ...typing import ArrayLike, Seed
from .lever import Lever, best_lever
from .space import StageSpace, as_stage_space

#: Draws that must not move between calls come from this seed.
KEPT_SEED = 0
#: Methods whose results are not numbers with a posterior.
_NOT_NUMBERS = frozenset({"best_lever", "describe", "draws", "interval", "plot", "simulate", "to_chain", "to_frame"})

#: Entries this near to zero, for a greatest one of 1, are what computing left behind.
ROUNDING = 1e-12


class StageProcess(Result, ABC):
    """An immutable Markov process on the stages of a relationship, with or without draws of its matrix."""

    stages: StageSpace
    matrix: np.ndarray
    _noun: str
    _draws: np.ndarray | None
    #: What time is counted in where no unit is known.
    _steps: str

    def __init__(self, matrix: ArrayLike, stages: Any, draws: ArrayLike) -> None:
        try:
            matrix = np.array(matrix, dtype=float)
        except (TypeError, ValueError):
            raise DataError(["it must be a square table of numbers"], f"the {self._noun}") from None
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise DataError([f"its shape is {matrix.shape}, not (n, n)"], f"the {self._noun}")
        space = as_stage_space(len(matrix) if stages is None else stages)
        faults = []
        if len(space) != len(matrix):
            faults.append(f"it has {len(matrix)} rows, but there are {len(space)} stages ({', '.join(space.names)})")
        if not np.isfinite(matrix).all():
            faults.append(f"{int((~np.isfinite(matrix)).sum())} entries are not finite")
        if not faults:
            matrix = self._without_rounding(matrix, space.allowed_moves)
            faults = self._faults(matrix, space)
        own = None if draws is None else self._read_draws(draws, matrix.shape, faults)
        if faults:
            raise DataError(faults, f"the {self._noun}")
        matrix.setflags(write=False)
        self.__dict__.update(matrix=matrix, stages=space, _draws=own)

    def _read_draws(self, draws: ArrayLike, shape: tuple[int, ...], faults: list[str]) -> np.ndarray:
        """Return draws of the matrix; what is wrong with them is added to the faults."""
        try:
            own = np.asarray(draws, dtype=float)
        except (TypeError, ValueError):
            own = np.empty(0)
        if own.ndim != 3 or own.shape[1:] != shape or not len(own):
            faults.append(f"its draws have the shape {np.shape(draws)}, not (n_draws, {shape[0]}, {shape[0]})")
        elif (wrong := int((~np.isfinite(own)).any(axis=(1, 2)).sum())) > 0:
            faults.append(f"{wrong:,} of {len(own):,} draws have entries that are not finite")
        return own

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a {type(self).__name__} does not change; make another one")

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)

    def __len__(self) -> int:
        return len(self.matrix)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and self.stages == other.stages and np.array_equal(self.matrix, other.matrix)

    __hash__ = None  # type: ignore[assignment]

    # ---- what a process declares ----------------------------------------------------------------------------------

    @abstractmethod
    def _faults(self, matrix: np.ndarray, space: StageSpace) -> list[str]:
        """Return what is wrong with a matrix."""

    @abstractmethod
    def _without_rounding(self, matrix: np.ndarray, allowed: np.ndarray) -> np.ndarray:
        """Return a matrix with entries that are mere rounding, below zero or on moves ruled out, set to zero."""

    @abstractmethod
    def _with(self, matrix: np.ndarray) -> Self:
        """Return the same process with another matrix and no draws; the matrix is trusted."""

    @abstractmethod
    def _drain(self, inside: np.ndarray) -> np.ndarray:
        """Return the matrix whose inverse holds the expected times, over the stages of a mask: I − T, or −T."""

    @abstractmethod
    def _noticed(self) -> np.ndarray:
        """Return, for each stage, the least probability or intensity out of it that is no rounding."""

    @abstractmethod
    def _stopped(self, targets: np.ndarray, matrix: np.ndarray) -> np.ndarray:
        """Return the matrix, or matrices (..., n, n), of the process that stays where it enters a target."""

    @abstractmethod
    def _moved(self, matrix: np.ndarray, horizon: float) -> np.ndarray:
        """Return the transition probabilities of a matrix over a horizon."""

    @abstractmethod
    def _sensitivity_by(self, stopped: np.ndarray, targets: np.ndarray, horizon: Any) -> np.ndarray:
        """Return the derivatives of the probability of rupture by a horizon, (n, n, n), through all stages."""

    @abstractmethod
    def _time_in_words(self) -> str:
        """Return what time is counted in, in words."""

    # ---- uncertainty ----------------------------------------------------------------------------------------------

    @property
    def has_draws(self) -> bool:
        """Whether :meth:`draws` can draw from the posterior of the matrix."""
        return self._draws is not None

    def draws(self, n_draws: int = 1000, random_state: Seed = None) -> np.ndarray:
        """Draw matrices from the posterior.

        Parameters
        ----------
        n_draws : int, default=1000
        random_state : int, RandomState or None
            None takes the same draws at every call.

        Returns
        -------
        ndarray of shape (n_draws, n_stages, n_stages)

        Raises
        ------
        ValueError
            When the process carries no posterior: one that was written by hand.
        """
        draws = self._draws
        if draws is None:
            raise ValueError(
                f"This {type(self).__name__} carries no posterior, as it was made from a matrix alone. Take chain_ or generator_ of "
                "a fitted model, or pass concentration= or draws=."
            )
        n_draws = check_draws(n_draws, cells=self.matrix.size)
        state = check_random_state(KEPT_SEED if random_state is None else random_state)
        if n_draws <= len(draws):
            return draws[:n_draws]
        return draws[state.randint(len(draws), size=n_draws)]

    def interval(
        self,
        of: str,
        *arguments: Any,
        coverage: float = 0.9,
        n_draws: int = 1000,
        random_state: Seed = None,
        **options: Any,
    ) -> np.ndarray:
        """Return the equal-tailed posterior interval of what any method returns.

        Parameters
        ----------
        of : str
            Name of a method that returns numbers, such as "hitting_time", "rupture_probability" or "lifetime_value".
        *arguments, **options
            What to call it with.
        coverage : float, default=0.9
            Between 0 and 1.
        n_draws : int, default=1000
        random_state : int, RandomState or None
            None takes the same draws at every call.

        Returns
        -------
        ndarray of shape (..., 2)
            Lower and upper ends, for each number that the method returns.
        """
        coverage = check_coverage(coverage)
        method = getattr(type(self), of, None) if isinstance(of, str) and not of.startswith("_") else None
        if not callable(method) or of in _NOT_NUMBERS:
            raise ValueError(f"of={shown(of)} is not a method of {type(self).__name__} that returns numbers.")
        matrices = self.draws(n_draws, random_state)
        values = self._rupture_of_many(matrices, *arguments, **options) if of == "rupture_probability" else None
        if values is None:
            values = np.stack([np.asarray(method(self._with(draw), *arguments, **options), float) for draw in matrices])
        tails = [(1 - coverage) / 2, (1 + coverage) / 2]
        return np.moveaxis(np.quantile(values, tails, axis=0, method="inverted_cdf"), 0, -1)

    def _rupture_of_many(self, matrices: np.ndarray, horizon: Any) -> np.ndarray | None:
        """Return :meth:`rupture_probability` of many matrices at once; None where a horizon is without end."""
        horizons, targets = self._horizons(horizon), self._targets(None)
        if np.isinf(horizons).any():
            return None
        stopped = self._stopped(targets, matrices)
        columns = [self._moved(stopped, h)[..., targets].sum(axis=-1) for h in np.atleast_1d(horizons)]
        probability = np.clip(np.stack(columns, axis=-1), 0.0, 1.0)
        return probability[..., 0] if horizons.ndim == 0 else probability

    def _horizons(self, horizon: Any) -> np.ndarray:
        try:
            horizons = np.asarray(np.nan if isinstance(horizon, bool) else horizon, dtype=float)
        except (TypeError, ValueError):
            horizons = np.asarray(np.nan)
        if horizons.ndim > 1 or horizons.size == 0 or not (horizons >= 0).all():
            raise ValueError(
                f"horizon={shown(horizon)} must be a number of {self._steps}, at least 0, or a list of them."
            )
        return horizons

    # ---- in the long run ------------------------------------------------------------------------------------------

    def stationary(self) -> np.ndarray:
        """Return the distribution over stages that the process keeps, win-back arcs included.

        Returns
        -------
        ndarray of shape (n_stages,)

        Raises
        ------
        ValueError
            When there are several, because the stages fall into several classes that are never left; they are named.
        """
        _, group = connected_components(self.matrix > 0, directed=True, connection="strong")
        closed = [c for c in np.unique(group) if not (self.matrix[np.ix_(group == c, group != c)] > 0).any()]
        if len(closed) > 1:
            named = "; ".join(
                ", ".join(n for n, g in zip(self.stages.names, group, strict=True) if g == c) for c in closed
            )
            raise ValueError(f"There is no single stationary distribution: these are never left once entered: {named}.")
        members = np.flatnonzero(group == closed[0])
        share = np.zeros(len(self))
        share[members] = _stationary_of(self.matrix[np.ix_(members, members)])
        return share

    # ---- rupture --------------------------------------------------------------------------------------------------

    def fundamental_matrix(self) -> np.ndarray:
        """Return the expected time spent in each transient stage, from each; in periods the start is counted.

        Returns
        -------
        ndarray of shape (n_transient, n_transient)
            Over the stages that are neither rupture nor absorbing, in their order; inf where the end is not certain.
        """
        return self._visits(self._open())

    def absorption_probabilities(self) -> np.ndarray:
        """Return where a relationship ends: the probability of each rupture or absorbing stage, from each transient one.

        Returns
        -------
        ndarray of shape (n_transient, n_ends)
            Rows the transient stages, columns the stages that are rupture or absorbing, each in their order. A row sums to
            1 where an end is certain.
        """
        inside = self._open()
        T, R = self.matrix[np.ix_(inside, inside)], self.matrix[np.ix_(inside, ~inside)]
        can = _reaches(T, R.sum(axis=1) > 0)
        B = np.zeros(R.shape)
        B[can] = np.linalg.solve(self._drain(inside)[np.ix_(can, can)], R[can])
        return B

    def hitting_time(self, target: Any = None) -> np.ndarray:
        """Return the expected time until a target is first entered: in periods for a chain, in units for a generator.

        Parameters
        ----------
        target : str, int or sequence of them, default=None
            Stages; None is rupture.

        Returns
        -------
        ndarray of shape (n_stages,)
            0 at the target; inf from where it is not entered for certain.
        """
        targets = self._targets(target)
        sure = self._cut(targets) & ~targets
        time = np.where(targets, 0.0, np.inf)
        time[sure] = self._visits(sure).sum(axis=1)
        return time

    def sojourn_time(self) -> np.ndarray:
        """Return the expected length of a stay in each stage, 1/(1 − p) periods or −1/q units; inf where it is never left."""
        with np.errstate(divide="ignore"):
            return 1 / np.maximum(np.diag(self._drain(np.ones(len(self), dtype=bool))), 0.0)

    def rupture_probability(self, horizon: Any) -> np.ndarray:
        """Return the probability that the relationship has broken by a horizon: first passage into rupture.

        Parameters
        ----------
        horizon : number, inf or array-like of them
            Ahead, at least 0; whole periods for a chain, any time in units for a generator; inf is ever.

        Returns
        -------
        ndarray of shape (n_stages,) or (n_stages, n_horizons)
            1 from rupture itself.
        """
        targets = self._targets(None)
        stopped = self._stopped(targets, self.matrix)
        horizons = self._horizons(horizon)
        columns = [
            self._ever(targets) if np.isinf(h) else self._moved(stopped, h)[:, targets].sum(axis=1)
            for h in np.atleast_1d(horizons)
        ]
        probability = np.clip(np.column_stack(columns), 0.0, 1.0)
        return probability[:, 0] if horizons.ndim == 0 else probability

    def rupture_sensitivity(self, horizon: Any = None) -> np.ndarray:
        """Return how much rupture is put off, or made less likely, when a little of its probability goes elsewhere.

        Entry [s, i, j] is the derivative, for a relationship now in stage s, with respect to the probability (in continuous
        time the intensity) that is moved from the arc i → rupture to the arc i → j, which is the compensating arc (from all
        arcs into rupture together where there are several; in continuous time i → i is to take the intensity away).
        Without a horizon it is that of the expected time to rupture, N[s, i] · t[j]; with one it is that of
        :meth:`rupture_probability`, which is never above 0.

        Parameters
        ----------
        horizon : number, default=None
            Ahead: whole periods, at least 1, for a chain; units, above 0, for a generator.

        Returns
        -------
        ndarray of shape (n_stages, n_stages, n_stages)
            0 where i or j is rupture, or i is absorbing; inf or NaN never occurs where rupture is certain.
        """
        targets = self._targets(None)
        n = len(self)
        through = ~targets & ~self.stages.absorbing_mask
        if horizon is None:
            sure = self._cut(targets) & ~targets
            N, t = np.zeros((n, n)), np.where(targets, 0.0, np.inf)
            N[np.ix_(sure, sure)] = self._visits(sure)
            t[sure] = N[np.ix_(sure, sure)].sum(axis=1)
            with np.errstate(invalid="ignore"):
                D = np.where(N[:, :, None] > 0, N[:, :, None] * t, 0.0)
            D[~sure] = np.where(targets[:, None, None], 0.0, np.inf)[~sure]
        else:
            D = self._sensitivity_by(self._stopped(targets, self.matrix), targets, horizon)
        D[:, ~through, :] = 0.0
        D[:, :, targets] = 0.0
        return D

    def best_lever(self, horizon: Any = None, *, start: ArrayLike | None = None) -> Lever:
        """Return the arc on which a small change does most against rupture.

        Parameters
        ----------
        horizon : number, default=None
            Judge by the probability of rupture by then; None judges by the expected time to it.
        start : array-like of shape (n_stages,), mapping by stage, or str, default=None
            The customers it is to help: shares per stage or one stage; None weighs all transient stages alike.

        Returns
        -------
        Lever
        """
        inside = self._open() & ~self._targets(None)
        weight = self._start(inside.astype(float) if start is None else start)
        effect = self.rupture_sensitivity(horizon)
        return best_lever(self.stages, self.matrix, effect, weight, horizon, self._lever_unit())

    def _lever_unit(self) -> str | None:
        """Return None where a lever moves probability, else what time is counted in, in words."""
        return None

    # ---- words ----------------------------------------------------------------------------------------------------

    def describe(self) -> str:
        """Say in plain sentences how long relationships last, where they break and what would help most."""
        unit = self._time_in_words()
        within = 3 if unit == UNIT_WORDS["Y"] else 12
        space = self.stages
        names = [shortened(name) for name in space.names]
        lines = [f"A relationship moves between {len(space)} stages: {', '.join(names)}."]
        sojourn = self.sojourn_time()
        stays = [f"{name} {_number(time)}" for name, time in zip(names, sojourn, strict=True)]
        lines.append(f"A stay lasts on average, in {unit}: {', '.join(stays)}.")
        if space.rupture_mask.any():
            inside = np.flatnonzero(space.transient_mask)
            chance, time = self.rupture_probability(within), self.hitting_time()
            broken = ", ".join(f"{names[i]} {100 * chance[i]:.1f} %" for i in inside)
            lines.append(f"The probability that it has broken within {within} {unit}: {broken}.")
            if self.has_draws:
                ends = self.interval("rupture_probability", within)
                width = ", ".join(f"{names[i]} {100 * ends[i, 0]:.1f} to {100 * ends[i, 1]:.1f} %" for i in inside)
                lines.append(f"With 90 % intervals: {width}.")
            lasts = ", ".join(f"{names[i]} {_number(time[i])}" for i in inside)
            lines.append(f"Expected {unit} until rupture: {lasts}.")
            if (self.matrix[inside][:, space.rupture_mask] > 0).any():
                lines.append(self.best_lever(within).describe())
        return "\n".join(lines)

    # ---- parts that both use --------------------------------------------------------------------------------------

    def to_frame(self) -> pd.DataFrame:
        """Return the matrix as a frame with the stages' names, rows the origins."""
        return pd.DataFrame(
            self.matrix, index=pd.Index(self.stages.names, name="from"), columns=list(self.stages.names)
        )

    def customer_equity(
        self, n_customers: Any, reward: ArrayLike, annual_discount_rate: float = 0.0, **options: Any
    ) -> float:
        """Return the value of a customer base: customers per stage times the value of a customer in it.

        Parameters
        ----------
        n_customers : array-like of shape (n_stages,)
            How many customers are in each stage now. At least 0.
        reward, annual_discount_rate, **options
            As for :meth:`lifetime_value`.

        Returns
        -------
        float
            In the currency of ``reward``.
        """
        count = self._per_stage(n_customers, "n_customers")
        if (count < 0).any():
            below = [name for name, n in zip(self.stages.names, count, strict=True) if n < 0]
            raise DataError([f"n_customers is negative in {', '.join(below)}"], "the customer base")
        value = self.lifetime_value(reward, annual_discount_rate, **options)  # type: ignore[attr-defined]
        return float(count[count > 0] @ value[count > 0])

    def _per_stage(self, values: Any, what: str) -> np.ndarray:
        """Return one finite number per stage, from an array in the order of the space or a mapping by name."""
        if isinstance(values, dict | pd.Series):
            given = dict(values)
            faults = [f"{name!r} is not a stage" for name in given if name not in self.stages.names]
            faults += [f"{name!r} is missing" for name in self.stages.names if name not in given]
            if faults:
                raise DataError(faults, what)
            values = [given[name] for name in self.stages.names]
        try:
            array = np.asarray(values, dtype=float)
        except (TypeError, ValueError):
            raise DataError(
                [
                    f"it needs one number for each of the stages {', '.join(self.stages.names)}; something else was given"
                ],
                what,
            ) from None
        if array.shape != (len(self),) or not np.isfinite(array).all():
            raise DataError(
                [
                    f"it needs one finite number for each of the {len(self)} stages ({', '.join(self.stages.names)}); its shape "
                    f"is {array.shape}"
                ],
                what,
            )
        return array

    def _start(self, start: Any) -> np.ndarray:
        """Return a distribution over the stages from one, from a stage's name, or None for the first stage."""
        if start is None or (np.ndim(start) == 0 and not isinstance(start, Mapping)):
            return np.eye(len(self))[0 if start is None else self._code(start, "start")]
        share = self._per_stage(start, "start")
        if (share < 0).any() or share.sum() <= 0:
            raise DataError(["it must have no negative entry and a positive sum"], "start")
        return share

    def _targets(self, target: Any) -> np.ndarray:
        """Return the mask of the targets: names, codes, or None for rupture."""
        if target is None:
            mask = self.stages.rupture_mask
            if not mask.any():
                raise ValueError(
                    "The stage space names no rupture; name it, as in StageSpace(names, rupture=...), or name the target."
                )
            return mask
        mask = np.zeros(len(self), dtype=bool)
        for one in [target] if np.ndim(target) == 0 else list(target):
            mask[self._code(one, "target")] = True
        if not mask.any():
            raise ValueError("target is empty; name a stage, or None for rupture.")
        return mask

    def _code(self, stage: Any, what: str) -> int:
        """Return the code of a stage that is named, or given by its code."""
        if isinstance(stage, str):
            return self.stages.index(stage)
        if not is_count(stage) or not 0 <= stage < len(self):
            raise ValueError(
                f"{what}={shown(stage)} is not a stage; name one of {', '.join(self.stages.names)}, or give its code, 0 to "
                f"{len(self) - 1}."
            )
        return int(stage)

    def _cut(self, targets: np.ndarray) -> np.ndarray:
        """Return the mask of the stages from which the targets are, for certain, entered; the targets included."""
        reach = reachable(np.where(targets[:, None], 0.0, self.matrix))
        can = reach[:, targets].any(axis=1)
        return np.asarray(can & ~(reach & ~can).any(axis=1))

    def _open(self) -> np.ndarray:
        """Return the mask of the stages that a relationship passes through: neither rupture nor absorbing."""
        mask = self.stages.transient_mask
        if mask.all():
            raise ValueError(
                "The stage space names neither a rupture nor an absorbing stage, so nothing is transient; name one, as in "
                "StageSpace(names, rupture=..., absorbing=...)."
            )
        return mask

    def _visits(self, inside: np.ndarray) -> np.ndarray:
        """Return the expected times over the stages of a mask; inf between stages that are not left for certain."""
        T, drain = self.matrix[np.ix_(inside, inside)], self._drain(inside)
        reach = reachable(T)
        leaves = (reach & (drain.sum(axis=1) > self._noticed()[inside])).any(axis=1)
        sure = ~(reach & ~leaves).any(axis=1) & leaves
        N = np.where(reach, np.inf, 0.0)
        N[np.ix_(sure, sure)] = np.linalg.inv(drain[np.ix_(sure, sure)])
        return N

    def _ever(self, targets: np.ndarray) -> np.ndarray:
        """Return the probability of ever entering a target."""
        into = self.matrix[np.ix_(~targets, targets)].sum(axis=1)
        can = _reaches(self.matrix[np.ix_(~targets, ~targets)], into > 0)
        inner = np.zeros(len(into))
        inner[can] = np.linalg.solve(self._drain(~targets)[np.ix_(can, can)], into[can])
        ever = np.ones(len(self))
        ever[~targets] = inner
        return ever

    def _undiscounted(self, pay: np.ndarray) -> np.ndarray:
        """Return total pay where it ends for certain; stages that pay for ever are refused by name."""
        _, group = connected_components(self.matrix > 0, directed=True, connection="strong")
        for_ever = np.array([not (self.matrix[np.ix_(group == c, group != c)] > 0).any() for c in group])
        if (paying := for_ever & (pay != 0)).any():
            named = ", ".join(n for n, p in zip(self.stages.names, paying, strict=True) if p)
            raise ValueError(
                f"Without a discount rate and a horizon the value is infinite: {named} pay for ever. Give "
                "annual_discount_rate above 0 or a horizon."
            )
        value = np.zeros(len(self))
        value[~for_ever] = self._visits(~for_ever) @ pay[~for_ever]
        return value


def reachable(T: np.ndarray) -> np.ndarray:
    """Return whether each stage can be reached from each, in any number of moves."""
    reach = (T > 0) | np.eye(len(T), dtype=bool)
    while not np.array_equal(reach, further := (reach.astype(int) @ reach.astype(int)) > 0):
        reach = further
    return reach


def _reaches(T: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Return the mask of the stages from which one of the goal's can be reached."""
    return (reachable(T) & goal).any(axis=1)


def _stationary_of(matrix: np.ndarray) -> np.ndarray:
    """Return the stationary distribution of an irreducible process by elimination without subtractions (GTH)."""
    A = np.array(matrix)
    n = len(A)
    for k in range(n - 1, 0, -1):
        A[:k, k] /= A[k, :k].sum()
        A[:k, :k] += np.outer(A[:k, k], A[k, :k])
    share = np.zeros(n)
    share[0] = 1.0
    for k in range(1, n):
        share[k] = share[:k] @ A[:k, k]
    return share / share.sum()


def _number(value: float) -> str:
    return "without end" if np.isinf(value) else f"{value:.1f}"
