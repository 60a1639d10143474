r"""Static covariates of the purchase and the dropout process.

A covariate acts proportionally on the scale of a process, as in the literature [1]_: with z the covariates of a
customer and γ their coefficients, the purchase rate is multiplied by exp(γ'z), and so is the dropout rate. For the gamma
scales this reads α_i = α exp(−γ'z), β_i = β exp(−γ'z).

References
----------
.. [1] Fader, P. S. and Hardie, B. G. S. (2007), Incorporating time-invariant covariates into the Pareto/NBD and BG/NBD
   models. brucehardie.com/notes/019.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Effect:
    """How the covariates of one process enter the parameters.

    Attributes
    ----------
    process : str
        "purchase" or "dropout".
    names : tuple of str
        The covariates.
    columns : tuple of int
        Where they stand in the model's columns.
    targets : mapping of int to int
        {parameter index: sign}: that log parameter is shifted by sign · γ'z.
    """

    process: str
    names: tuple[str, ...]
    columns: tuple[int, ...]
    targets: Mapping[int, int]


class CovariateLayout:
    """The vector of a model with covariates: log parameters first, then each process's coefficients.

    Parameters
    ----------
    parameters : sequence of str
    effects : sequence of Effect
    equal : sequence of str
        Covariates whose coefficient is one and the same in both processes.
    """

    def __init__(self, parameters: Sequence[str], effects: Sequence[Effect], equal: Sequence[str] = ()):
        self.effects = [effect for effect in effects if effect.names]
        self.n_parameters = len(parameters)
        self.names = [*parameters]
        for effect in self.effects:
            self.names += [f"{effect.process}.{name}" for name in effect.names]
        self.equal = tuple(equal)

    @property
    def size(self) -> int:
        """Length of the full vector."""
        return len(self.names)

    def slices(self) -> list[tuple[Effect, slice]]:
        """Each process's effect with its place in the vector."""
        at, found = self.n_parameters, []
        for effect in self.effects:
            found.append((effect, slice(at, at + len(effect.names))))
            at += len(effect.names)
        return found

    def theta(self, vector: np.ndarray, columns: np.ndarray) -> list:
        """Natural parameters of each row: scalars, or arrays where covariates make them the customer's own.

        ``vector`` of shape (k,) gives scalars and (n,) arrays; (draws, k) gives (draws, 1) and (draws, n).
        """
        shifts: dict[int, np.ndarray] = {}
        for effect, place in self.slices():
            moved = vector[..., place] @ columns[:, list(effect.columns)].T
            for target, sign in effect.targets.items():
                shifts[target] = sign * moved
        theta = []
        for j in range(self.n_parameters):
            base = vector[..., j] if vector.ndim == 1 else vector[..., j : j + 1]
            theta.append(np.exp(base + shifts[j]) if j in shifts else np.exp(base))
        return theta

    def gradient(self, by_log_theta: np.ndarray, weight: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Weighted gradient (k,) of the full vector from each row's gradient (parameters, n)."""
        total = np.empty(self.size)
        total[: self.n_parameters] = by_log_theta @ weight
        for effect, place in self.slices():
            moved = sum(sign * by_log_theta[target] for target, sign in effect.targets.items()) * weight
            total[place] = moved @ columns[:, list(effect.columns)]
        return total

    def coordinates(self, columns: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Matrix M, full vector = M u: u has standardised covariates and one entry for equal coefficients.

        With z = m + s·z' a coefficient is γ = γ'/s, and the parameter it acts on takes up the mean: its logarithm is
        that of the standardised model minus sign · γ m.
        """
        free: list[np.ndarray] = [np.eye(self.size)[:, j] for j in range(self.n_parameters)]
        shared: dict[str, int] = {}
        for effect, place in self.slices():
            for name, column, row in zip(effect.names, effect.columns, range(place.start, place.stop), strict=True):
                z = columns[:, column]
                mean = float(np.average(z, weights=weight))
                spread = float(np.sqrt(np.average((z - mean) ** 2, weights=weight))) or 1.0
                direction = np.zeros(self.size)
                direction[row] = 1 / spread
                for target, sign in effect.targets.items():
                    direction[target] = -sign * mean / spread
                if name in self.equal and name in shared:
                    free[shared[name]] = free[shared[name]] + direction
                else:
                    shared[name] = len(free)
                    free.append(direction)
        return np.column_stack(free)

    def faults(self, columns: np.ndarray) -> list[str]:
        """Covariates that are missing, infinite or constant."""
        found = []
        for effect in self.effects:
            for name, column in zip(effect.names, effect.columns, strict=True):
                z = columns[:, column]
                if wrong := int(np.count_nonzero(~np.isfinite(z))):
                    found.append(
                        f"covariate {name} is missing or infinite in {wrong:,} of {z.size:,} rows; fill or drop them"
                    )
        return list(dict.fromkeys(found))
