"""Segments by recency, frequency and money: scores by quantiles that keep ties together, names by a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from sklearn.utils._param_validation import HasMethods, Interval, StrOptions

from .. import frames
from ..exceptions import DataError, warn
from ..frames.named_columns import NamedColumnsMixin
from ..typing import ArrayLike, FrameLike
from ._columns import fault
from ._quantile_cuts import BLOCK, quantile_cuts, reached
from .base import Segmenter, SegmentWarning
from .rfm_names import DIMENSIONS, name_lookup, sizes_of

#: What a summary's customers are worth in a profile: frequency times mean amount.
REPEAT_SPEND = "repeat_spend"


class RFMSegmenter(NamedColumnsMixin, Segmenter):
    r"""Segments by the time since the last purchase, the number of purchases and their amount [1]_.

    Each dimension is scored from 1 to k, k for the most recent, most frequent, most valuable. The k − 1 cut points are those
    boundaries between distinct values that come nearest to the shares 1/k, …, (k − 1)/k: equal values always have the same
    score, whatever the order of rows. Where ties are heavy, targets share a boundary and some scores are given to nobody: with
    60 % of customers at the lowest frequency and five bins, these score 2, the others 4 and 5. Scores thus keep their meaning as
    places on the scale, one distinct value scores in the middle, and ``n_bins_`` says how many bins there are. A customer
    at a cut point belongs to the better side. A table turns scores into names.

    Parameters
    ----------
    bins : int or mapping of "recency", "frequency", "monetary" to int, default=5
        1 to 100 each; 5 where a mapping does not say.
    recency : str, default=None
        Column with the time since the last purchase. None takes T − recency of a summary, whose recency is the time from the first
        to the last purchase.
    frequency, monetary : str, default="frequency", "monetary_value"
        The profile and ``score`` share out the sum of the monetary column, or of a summary, whose monetary value is a mean, the
        spend of repeat purchases, frequency × monetary value.
    cut_points : mapping of dimension to sequence of float, default=None
        Fixed cut points, ascending, as many as bins less one (which they decide); other dimensions learn theirs.
    names : frame, or mapping of its columns, default=None
        Table as of :func:`rfm_names`; None takes the usual eleven names.
    by : str, default=None
        Column of customer types; cut points are then learnt inside each type.
    missing : {"refuse", "own"}, default="refuse"
        "own" puts customers with a missing figure into the segment "Unknown", with missing scores.

    Attributes
    ----------
    segments_ : tuple of str
        In the order of the table of names.
    cut_points_ : dict of str to ndarray
        For recency, frequency, monetary (with ``by``, such a dict for each type); ±inf where a score is given to nobody.
    n_bins_ : dict of str to int
        Bins there are, likewise.
    n_customers_, types_, pooled_types_, feature_names_in_, n_features_in_

    References
    ----------
    .. [1] Hughes, A. M. (1994), Strategic Database Marketing. Probus. (Quintiles of recency, frequency and monetary value.)

    Examples
    --------
    >>> import pandas as pd
    >>> customers = pd.DataFrame({"days": [3, 9, 40, 200, 300], "orders": [12, 5, 3, 1, 1], "spend": [900., 80., 50., 20., 9.]})
    >>> model = RFMSegmenter(bins=3, recency="days", frequency="orders", monetary="spend").fit(customers)
    >>> model.predict(customers).tolist()
    ['Champions', 'Champions', 'Need attention', 'Lost', 'Lost']
    >>> model.predict_codes(customers).tolist()
    ['333', '333', '222', '111', '111']
    """

    _parameter_constraints: ClassVar[dict] = {
        "bins": [Interval(Integral, 1, 100, closed="both"), dict],
        "recency": [str, None],
        "frequency": [str],
        "monetary": [str],
        "cut_points": [dict, None],
        "names": [dict, HasMethods(["__getitem__"]), HasMethods(["select"]), None],
        "by": [str, None],
        "missing": [StrOptions({"refuse", "own"})],
    }

    def __init__(
        self,
        bins: int | Mapping[str, int] = 5,
        *,
        recency: str | None = None,
        frequency: str = "frequency",
        monetary: str = "monetary_value",
        cut_points: Mapping[str, Sequence[float]] | None = None,
        names: Any = None,
        by: str | None = None,
        missing: str = "refuse",
    ):
        self.bins = bins
        self.recency = recency
        self.frequency = frequency
        self.monetary = monetary
        self.cut_points = cut_points
        self.names = names
        self.by = by
        self.missing = missing

    def __getstate__(self) -> dict[str, Any]:
        """A table of names is stored as a mapping of its columns, which a stored model can hold and ``fit`` takes too."""
        state = super().__getstate__()
        if frames.is_frame(names := state.get("names")):
            table = frames.collected(frames.wrap(names)).to_pandas()
            state = {**state, "names": {str(name): table[name].tolist() for name in table}}
        return state

    def predict_codes(self, X: FrameLike) -> np.ndarray:
        """Scores of each customer as one text, such as "545"; joined by "-" where there are more than nine bins.

        Parameters
        ----------
        X : as in ``fit``

        Returns
        -------
        ndarray of object of shape (n,)
            "Unknown" where a figure is missing.
        """
        scores = self._transformed(X)
        known = ~np.isnan(scores).any(axis=1)
        sizes = [self._sizes[name] for name in DIMENSIONS]
        joint = "-" if max(sizes) > 9 else ""
        texts = np.asarray(
            [joint.join(str(score + 1) for score in triple) for triple in np.ndindex(*sizes)] + ["Unknown"],
            dtype=object,
        )
        place = np.full(len(scores), texts.size - 1)
        place[known] = np.ravel_multi_index(tuple(scores[known].astype(np.intp).T - 1), sizes)
        return texts[place]

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Names of the columns of ``transform``: recency_score, frequency_score, monetary_score."""
        return np.asarray([f"{name}_score" for name in DIMENSIONS], dtype=object)

    # ---- what the base asks for -----------------------------------------------------------------------------------

    @property
    def _value_name(self) -> str:
        return REPEAT_SPEND if self._of_summary else self.monetary

    @property
    def _columns(self) -> tuple[str, str, str]:
        """The columns worked on, in the order of the dimensions."""
        return (self.recency or "time_since_last", self.frequency, self.monetary)

    def _check_parameters(self) -> None:
        given = self.bins if isinstance(self.bins, Mapping) else {}
        for what, keys in (("bins", given), ("cut_points", self.cut_points or {})):
            if unknown := [str(key) for key in keys if key not in DIMENSIONS]:
                raise ValueError(f"{what} has {', '.join(unknown)}; its keys are {', '.join(DIMENSIONS)}.")
        if len(set(self._columns)) < 3:
            raise ValueError(
                f"recency, frequency and monetary must be three columns; they are {', '.join(self._columns)}."
            )
        self._fixed = {name: _ascending(cuts, name) for name, cuts in (self.cut_points or {}).items()}
        self._sizes = sizes_of(self.bins) | {name: cuts.size + 1 for name, cuts in self._fixed.items()}
        self.segments_, self._lookup = name_lookup(self.names, self._sizes)

    def _read(self, X: Any, *, reset: bool) -> dict[str, np.ndarray]:
        of_summary = self.recency is None and (frames.is_frame(X) or (not reset and self.n_features_in_ == 4))
        times = ["recency", "T"] if of_summary else [self.recency or "time_since_last"]
        self._remember_ruler(X, reset=reset)
        if reset:
            self._of_summary = of_summary
        read = self._numbers(X, [*times, self.frequency, self.monetary], reset=reset)
        if of_summary:
            since = read["T"] - read["recency"]
            with np.errstate(invalid="ignore"):
                faults = _below_zero(
                    "T", since, "is before recency", "recency is the time from first to last purchase, T to the end"
                )
        else:
            since = read[times[0]]
            faults = _below_zero(times[0], since, "is negative", "it is the time since the last purchase")
        faults += _below_zero(self.frequency, read[self.frequency], "is negative", "it counts purchases")
        if faults:
            raise DataError(faults, self._subject)
        columns = dict(zip(self._columns, (since, read[self.frequency], read[self.monetary]), strict=True))
        if of_summary:
            columns[REPEAT_SPEND] = read[self.frequency] * read[self.monetary]
        return columns

    def _features(self, columns: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return {name: columns[name] for name in self._columns}

    def _fit_part(
        self, columns: Mapping[str, np.ndarray], weight: np.ndarray | None, label: str
    ) -> dict[str, np.ndarray]:
        part = {}
        for dimension, name in zip(DIMENSIONS, self._columns, strict=True):
            size = self._sizes[dimension]
            if dimension in self._fixed:
                part[dimension] = self._fixed[dimension]
                continue
            below = np.arange(1, size) / size
            if dimension == "recency":  # the lower the better
                part[dimension] = -quantile_cuts(-columns[name], below, weight)[::-1]
            else:
                part[dimension] = quantile_cuts(columns[name], below, weight)
        return part

    def _finish(self, parts: Sequence[dict[str, np.ndarray]]) -> None:
        counts = [
            {name: len(set(cuts[np.isfinite(cuts)].tolist())) + 1 for name, cuts in part.items()} for part in parts
        ]
        whose = [f"{self.by} {name}: " for name in self.types_] if self.types_ is not None else [""]
        lost = [
            f"{label}{name} has {count[name]} of {self._sizes[name]} bins"
            for label, count in zip(whose, counts, strict=True)
            for name in DIMENSIONS
            if count[name] < self._sizes[name]
        ]
        self.n_bins_: Any = counts[0] if self.types_ is None else dict(zip(self.types_, counts, strict=True))
        self.cut_points_: Any = parts[0] if self.types_ is None else dict(zip(self.types_, parts, strict=True))
        if lost:
            warn(
                f"Equal values share a bin, so that bins merge: {'; '.join(lost)}. Ask for fewer bins, or give cut_points.",
                SegmentWarning,
            )

    def _places(self, part: Mapping[str, np.ndarray], columns: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """Scores less one of each dimension."""
        return [
            reached(columns[name], part[dimension], descending=dimension == "recency")
            for dimension, name in zip(DIMENSIONS, self._columns, strict=True)
        ]

    def _codes(self, part: Mapping[str, np.ndarray], columns: Mapping[str, np.ndarray]) -> np.ndarray:
        recency, frequency, monetary = self._places(part, columns)
        flat = self._lookup.ravel()
        _, n_frequency, n_monetary = self._lookup.shape
        codes = np.empty(recency.size, dtype=np.int16)
        for start in range(0, codes.size, BLOCK):
            rows = slice(start, start + BLOCK)
            place = (recency[rows].astype(np.intp) * n_frequency + frequency[rows]) * n_monetary + monetary[rows]
            flat.take(place, out=codes[rows])
        return codes

    def _scores(self, columns: Mapping[str, np.ndarray], types: np.ndarray | None) -> np.ndarray:
        def scored(part: Any, rows: Mapping[str, np.ndarray]) -> np.ndarray:
            return np.column_stack([place.astype(np.float64) + 1 for place in self._places(part, rows)])

        return self._by_type(scored, columns, types, 3)


def _below_zero(name: str, values: np.ndarray, what: str, cure: str) -> list[str]:
    with np.errstate(invalid="ignore"):
        if values.size and not np.nanmin(values, initial=0.0) < 0:
            return []
        return fault(name, values < 0, what, cure)


def _ascending(cuts: Sequence[float], name: str) -> np.ndarray:
    try:
        fixed = np.asarray(cuts, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        raise ValueError(f"cut_points[{name!r}]={cuts!r} must be a list of numbers.") from None
    if not np.isfinite(fixed).all() or (np.diff(fixed) <= 0).any() or fixed.size > 99:
        raise ValueError(f"cut_points[{name!r}] must be at most 99 finite numbers in ascending order; it is {cuts!r}.")
    return fixed
