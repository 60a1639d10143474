"""Records whose texts are nearly the same, by the package rapidfuzz (the extra ``match``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ..exceptions import DataError
from ._linking import group_codes
from ._records import Records

#: Distinct texts of a block up to which all pairs are compared.
MOST_IN_BLOCK = 20_000
#: Rows of similarities held at once.
CHUNK = 1_000


def fuzzy_pairs(
    records: Records, thresholds: Mapping[str, float], block: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of records whose every text is at least so similar, and the least similarity of each pair.

    Similarity is rapidfuzz's ``token_sort_ratio`` of the normalised texts, 0 to 100: the order of words does not matter.
    Records with a missing text, or in different blocks, are never paired.

    Raises
    ------
    ImportError
        When rapidfuzz is not installed.
    DataError
        When a block is too large for all pairs.
    """
    try:
        from rapidfuzz import fuzz, process
    except ImportError:
        raise ImportError("fuzzy= is done by rapidfuzz: pip install 'crmml[match]'") from None
    columns = list(thresholds)
    code = group_codes(records, columns, normalise=True)
    blocks = group_codes(records, block, normalise=True) if block else np.zeros(len(records), dtype=np.int64)
    usable = np.flatnonzero((code >= 0) & (blocks >= 0))
    # one record stands for all of its block with the same texts; the others follow it
    _, first, same = np.unique(
        np.column_stack([blocks[usable], code[usable]]), axis=0, return_index=True, return_inverse=True
    )
    same = same.ravel()
    ones = usable[first]
    followers = np.column_stack([ones[same], usable])
    followers = followers[followers[:, 0] != followers[:, 1]]
    pairs, scores = [followers], [np.full(len(followers), 100.0)]
    for members in np.split(ones, np.flatnonzero(np.diff(blocks[ones])) + 1):
        if len(members) < 2:
            continue
        if len(members) > MOST_IN_BLOCK:
            raise DataError(
                [
                    f"{len(members):,} different texts would be compared with each other; name columns in block= that must "
                    f"agree, so that at most {MOST_IN_BLOCK:,} are left in one block"
                ],
                "the fuzzy matching",
            )
        texts = {name: [_text(records, name, i) for i in members] for name in columns}
        for start in range(0, len(members), CHUNK):
            least = np.full((min(CHUNK, len(members) - start), len(members)), np.inf)
            for name, limit in thresholds.items():
                likeness = process.cdist(
                    texts[name][start : start + CHUNK], texts[name], scorer=fuzz.token_sort_ratio, score_cutoff=limit
                )
                least = np.minimum(least, np.where(likeness >= limit, likeness, -np.inf))
            a, b = np.nonzero(np.isfinite(least))
            later = b > a + start
            pairs.append(np.column_stack([members[a[later] + start], members[b[later]]]))
            scores.append(least[a[later], b[later]])
    return np.concatenate(pairs), np.concatenate(scores)


def _text(records: Records, name: str, record: int) -> str:
    field = records.fields[name]
    return field.normal_texts[field.normal[record]]
