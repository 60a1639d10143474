"""Whether a fitted model would carry customers' identifiers into a store: among its inputs, or among what it has learnt."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from ..customers.scanning.identifier_names import holds_identifiers, named_like_identifier, named_personally

#: Distinct texts from which codes that each hold a number of their own are taken for customers' numbers.
MANY = 20
_CODE = re.compile(r"[^\W\d_]{0,8}[-_/. ]{0,2}[0-9]{4,}[-_/. ]{0,2}[^\W\d_]{0,3}")
#: Share of distinct texts in a column of the example from which it tells its rows apart.
_OWN_TEXT = 0.9
_CURE = "drop the column, or name it in allow= when it identifies no customer"


def identifying_inputs(columns: Sequence[str], allow: Sequence[str]) -> list[str]:
    """One fault for each input of a model that is called like an identifier."""
    named = [column for column in columns if column not in allow and named_personally(column)]
    return [
        f"{column} is among the model's inputs, and called like an identifier of customers; {_CURE}" for column in named
    ]


def identifying_contents(model: Any, example: Any, allow: Sequence[str]) -> list[str]:
    """One fault for each collection of texts in a fitted model that looks as if it named customers; no text is told."""
    own = _texts_of_rows(example, allow)
    faults = {}
    for place, values in _collections(model, (), set()):
        if any(str(step) in allow for step in place):
            continue
        where = ".".join(map(str, place))
        texts = list(dict.fromkeys(value for value in values if isinstance(value, str)))
        if what := _what_they_are(texts, own):
            faults[where] = f"{where} of the fitted model holds {len(texts):,} {what}; {_CURE}"
        elif len(values) >= MANY and place and named_like_identifier(str(place[-1]).strip("_")):
            faults[where] = f"{where} of the fitted model holds {len(values):,} entries; store a model without them"
    return list(faults.values())


def _what_they_are(texts: list[str], own: dict[str, frozenset[str]]) -> str | None:
    if what := holds_identifiers(texts):
        return what
    if len(texts) >= MANY and sum(_CODE.fullmatch(text) is not None for text in texts) * 2 > len(texts):
        return "codes that each hold a number of their own"
    for column, rows in own.items():
        if len(rows.intersection(texts)) * 2 > len(rows):
            return f"texts, among them those of {column!r}, which differ in nearly every row"
    return None


def _texts_of_rows(example: Any, allow: Sequence[str]) -> dict[str, frozenset[str]]:
    """Texts of the example's columns that differ in nearly every row."""
    found = {}
    if isinstance(example, pd.DataFrame) and len(example) >= MANY:
        for name in example:
            texts = [value for value in example[name] if isinstance(value, str)]
            if str(name) not in allow and len(texts) >= MANY and len(set(texts)) > _OWN_TEXT * len(texts):
                found[str(name)] = frozenset(texts)
    return found


def _collections(value: Any, place: tuple, seen: set[int]) -> Iterator[tuple[tuple, Sequence[Any]]]:
    """Every collection within a fitted model, with the way to it."""
    if id(value) in seen or value is None or isinstance(value, (str, bytes, int, float, np.generic, type)):
        return
    seen.add(id(value))
    if isinstance(value, (pd.Series, pd.Index, pd.DataFrame)):
        yield from _of_pandas(value, place)
    elif isinstance(value, np.ndarray):
        flat = value.ravel()
        yield place, flat.tolist()
        if value.dtype == object:
            yield from _of_each(enumerate(flat.tolist()), place, seen)
    elif isinstance(value, dict):
        yield place, list(value)
        yield place, list(value.values())
        yield from _of_each(value.items(), place, seen)
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield place, list(value)
        yield from _of_each(enumerate(value), place, seen)
    elif hasattr(value, "__dict__") and not callable(value):
        yield from _of_object(value, place, seen)


def _of_each(items: Any, place: tuple, seen: set[int]) -> Iterator[tuple[tuple, Sequence[Any]]]:
    for key, entry in items:
        if not isinstance(entry, (str, bytes, int, float, np.generic)):
            yield from _collections(entry, (*place, key), seen)


def _of_pandas(value: Any, place: tuple) -> Iterator[tuple[tuple, Sequence[Any]]]:
    if isinstance(value, pd.DataFrame):
        yield from ((((*place, name)), value[name].tolist()) for name in value)
        yield place, list(value.columns)
    else:
        yield place, value.tolist()
    if not isinstance(value, pd.Index):
        yield (*place, "index"), value.index.tolist()


def _of_object(value: Any, place: tuple, seen: set[int]) -> Iterator[tuple[tuple, Sequence[Any]]]:
    """The attributes of an object; an encoder's categories stand under the names of their columns."""
    names = vars(value).get("feature_names_in_")
    for name, entry in vars(value).items():
        by_column = name == "categories_" and names is not None and isinstance(entry, list) and len(entry) == len(names)
        if by_column:
            seen.add(id(entry))
            yield from _of_each(zip(names, entry, strict=True), (*place, name), seen)
        else:
            yield from _collections(entry, (*place, name), seen)
