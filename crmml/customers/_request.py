"""What an integration was asked for: sources, keys and rules checked, before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .. import frames
from ..checks import Faults, is_number
from ..exceptions import DataError
from ..frames.records import index_names

NEWEST, COMPLETE = "newest", "most complete"
#: Columns of the report's tables, beside which the number of the customer stands.
_REPORTED = {
    *("source", "row", "how", "records", "field", "kind", "value", "kept", "use", "filled", "missing"),
    *("other_source", "other_row", "similarity"),
}


def named(sources: Sequence[Any], names: Sequence[str] | None) -> tuple[list[Any], list[str]]:
    if len(sources) == 1 and isinstance(sources[0], Mapping):
        if names is not None:
            raise ValueError("names= is for sources given one by one; a mapping names its own.")
        given = [str(name) for name in sources[0]]
        if len(set(given)) != len(given):
            raise ValueError(f"The mapping names its sources {given!r}, which must differ as texts.")
        return list(sources[0].values()), given
    if any(isinstance(source, (list, tuple)) for source in sources):
        raise TypeError(
            "The sources are given one by one, integrate(sales, service, keys=…), or as a mapping of names."
        )
    if not sources:
        raise ValueError("There is no source; give at least one table.")
    if isinstance(names, str):
        raise TypeError(f"names={names!r} is one text; give a list of one name for each source.")
    given = [f"source {i + 1}" for i in range(len(sources))] if names is None else [str(name) for name in names]
    if len(given) != len(sources) or len(set(given)) != len(given):
        raise ValueError(f"names={given!r} must be {len(sources)} different names, one for each source.")
    return list(sources), given


def key_groups(keys: str | Sequence[Any]) -> list[list[str]]:
    """The keys as groups of columns, any one of which links records."""
    if isinstance(keys, str):
        return [[keys]]
    if isinstance(keys, Mapping):
        raise TypeError(
            "keys= takes names of columns, the same in every source; rename the columns that are called otherwise."
        )
    keys = _parts(keys)
    groups = [_parts(key) for key in keys]
    if not groups or not all(group and _all_text(group) for group in groups):
        raise ValueError(
            "keys must name at least one column: 'id', ['name', 'town'], or [['tax_id'], ['name', 'town']]."
        )
    return [keys] if _all_text(keys) else groups


def _parts(names: Any) -> list[Any]:
    if isinstance(names, str):
        return [names] if names else []
    return list(names) if hasattr(names, "__iter__") else []


def _all_text(names: Sequence[Any]) -> bool:
    return all(isinstance(name, str) for name in names)


def field_rules(prefer: Any, fields: list[str], names: list[str], updated: str | None) -> dict[str, Any]:
    """The rule of each field: "newest", "most complete" or the places of the sources."""
    if isinstance(prefer, Mapping):
        frames.check_names(list(prefer), fields, "the fields of prefer=")
        given = {field: prefer.get(field) for field in fields}
    else:
        given = dict.fromkeys(fields, prefer)
    faults: list[str] = []
    rules = {field: _rule(rule, names, updated, faults) for field, rule in given.items()}
    if faults:
        raise DataError(list(dict.fromkeys(faults)), "the rules")
    return rules


def _rule(rule: Any, names: list[str], updated: str | None, faults: list[str]) -> Any:
    """One field's rule: "newest", "most complete" or all sources in order, those named first."""
    if isinstance(rule, str) and rule in (NEWEST, COMPLETE) and rule not in names:
        if rule == NEWEST and updated is None:
            faults.append(f"prefer={NEWEST!r} needs updated=, the column with the moment of a record's last change")
        return rule
    if not (rule is None or isinstance(rule, str) or hasattr(rule, "__iter__")):
        faults.append(f"prefer={rule!r} must be {NEWEST!r}, {COMPLETE!r}, the name of a source, or several in order")
        return ()
    order = [] if rule is None else [rule] if isinstance(rule, str) else list(rule)
    known = ", ".join(map(repr, names))
    faults += [
        f"prefer names {name!r}, which is none of {NEWEST!r}, {COMPLETE!r} and the sources {known}"
        for name in order
        if name not in names
    ]
    return (*dict.fromkeys(order), *(name for name in names if name not in order))


def check_request(
    tables: Sequence[Any],
    fields: list[str],
    columns_of: list[list[str]],
    names: list[str],
    groups: list[list[str]],
    fuzzy: Mapping[str, float] | None,
    block: list[str],
    updated: str | None,
    number: str,
) -> None:
    """Refuse what cannot be done, naming every fault."""
    if fuzzy is not None and not isinstance(fuzzy, Mapping):
        raise TypeError(
            f"fuzzy={fuzzy!r} must be a mapping of columns to the least similarity, such as {{'name': 90}}."
        )
    if not isinstance(number, str):
        raise TypeError(f"number={number!r} must be a text, the name of a column.")
    in_index = {name for table in tables for name in index_names(table)}
    keys = [name for group in groups for name in group]
    wanted = [*keys, *(fuzzy or {}), *block, *filter(None, [updated])]
    faults = Faults("the sources")
    for name in dict.fromkeys(wanted):
        faults.extend(_missing_column(name, fields, in_index))
    if not faults:
        for table, name, there in zip(tables, names, columns_of, strict=True):
            faults.extend(_without_key(table, name, there, groups, fuzzy))
    faults.extend(_fuzzy_faults(fuzzy, block))
    if number in fields:
        faults.add(f"column {number!r} is there already; give another name as number=")
    if number in _REPORTED:
        faults.add(f"number={number!r} is the name of another column of the report; give another")
    faults.refuse()


def _fuzzy_faults(fuzzy: Mapping[str, float] | None, block: list[str]) -> list[str]:
    if not fuzzy:
        return ["block= is for fuzzy=, which is not given"] if block else []
    return [
        f"fuzzy[{name!r}]={limit!r} must be a similarity above 1 and up to 100, such as 90"
        for name, limit in fuzzy.items()
        if not is_number(limit) or not 1 < limit <= 100
    ]


def _missing_column(name: str, fields: list[str], in_index: set[Any]) -> list[str]:
    try:
        frames.check_names([name], fields, "")
    except DataError as error:
        return [f"{fault} (in all sources together){_index_hint([name], in_index)}" for fault in error.faults]
    return []


def _without_key(
    table: Any, name: str, there: list[str], groups: list[list[str]], fuzzy: Mapping[str, float] | None
) -> list[str]:
    """The fault of a source whose records nothing can link."""
    if any(set(group) <= set(there) for group in groups) or (fuzzy and set(fuzzy) <= set(there)):
        return []
    missing = dict.fromkeys(key for group in groups for key in group if key not in there)
    return [
        f"{name!r} has no key: {', '.join(map(repr, missing))} missing, so nothing links its records; "
        "rename its column, or give another key" + _index_hint(missing, index_names(table))
    ]


def _index_hint(missing: Iterable[str], in_index: Iterable[Any]) -> str:
    found = [name for name in missing if name in in_index]
    return f"; {found[0]!r} is in the index of pandas: call reset_index() first" if found else ""
