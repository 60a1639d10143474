"""Columns of a table that state the distribution of an amount."""

from __future__ import annotations

from typing import Any

import pandas as pd

from .uncertain_amounts import Uncertain

#: Columns that state a distribution of the amount.
SPREAD = ("distribution", "low", "high", "sd", "coverage")


def with_distribution(fields: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Turn the columns that state a distribution into an uncertain amount."""
    spread = {name: value for name in SPREAD if not pd.isna(value := fields.pop(name, None)) and value != ""}
    if not spread:
        return fields, []
    amount = fields.get("amount")
    kind = str(spread.get("distribution", "")).strip().lower()
    try:
        if kind == "triangular":
            fields["amount"] = Uncertain.triangular(spread.get("low"), amount, spread.get("high"))  # type: ignore[arg-type]
        elif kind == "uniform":
            fields["amount"] = Uncertain.uniform(spread.get("low"), spread.get("high"))  # type: ignore[arg-type]
        elif kind == "lognormal":
            coverage = spread.get("coverage", 0.9)
            fields["amount"] = Uncertain.lognormal(spread.get("low"), spread.get("high"), coverage=coverage)  # type: ignore[arg-type]
        elif kind == "normal":
            fields["amount"] = Uncertain.normal(amount, spread.get("sd"))  # type: ignore[arg-type]
        else:
            return fields, [
                f"distribution {kind!r} must be triangular, uniform, lognormal or normal where a spread is given"
            ]
    except ValueError as error:
        fields["amount"] = None
        return fields, [f"the {kind} amount cannot be read: {error}"]
    return fields, []
