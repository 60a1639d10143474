"""Numbers and categories on one scale, on which every column counts alike; both ways, for customers and for centres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..exceptions import FeatureWarning, warn
from ._column_scales import CategoryScale, NumberScale


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

    def __init__(
        self, columns: Mapping[str, np.ndarray], weight: np.ndarray | None, log: str | Sequence[str], label: str
    ) -> None:
        self.names = list(columns)
        self.numbers: dict[str, NumberScale] = {}
        self.categories: dict[str, CategoryScale] = {}
        auto = isinstance(log, str) and log == "auto"
        for name, column in columns.items():
            if column.dtype.kind == "f":
                may_log = auto or (not isinstance(log, str) and name in log)
                self.numbers[name] = NumberScale.learnt(column, weight, may_log=may_log, auto=auto)
            else:
                self.categories[name] = CategoryScale.learnt(column, weight)
        where = f" ({label})" if label else ""
        _warn_of_missing(columns, where)
        if constant := [name for name in self.names if not self._scale_of(name).varies]:
            warn(
                f"Columns {', '.join(constant)} do not vary{where} and tell no customers apart there.",
                FeatureWarning,
            )

    def _scale_of(self, name: str) -> NumberScale | CategoryScale:
        return self.numbers[name] if name in self.numbers else self.categories[name]

    @property
    def width(self) -> int:
        """Number of encoded columns."""
        return len(self.numbers) + sum(len(scale.values) for scale in self.categories.values())

    @property
    def groups(self) -> list[tuple[str, slice]]:
        """Each column's encoded columns."""
        found, at = [], 0
        for name in self.names:
            n = 1 if name in self.numbers else len(self.categories[name].values)
            found.append((name, slice(at, at + n)))
            at += n
        return found

    def encode(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """Customers on the common scale, (n, width)."""
        encoded = np.empty((len(columns[self.names[0]]), self.width))
        for name, at in self.groups:
            if name in self.numbers:
                encoded[:, at.start] = self.numbers[name].encode(columns[name])
            else:
                encoded[:, at] = self.categories[name].encode(columns[name])
        return encoded

    def unseen(self, columns: Mapping[str, np.ndarray]) -> list[str]:
        """Columns with values that were not there at fit, in words."""
        found = []
        for name, scale in self.categories.items():
            codes, values = pd.factorize(columns[name])
            new = ~np.isin(values.astype(str), scale.values)
            if new.any():
                count = int(np.bincount(codes[codes >= 0], minlength=len(values))[new].sum())
                found.append(f"{name} ({int(new.sum())} new value{'s' if new.sum() > 1 else ''} in {count:,} rows)")
        return found

    def decode(self, centre: np.ndarray) -> dict[str, Any]:
        """A centre in the columns' own units: numbers, and for categories the share of each value."""
        return {
            name: self.numbers[name].decode(centre[at.start])
            if name in self.numbers
            else self.categories[name].decode(centre[at])
            for name, at in self.groups
        }

    def encode_centre(self, plain: Mapping[str, Any]) -> np.ndarray:
        """A centre, as :meth:`decode` gives it, on this scale."""
        encoded = np.zeros(self.width)
        for name, at in self.groups:
            if name in self.numbers:
                encoded[at.start] = self.numbers[name].encode(np.asarray([plain[name]]))[0]
            else:
                encoded[at] = self.categories[name].encode_shares(plain[name])
        return encoded

    def describe(self) -> str:
        """How the columns were put on one scale, in a sentence."""
        logged = [name for name, scale in self.numbers.items() if scale.logarithm]
        spread = [name for name, scale in self.numbers.items() if scale.by_deviation and scale.varies]
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


def _warn_of_missing(columns: Mapping[str, np.ndarray], where: str) -> None:
    missing = []
    for name, column in columns.items():
        lacking = np.isnan(column) if column.dtype.kind == "f" else pd.isna(column)
        if lacking.any():
            missing.append(f"{name} in {int(lacking.sum()):,} of {lacking.size:,} rows")
    if missing:
        warn(
            f"Missing values{where}, {', '.join(missing)}, are put in the middle of their column: at the median, or at the "
            "shares of all. Fill them, or leave the column out of columns=, to decide otherwise.",
            FeatureWarning,
        )
