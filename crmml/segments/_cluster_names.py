"""Names of clusters by what sets them apart, and kept figures when names change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ._fitted_part import FittedPart
from ._stability import APART, STABLE

#: Standard deviations from the mean of all, or points of share for categories, from which on a column sets a cluster apart.
APART_NUMBER, APART_SHARE = 0.5, 0.25
#: Columns in a name.
NAMED = 2


def contrast(part: FittedPart, j: int) -> str:
    """What sets a cluster apart from all customers, at most two columns: "high spend, city Paris".

    Where another cluster is set apart by the same, a third says what is between the two.
    """
    named = _apart(part, j)
    if twins := [i for i in range(len(part.centers)) if i != j and set(_apart(part, i)) == set(named)]:
        between = _differences(part, part.centers[j], part.centers[twins].mean(axis=0))
        named += [text for _, text in between if text not in named][:1]
    return ", ".join(named) or "typical"


def _apart(part: FittedPart, j: int) -> list[str]:
    found = _differences(part, part.centers[j], part.overall, APART_NUMBER, APART_SHARE)
    return [text for _, text in found[:NAMED]]


def _differences(
    part: FittedPart, centre: np.ndarray, reference: np.ndarray, number: float = 1e-6, share: float = 1e-6
) -> list[tuple[float, str]]:
    """Columns in which a centre differs from a reference by so much, the largest difference first."""
    scale, found = part.scale, []
    for name, at in scale.groups:
        difference = centre[at] - reference[at]
        if name in scale.numbers:
            if abs(difference[0]) >= number:
                found.append((float(abs(difference[0])), f"{'high' if difference[0] > 0 else 'low'} {name}"))
            continue
        category = scale.categories[name]
        if category.size and (top := int(difference.argmax())) >= 0 and difference[top] >= share * category.size:
            found.append((float(difference[top]), f"{name} {category.values[top]}"))
    return sorted(found, key=lambda item: -round(item[0], 6))


def short_name(part: FittedPart, j: int, number: int) -> str:
    """A cluster's name: its number in the order, and what sets it apart."""
    return "all customers" if part.k == 1 and number == 1 else f"segment {number} ({contrast(part, j)})"


def type_text(by: str | None, label: str) -> str:
    """How a sentence about a customer type begins."""
    return "" if by is None else f"{by} {label}: "


def renamed_sums(
    sums: Mapping[str, np.ndarray],
    before: Sequence[np.ndarray],
    after: Sequence[np.ndarray],
    n_before: int,
    n_after: int,
) -> dict[str, np.ndarray]:
    """Figures by type and segment, moved from the clusters' old places to their new ones; nobody elsewhere."""
    renamed = {}
    for name, figures in sums.items():
        if figures.dtype.kind == "O":
            empty: Any = None
        else:
            empty = 0.0 if name in ("customers", "value_sum", "value_square") else np.nan
        moved = np.full((len(before), n_after), empty, dtype=figures.dtype)
        table = figures.reshape(len(before), n_before)
        for row, (old, new) in enumerate(zip(before, after, strict=True)):
            moved[row, new] = table[row, old]
        renamed[name] = moved.ravel()
    return renamed


def why_not(figures: Mapping[str, np.ndarray]) -> str:
    """Which condition failed, of the k that came nearest."""
    k, agreement, between, limit = (figures[name] for name in ("k", "agreement", "between", "limit"))
    looked = np.flatnonzero(~np.isnan(between))
    at = int(looked[agreement[looked].argmax()]) if looked.size else int(agreement.argmax())
    at_best = f"the weakest of {k[at]} clusters comes back with an agreement of {agreement[at]:.2f}"
    if agreement[at] < STABLE:
        return f"{at_best}, where {STABLE:.2f} is asked for"
    if between[at] > APART:
        return (
            f"{at_best}, but between the two nearest lie {between[at]:.0%} as many customers as at the emptier one, where at most "
            f"{APART:.0%} are asked for"
        )
    return f"{at_best}, and in data without clusters with up to {limit[at]:.2f}"


def choice_text(part: FittedPart, stable: bool) -> str:
    """How many segments a type has, why, and how sure that is."""
    figures, k = part.figures, part.k
    sampled = "" if part.n_sampled == part.n else f" (looked at in a random sample of {part.n_sampled:,} of {part.n:,})"
    if not len(figures["k"]):
        return f"{k} {'segment' if k == 1 else 'segments'}, whose stability was not looked at."
    if k == 1:
        return f"One segment: {why_not(figures)}{sampled}."
    at = int(np.flatnonzero(figures["k"] == k)[0]) if k in figures["k"] else 0
    said = f"{k} segments, {'the most that are stable' if stable else 'as asked for'}{sampled}: the weakest comes back in other "
    said += (
        f"customers with an agreement of {figures['agreement'][at]:.2f} (standard error {figures['std_error'][at]:.2f})"
    )
    if np.isfinite(figures["reference"][at]):
        said += f", against {figures['reference'][at]:.2f} in data without clusters"
    return said + "."
