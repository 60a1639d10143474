r"""How customers move between segments, as a Markov chain of stages.

With :math:`n_{ij}` customers who were in segment i before and in j after, those not there any more having gone,
:math:`\hat p_{ij} = n_{ij}/n_{i\cdot}`, and the posterior of row i is Dirichlet with :math:`n_{ij} + 1/K` on each of the K moves
that can happen (Perks' prior, the weight of one customer in all) [1]_.

References
----------
.. [1] Anderson, T. W. and Goodman, L. A. (1957), Statistical inference about Markov chains. Annals of Mathematical
   Statistics 28(1), 89-110.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ..checks import check_unit
from ..exceptions import shortened, warn
from ..results import Result
from ..stages import MarkovStageModel, StageChain, StageSpace
from ..typing import FrameLike
from ._memberships import Memberships, read_memberships
from .base import SegmentWarning
from .profile import counted, is_are

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class SegmentMigration(StageChain, Result):
    """The chain of :func:`migration`, which also knows who came.

    Attributes
    ----------
    n_before, n_after, n_stayed, n_gone, n_new : int
        Customers before, after, in both, before only and after only.
    new_segments : tuple of (str, int)
        The segments that those who came are in.
    new : str
        What they are called.
    """

    n_before: int
    n_after: int
    n_stayed: int
    n_gone: int
    n_new: int
    new_segments: tuple[tuple[str, int], ...]
    new: str

    def flows(self) -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray, str]:
        """Origins, targets, customers from each to each, and what is counted; those who came are the last origin."""
        n = len(self) - 1
        flow = np.zeros((n + 1, n + 1))
        flow[:n] = np.asarray(self.counts)[:n]
        flow[n, :n] = [count for _, count in self.new_segments]
        names = self.stages.names
        return (*names[:n], self.new), tuple(names), flow, "customers"

    def to_frame(self) -> pd.DataFrame:
        """Return the moves, one in a row: from, to, customers, and share of those who were in the segment before (NaN for new)."""
        origins, targets, flow, _ = self.flows()
        at = np.nonzero(flow)
        share = flow / np.where((whole := flow.sum(axis=1, keepdims=True)) > 0, whole, 1)
        share[-1] = np.nan
        columns = {"from": np.asarray(origins, object)[at[0]], "to": np.asarray(targets, object)[at[1]]}
        return pd.DataFrame(columns | {"customers": flow[at].astype(np.int64), "share": share[at]})

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
        """Say in plain sentences who moved, left and came, and what follows for the relationship."""
        moved = self.n_stayed - int(np.trace(self.counts[: len(self) - 1, : len(self) - 1]))  # type: ignore[index]
        came = ", ".join(f"{shortened(name)} {n:,}" for name, n in self.new_segments if n)
        first = (
            f"Of {counted(self.n_before, 'customer')} before, {self.n_stayed - moved:,} stayed in the same segment, {moved:,} moved "
            f"to another and {self.n_gone:,} {is_are(self.n_gone, 'has', 'have')} gone. "
            f"{self.n_new:,} {is_are(self.n_new)} {self.new}"
            + (f" ({came}), and {is_are(self.n_new)} in no move." if came else ".")
        )
        return f"{first}\n{super().describe()}"


def migration(
    before: FrameLike | pd.Series,
    after: FrameLike | pd.Series,
    *,
    customer_id: str = "customer_id",
    segment: str = "segment",
    order: Sequence[str] | None = None,
    gone: str = "gone",
    new: str = "new",
    period: str | None = None,
) -> SegmentMigration:
    """Moves of customers between segments from one time to another, as a chain on which every stage analysis works.

    Parameters
    ----------
    before, after : frames of any engine, pandas Series by customer, or two aligned arrays
        A customer's segment at each time, one row per customer; in arrays the same customer has the same place, and None means not
        there. Segments are compared as text.
    customer_id, segment : str
        Columns.
    order : sequence of str, default=None
        The segments, best first, also those that nobody is in; None sorts those there are.
    gone : str, default="gone"
        The stage of customers of ``before`` who are not in ``after``: a rupture that absorbs, since nothing is known of returns.
    new : str, default="new"
        What customers of ``after`` who are not in ``before`` are called. They came from nowhere and are in no move; they are counted.
    period : {"h", "D", "W", "M", "Y"}, default=None
        Time between before and after, where it is one of these; an annual discount rate needs it.

    Returns
    -------
    SegmentMigration
        A :class:`crmml.stages.StageChain` with counts, and a Dirichlet posterior for its intervals. Its stages are the segments and
        ``gone``. A segment in which nobody was before is taken as never left, without a posterior, and a warning names it.

    Raises
    ------
    DataError
        Naming every fault: a customer twice, missing segments, segments that ``order`` does not name, no customer in common.

    Warns
    -----
    SegmentWarning
        Of segments in which nobody was before.

    Examples
    --------
    >>> import pandas as pd
    >>> before = pd.Series({1: "gold", 2: "gold", 3: "lead", 4: "lead"})
    >>> after = pd.Series({1: "gold", 2: "lead", 3: "lead", 5: "gold"})
    >>> chain = migration(before, after, order=["gold", "lead"], period="Y")
    >>> chain.P
    array([[0.5, 0.5, 0. ],
           [0. , 0.5, 0.5],
           [0. , 0. , 1. ]])
    >>> chain.hitting_time(), chain.n_new
    (array([4., 2., 0.]), 1)
    """
    if period is not None:
        check_unit(period, "period")
    members = read_memberships(before, after, customer_id, segment, order, {"gone": gone, "new": new})
    counts = moves(members)
    n = len(members.segments)
    space = StageSpace((*members.segments, gone), rupture=gone, absorbing=(gone,))
    empty = [name for name, row in zip(members.segments, counts, strict=True) if not row.sum()]
    if empty:
        warn(
            f"Nobody was in {', '.join(empty)} before, so that where it leads is unknown: it is taken as never left. Leave it out, "
            "or take a before with customers in it.",
            SegmentWarning,
        )
    origin, target = np.nonzero(counts)
    panel = np.column_stack([origin, target]).astype(float)
    model = MarkovStageModel(space, period=period, unvisited="stay").fit(panel, sample_weight=counts[origin, target])
    there = members.table["before"].notna(), members.table["after"].notna()
    came = members.table.loc[~there[0] & there[1], "after"].value_counts()
    fitted = model.chain_
    chain = SegmentMigration(fitted.P, space, period, counts=fitted.counts, concentration=fitted._concentration)
    chain.__dict__.update(
        n_before=int(there[0].sum()),
        n_after=int(there[1].sum()),
        n_stayed=int((there[0] & there[1]).sum()),
        n_gone=int(counts[:, n].sum()),
        n_new=int(came.sum()),
        new_segments=tuple((name, int(came.get(name, 0))) for name in members.segments),
        new=new,
    )
    return chain


def moves(members: Memberships) -> np.ndarray:
    """Customers by segment before and (in the last column: gone) after, of shape (n_segments, n_segments + 1)."""
    n = len(members.segments)
    from_, to = (pd.Index(members.segments).get_indexer(pd.Index(members.table[when])) for when in ("before", "after"))
    known = from_ >= 0
    to = np.where(to < 0, n, to)
    return np.bincount(from_[known] * (n + 1) + to[known], minlength=n * (n + 1)).reshape(n, n + 1).astype(float)
