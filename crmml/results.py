"""What every result of the library offers: words, a frame, a picture, and all of it in a notebook."""

from __future__ import annotations

import html
import warnings
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd

from .checks import check_coverage
from .exceptions import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def duration_in_words(value: float, unit: str, spec: str = ".2f") -> str:
    """Say how long something lasts: "2.50 weeks", or "without end" where it is infinite.

    Examples
    --------
    >>> duration_in_words(2.5, "weeks"), duration_in_words(float("inf"), "weeks")
    ('2.50 weeks', 'without end')
    """
    return "without end" if np.isinf(value) else f"{value:{spec}} {unit}"


class Result:
    """The words, the frame and the picture of a result.

    A result says ``describe()``. :meth:`to_frame` gives its table, or its numbers where it has none, one in a row with its
    interval; :meth:`plot` draws them as points with intervals, unless the family has a display of its own for them.
    """

    def describe(self) -> str:
        """Say in plain sentences what was found."""
        raise NotImplementedError

    def to_frame(self) -> pd.DataFrame:
        """Return the numbers as a frame.

        Returns
        -------
        DataFrame
            A copy of the result's table; where it has none, one row for each number: quantity, value, lower, upper (NaN where
            it has no interval).
        """
        table = getattr(self, "table", None)
        return table.copy() if isinstance(table, pd.DataFrame) else numbers_of(self)

    def plot(self, ax: Axes | None = None) -> Any:
        """Draw the result.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        Display
        """
        return IntervalDisplay.from_result(self).plot(ax=ax)

    def _repr_html_(self) -> str:
        return words_in_html(type(self).__name__, self.describe())


@dataclass(frozen=True)
class Estimate(Result):
    """A number with its interval.

    Parameters
    ----------
    value, lower, upper : float
    coverage : float, default=0.9
        Probability that the interval holds, in (0, 1).

    Examples
    --------
    >>> Estimate(0.25, 0.2, 0.31).describe()
    '0.25 (90 % interval 0.2 to 0.31)'
    """

    value: float
    lower: float
    upper: float
    coverage: float = 0.9

    def __post_init__(self) -> None:
        check_coverage(self.coverage)

    def __float__(self) -> float:
        return float(self.value)

    def describe(self) -> str:
        """Say the number and its interval."""
        return f"{self.value:.4g} ({100 * self.coverage:g} % interval {self.lower:.4g} to {self.upper:.4g})"

    def to_frame(self) -> pd.DataFrame:
        """Return the number and its interval as a frame of one row: value, lower, upper, coverage."""
        return pd.DataFrame(
            {"value": [self.value], "lower": [self.lower], "upper": [self.upper], "coverage": [self.coverage]}
        )


def numbers_of(result: Any) -> pd.DataFrame:
    """Return the numbers among the fields of a result, one in a row: quantity, value, lower, upper.

    A field is taken with its interval where there are fields ``<name>_lower`` and ``<name>_upper``, or a field
    ``<name>_interval``; plain ``lower`` and ``upper`` belong to the first number.
    """
    declared = [field.name for field in fields(result)] if is_dataclass(result) else getattr(result, "_fields", ())
    names = declared or list(vars(result))
    given = {name: getattr(result, name) for name in names if not name.startswith("_")}
    ends = {"lower", "upper", "coverage"}
    ends |= {name for name in given if name.endswith(("_lower", "_upper", "_interval"))}
    rows: list[tuple[str, float, float, float]] = []
    for name, value in given.items():
        if isinstance(value, Estimate):
            rows.append((name, value.value, value.lower, value.upper))
        elif name not in ends and _is_numeric(value):
            rows.append((name, float(value), *_interval_of(name, given, first=not rows)))
    return pd.DataFrame(rows, columns=["quantity", "value", "lower", "upper"])


def _interval_of(name: str, given: dict[str, Any], first: bool) -> tuple[float, float]:
    """Return the interval of a number among the fields of a result; NaN where it has none."""
    pair = given.get(f"{name}_interval")
    if pair is not None and np.size(pair) == 2:
        lower, upper = np.ravel(pair)
    elif first and "lower" in given:
        lower, upper = given["lower"], given["upper"]
    else:
        lower, upper = given.get(f"{name}_lower", np.nan), given.get(f"{name}_upper", np.nan)
    return float(lower), float(upper)


