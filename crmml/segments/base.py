"""What all segmenters share: columns by name, fits inside each customer type, segments by name, aggregates kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from .. import frames
from ..exceptions import DataError, warn
from ..fitting import atomic
from ..frames.numbers import check_sample_weight
from ..frames.records import eager
from ..results import NotebookMixin
from ..typing import ArrayLike, FrameLike
from ._columns import CustomerTypes, finite_faults, length_of, numbers_of, repeated_customers, rows_of
from .profile import SegmentProfile, profile_of, sums_of

#: The segment of customers of whom something is missing, where ``missing="own"``.
UNKNOWN = "Unknown"
#: A customer type with fewer customers than this takes what was learnt from all customers together.
LEAST_OF_TYPE = 30


class SegmentWarning(UserWarning):
    """Ties merged bins, a tier is empty, or a type is too small; the message says which and what to do."""


class Segmenter(NotebookMixin, TransformerMixin, BaseEstimator, ABC):
    """Customers into named segments, best first.

    A subclass declares ``by=None`` and, where it has one, ``missing`` among its hyper-parameters and supplies

    * ``_read(X, reset)``: the columns it works on, as a mapping of name to array of shape (n,), checked for their meaning;
    * ``_fit_part(columns, weight, label)``: what is learnt from customers of one type (or all), of any kind skops can store;
    * ``_finish(parts)``: sets ``segments_`` (names, best first, without the unknown), and warns;
    * ``_codes(part, columns)``: for each customer the position in ``segments_``;
    * ``_value_name``: the column whose sum is shared out, or None.

    Attributes
    ----------
    segments_ : tuple of str
    types_ : tuple of str or None
        The customer types, sorted, where ``by`` names a column.
    parts_ : list
        What was learnt, type by type.
    pooled_types_ : tuple of str
        Types of fewer than 30 customers: they take what was learnt from all customers together.
    n_customers_ : float
        By weight.
    feature_names_in_, n_features_in_
    """

    by: str | None
    feature_names_in_: np.ndarray
    n_features_in_: int
    segments_: tuple[str, ...]

    # ---- what a subclass supplies ---------------------------------------------------------------------------------

    @abstractmethod
    def _read(self, X: Any, *, reset: bool) -> dict[str, np.ndarray]: ...

    @abstractmethod
    def _fit_part(self, columns: Mapping[str, np.ndarray], weight: np.ndarray | None, label: str) -> Any: ...

    @abstractmethod
    def _finish(self, parts: Sequence[Any]) -> None: ...

    @abstractmethod
    def _codes(self, part: Any, columns: Mapping[str, np.ndarray]) -> np.ndarray: ...

    @property
    def _value_name(self) -> str | None:
        return None

    def _check_parameters(self) -> None:
        """Refuse hyper-parameters that do not fit together."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = getattr(self, "missing", "refuse") == "own"
        tags.transformer_tags.preserves_dtype = []
        return tags

    # ---- fit and predict ------------------------------------------------------------------------------------------

    @atomic
    def fit(self, X: FrameLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None) -> Any:
        """Learn the segments, inside each customer type where ``by`` names a column.

        Parameters
        ----------
        X : frame of any engine, or array
            Columns are picked by name, others ignored, their order free; an array goes by position.
        y : ignored
        sample_weight : array of shape (n,), default=None
            Each row counts as so many customers; rows of weight 0 are as if they were not there.

        Raises
        ------
        DataError
            Naming every fault of the columns: missing ones, text, missing or infinite values, no rows.

        Warns
        -----
        SegmentWarning
            Where ties merge segments, a customer identifier is there more than once, or a type has fewer than 30 customers and takes
            what was learnt from all of them.
        """
        self._validate_params()
        self._check_parameters()
        columns, labels = self._input(X, reset=True)
        n = length_of(columns)
        repeated, looked = repeated_customers(X)
        if repeated:
            warn(
                f"{repeated:,} of {looked:,} rows repeat another's customer identifier, and each row counts as a customer; give one "
                "row per customer, such as a summary, where that is not meant.",
                SegmentWarning,
            )
        weight = None
        if sample_weight is not None:
            frames.check_aligned("the rows", X=X, sample_weight=sample_weight)
            weight = check_sample_weight(sample_weight, n)
            if (weight == 0).any():
                columns, labels, weight = rows_of(columns, labels, weight, weight > 0)
        self.types_: tuple[str, ...] | None = None
        types = None
        if labels is not None:
            self.types_ = tuple(sorted(set(labels.categories)))
            types = labels.codes_in(self.types_)
        self._fit_types(columns, types, weight)
        self._finish(self.parts_)
        codes = self._fitted_codes(columns, types)
        self.n_customers_ = float(len(codes) if weight is None else weight.sum())
        self._sums = self._sums_of(columns, codes, types, weight)
        return self

    def _fit_types(self, columns: dict[str, np.ndarray], types: np.ndarray | None, weight: np.ndarray | None) -> None:
        known = self._known(columns)
        if known is not None:
            if not known.any():
                raise DataError(["no customer has all of the columns; at least one is needed"], self._subject)
            columns, types, weight = rows_of(columns, types, weight, known)
        self.pooled_types_: tuple[str, ...] = ()
        if types is None:
            self.parts_ = [self._fit_part(columns, weight, "")]
            return
        masks = [types == code for code in range(len(self.types_ or ()))]
        small = [name for name, mask in zip(self.types_ or (), masks, strict=True) if mask.sum() < LEAST_OF_TYPE]
        pooled = self._fit_part(columns, weight, "all customers") if small else None
        self.parts_ = []
        for name, mask in zip(self.types_ or (), masks, strict=True):
            if name in small:
                self.parts_.append(pooled)
            else:
                part, _, of_part = rows_of(columns, None, weight, mask)
                self.parts_.append(self._fit_part(part, of_part, f"{self.by} {name}"))
        self.pooled_types_ = tuple(small)
        if small:
            warn(
                f"{self.by} {', '.join(small)} {'has' if len(small) == 1 else 'have'} fewer than {LEAST_OF_TYPE} customers "
                "with all columns; they take what was learnt from all customers together. Merge small types to have their own.",
                SegmentWarning,
            )

    def predict(self, X: FrameLike) -> np.ndarray:
        """Name of each customer's segment.

        Parameters
        ----------
        X : as in ``fit``

        Returns
        -------
        ndarray of object of shape (n,)

        Raises
        ------
        DataError
            As ``fit`` does, and when a customer type was not there at fit.
        """
        codes = self._predicted(X)[2]
        return self._names[codes]

    def fit_predict(
        self, X: FrameLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None
    ) -> np.ndarray:
        """``fit`` and then ``predict`` on the same customers."""
        return self.fit(X, sample_weight=sample_weight).predict(X)

    def table(self, X: FrameLike, customer_id: str = "customer_id") -> Any:
        """Put each customer's segment beside the identifier, with the columns of ``transform``.

        Parameters
        ----------
        X : as in ``fit``
        customer_id : str
            Left out where X has no such column.

        Returns
        -------
        frame of the engine of X
            Eager for lazy engines; pandas for arrays.
        """
        X = eager(X)
        scores = np.asarray(self._transformed(X))
        columns = {name: scores[:, j] for j, name in enumerate(self.get_feature_names_out())}
        return frames.with_identifier(X, columns | {"segment": self.predict(X)}, customer_id)

    def transform(self, X: FrameLike) -> np.ndarray:
        """Numbers that the segments rest on; see ``get_feature_names_out``."""
        return self._transformed(X)

    def _transformed(self, X: Any) -> np.ndarray:
        """What ``transform`` gives, before ``set_output`` sees it."""
        columns, types, _ = self._predicted(X)
        return self._scores(columns, types)

    @abstractmethod
    def _scores(self, columns: Mapping[str, np.ndarray], types: np.ndarray | None) -> np.ndarray: ...

    def score(self, X: FrameLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None) -> float:
        """Share of the value's variance that lies between the segments (η², in [0, 1]).

        Each segment, within each type where ``by`` is given, is predicted by its own mean in X. More segments never lower it, so
        compare settings of one number of segments, or on data of their own.

        Parameters
        ----------
        X, y, sample_weight : as in ``fit``

        Returns
        -------
        float
            0 where the value does not vary.
        """
        columns, types, codes = self._predicted(X)
        if self._value_name is None or self._value_name not in columns:
            raise ValueError(f"{type(self).__name__} has no value column to score by.")
        frames.check_aligned("the rows", X=X, sample_weight=sample_weight)
        value = columns[self._value_name]
        weight = np.ones(value.size) if sample_weight is None else check_sample_weight(sample_weight, value.size)
        group = codes if types is None else types * len(self._names) + codes
        known = np.isfinite(value) & (weight > 0)
        value, weight, group = value[known], weight[known], group[known]
        if not value.size:
            return 0.0
        deviation = value - np.average(value, weights=weight)
        spread = float(weight @ deviation**2)
        mass = np.bincount(group, weight)
        sums = np.bincount(group, weight * deviation)
        between = float((sums[mass > 0] ** 2 / mass[mass > 0]).sum())
        return min(between / spread, 1.0) if spread > 0 else 0.0

    def profile(self, X: FrameLike | None = None, *, coverage: float = 0.9) -> SegmentProfile:
        """Describe the segments in figures: of the customers of ``fit``, or of others.

        Parameters
        ----------
        X : as in ``fit``, default=None
            None takes those of ``fit``, of which only sums, counts and medians by segment were kept.
        coverage : float, default=0.9
            Of the intervals.

        Returns
        -------
        SegmentProfile
        """
        check_is_fitted(self)
        sums = self._sums if X is None else self._sums_of(*_reordered(self._predicted(X)), None)
        return profile_of(sums, list(self._names), self.types_, by=self.by, value=self._value_name, coverage=coverage)

    def describe(self) -> str:
        """Say what was found, in sentences."""
        return self.profile().describe()

    # ---- small parts ----------------------------------------------------------------------------------------------

    @property
    def _subject(self) -> str:
        return f"the customers given to {type(self).__name__}"

    @property
    def _names(self) -> np.ndarray:
        own = (UNKNOWN,) if getattr(self, "missing", "refuse") == "own" else ()
        return np.asarray([*self.segments_, *own], dtype=object)

    def _features(self, columns: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        """The columns a profile tells medians, or commonest values, of."""
        return columns

    def _known(self, columns: Mapping[str, np.ndarray]) -> np.ndarray | None:
        """Which customers have all columns; None where all have."""
        if getattr(self, "missing", "refuse") != "own":
            return None
        missing = np.zeros(length_of(columns), dtype=bool)
        for column in columns.values():
            if column.dtype.kind != "f":
                missing |= pd.isna(column)
            elif np.isnan(column.sum()):
                missing |= np.isnan(column)
        return ~missing if missing.any() else None

    def _predicted(self, X: Any) -> tuple[dict[str, np.ndarray], np.ndarray | None, np.ndarray]:
        check_is_fitted(self)
        columns, labels = self._input(X, reset=False)
        types = None if labels is None else labels.codes_in(self.types_ or ())
        return columns, types, self._all_codes(columns, types)

    def _all_codes(self, columns: Mapping[str, np.ndarray], types: np.ndarray | None) -> np.ndarray:
        known = self._known(columns)
        if types is None and known is None:
            return self._codes(self.parts_[0], columns)
        codes = np.full(length_of(columns), len(self.segments_), dtype=np.int16)
        for number, part in enumerate(self.parts_):
            mask = np.ones(codes.size, dtype=bool) if types is None else types == number
            if known is not None:
                mask &= known
            if mask.any():
                codes[mask] = self._codes(part, {name: column[mask] for name, column in columns.items()})
        return codes

    def _fitted_codes(self, columns: Mapping[str, np.ndarray], types: np.ndarray | None) -> np.ndarray:
        """Segments of the customers just learnt from; a segmenter that knows them already need not look again."""
        return self._all_codes(columns, types)

    def _by_type(
        self, per_part: Any, columns: Mapping[str, np.ndarray], types: np.ndarray | None, width: int
    ) -> np.ndarray:
        """``per_part(part, columns)`` of shape (n_of_type, width) for each type, put together; NaN where unknown."""
        known = self._known(columns)
        if types is None and known is None:
            return per_part(self.parts_[0], columns)
        result = np.full((length_of(columns), width), np.nan)
        for number, part in enumerate(self.parts_):
            mask = np.ones(len(result), dtype=bool) if types is None else types == number
            if known is not None:
                mask &= known
            if mask.any():
                result[mask] = per_part(part, {name: column[mask] for name, column in columns.items()})
        return result

    def _sums_of(
        self,
        columns: Mapping[str, np.ndarray],
        codes: np.ndarray,
        types: np.ndarray | None,
        weight: np.ndarray | None,
    ) -> dict[str, np.ndarray]:
        n_segments = len(self._names)
        groups = codes if types is None else types.astype(np.int32) * n_segments + codes
        value = None if self._value_name is None else columns.get(self._value_name)
        return sums_of(groups, n_segments * max(1, len(self.types_ or ())), self._features(columns), value, weight)

    def _input(self, X: Any, *, reset: bool) -> tuple[dict[str, np.ndarray], CustomerTypes | None]:
        """The columns to work on, and the customer types."""
        if self.by is None:
            return self._read(X, reset=reset), None
        if not frames.is_frame(X):
            raise TypeError(f"by={self.by!r} names a column, so X must be a frame; it is a {type(X).__name__}.")
        frames.check_columns(frames.wrap(X), [self.by], self._subject)
        X = eager(X)
        columns = self._read(X, reset=reset)
        if reset:
            self.feature_names_in_ = np.asarray([*self.feature_names_in_, self.by], dtype=object)
            self.n_features_in_ = len(self.feature_names_in_)
        types = CustomerTypes(frames.to_columns(X, [self.by])[self.by], self.by, self._subject)
        if not reset:
            types.check_known(self.types_ or ())
        return columns, types

    def _type_codes(self, types: Any) -> np.ndarray:
        """Place in ``types_`` of each customer's type, given as an array."""
        found = CustomerTypes(pd.Series(types), str(self.by), self._subject)
        found.check_known(self.types_ or ())
        return found.codes_in(self.types_ or ())

    def _numbers(
        self, X: Any, names: Sequence[str], *, reset: bool, optional: Sequence[str] = ()
    ) -> dict[str, np.ndarray]:
        """Columns as float64 arrays, by name from a frame or by position from an array; copied only where need be.

        Missing and infinite values are refused with their number, missing ones unless ``missing="own"``.

        Parameters
        ----------
        X : frame or array
        names : sequence of str
        reset : bool
            Whether to remember the columns (at fit).
        optional : sequence of str
            Names whose missing values are no fault.
        """
        names = list(names)
        faults: list[str] = []
        if frames.is_frame(X):
            columns = numbers_of(X, names, faults)
            if reset:
                self.feature_names_in_ = np.asarray(names, dtype=object)
                self.n_features_in_ = len(names)
        else:
            shape = np.shape(X)
            if reset and len(shape) == 2 and shape[1] != len(names):
                raise ValueError(
                    f"{type(self).__name__} takes a frame with columns {', '.join(names)}, or an array with exactly these "
                    f"{len(names)} columns in this order; the array has {shape[1]}."
                )
            array = validate_data(self, X, reset=reset, dtype=np.float64, ensure_all_finite=False)
            columns = {name: array[:, j] for j, name in enumerate(names)}
        allowed = tuple(names) if getattr(self, "missing", "refuse") == "own" else tuple(optional)
        for name, column in columns.items():
            faults += finite_faults(name, column, name in allowed)
        if not faults and length_of(columns) == 0:
            faults = ["there are no rows; at least one customer is needed"]
        if faults:
            raise DataError(faults, self._subject)
        return columns


def _reordered(predicted: tuple[Any, Any, Any]) -> tuple[Any, Any, Any]:
    columns, types, codes = predicted
    return columns, codes, types
