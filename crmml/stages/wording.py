"""Plain sentences about chains and generators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..ruler import UNIT_WORDS

if TYPE_CHECKING:
    from ._process import StageProcess
    from .chain import StageChain
    from .generator import StageGenerator


def describe_chain(chain: StageChain) -> str:
    """Return how long relationships last in each stage, where they break, and the best lever."""
    return _describe(chain, "periods" if chain.period is None else UNIT_WORDS[chain.period])


def describe_generator(generator: StageGenerator) -> str:
    """Return how long relationships last in each stage, where they break, and the best lever, in continuous time."""
    return _describe(generator, "units of time" if generator.unit is None else UNIT_WORDS[generator.unit])


def _describe(process: StageProcess, unit: str) -> str:
    within = 3 if unit == UNIT_WORDS["Y"] else 12
    space = process.stages
    lines = [f"A relationship moves between {len(space)} stages: {', '.join(space.names)}."]
    sojourn = process.sojourn_time()
    stays = [f"{name} {_number(time)}" for name, time in zip(space.names, sojourn, strict=True)]
    lines.append(f"A stay lasts on average, in {unit}: {', '.join(stays)}.")
    if space.rupture_mask.any():
        inside = np.flatnonzero(space.transient_mask)
        chance, time = process.rupture_probability(within), process.hitting_time()
        broken = ", ".join(f"{space.names[i]} {100 * chance[i]:.1f} %" for i in inside)
        lines.append(f"The probability that it has broken within {within} {unit}: {broken}.")
        if process.has_draws:
            ends = process.interval("rupture_probability", within)
            width = ", ".join(f"{space.names[i]} {100 * ends[i, 0]:.1f} to {100 * ends[i, 1]:.1f} %" for i in inside)
            lines.append(f"With 90 % intervals: {width}.")
        lasts = ", ".join(f"{space.names[i]} {_number(time[i])}" for i in inside)
        lines.append(f"Expected {unit} until rupture: {lasts}.")
        if (process.matrix[inside][:, space.rupture_mask] > 0).any():
            lines.append(process.best_lever(within).describe())
    return "\n".join(lines)


def _number(value: float) -> str:
    return "without end" if np.isinf(value) else f"{value:.1f}"
