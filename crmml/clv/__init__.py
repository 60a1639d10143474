"""Customer lifetime value: models of when customers buy and leave, of what they spend, and what that is worth."""

from .beta_geo import BetaGeoNBD
from .beta_geo_beta_binom import BetaGeoBetaBinomial
from .beta_geo_cnbd import BetaGeoCNBD
from .calendar import learn_clock
from .comparison import compare, likelihood_ratio_test
from .displays import (
    AliveHistoryDisplay,
    CalibrationDisplay,
    FrequencyRecencyDisplay,
    PosteriorDisplay,
    SpendDisplay,
    TrackingDisplay,
)
from .frequency_gamma_gamma import FrequencyGammaGamma
from .gamma_gamma import GammaGamma
from .gompertz import GompertzNBD
from .independence import SpendFrequencyCorrelation, spend_frequency_correlation
from .lifetime_value import CustomerLifetimeValue
from .modified_beta_geo import ModifiedBetaGeoNBD
from .pareto import ParetoNBD
from .transaction import TransactionModel, purchase_rate

__all__ = [
    "AliveHistoryDisplay",
    "BetaGeoBetaBinomial",
    "BetaGeoCNBD",
    "BetaGeoNBD",
    "CalibrationDisplay",
    "CustomerLifetimeValue",
    "FrequencyGammaGamma",
    "FrequencyRecencyDisplay",
    "GammaGamma",
    "GompertzNBD",
    "ModifiedBetaGeoNBD",
    "ParetoNBD",
    "PosteriorDisplay",
    "SpendDisplay",
    "SpendFrequencyCorrelation",
    "TrackingDisplay",
    "TransactionModel",
    "compare",
    "learn_clock",
    "likelihood_ratio_test",
    "purchase_rate",
    "spend_frequency_correlation",
]
