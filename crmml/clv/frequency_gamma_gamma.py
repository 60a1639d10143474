"""Gamma-Gamma whose mean spend moves with frequency."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._covariates import CovariateLayout, Effect
from .gamma_gamma import GammaGamma


class FrequencyGammaGamma(GammaGamma):
    r"""Gamma-Gamma in which customers who buy often may spend more, or less, at a time.

    As :class:`GammaGamma`, but the scale of a customer with x repeat purchases is

    .. math:: \gamma_x = \gamma \, (1 + x)^{\kappa},

    so that the mean spend of such customers is proportional to (1 + x)^κ. At elasticity κ = 0 it is Gamma-Gamma itself,
    which takes spend and frequency as independent; :func:`likelihood_ratio_test` tests that.

    Parameters
    ----------
    prior : "weak", mapping or None, default="weak"
        As in :class:`GammaGamma`; the elasticity has a normal prior around 0.

    purchases : {"repeat", "all"}, default="repeat"
        As in :class:`GammaGamma`.

    Attributes
    ----------
    params_ : mapping
        p, q, gamma as in :class:`GammaGamma`; gamma is that of customers without repeat purchases.
    elasticity_ : float
        κ: mean spend changes by about κ percent for each percent of more purchases.

    Examples
    --------
    >>> from crmml.clv import FrequencyGammaGamma, GammaGamma, likelihood_ratio_test
    >>> from crmml.datasets import load_cdnow_sample
    >>> from crmml.transactions import summarize
    >>> summary = summarize(load_cdnow_sample(), value="value")
    >>> model = FrequencyGammaGamma().fit(summary)
    >>> round(model.elasticity_, 3)
    0.169
    >>> bool(likelihood_ratio_test(GammaGamma().fit(summary), model)["p_value"] < 0.01)
    True
    """

    title = "Gamma-Gamma with frequency"

    def _layout(self) -> CovariateLayout:
        return CovariateLayout(self.parameter_names, [Effect("frequency", ("elasticity",), (2,), {2: 1})])

    def _expand(self, columns: np.ndarray) -> np.ndarray:
        bought = columns[:, 0] if self.purchases == "all" else 1.0 + columns[:, 0]
        return np.column_stack([columns, np.log(np.maximum(bought, 1.0))])

    @property
    def elasticity_(self) -> float:
        """How mean spend changes with frequency, κ."""
        return float(self.theta_[3])

    def to_lifetimes(self) -> Any:
        """Refused: lifetimes has no such model."""
        raise ValueError("lifetimes has no Gamma-Gamma whose spend depends on frequency; fit GammaGamma instead.")

    def describe(self) -> str:
        """Return what was found in plain sentences."""
        double = 2**self.elasticity_ - 1
        word = "more" if double >= 0 else "less"
        return (
            f"{super().describe()} Twice as many purchases go with {abs(double):.1%} {word} at each "
            f"(elasticity {self.elasticity_:.3f})."
        )
