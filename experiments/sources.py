"""Data that several studies read: the public logs where they are found, and tables of the user's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd

from crmml import DataError
from crmml.datasets import fetch_online_retail

#: File names under which Online Retail may lie in the folder CRMML_DATA_HOME.
ONLINE_RETAIL = ("online_retail.parquet", "onlineretail.rda")


def at_hand(*names: str) -> bool:
    """Whether the folder that CRMML_DATA_HOME names has one of the files."""
    home = os.environ.get("CRMML_DATA_HOME")
    return bool(home) and any((Path(home) / name).is_file() for name in names)


def read(path: Path, **options: Any) -> pd.DataFrame:
    """Read CSV (comma, semicolon, tab or bar) or Parquet.

    Raises
    ------
    DataError
        When there is no such file.
    """
    if not path.is_file():
        raise DataError([f"there is no file {path}"], "the input")
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        head = lines.readline()
    separator = max(",;\t|", key=head.count)
    return pd.read_csv(path, sep=separator, encoding="utf-8-sig", encoding_errors="replace", **options)


def read_log(path: Path, customer_id: str, timestamp: str, value: str | None) -> pd.DataFrame:
    """Read a transaction log with columns of other names as customer_id, timestamp and, where named, value.

    Raises
    ------
    DataError
        Naming the columns that are not there.
    """
    log = read(path)
    names = {customer_id: "customer_id", timestamp: "timestamp"} | ({value: "value"} if value else {})
    if missing := [name for name in names if name not in log]:
        there = ", ".join(map(str, log))
        raise DataError([f"there is no column {name!r}; there are {there}" for name in missing], path.name)
    log = log[list(names)].rename(columns=names)
    return log.assign(timestamp=pd.to_datetime(log["timestamp"]))


def online_retail_lines(items: pd.DataFrame | None = None) -> pd.DataFrame:
    """Lines of known customers with positive quantity and price: customer_id, invoice, timestamp, value in pounds."""
    items = fetch_online_retail() if items is None else items
    items = items[items["CustomerID"].notna() & (items["Quantity"] > 0) & (items["UnitPrice"] > 0)]
    return pd.DataFrame(
        {
            "customer_id": items["CustomerID"].astype("int64"),
            "invoice": items["InvoiceNo"],
            "timestamp": items["InvoiceDate"],
            "value": items["Quantity"] * items["UnitPrice"],
        }
    )


def online_retail_invoices(items: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row an invoice of known customers, cancellations left out: customer_id, timestamp, value in pounds."""
    lines = online_retail_lines(items)
    invoices = lines.groupby(["customer_id", "invoice"]).agg(timestamp=("timestamp", "min"), value=("value", "sum"))
    return invoices.reset_index()[["customer_id", "timestamp", "value"]]
