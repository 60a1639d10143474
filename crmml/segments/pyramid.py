"""The customer pyramid 客户金字塔: tiers by value, and the probability of each where the value is uncertain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
from scipy.special import ndtr, ndtri
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .. import frames
from ..checks import check_coverage, check_flag
from ..exceptions import DataError, shown, warn
from ..frames.records import eager
from ..typing import ArrayLike, FrameLike, Seed
from ._columns import fault, numbers_of
from ._quantile_cuts import quantile_cuts, reached
from .base import UNKNOWN, Segmenter, SegmentWarning
from .concentration import Concentration, concentration

#: Names of four tiers, best first, after Curry; in Chinese 顶级客户, 大客户, 中等客户, 小客户.
TIERS = ("top", "large", "medium", "small")


def _has_interval(model: PyramidSegmenter) -> bool:
    if model.interval is None:
        raise AttributeError(
            "predict_proba needs the bounds of the value: name their columns with interval=(lower, upper), such as "
            'interval=("clv_lower", "clv_upper"); or give draws of the value to tier_probabilities'
        )
    return True


class PyramidSegmenter(Segmenter):
    r"""Tiers of customers by value, best first: the customer pyramid 客户金字塔 [1]_.

    A tier's boundary lies between two distinct values, there where the share of customers above comes nearest to the shares asked
    for; of two that are equally near, the one that lets customers up. Equal values are thus always in one tier, and a customer with
    the value of a cut point belongs to the upper tier. Where ties are heavy or customers few, a tier can be empty; a warning
    says so, and ``profile()`` tells realised shares. One distinct value, or fewer customers than tiers, needs no other rule.

    Parameters
    ----------
    shares : sequence of float, default=(0.01, 0.04, 0.15, 0.80)
        Of the customers, tier by tier from the top; above 0, together 1. Four of 1, 19, 30 and 50 % are in use as well.
    tiers : sequence of str, default=None
        Names from the top. None takes top, large, medium, small for four tiers, else tier 1, tier 2 and so on.
    cut_points : sequence of float, default=None
        Least values of all tiers but the lowest, in ascending order; ``shares`` are then not used.
    value : str, default="value"
        Column of the value, such as "clv".
    interval : (str, str), default=None
        Columns of the lower and upper bounds of the expected value, such as ("clv_lower", "clv_upper"), for ``predict_proba``.
    coverage : float, default=0.9
        Of that interval.
    by : str, default=None
        Column of customer types; cut points are then learnt inside each type.
    missing : {"refuse", "own"}, default="refuse"
        "own" puts customers without a value into the segment "Unknown".

    Attributes
    ----------
    segments_ : tuple of str
        The tiers.
    cut_points_ : ndarray of shape (n_tiers - 1,)
        Ascending (with ``by`` a dict of such by type); inf where all tiers above are empty, -inf where all below are.
    realised_shares_ : ndarray of shape (n_tiers,)
        Of the customers of ``fit`` whose value is known; with ``by`` of shape (n_types, n_tiers).
    n_customers_, types_, pooled_types_, feature_names_in_, n_features_in_

    References
    ----------
    .. [1] Curry, J. and Curry, A. (2000), The Customer Marketing Method. Free Press. (Top 1 %, big 4 %, medium 15 %, small 80 %.)

    Examples
    --------
    >>> import pandas as pd
    >>> customers = pd.DataFrame({"value": [1000.0, 300.0, 300.0, 50.0, 40.0, 30.0, 20.0, 10.0, 10.0, 10.0]})
    >>> model = PyramidSegmenter((0.1, 0.2, 0.7), tiers=["A", "B", "C"]).fit(customers)
    >>> model.cut_points_.tolist(), model.predict(customers.head(4)).tolist()
    ([300.0, 1000.0], ['A', 'B', 'B', 'C'])
    """

    _parameter_constraints: ClassVar[dict] = {
        "shares": ["array-like"],
        "tiers": ["array-like", None],
        "cut_points": ["array-like", None],
        "value": [str],
        "interval": [list, tuple, None],
        "coverage": "no_validation",
        "by": [str, None],
        "missing": [StrOptions({"refuse", "own"})],
    }

    def __init__(
        self,
        shares: Sequence[float] = (0.01, 0.04, 0.15, 0.80),
        *,
        tiers: Sequence[str] | None = None,
        cut_points: Sequence[float] | None = None,
        value: str = "value",
        interval: tuple[str, str] | None = None,
        coverage: float = 0.9,
        by: str | None = None,
        missing: str = "refuse",
    ):
        self.shares = shares
        self.tiers = tiers
        self.cut_points = cut_points
        self.value = value
        self.interval = interval
        self.coverage = coverage
        self.by = by
        self.missing = missing

    @property
    def realised_shares_(self) -> np.ndarray:
        """Share of the customers in each tier."""
        check_is_fitted(self)
        counts = self._sums["customers"].reshape(-1, len(self._names))[:, : len(self.segments_)]
        total = counts.sum(axis=1, keepdims=True)
        shares = np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)
        return shares if self.by is not None else shares[0]

    @available_if(_has_interval)
    def predict_proba(self, X: FrameLike) -> np.ndarray:
        r"""Probability of each tier, given the value's interval, against the fitted cut points.

        The value is taken to be lognormal with these two quantiles where the lower bound is above 0, else normal:
        :math:`\mu = (g(l) + g(u)) / 2, \sigma = (g(u) - g(l)) / 2z`, g the logarithm or the identity and z the normal quantile of
        (1 + coverage) / 2. Bounds that are equal leave no doubt. What the probability means is what the interval means: of an
        interval of the expected value, uncertainty about the expected value, which says little of what a customer will be worth.
        For that take :meth:`tier_probabilities` of draws of the outcome: two bounds do not tell how likely it is that nothing
        comes at all.

        Parameters
        ----------
        X : frame of any engine with the columns of ``fit`` and those of ``interval``

        Returns
        -------
        ndarray of shape (n, n_tiers)
            Columns as ``segments_``, with ``missing="own"`` then "Unknown".

        Raises
        ------
        DataError
            As ``predict`` does, and when bounds are missing or crossed.

        Warns
        -----
        SegmentWarning
            When most lower bounds are exactly 0, as those of an outcome that may be nothing are.
        """
        check_is_fitted(self)
        if not frames.is_frame(X):
            raise TypeError(
                f"predict_proba takes a frame with columns {', '.join(self.interval or ())}, not a {type(X).__name__}."
            )
        X = eager(X)
        columns, types, _ = self._predicted(X)
        columns |= self._bounds(X, columns)
        _warn_of_outcomes(columns["lower"], columns["upper"])
        found = self._by_type(_probabilities(self.coverage), columns, types, len(self.segments_))
        if self.missing == "own":
            unknown = np.isnan(found).any(axis=1)
            found = np.column_stack([np.where(unknown[:, None], 0.0, found), unknown])
        return found

    def tier_probabilities(
        self, draws: ArrayLike, *, relative: bool = False, types: ArrayLike | None = None
    ) -> np.ndarray:
        """Probability of each tier from draws of every customer's value.

        Parameters
        ----------
        draws : array of shape (n_draws, n_customers)
            Such as those of ``CustomerLifetimeValue.draws(X)``, of the money to come: the probability of a tier is then how often
            it will come true. Draws of the expectation (``kind="mean"``) tell how sure the expectation's tier is.
        relative : bool, default=False
            False compares each draw with the fitted cut points; True ranks the customers anew in each draw, by ``shares``.
        types : array of shape (n_customers,), default=None
            Customer types, needed where ``by`` is given.

        Returns
        -------
        ndarray of shape (n_customers, n_tiers)

        Raises
        ------
        DataError
            When draws are missing or infinite, or a type is unknown.
        """
        check_is_fitted(self)
        relative = check_flag(relative, "relative")
        try:
            table = np.asarray(draws, dtype=np.float64)
        except (TypeError, ValueError):
            raise DataError([f"they must be numbers, not {shown(draws)}"], "the draws") from None
        if table.ndim != 2 or not table.size:
            raise DataError(
                [f"draws have shape {table.shape}; a row for each draw, a column for each customer"], "the draws"
            )
        if not np.isfinite(table.sum()):
            raise DataError(
                [f"{int((~np.isfinite(table)).any(axis=0).sum()):,} customers have draws that are not finite numbers"],
                "the draws",
            )
        if relative and self.cut_points is not None:
            raise ValueError("relative=True ranks by shares, but cut_points are fixed; leave one of them out.")
        codes = self._codes_of_types(types, table.shape[1])
        counts = np.zeros((table.shape[1], len(self.segments_)))
        for number, part in enumerate(self.parts_):
            mask = slice(None) if codes is None else np.flatnonzero(codes == number)
            rows = np.arange(table.shape[1])[mask]
            if not rows.size:
                continue
            for draw in table:
                values = draw[rows]
                cuts = quantile_cuts(values, self._below) if relative else part
                counts[rows, cuts.size - reached(values, cuts)] += 1
        return counts / len(table)

    def concentration(
        self, X: FrameLike, *, coverage: float = 0.9, n_resamples: int = 499, random_state: Seed = None
    ) -> Concentration:
        """Concentration of the customers' value; those without one are left out.

        Parameters
        ----------
        X : as in ``fit``
        coverage, n_resamples, random_state
            As of :func:`crmml.segments.concentration`.

        Returns
        -------
        Concentration
        """
        columns, _, codes = self._predicted(X)
        values = columns[self.value][codes < len(self.segments_)]
        return concentration(values, coverage=coverage, n_resamples=n_resamples, random_state=random_state)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Name of the column of ``transform``: tier_score, the number of tiers for the top one, 1 for the lowest."""
        return np.asarray(["tier_score"], dtype=object)

    def describe(self) -> str:
        """Say what was found, in sentences."""
        if self.cut_points is None:
            asked = " / ".join(f"{100 * share:.3g}" for share in np.asarray(self.shares, dtype=np.float64))
            head = f"A pyramid by {self.value}, asked for tiers of {asked} % of the customers."
        else:
            head = f"A pyramid by {self.value}, with fixed cut points."
        return f"{head}\n{self.profile().describe()}"

    # ---- what the base asks for -----------------------------------------------------------------------------------

    @property
    def _value_name(self) -> str:
        return self.value

    def _check_parameters(self) -> None:
        check_coverage(self.coverage)
        if self.cut_points is not None:
            self._fixed: np.ndarray | None = _ascending(self.cut_points)
            self._below, n_tiers = np.zeros(0), self._fixed.size + 1
        else:
            shares = _checked_shares(self.shares)
            self._fixed, self._below, n_tiers = None, np.cumsum(shares[::-1])[:-1], shares.size
        if self.interval is not None and len(self.interval) != 2:
            raise ValueError(f"interval={self.interval!r} must name two columns, the lower and the upper bound.")
        self.segments_ = _tier_names(self.tiers, n_tiers)

    def _read(self, X: Any, *, reset: bool) -> dict[str, np.ndarray]:
        return self._numbers(X, [self.value], reset=reset)

    def _fit_part(self, columns: Mapping[str, np.ndarray], weight: np.ndarray | None, label: str) -> np.ndarray:
        return self._fixed if self._fixed is not None else quantile_cuts(columns[self.value], self._below, weight)

    def _finish(self, parts: Sequence[np.ndarray]) -> None:
        self.cut_points_: Any = parts[0] if self.types_ is None else dict(zip(self.types_, parts, strict=True))
        if self._fixed is not None:
            return
        whose = [f"{self.by} {name}: " for name in self.types_] if self.types_ is not None else [""]
        empty = []
        for label, cuts in zip(whose, parts, strict=True):
            edges = np.concatenate([[np.inf], cuts[::-1], [-np.inf]])  # a tier between equal edges has nobody
            names = [name for k, name in enumerate(self.segments_) if edges[k] == edges[k + 1]]
            empty += [f"{label}{', '.join(names)}"] if names else []
        if empty:
            warn(
                f"Nobody is in these tiers, since customers are few or equal values stay together: {'; '.join(empty)}. Ask for "
                "larger shares or fewer tiers, or give cut_points.",
                SegmentWarning,
            )

    def _codes(self, part: np.ndarray, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        codes = reached(columns[self.value], part)
        return np.subtract(part.size, codes, out=codes, casting="unsafe")

    def _scores(self, columns: Mapping[str, np.ndarray], types: np.ndarray | None) -> np.ndarray:
        def scored(part: Any, rows: Mapping[str, np.ndarray]) -> np.ndarray:
            return reached(rows[self.value], part).astype(np.float64)[:, None] + 1

        return self._by_type(scored, columns, types, 1)

    def _codes_of_types(self, types: Any, n: int) -> np.ndarray | None:
        if self.by is None:
            if types is not None:
                raise ValueError(
                    "types are for pyramids that were fitted by customer type; leave them out, or fit with by=."
                )
            return None
        if types is None:
            raise ValueError(f"by={self.by!r} is given, so types= must hold each customer's type.")
        codes = self._type_codes(types)
        if codes.size != n:
            raise DataError([f"types has {codes.size} entries for {n} customers"], "the draws")
        return codes

    def _bounds(self, X: Any, columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        faults: list[str] = []
        low_name, high_name = self.interval or ("", "")
        read = numbers_of(X, [low_name, high_name], faults)
        if not faults:
            lower, upper = read[low_name], read[high_name]
            allowed = np.isnan(columns[self.value])
            for name, column in read.items():
                faults += fault(
                    name, ~np.isfinite(column) & ~allowed, "is not a finite number", "give both bounds for each value"
                )
            faults += fault(low_name, lower > upper, f"is above {high_name}", "swap the names in interval=")
        if faults:
            raise DataError(faults, self._subject)
        return {"lower": lower, "upper": upper}


def _warn_of_outcomes(lower: np.ndarray, upper: np.ndarray) -> None:
    """Warn where bounds are those of an outcome that may be nothing, whose law they do not tell."""
    nothing = int(np.count_nonzero((lower == 0) & (upper >= 0)))
    if nothing > lower.size / 2:
        warn(
            f"{nothing:,} of {lower.size:,} lower bounds are exactly 0, as of an outcome that may be nothing; two bounds do not tell "
            "how likely that is, and a normal distribution through them states too little. Take tier_probabilities(draws), with "
            "the draws of CustomerLifetimeValue.draws(X).",
            SegmentWarning,
        )


def _as_numbers(name: str, given: Any) -> np.ndarray:
    try:
        return np.asarray(given, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        raise ValueError(f"{name}={given!r} must be a list of numbers.") from None


def _ascending(cut_points: Sequence[float]) -> np.ndarray:
    cuts = _as_numbers("cut_points", cut_points)
    if not np.isfinite(cuts).all() or (np.diff(cuts) <= 0).any():
        raise ValueError(f"cut_points must be finite numbers in ascending order; they are {cut_points!r}.")
    return cuts


def _checked_shares(given: Sequence[float]) -> np.ndarray:
    shares = _as_numbers("shares", given)
    if not shares.size or not (shares > 0).all() or abs(shares.sum() - 1) > 1e-6:
        raise ValueError(
            f"shares={given!r} must be above 0 and add up to 1 (they add up to {shares.sum():g}); give 0.01 for 1 %."
        )
    return shares


def _tier_names(tiers: Sequence[str] | None, n_tiers: int) -> tuple[str, ...]:
    names = TIERS if n_tiers == len(TIERS) else tuple(f"tier {number}" for number in range(1, n_tiers + 1))
    if tiers is not None:
        names = tuple(str(name) for name in tiers)
        if len(names) != n_tiers or len(set(names)) < n_tiers:
            raise ValueError(f"tiers={tiers!r} must be {n_tiers} different names, one for each tier.")
    if UNKNOWN in names:
        raise ValueError(f"tiers may not be called {UNKNOWN!r}, which is for customers without a value.")
    return names


def _probabilities(coverage: float) -> Any:
    z = ndtri((1 + coverage) / 2)

    def of(cuts: np.ndarray, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        lower, upper = columns["lower"], columns["upper"]
        positive = lower > 0
        with np.errstate(divide="ignore", invalid="ignore"):
            least, most = np.where(positive, np.log(lower), lower), np.where(positive, np.log(upper), upper)
            middle, spread = (least + most) / 2, (most - least) / (2 * z)
            above = np.ones((lower.size, cuts.size + 2))
            above[:, -1] = 0.0
            for j, cut in enumerate(cuts):
                at = np.where(positive, np.log(max(cut, 0.0)), cut)
                certain = (lower >= cut).astype(np.float64)
                above[:, j + 1] = np.where(upper > lower, ndtr((middle - at) / spread), certain)
        return (above[:, :-1] - above[:, 1:])[:, ::-1]

    return of
