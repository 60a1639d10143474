"""Customer lifetime value: models of transactions, of spend, and of the value they make together."""

from .beta_geo import BetaGeoNBD
from .gamma_gamma import GammaGamma
from .lifetime_value import CustomerLifetimeValue

__all__ = ["BetaGeoNBD", "CustomerLifetimeValue", "GammaGamma"]
