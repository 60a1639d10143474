"""What an integration was asked for: sources, keys and rules checked, before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from .. import frames
from ..exceptions import DataError

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
        raise ValueError(f"names={given!r} must be {len(sources)} different names, one a source.")
    return list(sources), given


def key_groups(keys: Any) -> list[list[str]]:
    if isinstance(keys, str):
        return [[keys]]
    if isinstance(keys, Mapping):
        raise TypeError(
            "keys= takes names of columns, the same in every source; rename the columns that are called otherwise."
        )
    keys = list(keys) if hasattr(keys, "__iter__") else []
    parts = [part for key in keys if hasattr(key, "__iter__") for part in ([key] if isinstance(key, str) else key)]
    if not keys or any(not hasattr(key, "__iter__") or not key for key in keys) or not _all_text(parts):
        raise ValueError(
            "keys must name at least one column: 'id', ['name', 'town'], or [['tax_id'], ['name', 'town']]."
        )
    if _all_text(keys):
        return [keys]
    return [[key] if isinstance(key, str) else list(key) for key in keys]


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
    rules: dict[str, Any] = {}
    for field, rule in given.items():
        if isinstance(rule, str) and rule in (NEWEST, COMPLETE) and rule not in names:
            if rule == NEWEST and updated is None:
                faults.append(f"prefer={NEWEST!r} needs updated=, the column with the moment of a record's last change")
            rules[field] = rule
            continue
        if not (rule is None or isinstance(rule, str) or hasattr(rule, "__iter__")):
            faults.append(
                f"prefer={rule!r} must be {NEWEST!r}, {COMPLETE!r}, the name of a source, or several in order"
            )
            rules[field] = ()
            continue
        order = [] if rule is None else [rule] if isinstance(rule, str) else list(rule)
        for name in order:
            if name not in names:
                known = ", ".join(map(repr, names))
                faults.append(
                    f"prefer names {name!r}, which is none of {NEWEST!r}, {COMPLETE!r} and the sources {known}"
                )
        rest = [name for name in names if name not in order]
        rules[field] = (*dict.fromkeys(order), *rest)
    if faults:
        raise DataError(list(dict.fromkeys(faults)), "the rules")
    return rules


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
    faults = []
    in_index = {name for table in tables if isinstance(table, pd.DataFrame) for name in table.index.names}
    wanted = [*dict.fromkeys(name for group in groups for name in group), *(fuzzy or {}), *block]
    for name in dict.fromkeys([*wanted, *([updated] if updated else [])]):
        try:
            frames.check_names([name], fields, "")
        except DataError as error:
            faults += [f"{fault} (in all sources together){_index_hint([name], in_index)}" for fault in error.faults]
    if not faults:
        for table, name, there in zip(tables, names, columns_of, strict=True):
            if not any(set(group) <= set(there) for group in groups) and not (fuzzy and set(fuzzy) <= set(there)):
                missing = dict.fromkeys(key for group in groups for key in group if key not in there)
                faults.append(
                    f"{name!r} has no key: {', '.join(map(repr, missing))} missing, so nothing links its records; "
                    "rename its column, or give another key"
                    + _index_hint(missing, table.index.names if isinstance(table, pd.DataFrame) else ())
                )
    for name, limit in (fuzzy or {}).items():
        if isinstance(limit, bool) or not isinstance(limit, (int, float)) or not 1 < limit <= 100:
            faults.append(f"fuzzy[{name!r}]={limit!r} must be a similarity above 1 and up to 100, such as 90")
    if block and not fuzzy:
        faults.append("block= is for fuzzy=, which is not given")
    if number in fields:
        faults.append(f"column {number!r} is there already; give another name as number=")
    if number in _REPORTED:
        faults.append(f"number={number!r} is the name of another column of the report; give another")
    if faults:
        raise DataError(faults, "the sources")


def _index_hint(missing: Iterable[str], in_index: Iterable[Any]) -> str:
    found = [name for name in missing if name in in_index]
    return f"; {found[0]!r} is in the index of pandas: call reset_index() first" if found else ""
