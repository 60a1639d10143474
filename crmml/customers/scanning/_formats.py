"""What bytes are: text in one of several encodings, packed data, pictures with texts, tables of a page."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from html.parser import HTMLParser

#: First bytes of what is packed in a way that is not undone here, and what it is.
_CLOSED = {
    b"%PDF": "PDF",
    b"\xd0\xcf\x11\xe0": "old Office",
    b"\x89HDF": "HDF5",
    b"ORC": "ORC",
    b"FEA1": "Feather 1",
    b"Obj\x01": "Avro",
    b"Rar!": "RAR",
    b"7z\xbc\xaf": "7z",
}
_THROUGH_ARROW = {b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4"}


def is_closed(data: bytes) -> bool:
    """Whether the data hold what cannot be looked into here."""
    return any(data.startswith(mark) for mark in _CLOSED)


def is_tar(data: bytes) -> bool:
    """Whether the data are a tar archive."""
    return data[257:262] == b"ustar"


def text_of(data: bytes) -> tuple[str | None, bool]:
    """The text that bytes are, or None, and whether that is sure: bytes that are no UTF-8 may be Chinese in GB 18030."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace"), False
    if b"\x00" in data:
        return None, False
    try:
        return data.decode("utf-8-sig"), True
    except UnicodeDecodeError:
        pass
    try:
        return data.decode("gb18030"), False
    except UnicodeDecodeError:
        return None, False


def unpacker(data: bytes) -> Callable[[bytes], bytes] | None:
    if data[:2] == b"\x1f\x8b":
        return gzip.decompress
    if data[:3] == b"BZh":
        return bz2.decompress
    if data[:6] == b"\xfd7zXZ\x00":
        return lzma.decompress
    if data[:1] == b"\x78" and len(data) > 2 and int.from_bytes(data[:2], "big") % 31 == 0:
        return zlib.decompress
    if data[:4] in _THROUGH_ARROW:
        return lambda packed: _unpacked_by_arrow(packed, _THROUGH_ARROW[packed[:4]])
    return None


def _unpacked_by_arrow(data: bytes, compression: str) -> bytes:
    import pyarrow as pa

    return pa.input_stream(pa.py_buffer(data), compression=compression).read()


def png_texts(data: bytes) -> Iterator[str]:
    """Texts that a PNG carries beside its picture."""
    at = 8
    while at + 8 <= len(data):
        (size,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        chunk = data[at + 8 : at + 8 + size]
        at += size + 12
        keyword, _, rest = chunk.partition(b"\x00")
        if kind == b"tEXt":
            yield f"{keyword.decode('latin-1')}\n{rest.decode('utf-8', 'replace')}"
        elif kind == b"zTXt":
            yield f"{keyword.decode('latin-1')}\n{inflated(rest[1:])}"
        elif kind == b"iTXt":
            packed, text = rest[:1] == b"\x01", rest[2:].split(b"\x00", 2)[-1]
            yield f"{keyword.decode('latin-1')}\n{inflated(text) if packed else text.decode('utf-8', 'replace')}"
        elif kind == b"eXIf":
            yield chunk.decode("utf-8", "replace")


def inflated(data: bytes) -> str:
    try:
        return zlib.decompress(data).decode("utf-8", "replace")
    except zlib.error:
        return data.decode("utf-8", "replace")


def page_tables(text: str) -> list[list[list[str]]] | None:
    """Rows of each table of a page of HTML, or None where it cannot be read."""
    parser = _Tables()
    if not re.search("<t[dh]", text, re.IGNORECASE):
        return []
    try:
        parser.feed(text)
        parser.close()
    except AssertionError:  # so the parser says that a declaration is none
        return None
    return parser.tables


class _Tables(HTMLParser):
    """Collects tables as rows of texts; of tables within tables the cells are those of the inner one."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: list[list[list[str]]] = []
        self._is_open = False

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "table":
            self.tables.append([])
        elif tag == "tr" and self.tables:
            self.tables[-1].append([])
        elif tag in ("td", "th") and self.tables:
            if not self.tables[-1]:
                self.tables[-1].append([])
            self.tables[-1][-1].append("")
            self._is_open = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th", "tr", "table"):
            self._is_open = False

    def handle_data(self, data: str) -> None:
        if self._is_open:
            self.tables[-1][-1][-1] += data