def _is_numeric(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def words_in_html(title: str, words: str) -> str:
    """Return a title and sentences as HTML, escaped; one paragraph for each line."""
    lines = "".join(f"<p style='margin:0.2em 0'>{html.escape(line)}</p>" for line in words.splitlines() if line.strip())
    return f"<div class='crmml-result'><b>{html.escape(title)}</b>{lines}</div>"


#: The page of the documentation that each package is described on.
PAGES = {
    "campaigns": "campaigns",
    "churn": "churn",
    "clv": "models",
    "segments": "segments",
    "stages": "stages",
    "tables": "churn",
}
#: Fitted attributes that say nothing to a reader: draws, what the numerics keep, and what a table of estimates shows better.
_INTERNAL = ("draws", "theta_", "covariance_", "history_", "ruler_", "n_features_in_", "feature_names_in_", "params_")


class PlainStateMixin:
    """Copies of an estimator keep its tables as lists and arrays, which every format of storage knows, skops among them."""

    def __getstate__(self) -> Any:
        state = super().__getstate__()
        if not isinstance(state, dict):
            return state
        return {name: _taken_apart(value) if type(value) is pd.DataFrame else value for name, value in state.items()}

    def __setstate__(self, state: Any) -> None:
        state = {name: _put_together(value) if _is_apart(value) else value for name, value in state.items()}
        if hasattr(super(), "__setstate__"):
            super().__setstate__(state)  # type: ignore[misc]
        else:
            self.__dict__.update(state)


#: Marks a table that was taken apart, among the attributes of an estimator.
_APART = "crmml table"


def _taken_apart(table: pd.DataFrame) -> dict[str, Any]:
    return {
        "kind": _APART,
        "values": [table.iloc[:, place].tolist() for place in range(table.shape[1])],
        "types": [str(kind) for kind in table.dtypes],
        **{
            name: (axis.tolist(), list(axis.names))
            for name, axis in (("index", table.index), ("columns", table.columns))
        },
    }


def _is_apart(value: Any) -> bool:
    return isinstance(value, dict) and value.get("kind") == _APART


def _put_together(state: dict[str, Any]) -> pd.DataFrame:
    axes = {name: _axis(*state[name]) for name in ("index", "columns")}
    columns = [pd.Series(values, dtype=kind) for values, kind in zip(state["values"], state["types"], strict=True)]
    table = pd.concat(columns, axis=1) if columns else pd.DataFrame(index=range(len(axes["index"])))
    table.index, table.columns = axes["index"], axes["columns"]
    return table


def _axis(values: list[Any], names: list[Any]) -> pd.Index:
    if len(names) > 1:
        return pd.MultiIndex.from_tuples([tuple(value) for value in values], names=names)
    return pd.Index(values, name=names[0])


class NotebookMixin(PlainStateMixin):
    """What a notebook shows of a fitted estimator: its estimates with their errors, and the way to its documentation."""

    _doc_link_module = "crmml"
    _doc_link_template = "https://github.com/crmml/crmml/blob/main/docs/{page}.md"

    def _doc_link_url_param_generator(self) -> dict[str, str]:
        return {"page": PAGES.get(type(self).__module__.split(".")[1], "models")}

    def _get_fitted_attr_html(self, doc_link: str = "") -> Any:
        """Return what scikit-learn's diagram shows below the parameters: a table of estimates, then the other attributes."""
        shown = super()._get_fitted_attr_html(doc_link)  # type: ignore[misc]
        for name in list(shown):
            if any(part in name for part in _INTERNAL):
                del shown[name]
        return _FittedInHTML(self._estimates_in_html(), shown)

    def _estimates_in_html(self) -> str:
        """Return the table of estimates as HTML; nothing for an estimator that has none, or is not fitted."""
        if not hasattr(self, "summary") or not hasattr(self, "params_"):
            return ""
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # a model that is shown is not one that is asked; describe() says what is in doubt
            table = self.summary()
        keep = [name for name in ("estimate", "std_error", "lower", "upper") if name in table]
        return table[keep].to_html(float_format="{:.4g}".format, na_rep="–", border=0, max_rows=40)


class _FittedInHTML:
    """Holds the place of scikit-learn's fitted attributes in its diagram."""

    def __init__(self, estimates: str, attributes: Any) -> None:
        self.estimates = estimates
        self.attributes = attributes

    def __len__(self) -> int:
        return len(self.attributes) + bool(self.estimates)

    def _repr_html_inner(self) -> str:
        rest = self.attributes._repr_html_inner() if len(self.attributes) else ""
        if not self.estimates:
            return rest
        return f"<div class='estimator-table'><details open><summary>Estimates</summary>{self.estimates}</details></div>{rest}"


class DisplayMixin:
    """Gives a display its axes; matplotlib is loaded only when something is plotted."""

    ax_: Axes
    figure_: Figure

    def _axes(self, ax: Axes | None, size: tuple[float, float] = (7.0, 4.5)) -> Axes:
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots(figsize=size, layout="constrained")
        ax.spines[["top", "right"]].set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure  # type: ignore[assignment]  # a subfigure is drawn on as a figure is
        return ax


class IntervalDisplay(DisplayMixin):
    """Numbers as points with their intervals, one below the other.

    Parameters
    ----------
    table : DataFrame
        quantity, value, lower, upper; missing ends draw a point alone.
    title : str, default=""

    Attributes
    ----------
    ax_, figure_ : matplotlib Axes and Figure
    """

    def __init__(self, table: pd.DataFrame, *, title: str = "") -> None:
        self.table = table
        self.title = title

    @classmethod
    def from_result(cls, result: Any, *, title: str | None = None) -> Self:
        """Arrange the numbers of a result that has values and intervals in its frame.

        Parameters
        ----------
        result : object with ``to_frame()``
        title : str, default=None
            None takes the first sentence of ``describe()``.
        """
        table = _as_intervals(result.to_frame())
        bounded = table[["lower", "upper"]].notna().all(axis=1)
        if bounded.any():  # counts and the like, which stand beside the estimates, have a scale of their own
            table = table[bounded]
        if title is None:
            title = result.describe().splitlines()[0] if hasattr(result, "describe") else type(result).__name__
        return cls(table, title=title)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw the points and intervals.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        self : object
        """
        rows = len(self.table)
        ax = self._axes(ax, size=(7.0, max(2.0, 0.45 * rows + 1.2)))
        place = np.arange(rows)[::-1]
        value = self.table["value"].to_numpy(dtype=float)
        lower = np.where(np.isfinite(self.table["lower"]), self.table["lower"], value)
        upper = np.where(np.isfinite(self.table["upper"]), self.table["upper"], value)
        ax.hlines(place, lower, upper, color="C0", linewidth=2)
        ax.plot(value, place, "o", color="C0")
        ax.set_yticks(place, [shortened(name.replace("_", " ")) for name in self.table["quantity"].astype(str)])
        ax.set_ylim(-0.6, rows - 0.4)
        ax.set_title(_wrapped(self.title), loc="left", fontsize="medium")
        return self


def _wrapped(text: str, width: int = 80) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, width)[:3])


def _as_intervals(table: pd.DataFrame) -> pd.DataFrame:
    """Bring a frame of a result to quantity, value, lower, upper."""
    value = next((name for name in ("value", "estimate", "mean", "effect", "change") if name in table), None)
    if value is None:
        value = next((str(name) for name in table if pd.api.types.is_numeric_dtype(table[name])), None)
    if value is None:
        raise ValueError("this result holds nothing that can be drawn; see describe().")
    if "quantity" in table:
        label = table["quantity"].astype(str)
    else:
        words = [name for name in table if name != value and not pd.api.types.is_numeric_dtype(table[name])]
        label = (
            table[words].astype(str).agg(" → ".join, axis=1)
            if words
            else pd.Series(table.index, dtype=object).astype(str)
        )
    ends = {end: table.get(end, np.nan) for end in ("lower", "upper")}
    return pd.DataFrame(
        {"quantity": label.to_numpy(), "value": table[value].to_numpy(dtype=float)}
        | {end: np.asarray(pd.Series(column, index=table.index), dtype=float) for end, column in ends.items()}
    )
