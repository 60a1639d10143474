"""Which records are one customer: equal keys, any of several, and what holds together through them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ._records import Records


def group_codes(records: Records, group: Sequence[str], *, normalise: bool) -> np.ndarray:
    """Code of each record's key, -1 where a part of it is missing."""
    parts = [records.fields[name].normal if normalise else records.fields[name].exact for name in group]
    code = parts[0]
    for part in parts[1:]:
        both = (code >= 0) & (part >= 0)
        found = np.full(code.size, -1, dtype=np.int64)
        found[both] = np.unique(code[both] * (part.max(initial=0) + 1) + part[both], return_inverse=True)[1]
        code = found
    return code


def linked(codes: Sequence[np.ndarray], pairs: np.ndarray | None = None) -> np.ndarray:
    """Label of each record, alike where records share a code of any key, directly or through others.

    Parameters
    ----------
    codes : sequence of ndarray of shape (n,)
    pairs : ndarray of shape (n_pairs, 2), default=None
        Records linked by other means.
    """
    n = codes[0].size
    ends, starts, nodes = [], [], n
    for code in codes:
        with_key = np.flatnonzero(code >= 0)
        starts.append(with_key)
        ends.append(nodes + code[with_key])
        nodes += int(code.max(initial=-1)) + 1
    if pairs is not None and len(pairs):
        starts.append(pairs[:, 0])
        ends.append(pairs[:, 1])
    left, right = np.concatenate(starts), np.concatenate(ends)
    graph = coo_matrix((np.ones(left.size, dtype=np.int8), (left, right)), shape=(nodes, nodes))
    return connected_components(graph, directed=False)[1][:n].astype(np.int64)


def numbered(records: Records, groups: Sequence[Sequence[str]], label: np.ndarray, *, normalise: bool) -> np.ndarray:
    """Number the customers in the order of their keys, whatever the order of the rows; those without a key come last."""
    sort_keys = [records.row, records.source, records.content]  # the last of them weighs most
    for group in reversed(groups):
        for name in reversed(group):
            field = records.fields[name]
            code, texts = (field.normal, field.normal_texts) if normalise else (field.exact, field.texts)
            rank = np.append(_ranks(texts), len(texts))
            sort_keys.append(rank[code])
        sort_keys.append(group_codes(records, group, normalise=normalise) < 0)
    order = np.lexsort(sort_keys)
    _, first = np.unique(label[order], return_index=True)
    number = np.empty(first.size, dtype=np.int64)
    number[np.argsort(first, kind="stable")] = np.arange(first.size)
    return number[np.unique(label, return_inverse=True)[1]]


def _ranks(texts: list[str]) -> np.ndarray:
    """Place of each text in the order of the numbers they are, or of the alphabet where one is none."""
    numbers = pd.to_numeric(pd.Series(texts, dtype=object), errors="coerce").to_numpy(dtype=float)
    by_number = bool(np.isfinite(numbers).all())
    order = sorted(range(len(texts)), key=lambda i: (numbers[i], texts[i]) if by_number else (0.0, texts[i]))
    rank = np.empty(len(texts), dtype=np.int64)
    rank[order] = np.arange(len(texts))
    return rank


def how_linked(label: np.ndarray, exact: np.ndarray, by_key: np.ndarray, has_key: np.ndarray) -> np.ndarray:
    """Say of each record what it took to link its customer: "alone", "no key", "exact", "normalised" or "fuzzy"."""
    size = np.bincount(label)[label]
    how = np.where(has_key, "alone", "no key").astype(object)
    several = size > 1
    how[several] = np.where(
        _whole(exact, label)[several], "exact", np.where(_whole(by_key, label)[several], "normalised", "fuzzy")
    )
    return how


def _whole(part: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Whether all records of a record's customer have one part."""
    n = np.bincount(np.unique(np.column_stack([label, part]), axis=0)[:, 0], minlength=label.max() + 1)
    return n[label] == 1
