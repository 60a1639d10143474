"""Columns of a table that state the distribution of an amount."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from .uncertain_amounts import Uncertain

#: Columns that state a distribution of the amount.
SPREAD = ("distribution", "low", "high", "sd", "coverage")

#: What each distribution is stated by.
_STATED = {
    "triangular": ("low", "amount", "high"),
    "uniform": ("low", "high"),
    "lognormal": ("low", "high", "coverage"),
    "normal": ("amount", "sd"),
}


def with_distribution(fields: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Turn the columns that state a distribution into an uncertain amount."""
    spread = {name: value for name in SPREAD if not _blank(value := fields.pop(name, None))}
    if not spread:
        return fields, []
    amount = fields.get("amount")
    kind = str(spread.get("distribution", "")).strip().lower()
    if kind not in _STATED:
        return fields, [
            f"distribution {kind!r} must be triangular, uniform, lognormal or normal where a spread is given"
        ]
    given = [name for name in ("amount", *SPREAD[1:]) if name in spread or (name == "amount" and not _blank(amount))]
    if over := [name for name in given if name not in _STATED[kind]]:
        fields["amount"] = None
        return fields, [
            f"a {kind} amount is stated by {', '.join(_STATED[kind])}; {' and '.join(over)} would not count, leave it empty"
        ]
    try:
        if kind == "triangular":
            fields["amount"] = Uncertain.triangular(spread.get("low"), amount, spread.get("high"))  # type: ignore[arg-type]
        elif kind == "uniform":
            fields["amount"] = Uncertain.uniform(spread.get("low"), spread.get("high"))  # type: ignore[arg-type]
        elif kind == "lognormal":
            coverage = spread.get("coverage", 0.9)
            fields["amount"] = Uncertain.lognormal(spread.get("low"), spread.get("high"), coverage=coverage)  # type: ignore[arg-type]
        else:
            fields["amount"] = Uncertain.normal(amount, spread.get("sd"))  # type: ignore[arg-type]
    except ValueError as error:
        fields["amount"] = None
        return fields, [f"the {kind} amount cannot be read: {error}"]
    return fields, []


def _blank(value: Any) -> bool:
    return bool(np.ndim(value) == 0 and pd.isna(value)) or value == ""
