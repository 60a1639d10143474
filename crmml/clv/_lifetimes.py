"""Converting to and from the fitters of the lifetimes package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import pandas as pd
from sklearn.utils.validation import check_is_fitted


class LifetimesMixin:
    """For models that lifetimes has too. Parameters are carried over as they stand; data and errors are not."""

    #: The fitter's class name in lifetimes.
    _lifetimes_fitter: ClassVar[str]
    #: {our parameter: lifetimes' name}, in lifetimes' order.
    _lifetimes_names: ClassVar[Mapping[str, str]]

    def to_lifetimes(self) -> Any:
        """Return a lifetimes fitter with these parameters, ready to predict.

        Returns
        -------
        lifetimes fitter
            With ``params_`` and ``predict``; without data, likelihood and variances.
        """
        import lifetimes

        check_is_fitted(self, "theta_")
        if getattr(self, "_covariates", tuple)():
            raise ValueError("lifetimes knows no covariates: a model with covariates has no counterpart there.")
        if getattr(self, "clock_", None) is not None or getattr(self, "has_entry_", False):
            raise ValueError(
                "lifetimes knows no clock and no customers of old: a model fitted on a summary with either has no counterpart there."
            )
        fitter = getattr(lifetimes, self._lifetimes_fitter)()
        params = self.params_  # type: ignore[attr-defined]
        fitter.params_ = pd.Series({theirs: params[ours] for ours, theirs in self._lifetimes_names.items()})
        fitter._scale = 1.0
        for method in ("conditional_expected_number_of_purchases_up_to_time", "conditional_expected_average_profit"):
            if hasattr(fitter, method):
                fitter.predict = getattr(fitter, method)
                break
        return fitter

    @classmethod
    def from_lifetimes(cls, fitter: Any) -> Any:
        """Return a model with the parameters of a fitted lifetimes fitter.

        Parameters
        ----------
        fitter : lifetimes fitter
            Of the matching class, fitted.

        Returns
        -------
        A model ready to predict, without likelihood or covariance, since no data are carried over.

        Raises
        ------
        TypeError
            When the fitter is of another class.
        """
        if type(fitter).__name__ != cls._lifetimes_fitter:
            raise TypeError(f"{cls.__name__} takes a lifetimes {cls._lifetimes_fitter}, not a {type(fitter).__name__}.")
        if not hasattr(fitter, "params_"):
            raise ValueError(f"The {cls._lifetimes_fitter} is not fitted: call its fit first.")
        values = {ours: float(fitter.params_[theirs]) for ours, theirs in cls._lifetimes_names.items()}
        return cls().set_fitted_params(**values)  # type: ignore[attr-defined]
