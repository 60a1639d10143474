"""What tests of the contractual numerics share: rows, and gradients by differences."""

import numpy as np
from hypothesis import strategies as st

from crmml.clv.numerics.contracts import ContractRows

ROWS = ContractRows(
    np.array([5.0, 2.0, 7.0, 0.0, 17.0, 0.0, 390.0]),
    np.array([5.0, 5.0, 7.0, 3.0, 40.0, 1.0, 400.0]),
    np.array([5.0, 2.0, 7.0, 1.5, 17.0, 0.0, 391.0]),
)

#: Parameters over many orders of magnitude.
positive = st.floats(np.log(1e-4), np.log(1e5)).map(lambda u: float(np.exp(u)))


def gradient_gap(numerics, rows, theta):
    """Largest difference of the gradient to central differences, as a share of its own size or of 1."""
    _, gradient = numerics.log_likelihood_gradient(rows, theta)
    worst = 0.0
    for j in range(len(theta)):
        up, down = list(theta), list(theta)
        up[j] *= np.exp(1e-4)
        down[j] *= np.exp(-1e-4)
        by_difference = (numerics.log_likelihood(rows, up) - numerics.log_likelihood(rows, down)) / 2e-4
        worst = max(worst, float(np.max(np.abs(by_difference - gradient[j]) / np.maximum(np.abs(gradient[j]), 1))))
    return worst
