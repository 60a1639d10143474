"""A model whose summary was made on a clock: horizons of the calendar become the clock's, with the shock that all share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from .. import frames
from ..exceptions import DataError
from ..frames.ruler import Ruler
from ..transactions.clock import Clock

#: Levels that the shock of one horizon is laid out in, each of equal probability.
LEVELS = 20
#: Draws of the clock that the levels are taken from.
CLOCK_DRAWS = 4000
#: Longest step of a discounted sum on a clock, in days, and the most steps.
STEP, MOST_STEPS = 28.0, 240


@dataclass(frozen=True)
class Ahead:
    """A horizon in plain time from the end of a summary, and what it is on the model's clock.

    Attributes
    ----------
    horizon : float
        Plain time, in the unit; may be infinite.
    clock : Clock or None
    end : str
        The last instant of the summary, where there is a clock.
    unit : str
    """

    horizon: float
    clock: Clock | None = None
    end: str = ""
    unit: str = "D"

    @property
    def is_certain(self) -> bool:
        """Whether the horizon is known on the clock."""
        return self.clock is None or self.clock.is_certain

    @property
    def time(self) -> float:
        """The horizon on the clock, as it is expected."""
        if self.clock is None or np.isinf(self.horizon):
            return self.horizon
        return self.clock.elapsed(self.end, self.horizon, self.unit)

    def edges(self, delta: float) -> tuple[np.ndarray, np.ndarray]:
        """Edges of steps of plain time for a discounted sum, and the same on the clock."""
        days = 1.0 if self.unit == "D" else frames.ruler.convert(1.0, self.unit, "D")
        longest = min(self.horizon, 30.0 / delta) if delta else self.horizon
        n = int(np.clip(np.ceil(longest * days / STEP), 1, MOST_STEPS))
        plain = np.linspace(0.0, longest, n + 1)
        assert self.clock is not None
        return plain, self.clock.spans(self.end, plain, self.unit)

    def plain(self, time: np.ndarray) -> np.ndarray:
        """Plain time from the end in which the clock moves by ``time``."""
        if self.clock is None:
            return time
        return self.clock.lengths(self.end, time, self.unit)

    def discounted(self, expectation: Callable[[float], np.ndarray], delta: float, share: float = 1.0) -> np.ndarray:
        """Sum of what an expectation, cumulated on the clock, grows by in each step, discounted from the step's middle."""
        if self.horizon == 0:
            return expectation(0.0)
        plain, time = self.edges(delta)
        total, before = 0.0, expectation(0.0)
        for k in range(1, plain.size):
            reached = expectation(float(time[k] * share))
            total = total + np.exp(-delta * (plain[k - 1] + plain[k]) / 2) * (reached - before)
            before = reached
        return np.asarray(total)

    def levels(self, n: int = LEVELS) -> np.ndarray:
        """Values of the horizon on the clock that stand for equal shares of its distribution, ascending, shape (n,)."""
        if self.is_certain:
            return np.full(n, self.time)
        assert self.clock is not None
        drawn = self.clock.draws(self.end, self.horizon, self.unit, n_draws=CLOCK_DRAWS, random_state=0)
        return np.sort(drawn).reshape(n, -1).mean(axis=1)

    def shares(self, n_draws: int) -> np.ndarray:
        """A factor of the expected horizon for each draw, shape (n_draws,): the common shock, in an order of its own."""
        if self.is_certain or not self.time:
            return np.ones(n_draws)
        level = self.levels()
        order = np.random.default_rng(1).permutation(n_draws)
        return level[(order * LEVELS) // n_draws] / self.time


class OperationalTimeMixin:
    """Reads the clock and the end of a summary, and turns horizons of plain time into those of the clock."""

    ruler_: Ruler
    #: Whether the model can be fitted on a summary made on a clock.
    _takes_clock: ClassVar[bool] = True

    def _remember_ruler(self, X: Any, *, reset: bool) -> Ruler:
        ruler = super()._remember_ruler(X, reset=reset)  # type: ignore[misc]
        if ruler.clock and not self._takes_clock:
            fault = f"{type(self).__name__} takes no summary made on a clock; make it without one"
            raise DataError([fault], "the summary")
        return ruler

    @property
    def clock_(self) -> Clock | None:
        """The clock that the model was fitted on; None where time is plain."""
        text = self.ruler_.clock if hasattr(self, "ruler_") else None
        return None if text is None else Clock.from_text(text)

    def _ahead(self, X: Any, horizon: float) -> Ahead:
        """A horizon from the end of X."""
        clock = self.clock_
        if clock is None:
            return Ahead(horizon)
        end = (frames.get_ruler(X).observation_end if frames.is_frame(X) else None) or self.ruler_.observation_end
        if end is None:
            raise DataError(
                ["its observation_end is not known, from which the clock counts a horizon; make it with summarize"],
                "the summary",
            )
        return Ahead(horizon, clock, end, str(self.ruler_.unit))

    def _words_of_time(self) -> str:
        """Sentences for ``describe()`` on the clock and on customers of old, where there are any."""
        words = ""
        if self.clock_ is not None:
            learnt = "known" if self.clock_.is_certain else "learnt"
            words += f" Times are on a {learnt} clock, on which a day counts by how much is bought on it; horizons are plain time."
        if self.ruler_.entry_period if hasattr(self, "ruler_") else None:
            words += (
                f" Customers first seen in the log's first {self.ruler_.entry_period} days, which look unlike later ones, are taken "
                "as acquired before it and have parameters of their own."
            )
        return words
