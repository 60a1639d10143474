"""Plain sentences about chains and generators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..ruler import UNIT_WORDS

if TYPE_CHECKING:
    from .chain import StageChain


def describe_chain(chain: StageChain) -> str:
    """Return how long relationships last in each stage, where they break, and the best lever."""
    space = chain.stages
    unit = "periods" if chain.period is None else UNIT_WORDS[chain.period]
    lines = [f"A relationship moves between {len(space)} stages: {', '.join(space.names)}."]
    sojourn = chain.sojourn_time()
    stays = [f"{name} {_number(time)}" for name, time in zip(space.names, sojourn, strict=True)]
    lines.append(f"A stay lasts on average, in {unit}: {', '.join(stays)}.")
    if space.rupture_mask.any():
        inside = np.flatnonzero(space.transient_mask)
        within, time = chain.rupture_probability(12), chain.hitting_time()
        broken = ", ".join(f"{space.names[i]} {100 * within[i]:.1f} %" for i in inside)
        lines.append(f"The probability that it has broken within 12 {unit}: {broken}.")
        if chain.has_draws:
            ends = chain.interval("rupture_probability", 12)
            width = ", ".join(f"{space.names[i]} {100 * ends[i, 0]:.1f} to {100 * ends[i, 1]:.1f} %" for i in inside)
            lines.append(f"With 90 % intervals: {width}.")
        lasts = ", ".join(f"{space.names[i]} {_number(time[i])}" for i in inside)
        lines.append(f"Expected {unit} until rupture: {lasts}.")
        if (chain.matrix[inside][:, space.rupture_mask] > 0).any():
            lines.append(chain.best_lever(12).describe())
    return "\n".join(lines)


def _number(value: float) -> str:
    return "without end" if np.isinf(value) else f"{value:.1f}"
