"""What is asked of a table of indicators: measurements read from frames, aggregates and bare figures, with every fault."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..amounts.changes import Percent, Points
from ..checks import (
    UNIT_WORDS,
    Faults,
    check_choice,
    check_count,
    check_coverage,
    check_currency,
    check_number,
    check_probability,
    check_random_state,
    check_unit,
    is_number,
)
from ..exceptions import DataError, shown
from ..frames import is_frame, wrap
from ..typing import Seed, Window
from ._indicator_data import FROM_SOURCE, OPTIONAL, READERS, Table, read_cases
from ._indicator_rows import Setting
from ._study_windows import StudyWindow, read_window
from .indicator_definitions import INDICATORS, SOURCES, IndicatorDefinition
from .measures import Average, Share

SUBJECT = "the indicators"


@dataclass(frozen=True)
class IndicatorRequest:
    """Indicators measured before and after, free of faults.

    Attributes
    ----------
    known : dict of str to IndicatorDefinition
    before, after : dict of str to cases or float
    changes : dict of str to Points or Percent
    aims : dict of str to float
        Levels to be verified, in the unit of the table.
    before_window, after_window : StudyWindow or None
    absent : list of str
        What a source does not hold.
    setting : Setting
    """

    known: dict[str, IndicatorDefinition]
    before: dict[str, Any]
    after: dict[str, Any]
    changes: dict[str, Points | Percent]
    aims: dict[str, float]
    before_window: StudyWindow | None
    after_window: StudyWindow | None
    absent: list[str]
    setting: Setting


def read_setting(
    unit: str, duration_unit: str, coverage: float, power: float, significance: float, n_resamples: int, seed: Seed
) -> Setting:
    """Check what does not depend on the measurements."""
    faults = Faults(SUBJECT)
    faults.check(check_choice, unit, "unit", ("fraction", "percent"))
    faults.check(check_unit, duration_unit, "duration_unit")
    faults.check(check_coverage, coverage)
    for name, share in (("power", power), ("significance", significance)):
        faults.check(check_probability, share, name, open_interval=True)
    faults.check(check_count, n_resamples, "n_resamples", least=99)
    rng: Any = faults.check(check_random_state, seed)
    faults.refuse()
    return Setting(coverage, power, significance, int(n_resamples), rng, unit, duration_unit)


def check_mappings(given: Mapping[str, Any]) -> None:
    """Refuse frames and lists where a mapping by name is needed."""
    faults = [
        f"{name} is {'a frame' if is_frame(one) else f'of type {type(one).__name__}'}; give a mapping, by name of the indicator or "
        "of its source: {'tickets': frame} or {'retention': Share(140, 200)}"
        for name, one in given.items()
        if one is not None and not isinstance(one, Mapping)
    ]
    if faults:
        raise DataError(faults, SUBJECT)


def _definitions(given: Any, faults: Faults) -> list[IndicatorDefinition]:
    """Definitions of a caller's own; anything else is a fault."""
    listed = list(given) if isinstance(given, Iterable) and not isinstance(given, str | Mapping) else [given]
    if odd := [one for one in listed if not isinstance(one, IndicatorDefinition)]:
        faults.add(f"definitions={shown(given)} must list IndicatorDefinition; {shown(odd[0])} is not one")
        return []
    return listed


