"""What a file holds, as texts, columns and numbers to look for identifiers in: text, tables, archives, pictures, bytes."""

from __future__ import annotations

import csv
import io
import json
import lzma
import sqlite3
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from ._cells import Wanted
from ._formats import is_closed, is_tar, page_tables, png_texts, text_of, unpacker
from .identifier_names import named_like_identifier

#: Bytes of a file, or of a member of an archive, up to which it is read.
MOST_BYTES = 2**30
#: Archives within archives.
DEEPEST = 4
_SQLITE = b"SQLite format 3\x00"

#: (place, identifiers found there, or None where it could not be read)
Finding = tuple[str, "set[str] | None"]


class Reader:
    """Looks for identifiers in files.

    Parameters
    ----------
    wanted : Wanted
    names : frozenset of str
        Columns that hold identifiers, besides those that are called so.
    """

    def __init__(self, wanted: Wanted, names: frozenset[str] = frozenset()):
        self.wanted = wanted
        self.names = names

    def file(self, path: Path, place: str) -> Iterator[Finding]:
        """Look in one file and its name."""
        yield f"{place} (name)", self.wanted.in_text(place)
        if path.stat().st_size > MOST_BYTES:
            yield place, None
            return
        with path.open("rb") as opened:
            is_store = opened.read(len(_SQLITE)) == _SQLITE
        if is_store:
            yield from self._sqlite(
                sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True), path.read_bytes(), place
            )
            return
        yield from self.data(path.read_bytes(), place)

    def data(self, data: bytes, place: str, depth: int = 0) -> Iterator[Finding]:
        """Look in the content of a file, by what it is and not by how it is called."""
        if data[:4] == b"PAR1":
            yield from self._parquet(data, place)
        elif data[:6] == b"ARROW1":
            yield from self._feather(data, place)
        elif data[:4] == b"PK\x03\x04":
            yield from self._zip(data, place, depth)
        elif is_tar(data):
            yield from self._tar(data, place, depth)
        elif data[: len(_SQLITE)] == _SQLITE:
            store = sqlite3.connect(":memory:")
            # bytes 18 and 19 say that a log lies beside the file, which there is none of here
            store.deserialize(data[:18] + b"\x01\x01" + data[20:])
            yield from self._sqlite(store, data, place)
        elif is_closed(data):
            yield place, self.wanted.in_bytes(data)
            yield place, None
        elif data[:8] == b"\x89PNG\r\n\x1a\n":
            yield place, self.wanted.in_text("\n".join(png_texts(data)))
        elif data[:6] == b"\x93NUMPY":
            yield from self._array(data, place)
        elif (unpack := unpacker(data)) is not None:
            try:
                inside = unpack(data)
            except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError):
                if data[:1] != b"x":  # a text may begin like zlib's data
                    yield place, None
                yield from self._plain(data, place)
                return
            yield from self._inside(inside, f"{place} (unpacked)", depth)
        else:
            yield from self._plain(data, place)

    def _plain(self, data: bytes, place: str) -> Iterator[Finding]:
        text, is_sure = text_of(data)
        if not is_sure:
            yield place, self.wanted.in_bytes(data)
        if text is not None:
            yield from self.text(text, place)

    def text(self, text: str, place: str) -> Iterator[Finding]:
        """Look in a text, and in its columns where it is JSON or CSV."""
        yield place, self.wanted.in_text(text)
        start = text.lstrip()[:1]
        if start and start in "{[":
            try:
                content = json.loads(text)
            except (ValueError, RecursionError):
                lines = text.splitlines()
                try:
                    content = [json.loads(line) for line in lines if line.strip()]
                except (ValueError, RecursionError):
                    return
            yield from self._json(content, place)
        elif start.startswith("<"):
            tables = page_tables(text)
            if tables is None:
                yield f"{place} (its tables)", None
            for rows in tables or ():
                for i, names in enumerate(rows[:2]):  # pandas gives the index's name a row of its own
                    yield from self._rows(names, rows[i + 1 :], place)
        else:
            yield from self._csv(text, place)

    def column(self, name: str, values: Any, place: str) -> Iterator[Finding]:
        """Look among the values of a column, for short identifiers too, where it is called like one."""
        if self._is_wanted(name):
            yield f"{place}, column {name!r}", self.wanted.in_column(values)

    def _inside(self, data: bytes, place: str, depth: int) -> Iterator[Finding]:
        if depth >= DEEPEST or len(data) > MOST_BYTES:
            yield place, None
        else:
            yield from self.data(data, place, depth + 1)

    def _zip(self, data: bytes, place: str, depth: int) -> Iterator[Finding]:
        try:
            archive = zipfile.ZipFile(io.BytesIO(data))
        except zipfile.BadZipFile:
            yield place, self.wanted.in_bytes(data)
            return
        with archive:
            yield place, self.wanted.in_text(archive.comment.decode("utf-8", "replace"))
            for member in archive.infolist():
                inner = f"{place}/{member.filename}"
                yield f"{inner} (name)", self.wanted.in_text(member.filename)
                if member.is_dir():
                    continue
                if member.file_size > MOST_BYTES or member.flag_bits & 1:
                    yield inner, None
                    continue
                try:
                    content = archive.read(member)
                except (zipfile.BadZipFile, NotImplementedError, zlib.error):
                    yield inner, None
                    continue
                yield from self._inside(content, inner, depth)

    def _tar(self, data: bytes, place: str, depth: int) -> Iterator[Finding]:
        try:
            with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
                for member in archive:
                    inner = f"{place}/{member.name}"
                    yield f"{inner} (name)", self.wanted.in_text(member.name)
                    content = archive.extractfile(member) if member.isfile() else None
                    if content is not None:
                        yield from self._inside(content.read(), inner, depth)
        except tarfile.TarError:
            yield place, self.wanted.in_bytes(data)
            yield place, None

    def _parquet(self, data: bytes, place: str) -> Iterator[Finding]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.read_table(io.BytesIO(data))
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError):
            yield place, None
            return
        yield from self._arrow(table, place)

    def _feather(self, data: bytes, place: str) -> Iterator[Finding]:
        import pyarrow as pa

        try:
            table = pa.ipc.open_file(io.BytesIO(data)).read_all()
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError):
            yield place, self.wanted.in_bytes(data)
            yield place, None
            return
        yield from self._arrow(table, place)

    def _arrow(self, table: Any, place: str) -> Iterator[Finding]:
        import pyarrow as pa

        metadata = table.schema.metadata or {}
        notes = [part.decode("utf-8", "replace") for item in metadata.items() for part in item]
        yield place, self.wanted.in_text("\n".join([*table.column_names, *notes]))
        for name, column in zip(table.column_names, table.columns, strict=True):
            if pa.types.is_nested(column.type):
                values = [json.dumps(value, default=str, ensure_ascii=False) for value in column.to_pylist()]
            else:
                values = column.unique().to_pylist()
            yield f"{place}, column {name!r}", self._values(values)
            yield from self.column(name, values, place)

    def _values(self, values: list[Any]) -> set[str]:
        numbers = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
        texts = [str(value) for value in values if value is not None and not isinstance(value, (int, float))]
        with np.errstate(invalid="ignore"):
            found = self.wanted.in_numbers(np.asarray(numbers)) if numbers else set()
        return found | self.wanted.in_text("\n".join(texts))

    def _array(self, data: bytes, place: str) -> Iterator[Finding]:
        try:
            array = np.load(io.BytesIO(data), allow_pickle=False)
        except (ValueError, EOFError):  # of objects, which would be unpickled
            yield place, self.wanted.in_bytes(data)
            return
        if array.dtype.kind in "iuf":
            yield place, self.wanted.in_numbers(array.ravel())
        elif array.dtype.kind in "US":
            yield (
                place,
                self._values(
                    [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in array.ravel().tolist()]
                ),
            )
        else:
            yield place, self.wanted.in_text(" ".join(map(str, array.ravel().tolist())))

    def _json(self, content: Any, place: str) -> Iterator[Finding]:
        texts: list[str] = []
        columns: dict[str, list[Any]] = {}
        _walk(content, None, texts, columns)
        yield f"{place} (its texts)", self.wanted.in_text("\n".join(texts))
        for name, values in columns.items():
            yield from self.column(name, values, place)

    def _csv(self, text: str, place: str) -> Iterator[Finding]:
        stream = io.StringIO(text.lstrip("\ufeff"))
        head: list[str] = []  # remarks, one of which may be the header, and the first line that is none
        for line in stream:
            head += [line] if line.strip() else []
            if head and not head[-1].startswith("#"):
                break
        try:
            for i, line in enumerate(head):
                separator = max(",;\t|", key=line.count)
                names = [name.strip(" #") for name in next(csv.reader([line.strip("\r\n")], delimiter=separator), [])]
                if any(map(self._is_wanted, names)):
                    rows = list(csv.reader([*head[i + 1 :], *stream], delimiter=separator))
                    yield from self._rows(names, rows, place)
                    return
        except csv.Error:
            yield f"{place} (its columns)", None

    def _rows(self, names: list[str], rows: list[list[str]], place: str) -> Iterator[Finding]:
        for i, name in enumerate(names):
            if rows and self._is_wanted(name.strip()):
                values = [_number_or_text(row[i]) for row in rows if len(row) > i]
                yield from self.column(name.strip(), values, place)

    def _is_wanted(self, name: str) -> bool:
        return name in self.names or named_like_identifier(name)

    def _sqlite(self, store: sqlite3.Connection, data: bytes, place: str) -> Iterator[Finding]:
        try:
            with closing(store):
                tables = [name for (name,) in store.execute("select name from sqlite_master where type = 'table'")]
                for table in tables:
                    quoted = '"' + table.replace('"', '""') + '"'
                    cursor = store.execute(f"select * from {quoted}")
                    names = [column[0] for column in cursor.description]
                    columns = list(zip(*cursor.fetchall(), strict=True)) or [()] * len(names)
                    for name, values in zip(names, columns, strict=True):
                        here = f"{place}, table {table!r}"
                        distinct = list(
                            dict.fromkeys(v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in values)
                        )
                        yield f"{here}, column {name!r}", self._values(distinct)
                        yield from self.column(name, distinct, here)
        except sqlite3.Error:
            yield place, self.wanted.in_bytes(data)
            yield place, None


