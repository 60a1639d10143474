"""What matters: the swing of a figure when each unknown moves alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from ..amounts.uncertain_amounts import Uncertain
from ..checks import check_coverage
from ..exceptions import shown
from ..results import Result
from .roi_displays import TornadoDisplay

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class Tornado(Result):
    """How far each unknown moves a figure, the others at their medians.

    Attributes
    ----------
    table : DataFrame
        input, lower, upper (of the unknown), at_lower, at_upper (of the figure), swing (at_upper - at_lower); widest first.
    base : float
        The figure with every unknown at its median.
    of : str
        "roi", "npv", "gain" or "cost".
    currency : str
    coverage : float
        Of the range that each unknown is moved over.
    """

    table: pd.DataFrame
    base: float
    of: str
    currency: str
    coverage: float

    def plot(self, ax: Axes | None = None) -> TornadoDisplay:
        """Draw the bars, widest on top.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        TornadoDisplay
        """
        return TornadoDisplay.from_result(self).plot(ax=ax)

    def describe(self) -> str:
        """Say what matters most in plain sentences."""
        first, name = self.table.iloc[0], _names(self.of)
        lower, upper = (f"{end:,.0f}" if abs(end) >= 1000 else f"{end:,.3g}" for end in first[["lower", "upper"]])
        ranked = ", ".join(self.table["input"].iloc[1:4])
        then = f" Then come {ranked}." if ranked else ""
        return (
            f"With every unknown at its median the {name} is {self._said(self.base)}. What matters most is {shown(first['input'])}: "
            f"between {lower} and {upper} ({self.coverage:.0%} of its distribution) the {name} goes from "
            f"{self._said(first['at_lower'])} to {self._said(first['at_upper'])}.{then}"
        )

    def _said(self, value: float) -> str:
        return f"{100 * value:,.0f} %" if self.of == "roi" else f"{self.currency} {value:,.0f}"


def swing(
    evaluate: Callable[[Mapping[str, float]], float],
    inputs: Mapping[str, Uncertain],
    *,
    of: str,
    currency: str,
    coverage: float = 0.9,
) -> Tornado:
    """Move each unknown from its low to its high quantile with the others at their medians.

    Parameters
    ----------
    evaluate : callable
        The figure for a value of each unknown.
    inputs : mapping of str to Uncertain
    of, currency : str
        What the figure is.
    coverage : float, default=0.9

    Raises
    ------
    ValueError
        When there is no unknown.
    """
    if not inputs:
        raise ValueError("There is no unknown to move: state an uncertainty, as in Uncertain.triangular(80, 100, 150).")
    check_coverage(coverage)
    middle = {name: float(unknown.quantile(0.5)) for name, unknown in inputs.items()}
    records = []
    for name, unknown in inputs.items():
        ends = [float(unknown.quantile(q)) for q in ((1 - coverage) / 2, (1 + coverage) / 2)]
        at = [evaluate({**middle, name: end}) for end in ends]
        records.append((name, *ends, *at, at[1] - at[0]))
    table = pd.DataFrame(records, columns=["input", "lower", "upper", "at_lower", "at_upper", "swing"])
    order = table["swing"].abs().sort_values(ascending=False, kind="stable").index
    return Tornado(table.loc[order].reset_index(drop=True), evaluate(middle), of, currency, float(coverage))


def _names(of: str) -> str:
    return {"roi": "return on investment", "npv": "net present value"}.get(of, of)
