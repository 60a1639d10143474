"""Value that moved between tiers, and who fell from the top one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .. import frames
from ..checks import Faults, check_text
from ..exceptions import DataError
from ..results import Result
from ..typing import Frame
from ._columns import as_label
from ._memberships import read_memberships
from .profile import counted, is_are

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOVES = ("staying", "upgraded", "downgraded", "gone", "new")


@dataclass(frozen=True)
class ValueMovement(Result):
    """How the value of a customer base went from before to after.

    Attributes
    ----------
    table : DataFrame
        One row for each move that customers made: from, to, move (staying, upgraded, downgraded, gone or new), customers,
        value_before, value_after, change. Value before adds up to the total before, value after to the total after.
    by_move : DataFrame
        The same by move, in the order above.
    total_before, total_after : float
    segments : tuple of str
        Best first.
    gone, new : str
        What the tier of those who left, and the origin of those who came, is called.
    """

    table: pd.DataFrame
    by_move: pd.DataFrame
    total_before: float
    total_after: float
    segments: tuple[str, ...]
    gone: str = "gone"
    new: str = "new"

    def flows(self) -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray, str]:
        """Origins, targets, value from each to each (that after; before of those gone), and what is counted."""
        origins, targets = (*self.segments, self.new), (*self.segments, self.gone)
        flow = np.zeros((len(origins), len(targets)))
        for row in self.table.to_dict("records"):
            at = origins.index(row["from"]), targets.index(row["to"])
            flow[at] += row["value_before" if row["move"] == "gone" else "value_after"]
        return origins, targets, flow, "value (after; before of those gone)"

    def plot(self, ax: Axes | None = None) -> Any:
        """Draw the flows between segments.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        MigrationFlowDisplay
        """
        from .migration_displays import MigrationFlowDisplay

        return MigrationFlowDisplay.from_result(self).plot(ax=ax)

    def describe(self) -> str:
        """Say where value came from and went, in sentences."""
        change = self.total_after - self.total_before
        of_total = f" ({change / self.total_before:+.1%})" if self.total_before > 0 else ""
        lines = [
            f"Value went from {self.total_before:z,.0f} to {self.total_after:z,.0f}, by {change:+z,.0f}{of_total}."
        ]
        words = {
            "staying": "stayed in the same tier",
            "upgraded": "moved to a better tier",
            "downgraded": "moved to a worse tier",
            "gone": "are gone",
            "new": "are new",
        }
        for row in self.by_move.to_dict("records"):
            if n := row["customers"]:
                lines.append(
                    f"{counted(n, 'customer')} {words[row['move']].replace('are ', is_are(n) + ' ')}: "
                    f"{row['value_before']:z,.0f} before, {row['value_after']:z,.0f} after ({row['change']:+z,.0f})."
                )
        lines.append("These figures are a count of all customers given, so that they have no interval.")
        return "\n".join(lines)


def value_movement(
    before: Frame,
    after: Frame,
    *,
    value: str,
    customer_id: str = "customer_id",
    segment: str = "segment",
    order: Sequence[str],
    gone: str = "gone",
    new: str = "new",
) -> ValueMovement:
    """Value that stayed, moved up, moved down, left and came.

    Parameters
    ----------
    before, after : frames of any engine
        One row per customer, with segment and value.
    value : str
        Column of amounts, in one currency.
    customer_id, segment : str
    order : sequence of str
        The tiers, best first: what is up and down.
    gone, new : str
        What the tier of those who left, and the origin of those who came, is called.

    Returns
    -------
    ValueMovement

    Raises
    ------
    DataError
        As :func:`migration`, and where values are missing.

    Examples
    --------
    >>> before = pd.DataFrame({"customer_id": [1, 2, 3], "segment": ["gold", "gold", "lead"], "value": [9.0, 8.0, 1.0]})
    >>> after = pd.DataFrame({"customer_id": [1, 2, 4], "segment": ["gold", "lead", "lead"], "value": [10.0, 2.0, 3.0]})
    >>> value_movement(before, after, value="value", order=["gold", "lead"]).by_move
             move  customers  value_before  value_after  change
    0     staying          1           9.0         10.0     1.0
    1    upgraded          0           0.0          0.0     0.0
    2  downgraded          1           8.0          2.0    -6.0
    3        gone          1           1.0          0.0    -1.0
    4         new          1           0.0          3.0     3.0
    """
    _check_named(order, value)
    members = read_memberships(before, after, customer_id, segment, order, {"gone": gone, "new": new}, value)
    table = members.table
    code = {name: place for place, name in enumerate(members.segments)}
    place = [table[when].map(code).to_numpy(dtype=float) for when in ("before", "after")]
    move = np.select(
        [np.isnan(place[0]), np.isnan(place[1]), place[0] == place[1], place[1] < place[0]],
        ["new", "gone", "staying", "upgraded"],
        "downgraded",
    )
    rows = pd.DataFrame(
        {
            "from": table["before"].where(table["before"].notna(), new),
            "to": table["after"].where(table["after"].notna(), gone),
            "move": move,
            "customers": 1,
            "value_before": table["value_before"].fillna(0.0),
            "value_after": table["value_after"].fillna(0.0),
            "place_from": np.nan_to_num(place[0], nan=len(code)),
            "place_to": np.nan_to_num(place[1], nan=len(code)),
        }
    )
    keys = ["place_from", "place_to", "from", "to", "move"]
    moved = rows.groupby(keys, as_index=False, sort=True).sum().drop(columns=["place_from", "place_to"])
    moved["change"] = moved["value_after"] - moved["value_before"]
    by_move = moved.groupby("move")[["customers", "value_before", "value_after", "change"]].sum()
    by_move = by_move.reindex(list(MOVES)).fillna(0).astype({"customers": np.int64}).rename_axis("move").reset_index()
    total_before, total_after = float(rows["value_before"].sum()), float(rows["value_after"].sum())
    return ValueMovement(moved, by_move, total_before, total_after, members.segments, gone, new)


def _check_named(order: Any, value: Any) -> None:
    """Refuse what names no column, and tiers in no order: nothing would be up or down."""
    faults = Faults("the movement of value")
    faults.check(check_text, value, "value", meaning="it is the name of a column of amounts")
    if order is None:
        faults.add("order=None must list the tiers, best first")
    faults.refuse()


def fallen(
    before: Frame,
    after: Frame,
    tier: str,
    *,
    value: str,
    customer_id: str = "customer_id",
    segment: str = "segment",
    order: Sequence[str],
    gone: str = "gone",
) -> Any:
    """List who fell from a tier, or left it for good, those with the greatest loss first.

    The list is for those who call these customers: it holds identifiers, and belongs in no run or report.

    Parameters
    ----------
    before, after : frames of any engine
        One row per customer, with segment and value.
    tier : str
        The tier they were in, such as the top one.
    value : str
    customer_id, segment : str
    order : sequence of str
        The tiers, best first.
    gone : str
        What the tier of those who left is called.

    Returns
    -------
    frame in the engine of ``before``
        customer id, from, to, value_before, value_after (0 of those gone), lost (before less after), sorted by lost.

    Raises
    ------
    DataError
        As :func:`value_movement`, and where no tier is called so.
    """
    _check_named(order, value)
    members = read_memberships(before, after, customer_id, segment, order, {"gone": gone}, value)
    tier = as_label(tier).strip()
    if tier not in members.segments:
        raise DataError([f"no tier is called {tier!r}; there are {', '.join(map(repr, members.segments))}"], "tier")
    place = members.table["after"].map({name: at for at, name in enumerate(members.segments)}).to_numpy(dtype=float)
    rows = members.table[(members.table["before"] == tier) & ~(place <= members.segments.index(tier))]
    columns = {
        customer_id: rows["customer"].to_numpy(),
        "from": rows["before"].to_numpy(dtype=object),
        "to": rows["after"].where(rows["after"].notna(), gone).to_numpy(dtype=object),
        "value_before": rows["value_before"].to_numpy(),
        "value_after": rows["value_after"].fillna(0.0).to_numpy(),
    }
    columns["lost"] = columns["value_before"] - columns["value_after"]
    order_of_loss = np.argsort(-columns["lost"], kind="stable")
    return frames.from_columns({name: column[order_of_loss] for name, column in columns.items()}, before)
