"""Customers grouped by likeness: as many segments as are stable under resampling, and none where there are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from .. import frames
from ..checks import Faults, check_random_state
from ..customers import IDENTIFIERS
from ..exceptions import DataError, FeatureWarning, warn
from ..frames.numbers import check_sample_weight
from ..frames.records import named_by_position
from ..typing import ArrayLike, FrameLike
from ._cluster_alignment import aligned
from ._cluster_columns import column_faults, infinite_faults, log_faults, names_to_compare, read_columns, size_faults
from ._cluster_names import choice_text, contrast, renamed_sums, short_name, type_text
from ._fitted_part import FittedPart
from ._part_fitting import ClusterFit
from .base import Segmenter, SegmentWarning


class ClusterSegmenter(Segmenter):
    """Segments of customers who are alike, by k-means or a normal mixture on mixed columns.

    The number of segments is chosen by stability under resampling: the largest k of which even the weakest cluster comes back in
    other customers (mean Jaccard agreement of at least 0.75 [1]_), whose neighbours are apart, and which is more stable than the
    same clustering of reference data that have no clusters. Where no k is, there is one segment, and a warning with the figures.
    :mod:`crmml.segments._stability` states the method.

    Numbers are scaled robustly, skewed ones after logarithms, and a category counts as one column; missing values are put in the
    middle. Segments are numbered by the mean of ``rank_by``, the highest first, and named by what sets them apart from all, so that
    no name changes with the seed or the order of rows where the same clusters are found; where an agreement is near its bound, as
    ``stability_`` tells, another seed may choose another k. :meth:`align_to` keeps the names of an earlier fit.

    Parameters
    ----------
    n_clusters : "stable" or int, default="stable"
        A whole number is obeyed; a warning says so where such clusters are no more stable than without structure.
    method : {"kmeans", "mixture"}, default="kmeans"
        The mixture has full covariances and is fitted on the sample.
    columns : sequence of str, default=None
        Numbers, or texts and booleans as categories. None takes all but ``by``, ``rank_by`` and identifiers (customer_id,
        customer_number).
    max_clusters : int, default=8
        The largest number that is looked at.
    by : str, default=None
        Column of customer types; clusters are then found inside each type, and named by their number only.
    rank_by : str, default=None
        Column of numbers, such as money, whose means order the segments and whose sum the profile shares out; it need not be among
        ``columns``. None orders by the first number among the columns, or by size.
    log : {"auto", "never"} or sequence of str, default="auto"
        Columns to take in logarithms; "auto" takes those that are not negative, skewed, and less so in logarithms.
    sample_size : int, default=5000
        Customers, drawn at random, on whom the number of clusters is chosen; k-means is then fitted on all, from the centres found
        in the sample. Weights make a row likelier to be drawn; among those drawn each counts once in the choice.
    n_resamples : int, default=20
        Pairs of resamples. 0, with a whole number of clusters, leaves their stability unknown.
    names : sequence of str, default=None
        Names of the segments, the highest first, for a whole number of clusters.
    random_state : int, RandomState or None

    Attributes
    ----------
    segments_ : tuple of str
    k_ : int or dict of str to int
        Number of segments, with ``by`` of each type.
    stability_ : DataFrame
        For each k looked at, with ``by`` inside each type: agreement (mean Jaccard of the weakest cluster), std_error, between
        (customers between the neighbours least apart, as a share of those at the emptier one), reference and limit (mean and
        maximum of the agreement without clusters), chosen. NaN where an earlier figure had decided.
    centers_ : DataFrame
        Of each segment, in the columns' own units; for categories the shares of their values.
    n_sampled_ : int
        Customers on whom k was chosen, of all types.
    types_, pooled_types_, n_customers_, feature_names_in_, n_features_in_

    References
    ----------
    .. [1] Hennig, C. (2007), Cluster-wise assessment of cluster stability. Computational Statistics & Data Analysis 52(1), 258-271.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"visits": rng.normal(10, 1, 400), "spend": rng.normal(50, 5, 400)})
    >>> X.loc[:99, ["visits", "spend"]] += [10, 50]
    >>> segmenter = ClusterSegmenter(columns=["visits", "spend"], rank_by="spend", random_state=0).fit(X)
    >>> segmenter.segments_
    ('segment 1 (high spend, high visits)', 'segment 2 (low spend, low visits)')
    >>> segmenter.profile().table[["customers", "value_share"]].round(2)
       customers  value_share
    0        100          0.4
    1        300          0.6
    """

    numbers_: tuple[str, ...]
    feature_names_: list[str]
    parts_: list[FittedPart]

    _parameter_constraints: ClassVar[dict] = {
        "n_clusters": [StrOptions({"stable"}), Interval(Integral, 1, None, closed="left")],
        "method": [StrOptions({"kmeans", "mixture"})],
        "columns": ["array-like", tuple, None],
        "max_clusters": [Interval(Integral, 2, 50, closed="both")],
        "by": [str, None],
        "rank_by": [str, None],
        "log": [StrOptions({"auto", "never"}), "array-like", tuple],
        "sample_size": [Interval(Integral, 100, None, closed="left")],
        "n_resamples": [Interval(Integral, 0, None, closed="left")],
        "names": ["array-like", tuple, None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_clusters: int | Literal["stable"] = "stable",
        *,
        method: Literal["kmeans", "mixture"] = "kmeans",
        columns: Sequence[str] | None = None,
        max_clusters: int = 8,
        by: str | None = None,
        rank_by: str | None = None,
        log: Literal["auto", "never"] | Sequence[str] = "auto",
        sample_size: int = 5000,
        n_resamples: int = 20,
        names: Sequence[str] | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.n_clusters = n_clusters
        self.method = method
        self.columns = columns
        self.max_clusters = max_clusters
        self.by = by
        self.rank_by = rank_by
        self.log = log
        self.sample_size = sample_size
        self.n_resamples = n_resamples
        self.names = names
        self.random_state = random_state

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _check_parameters(self) -> None:
        stable = self.n_clusters == "stable"
        if stable and self.n_resamples < 2:
            raise ValueError("n_resamples must be at least 2 where n_clusters='stable'; 20 is usual.")
        if self.names is not None and (
            stable or len(self.names) != self.n_clusters or len(set(self.names)) != len(self.names)
        ):
            raise ValueError(
                "names= goes with a whole n_clusters and gives as many different names, the highest segment first."
            )

    # ---- input ----------------------------------------------------------------------------------------------------

    def _read(self, X: Any, *, reset: bool) -> dict[str, np.ndarray]:
        if self.by is None:
            X = named_by_position(X)
        faults = Faults(self._subject)
        columns = self._from_frame(X, faults, reset) if frames.is_frame(X) else self._from_array(X, reset)
        n = len(next(iter(columns.values()), ()))
        if not faults and not n:
            faults.add("there are no rows; at least one customer is needed")
        if reset:
            self._look_at_fit(columns, n, faults)
        elif not faults:
            faults.extend(infinite_faults(columns))
        faults.refuse()
        return columns

    def _look_at_fit(self, columns: Mapping[str, np.ndarray], n: int, faults: Faults) -> None:
        if not faults:
            faults.extend(size_faults(n, self.n_clusters))
        if not faults:
            compared = self._features(columns)
            faults.extend(column_faults(compared) + log_faults(self.log, compared))
        if self.rank_by is not None and self.rank_by in columns and columns[self.rank_by].dtype.kind != "f":
            faults.add(
                f"column {self.rank_by!r} holds no numbers, so its means cannot order the segments; name another rank_by"
            )

    def _from_frame(self, X: Any, faults: Faults, reset: bool) -> dict[str, np.ndarray]:
        there = frames.wrap(X).collect_schema().names()
        if reset:
            names = names_to_compare(there, self.columns, {self.by, self.rank_by, *IDENTIFIERS}, self._subject)
            self.feature_names_ = names
            self.feature_names_in_ = np.asarray(names, dtype=object)
            self.n_features_in_ = len(names)
        known = {} if reset else {name: name in self.numbers_ for name in self.feature_names_}
        ranked = [self.rank_by] if self.rank_by is not None and (reset or self.rank_by in there) else []
        columns = read_columns(X, list(dict.fromkeys([*self.feature_names_, *ranked])), known, faults)
        if reset:
            self.numbers_ = tuple(name for name, column in columns.items() if column.dtype.kind == "f")
        return columns

    def _from_array(self, X: Any, reset: bool) -> dict[str, np.ndarray]:
        if self.columns is not None or self.rank_by is not None:
            raise TypeError("columns= and rank_by= name columns, so X must be a frame.")
        array = validate_data(self, X, reset=reset, dtype=np.float64, ensure_all_finite="allow-nan")
        if reset:
            self.feature_names_ = [f"x{j}" for j in range(array.shape[1])]
            self.numbers_ = tuple(self.feature_names_)
        return {name: array[:, j] for j, name in enumerate(self.feature_names_)}

    def _features(self, columns: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
        return {name: column for name, column in columns.items() if name in self.feature_names_}

    @property
    def _value_name(self) -> str | None:
        return self.rank_by

    # ---- fitting --------------------------------------------------------------------------------------------------

    def _fit_part(self, columns: Mapping[str, np.ndarray], weight: np.ndarray | None, label: str) -> FittedPart:
        fit = ClusterFit(
            n_clusters=self.n_clusters,
            method=self.method,
            max_clusters=self.max_clusters,
            log=self.log,
            sample_size=self.sample_size,
            n_resamples=self.n_resamples,
            subject=self._subject,
        )
        ranked = self.rank_by or next((name for name in self.feature_names_ if name in self.numbers_), None)
        rank_by = None if ranked is None else columns[ranked]
        part, self._assigned = fit.fit(
            self._features(columns), rank_by, weight, label, check_random_state(self.random_state)
        )
        return part

    def _fitted_codes(self, columns: Mapping[str, np.ndarray], types: np.ndarray | None) -> np.ndarray:
        assigned = self.__dict__.pop("_assigned")  # of customers, which no fitted model keeps
        return self._all_codes(columns, types) if types is not None else assigned

    def _finish(self, parts: Sequence[FittedPart]) -> None:
        if self.types_ is not None:
            self.segments_ = tuple(f"segment {j + 1}" for j in range(max(part.k for part in parts)))
        elif self.names is not None:
            self.segments_ = tuple(str(name) for name in self.names)
        else:
            self.segments_ = tuple(short_name(parts[0], int(j), number) for number, j in enumerate(parts[0].order, 1))
        distinct = {id(part): part for part in parts}.values()
        self.n_sampled_ = sum(part.n_sampled for part in distinct)
        self.k_ = parts[0].k if self.types_ is None else dict(zip(self.types_, (p.k for p in parts), strict=True))

    # ---- what follows ---------------------------------------------------------------------------------------------

    def _predicted(self, X: Any) -> tuple[dict[str, np.ndarray], np.ndarray | None, np.ndarray]:
        columns, types, codes = super()._predicted(X)
        unseen: dict[str, None] = {}
        for number, part in enumerate(self.parts_):
            inside = slice(None) if types is None else types == number
            unseen |= dict.fromkeys(part.scale.unseen({name: columns[name][inside] for name in part.scale.categories}))
        if unseen:
            warn(
                f"Values that were not there at fit, {', '.join(unseen)}, are ignored: these customers are placed by their other "
                "columns. Fit again to take the new values into account.",
                FeatureWarning,
            )
        return columns, types, codes

    def _codes(self, part: FittedPart, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        return part.codes(columns)

    def predict_proba(self, X: FrameLike) -> np.ndarray:
        """Probability of each segment: the mixture's; for k-means that of the equal round normal clusters it stands for.

        A customer at squared distance d² from a centre has weight exp(−d² / 2σ²), σ² the mean square within segments and columns.

        Parameters
        ----------
        X : as in ``fit``

        Returns
        -------
        ndarray of shape (n, n_segments)
            In the order of ``segments_``, rows summing to 1; the highest is the segment of ``predict``.
        """
        columns, types, _ = self._predicted(X)
        return self._scores(columns, types)

    def _scores(self, columns: Mapping[str, np.ndarray], types: np.ndarray | None) -> np.ndarray:
        width = len(self.segments_)
        return self._by_type(lambda part, rows: part.memberships(rows, width), columns, types, width)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Names of what ``transform`` gives: the probability of each segment."""
        check_is_fitted(self)
        return np.asarray([f"probability_{name}" for name in self.segments_], dtype=object)

    def score(self, X: FrameLike, y: ArrayLike | None = None, sample_weight: ArrayLike | None = None) -> float:
        """Minus the mean squared distance to the segment's centre on the common scale, or the mixture's mean log-likelihood.

        Parameters
        ----------
        X, y, sample_weight : as in ``fit``

        Returns
        -------
        float
            More segments raise it: compare it at one number of them.
        """
        frames.check_aligned("the rows", X=X, sample_weight=sample_weight)
        columns, types, _ = self._predicted(X)
        found = self._by_type(FittedPart.likelihood, columns, types, 1)[:, 0]
        weights = None if sample_weight is None else check_sample_weight(sample_weight, len(found))
        return float(np.average(found, weights=weights))

    def align_to(self, other: ClusterSegmenter) -> ClusterSegmenter:
        """Take over the names of an earlier fit: each segment that of the earlier one whose centre is nearest, one to one.

        Centres are compared on the earlier scale; the assignment has the least sum of squared distances. Segments beyond the
        earlier number get names of their own. (It is no hyper-parameter, since copies of a fitted model are not fitted.)

        Parameters
        ----------
        other : ClusterSegmenter
            Fitted on the same columns.

        Returns
        -------
        self

        Warns
        -----
        SegmentWarning
            Where a segment has moved by more than half the distance between the two nearest earlier ones.
        """
        check_is_fitted(self)
        check_is_fitted(other)
        if set(self.feature_names_) != set(other.feature_names_) or self.by != other.by or self.types_ != other.types_:
            raise DataError(
                ["the earlier fit has other columns or customer types; fit both on the same ones"],
                "the segments to be aligned",
            )
        before, n_before = [part.position for part in self.parts_], len(self.segments_)
        found = aligned(self.parts_, other.parts_, other.segments_, named=self.types_ is None)
        self.parts_, self.segments_ = found.parts, found.segments
        after = [part.position for part in self.parts_]
        self._sums = renamed_sums(self._sums, before, after, n_before, len(self.segments_))
        if found.moved:
            warn(
                f"{', '.join(found.moved)} moved by more than half the distance between the two nearest earlier segments; "
                "see whether the name still fits.",
                SegmentWarning,
            )
        return self

    # ---- tables and words -----------------------------------------------------------------------------------------

    @property
    def stability_(self) -> pd.DataFrame:
        """Agreement of each k looked at; see Attributes."""
        check_is_fitted(self)
        tables = []
        for label, part in self._labelled_parts():
            table = pd.DataFrame(part.figures)
            table["chosen"] = table["k"] == part.k
            tables.append(table if self.by is None else table.assign(**{self.by: label})[[self.by, *table.columns]])
        return pd.concat(tables, ignore_index=True).astype({"k": np.int64})

    @property
    def centers_(self) -> pd.DataFrame:
        """Centres in the columns' own units; see Attributes."""
        check_is_fitted(self)
        rows = []
        for label, part in self._labelled_parts():
            for j in part.order:
                row: dict[str, Any] = {} if self.by is None else {self.by: label}
                row["segment"] = self.segments_[part.position[j]]
                for name, figure in part.scale.decode(part.centers[j]).items():
                    row |= {f"{name}={v}": s for v, s in figure.items()} if isinstance(figure, dict) else {name: figure}
                rows.append(row)
        return pd.DataFrame(rows)

    def describe(self) -> str:
        """Say what was found, how sure it is, and what sets the segments apart, in sentences."""
        lines = [self.profile().describe()]
        for label, part in self._labelled_parts():
            lines.append(type_text(self.by, label) + choice_text(part, isinstance(self.n_clusters, str)))
            if self.by is not None and part.k > 1:
                names = [f"{self.segments_[part.position[j]]}: {contrast(part, int(j))}" for j in part.order]
                lines.append("; ".join(names) + ".")
        lines.append(self.parts_[0].scale.describe())
        return "\n".join(lines)

    def _labelled_parts(self) -> list[tuple[str, FittedPart]]:
        return list(zip(self.types_ or ("",), self.parts_, strict=True))
