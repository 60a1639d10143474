"""Amounts that are not known exactly: a stated distribution, and products and sums of such amounts.

A leaf is an `Uncertain`, with a name; arithmetic on leaves and numbers makes a `Quantity`. One name is one unknown: it
is drawn once however often it is used, so that two ledger rows that share an hourly rate move together. Different names are
independent.
"""

from __future__ import annotations

import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from ..checks import check_coverage, check_draws, check_generator, check_number, check_text, is_number
from ..exceptions import shown
from ..results import Result
from ..typing import ArrayLike, Numbers


class Quantity(ABC):
    """A number that depends on named unknowns; +, -, *, / and ** make others of it."""

    @abstractmethod
    def inputs(self) -> dict[str, Uncertain]:
        """Return the unknowns by name."""

    @abstractmethod
    def at(self, values: Mapping[str, Numbers]) -> Any:
        """Return the value, or array of values, where each unknown has the value given."""

    @property
    def mean(self) -> float:
        """The value where each unknown is at its mean; the expected value where each enters linearly, as in products and sums."""
        return float(self.at({name: unknown.mean for name, unknown in self.inputs().items()}))

    def sample(self, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        """Draw values, shape (n_draws,)."""
        inputs = self.inputs()
        n_draws, rng = check_draws(n_draws, cells=len(inputs)), check_generator(rng)
        return np.broadcast_to(np.asarray(self.at(draw_inputs(inputs, n_draws, rng)), dtype=float), (n_draws,)).copy()

    def __add__(self, other: Any) -> Quantity:
        return _combined(operator.add, self, other)

    def __radd__(self, other: Any) -> Quantity:
        return _combined(operator.add, other, self)

    def __sub__(self, other: Any) -> Quantity:
        return _combined(operator.sub, self, other)

    def __rsub__(self, other: Any) -> Quantity:
        return _combined(operator.sub, other, self)

    def __mul__(self, other: Any) -> Quantity:
        return _combined(operator.mul, self, other)

    def __rmul__(self, other: Any) -> Quantity:
        return _combined(operator.mul, other, self)

    def __truediv__(self, other: Any) -> Quantity:
        return _combined(operator.truediv, self, other)

    def __rtruediv__(self, other: Any) -> Quantity:
        return _combined(operator.truediv, other, self)

    def __neg__(self) -> Quantity:
        return _combined(operator.mul, -1, self)

    def __pow__(self, other: Any) -> Quantity:
        return _combined(operator.pow, self, other)


@dataclass(frozen=True)
class Uncertain(Quantity, Result):
    """An unknown number with a stated distribution; made by one of the class methods.

    Attributes
    ----------
    distribution : str
        "normal", "triangular", "uniform", "lognormal", "share" or "empirical".
    parameters : tuple of float
    name : str or None
        One name is one unknown. None takes the name of the ledger row that uses it.

    Examples
    --------
    >>> hourly = Uncertain.triangular(30, 40, 65, name="hourly rate")
    >>> round(hourly.mean, 6), round(float(hourly.quantile(0.5)), 3)
    (45.0, 44.083)
    >>> workers = Uncertain.uniform(20, 24, name="workers")
    >>> year = 15 / 60 * workers * 250 * hourly
    >>> round(year.mean, 6), sorted(year.inputs())
    (61875.0, ['hourly rate', 'workers'])
    """

    distribution: str
    parameters: tuple[float, ...]
    name: str | None = None
    _law: Any = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.name is not None:
            check_text(self.name, "name", meaning="one name is one unknown")
        if self._law is None:
            raise TypeError(
                "Uncertain is made by one of its class methods, such as Uncertain.triangular(80, 100, 150)."
            )

    @classmethod
    def normal(cls, mean: float, sd: float, *, name: str | None = None) -> Uncertain:
        """Normal with a mean and a standard deviation above 0."""
        mean, sd = _numbers(mean=mean, sd=sd)
        _require(sd > 0, f"sd={sd:g} must be above 0")
        return cls("normal", (mean, sd), name, stats.norm(mean, sd))

    @classmethod
    def triangular(cls, lower: float, mode: float, upper: float, *, name: str | None = None) -> Uncertain:
        """Triangular: lowest, likeliest and highest value."""
        lower, mode, upper = _numbers(lower=lower, mode=mode, upper=upper)
        _require(
            lower <= mode <= upper and lower < upper,
            f"lower <= mode <= upper is needed, got {lower:g}, {mode:g}, {upper:g}",
        )
        law = stats.triang((mode - lower) / (upper - lower), loc=lower, scale=upper - lower)
        return cls("triangular", (lower, mode, upper), name, law)

    @classmethod
    def uniform(cls, lower: float, upper: float, *, name: str | None = None) -> Uncertain:
        """Anything between two values, all alike."""
        lower, upper = _numbers(lower=lower, upper=upper)
        _require(lower < upper, f"lower < upper is needed, got {lower:g}, {upper:g}")
        return cls("uniform", (lower, upper), name, stats.uniform(lower, upper - lower))

    @classmethod
    def lognormal(cls, lower: float, upper: float, *, coverage: float = 0.9, name: str | None = None) -> Uncertain:
        """Lognormal, between lower and upper with probability ``coverage``, equal tails; both above 0."""
        coverage = check_coverage(coverage)
        lower, upper = _numbers(lower=lower, upper=upper)
        _require(0 < lower < upper, f"0 < lower < upper is needed, got {lower:g}, {upper:g}")
        sd = math.log(upper / lower) / (2 * float(stats.norm.ppf((1 + coverage) / 2)))
        law = stats.lognorm(sd, scale=math.sqrt(lower * upper))
        return cls("lognormal", (lower, upper, coverage), name, law)

    @classmethod
    def share(cls, events: float, n: float, *, name: str | None = None) -> Uncertain:
        """A share seen as ``events`` in ``n``: its posterior under Jeffreys' prior, Beta(events + ½, n - events + ½)."""
        events, n = _numbers(events=events, n=n)
        _require(n > 0 and 0 <= events <= n, f"0 <= events <= n with n above 0 is needed, got {events:g} of {n:g}")
        return cls("share", (events, n), name, stats.beta(events + 0.5, n - events + 0.5))

    @classmethod
    def empirical(cls, draws: ArrayLike, *, name: str | None = None) -> Uncertain:
        """Equally likely draws, such as those of a posterior; at least two, finite."""
        try:
            values = np.sort(np.asarray(draws, dtype=float).ravel())
        except (TypeError, ValueError):
            raise ValueError("draws must be numbers, at least two.") from None
        _require(len(values) > 1 and np.isfinite(values).all(), "at least two draws are needed, all finite")
        return cls("empirical", tuple(values.tolist()), name, _Draws(values))

    def named(self, name: str) -> Uncertain:
        """Return it with a name."""
        return replace(self, name=name)

    def inputs(self) -> dict[str, Uncertain]:
        """Return itself by name.

        Raises
        ------
        ValueError
            When it has none.
        """
        if self.name is None:
            raise ValueError(f"{self!r} enters a formula and needs a name, as in name='hourly rate'.")
        return {self.name: self}

    def at(self, values: Mapping[str, Numbers]) -> Any:
        """Return the value given for its name."""
        return values[str(self.name)]

    @property
    def mean(self) -> float:
        """Expected value."""
        return float(self._law.mean())

    def quantile(self, q: ArrayLike) -> Any:
        """Return quantiles: of one probability, or of each of several, from 0 to 1."""
        try:
            at = np.asarray(q, dtype=float)
        except (TypeError, ValueError):
            at = np.asarray(np.nan)
        _require(bool(((at >= 0) & (at <= 1)).all()), f"q={shown(q)} must be probabilities from 0 to 1")
        return self._law.ppf(q)

    def sample(self, n_draws: int, rng: np.random.Generator) -> np.ndarray:
        """Draw values, shape (n_draws,)."""
        uniform = check_generator(rng).random(check_draws(n_draws))
        return np.asarray(self._law.ppf(uniform), dtype=float)

    def probability_below(self, value: float) -> float:
        """Probability of being below a value."""
        return float(self._law.cdf(np.nextafter(check_number(value, "value", infinite=True), -np.inf)))

    def describe(self) -> str:
        """Say the distribution in words."""
        if self.distribution == "empirical":
            lower, upper = self.quantile([0.05, 0.95])
            return f"{len(self.parameters):,} draws, 90% of them between {lower:,.4g} and {upper:,.4g}"
        text = ", ".join(f"{value:,.6g}" for value in self.parameters)
        return f"{self.distribution}({text})"

    def to_frame(self) -> pd.DataFrame:
        """Return its mean and the ends of the middle 90 % as a frame of one row: quantity, value, lower, upper."""
        lower, upper = self.quantile([0.05, 0.95])
        name = self.name or self.distribution
        return pd.DataFrame({"quantity": [name], "value": [self.mean], "lower": [lower], "upper": [upper]})

    def __repr__(self) -> str:
        name = "" if self.name is None else f", name={self.name!r}"
        shown = (
            f"{len(self.parameters)} draws" if self.distribution == "empirical" else str(list(self.parameters))[1:-1]
        )
        return f"Uncertain.{self.distribution}({shown}{name})"

    def __getstate__(self) -> dict:
        return {"distribution": self.distribution, "parameters": self.parameters, "name": self.name}

    def __setstate__(self, state: dict) -> None:
        parameters = state["parameters"]
        if state["distribution"] == "lognormal":
            made = Uncertain.lognormal(*parameters[:2], coverage=parameters[2])
        elif state["distribution"] == "empirical":
            made = Uncertain.empirical(parameters)
        else:
            made = getattr(Uncertain, state["distribution"])(*parameters)
        self.__dict__.update(state, _law=made._law)


@dataclass(frozen=True)
class Formula(Quantity):
    """Two quantities or numbers and what is done with them."""

    operation: Callable[[Any, Any], Any]
    left: Any
    right: Any

    def inputs(self) -> dict[str, Uncertain]:
        """Return the unknowns of both sides by name."""
        return merged_inputs(side for side in (self.left, self.right) if isinstance(side, Quantity))

    def at(self, values: Mapping[str, Numbers]) -> Any:
        """Return the value where the unknowns have the values given."""
        left, right = (side.at(values) if isinstance(side, Quantity) else side for side in (self.left, self.right))
        return self.operation(left, right)


class _Draws:
    """The distribution of equally likely values."""

    def __init__(self, values: np.ndarray):
        self.values = values

    def mean(self) -> float:
        return float(self.values.mean())

    def ppf(self, q: Any) -> Any:
        return np.quantile(self.values, q, method="inverted_cdf")

    def cdf(self, value: float) -> float:
        return float(np.searchsorted(self.values, value, side="right") / len(self.values))


def merged_inputs(quantities: Iterable[Quantity]) -> dict[str, Uncertain]:
    """Return the unknowns of several quantities by name.

    Raises
    ------
    ValueError
        When one name stands for two distributions.
    """
    merged: dict[str, Uncertain] = {}
    for quantity in quantities:
        for name, unknown in quantity.inputs().items():
            if merged.setdefault(name, unknown) != unknown:
                raise ValueError(
                    f"{name!r} is both {merged[name].describe()} and {unknown.describe()}; one name is one unknown, so give them two."
                )
    return merged


def draw_inputs(inputs: Mapping[str, Uncertain], n_draws: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw every unknown, in the order of their names, so that the order of rows does not matter."""
    return {name: inputs[name].sample(n_draws, rng) for name in sorted(inputs)}


def _combined(operation: Callable[[Any, Any], Any], left: Any, right: Any) -> Any:
    for side in (left, right):
        if not isinstance(side, Quantity) and not is_number(side):
            return NotImplemented
        if isinstance(side, Uncertain):
            side.inputs()
    return Formula(operation, left, right)


def _numbers(**given: Any) -> Sequence[float]:
    if wrong := [f"{name}={value!r}" for name, value in given.items() if not is_number(value)]:
        raise ValueError(f"{', '.join(wrong)} must be finite numbers.")
    return [float(value) for value in given.values()]


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"{what}.")
