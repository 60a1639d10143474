r"""The default prior of the customer-lifetime-value models.

Under a flat prior on the log scale the posterior of BG/NBD is improper: along a, b → ∞ at a fixed ratio, and along
r, α → ∞, the likelihood tends to a positive constant. The default prior is therefore proper, and weak: each log
parameter is normal around the start value, which carries the data's units (time for α and β, money for γ), with a
standard deviation of 2, so that a factor of 50 either way is still within two standard deviations. Coefficients are
normal around 0 with standard deviation 1.5 for a covariate scaled to unit variance. See docs/opinions.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..checks import is_number

LOG_PARAMETER_SD = 2.0
COEFFICIENT_SD = 1.5


@dataclass(frozen=True)
class NormalPrior:
    """Independent normals on the coordinates that are fitted.

    Attributes
    ----------
    location, sd : ndarray of shape (k,)
    """

    location: np.ndarray
    sd: np.ndarray

    def log_density(self, u: np.ndarray) -> np.ndarray:
        """Log density of points (m, k) or (k,), up to its constant."""
        return -0.5 * np.sum(((u - self.location) / self.sd) ** 2, axis=-1)

    def gradient(self, u: np.ndarray) -> np.ndarray:
        """Gradient of the log density at a point (k,)."""
        return -(u - self.location) / self.sd**2


def make_prior(
    prior: str | Mapping[str, tuple[float, float]], names: Sequence[str], start: np.ndarray, n_parameters: int
) -> NormalPrior:
    """Return the weak default, with the entries that a mapping {parameter: (median, sd of its log)} replaces.

    Raises
    ------
    ValueError
        When the mapping names no parameter, or a median or sd is not positive.
    """
    location = start.copy()
    sd = np.full(start.size, COEFFICIENT_SD)
    sd[:n_parameters] = LOG_PARAMETER_SD
    location[n_parameters:] = 0.0
    if isinstance(prior, Mapping):
        for name, (median, log_sd) in prior.items():
            if name not in names[:n_parameters] or not (
                is_number(median) and is_number(log_sd) and median > 0 and log_sd > 0
            ):
                raise ValueError(
                    f"prior={{{name!r}: ({median}, {log_sd})}}: give (median > 0, sd of the log > 0) for any of "
                    f"{', '.join(names[:n_parameters])}."
                )
            j = list(names).index(name)
            location[j], sd[j] = np.log(median), log_sd
    return NormalPrior(location, sd)
