"""Numbers and categories on one scale, on which every column counts alike; both ways, for customers and for centres."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import skew

from ..exceptions import DataError, FeatureWarning
from ._columns import fault, finite_faults

#: Interquartile range of the standard normal law: an IQR over this is a standard deviation, for normal columns.
NORMAL_IQR = 1.3489795003921634
#: Skewness from which on a column without negative numbers is taken in logarithms.
SKEWED = 1.0
#: Numbers on the common scale stop here, so that no square of them overflows.
FARTHEST = 1e100
#: More different texts than this are no category that clusters could rest on.
MOST_CATEGORIES = 50


class MixedColumns:
    r"""The scale of mixed columns: learnt from customers, then put on customers and centres.

    A number is taken as :math:`(x - \mathrm{median}) / \min(\mathrm{IQR} / 1.349, \mathrm{sd})`, by its standard deviation alone
    where the IQR is 0 (the IQR is small whatever outliers there are; of two groups apart it is their distance, and the standard
    deviation half of that, which leaves them more visible); where ``log`` says so, or
    it is "auto", the column has no negative numbers and a skewness above 1 that logarithms bring down,
    :math:`\log x` comes first, or :math:`\log(1 + x/u)`, u the median of those above 0, where there are zeros. A category becomes
    one column for each of its values, 1 or 0 times :math:`1/\sqrt{1 - \sum_j p_j^2}`, :math:`p_j` the share of value j: then its
    total variance is 1, as that of a normal number is, so that a category counts as one column however many values it has [1]_.
    What is missing, or a value not seen before, is put in the middle: at the median, or at the shares of all customers.

    References
    ----------
    .. [1] Gower, J. C. (1971), A general coefficient of similarity and some of its properties. Biometrics 27(4), 857-871.
    """

    def __init__(self, columns: Mapping[str, np.ndarray], weight: np.ndarray | None, log: Any, label: str):
        self.names = list(columns)
        self.numbers: dict[str, dict[str, float]] = {}
        self.categories: dict[str, dict[str, Any]] = {}
        constant, missing = [], []
        for name, column in columns.items():
            if column.dtype.kind == "f":
                scale = _number_scale(
                    column, weight, log == "auto" or (not isinstance(log, str) and name in log), log == "auto"
                )
                self.numbers[name] = scale
                if scale["scale"] == 0:
                    constant.append(name)
                lacking = np.isnan(column)
            else:
                codes, values = pd.factorize(column, sort=True)
                lacking = codes < 0
                mass = np.bincount(codes[~lacking], None if weight is None else weight[~lacking], minlength=len(values))
                share = mass / mass.sum() if mass.sum() else mass
                spread = 1 - float(share @ share)
                if len(values) < 2:
                    constant.append(name)
                size = spread**-0.5 if len(values) > 1 and spread > 0 else 0.0
                self.categories[name] = {"values": [str(value) for value in values], "share": share, "size": size}
            if lacking.any():
                missing.append(f"{name} in {int(lacking.sum()):,} of {lacking.size:,} rows")
        where = f" ({label})" if label else ""
        if missing:
            warnings.warn(
                f"Missing values{where}, {', '.join(missing)}, are put in the middle of their column: at the median, or at the "
                "shares of all. Fill them, or leave the column out of columns=, to decide otherwise.",
                FeatureWarning,
                stacklevel=6,
            )
        if constant:
            warnings.warn(
                f"Columns {', '.join(constant)} do not vary{where} and tell no customers apart there.",
                FeatureWarning,
                stacklevel=6,
            )

    @property
    def width(self) -> int:
        """Number of encoded columns."""
        return len(self.numbers) + sum(len(entry["values"]) for entry in self.categories.values())

    @property
    def groups(self) -> list[tuple[str, slice]]:
        """Each column's encoded columns."""
        found, at = [], 0
        for name in self.names:
            n = 1 if name in self.numbers else len(self.categories[name]["values"])
            found.append((name, slice(at, at + n)))
            at += n
        return found

    def encode(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Customers on the common scale, (n, width)."""
        encoded = np.empty((len(columns[self.names[0]]), self.width))
        for name, at in self.groups:
            if name in self.numbers:
                encoded[:, at.start] = self._scaled(name, columns[name])
            else:
                entry = self.categories[name]
                codes = pd.Index(entry["values"]).get_indexer(pd.Index(columns[name]))
                rows = np.vstack([np.eye(len(entry["values"])), entry["share"]]) * entry["size"]
                encoded[:, at] = rows[codes]
        return encoded

    def unseen(self, columns: Mapping[str, np.ndarray]) -> list[str]:
        """Columns with values that were not there at fit, in words."""
        found = []
        for name, entry in self.categories.items():
            codes, values = pd.factorize(columns[name])
            new = ~np.isin(values.astype(str), entry["values"])
            if new.any():
                count = int(np.bincount(codes[codes >= 0], minlength=len(values))[new].sum())
                found.append(f"{name} ({int(new.sum())} new value{'s' if new.sum() > 1 else ''} in {count:,} rows)")
        return found

    def decode(self, centre: np.ndarray) -> dict[str, Any]:
        """A centre in the columns' own units: numbers, and for categories the share of each value."""
        plain: dict[str, Any] = {}
        entry: dict[str, Any]
        for name, at in self.groups:
            if name in self.numbers:
                entry = self.numbers[name]
                x = centre[at.start] * entry["scale"] + entry["middle"]
                if entry["log"]:
                    x = np.exp(x) if entry["log"] == 1 else np.expm1(x) * entry["unit"]
                plain[name] = float(x)
            else:
                entry = self.categories[name]
                share = np.clip(centre[at] / entry["size"], 0.0, 1.0) + 0.0 if entry["size"] else entry["share"]
                plain[name] = dict(zip(entry["values"], np.asarray(share).tolist(), strict=True))
        return plain

    def encode_centre(self, plain: Mapping[str, Any]) -> np.ndarray:
        """A centre, as :meth:`decode` gives it, on this scale."""
        encoded = np.zeros(self.width)
        for name, at in self.groups:
            if name in self.numbers:
                encoded[at.start] = self._scaled(name, np.asarray([plain[name]]))[0]
            else:
                entry = self.categories[name]
                encoded[at] = entry["size"] * np.asarray([plain[name].get(value, 0.0) for value in entry["values"]])
        return encoded

    def describe(self) -> str:
        """How the columns were put on one scale, in a sentence."""
        logged = [name for name, entry in self.numbers.items() if entry["log"]]
        spread = [name for name, entry in self.numbers.items() if entry["by_sd"] and entry["scale"]]
        said = []
        if self.numbers:
            said.append(
                "Numbers are compared by their distance from the median in interquartile ranges or, where smaller, standard deviations"
            )
            if logged:
                said.append(f"after logarithms of {', '.join(logged)}")
            if spread:
                said.append(f"in standard deviations for {', '.join(spread)}, whose interquartile range is 0")
        if self.categories:
            each = "the category" if len(self.categories) == 1 else "each of the categories"
            said.append(f"{each} {', '.join(self.categories)} counts as one column")
        text = ", ".join(said) + "."
        return text[0].upper() + text[1:]

    def _scaled(self, name: str, column: np.ndarray) -> np.ndarray:
        entry = self.numbers[name]
        if not entry["scale"]:
            return np.zeros(len(column))
        with np.errstate(over="ignore"):
            scaled = (_logged(column, entry) - entry["middle"]) / entry["scale"]
        return np.where(np.isnan(scaled), 0.0, np.clip(scaled, -FARTHEST, FARTHEST))


def column_faults(columns: Mapping[str, np.ndarray]) -> list[str]:
    """Infinite numbers, columns without any value, that never vary, or of too many texts, in words."""
    faults = []
    for name, column in columns.items():
        number = column.dtype.kind == "f"
        if number and (infinite := finite_faults(name, column, missing_allowed=True)):
            faults += infinite
            continue
        known = column[~np.isnan(column)] if number else column[pd.notna(column)]
        if not len(known):
            faults.append(f"column {name!r} is missing in all {len(column):,} rows; leave it out of columns=")
        elif number:
            if known.min() == known.max():
                faults.append(
                    f"column {name!r} has one distinct value in all rows and tells no customers apart; leave it out"
                )
        else:
            n = len(pd.unique(known))
            if n == 1:
                faults.append(
                    f"column {name!r} has one distinct value in all rows and tells no customers apart; leave it out"
                )
            elif n > MOST_CATEGORIES:
                faults.append(
                    f"column {name!r} has {n:,} different texts; a category has at most {MOST_CATEGORIES}: leave it out, make it "
                    "coarser, or a number"
                )
    return faults


def texts_of(column: pd.Series) -> np.ndarray:
    """A category's values as text, None where missing or blank; whole numbers without decimals."""
    plain = column.astype(object).to_numpy()
    found, values = pd.factorize(plain)
    texts = np.asarray([*(str(value).strip() or None for value in values), None], dtype=object)
    return texts[found]


def log_faults(log: Any, columns: Mapping[str, np.ndarray]) -> list[str]:
    """Columns of ``log`` that have no logarithms, in words."""
    faults = []
    for name in [] if isinstance(log, str) else log:
        if name not in columns:
            there = ", ".join(repr(one) for one, column in columns.items() if column.dtype.kind == "f")
            faults.append(f"log names {name!r}, which is none of the columns compared; numbers are {there or 'none'}")
        elif columns[name].dtype.kind != "f":
            faults.append(f"log names {name!r}, which is a category; leave it out of log=")
        elif (below := int((columns[name] < 0).sum())) > 0:
            faults.append(f"log names {name!r}, which is negative in {below:,} rows; leave it out of log=")
    return faults


def check_range(columns: Mapping[str, np.ndarray], subject: str) -> None:
    """Refuse infinite numbers in customers to be assigned."""
    faults = []
    for name, column in columns.items():
        if column.dtype.kind == "f":
            faults += fault(name, np.isinf(column), "is infinite", "repair these rows")
    if faults:
        raise DataError(faults, subject)


def _number_scale(column: np.ndarray, weight: np.ndarray | None, may_log: bool, auto: bool) -> dict[str, float]:
    known = ~np.isnan(column)
    x, w = column[known], None if weight is None else weight[known]
    entry: dict[str, float] = {"log": 0, "unit": 1.0, "least": 0.0, "middle": 0.0, "scale": 0.0, "by_sd": 0}
    if not x.size or x.min() == x.max():
        return entry
    if may_log and x.min() >= 0:
        positive = x[x > 0]
        logged = entry | {"log": 1 if x.min() > 0 else 2, "unit": float(np.median(positive)), "least": float(x.min())}
        skewness = skew(x / x.max())
        if not auto or (skewness > SKEWED and abs(skew(_logged(x, logged))) < skewness):
            entry = logged
    x = _logged(x, entry)
    largest = float(np.abs(x).max())
    x = x / largest  # squares of very large or small numbers are none
    lower, middle, upper = _quantiles(x, w, (0.25, 0.5, 0.75))
    scale = (upper - lower) / NORMAL_IQR
    mean = np.average(x, weights=w)
    sd = float(np.sqrt(np.average((x - mean) ** 2, weights=w)))
    if scale <= 1e-9 * sd or scale > sd:
        entry["by_sd"], scale = int(scale <= sd), sd
    entry["middle"], entry["scale"] = float(middle) * largest, float(scale) * largest
    return entry


def _logged(x: np.ndarray, entry: Mapping[str, float]) -> np.ndarray:
    """Logarithms where the column has them; what is below the least number seen counts as that."""
    if not entry["log"]:
        return x
    x = np.maximum(x, entry["least"])
    return np.log(x) if entry["log"] == 1 else np.log1p(x / entry["unit"])


def _quantiles(x: np.ndarray, weight: np.ndarray | None, levels: Sequence[float]) -> np.ndarray:
    if weight is None:
        return np.quantile(x, levels)
    order = np.argsort(x, kind="stable")
    reached = np.cumsum(weight[order])
    return x[order][np.minimum(np.searchsorted(reached, np.asarray(levels) * reached[-1]), len(x) - 1)]