class Intake:
    """Reads measurements by indicator, collecting what is wrong with them.

    Parameters
    ----------
    setting : Setting
    definitions : iterable of IndicatorDefinition
    currency : str or None
    columns : mapping of str to str or None
    satisfied_from : float or None
    """

    def __init__(
        self,
        setting: Setting,
        definitions: Iterable[IndicatorDefinition],
        currency: str | None,
        columns: Mapping[str, str] | None,
        satisfied_from: float | None,
    ) -> None:
        arguments = Faults(SUBJECT)
        definitions = _definitions(definitions, arguments)
        if currency is not None:
            currency = arguments.check(check_currency, currency)
        if satisfied_from is not None:
            meaning = "it is the least score of those who are satisfied"
            satisfied_from = arguments.check(check_number, satisfied_from, "satisfied_from", meaning=meaning)
        if columns is not None and not isinstance(columns, Mapping):
            arguments.add(f"columns={shown(columns)} must map roles to columns")
        arguments.refuse()
        self.setting = setting
        self.known = _known(definitions, setting.duration_unit, currency)
        self.columns = dict(columns or {})
        self.satisfied_from = satisfied_from
        self.faults = Faults(SUBJECT)
        self.absent: list[str] = []
        self.tables: dict[tuple[int, str], Table] = {}

    def read(
        self,
        before: Mapping[str, Any] | None,
        after: Mapping[str, Any] | None,
        changes: Mapping[str, Any] | None,
        targets: Mapping[str, float] | None,
        before_window: Window | None,
        after_window: Window | None,
    ) -> IndicatorRequest:
        """Return the request; refuse it with every fault found.

        Raises
        ------
        DataError
        """
        windows = {
            "before": self.faults.check(read_window, before_window, "before_window"),
            "after": self.faults.check(read_window, after_window, "after_window"),
        }
        self.faults.refuse()
        given = {side: self.by_indicator(entries, side) for side, entries in (("before", before), ("after", after))}
        self.take_out_absent(given)
        measured = {
            side: {name: self.measured(name, side, entry, windows[side]) for name, entry in entries.items()}
            for side, entries in given.items()
        }
        changes, targets, unit = dict(changes or {}), dict(targets or {}), self.setting.unit
        self.faults.extend(_all_fractions(given, self.known, unit))
        self.faults.extend(_change_faults(changes, given, self.known))
        self.faults.extend(_target_faults(targets, given, self.known, unit))
        if not given["before"] and not changes and not self.faults:
            self.faults.add("nothing is given; give before and after, or changes")
        self.faults.refuse()
        return IndicatorRequest(
            known=self.known,
            before=measured["before"],
            after=measured["after"],
            changes=changes,
            aims={name: aim * (self.scale if self.known[name].is_share else 1.0) for name, aim in targets.items()},
            before_window=windows["before"],
            after_window=windows["after"],
            absent=self.absent,
            setting=self.setting,
        )

    @property
    def scale(self) -> float:
        """From the unit of bare shares to percent."""
        return 1.0 if self.setting.unit == "percent" else 100.0

    def by_indicator(self, given: Mapping[str, Any] | None, side: str) -> dict[str, Any]:
        """Entries by indicator; a source stands for all of its own that its columns allow."""
        result: dict[str, Any] = {}
        for name, entry in dict(given or {}).items():
            for one in self.indicators_of(name, entry, side):
                if one in result:
                    self.faults.add(f"{one} is given twice {side}; give it once")
                result[one] = entry
        return result

    def indicators_of(self, name: str, entry: Any, side: str) -> tuple[str, ...]:
        """The indicators that an entry is for: that of its name, or those of its source."""
        if name in self.known and (name not in FROM_SOURCE or not is_frame(entry)):
            return (name,)
        if name not in FROM_SOURCE:
            self.faults.add(
                f"{name!r} is no indicator and no source; there are {', '.join(self.known)}, and "
                f"{', '.join(sorted(FROM_SOURCE))}; define your own with definitions="
            )
            return ()
        if not is_frame(entry):
            self.faults.add(f"{name!r} {side} stands for raw data; give a frame: {SOURCES[name]}")
            return ()
        names, there = FROM_SOURCE[name], wrap(entry).collect_schema().names()
        lacking = [
            one for one in names if any(self.columns.get(role, role) not in there for role in OPTIONAL.get(one, ()))
        ]
        if len(lacking) == len(names):
            return names
        self.absent += [
            f"{one}: not in the {name} {side}, which have no column {' or '.join(OPTIONAL[one])}" for one in lacking
        ]
        return tuple(one for one in names if one not in lacking)

    def take_out_absent(self, given: dict[str, dict[str, Any]]) -> None:
        """Leave out on both sides what a source lacks on one; note what else is on one side only."""
        for name in {entry.split(":")[0] for entry in self.absent}:
            for entries in given.values():
                if is_frame(entries.get(name)):
                    del entries[name]
        for one, other in (("before", "after"), ("after", "before")):
            for name in given[one]:
                if name not in given[other]:
                    self.faults.add(f"{name} is given {one} but not {other}; give both, or its change in changes=")

    def measured(self, name: str, side: str, entry: Any, window: StudyWindow | None) -> Any:
        """Cases of an entry, or a bare level in the unit of the table; None where it is at fault."""
        if is_frame(entry):
            return self.of_frame(name, side, entry, window)
        definition = self.known[name]
        if isinstance(entry, Share):
            if definition.kind != "rate":
                self.faults.add(f"{name} {side}: a Share is given for a {definition.kind}; give Average(mean, sd, n)")
            return entry
        if isinstance(entry, Average):
            return self.of_average(definition, side, entry)
        if isinstance(entry, Points | Percent):
            self.faults.add(f"{name} {side}: {entry.describe()} is a change, not a level; put it in changes=")
            return None
        if not is_number(entry):
            self.faults.add(
                f"{name} {side}: {type(entry).__name__} is no measurement; give Share(count, n), Average(mean, sd, n), a finite "
                "number or a frame"
            )
            return None
        return self.of_number(definition, side, float(entry))

    def of_frame(self, name: str, side: str, entry: Any, window: StudyWindow | None) -> Any:
        """Cases of raw data; each frame is taken from its engine once for each source."""
        if name not in READERS:
            self.faults.add(f"{name} {side}: raw data are not known for it; give an aggregate or a bare number")
            return None
        key = (id(entry), self.known[name].source)
        if key not in self.tables:
            self.tables[key] = Table.of(entry, key[1], self.columns)
        cases, found = read_cases(
            name,
            side,
            self.tables[key],
            rename=self.columns,
            window=window,
            satisfied_from=self.satisfied_from,
            duration_unit=self.setting.duration_unit,
        )
        self.faults.extend(found)
        return cases

    def of_average(self, definition: IndicatorDefinition, side: str, entry: Average) -> Average | None:
        """An average, of shares in percent."""
        where = f"{definition.name} {side}"
        if entry.mean < 0 and definition.name in INDICATORS:
            self.faults.add(f"{where}: {entry.mean:g} {definition.unit} is below 0")
            return None
        if definition.bounded:
            self.faults.extend(f"{where}: {fault}" for fault in _share_faults(entry.mean, self.setting.unit))
            return Average(entry.mean * self.scale, entry.sd * self.scale, entry.n)
        if definition.kind == "rate":
            self.faults.add(f"{where}: an Average is given for a rate; give Share(count, n)")
        return entry

    def of_number(self, definition: IndicatorDefinition, side: str, value: float) -> float:
        """A bare level, of shares in percent."""
        where = f"{definition.name} {side}"
        if definition.is_share:
            self.faults.extend(f"{where}: {fault}" for fault in _share_faults(value, self.setting.unit))
            return self.scale * value
        if value < 0 and definition.name in INDICATORS:
            self.faults.add(f"{where}: {value:g} {definition.unit} is below 0")
        return value


