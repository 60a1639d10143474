"""Estimators that take any numbers, so that scikit-learn's own checks can run on models with strict input.

scikit-learn's estimator checks feed arbitrary matrices; a customer-base model rightly refuses most of them. The classes
here override nothing but the one hook through which input passes: after scikit-learn's validation each row is mapped,
by itself, to a legal summary row. They are for tests only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import expit
from sklearn.utils.validation import validate_data

from .. import clv


def _unit_interval(array: np.ndarray, n_columns: int) -> np.ndarray:
    """Map arbitrary reals, row by row, to n_columns numbers strictly between 0 and 1."""
    mix = np.outer(np.arange(1, array.shape[1] + 1), np.arange(1, n_columns + 1))
    return np.clip(expit(array / 4 @ np.cos(mix)), 0.01, 0.99)


def legal_rows(array: np.ndarray, columns: tuple[str, ...], discrete: bool = False) -> np.ndarray:
    """Map an array (n, anything) to legal rows with the given summary columns, each row by itself.

    With ``discrete``, recency and T are whole numbers of opportunities.
    """
    u = _unit_interval(array, 4)
    x = np.floor(8 * u[:, 0])
    T = 30 + 10 * u[:, 1]
    t_x = np.where(x > 0, T * u[:, 2], 0.0)
    if discrete:
        T = np.floor(T)
        t_x = np.where(x > 0, np.floor(x + (T - x) * u[:, 2]), 0.0)
    if "frequency" not in columns:  # contracts: some are customers still
        t_x = np.where(u[:, 3] > 0.5, T, np.floor(T * u[:, 2]) if discrete else T * u[:, 2])
    legal = {
        "frequency": x,
        "T": T,
        "recency": t_x,
        "monetary_value": np.where(x > 0, 5 + 20 * u[:, 3], 0.0),
    }
    return np.column_stack([legal[name] for name in columns])


class LegalRowsMixin:
    """Overrides the input hook of a customer-lifetime-value estimator."""

    def _summary(self, X: Any, *, reset: bool) -> np.ndarray:
        columns = self._columns  # type: ignore[attr-defined]
        rows = legal_rows(
            validate_data(self, X, reset=reset, dtype=np.float64), columns, getattr(self, "_discrete", False)
        )
        return self._expand(rows) if hasattr(self, "_expand") else rows


class LegalBetaGeoNBD(LegalRowsMixin, clv.BetaGeoNBD):
    """BG/NBD that maps any matrix to legal rows."""


class LegalModifiedBetaGeoNBD(LegalRowsMixin, clv.ModifiedBetaGeoNBD):
    """MBG/NBD that maps any matrix to legal rows."""


class LegalBetaGeoBetaBinomial(LegalRowsMixin, clv.BetaGeoBetaBinomial):
    """BG/BB that maps any matrix to legal rows."""


class LegalBetaGeoCNBD(LegalRowsMixin, clv.BetaGeoCNBD):
    """BG/CNBD-k that maps any matrix to legal rows."""


class LegalParetoNBD(LegalRowsMixin, clv.ParetoNBD):
    """Pareto/NBD that maps any matrix to legal rows."""


class LegalGompertzNBD(LegalRowsMixin, clv.GompertzNBD):
    """Gamma-Gompertz/NBD that maps any matrix to legal rows."""


class LegalGammaGamma(LegalRowsMixin, clv.GammaGamma):
    """Gamma-Gamma that maps any matrix to legal rows."""


class LegalFrequencyGammaGamma(LegalRowsMixin, clv.FrequencyGammaGamma):
    """Gamma-Gamma with frequency that maps any matrix to legal rows."""


class LegalShiftedBetaGeometric(LegalRowsMixin, clv.ShiftedBetaGeometric):
    """sBG that maps any matrix to legal rows."""


class LegalBetaDiscreteWeibull(LegalRowsMixin, clv.BetaDiscreteWeibull):
    """BdW that maps any matrix to legal rows."""


class LegalExponentialGamma(LegalRowsMixin, clv.ExponentialGamma):
    """Exponential-gamma that maps any matrix to legal rows."""


class LegalCustomerLifetimeValue(LegalRowsMixin, clv.CustomerLifetimeValue):
    """Customer lifetime value that maps any matrix to legal rows."""


def legal_estimators() -> list[Any]:
    """Return one instance of every adapted estimator, for ``sklearn.utils.estimator_checks.parametrize_with_checks``."""
    return [
        LegalBetaGeoNBD(),
        LegalModifiedBetaGeoNBD(),
        LegalBetaGeoBetaBinomial(),
        LegalBetaGeoCNBD(k=2),
        LegalParetoNBD(),
        LegalGompertzNBD(),
        LegalGammaGamma(),
        LegalFrequencyGammaGamma(),
        LegalShiftedBetaGeometric(),
        LegalBetaDiscreteWeibull(),
        LegalExponentialGamma(),
        LegalCustomerLifetimeValue(clv.BetaGeoNBD(), clv.GammaGamma(), horizon=52, unit="W", summary_unit="W"),
    ]
