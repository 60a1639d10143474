"""Three departments' tables of the same hospitals that contradict each other, simulated, and put into one.

Sales, service and finance write one tax number in their own ways, know different fields, and disagree; the truth is known,
so that it can be counted whether every contradiction is reported and nothing is lost.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from crmml.customers import IntegrationReport, integrate

#: Which fields each department has, and the share of its values that are wrong, and missing.
DEPARTMENTS = {
    "sales": (("name", "town", "beds", "phone"), 0.05, 0.10),
    "service": (("name", "town", "phone", "satisfaction"), 0.10, 0.20),
    "finance": (("name", "beds", "payment_days"), 0.02, 0.05),
}
TOWNS = ("Wuhan", "Xian", "Chengdu", "Nanjing", "Harbin")


def truth(n: int, rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "tax_number": [f"91420100MA{k:06d}X" for k in rng.choice(10**6, n, replace=False)],
            "name": [f"Hospital {k}" for k in range(n)],
            "town": rng.choice(TOWNS, n),
            "beds": rng.integers(20, 2000, n),
            "phone": [f"027-{k:08d}" for k in rng.integers(10**7, 10**8, n)],
            "satisfaction": rng.integers(1, 6, n),
            "payment_days": rng.choice([30, 60, 90], n),
        }
    )


def department(records: pd.DataFrame, name: str, rng: np.random.Generator) -> pd.DataFrame:
    """What one department has written down: part of the hospitals, some twice, keys in its own hand."""
    fields, wrong, missing = DEPARTMENTS[name]
    seen = records.sample(frac=0.8, random_state=int(rng.integers(2**31)))
    seen = pd.concat([seen, seen.sample(frac=0.03, random_state=int(rng.integers(2**31)))], ignore_index=True)
    table = seen[["tax_number", *fields]].copy()
    hand = rng.integers(0, 4, len(table))
    table["tax_number"] = np.select(
        [hand == 0, hand == 1],
        [table["tax_number"].str.lower(), " " + table["tax_number"] + " "],
        default=table["tax_number"],
    )
    for field in fields:
        column = np.array(table[field].tolist(), dtype=object)
        swapped = rng.random(len(table)) < wrong
        column[swapped] = rng.permutation(column)[swapped]
        column[rng.random(len(table)) < missing] = None
        table[field] = pd.Series(column).convert_dtypes()
    table["changed"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 365, len(table)), unit="D")
    return table


def sources(n: int = 2000, seed: int = 0) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Return the true records and the three tables."""
    rng = np.random.default_rng(seed)
    records = truth(n, rng)
    return records, {name: department(records, name, rng) for name in DEPARTMENTS}


def unify(tables: dict[str, pd.DataFrame]) -> tuple[pd.DataFrame, IntegrationReport]:
    """Finance is believed on money, the newest record on phones, the fullest on the rest."""
    rules = {"payment_days": "finance", "beds": "finance", "phone": "newest"}
    fields = dict.fromkeys(["name", "town", "satisfaction"], "most complete")
    return integrate(tables, keys="tax_number", prefer=rules | fields, updated="changed")


def balance(tables: dict[str, pd.DataFrame], customers: pd.DataFrame, report: IntegrationReport) -> dict[str, float]:
    """Count what went in, what came out, and whether the difference is all in the report."""
    values = sum(int(table.notna().sum().sum()) for table in tables.values())
    use = report.values["use"].value_counts()
    restored = sum(_equal(report.restore(name), table) for name, table in tables.items())
    return {
        "records": float(sum(map(len, tables.values()))),
        "customers": float(len(customers)),
        "values_given": float(values),
        "values_accounted_for": float(use.sum()),
        "values_lost_to_another": float(use.get("lost", 0)),
        "values_in_other_spelling": float(use.get("spelling", 0)),
        "conflicting_values_reported": float((~report.conflicts["kept"].astype(bool)).sum()),
        "sources_restored_cell_by_cell": float(restored),
        "gaps": float(len(report.gaps)),
    }


def _equal(restored: pd.DataFrame, given: pd.DataFrame) -> bool:
    def plain(column: pd.Series) -> list[Any]:
        return [None if pd.isna(value) else value for value in column.tolist()]

    return list(restored) == list(given) and all(plain(restored[name]) == plain(given[name]) for name in given)
