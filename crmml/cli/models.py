"""What makes a model: fitting, checking on time held out, recording, registering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..checks import UNIT_WORDS, Faults, check_annual_rate, check_margin
from .app import command
from .console import say, status
from .options import ForceOption, ModelName, QuietOption, SourceArgument, TrackingUriOption, Unit
from .sources import LogOptions

if TYPE_CHECKING:
    import pandas as pd

    from ..quickstart import HoldoutCheck
    from ..typing import Estimator


@command
def fit(
    source: SourceArgument,
    name: Annotated[str, typer.Option(help="Name to register the model under; it becomes its champion.")],
    log: LogOptions,
    model: Annotated[ModelName, typer.Option(help="Model of the transactions.")] = ModelName.BG_NBD,
    horizon: Annotated[float, typer.Option(help="How far ahead predictions look, in --horizon-unit.", min=0.0)] = 1.0,
    horizon_unit: Annotated[Unit, typer.Option(help="Unit of --horizon.")] = Unit.YEAR,
    annual_discount_rate: Annotated[
        float, typer.Option(help="0.1 is 10 % a year; for the value, where amounts are given.", min=0.0)
    ] = 0.0,
    margin: Annotated[float, typer.Option(help="Share of an amount that is value; 0.3 is 30 %.", min=0.0)] = 1.0,
    calibration_end: Annotated[
        str | None,
        typer.Option(help="Check first: fit up to this day, predict the rest of the log, compare.", metavar="DATE"),
    ] = None,
    experiment: Annotated[str, typer.Option(help="MLflow experiment of the run.")] = "crmml",
    tracking_uri: TrackingUriOption = None,
    force: ForceOption = False,
    quiet: QuietOption = False,
) -> None:
    """Fit a model on a transaction log or a summary, record the run, register the model and make it the champion.

    Where amounts are given (--value, or a summary's monetary_value), spend is modelled too (Gamma-Gamma) and the model
    predicts each customer's value.
    """
    from .. import frames, tracking

    tracking.quiet()
    plan = FitPlan(name, model, horizon, horizon_unit, annual_discount_rate, margin, calibration_end, log)
    plan.refuse()
    tracking.check_store(tracking_uri)
    with status("Reading", quiet):
        summary, said = log.read_summary(source)
    known_unit = str(frames.get_ruler(summary).unit)
    estimator = plan.estimator(known_unit, has_value="monetary_value" in summary)
    with status("Fitting", quiet) as on_step:
        if calibration_end is not None:
            on_step("Checking against the time held out")
        check = plan.checked(source, known_unit)
        on_step("Fitting")
        estimator.fit(summary)
        on_step("Recording the run in MLflow")
        registered = _recorded(estimator, summary, plan, check, experiment, tracking_uri)
        doubt = "" if force else _doubt(estimator)
        if not doubt:
            tracking.promote(name, uri=tracking_uri)
    if quiet:
        return
    if said:
        say("Reading", *said)
    if check is not None:
        say("Held-out time", check.sentence(UNIT_WORDS[known_unit]))
    say("Fit", *estimator.describe().splitlines())
    if doubt:
        say("Registered", f"{registered}, not the champion: {doubt}. Make it the champion all the same with --force.")
    else:
        say("Registered", f"{registered}, now the champion of {name}; score with: crmml score {name} ...")


def _doubt(estimator: Any) -> str:
    """Why a model should not become the champion: a fit that has not converged; "" where there is none."""
    parts = [estimator, *(getattr(estimator, f"{name}_", None) for name in ("transactions", "spend"))]
    failed = [type(part).__name__ for part in parts if not getattr(part, "converged_", True)]
    return f"the fit of {' and '.join(failed)} has not converged" if failed else ""


@dataclass(frozen=True)
class FitPlan:
    """Which model is to be fitted, for what, and how it is checked."""

    name: str
    model: ModelName
    horizon: float
    horizon_unit: Unit
    annual_discount_rate: float
    margin: float
    calibration_end: str | None
    options: LogOptions

    def refuse(self) -> None:
        """Refuse what cannot be, before anything is read.

        Raises
        ------
        DataError
            With every fault of the options.
        """
        faults = Faults("the options")
        if wrong := [character for character in "/:@" if character in self.name]:
            faults.add(f"--name {self.name!r} must not contain {' or '.join(wrong)}")
        if self.calibration_end is not None and self.options.timestamp is None:
            faults.add("--calibration-end needs the transaction log: name its --timestamp")
        faults.check(check_annual_rate, self.annual_discount_rate, "--annual-discount-rate")
        faults.check(check_margin, self.margin, "--margin")
        faults.refuse()

    def transactions(self, unit: str) -> Estimator:
        """Return the model of transactions alone."""
        from ..clv import BetaGeoNBD, ModifiedBetaGeoNBD, ParetoNBD
        from ..frames.ruler import convert

        kinds: dict[ModelName, Any] = {
            ModelName.BG_NBD: BetaGeoNBD,
            ModelName.MBG_NBD: ModifiedBetaGeoNBD,
            ModelName.PARETO_NBD: ParetoNBD,
        }
        return kinds[self.model](horizon=convert(self.horizon, self.horizon_unit.value, unit))

    def estimator(self, unit: str, *, has_value: bool) -> Any:
        """Return the model to fit: of value where there are amounts, else of transactions."""
        from ..clv import CustomerLifetimeValue, GammaGamma

        if not has_value:
            return self.transactions(unit)
        return CustomerLifetimeValue(
            self.transactions(unit),
            GammaGamma(),
            horizon=self.horizon,
            unit=self.horizon_unit.value,
            annual_discount_rate=self.annual_discount_rate,
            margin=self.margin,
        )

    def checked(self, source: str, unit: str) -> HoldoutCheck | None:
        """Fit the model of transactions up to the calibration end, and set it beside the rest of the log."""
        if self.calibration_end is None:
            return None
        from ..quickstart import check_holdout
        from ..transactions import split_calibration_holdout

        log, _ = self.options.read_clean_log(source)
        split = split_calibration_holdout(log, calibration_end=self.calibration_end, unit=unit, **self.options.measure)
        return check_holdout(self.transactions(unit).fit(split), split)


def _recorded(
    estimator: Any,
    summary: pd.DataFrame,
    plan: FitPlan,
    check: HoldoutCheck | None,
    experiment: str,
    tracking_uri: str | None,
) -> str:
    """Record the run and register the model."""
    from .. import tracking

    with tracking.track(experiment, run_name=plan.name, uri=tracking_uri, calibration_end=plan.calibration_end) as run:
        run.log_fit(estimator)
        if check is not None:
            run.log_metrics(check.metrics)
        run.log_text(estimator.describe(), "findings.txt")
        return run.log_model(estimator, plan.name, summary)
