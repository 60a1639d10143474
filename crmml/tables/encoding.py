"""From raw columns of any kind to numbers: types told apart, blanks as missing, rare and unseen categories, named outputs."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import SplineTransformer
from sklearn.utils.validation import check_is_fitted

from .. import frames
from ..customers.scanning.identifier_names import holds_identifiers, named_like_identifier, named_personally
from ..exceptions import DataError, FeatureWarning, warn
from ..fitting import atomic
from ..transactions.opening import ISO_MOMENT
from ..typing import ArrayLike

#: Share of distinct texts among the rows from which a column is an identifier.
IDENTIFIER_SHARE = 0.9
#: Texts whose look is taken for that of the column.
LOOKED_AT = 1000
#: Rows below which no column is taken for an identifier.
IDENTIFIER_ROWS = 50
#: Distinct texts from which a column is an identifier where each comes back but a few times, as in snapshots of the same customers.
IDENTIFIER_TEXTS = 40
#: Rows of a text, on average, up to which it is one of those.
IDENTIFIER_REPEATS = 3.0
#: Rows of a category below which it joins the rare ones.
RARE = 10
#: Categories a column keeps for itself; the rarest join the others.
MOST_CATEGORIES = 60
#: Distinct numbers from which a column gets a spline.
SPLINE_FROM = 10
N_KNOTS = 5
SHOWN = 3
#: Standard errors by which the share of rows outside the categories kept has to rise above that at fit.
NOTABLE = 4.0
#: Share of distinct whole numbers from which a column named as customers are is an identifier, several snapshots of each included.
IDENTIFIER_SHARE_OF_CUSTOMERS = 0.05
#: Texts that stand for a missing number.
_NO_NUMBER = {"nan", "na", "n/a", "null", "none", "nat", "<na>"}
_TRUTH = {"true": 1.0, "false": 0.0}
_CONTAINERS = (list, dict, set, tuple, np.ndarray)
_WHY_LEFT_OUT = {
    "empty": "column {!r} is missing in all rows and is left out; drop it, or find out where its values went",
    "identifier": "column {!r} looks like an identifier by its values or its name and is left out; drop it, or make it a category",
}


class ColumnEncoder(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):  # type: ignore[call-arg]  # of the mixin
    """Turn a table of mixed columns into a matrix of floats, and remember which column each output came from.

    Numbers stay numbers; text that reads as numbers or as truth values throughout becomes numbers, blanks being
    missing; dates, ISO 8601 text among them, become days; other text and categories are categories. A column that is
    missing throughout, or a text that identifies customers (by differing in nearly every row, by coming back only in their
    rows, by its name or its look), is left out. Of text with more than 60 different entries only the frequent ones are
    remembered, so that nobody's own entry lies in a stored model. Outputs are always an array,
    because they go to a classifier and not to the user.

    Parameters
    ----------
    view : {"linear", "additive", "tree"}
        "linear": numbers with missing ones at the median, a flag for missing ones, standardised; one column a category.
        "additive": numbers as cubic splines on quantile knots, else as "linear". "tree": numbers as they are, NaN where
        missing; one number a category, its rank by the share of churners at fit (smoothed towards the mean), the order
        that splits categories best [1]_; NaN for missing ones.
    kinds : dict of str to kind, default=None
        Kinds decided on more rows than those of fit (`kinds_of`); they hold for the columns they name.

    Attributes
    ----------
    feature_names_in_ : ndarray of str
    kinds_ : dict of str to {"number", "category", "empty", "identifier"}
    names_out_ : list of str
    origin_ : ndarray of int
        Position among ``feature_names_in_`` (or of the array's column) that each output came from.

    References
    ----------
    .. [1] Breiman, L., Friedman, J. H., Olshen, R. A. & Stone, C. J. (1984), Classification and Regression Trees,
       Wadsworth, section 4.2.2.
    """

    def __init__(self, view: str = "linear", kinds: Any = None):
        self.view = view
        self.kinds = kinds

    @atomic
    def fit(self, X: pd.DataFrame, y: ArrayLike | None = None) -> ColumnEncoder:
        """Learn kinds, categories, medians and knots.

        Parameters
        ----------
        X : DataFrame of shape (n, p)
        y : array of 0 and 1, shape (n,), default=None
            Orders categories in the "tree" view.
        """
        y = np.zeros(len(X)) if y is None else np.asarray(y, dtype=np.float64)
        self.n_features_in_ = X.shape[1]
        self.columns_ = list(X.columns)
        self.kinds_: dict[Any, str] = {}
        self.categories_: dict[Any, dict[str, int]] = {}
        self.kept_: dict[Any, list[str]] = {}
        self.other_share_: dict[Any, float] = {}
        self.rank_: dict[Any, np.ndarray] = {}
        self.location_: dict[Any, tuple[float, float, float]] = {}
        self.splines_: dict[Any, SplineTransformer] = {}
        self.flagged_: list[Any] = []
        infinite = []
        for name in X:
            given = None if self.kinds is None else self.kinds.get(name)
            kind, values = _read(name, X[name], given)
            self.kinds_[name] = kind
            if kind == "number" and np.isinf(values).any():
                infinite.append(
                    f"column {name!r} is infinite in {int(np.isinf(values).sum()):,} of {values.size:,} rows"
                )
                continue
            if kind == "number":
                self._fit_number(name, values)
            elif kind == "category":
                self._fit_category(name, values, y)
        if infinite:
            raise DataError([f"{fault}; repair these rows" for fault in infinite], "the features")
        self.names_out_, origin = [], []
        for position, name in enumerate(X):
            names = self._names_of(name)
            self.names_out_ += names
            origin += [position] * len(names)
        self.origin_ = np.asarray(origin, dtype=np.int64)
        return self

    def _fit_number(self, name: Any, values: np.ndarray) -> None:
        known = values[~np.isnan(values)]
        median = float(np.median(known))
        filled = np.where(np.isnan(values), median, values)
        self.location_[name] = median, float(filled.mean()), float(filled.std()) or 1.0
        if known.size < values.size:
            self.flagged_.append(name)
        if self.view == "additive" and np.unique(known).size >= SPLINE_FROM:
            knots = np.unique(np.quantile(known, np.linspace(0, 1, N_KNOTS)))
            if knots.size > 2:
                spline = SplineTransformer(degree=3, knots=knots[:, None], extrapolation="linear", include_bias=False)
                self.splines_[name] = spline.fit(filled[:, None])

    def _fit_category(self, name: Any, texts: np.ndarray, y: np.ndarray) -> None:
        code, unique = pd.factorize(texts)
        known = code >= 0
        size = np.bincount(code[known], minlength=len(unique))
        least = RARE if len(texts) >= 10 * RARE else 1
        order = sorted(range(len(unique)), key=lambda i: (-size[i], unique[i]))
        kept = [unique[i] for i in order if size[i] >= least][:MOST_CATEGORIES]
        self.kept_[name] = kept
        # the last code is for rare and unseen categories together
        codes_of = {category: i for i, category in enumerate(kept)}
        codes = np.asarray([codes_of.get(category, len(kept)) for category in unique], dtype=np.int64)[code[known]]
        if len(unique) <= MOST_CATEGORIES:
            self.categories_[name] = {category: codes_of.get(category, len(kept)) for category in unique}
        else:
            # rare ones among so many may each be somebody's own: only how common they are is remembered
            self.categories_[name] = codes_of
            self.other_share_[name] = float((codes == len(kept)).mean())
        churned = np.bincount(codes, weights=y[known], minlength=len(kept) + 1)
        total = np.bincount(codes, minlength=len(kept) + 1)
        rate = (churned + RARE * y.mean()) / (total + RARE)
        self.rank_[name] = np.argsort(np.argsort(rate, kind="stable")).astype(np.float64)
        if not known.all():
            self.flagged_.append(name)

    def _names_of(self, name: Any) -> list[str]:
        kind, text = self.kinds_[name], str(name)
        if kind not in ("number", "category"):
            return []
        if self.view == "tree":
            return [text]
        flag = [f"{text} is missing"] if name in self.flagged_ else []
        if kind == "category":
            return [f"{text} = {category}" for category in self.kept_[name]] + [f"{text} is another", *flag]
        if name in self.splines_:
            return [f"{text} (spline {i + 1})" for i in range(self.splines_[name].n_features_out_)] + flag
        return [text, *flag]

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        """Return the matrix of shape (n, len(names_out_)).

        Raises
        ------
        DataError
            Where a column of numbers holds text.

        Warns
        -----
        FeatureWarning
            For categories never seen at fit, and columns that are missing throughout.
        """
        check_is_fitted(self)
        blocks: list[np.ndarray] = []
        faults: list[str] = []
        notes: list[str] = []
        for name in self.columns_:
            kind = self.kinds_[name]
            if kind == "number":
                blocks += self._numbers(name, X[name], faults, notes)
            elif kind == "category":
                blocks += self._categories(name, X[name], notes)
        if faults:
            raise DataError(faults, "the features")
        if notes:
            warn("In the features " + "; ".join(notes) + ".", FeatureWarning)
        return np.column_stack(blocks) if blocks else np.zeros((len(X), 0))

    def _numbers(self, name: Any, column: pd.Series, faults: list[str], notes: list[str]) -> list[np.ndarray]:
        values, odd = to_numbers(column)
        if odd.size:
            code, unique = _factorized(column)
            rows = int(np.isin(unique, odd)[code[code >= 0]].sum())
            shown = ", ".join(repr(value) for value in odd[:SHOWN])
            faults.append(
                f"column {name!r} held numbers at fit and holds text in {rows:,} of {len(column):,} rows ({shown})"
            )
            return []
        if infinite := int(np.isinf(values).sum()):
            faults.append(f"column {name!r} is infinite in {infinite:,} of {values.size:,} rows; repair these rows")
            return []
        missing = np.isnan(values)
        if values.size > 1 and missing.all():
            notes.append(
                f"column {name!r} is missing in all {values.size:,} rows and is filled in with the median at fit"
            )
        if self.view == "tree":
            return [values[:, None]]
        median, mean, scale = self.location_[name]
        filled = np.where(missing, median, values)
        flag = [missing[:, None].astype(np.float64)] if name in self.flagged_ else []
        if name in self.splines_:
            return [self.splines_[name].transform(filled[:, None]), *flag]
        return [((filled - mean) / scale)[:, None], *flag]

    def _categories(self, name: Any, column: pd.Series, notes: list[str]) -> list[np.ndarray]:
        known, last = self.categories_[name], len(self.kept_[name])
        code, unique = _factorized(column)
        at = np.asarray([known.get(text, last) for text in unique], dtype=np.int64)
        unseen = [i for i, text in enumerate(unique) if text not in known]
        rows = int(np.isin(code, unseen).sum())
        if name in self.other_share_:
            notes += self._more_others(name, rows, int((code >= 0).sum()))
        elif unseen:
            shown = ", ".join(repr(unique[i]) for i in unseen[:SHOWN])
            notes.append(
                f"column {name!r} has {len(unseen)} categor{'y' if len(unseen) == 1 else 'ies'} never seen at fit in {rows:,} rows "
                f"({shown}), treated as any rare one"
            )
        missing = code < 0
        if missing.size > 1 and missing.all():
            notes.append(f"column {name!r} is missing in all {missing.size:,} rows")
        codes = np.append(at, -1)[code]
        if self.view == "tree":
            return [np.append(self.rank_[name], np.nan)[codes][:, None]]
        onehot = (codes[:, None] == np.arange(last + 1)).astype(np.float64)
        return [onehot, *([missing[:, None].astype(np.float64)] if name in self.flagged_ else [])]

    def _more_others(self, name: Any, rows: int, n: int) -> list[str]:
        """A note where categories that were not kept are more common than at fit by more than chance."""
        usual = self.other_share_[name]
        if not n or rows / n <= usual + NOTABLE * np.sqrt(max(usual * (1 - usual), 1 / n) / n):
            return []
        return [
            f"column {name!r} has none of the {len(self.kept_[name])} categories kept in {rows:,} of {n:,} rows, against "
            f"{usual:.1%} of rows at fit, treated as any rare one"
        ]

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Names of the outputs."""
        check_is_fitted(self)
        return np.asarray(self.names_out_, dtype=object)


def kinds_of(table: pd.DataFrame, customers: ArrayLike | None = None) -> dict[Any, str]:
    """The kind of each column, "number", "category", "empty" or "identifier".

    Parameters
    ----------
    table : DataFrame of shape (n, p)
    customers : array of shape (n,), default=None
        Whose rows they are: a text that tells them apart is an identifier, however often each comes back.

    Raises
    ------
    DataError
        For columns of lists, of complex numbers or the like.
    """
    faults = []
    for name in table:
        if pd.api.types.is_complex_dtype(table[name].dtype):
            faults.append(f"column {name!r} holds complex numbers; give their parts, or drop it")
        elif table[name].dtype == object and (bad := table[name].map(lambda cell: isinstance(cell, _CONTAINERS))).any():
            faults.append(
                f"column {name!r} holds lists or the like in {int(bad.sum()):,} rows; make columns of what is in them, or drop it"
            )
    if faults:
        raise DataError(faults, "the features")
    kinds = {name: _read(name, table[name])[0] for name in table}
    if customers is not None:
        kinds |= {
            name: "identifier"
            for name, kind in kinds.items()
            if kind == "category" and _tells_apart(table[name], np.asarray(customers))
        }
    return kinds


def no_columns(kinds: dict[Any, str]) -> bool:
    """Whether nothing is left to learn from."""
    return not any(kind in ("number", "category") for kind in kinds.values())


def left_out(kinds: dict[Any, str]) -> list[str]:
    """One sentence for each column that is not used."""
    return [_WHY_LEFT_OUT[kind].format(name) for name, kind in kinds.items() if kind in _WHY_LEFT_OUT]


def _read(name: Any, column: pd.Series, given: str | None = None) -> tuple[str, np.ndarray]:
    """The kind of a column, or the one given, with its numbers, or its texts and None where missing."""
    none = np.zeros(0)
    if given in ("empty", "identifier"):
        return given, none
    if given != "category" and not isinstance(column.dtype, pd.CategoricalDtype):
        values, odd = to_numbers(column)
        if given == "number" or not odd.size:
            if np.isnan(values).all():
                return "empty", none
            if given is None and _numbers_rows(name, column, values):
                return "identifier", none
            return "number", values
    code, unique = _factorized(column)
    known = int((code >= 0).sum())
    if not known:
        return "empty", none
    text = given is None and not isinstance(column.dtype, pd.CategoricalDtype)
    if text and _identifies(name, unique, known, len(column)):
        return "identifier", none
    return "category", np.append(unique, np.asarray([None], dtype=object))[code]


def _identifies(name: Any, unique: np.ndarray, known: int, rows: int) -> bool:
    """Whether texts identify customers: each in one row or a few, or by the column's name or their look."""
    if rows >= IDENTIFIER_ROWS and len(unique) > IDENTIFIER_SHARE * known:
        return True
    if len(unique) < IDENTIFIER_TEXTS:
        return False
    few = known <= IDENTIFIER_REPEATS * len(unique)
    return few or named_personally(str(name)) or holds_identifiers(unique[:LOOKED_AT].tolist()) is not None


def _tells_apart(column: pd.Series, customers: np.ndarray) -> bool:
    """Whether a text, never shared by two customers, tells nearly all of them apart."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        return False
    code, unique = _factorized(column)
    if len(unique) < IDENTIFIER_TEXTS:
        return False
    pairs = pd.DataFrame({"text": code, "customer": pd.factorize(customers)[0]})[code >= 0].drop_duplicates()
    alone = ~pairs["text"].duplicated(keep=False)
    return bool(alone.mean() > IDENTIFIER_SHARE)


def _numbers_rows(name: Any, column: pd.Series, values: np.ndarray) -> bool:
    """Whether whole numbers are identifiers by their name.

    Any name that ends in "id" serves where nearly every row has its own number; where numbers come back, as in several
    snapshots of the same customers, only a name that speaks of a customer does, so that a `store_id` stays a number.
    """
    text = pd.api.types.is_object_dtype(column.dtype) or pd.api.types.is_string_dtype(column.dtype)
    whole = pd.api.types.is_integer_dtype(column.dtype) or (text and (np.nan_to_num(values) % 1 == 0).all())
    if not whole or column.nunique() < IDENTIFIER_ROWS:
        return False
    share = column.nunique() / len(column)
    customers = named_like_identifier(str(name)) or None
    any_id = re.search(r"(^|[a-z_\s])(ID|Id)$|(^|[_\s])id$|^[Rr]ow_?[Nn]umber$", str(name))
    return (customers is not None and share >= IDENTIFIER_SHARE_OF_CUSTOMERS) or (
        any_id is not None and share > IDENTIFIER_SHARE
    )


def _is_number(dtype: Any) -> bool:
    return bool(pd.api.types.is_numeric_dtype(dtype) or pd.api.types.is_bool_dtype(dtype))


def _is_time(dtype: Any) -> bool:
    return bool(pd.api.types.is_datetime64_any_dtype(dtype) or pd.api.types.is_timedelta64_dtype(dtype))


def _factorized(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Code of each row, -1 where missing or blank, and the distinct texts; text is worked on once a distinct value."""
    code, unique = pd.factorize(column)
    texts = np.asarray([_text(value) for value in unique], dtype=object)
    kept = texts != ""
    merged, names = pd.factorize(texts[kept]) if kept.any() else (np.zeros(0, np.int64), np.zeros(0, object))
    at = np.full(len(texts) + 1, -1)
    at[:-1][kept] = merged
    return at[code], np.asarray(names, dtype=object)


def to_numbers(column: pd.Series) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of a column, NaN where missing or blank; times as days; and the texts that are not numbers."""
    none = np.zeros(0, dtype=object)
    if _is_number(column.dtype):
        return column.to_numpy(dtype=np.float64, na_value=np.nan), none
    if _is_time(column.dtype):
        # nanoseconds of each engine's own kind are brought to one, so that a day is a day
        stamps = column.to_numpy(dtype="datetime64[us]" if column.dtype.kind == "M" else "timedelta64[us]")
        days = stamps.view(np.int64) / frames.MICROSECONDS_PER_DAY
        return np.where(np.isnat(stamps), np.nan, days), none
    code, unique = _factorized(column)
    numbers = np.array(pd.to_numeric(pd.Series(unique, dtype=object), errors="coerce"), dtype=np.float64)
    odd = np.isnan(numbers)
    odd &= np.asarray([text.lower() not in _NO_NUMBER for text in unique], dtype=bool)
    rest = unique[odd].tolist()
    if rest and np.isnan(numbers).all():
        # truth values with missing ones, and dates of engines that have no type for them here, come as objects
        if all(text.lower() in _TRUTH for text in rest):
            numbers[odd], odd = [_TRUTH[text.lower()] for text in rest], np.zeros(0, dtype=bool)
        elif all(ISO_MOMENT.fullmatch(text) for text in rest):
            moments = pd.to_datetime(pd.Series(rest), format="ISO8601", errors="coerce", utc=True).dt.tz_localize(None)
            numbers[odd] = to_numbers(moments)[0]
            odd = odd & np.isnan(numbers)
    return np.append(numbers, np.nan)[code], unique[odd] if odd.size else none


def _text(value: Any) -> str:
    """As a category is named: whole numbers alike whether there are missing ones beside them or not."""
    if isinstance(value, (float, np.floating)) and value.is_integer():
        return str(int(value))
    return str(value).strip()
