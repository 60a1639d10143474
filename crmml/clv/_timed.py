"""What models of time share beside their likelihood: the unit of time, covariates by name, parameters of a new customer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..checks import UNIT_WORDS, check_numbers, check_unit
from ..exceptions import DataError
from ..frames.ruler import discount_intensity
from ..transactions.compression import unique_rows
from .base import ParametricModel


class TimedModel(ParametricModel):
    """A model whose times have a unit, and whose parameters covariates may move."""

    def _covariates(self) -> tuple[str, ...]:
        """The covariates of all processes, each once."""
        return ()

    def _input_columns(self) -> tuple[str, ...]:
        return (*self._columns, *self._covariates())

    def _layout_columns(self) -> int:
        """Columns that parameters may depend on: those read, and what the model adds to them."""
        return len(self._columns) + len(self._covariates())

    def _coefficients(self, process: str) -> Mapping[str, float]:
        check_is_fitted(self, "theta_")
        for effect, place in self._layout().slices():
            if effect.process == process:
                return MappingProxyType(dict(zip(effect.names, self.theta_[place].tolist(), strict=True)))
        return MappingProxyType({})

    def _new_customer(self, covariates: Any) -> list:
        """Natural parameters of customers known by their covariates alone; scalars where there is just one."""
        check_is_fitted(self, "theta_")
        columns = self._columns_of_new(covariates)
        if behind := self._layout_columns() - columns.shape[1]:  # of new customers they are 0
            columns = np.column_stack([columns, np.zeros((len(columns), behind))])
        theta = self._theta(columns)
        return [np.squeeze(value)[()] if len(columns) == 1 else value for value in theta]

    def _columns_of_new(self, covariates: Any) -> np.ndarray:
        """Columns of customers known by their covariates alone; of one without any where the model has none."""
        names = self._covariates()
        if missing := [name for name in names if covariates is None or name not in covariates]:
            raise DataError([f"{name} is missing" for name in missing], "the covariates of a new customer")
        values = [np.atleast_1d(check_numbers(covariates[name], name)) for name in names]
        size = len(values[0]) if values else 1
        return np.column_stack([np.zeros((size, len(self._columns))), *values])

    def _by_unique_row(self, columns: np.ndarray, function: Callable[[np.ndarray, list], np.ndarray]) -> np.ndarray:
        """A function of columns and theta, computed once for each distinct row."""
        unique, _, code = unique_rows(*columns.T)
        rows = np.column_stack(unique)
        return function(rows, self._theta(rows))[code]

    def _unit(self, unit: str | None) -> str:
        """The unit of the model's times: the fitted one, which ``unit`` may state where the summary did not."""
        known = self.ruler_.unit
        if unit is None and known is None:
            raise ValueError(
                "The summary carried no unit of time: say unit='M', 'Y', ... so that the rate can be converted."
            )
        if unit is not None and known is not None and check_unit(unit) != known:
            raise ValueError(
                f"unit={unit!r}, but the model was fitted on a summary in {known!r} ({UNIT_WORDS[known]})."
            )
        return check_unit(str(unit or known))

    def _endless_discount(self, annual_discount_rate: float, unit: str | None) -> float:
        """The discount intensity of an infinite horizon, above 0."""
        check_is_fitted(self, "theta_")
        delta = discount_intensity(annual_discount_rate, self._unit(unit))
        if delta <= 0:
            raise ValueError(
                "annual_discount_rate must be above 0: over an infinite horizon the undiscounted sum may not exist."
            )
        return delta

    def _unit_word(self) -> str:
        return UNIT_WORDS.get(str(self.ruler_.unit), "units of time") if hasattr(self, "ruler_") else "units of time"
