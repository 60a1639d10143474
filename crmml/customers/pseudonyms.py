"""Identifiers replaced by keyed hashes, so that tables still join and nobody is named."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from .. import frames
from ..checks import check_count
from ..exceptions import DataError
from ..frames.records import check_index, is_lazy, replaced, rows_of_columns, with_columns
from ..typing import Frame
from ._arrow import as_arrow
from ._canonical_text import as_text, distinct, merged, too_large

#: Environment variable that holds the key where none is given.
KEY_VARIABLE = "CRMML_PSEUDONYM_KEY"
#: Fewest bytes of a key, and fewest hexadecimal digits of a pseudonym.
SHORTEST_KEY, SHORTEST_PSEUDONYM = 16, 16
FULL_LENGTH = 64

_CURE = 'make one with python -c "import secrets; print(secrets.token_hex(32))", and keep it where the data is not'


def pseudonymize(
    frame: Frame,
    columns: str | Sequence[str],
    *,
    key: bytes | str | None = None,
    domain: str | Mapping[str, str] | None = None,
    length: int = FULL_LENGTH,
) -> Any:
    """Replace identifiers by pseudonyms, HMAC-SHA-256 under a key of the caller's [1]_ [2]_, in hexadecimal digits.

    The same identifier gets the same pseudonym under the same key, in any table and on any engine, so that tables still
    join. 12, 12.0 and "12" are the same identifier, as in :func:`crmml.customers.integrate`; "H-1" and "h-1 " are not,
    nor are two Unicode forms of one letter: bring them to one form before. Missing stays missing, and a blank text is
    missing.

    A pseudonym is still personal data: who has the key can compute it for any identifier. Without the key it tells
    nothing of the identifier, however few identifiers there may be. Other columns are not looked at: a rare combination
    of town and beds names a hospital as well as its licence does.

    Parameters
    ----------
    frame : frame of pandas, polars (eager or lazy), pyarrow, DuckDB or PySpark
    columns : str or sequence of str
        Replaced in place, as text.
    key : bytes or str, default=None
        At least 16 bytes (a text counts in UTF-8); None takes the environment variable ``CRMML_PSEUDONYM_KEY``. It is used
        and forgotten: never stored, logged or shown.
    domain : str or mapping of column to str, default=None
        Pseudonyms of different domains cannot be joined, even where the identifiers are equal: a key of its own is
        derived for each, HMAC(key, FF ‖ domain). UTF-8 has no byte FF, so that no identifier's pseudonym is that key. None
        has all columns and tables join.
    length : int, default=64
        Digits kept, 16 to 64. With n identifiers, two share a pseudonym of d digits with probability of about n² / (2 ·
        16ᵈ); it is refused when that happens within a column.

    Returns
    -------
    frame
        Of the engine of ``frame``, other columns as they were. Eager frames keep their rows' order and pandas its index;
        lazy ones are computed, pass through arrow on this machine, and are handed back.

    Raises
    ------
    DataError
        When columns are missing, hold lists and the like or floats too large to be exact (from 2**53), or when ``length``
        makes two identifiers one.
    ValueError
        When there is no key, or it is shorter than 16 bytes.

    References
    ----------
    .. [1] Krawczyk, H., Bellare, M. & Canetti, R. (1997). HMAC: Keyed-hashing for message authentication. RFC 2104.
    .. [2] Nystrom, M. (2005). Identifiers and test vectors for HMAC-SHA-224, HMAC-SHA-256, HMAC-SHA-384, and HMAC-SHA-512.
       RFC 4231.

    Examples
    --------
    >>> import pandas as pd
    >>> sales = pd.DataFrame({"licence": ["H-1", "H-2", None, "H-1"], "beds": [800, 120, 90, 800]})
    >>> hidden = pseudonymize(sales, "licence", key="a key for this example only", length=16)
    >>> hidden["licence"].str.len().tolist(), hidden["licence"].nunique(), int(hidden["licence"].isna().sum())
    ([16.0, 16.0, nan, 16.0], 2, 1)
    """
    request = read_pseudonyms(frame, columns, key, domain, length)
    lazy = is_lazy(frame)
    table = frames.to_arrow(frame) if lazy else as_arrow(rows_of_columns(frame, request.names))
    picked = table.select([str(name) for name in request.names])
    _check(picked)
    hidden = {
        name: _hidden(picked[str(name)], name, secret, request.length) for name, secret in request.secrets.items()
    }
    return frames.from_arrow(replaced(table, hidden), frame) if lazy else with_columns(frame, hidden)


@dataclass(frozen=True, repr=False)
class Pseudonyms:
    """What is to be replaced, checked; it is never shown, since it holds keys.

    Attributes
    ----------
    secrets : dict of column to bytes
        The key of each column's domain.
    length : int
        Digits of a pseudonym.
    """

    secrets: dict[str, bytes]
    length: int

    @property
    def names(self) -> list[str]:
        """The columns."""
        return list(self.secrets)


def read_pseudonyms(
    frame: Frame,
    columns: str | Sequence[str],
    key: bytes | str | None,
    domain: str | Mapping[str, str] | None,
    length: int,
) -> Pseudonyms:
    """Read and check what :func:`pseudonymize` is asked for.

    Raises
    ------
    DataError
        When columns are missing.
    TypeError, ValueError
        When an argument is not of the kind that is asked for, or there is no key.
    """
    if columns is None:
        raise TypeError("columns=None names no column; name those that hold identifiers.")
    is_one = isinstance(columns, str) or not hasattr(columns, "__iter__")
    names: list[str] = [columns] if is_one else list(dict.fromkeys(columns))  # type: ignore[list-item]
    if not names:
        raise ValueError("columns must name at least one column.")
    length = check_count(length, "length", least=SHORTEST_PSEUDONYM, most=FULL_LENGTH)
    domains = _domains(domain, names)
    check_index(frame, names, "the frame")
    secret = _secret(key)
    frames.check_columns(frames.wrap(frame), names)
    return Pseudonyms({name: secret if own is None else _derived(secret, own) for name, own in domains.items()}, length)


def _domains(domain: str | Mapping[str, str] | None, names: list[str]) -> dict[str, str | None]:
    if isinstance(domain, Mapping):
        frames.check_names(list(domain), names, "the columns of domain=")
    found = {name: domain.get(name) if isinstance(domain, Mapping) else domain for name in names}
    for own in domain.values() if isinstance(domain, Mapping) else [domain]:
        if not (own is None or isinstance(own, str)):
            raise TypeError(f"domain={own!r} must be a text.")
    return found


def _secret(key: Any) -> bytes:
    """The key as bytes; its value appears in no message."""
    where = "key="
    if key is None:
        key, where = os.environ.get(KEY_VARIABLE), f"the environment variable {KEY_VARIABLE}"
        if key is None:
            raise ValueError(f"There is no key: give key=, or set {where}; {_CURE}.")
    if isinstance(key, str):
        key = key.encode("utf-8") if key.strip() else b""
    if not isinstance(key, (bytes, bytearray)):
        raise TypeError(f"key= must be bytes or str, not {type(key).__name__}.")
    if not key:
        raise ValueError(f"The key of {where} is empty; {_CURE}.")
    if len(key) < SHORTEST_KEY:
        raise ValueError(f"The key of {where} is shorter than {SHORTEST_KEY} bytes, so it can be guessed; {_CURE}.")
    return bytes(key)


def _digest(secret: bytes, text: str) -> bytes:
    return hmac.digest(secret, text.encode("utf-8", "surrogatepass"), "sha256")


def _derived(secret: bytes, domain: str) -> bytes:
    """Key of a domain, which is the digest of no identifier: with a text's own digest, who saw one would hold the key."""
    return hmac.digest(secret, b"\xff" + domain.encode("utf-8", "surrogatepass"), "sha256")


def _check(picked: Any) -> None:
    faults = [
        f"column {field.name!r} holds {field.type}; make a plain column of it"
        for field in picked.schema
        if pa.types.is_nested(field.type)
    ]
    faults += [
        f"column {field.name!r} holds floats in {rows:,} rows that are too large to tell neighbouring numbers apart; read it "
        "as text, or as whole numbers (pandas' Int64 where some are missing)"
        for field in picked.schema
        if (rows := too_large(picked[field.name]))
    ]
    if faults:
        raise DataError(faults, "the frame")


def _hidden(column: Any, name: str, secret: bytes, length: int) -> Any:
    """The pseudonyms of a column; every distinct identifier is hashed once."""
    codes, values = distinct(column)
    codes, texts = merged(codes, [as_text(value) for value in values])
    pseudonyms = [_digest(secret, text).hex()[:length] for text in texts]
    if shared := len(texts) - len(set(pseudonyms)):
        raise DataError(
            [f"{shared:,} identifiers of column {name!r} share a pseudonym of {length} digits; take a longer length="],
            "the frame",
        )
    return pa.array(pseudonyms, pa.string()).take(pa.array(codes, mask=codes < 0))
