"""What an argument must be, checked in one place: coverage, counts, numbers, choices, currencies, generators, units.

Each check returns the value it was given, in its plain type, or refuses it in one sentence: what was given, what was
expected and the cure. :class:`Faults` collects the refusals of many checks, so that one message names every fault.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from numbers import Integral, Real
from typing import Any, ParamSpec, TypeVar

import numpy as np

from .exceptions import DataError, shown
from .typing import Seed

T = TypeVar("T")
P = ParamSpec("P")

#: Length of each unit in days. A month is 365.25 / 12 days and a year 365.25 days.
DAYS_PER_UNIT: Mapping[str, float] = {"h": 1 / 24, "D": 1.0, "W": 7.0, "M": 365.25 / 12, "Y": 365.25}

#: The units in words, for messages: ``UNIT_WORDS["W"] == "weeks"``.
UNIT_WORDS: Mapping[str, str] = {"h": "hours", "D": "days", "W": "weeks", "M": "months", "Y": "years"}


#: More draws, resamples or bins than this are taken for a slip of the pen.
MOST_DRAWS = 1_000_000

#: More periods than this are taken for one, too.
MOST_PERIODS = 100_000

#: Numbers that one call may hold at a time, 1.6 GB of them.
MOST_CELLS = 200_000_000


class Faults:
    """Collects what is wrong with a request, to refuse it once with all of it.

    Parameters
    ----------
    subject : str
        What is looked at, for the first line of the message.

    Examples
    --------
    >>> faults = Faults("the plan")
    >>> coverage = faults.check(check_coverage, 90)
    >>> n_draws = faults.check(check_count, 0, "n_draws", least=1)
    >>> faults.add("there are no customers")
    >>> faults.refuse()
    Traceback (most recent call last):
    crmml.exceptions.DataError: the plan cannot be used, 3 faults found:
      - coverage=90 must lie between 0 and 1; write 0.9 for 90 %
      - n_draws=0 must be a whole number of at least 1
      - there are no customers
    """

    def __init__(self, subject: str) -> None:
        self.subject = subject
        self.found: list[str] = []

    def __bool__(self) -> bool:
        return bool(self.found)

    def add(self, *faults: str) -> None:
        """Note faults, one sentence each."""
        self.found.extend(faults)

    def extend(self, faults: Iterable[str]) -> None:
        """Note the faults that another check returned."""
        self.found.extend(faults)

    def check(self, check: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
        """Run a check and return its value; where it refuses, note what it says and return None."""
        try:
            return check(*args, **kwargs)
        except DataError as error:
            self.found.extend(error.faults)
        except (ValueError, TypeError) as error:
            self.found.append(str(error).rstrip("."))
        return None

    def refuse(self, error: type[DataError] = DataError) -> None:
        """Refuse the request where anything was found.

        Raises
        ------
        DataError
            With every fault.
        """
        if self.found:
            raise error(self.found, self.subject)


#: What Python's numeric tower counts among the numbers and nobody else does: truth values, and numpy's durations.
_NO_NUMBERS = (bool, np.bool_, np.timedelta64)


def is_number(value: Any) -> bool:
    """Whether a value is one finite number: no bool, no duration."""
    if not isinstance(value, Real) or isinstance(value, _NO_NUMBERS):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond any float
        return False


def is_count(value: Any) -> bool:
    """Whether a value is a whole number: 3, not 3.0; no bool, no duration."""
    return isinstance(value, Integral) and not isinstance(value, _NO_NUMBERS)


def check_coverage(coverage: float, name: str = "coverage") -> float:
    """Return the probability that an interval is to hold: between 0 and 1, both exclusive.

    Raises
    ------
    ValueError
        With the cure for 90 where 0.9 is meant.

    Examples
    --------
    >>> check_coverage(0.9)
    0.9
    """
    if is_number(coverage) and 0 < coverage < 1:
        return float(coverage)
    cure = f"; write {coverage / 100:g} for {coverage:g} %" if is_number(coverage) and 1 < coverage < 100 else ""
    raise ValueError(f"{name}={shown(coverage)} must lie between 0 and 1{cure or ', as 0.9 does'}.")


def check_probability(value: float, name: str, *, open_interval: bool = False) -> float:
    """Return a probability or a share, in [0, 1]; in (0, 1) where the ends make no sense.

    Raises
    ------
    ValueError
    """
    inside = is_number(value) and (0 < value < 1 if open_interval else 0 <= value <= 1)
    if inside:
        return float(value)
    where = "between 0 and 1" if open_interval else "from 0 to 1"
    percent = is_number(value) and 1 < value <= 100 and not (open_interval and value == 100)
    cure = f"; write {value / 100:g} for {value:g} %" if percent else ""
    raise ValueError(f"{name}={shown(value)} must be a number {where}{cure}.")


def check_number(
    value: float,
    name: str,
    *,
    least: float = -math.inf,
    above: float = -math.inf,
    most: float = math.inf,
    infinite: bool = False,
    meaning: str = "",
) -> float:
    """Return one number within its bounds.

    Parameters
    ----------
    value : float
    name : str
        The argument, as the caller knows it.
    least, most : float
        Inclusive bounds.
    above : float
        Exclusive lower bound.
    infinite : bool, default=False
        Whether infinity is welcome.
    meaning : str, default=""
        What the number is, for the end of the message: "0.1 is 10 % a year".

    Raises
    ------
    ValueError
    """
    endless = infinite and isinstance(value, float | np.floating) and math.isinf(value)
    if (is_number(value) or endless) and least <= value <= most and value > above:
        return float(value)
    bounds = []
    if above > -math.inf:
        bounds.append(f"above {above:g}")
    elif least > -math.inf:
        bounds.append(f"of at least {least:g}")
    if most < math.inf:
        bounds.append(f"at most {most:g}")
    kind = "a number" if infinite else "a finite number"
    text = " ".join([kind, " and ".join(bounds)]).strip()
    raise ValueError(f"{name}={shown(value)} must be {text}{f'; {meaning}' if meaning else ''}.")


def check_count(value: float, name: str, *, least: int = 0, most: int | None = None) -> int:
    """Return a whole number within its bounds; 3.0 is one, True is none.

    Raises
    ------
    ValueError

    Examples
    --------
    >>> check_count(12, "horizon", least=1)
    12
    """
    if is_number(value) and value == int(value) and value >= least and (most is None or value <= most):
        return int(value)
    bound = f"of at least {least:,}" if most is None else f"from {least:,} to {most:,}"
    raise ValueError(f"{name}={shown(value)} must be a whole number {bound}.")


def check_draws(n_draws: float, name: str = "n_draws", *, least: int = 1, cells: int = 1) -> int:
    """Return a number of draws or resamples: at most a million, and no more than memory holds.

    Parameters
    ----------
    n_draws : int
    name : str, default="n_draws"
    least : int, default=1
    cells : int, default=1
        Numbers that each draw has.

    Raises
    ------
    ValueError

    Examples
    --------
    >>> check_draws(1000)
    1000
    """
    count = check_count(n_draws, name, least=least)
    if count > (most := max(least, min(MOST_DRAWS, MOST_CELLS // max(cells, 1)))):
        raise ValueError(f"{name}={count:,} is more than one call draws, {most:,} at most here; take fewer.")
    return count


def check_cells(**counts: int) -> None:
    """Refuse counts whose product is more than one call may hold in memory.

    Raises
    ------
    ValueError
        Naming them.

    Examples
    --------
    >>> check_cells(n_customers=1000, n_periods=12)
    """
    if (total := math.prod(counts.values())) > MOST_CELLS:
        product = " times ".join(f"{name}={count:,}" for name, count in counts.items())
        raise ValueError(f"{product} makes {total:,} numbers at once, above {MOST_CELLS:,}; take fewer.")


def check_flag(value: bool, name: str) -> bool:
    """Return True or False; 1, "yes" and the like are not.

    Raises
    ------
    ValueError
    """
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise ValueError(f"{name}={shown(value)} must be True or False.")


def check_text(value: str, name: str, *, meaning: str = "") -> str:
    """Return a text that says something, such as the name of a column.

    Parameters
    ----------
    value : str
    name : str
        The argument, as the caller knows it.
    meaning : str, default=""
        What the text is, for the end of the message.

    Raises
    ------
    ValueError
    """
    if isinstance(value, str) and value.strip():
        return value
    raise ValueError(f"{name}={shown(value)} must be text{f'; {meaning}' if meaning else ''}.")


def check_numbers(
    values: Any, name: str, *, least: float = -math.inf, whole: bool = False, shape: tuple[int, ...] | None = None
) -> np.ndarray:
    """Return numbers as a float array: finite, within their bound; text, dates, durations and truth values are none.

    Parameters
    ----------
    values : number or array-like
    name : str
        The argument, as the caller knows it.
    least : float
        Inclusive bound.
    whole : bool, default=False
        Whether they must be whole numbers.
    shape : tuple of int, default=None
        What their shape must be.

    Raises
    ------
    ValueError
        With how many are wrong, and the first.

    Examples
    --------
    >>> check_numbers([1, 2.5], "t", least=0)
    array([1. , 2.5])
    """
    array = np.asarray(values)
    kind = "whole number" if whole else "finite number"
    kind = f"{kind}s" if array.ndim else f"a {kind}"
    bound = f"{kind}{f' of at least {least:g}' if least > -math.inf else ''}"
    if array.dtype.kind == "O" and array.size and all(is_number(value) for value in array.ravel()):
        array = array.astype(np.float64)
    if array.dtype.kind not in "iuf" and array.size:
        raise ValueError(f"{name}={_shown(values)} must be {bound}, not {array.dtype}.")
    array = array.astype(np.float64)
    if shape is not None and array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape} and must have {shape}.")
    wrong = ~(np.isfinite(array) & (array >= least))
    if whole:
        wrong |= array != np.floor(array)
    if wrong.any():
        count = f" in {int(wrong.sum()):,} of {array.size:,} places" if array.ndim else ""
        raise ValueError(f"{name} must be {bound}; it is {array[wrong][0]:g}{count}.")
    return array


def check_not_negative(value: Any, name: str) -> Any:
    """Return a number of at least 0, or an array of them.

    Raises
    ------
    DataError, ValueError
        As :func:`check_numbers`.
    """
    array = check_numbers(value, name, least=0)
    return array if array.ndim else float(array)


def _shown(value: Any, most: int = 80) -> str:
    text = repr(value)
    return text if len(text) <= most else f"{text[: most - 3]}..."


def check_choice(value: T, name: str, choices: Collection[T]) -> T:
    """Return one of the values that an argument can take.

    Raises
    ------
    ValueError
        Listing them.

    Examples
    --------
    >>> check_choice("net", "refunds", ("net", "drop", "raise"))
    'net'
    """
    if isinstance(value, str | int | float | None):
        for choice in choices:
            if value == choice and isinstance(value, bool) == isinstance(choice, bool):
                return value
    raise unknown_choice(value, name, map(repr, choices))


def unknown_choice(value: Any, name: str, known: Iterable[str]) -> ValueError:
    """Return the refusal of a value that is none of those known, listing them as they are to be written."""
    return ValueError(f"{name}={shown(value)} is not known; choose one of {', '.join(known)}.")


def check_unit(unit: str, name: str = "unit") -> str:
    """Return a unit of time: h, D, W, M or Y.

    Raises
    ------
    ValueError
        Listing the units there are.
    """
    if isinstance(unit, str) and unit in DAYS_PER_UNIT:
        return unit
    raise unknown_choice(unit, name, [f"{key!r} ({UNIT_WORDS[key]})" for key in DAYS_PER_UNIT])


def check_annual_rate(annual_rate: float, name: str = "annual_discount_rate") -> float:
    """Return an annual rate from 0 to 1.

    Raises
    ------
    ValueError
        With the cure for 8 where 0.08 is meant.
    """
    rate = check_number(annual_rate, name, least=0, meaning="0.1 is 10 % a year")
    if rate > 1:
        raise ValueError(
            f"{name}={rate:g} is {100 * rate:g} % a year; above 100 % it is taken for a slip: write 0.08 for 8 %."
        )
    return rate


def check_margin(margin: float, name: str = "margin") -> float:
    """Return a margin as a share of revenue: above 0, at most 1.

    Money earned by each transaction or in each period is another thing and goes by another name
    (``margin_per_transaction``, ``margin_per_period``).

    Raises
    ------
    ValueError
        With the cure for 30 where 0.3 is meant.
    """
    if is_number(margin) and 0 < margin <= 1:
        return float(margin)
    cure = f"; write {margin / 100:g} for {margin:g} %" if is_number(margin) and 1 < margin <= 100 else ""
    raise ValueError(f"{name}={shown(margin)} must be a share of revenue, above 0 and at most 1{cure}.")


def check_currency(currency: str, name: str = "currency") -> str:
    """Return a currency as its code of three letters, in capitals.

    Raises
    ------
    ValueError
    """
    if isinstance(currency, str) and len(currency.strip()) == 3 and currency.strip().isalpha():
        return currency.strip().upper()
    raise ValueError(f"{name}={shown(currency)} must be a code of three letters, as in 'USD'.")


def check_random_state(random_state: Seed) -> np.random.RandomState:
    """Return numpy's RandomState of a seed, as scikit-learn's estimators draw from; a Generator lends it a seed.

    Parameters
    ----------
    random_state : int, Generator, RandomState, SeedSequence or None
        None draws afresh at every call.

    Raises
    ------
    ValueError
    """
    if isinstance(random_state, np.random.RandomState):
        return random_state
    if isinstance(random_state, np.random.Generator | np.random.SeedSequence):
        return np.random.RandomState(int(check_generator(random_state).integers(2**32)))
    if random_state is None:
        return np.random.RandomState()
    if is_count(random_state) and 0 <= random_state < 2**32:
        return np.random.RandomState(int(random_state))
    raise ValueError(
        f"random_state={shown(random_state)} must be a whole number from 0 to {2**32 - 1}, a Generator, a RandomState or None."
    )


def check_generator(random_state: Seed) -> np.random.Generator:
    """Return numpy's generator of a seed.

    Parameters
    ----------
    random_state : int, Generator, RandomState, SeedSequence or None
        None draws afresh at every call.

    Raises
    ------
    ValueError
    """
    if isinstance(random_state, np.random.Generator):
        return random_state
    if isinstance(random_state, np.random.RandomState):
        return np.random.default_rng(random_state.randint(0, 2**32, size=4, dtype=np.uint64))
    if random_state is None or isinstance(random_state, np.random.SeedSequence):
        return np.random.default_rng(random_state)
    if is_count(random_state) and random_state >= 0:
        return np.random.default_rng(int(random_state))
    raise ValueError(
        f"random_state={shown(random_state)} must be a whole number of at least 0, a Generator, a RandomState or None."
    )
