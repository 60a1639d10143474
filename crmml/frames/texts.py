"""Columns of text on every engine alike, and what white space is: text of nothing else is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import narwhals as nw
import pandas as pd

from .engines import AnyFrame
from .queries import pandas_behind

#: Spelt out, since engines differ in what they take off by default: the ASCII ones, the no-break and other wide or narrow
#: spaces, line and paragraph ends, and the mark that files of some programs begin with.
WHITE_SPACE = (
    "\t\n\x0b\x0c\r \x1c\x1d\x1e\x1f\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u200b\u2028\u2029\u202f\u205f\u3000\ufeff"
)


def trimmed(text: nw.Expr) -> nw.Expr:
    """Text without the white space around it."""
    return text.str.strip_chars(WHITE_SPACE)


def is_blank(text: nw.Expr) -> nw.Expr:
    """Whether text is empty or white space alone."""
    return trimmed(text) == ""


def may_be_blank(text: nw.Expr) -> nw.Expr:
    """Whether text is empty or begins like white space: much cheaper to ask than `is_blank`, which only such text can be."""
    return (text < "!") | (text > "~")


def with_texts(frame: AnyFrame, column: str, into: str, write: Callable[[Any], str] = str) -> AnyFrame:
    """Add a column's text, "" where it is missing.

    Parameters
    ----------
    frame : narwhals frame
    column : str
        Of text, categories, or Python objects.
    into : str
        Name of the column to add.
    write : callable, default=str
        Writes an object of a pandas column that is no text.
    """
    native = pandas_behind(frame)
    if native is not None and is_of_objects(native[column]):
        entries = native[column].astype(object)
        pairs = zip(entries, entries.isna().to_numpy(), strict=True)
        texts = ["" if gone else str(entry) if isinstance(entry, str) else write(entry) for entry, gone in pairs]
        return nw.from_native(native.assign(**{into: pd.array(texts, dtype="string")}))
    return frame.with_columns(nw.col(column).cast(nw.String).fill_null("").alias(into))


def is_of_objects(column: pd.Series) -> bool:
    """Whether a pandas column can hold entries of any kind, whatever its first ones are."""
    return column.dtype == object or isinstance(column.dtype, pd.CategoricalDtype)
