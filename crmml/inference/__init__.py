"""Statistical inference that knows no customers: maximum likelihood, the information matrix, the delta method."""

from .delta_method import delta_method
from .maximum_likelihood import MaximumLikelihood, invert_information, maximize, observed_information
from .quadrature import discounted_integral, legendre

__all__ = ["MaximumLikelihood", "delta_method", "discounted_integral", "invert_information", "legendre", "maximize", "observed_information"]
