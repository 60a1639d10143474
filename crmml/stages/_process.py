"""What chains and generators share: names, posterior draws, intervals, the value of stages, sentences."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.utils import check_random_state

from ..exceptions import DataError
from .space import StageSpace, as_stage_space


class StageProcess(ABC):
    """An immutable Markov process on the stages of a relationship, with or without draws of its matrix."""

    stages: StageSpace
    matrix: np.ndarray
    _noun: str

    def __init__(self, matrix: Any, stages: Any, draws: Any) -> None:
        matrix = np.array(matrix, dtype=float)
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise DataError([f"its shape is {matrix.shape}, not (n, n)"], f"the {self._noun}")
        space = as_stage_space(len(matrix) if stages is None else stages)
        faults = []
        if len(space) != len(matrix):
            faults.append(f"it has {len(matrix)} rows, but there are {len(space)} stages ({', '.join(space.names)})")
        if not np.isfinite(matrix).all():
            faults.append(f"{int((~np.isfinite(matrix)).sum())} entries are not finite")
        faults = faults or self._faults(matrix, space)
        if draws is not None and np.shape(draws)[1:] != matrix.shape:
            faults.append(f"its draws have the shape {np.shape(draws)}, not (n_draws, {len(matrix)}, {len(matrix)})")
        if faults:
            raise DataError(faults, f"the {self._noun}")
        matrix.setflags(write=False)
        self.__dict__.update(
            matrix=matrix, stages=space, _draws=None if draws is None else np.asarray(draws, dtype=float)
        )

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
    def _with(self, matrix: np.ndarray) -> Self:
        """Return the same process with another matrix and no draws; the matrix is trusted."""

    @abstractmethod
    def hitting_time(self, target: Any = None) -> np.ndarray:
        """Return the expected time until a target is first entered, from each stage."""

    @abstractmethod
    def rupture_probability(self, horizon: Any) -> np.ndarray:
        """Return the probability of having entered rupture by the horizon, from each stage."""

    @abstractmethod
    def describe(self) -> str:
        """Say in plain sentences what the process tells."""

    # ---- uncertainty ----------------------------------------------------------------------------------------------

    @property
    def has_draws(self) -> bool:
        """Whether :meth:`sample` can draw from the posterior of the matrix."""
        return self._draws is not None  # type: ignore[attr-defined]

    def sample(self, n_draws: int = 1000, random_state: Any = None) -> np.ndarray:
        """Draw matrices from the posterior.

        Parameters
        ----------
        n_draws : int, default=1000
        random_state : int, Generator, RandomState or None

        Returns
        -------
        ndarray of shape (n_draws, n_stages, n_stages)

        Raises
        ------
        ValueError
            When the process carries no posterior: one that was written by hand.
        """
        if not self.has_draws:
            raise ValueError(
                f"This {type(self).__name__} carries no posterior, as it was made from a matrix alone. Take chain_ or generator_ of "
                "a fitted model, or pass concentration= or draws=."
            )
        draws = self._draws  # type: ignore[attr-defined]
        if n_draws <= len(draws):
            return draws[:n_draws]
        return draws[check_random_state(random_state).randint(len(draws), size=n_draws)]

    def interval(
        self,
        of: str,
        *arguments: Any,
        coverage: float = 0.9,
        n_draws: int = 1000,
        random_state: Any = 0,
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
        random_state : int, Generator, RandomState or None, default=0

        Returns
        -------
        ndarray of shape (..., 2)
            Lower and upper ends, for each number that the method returns.
        """
        if not 0 < coverage < 1:
            raise ValueError(f"coverage={coverage!r} must lie between 0 and 1.")
        method = getattr(type(self), of, None)
        if of.startswith("_") or not callable(method):
            raise ValueError(f"of={of!r} is no method of {type(self).__name__}.")
        values = np.stack(
            [
                np.asarray(method(self._with(draw), *arguments, **options), dtype=float)
                for draw in self.sample(n_draws, random_state)
            ]
        )
        tails = [(1 - coverage) / 2, (1 + coverage) / 2]
        return np.moveaxis(np.quantile(values, tails, axis=0, method="inverted_cdf"), 0, -1)

    # ---- parts that both use --------------------------------------------------------------------------------------

    def to_frame(self) -> pd.DataFrame:
        """Return the matrix as a frame with the stages' names, rows the origins."""
        return pd.DataFrame(
            self.matrix, index=pd.Index(self.stages.names, name="from"), columns=list(self.stages.names)
        )

    def customer_equity(
        self, n_customers: Any, reward: Any, annual_discount_rate: float = 0.0, **options: Any
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
            raise DataError([f"n_customers is negative in {int((count < 0).sum())} stages"], "the customer base")
        value = self.lifetime_value(reward, annual_discount_rate, **options)  # type: ignore[attr-defined]
        return float(count[count > 0] @ value[count > 0])

    def _per_stage(self, values: Any, what: str) -> np.ndarray:
        """Return one finite number per stage, from an array in the order of the space or a mapping by name."""
        if isinstance(values, dict | pd.Series):
            given = dict(values)
            faults = [f"{name!r} is no stage" for name in given if name not in self.stages.names]
            faults += [f"{name!r} is missing" for name in self.stages.names if name not in given]
            if faults:
                raise DataError(faults, what)
            values = [given[name] for name in self.stages.names]
        array = np.asarray(values, dtype=float)
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
        if start is None or isinstance(start, str | int | np.integer):
            at = 0 if start is None else self.stages.index(start) if isinstance(start, str) else int(start)
            if not 0 <= at < len(self):
                raise ValueError(f"start={start!r} is no code of a stage.")
            return np.eye(len(self))[at]
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
        for one in [target] if isinstance(target, str | int | np.integer) else list(target):
            mask[self.stages.index(one) if isinstance(one, str) else int(one)] = True
        return mask

    def _cut(self, targets: np.ndarray) -> np.ndarray:
        """Return the mask of the stages from which the targets are, for certain, entered; the targets included."""
        moves = self.matrix != 0
        np.fill_diagonal(moves, True)
        moves[targets] = False
        moves[targets, targets] = True
        reach = moves
        while not np.array_equal(reach, further := (reach.astype(int) @ reach.astype(int)) > 0):
            reach = further
        can = reach[:, targets].any(axis=1)
        return can & ~(reach & ~can).any(axis=1)

    def _open(self) -> np.ndarray:
        """Return the mask of the stages that a relationship passes through: neither rupture nor absorbing."""
        mask = self.stages.transient_mask
        if mask.all():
            raise ValueError(
                "The stage space names neither a rupture nor an absorbing stage, so nothing is transient; name one, as in "
                "StageSpace(names, rupture=..., absorbing=...)."
            )
        return mask
