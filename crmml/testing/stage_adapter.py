"""Stage models that take any numbers, so that scikit-learn's own checks can run on models with strict input.

As in :mod:`crmml.testing.adapter`, nothing but the one hook through which input passes is overridden: after scikit-learn's
validation each row is mapped, by itself, to a legal row of a panel. They are for tests only.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_array, validate_data

from .. import stages
from .adapter import _unit_interval

#: Periods of the panels that rows are mapped to.
N_PERIODS = 8


def legal_panel(array: np.ndarray, n_stages: int) -> np.ndarray:
    """Map an array (n, anything) to codes of stages (n, N_PERIODS), each row by itself."""
    return np.floor(n_stages * (_unit_interval(array, N_PERIODS) - 0.01) / 0.981)


class LegalPanelMixin:
    """Overrides the input hook of a model of stage panels."""

    def read_panel(self, X: Any, *, reset: bool) -> np.ndarray:
        """Return the checked panel: the one door through which all input passes."""
        array = validate_data(self, X, reset=reset, dtype=np.float64)
        return check_array(legal_panel(array, 2), dtype=np.float64)


class LegalMarkovStageModel(LegalPanelMixin, stages.MarkovStageModel):
    """Markov stage model that maps any matrix to a panel of two stages."""


class LegalCovariateMarkovStageModel(LegalPanelMixin, stages.CovariateMarkovStageModel):
    """Covariate Markov stage model that maps any matrix to a panel of two stages."""


class LegalHiddenMarkovStageModel(LegalPanelMixin, stages.HiddenMarkovStageModel):
    """Hidden Markov stage model that maps any matrix to counts."""


class LegalSemiMarkovStageModel(LegalPanelMixin, stages.SemiMarkovStageModel):
    """Semi-Markov stage model that maps any matrix to a panel of two stages."""


def legal_stage_models() -> list[Any]:
    """Return one instance of every adapted stage model, for ``sklearn.utils.estimator_checks.parametrize_with_checks``."""
    return [
        LegalMarkovStageModel(2, prior=1.0),
        LegalCovariateMarkovStageModel(2, unvisited="uniform"),
        LegalHiddenMarkovStageModel(2, n_init=1, std_errors=False),
        LegalSemiMarkovStageModel(2, 1, n_init=1),
    ]