def _known(
    definitions: Iterable[IndicatorDefinition], duration_unit: str, currency: str | None
) -> dict[str, IndicatorDefinition]:
    known = {}
    for name, one in INDICATORS.items():
        if one.kind == "duration":
            one = replace(one, unit=UNIT_WORDS[duration_unit])
        elif currency:
            one = replace(one, unit=one.unit.replace("currency of the data", currency))
        known[name] = one
    return known | {one.name: one for one in definitions}


def _share_faults(value: float, unit: str) -> list[str]:
    if value < 0:
        return [f"{value:g} is below 0; a rate lies between 0 and 100 %"]
    if unit == "percent":
        return [f"{value:g} % is above 100 %; the part cannot exceed the whole"] if value > 100 else []
    if 1 < value <= 100:
        return [f"{value:g} is above 1 where a fraction is meant; give {value / 100:g}, or unit='percent'"]
    return [f"{value:g} is a rate above 100 %; the part cannot exceed the whole"] if value > 1 else []


def _all_fractions(given, known, unit: str) -> list[str]:
    """With unit='percent', a share that exceeds 1 neither before nor after is a fraction."""
    if unit != "percent":
        return []
    faults = []
    for name, one in given["before"].items():
        bare = [float(entry) for entry in (one, given["after"].get(name)) if is_number(entry)]
        if known[name].is_share and bare and 0 < max(bare) <= 1:
            faults.append(
                f"{name}: unit='percent', but no rate is above {max(bare):g}, as of fractions; give {100 * max(bare):g} for "
                f"{100 * max(bare):g} %, or unit='fraction' for all; where {max(bare):g} % is meant, give Share(count, n)"
            )
    return faults


def _change_faults(changes: Mapping[str, Any], given, known) -> list[str]:
    faults = []
    for name, change in changes.items():
        if name not in known:
            faults.append(f"{name!r} in changes is no indicator; there are {', '.join(known)}")
        elif name in given["before"]:
            faults.append(f"{name} is given by its levels and by its change; give one")
        elif not isinstance(change, Points | Percent):
            faults.append(
                f"{name}: a change of {change!r} is neither in points nor in percent; give Percent(15) or Points(15)"
            )
        elif isinstance(change, Points) and not known[name].is_share:
            faults.append(
                f"{name} is no share and has no percentage points; give Percent({change.expected:g}) if that is meant"
            )
        elif isinstance(change, Points) and abs(change.expected) > 100:
            faults.append(f"{name}: {change.describe()} is more than there are; if percent is meant, give Percent")
    return faults


def _target_faults(targets: Mapping[str, float], given, known, unit: str) -> list[str]:
    faults = []
    for name, target in targets.items():
        if name not in given["before"]:
            faults.append(f"{name!r} has a target but no level before")
        elif not is_number(target):
            faults.append(f"{name}: the target {target!r} is no finite number")
        elif known[name].is_share:
            faults += [f"{name}, target: {fault}" for fault in _share_faults(float(target), unit)]
    return faults
