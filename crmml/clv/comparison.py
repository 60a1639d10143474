"""Which model describes the data best: information criteria, and the likelihood-ratio test between nested models."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.stats import chi2

from ..exceptions import DataError
from ..frames.numbers import check_sample_weight
from ..typing import ArrayLike, Estimator, FrameLike


def compare(models: Sequence[Estimator], X: FrameLike, sample_weight: ArrayLike | None = None) -> pd.DataFrame:
    r"""Compare fitted models on one summary by log-likelihood, AIC and BIC.

    AIC = 2k − 2 ln L and BIC = k ln n − 2 ln L, with k parameters and n customers; the Akaike weight of a model is
    proportional to exp(−ΔAIC/2) [1]_.

    Parameters
    ----------
    models : sequence of fitted models
        Fitted to the same customers; models of different columns cannot be compared.
    X : frame or array-like
        The summary they were fitted to.
    sample_weight : array-like of shape (n_customers,), default=None

    Returns
    -------
    DataFrame
        One row per model, best AIC first: model, n_parameters, log_likelihood, aic, bic, aic_weight, converged.

    Raises
    ------
    DataError
        When the models read different columns of X, so that their likelihoods are of different data.

    References
    ----------
    .. [1] Burnham, K. P. and Anderson, D. R. (2002), Model Selection and Multimodel Inference, section 2.9. Springer.
    """
    if not models:
        raise ValueError("compare needs at least one fitted model.")
    outcomes = {model._columns for model in models}
    if len(outcomes) > 1:
        raise DataError(
            [f"{type(model).__name__} describes {', '.join(model._columns)}" for model in models],
            "models of different data",
        )
    if len({getattr(model, "_discrete", False) for model in models}) > 1:
        raise DataError(
            [
                f"{type(m).__name__} has {'probabilities' if m._discrete else 'densities, which depend on the unit'}"
                for m in models
            ],
            "models of discrete and of continuous time",
        )
    columns = models[0]._fitted_summary(X)
    weight = np.ones(len(columns)) if sample_weight is None else check_sample_weight(sample_weight, len(columns))
    n, informative = float(weight.sum()), float(weight[models[0]._informative(columns)].sum())
    rows = []
    for model in models:
        total = model.score(X, sample_weight=sample_weight) * n
        k = model.n_parameters_
        rows.append((model.title, k, total, 2 * k - 2 * total, k * np.log(informative) - 2 * total, model.converged_))
    table = pd.DataFrame(rows, columns=["model", "n_parameters", "log_likelihood", "aic", "bic", "converged"])
    best = table["aic"].min()
    # an unbounded likelihood, of spend that does not vary, leaves nothing to the others
    relative = np.exp(-(table["aic"] - best) / 2) if np.isfinite(best) else (table["aic"] == best).astype(float)
    table.insert(5, "aic_weight", relative / relative.sum())
    return table.sort_values("aic", ignore_index=True, kind="stable")


def likelihood_ratio_test(restricted: Estimator, full: Estimator) -> pd.Series:
    r"""Test a model against one that contains it: 2(ln L₁ − ln L₀) is χ² with as many degrees as parameters more [1]_.

    Parameters
    ----------
    restricted, full : fitted models
        ``restricted`` is ``full`` with some coefficients at 0 (or otherwise fixed inside the parameter space), both
        fitted to the same customers. Where the restriction lies on the edge of the space (a = 0, say), the test is
        conservative: the true p-value is smaller.

    Returns
    -------
    Series
        statistic, degrees_of_freedom, p_value.

    Raises
    ------
    ValueError
        When ``full`` has no more parameters than ``restricted``, or was fitted to other customers, or neither likelihood is
        bounded.

    References
    ----------
    .. [1] Wilks, S. S. (1938), The large-sample distribution of the likelihood ratio. Annals of Mathematical Statistics
       9, 60-62.
    """
    more = full.n_parameters_ - restricted.n_parameters_
    if more <= 0:
        raise ValueError(
            f"{type(full).__name__} has no more parameters than {type(restricted).__name__}: nothing is tested."
        )
    if full.n_customers_ != restricted.n_customers_:
        raise ValueError(
            f"The models were fitted to {restricted.n_customers_:,.0f} and {full.n_customers_:,.0f} customers; fit both to the same."
        )
    if np.isinf(full.log_likelihood_) and np.isinf(restricted.log_likelihood_):
        raise ValueError("Both likelihoods are unbounded, since nothing varies in the data: there is nothing to test.")
    statistic = max(0.0, 2 * (full.log_likelihood_ - restricted.log_likelihood_))
    return pd.Series(
        {"statistic": statistic, "degrees_of_freedom": more, "p_value": float(chi2.sf(statistic, more))},
        name="likelihood ratio",
    )
