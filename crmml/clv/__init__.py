"""Customer lifetime value: models of when customers buy and leave, of what they spend, and what that is worth."""

from .beta_geo import BetaGeoNBD
from .comparison import compare, likelihood_ratio_test
from .gamma_gamma import GammaGamma
from .lifetime_value import CustomerLifetimeValue
from .modified_beta_geo import ModifiedBetaGeoNBD

__all__ = [
    "BetaGeoNBD",
    "CustomerLifetimeValue",
    "GammaGamma",
    "ModifiedBetaGeoNBD",
    "compare",
    "likelihood_ratio_test",
]
