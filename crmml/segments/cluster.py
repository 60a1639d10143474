"""Customers grouped by likeness: as many segments as are stable under resampling, and none where there are none."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.optimize import linear_sum_assignment
from scipy.special import softmax
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import pairwise_distances, pairwise_distances_argmin
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data
from threadpoolctl import threadpool_limits

from .. import frames
from ..customers import IDENTIFIERS
from ..exceptions import DataError, FeatureWarning
from ..frames import expressions as ex
from ..typing import ArrayLike, FrameLike
from ._cluster_fits import by_kmeans, by_mixture, fit_mixture
from ._cluster_names import choice_text, contrast, renamed_sums, short_name, type_text, why_not
from ._columns import list_faults
from ._mixed_columns import MixedColumns, check_range, column_faults, log_faults, texts_of
from ._stability import LEAST_CUSTOMERS, LEAST_OF_CLUSTER, RESAMPLE, choose_k
from .base import Segmenter, SegmentWarning

#: What is compared as a category.
TEXTS = (ex.String, ex.Boolean, ex.Categorical, ex.Enum, ex.Object, ex.Unknown)


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
        n_clusters: Any = "stable",
        *,
        method: str = "kmeans",
        columns: Sequence[str] | None = None,
        max_clusters: int = 8,
        by: str | None = None,
        rank_by: str | None = None,
        log: Any = "auto",
        sample_size: int = 5000,
        n_resamples: int = 20,
        names: Sequence[str] | None = None,
        random_state: Any = None,
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
        if isinstance(X, pd.DataFrame) and self.by is None and not all(isinstance(name, str) for name in X.columns):
            X = X.to_numpy()  # numbers for names: columns go by position
        if frames.is_frame(X):
            columns, faults = self._from_frame(X, reset)
        else:
            columns, faults = self._from_array(X, reset), []
        n = len(next(iter(columns.values()), ()))
        if not faults and not n:
            faults.append("there are no rows; at least one customer is needed")
        if not reset:
            if faults:
                raise DataError(faults, self._subject)
            check_range(columns, self._subject)
            return columns
        clustered = self._features(columns)
        if n and (not isinstance(self.n_clusters, str)) and n < self.n_clusters:
            faults.append(
                f"there are {n:,} customers (n_samples={n}), fewer than the {self.n_clusters} clusters asked for; ask for fewer"
            )
        elif n == 1 and not faults:
            faults.append("there is one customer only (n_samples=1); at least two different ones are needed")
        if n and not faults:
            faults = column_faults(clustered) + log_faults(self.log, clustered)
        if self.rank_by is not None and self.rank_by in columns and columns[self.rank_by].dtype.kind != "f":
            faults.append(
                f"column {self.rank_by!r} is no number, so its means cannot order the segments; name another rank_by"
            )
        if faults:
            raise DataError(faults, self._subject)
        return columns

    def _from_frame(self, X: Any, reset: bool) -> tuple[dict[str, np.ndarray], list[str]]:
        wrapped = frames.wrap(X)
        there = wrapped.collect_schema().names()
        if reset:
            skipped = {self.by, self.rank_by, *IDENTIFIERS}
            names = [name for name in there if name not in skipped] if self.columns is None else list(self.columns)
            if not names:
                raise DataError(["there is no column to compare customers by; name some in columns="], self._subject)
            if twice := sorted({str(name) for name in names if names.count(name) > 1}):
                raise DataError([f"columns= names {', '.join(twice)} more than once; name each once"], self._subject)
            self.feature_names_ = names
            self.feature_names_in_ = np.asarray(names, dtype=object)
            self.n_features_in_ = len(names)
            wanted = [*names, *([self.rank_by] if self.rank_by else [])]
        else:
            wanted = [*self.feature_names_, *([self.rank_by] if self.rank_by in there else [])]
        wanted = list(dict.fromkeys(wanted))
        frames.check_columns(wrapped, wanted, self._subject)
        picked = frames.collected(wrapped.select(wanted))
        columns, faults = {}, []
        for name in wanted:
            column = picked[name]
            numeric = column.dtype.is_numeric()
            if not reset and numeric != (name in self.numbers_) and name in self.feature_names_:
                kinds = ("a number", "a category") if name in self.numbers_ else ("a category", "a number")
                faults.append(f"column {name!r} was {kinds[0]} at fit and is {kinds[1]} here; give it as it was")
            elif numeric:
                columns[name] = column.to_pandas().to_numpy(dtype=np.float64, na_value=np.nan)
            elif wrong := list_faults(name, native := column.to_pandas()):
                faults += wrong
            elif column.dtype in TEXTS and native.dtype.kind != "c":
                columns[name] = texts_of(native)
            else:
                faults.append(
                    f"column {name!r} is of type {column.dtype}; a number, text or boolean is needed: turn times into ages"
                )
        if reset:
            self.numbers_ = tuple(name for name, column in columns.items() if column.dtype.kind == "f")
        return columns, faults

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

    def _fit_part(self, columns: Mapping[str, np.ndarray], weight: np.ndarray | None, label: str) -> dict[str, Any]:
        features = self._features(columns)
        scale = MixedColumns(features, weight, self.log, label)
        Z = scale.encode(features)
        rng = check_random_state(self.random_state)
        n = len(Z)
        chosen = np.arange(n)
        if n > self.sample_size or weight is not None:
            p = None if weight is None else weight / weight.sum()
            chosen = np.sort(rng.choice(n, min(n, self.sample_size), replace=False, p=p))
        sample = Z[chosen]
        k, figures = self._number_of_clusters(sample, [at for _, at in scale.groups], label, rng)
        if k > 1 and (distinct := len(np.unique(sample, axis=0))) < k:
            raise DataError(
                [f"there are {distinct:,} different customers, fewer than the {k} clusters asked for"], self._subject
            )
        part: dict[str, Any] = {
            "scale": scale,
            "k": k,
            "figures": figures,
            "n": n,
            "sampled": len(chosen),
            "mixture": None,
        }
        mass = np.ones(n) if weight is None else weight
        overall = np.average(Z, axis=0, weights=weight)
        if k > 1 and self.method == "kmeans":
            centers, codes, spread = self._kmeans(Z, sample, weight, k, n > len(chosen), rng)
        else:
            if k > 1:
                part["mixture"] = mixture = fit_mixture(sample, k, rng, n_init=5)
                centers, codes = mixture.means_, mixture.predict(Z)
            else:
                centers, codes = overall[None], np.zeros(n, dtype=np.int64)
            away = Z - centers[codes]
            spread = float(mass @ np.einsum("ij,ij->i", away, away))
        size = np.bincount(codes, mass, minlength=k)
        order = np.lexsort((-size, -self._rank(columns, codes, mass, size)))
        position = np.argsort(order)
        part |= {
            "centers": centers,
            "position": position,
            "variance": spread / float(mass.sum()) / Z.shape[1],
            "overall": overall,
            "codes": position[codes].astype(np.int16),
        }
        return part

    def _kmeans(
        self,
        Z: np.ndarray,
        sample: np.ndarray,
        weight: np.ndarray | None,
        k: int,
        larger: bool,
        rng: np.random.RandomState,
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """Centres, the customers' clusters, and the sum of squared distances between the two."""
        seed = rng.randint(2**31 - 1)
        found = KMeans(k, n_init=10, random_state=seed).fit(
            sample if larger else Z, sample_weight=None if larger else weight
        )
        if larger:
            found = KMeans(k, init=found.cluster_centers_, n_init=1, random_state=seed, copy_x=False).fit(
                Z, sample_weight=weight
            )
        return found.cluster_centers_, found.labels_, found.inertia_

    def _number_of_clusters(
        self, sample: np.ndarray, groups: Sequence[slice], label: str, rng: np.random.RandomState
    ) -> tuple[int, dict[str, np.ndarray]]:
        stable = isinstance(self.n_clusters, str)
        inside = f" in {label}" if label else ""
        nothing = {name: np.empty(0) for name in ("k", "agreement", "std_error", "between", "reference", "limit")}
        if len(sample) < LEAST_CUSTOMERS or (not stable and (self.n_clusters < 2 or self.n_resamples < 2)):
            if stable:
                warnings.warn(
                    f"{len(sample)} customers{inside} are too few to look for clusters ({LEAST_CUSTOMERS} at least): they are one "
                    "segment. Give a whole n_clusters to divide them nonetheless.",
                    SegmentWarning,
                    stacklevel=6,
                )
            return (1 if stable else self.n_clusters), nothing
        at_most = max(2, min(RESAMPLE, int(0.4 * len(sample))) // LEAST_OF_CLUSTER)
        candidates = range(2, min(self.max_clusters, at_most) + 1) if stable else [min(self.n_clusters, at_most)]
        cluster = by_mixture if self.method == "mixture" else by_kmeans
        with (
            warnings.catch_warnings(),
            threadpool_limits(limits=1),
        ):  # a second thread only waits on samples of this size
            warnings.simplefilter("ignore", ConvergenceWarning)  # resamples may have fewer distinct customers than k
            k, figures = choose_k(sample, groups, list(candidates), max(2, self.n_resamples), cluster, rng)
        if k == 1:
            why = why_not(figures)
            said = (
                f"No clusters were found{inside}, so that there is one segment: {why}. Give a whole n_clusters to divide customers "
                "nonetheless, or other columns."
                if stable
                else f"{self.n_clusters} clusters were asked for{inside} and are given, but {why}: take them for a convenient "
                "division, not for kinds of customers."
            )
            warnings.warn(said, SegmentWarning, stacklevel=6)
        return (k if stable else self.n_clusters), figures

    def _fitted_codes(self, columns: Mapping[str, np.ndarray], types: np.ndarray | None) -> np.ndarray:
        found = [part.pop("codes", None) for part in self.parts_]  # of customers, which no fitted model keeps
        return self._all_codes(columns, types) if types is not None else found[0]

    def _rank(
        self, columns: Mapping[str, np.ndarray], codes: np.ndarray, mass: np.ndarray, size: np.ndarray
    ) -> np.ndarray:
        name = self.rank_by or next((name for name in self.feature_names_ if name in self.numbers_), None)
        if name is None:
            return size
        known = ~np.isnan(columns[name])
        total = np.bincount(codes[known], (mass * np.where(known, columns[name], 0.0))[known], minlength=len(size))
        count = np.bincount(codes[known], mass[known], minlength=len(size))
        return np.where(count > 0, total / np.where(count > 0, count, 1), -np.inf)

    def _finish(self, parts: Sequence[Any]) -> None:
        if self.types_ is not None:
            self.segments_ = tuple(f"segment {j + 1}" for j in range(max(part["k"] for part in parts)))
        elif self.names is not None:
            self.segments_ = tuple(str(name) for name in self.names)
        else:
            part = parts[0]
            self.segments_ = tuple(
                short_name(part, int(j), number) for number, j in enumerate(np.argsort(part["position"]), 1)
            )
        distinct = {id(part): part for part in parts}.values()
        self.n_sampled_ = int(sum(part["sampled"] for part in distinct))
        self.k_ = parts[0]["k"] if self.types_ is None else dict(zip(self.types_, (p["k"] for p in parts), strict=True))

    # ---- what follows ---------------------------------------------------------------------------------------------

    def _predicted(self, X: Any) -> tuple[dict[str, np.ndarray], np.ndarray | None, np.ndarray]:
        columns, types, codes = super()._predicted(X)
        pooled: dict[str, None] = {}
        for number, part in enumerate(self.parts_):
            inside = slice(None) if types is None else types == number
            pooled |= dict.fromkeys(
                part["scale"].unseen({name: columns[name][inside] for name in part["scale"].categories})
            )
        if pooled:
            warnings.warn(
                f"Values that were not there at fit, {', '.join(pooled)}, are ignored: these customers are placed by their other "
                "columns. Fit again to take the new values into account.",
                FeatureWarning,
                stacklevel=3,
            )
        return columns, types, codes

    def _codes(self, part: Any, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        Z = part["scale"].encode(columns)
        codes = pairwise_distances_argmin(Z, part["centers"]) if part["mixture"] is None else part["mixture"].predict(Z)
        return part["position"][codes].astype(np.int16)

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

        def memberships(part: dict[str, Any], rows: Mapping[str, np.ndarray]) -> np.ndarray:
            Z = part["scale"].encode(rows)
            if part["mixture"] is not None:
                found = part["mixture"].predict_proba(Z)
            else:
                distance = pairwise_distances(Z, part["centers"], metric="sqeuclidean")
                found = softmax(-distance / (2 * max(part["variance"], 1e-12)), axis=1)
            placed = np.zeros((len(Z), width))
            placed[:, part["position"]] = found
            return placed

        return self._by_type(memberships, columns, types, width)

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
        columns, types, _ = self._predicted(X)

        def figure(part: dict[str, Any], rows: Mapping[str, np.ndarray]) -> np.ndarray:
            Z = part["scale"].encode(rows)
            if part["mixture"] is not None:
                return part["mixture"].score_samples(Z)[:, None]
            return -pairwise_distances(Z, part["centers"], metric="sqeuclidean").min(axis=1)[:, None]

        return float(
            np.average(
                self._by_type(figure, columns, types, 1)[:, 0],
                weights=None if sample_weight is None else np.asarray(sample_weight, dtype=float),
            )
        )

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
        names, moved = list(other.segments_), []
        before = [part["position"].copy() for part in self.parts_]
        for number, (part, earlier) in enumerate(zip(self.parts_, other.parts_, strict=True)):
            centers = np.stack(
                [earlier["scale"].encode_centre(part["scale"].decode(centre)) for centre in part["centers"]]
            )
            distance = pairwise_distances(centers, earlier["centers"])
            own, theirs = linear_sum_assignment(distance**2)
            apart = pairwise_distances(earlier["centers"])[np.triu_indices(earlier["k"], 1)]
            limit = apart.min() / 2 if apart.size else np.inf
            position = np.full(part["k"], -1)
            position[own] = earlier["position"][theirs]
            moved += [names[position[j]] for j, i in zip(own, theirs, strict=True) if distance[j, i] > limit]
            free = [
                place
                for place in range(len(other.segments_), len(other.segments_) + part["k"])
                if place not in position
            ]
            for j in np.flatnonzero(position < 0):
                position[j] = free.pop(0)
                if position[j] == len(names):
                    new = f"segment {position[j] + 1}"
                    names.append(new if self.types_ is not None else short_name(part, int(j), int(position[j]) + 1))
            self.parts_[number] = part | {"position": position}
        used = sorted({int(place) for part in self.parts_ for place in part["position"]})
        renumbered = np.full(len(names), -1)
        renumbered[used] = np.arange(len(used))
        self.parts_ = [part | {"position": renumbered[part["position"]]} for part in self.parts_]
        n_before, self.segments_ = len(self.segments_), tuple(names[place] for place in used)
        after = [part["position"] for part in self.parts_]
        self._sums = renamed_sums(self._sums, before, after, n_before, len(self.segments_))
        if moved:
            warnings.warn(
                f"{', '.join(dict.fromkeys(moved))} moved by more than half the distance between the two nearest earlier segments; "
                "see whether the name still fits.",
                SegmentWarning,
                stacklevel=2,
            )
        return self

    # ---- tables and words -----------------------------------------------------------------------------------------

    @property
    def stability_(self) -> pd.DataFrame:
        """Agreement of each k looked at; see Attributes."""
        check_is_fitted(self)
        tables = []
        for label, part in self._labelled_parts():
            table = pd.DataFrame(part["figures"])
            table["chosen"] = table["k"] == part["k"]
            tables.append(table if self.by is None else table.assign(**{self.by: label})[[self.by, *table.columns]])
        return pd.concat(tables, ignore_index=True).astype({"k": np.int64})

    @property
    def centers_(self) -> pd.DataFrame:
        """Centres in the columns' own units; see Attributes."""
        check_is_fitted(self)
        rows = []
        for label, part in self._labelled_parts():
            for j in np.argsort(part["position"]):
                row: dict[str, Any] = {} if self.by is None else {self.by: label}
                row["segment"] = self.segments_[part["position"][j]]
                for name, figure in part["scale"].decode(part["centers"][j]).items():
                    row |= {f"{name}={v}": s for v, s in figure.items()} if isinstance(figure, dict) else {name: figure}
                rows.append(row)
        return pd.DataFrame(rows)

    def describe(self) -> str:
        """Say what was found, how sure it is, and what sets the segments apart, in sentences."""
        lines = [self.profile().describe()]
        for label, part in self._labelled_parts():
            lines.append(type_text(self.by, label) + choice_text(part, isinstance(self.n_clusters, str)))
            if self.by is not None and part["k"] > 1:
                names = [
                    f"{self.segments_[part['position'][j]]}: {contrast(part, int(j))}"
                    for j in np.argsort(part["position"])
                ]
                lines.append("; ".join(names) + ".")
        lines.append(self.parts_[0]["scale"].describe())
        return "\n".join(lines)

    def _labelled_parts(self) -> list[tuple[str, dict[str, Any]]]:
        return list(zip(self.types_ or ("",), self.parts_, strict=True))
