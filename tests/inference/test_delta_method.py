import numpy as np

from crmml.inference import delta_method


def test_a_linear_function_is_exact():
    A, C = np.array([[1.0, 2.0], [0.0, -1.0], [3.0, 1.0]]), np.array([[0.5, 0.1], [0.1, 0.2]])
    value, covariance = delta_method(lambda t: A @ t, np.array([1.0, 2.0]), C)
    np.testing.assert_allclose(value, [5.0, -2.0, 5.0])
    np.testing.assert_allclose(covariance, A @ C @ A.T, rtol=1e-9)


def test_a_ratio_against_its_formula():
    theta, C = np.array([3.0, 2.0]), np.array([[0.04, 0.01], [0.01, 0.09]])
    _, covariance = delta_method(lambda t: t[0] / t[1], theta, C)
    gradient = np.array([1 / 2, -3 / 4])
    np.testing.assert_allclose(covariance, [[gradient @ C @ gradient]], rtol=1e-8)
