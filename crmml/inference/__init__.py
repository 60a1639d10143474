"""Statistical inference that knows no customers: maximum likelihood, information, the delta method, posteriors."""

from .delta_method import delta_method
from .intervals import student_interval, wilson_interval
from .likelihood_model import Estimates, LikelihoodModel
from .maximum_likelihood import MaximumLikelihood, invert_information, maximize, observed_information
from .pareto_smoothing import pareto_smooth
from .posterior import Posterior, sample_posterior
from .quadrature import discounted_integral, legendre

__all__ = [
    "Estimates",
    "LikelihoodModel",
    "MaximumLikelihood",
    "Posterior",
    "delta_method",
    "discounted_integral",
    "invert_information",
    "legendre",
    "maximize",
    "observed_information",
    "pareto_smooth",
    "sample_posterior",
    "student_interval",
    "wilson_interval",
]
