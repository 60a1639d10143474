"""Identifiers that can be taken as they stand, told by their first and last bytes."""

from __future__ import annotations

from typing import Any

import numpy as np

_BLANKS = b"\t\n\v\f\r "
#: Longest word that says that nothing is there.
_LONGEST_WORD = 4


def _table(found: bytes) -> np.ndarray:
    table = np.zeros(256, dtype=bool)
    table[list(found)] = True
    return table


#: How an identifier begins that may be odd: a blank, the first byte of the unbreakable one, a zero, a guard against formulas.
_FIRST = _table(_BLANKS + b"\xc20'")
#: How the words of :data:`crmml.files.reading.NULL_WORDS` begin.
_WORD = _table(b"nN#<\\-")
#: How it ends that may be odd: a blank, or the last byte of the unbreakable one.
_LAST = _table(_BLANKS + b"\xa0")


def are_plainly_edged(column: Any) -> bool:
    """Whether no identifier begins with a zero or an apostrophe, has blanks around it, ends in .0, or says that nothing is there.

    False where one may; which do is then to be told exactly.

    Parameters
    ----------
    column : pyarrow ChunkedArray of string
    """
    return all(_chunk_is_plain(chunk) for chunk in column.chunks)


def _chunk_is_plain(chunk: Any) -> bool:
    texts = chunk.drop_null()
    if not len(texts):
        return True
    if str(texts.type) != "string":
        return False
    _, places, entries = texts.buffers()
    offsets = np.frombuffer(places, dtype=np.int32)[texts.offset : texts.offset + len(texts) + 1]
    length = np.diff(offsets)
    if not length.all():
        return False
    data = np.frombuffer(entries, dtype=np.uint8)
    first, last = data[offsets[:-1]], data[offsets[1:] - 1]
    short_word = _WORD[first] & (length <= _LONGEST_WORD)
    if _FIRST[first].any() or _LAST[last].any() or short_word.any():
        return False
    zeros = np.flatnonzero((last == ord("0")) & (length > 1))
    return not (data[offsets[1:][zeros] - 2] == ord(".")).any()
