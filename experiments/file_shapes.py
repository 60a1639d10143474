"""Logs in the shapes that shops have them, simulated, looked at and read by the command that the look proposes.

``python -m experiments.file_shapes``. The customers, times and amounts are known, so that it can be counted which file is
read as it was written, which is refused in words, and which is read wrongly without a word.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shlex
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from typer.testing import CliRunner

from crmml import tracking
from crmml.cli import app
from crmml.transactions import summarize


@dataclass(frozen=True)
class Shape:
    """One way to write a log, with amounts or without."""

    write: Callable[[pd.DataFrame, Path], None]
    has_value: bool = True


def simulated_log(n: int = 5_000, seed: int = 0, scale: float = 1.0, tail: float = 0.0) -> pd.DataFrame:
    """Orders of customers over two years, to the minute, amounts in hundredths; with ``tail`` they have no finite mean."""
    rng = np.random.default_rng(seed)
    minutes = np.sort(rng.integers(0, 730 * 24 * 60, n))
    amount = scale * rng.gamma(2.0, 20.0, n)
    if tail:
        amount = scale * (1 + rng.pareto(tail, n))
    return pd.DataFrame(
        {
            "customer_id": (10_000 + rng.integers(0, n // 8, n)).astype(str),
            "timestamp": pd.Timestamp("2022-01-01") + pd.to_timedelta(minutes, unit="min"),
            "value": amount.round(2),
        }
    )


def _order_lines(log: pd.DataFrame, path: Path) -> None:
    """Two lines an order, times as 1/31/2022 8:26, customers as 17850.0, as a spreadsheet exports them."""
    lines = log.loc[log.index.repeat(2)].reset_index(drop=True)
    when = [f"{t.month}/{t.day}/{t.year} {t.hour}:{t.minute:02d}" for t in lines["timestamp"]]
    half = np.where(
        np.arange(len(lines)) % 2 == 0, (lines["value"] / 2).round(2), lines["value"] - (lines["value"] / 2).round(2)
    )
    pd.DataFrame(
        {
            "InvoiceNo": 536_365 + np.arange(len(lines)) // 2,
            "Description": "HOLDER, WHITE",
            "Quantity": 1,
            "InvoiceDate": when,
            "UnitPrice": [f"{amount:.2f}" for amount in half],
            "CustomerID": lines["customer_id"] + ".0",
            "Country": "United Kingdom",
        }
    ).to_csv(path, index=False)


def _day_first(log: pd.DataFrame, path: Path) -> None:
    """28-02-2022, no clock, semicolons and decimal commas with thousands."""
    table = pd.DataFrame(
        {
            "transaction_id": np.arange(len(log)),
            "cust_id": log["customer_id"],
            "tran_date": log["timestamp"].dt.strftime("%d-%m-%Y"),
            "total_amt": [f"{v:,.2f}".translate(str.maketrans(",.", ".,")) for v in log["value"]],
        }
    )
    table.to_csv(path, index=False, sep=";")


def _old_code_page(log: pd.DataFrame, path: Path) -> None:
    """mm/dd/yy in the code page of DOS."""
    names = np.array(["Müller", "Größe", "Citroën", "Señor"])
    table = pd.DataFrame(
        {
            "CUSTNO": log["customer_id"],
            "NAME": names[np.arange(len(log)) % 4],
            "ORDDATE": log["timestamp"].dt.strftime("%m/%d/%y"),
            "AMOUNT": log["value"],
        }
    )
    table.to_csv(path, index=False, encoding="cp437")


def _euros(log: pd.DataFrame, path: Path) -> None:
    """A title before the header, 31.01.2022 08:26, amounts with a sign, packed."""
    lines = ["Bestellungen;;", ";;", "Kunde;Datum;Betrag"]
    lines += [
        f"{c};{t:%d.%m.%Y %H:%M};{f'{v:,.2f}'.translate(str.maketrans(',.', '.,'))} €"
        for c, t, v in zip(log["customer_id"], log["timestamp"], log["value"], strict=True)
    ]
    pd.Series(lines).to_csv(path, index=False, header=False, quoting=3, sep="\x01", encoding="utf-8-sig")


def _app_events(log: pd.DataFrame, path: Path) -> None:
    """An instant in ISO 8601 with milliseconds and Z, no amounts."""
    table = pd.DataFrame(
        {
            "event_time": log["timestamp"].dt.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "user_id": log["customer_id"],
            "event": "open",
        }
    )
    table.to_csv(path, index=False, sep="\t")


def _counted(log: pd.DataFrame, path: Path) -> None:
    """Milliseconds since 1970."""
    stamp = (log["timestamp"] - pd.Timestamp(0)) // pd.Timedelta(milliseconds=1)
    pd.DataFrame({"ts": stamp, "user": log["customer_id"], "event": "open"}).to_csv(path, index=False)


def _plain(log: pd.DataFrame, path: Path) -> None:
    table = log.assign(timestamp=log["timestamp"].dt.strftime("%Y-%m-%d %H:%M:%S"))
    table.to_csv(path, index=False)


SHAPES = {
    "order lines, m/d/yyyy h:mm": Shape(_order_lines),
    "dd-mm-yyyy, decimal commas": Shape(_day_first),
    "CP437, mm/dd/yy": Shape(_old_code_page),
    "title, dd.mm.yyyy, euros": Shape(_euros),
    "heavy tails": Shape(_plain),
    "app events, ISO with Z": Shape(_app_events, has_value=False),
    "app events, unix_ms": Shape(_counted, has_value=False),
}


def read_by_command(path: Path) -> tuple[pd.DataFrame | None, str]:
    """Look at a file and run the first command that is proposed; return the summary, or None with what was said."""
    runner = CliRunner()
    looked = runner.invoke(app, ["look", str(path)])
    command = next((line.strip() for line in looked.output.splitlines() if line.strip().startswith("crmml ")), "")
    if not command:
        return None, looked.output
    done = runner.invoke(app, [*shlex.split(command)[1:], "--overwrite"])
    return (pd.read_parquet("summary.parquet") if done.exit_code == 0 else None), done.output


def compared(name: str, shape: Shape, folder: Path) -> str:
    """Write a log in a shape and read it: "right", "refused" or "wrong"."""
    log = simulated_log(scale=1e5, tail=0.9) if name == "heavy tails" else simulated_log()
    path = folder / "log.csv"
    shape.write(log, path)
    read, said = read_by_command(path)
    if read is None:
        print(said)
        return "refused"
    value = "value" if shape.has_value else None
    true = summarize(log, value=value, unit="D").sort_values("customer_id").reset_index(drop=True)
    read = read.sort_values("customer_id").reset_index(drop=True)
    same = list(read.columns) == list(true.columns) and len(read) == len(true)
    same = same and read["customer_id"].astype(str).tolist() == true["customer_id"].tolist()
    numbers = [column for column in true.columns if column != "customer_id"]
    return "right" if same and np.allclose(read[numbers], true[numbers], rtol=1e-9, atol=1e-9) else "wrong"


@contextlib.contextmanager
def _inside(folder: str):
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield Path(folder)
    finally:
        os.chdir(before)


def run() -> pd.DataFrame:
    """Read every shape; one row each, the counts recorded."""
    with tempfile.TemporaryDirectory() as name, _inside(name) as folder:
        found = {shape: compared(shape, how, folder) for shape, how in SHAPES.items()}
    return pd.DataFrame({"shape": list(found), "read": list(found.values())})


def main(argv: list[str] | None = None) -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args(argv)
    tracking.disable_telemetry()
    with tracking.track("file shapes") as tracked:
        table = run()
        for kind in ("right", "refused", "wrong"):
            tracked.log_metrics({kind: float((table["read"] == kind).sum())})
        tracked.log_text(table.to_string(index=False), "shapes.txt")
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
