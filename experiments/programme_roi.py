"""Does the programme pay: the pharmaceutical case, refused, then with assumptions: ``python -m experiments.programme_roi``.

The case as it is published has indicators before and after, no money and no sample sizes: a return cannot be known, and what is
missing is named. Then assumptions are stated, invented for the study and marked as such, and the return has an interval. Or with
ledgers of your own:

    python -m experiments.programme_roi --costs costs.csv --benefits benefits.csv --start 2024-01-01 --length 3Y --rate 0.08

How often a comparison of before and after cries success without a programme is shown on Online Retail, where it is found
(``CRMML_DATA_HOME``).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from crmml import DataError, tracking
from crmml.amounts import Percent, Uncertain
from crmml.evidence import IndicatorTable, indicators, placebo_test
from crmml.exceptions import MissingInputsError
from crmml.roi import (
    BenefitFormula,
    BenefitLedger,
    CashFlowDisplay,
    CostLedger,
    ReturnOnInvestment,
    ROIWaterfallDisplay,
    TornadoDisplay,
    not_priced,
    price_benefits,
    relative_change_valued,
    retention_raised,
    roi,
    staff_time_saved,
)

from .sources import ONLINE_RETAIL, at_hand, online_retail_invoices, read

START = "2024-01-01"
#: Days before and after each go-live that never was.
HORIZON = 60
CAUSED = "share caused by the programme"
#: Assumed for the study, not measured: the case reports none of this. Money in CNY.
ASSUMED: dict[str, Any] = {
    "workers": 40,
    "working days a year": 250,
    "hourly rate": Uncertain.triangular(40, 55, 80),
    "customers": 1_200,
    "customers observed before": 294,
    "customers observed after": 294,
    "margin per customer and year": Uncertain.lognormal(400, 1_500),
    "bed turnovers a year": 3_000,
    "margin of a bed turnover": Uncertain.triangular(100, 250, 500),
    "idle equipment hours a year": 6_000,
    "value of an equipment hour": Uncertain.triangular(20, 40, 90),
    CAUSED: Uncertain.triangular(0.2, 0.5, 0.8),
}


def reported() -> IndicatorTable:
    """What the case reports: six indicators, without a sample size."""
    before = {"satisfaction": 0.75, "retention": 0.70, "repeat_visits": 0.65, "staff_minutes": 30}
    after = {"satisfaction": 0.88, "retention": 0.80, "repeat_visits": 0.78, "staff_minutes": 15}
    return indicators(before, after, changes={"bed_turnover": Percent(15), "idle_equipment": Percent(-20)})


def case() -> list[BenefitFormula]:
    """The indicators of the case, and how each becomes money once its inputs are known."""
    return [
        staff_time_saved("less paperwork", before_minutes=30, after_minutes=15),
        retention_raised("retention 70 % to 80 %", before=0.70, after=0.80),
        relative_change_valued(
            "bed turnover +15 %",
            change=Percent(15),
            better="more",
            of="bed turnovers a year",
            worth="margin of a bed turnover",
            direct=True,
        ),
        relative_change_valued(
            "idle equipment -20 %",
            change=Percent(-20),
            better="less",
            of="idle equipment hours a year",
            worth="value of an equipment hour",
            direct=False,
        ),
        not_priced("repeat visits 65 % to 78 %: held by retention already", kind="retention"),
        not_priced("satisfaction 75 % to 88 %", kind="satisfaction"),
    ]


def assumed_costs() -> CostLedger:
    """The costs assumed for the study."""
    hourly = ASSUMED["hourly rate"].named("hourly rate")
    return (
        CostLedger("CNY")
        .add(START, "software licence", "CRM", 120_000)
        .add(START, "implementation", "consultants", Uncertain.triangular(75_000, 90_000, 150_000))
        .add(START, "migration", "customer records", 30_000)
        .add(START, "servers", "two servers", 40_000)
        .add("2024-01-15", "training", "two days for all", hours=16 * 40, hourly_rate=hourly)
        .add("2024-02-01", "maintenance", "support", 3_000, every="M", times=35)
        .add("2024-02-01", "staff", "administration", hours=20, hourly_rate=hourly, every="M", times=35)
    )


def refusals() -> list[str]:
    """What stands in the way of a return while nothing but the indicators is known."""
    said = []
    try:
        price_benefits(case(), {}, start=START, years=3, currency="CNY")
    except MissingInputsError as error:
        said.append(str(error))
    unpriced = price_benefits(case(), {}, start=START, years=3, currency="CNY", keep_unpriced=True)
    try:
        roi(CostLedger("CNY"), unpriced, (START, "3Y"))
    except MissingInputsError as error:
        said.append(str(error))
    return said


def completed(random_state: int = 0) -> ReturnOnInvestment:
    """The return of the case with the stated assumptions."""
    benefits = price_benefits(case(), ASSUMED, start=START, years=3, currency="CNY")
    return roi(assumed_costs(), benefits, (START, "3Y"), 0.08, random_state=random_state)


def record(name: str, found: ReturnOnInvestment, lines: list[str], settings: Mapping[str, Any]) -> None:
    """Print a return and record it with its figures."""
    lines = [f"== {name} ==", *lines, found.describe()]
    metrics = {
        "roi": found.roi,
        "gross_multiple": found.gross_multiple,
        "npv": found.npv,
        "cost": found.cost,
        "gain": found.gain,
    }
    if found.roi_interval is not None and found.probability_positive is not None:
        metrics |= {"roi_lower": found.roi_interval[0], "roi_upper": found.roi_interval[1]}
        metrics["probability_positive"] = found.probability_positive
        lines.append(found.tornado().describe())
    if found.payback.days is not None:
        metrics["payback_days"] = found.payback.days
    with tracking.track("programme-roi", run_name=name, currency=found.currency, **settings) as run:
        run.log_metrics(metrics)
        run.log_text("\n".join(lines), "findings.txt")
        run.log_text(found.table.to_csv(index=False), "returns.csv")
        run.log_figure(ROIWaterfallDisplay.from_result(found).plot().figure_, "waterfall.png")
        run.log_figure(CashFlowDisplay.from_result(found).plot().figure_, "cash_flow.png")
        if found.roi_interval is not None:
            run.log_figure(TornadoDisplay.from_result(found).plot().figure_, "tornado.png")
    print("\n".join(lines), end="\n\n")


def run_case() -> ReturnOnInvestment:
    """The case: refused, then completed."""
    found = completed()
    lines = [
        reported().describe(),
        *refusals(),
        "With assumptions, which are invented for the study and not reported:",
    ]
    lines += [
        f"  {name}: {value.describe() if isinstance(value, Uncertain) else f'{value:,}'}"
        for name, value in ASSUMED.items()
    ]
    record("pharmaceutical case", found, lines, {"start": START, "rate": 0.08, "years": 3})
    return found


def run_own(chosen: argparse.Namespace) -> ReturnOnInvestment:
    """The return of ledgers in files."""
    ledgers, faults = [], []
    for kind, path in ((CostLedger, chosen.costs), (BenefitLedger, chosen.benefits)):
        try:
            ledgers.append(kind.from_table(read(path), currency=chosen.currency))
        except DataError as error:
            faults += [f"{path.name}: {fault}" for fault in error.faults]
    if faults:
        raise DataError(faults, "the ledgers")
    costs, benefits = ledgers
    found = roi(
        costs,
        benefits,
        (chosen.start, chosen.end or chosen.length),
        chosen.rate,
        observed_until=chosen.observed_until,
        random_state=0,
    )
    settings = {"start": chosen.start, "end": f"{found.end:%Y-%m-%d}", "rate": chosen.rate}
    record(chosen.costs.stem, found, [costs.describe(), benefits.describe()], settings)
    return found


def run_placebo() -> None:
    """How often a go-live that never was looks like a success on Online Retail."""
    found = placebo_test(online_retail_invoices(), horizon=HORIZON, value="value", random_state=0)
    rates = ("naive_rate", "naive_lower", "naive_upper", "did_rate", "did_lower", "did_upper")
    with tracking.track("programme-roi", run_name="placebo", data="Online Retail", horizon_days=HORIZON) as run:
        run.log_metrics({name: getattr(found, name) for name in rates})
        run.log_text(found.describe(), "placebo.txt")
    print(f"== Placebo go-lives on Online Retail ==\n{found.describe()}\n")


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--costs", type=Path, help="a ledger of costs: date, kind, label, amount or hours and hourly_rate, …"
    )
    parser.add_argument("--benefits", type=Path, help="a ledger of benefits: the same and direct")
    parser.add_argument("--start", help="first day of the window")
    parser.add_argument("--end", help="day after its last")
    parser.add_argument("--length", default="3Y", help="instead of the end: 6M, 1Y, 3Y")
    parser.add_argument("--rate", type=float, default=0.0, help="annual discount rate, 0.08 for 8 %%")
    parser.add_argument("--currency", help="of rows that state none")
    parser.add_argument("--observed-until", help="last day for which benefits are complete")
    chosen = parser.parse_args(argv)
    tracking.disable_telemetry()
    if (chosen.costs is None) != (chosen.benefits is None) or (chosen.costs and not chosen.start):
        parser.error("--costs, --benefits and --start go together")
    if chosen.costs:
        run_own(chosen)
        return
    run_case()
    if at_hand(*ONLINE_RETAIL):
        run_placebo()
    else:
        print("Online Retail is not at hand: set CRMML_DATA_HOME to the folder that has it.")


if __name__ == "__main__":
    main()
