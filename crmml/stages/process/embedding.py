r"""Whether a chain seen at equal steps can come from a process in continuous time.

A transition matrix P is embeddable where :math:`P = e^Q` for some generator Q. Necessary [1]_ [2]_: the determinant is above
0 and at most :math:`\prod_i p_{ii}`; where j can be reached from i at all, :math:`p_{ij} > 0`. Sufficient: the principal
logarithm has no negative entry off its diagonal. Where the necessary conditions hold and the principal logarithm is no
generator, another branch might still be one, and the verdict is left open.

References
----------
.. [1] Kingman, J. F. C. (1962), The imbedding problem for finite Markov chains. Zeitschrift für
   Wahrscheinlichkeitstheorie 1, 14-24.
.. [2] Israel, R. B., Rosenthal, J. S. and Wei, J. Z. (2001), Finding generators for Markov chains via empirical transition
   matrices. Mathematical Finance 11(2), 245-265.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import logm

from ...checks import DAYS_PER_UNIT
from ...results import Result
from .base import reachable
from .chain import StageChain
from .generator import StageGenerator

#: Negative intensities smaller than this share of the largest are rounding.
ROUNDING = 1e-6


@dataclass(frozen=True)
class Embedding(Result):
    """Whether a chain can be the steps of a continuous-time process.

    Attributes
    ----------
    verdict : {"embeddable", "not embeddable", "open"}
    reasons : tuple of str
        Why not, or why it is open.
    generator : StageGenerator
        The principal logarithm where it is a generator, else the nearest one: negative intensities set to 0 and the
        diagonal adjusted.
    distance : float
        Largest difference between P and the generator's transition probabilities over one period.
    """

    verdict: str
    reasons: tuple[str, ...]
    generator: StageGenerator
    distance: float

    def describe(self) -> str:
        """Say the verdict in a plain sentence."""
        if self.verdict == "embeddable":
            return "The chain can be the steps of a process in continuous time; its generator is the logarithm of P."
        lead = "cannot be" if self.verdict == "not embeddable" else "may or may not be"
        return (
            f"The chain {lead} the steps of a process in continuous time: {'; '.join(self.reasons)}. The nearest generator is "
            f"off by up to {self.distance:.4f} in a probability."
        )


def embeddability(chain: StageChain, unit: str | None = None) -> Embedding:
    """Check whether a chain can be the steps of a process in continuous time, and return its generator.

    Parameters
    ----------
    chain : StageChain
    unit : {"h", "D", "W", "M", "Y"}, default=None
        What the generator's time is counted in; None takes the chain's period.

    Returns
    -------
    Embedding

    Examples
    --------
    >>> from crmml.stages import StageChain, embeddability
    >>> embeddability(StageChain([[0.8, 0.2], [0.3, 0.7]])).verdict
    'embeddable'
    >>> embeddability(StageChain([[0.2, 0.8], [0.9, 0.1]])).reasons
    ('the determinant of P is -0.7, not above 0',)
    """
    P = chain.P
    names = chain.stages.names
    n = len(P)
    determinant, staying = float(np.linalg.det(P)), float(np.prod(np.diag(P)))
    reasons = []
    if determinant <= 0:
        reasons.append(f"the determinant of P is {determinant:.4g}, not above 0")
    elif determinant > staying * (1 + 1e-12):
        reasons.append(f"the determinant of P, {determinant:.4g}, is above the product of its diagonal, {staying:.4g}")
    for i, j in zip(*np.nonzero(reachable(P) & (P == 0)), strict=True):
        reasons.append(f"{names[j]!r} can be reached from {names[i]!r}, but not in one period")
    length = 1.0
    if unit is not None and chain.period is not None:
        length = DAYS_PER_UNIT[chain.period] / DAYS_PER_UNIT[unit]
    logarithm = _logarithm(P)
    off = ~np.eye(n, dtype=bool)
    negative = logarithm[off].min() < -ROUNDING * max(np.abs(logarithm).max(), 1e-300)
    verdict = "not embeddable" if reasons else "open" if negative else "embeddable"
    if verdict == "open":
        i, j = np.unravel_index(np.where(off, logarithm, np.inf).argmin(), P.shape)
        reasons.append(
            f"the logarithm of P has a negative intensity, {logarithm[i, j]:.4g} from {names[i]!r} to {names[j]!r}"
        )
    Q = np.where(off & chain.stages.allowed_moves, np.maximum(logarithm, 0.0), 0.0)
    Q[chain.stages.absorbing_mask] = 0.0
    Q -= np.diag(Q.sum(axis=1))
    generator = StageGenerator(Q / length, chain.stages, unit or chain.period)
    return Embedding(verdict, tuple(reasons), generator, float(np.abs(generator.step(length) - P).max()))


def _logarithm(P: np.ndarray) -> np.ndarray:
    """Return the real part of the principal logarithm; singular matrices are moved off 0 a little."""
    values = np.linalg.eigvals(P)
    if np.abs(values).min() < 1e-12:
        P = (1 - 1e-9) * P + 1e-9 * np.eye(len(P))
    return np.real(logm(P))
