"""How contractual models read their data and are fitted: customers' rows, or cohorts' counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils._param_validation import Interval

from ..exceptions import DataError
from ..fitting import atomic
from ..inference import MaximumLikelihood
from ..typing import ArrayLike, Frame
from ._checks import fault
from ._covariates import CovariateLayout, Effect
from ._survivors import read_cohorts, rows_of
from ._timed import TimedModel
from .base import ParametricModel
from .numerics.contracts import ContractRows

#: Parameters of what customers differ by that both grow by more than this make them all alike.
ALIKE = 100.0


class ContractFit(TimedModel):
    """The data of a contractual model: rows (recency, T) or cohorts' counts of survivors, checked and fitted."""

    _columns = ("recency", "T")
    #: Whether time is a whole number of renewals.
    _discrete: ClassVar[bool] = True
    #: Functions of the model's likelihood and expectations.
    numerics: Any
    #: {parameter: sign} of the log-parameter shift by the covariates.
    dropout_targets: ClassVar[Mapping[str, int]] = {}
    _parameter_constraints: ClassVar[dict] = {
        **ParametricModel._parameter_constraints,
        "horizon": [Interval(Real, 0, None, closed="neither")],
        "dropout_covariates": ["array-like", tuple],
        "l2_penalty": [Interval(Real, 0, None, closed="left")],
    }

    def __init__(
        self,
        horizon: float = 1.0,
        *,
        prior: str | Mapping[str, tuple[float, float]] | None = "weak",
        dropout_covariates: Sequence[str] = (),
        l2_penalty: float = 0.0,
    ):
        self.horizon = horizon
        self.prior = prior
        self.dropout_covariates = dropout_covariates
        self.l2_penalty = l2_penalty

    # ---- the data ---------------------------------------------------------------------------------------------------

    def _covariates(self) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(self.dropout_covariates))
        if taken := [name for name in names if name in self._columns]:
            raise ValueError(f"{', '.join(map(repr, taken))} cannot be a covariate: the model reads it as what it is.")
        return names

    def _layout(self) -> CovariateLayout:
        names = self._covariates()
        places = tuple(range(len(self._columns), len(self._columns) + len(names)))
        targets = {self.parameter_names.index(name): sign for name, sign in self.dropout_targets.items()}
        return CovariateLayout(self.parameter_names, [Effect("dropout", names, places, targets)])

    def _penalty(self) -> float:
        return self.l2_penalty / 2

    @property
    def coef_dropout_(self) -> Mapping[str, float]:
        """Covariate coefficients, by column: positive values mean leaving sooner."""
        return self._coefficients("dropout")

    def _check_meaning(self, columns: np.ndarray) -> list[str]:
        recency, T = columns.T[:2]
        faults = []
        with np.errstate(invalid="ignore"):
            for name, values in (("recency", recency), ("T", T)):
                faults += fault(name, values, np.isnan(values), "is missing (NaN)", "drop or repair these rows")
                faults += fault(name, values, np.isinf(values), "is infinite", "drop or repair these rows")
                faults += fault(name, values, (values < 0) & np.isfinite(values), "is negative", "both start at 0")
                if self._discrete:
                    broken = np.isfinite(values) & (values >= 0) & (values != np.floor(values))
                    faults += fault(name, values, broken, "is not a whole number", f"{self.title} counts renewals")
            late = np.isfinite(recency) & np.isfinite(T) & (recency > T)
            cure = "recency is how far the customer came within T, and equals T for who is a customer still"
            faults += fault("recency", recency, late, "is later than T", cure)
        return faults + self._layout().faults(columns)

    def _informative(self, columns: np.ndarray) -> np.ndarray:
        return columns[:, 1] > 0

    def _rows(self, columns: np.ndarray) -> ContractRows:
        recency, T = (np.ascontiguousarray(column) for column in columns.T[:2])
        return ContractRows(recency, T, self._left_by(columns))

    def _left_by(self, columns: np.ndarray) -> np.ndarray:
        """When lost customers had left at the latest; discrete time reads it from recency."""
        return columns[:, 0]

    def _alive(self, columns: np.ndarray) -> np.ndarray:
        return columns[:, 0] == columns[:, 1]

    def _log_likelihood(self, rows: ContractRows, theta: Sequence[Any]) -> np.ndarray:
        return self.numerics.log_likelihood(rows, theta)

    def _log_likelihood_gradient(self, rows: ContractRows, theta: Sequence[Any]) -> tuple[np.ndarray, np.ndarray]:
        return self.numerics.log_likelihood_gradient(rows, theta)

    @atomic
    @_fit_context(prefer_skip_nested_validation=True)
    def fit_survivors(
        self,
        survivors: ArrayLike | Mapping[str, ArrayLike],
        *,
        covariates: Frame | Mapping[str, ArrayLike] | None = None,
    ) -> Self:
        """Fit by maximum likelihood to cohorts' counts of survivors.

        Parameters
        ----------
        survivors : sequence of int, or a mapping or list of them
            A cohort's size and how many of it were left after each renewal (in continuous time, at times 1, 2, ...):
            ``[1000, 869, 743]``. Several cohorts may be of different lengths; they share the parameters.
        covariates : frame or mapping, default=None
            One value for each cohort, in order, of every covariate that the constructor names.

        Returns
        -------
        self : object

        Raises
        ------
        DataError
            Naming every fault at once: counts that are negative, not whole or missing, cohorts that grow or are empty, covariates
            that miss; and where nobody or everybody left at once, or there are fewer renewals than parameters.

        Warns
        -----
        ConvergenceWarning
            When the point reached is no interior optimum, as where customers do not differ.
        """
        rows, weight = rows_of(read_cohorts(survivors), self._covariates(), covariates)
        columns = self._grouped(self._summary(rows.to_numpy(), reset=True))
        self._remember_ruler(rows, reset=True)
        self._fit_rows(*self._compress(columns, weight))
        return self

    def _compress(self, columns: np.ndarray, weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        seen = self._informative(columns)
        if weight is not None:
            seen &= weight > 0
        if faults := self._limit_faults(columns[seen], float(np.sum(seen if weight is None else weight[seen]))):
            raise DataError(faults, f"the customers given to {type(self).__name__}")
        return super()._compress(columns, weight)

    def _limit_faults(self, columns: np.ndarray, size: float) -> list[str]:
        """Why the likelihood has no maximum whatever the model, in words."""
        if size < 2:
            return []
        most, needed, alive = columns[:, 1].max(), len(self.parameter_names), self._alive(columns)
        if alive.all():
            return [
                f"none of {size:,.0f} customers left within the time observed: the likeliest is that nobody ever does, and nothing "
                "tells how long they stay; observe them for longer"
            ]
        if not alive.any() and not columns[:, 0].any():
            return [
                f"all of {size:,.0f} customers left at once: the likeliest is that everybody always does, and nothing tells how they "
                "differ; look whether recency was recorded, and include customers who stayed"
            ]
        if self._discrete and most < needed:
            return [
                f"T is at most {most:g}, so that survival is known at {most:g} renewals, from which the {needed} parameters "
                f"{', '.join(self.parameter_names)} cannot be told; observe customers for {needed} renewals or more"
            ]
        return []

    def _grouped(self, columns: np.ndarray) -> np.ndarray:
        """Columns of cohorts, of whose losses only the interval is known; the same in discrete time."""
        return columns

    def _why_not(self, optimum: MaximumLikelihood) -> str:
        if not (optimum.theta[:2] - self._data.start[:2] > np.log(ALIKE)).all():
            return super()._why_not(optimum)
        first, second = self.parameter_names[:2]
        return (
            f"{type(self).__name__} found no interior optimum: {first} and {second} grow together without bound, since customers "
            f"do not differ more than by luck: {self.limits[first][1]}. Standard errors are not to be relied on; predictions of "
            "customers like these are."
        )
