"""Plots of a return: the waterfall from costs to net gain, the tornado of what matters, cumulative cash flow with payback."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..exceptions import shortened
from ..results import DisplayMixin

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COST, _DIRECT, _INDIRECT, _NET = "#b5532a", "#1f5a8a", "#6fa3c8", "#3f3f3f"


@dataclass
class ROIWaterfallDisplay(DisplayMixin):
    """From costs by kind through benefits by kind to what is left.

    Attributes
    ----------
    table : DataFrame
        step, group ("cost", "direct", "indirect"), amount (costs negative).
    currency : str
    title : str
    """

    table: pd.DataFrame
    currency: str
    title: str

    @classmethod
    def from_result(cls, result: Any) -> ROIWaterfallDisplay:
        """Take the expected, undiscounted amounts of a return within its window.

        Parameters
        ----------
        result : ReturnOnInvestment
        """
        title = f"Return on investment {100 * result.roi:,.0f} %"
        if result.roi_interval is not None:
            lower, upper = result.roi_interval
            title += f" ({100 * lower:,.0f} to {100 * upper:,.0f} %, {result.coverage:.0%} interval)"
        return cls(result.by_kind(), result.currency, title)

    def plot(self, ax: Axes | None = None) -> ROIWaterfallDisplay:
        """Draw the steps from left to right; the last bar is the net gain."""
        ax = self._axes(ax, (max(7.0, 1.1 * (len(self.table) + 1)), 4.8))
        amounts = self.table["amount"].to_numpy()
        ends = np.cumsum(amounts)
        starts = ends - amounts
        net = float(ends[-1])
        divisor, word = _scale(np.append(ends, amounts))
        colors = self.table["group"].map({"cost": _COST, "direct": _DIRECT, "indirect": _INDIRECT})
        at = np.arange(len(amounts) + 1)
        ax.bar(at[:-1], amounts / divisor, bottom=starts / divisor, color=list(colors), width=0.7)
        ax.bar(at[-1], net / divisor, color=_NET, width=0.7)
        for k, end in enumerate(ends):
            ax.plot([k - 0.35, k + 1.35], [end / divisor] * 2, color="grey", linewidth=0.8)
        room = 0.015 * (max(ends.max(), starts.max(), 0) - min(ends.min(), starts.min(), 0)) / divisor
        for k, (lower, amount) in enumerate(zip([*starts, 0.0], [*amounts, net], strict=True)):
            top = max(lower, lower + amount) / divisor
            ax.text(k, top + room, _signed(amount / divisor), ha="center", va="bottom", fontsize=9)
        ax.axhline(0, color="black", linewidth=0.8)
        ax.set_xticks(at, [*self._steps(), "net gain"], rotation=30, ha="right")
        ax.set(ylabel=f"{self.currency}{word}", title=self.title)
        lowest, highest = min(0.0, ends.min(), starts.min()) / divisor, max(0.0, ends.max(), starts.max()) / divisor
        ax.set_ylim(lowest - 0.05 * (highest - lowest), highest + 0.1 * (highest - lowest))
        names = {
            "cost": (_COST, "Cost"),
            "direct": (_DIRECT, "Direct benefit"),
            "indirect": (_INDIRECT, "Indirect benefit"),
        }
        from matplotlib.patches import Patch

        shown = [names[group] for group in dict.fromkeys(self.table["group"])]
        ax.legend(handles=[Patch(color=c, label=label) for c, label in shown], frameon=False, loc="best")
        return self

    def _steps(self) -> list[str]:
        """The names of the steps, with the group where one kind is both a direct and an indirect benefit."""
        twice = self.table["step"].duplicated(keep=False)
        return [
            f"{step}, {group}" if double else step
            for step, group, double in zip(self.table["step"], self.table["group"], twice, strict=True)
        ]


@dataclass
class TornadoDisplay(DisplayMixin):
    """Bars of how far each unknown moves a figure, widest on top.

    Attributes
    ----------
    tornado : Tornado
    """

    tornado: Any

    @classmethod
    def from_result(cls, result: Any, of: str = "roi", *, coverage: float = 0.9) -> TornadoDisplay:
        """Take a tornado, or compute that of a return.

        Parameters
        ----------
        result : Tornado or ReturnOnInvestment
        of : {"roi", "npv", "gain", "cost"}, default="roi"
        coverage : float, default=0.9
            As in `ReturnOnInvestment.tornado`; a tornado has its own.
        """
        return cls(result.tornado(of, coverage=coverage) if hasattr(result, "tornado") else result)

    def plot(self, ax: Axes | None = None, *, most: int = 12) -> TornadoDisplay:
        """Draw at most ``most`` bars; each end says the value of the unknown there."""
        table = self.tornado.table.head(most).iloc[::-1].reset_index(drop=True)
        ax = self._axes(ax, (8.5, 1.6 + 0.45 * len(table)))
        percent = self.tornado.of == "roi"
        divisor, word = (0.01, "") if percent else _scale(table[["at_lower", "at_upper"]].to_numpy())
        base = self.tornado.base / divisor
        lower, upper = table["at_lower"] / divisor, table["at_upper"] / divisor
        at = np.arange(len(table))
        ax.barh(at, lower - base, left=base, color=_INDIRECT, height=0.6, label="Low value of the unknown")
        ax.barh(at, upper - base, left=base, color=_DIRECT, height=0.6, label="High value of the unknown")
        ax.axvline(base, color="black", linewidth=1)
        values = table[["lower", "upper"]].to_numpy(dtype=float)
        for k, (least, greatest) in enumerate(values.tolist()):
            for value, end, other in ((least, lower[k], upper[k]), (greatest, upper[k], lower[k])):
                left = end < other or (end == other and value == least)
                ax.annotate(
                    _number(value),
                    (end, k),
                    xytext=(-3 if left else 3, 0),
                    textcoords="offset points",
                    ha="right" if left else "left",
                    va="center",
                    fontsize=8,
                )
        ax.set_yticks(at, [textwrap.fill(shortened(name, 80), 40) for name in table["input"]])
        label = {"roi": "Return on investment, %", "npv": f"Net present value, {self.tornado.currency}{word}"}
        ax.set(
            xlabel=label.get(self.tornado.of, f"{self.tornado.of.capitalize()}, {self.tornado.currency}{word}"),
        )
        ax.set_title(f"What matters: {self.tornado.coverage:.0%} range of each unknown", pad=22)
        ax.margins(x=0.18)
        ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=8)
        return self


@dataclass
class CashFlowDisplay(DisplayMixin):
    """Cumulative cost, gain and net over time, with the interval of the net and the day of payback.

    Attributes
    ----------
    table : DataFrame
        date, cost, gain, net and, where uncertainty was stated, net_lower and net_upper; from the start of the window to its end.
    payback : Timestamp or None
    currency : str
    coverage : float
    discounted : bool
    """

    table: pd.DataFrame
    payback: Any
    currency: str
    coverage: float
    discounted: bool

    @classmethod
    def from_result(cls, result: Any, *, discounted: bool = False) -> CashFlowDisplay:
        """Take the cash flow of a return, discounted to its start or not.

        Parameters
        ----------
        result : ReturnOnInvestment
        discounted : bool, default=False
        """
        payback = result.discounted_payback if discounted else result.payback
        flow = result.cash_flow(discounted=discounted)
        before = pd.DataFrame([{name: result.start if name == "date" else 0.0 for name in flow}])
        last = flow.tail(1).assign(date=result.end)
        table = pd.concat([before, flow, last], ignore_index=True)
        return cls(table, payback.date, result.currency, result.coverage, discounted)

    def plot(self, ax: Axes | None = None) -> CashFlowDisplay:
        """Draw steps: money moves on the days of the ledgers."""
        ax = self._axes(ax, (8.0, 4.5))
        divisor, word = _scale(self.table[["cost", "gain", "net"]].to_numpy())
        dates = self.table["date"]
        if "net_lower" in self.table:
            ax.fill_between(
                dates,
                self.table["net_lower"] / divisor,
                self.table["net_upper"] / divisor,
                step="post",
                color=_NET,
                alpha=0.15,
                linewidth=0,
                label=f"Net, {self.coverage:.0%} interval",
            )
        ax.step(dates, -self.table["cost"] / divisor, where="post", color=_COST, label="Cost")
        ax.step(dates, self.table["gain"] / divisor, where="post", color=_DIRECT, label="Gain")
        ax.step(dates, self.table["net"] / divisor, where="post", color=_NET, linewidth=2, label="Net")
        ax.axhline(0, color="black", linewidth=0.8)
        if self.payback is not None:
            ax.axvline(self.payback, color="grey", linestyle="--", linewidth=1)
            ax.annotate(
                f"payback {self.payback:%Y-%m-%d}",
                (self.payback, ax.get_ylim()[1]),
                xytext=(4, -12),
                textcoords="offset points",
                fontsize=9,
            )
        kind = "Cumulative, discounted" if self.discounted else "Cumulative"
        ax.set(xlabel="Date", ylabel=f"{kind}, {self.currency}{word}")
        ax.tick_params(axis="x", rotation=30)
        ax.legend(frameon=False, loc="best")
        return self


@dataclass
class LedgerDisplay(DisplayMixin):
    """Expected totals of a ledger by kind, largest on top.

    Attributes
    ----------
    table : DataFrame
        kind, currency, amount.
    title : str
    """

    table: pd.DataFrame
    title: str

    @classmethod
    def from_result(cls, result: Any) -> LedgerDisplay:
        """Take the totals of what is priced in a ledger.

        Parameters
        ----------
        result : CostLedger or BenefitLedger
        """
        return cls(result.by_kind(), result.describe().splitlines()[0])

    def plot(self, ax: Axes | None = None) -> LedgerDisplay:
        """Draw a bar for each kind and currency."""
        rows = self.table.iloc[::-1]
        ax = self._axes(ax, (7.5, 1.4 + 0.45 * max(1, len(rows))))
        mixed = len(set(rows["currency"])) > 1
        labels = [
            f"{kind}, {code}" if mixed else kind for kind, code in zip(rows["kind"], rows["currency"], strict=True)
        ]
        at = np.arange(len(rows))
        ax.barh(at, rows["amount"], color=_DIRECT, height=0.6)
        for k, amount in enumerate(rows["amount"]):
            ax.annotate(f"{amount:,.0f}", (amount, k), (3, 0), textcoords="offset points", va="center", fontsize=8)
        ax.set_yticks(at, labels)
        ax.margins(x=0.15)
        ax.set(xlabel="Expected total" if mixed or rows.empty else f"Expected total, {rows['currency'].iloc[0]}")
        ax.set_title(textwrap.fill(self.title, 70), fontsize="medium")
        return self


def _scale(values: Any) -> tuple[float, str]:
    top = float(np.nanmax(np.abs(np.asarray(values, dtype=float))))
    if top >= 2e6:
        return 1e6, " million"
    return (1e3, " thousand") if top >= 2e4 else (1.0, "")


def _number(value: float) -> str:
    if abs(value) >= 1e6:
        return f"{_number(value / 1e6)} million"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.3g}"


def _signed(value: float) -> str:
    return f"{value:+,.0f}" if abs(value) >= 1000 else f"{value:+,.3g}"