def _walk(content: Any, name: str | None, texts: list[str], columns: dict[str, list[Any]]) -> None:
    """Collect the texts of JSON, and its values by the name they stand under; a table by columns and data is one."""
    if isinstance(content, dict):
        _collect_table(content, columns)
        for key, value in content.items():
            texts.append(key)
            _walk(value, _name_of(value, key, name), texts, columns)
    elif isinstance(content, list):
        for value in content:
            _walk(value, name, texts, columns)
    elif content is not None and not isinstance(content, bool):
        if isinstance(content, str):
            texts.append(content)
        if name is not None:
            columns.setdefault(name, []).append(content)


def _collect_table(content: dict[str, Any], columns: dict[str, list[Any]]) -> None:
    head, data = content.get("columns"), content.get("data")
    if isinstance(head, list) and isinstance(data, list) and all(isinstance(row, list) for row in data):
        for i, column in enumerate(head):
            columns.setdefault(str(column), []).extend(row[i] for row in data if len(row) > i)


def _name_of(value: Any, key: str, outer: str | None) -> str:
    """The name a value stands under: of {"customer_id": {"0": "H-1"}} the column's, not the row's number."""
    if outer is not None and named_like_identifier(outer) and not isinstance(value, (dict, list)):
        return outer
    return key


def _number_or_text(text: str) -> Any:
    """12.0 as the number that it is, so that it is written 12."""
    try:
        return float(text) if "." in text else text
    except ValueError:
        return text
