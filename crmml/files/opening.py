"""Opening a file: what it is by its content, its encoding, and a plain copy where the engine cannot read it as it lies.

A file is told by its first bytes, never by its name alone. It is read through once, in blocks, before anything is believed:
its size unpacked, its line ends, bytes that no text has. What is unusual (another encoding, mixed line ends, a workbook, a
zip archive) becomes a plain copy in UTF-8 in a scratch folder of the caller's; all else is read where it lies.
"""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from ..exceptions import DataError
from .dialect import lines_of

BLOCK = 1 << 18
#: Bytes of one line; the engine would leave out a longer one without a word.
LONGEST_LINE = 2_000_000
#: Text from the beginning of a file by which its dialect is told.
SAMPLE_BYTES = 1 << 18
#: A packed file that unpacks to more than this many times its size, and to more than BOMB_BYTES, is refused.
BOMB_RATIO, BOMB_BYTES = 200, 1 << 30
#: Cells of a worksheet that are read at most.
MOST_CELLS = 50_000_000
#: Characters of a file's name that the engine would take for a pattern.
PATTERN_CHARACTERS = frozenset("*?[]{}'\"\\")
_MAGIC = (
    (b"PAR1", "parquet"),
    (b"PK\x03\x04", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bz2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\xd0\xcf\x11\xe0", "workbook"),
    (b"SQLite format 3", "a SQLite database"),
    (b"%PDF", "a PDF document"),
    (b"\x89HDF", "an HDF5 file"),
    (b"ORC", "an ORC file"),
    (b"ARROW1", "an Arrow file"),
    (b"Obj\x01", "an Avro file"),
)
_MARKUP = (b"<!doctype", b"<html", b"<table", b"<?xml", b"<body")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_TEXT_ENDINGS = {".csv", ".tsv", ".tab", ".txt", ".dat", ".psv"}
_WORKBOOK_ENDINGS = {".xlsx", ".xlsm", ".xlsb", ".xls", ".ods"}
_PARQUET_ENDINGS = {".parquet", ".pq"}
_PACKED_ENDINGS = {".gz", ".zst", ".bz2", ".xz", ".zip"}
READABLE_ENDINGS = _TEXT_ENDINGS | _WORKBOOK_ENDINGS | _PARQUET_ENDINGS | _PACKED_ENDINGS


@dataclass(frozen=True)
class OpenedFile:
    """A file that can be read, and what was understood of it.

    Attributes
    ----------
    path : Path
        The file as it was named.
    kind : {"text", "parquet"}
    readable : Path
        What the engine reads: the file itself, or a plain copy.
    compression : {"none", "gzip", "zstd"}
        Of what the engine reads.
    encoding : str
        Encoding of the text as it lies on disk; "" for Parquet and workbooks.
    encoding_source : str
        "stated", "byte order mark" or "content".
    encoding_is_certain : bool
        False where bytes that are not UTF-8 were read as Latin 1 for want of a stated encoding.
    candidates : tuple of (str, str)
        Encodings that might be meant where it is not certain, each with a word as it would read.
    sample : str
        Text from its beginning, of whole lines.
    size : int
        Bytes of text, unpacked.
    notes : tuple of str
        What else was understood, in sentences.
    longest_line : int
        Bytes of its longest line, within a block or two; 0 where it was not measured.
    """

    path: Path
    kind: str
    readable: Path
    compression: str = "none"
    encoding: str = "utf-8"
    encoding_source: str = "content"
    encoding_is_certain: bool = True
    candidates: tuple[tuple[str, str], ...] = ()
    sample: str = ""
    size: int = 0
    notes: tuple[str, ...] = ()
    longest_line: int = 0


def content_of(path: Path) -> str:
    """Return what a file is by its content: text, parquet, zip, gzip, zstd, bz2, xz, workbook.

    Raises
    ------
    DataError
        For a file that is not there, is empty, or is of a kind that is not read here.
    """
    if not path.is_file():
        raise DataError([f"{path} is a folder" if path.is_dir() else f"there is no file {path}"], "the file")
    with path.open("rb") as file:
        head = file.read(512)
    if not head:
        raise DataError([f"{path.name} is empty: it has no header and no row"], "the file")
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            if " " in kind:
                raise DataError([f"{path.name} is {kind}; save it as CSV or Parquet"], "the file")
            return kind
    if head.lstrip().lower().startswith(_MARKUP):
        raise DataError([f"{path.name} is a web page or XML, whatever its ending; save it as CSV"], "the file")
    if path.suffix.lower() in _PARQUET_ENDINGS:
        raise DataError([f"{path.name} cannot be read as Parquet: it does not begin as one"], "the file")
    if path.suffix.lower() in _WORKBOOK_ENDINGS:
        raise DataError([f"{path.name} cannot be read as a workbook: it does not begin as one"], "the file")
    return "text"


def open_file(
    path: Path,
    scratch: Path,
    *,
    encoding: str | None = None,
    sheet: str | None = None,
    skip_lines: int | None = None,
    joins_blanks: bool = False,
) -> OpenedFile:
    """Open a file of any kind that is read here.

    Parameters
    ----------
    path : Path
    scratch : Path
        Folder for a plain copy, which the caller removes.
    encoding : str, default=None
        None takes a byte order mark, or UTF-8 where all bytes are; else Latin 1, which is said.
    sheet : str, default=None
        Sheet of a workbook; None takes the only one that holds anything.
    skip_lines : int, default=None
        Lines before the header that are left out of the copy.
    joins_blanks : bool, default=False
        Whether a run of blanks becomes one and those around a line go, as where columns are aligned by blanks.

    Raises
    ------
    DataError
        When it cannot be read, with the cure.
    """
    kind = content_of(path)
    if kind == "parquet":
        return OpenedFile(path, "parquet", _plainly_named(path, scratch), encoding="", size=path.stat().st_size)
    if kind == "zip" and _is_workbook(path):
        kind = "workbook"
    if kind == "workbook":
        return _opened_workbook(path, scratch, sheet)
    if sheet is not None:
        raise DataError([f"{path.name} is not a workbook and has no sheets; leave out sheet={sheet!r}"], "the file")
    scan = _Scan(path, kind)
    scan.run()
    if scan.longest_line > LONGEST_LINE:
        raise DataError(
            [f"{path.name} has a row longer than {LONGEST_LINE:,} bytes; is its delimiter or quote another?"],
            "the file",
        )
    return _opened_text(scan, scratch, encoding, skip_lines or 0, joins_blanks=joins_blanks)


class _Scan:
    """One pass over the unpacked bytes of a file."""

    def __init__(self, path: Path, kind: str) -> None:
        self.path, self.kind = path, kind
        self.size = self.n_nul = self.n_cr = self.n_lf = self.n_crlf = 0
        self.longest_line = self._since_end = 0
        self.sample = b""
        self.is_utf8 = True
        self.odd: list[bytes] = []

    def run(self) -> None:
        """Read it all.

        Raises
        ------
        DataError
            For a bomb, or a file that cannot be unpacked.
        """
        packed = self.path.stat().st_size
        decoder = codecs.getincrementaldecoder("utf-8")()
        last = b""
        for block in self.blocks():
            self.size += len(block)
            if self.size > BOMB_BYTES and self.size > BOMB_RATIO * packed:
                raise DataError(
                    [
                        f"{self.path.name} unpacks to more than {BOMB_RATIO} times its {packed:,} bytes, as no table does; "
                        "unpack it yourself if you trust it"
                    ],
                    "the file",
                )
            if len(self.sample) < SAMPLE_BYTES:
                self.sample += block[: SAMPLE_BYTES - len(self.sample)]
            self._count(block, last)
            self._decode(block, decoder)
            last = block[-1:]
        if self.is_utf8:
            self.is_utf8 = _decodes(decoder, b"", final=True)

    def _count(self, block: bytes, last: bytes) -> None:
        """Count what ends lines, and NUL; to look for a byte is much quicker than to count it, and mostly it is not there."""
        if b"\0" in block:
            self.n_nul += block.count(0)
        n_cr = block.count(b"\r") if b"\r" in block else 0
        if n_cr or last == b"\r":
            n_lf = block.count(b"\n")
            self.n_cr += n_cr
            self.n_crlf += block.count(b"\r\n") + (last == b"\r" and block.startswith(b"\n"))
        else:  # one that stands alone tells as much as all of them
            n_lf = int(b"\n" in block)
        self.n_lf += n_lf
        self._measure(block, has_end=bool(n_cr or n_lf))

    def _measure(self, block: bytes, *, has_end: bool) -> None:
        if not has_end:
            self._since_end += len(block)
            self.longest_line = max(self.longest_line, self._since_end)
            return
        first = min(at for end in (b"\n", b"\r") if (at := block.find(end)) >= 0)
        self.longest_line = max(self.longest_line, self._since_end + first)
        self._since_end = len(block) - 1 - max(block.rfind(b"\n"), block.rfind(b"\r"))

    def _decode(self, block: bytes, decoder: codecs.IncrementalDecoder) -> None:
        if block.isascii() and not decoder.getstate()[0]:
            return
        if len(self.odd) < 200:
            self.odd += [line[:400] for line in block.splitlines() if not line.isascii()][: 200 - len(self.odd)]
        if self.is_utf8:
            self.is_utf8 = _decodes(decoder, block)

    def blocks(self) -> Iterator[bytes]:
        """Blocks of unpacked bytes.

        Raises
        ------
        DataError
        """
        try:
            with _unpacked(self.path, self.kind) as stream:
                while block := stream.read(BLOCK):
                    yield block
        except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
            raise DataError([f"{self.path.name} cannot be unpacked as {self.kind}: {error}"], "the file") from None

    @property
    def mixes_line_ends(self) -> bool:
        """Whether lines end now so, now otherwise."""
        alike = self.n_cr == 0 or self.n_lf == 0 or self.n_cr == self.n_crlf == self.n_lf
        return not alike


def _decodes(decoder: codecs.IncrementalDecoder, block: bytes, *, final: bool = False) -> bool:
    try:
        decoder.decode(block, final)
    except UnicodeDecodeError:
        return False
    return True


@contextmanager
def _unpacked(path: Path, kind: str) -> Iterator[Any]:
    """The bytes of a file, unpacked as they are read."""
    if kind == "zip":
        with zipfile.ZipFile(path) as archive:
            members = [entry for entry in archive.infolist() if not entry.is_dir() and "__MACOSX" not in entry.filename]
            if len(members) != 1:
                raise DataError(
                    [f"{path.name} is an archive of {len(members):,} files; unpack it and name a folder or a pattern"],
                    "the file",
                )
            with archive.open(members[0]) as stream:
                yield stream
    elif kind == "xz":
        import lzma

        with lzma.open(path) as stream:
            yield stream
    elif kind == "text":
        with path.open("rb") as stream:
            yield stream
    else:
        import pyarrow as pa

        with pa.input_stream(str(path), compression=kind) as stream:
            yield stream


def _opened_text(
    scan: _Scan, scratch: Path, encoding: str | None, skip_lines: int, *, joins_blanks: bool
) -> OpenedFile:
    path = scan.path
    found, source, certain, candidates = _encoding_of(scan, encoding)
    width = 4 if "32" in found else 2 if "16" in found else 1
    if scan.n_nul and width == 1:
        raise DataError(
            [
                f"{path.name} holds {scan.n_nul:,} NUL byte{'s' if scan.n_nul != 1 else ''}, which no text has: it is damaged, or "
                "its encoding must be stated (encoding='utf-16')"
            ],
            "the file",
        )
    sample = _sample_text(scan, found)
    opened = OpenedFile(
        path, "text", path, "none", found, source, certain, candidates, sample, scan.size, _packing_note(scan),
        scan.longest_line,
    )  # fmt: skip
    plain = found.replace("_", "-") in ("utf-8", "ascii", "utf-8-sig") and not scan.mixes_line_ends
    if plain and not (skip_lines or joins_blanks) and scan.kind in ("text", "gzip", "zstd"):
        return replace(
            opened,
            readable=_plainly_named(path, scratch),
            compression={"text": "none"}.get(scan.kind, scan.kind),
        )
    copy, n_lines = _plain_copy(scan, scratch, found, skip_lines)
    if joins_blanks:
        copy, sample = _with_single_blanks(copy, scratch), "".join(map(_single_blanks, lines_of(sample)))
        opened = replace(opened, sample=sample)
    if n_lines < skip_lines:
        raise DataError([f"{path.name} has only {n_lines:,} lines; {skip_lines:,} were to be skipped"], "the file")
    if skip_lines:
        opened = replace(opened, sample="".join(lines_of(sample)[skip_lines:]))
    return replace(opened, readable=copy, compression="none")


def _packing_note(scan: _Scan) -> tuple[str, ...]:
    return () if scan.kind == "text" else (f"It is packed ({scan.kind}).",)


def _encoding_of(scan: _Scan, stated: str | None) -> tuple[str, str, bool, tuple[tuple[str, str], ...]]:
    """The encoding, where it is known from, whether it is certain, and what else might be meant."""
    if stated is not None:
        return _stated_encoding(scan, stated), "stated", True, ()
    for mark, name in _MARKS:
        if scan.sample.startswith(mark):
            return name, "byte order mark", True, ()
    head = scan.sample[:4096]
    if scan.n_nul and len(head) >= 4:
        at = [sum(byte == 0 for byte in head[start::2]) / max(1, len(head[start::2])) for start in (0, 1)]
        if max(at) > 0.4 and min(at) < 0.1:
            return ("utf-16-le" if at[1] > at[0] else "utf-16-be"), "content", True, ()
    if scan.is_utf8:
        return "utf-8", "content", True, ()
    return "latin-1", "content", False, tuple((name, _odd_word(scan.odd, name)) for name in likely_encodings(scan.odd))


def _stated_encoding(scan: _Scan, stated: str) -> str:
    try:
        codec = codecs.lookup(stated).name
    except LookupError:
        raise DataError(
            [f"encoding={stated!r} is not known; for instance 'utf-8', 'cp1252', 'gb18030'"], "the file"
        ) from None
    if codec == "utf-8":
        if not scan.is_utf8:
            likely = " or ".join(map(repr, likely_encodings(scan.odd)))
            raise DataError([f"{scan.path.name} is not in UTF-8; perhaps {likely}: say so with encoding="], "the file")
        return "utf-8-sig" if scan.sample.startswith(codecs.BOM_UTF8) else "utf-8"
    return codec


def likely_encodings(lines: list[bytes]) -> tuple[str, ...]:
    """Encodings in which lines that are not UTF-8 make sense, the likeliest first; never none."""
    from charset_normalizer import from_bytes

    text = b"\n".join(lines)
    usual = ["cp1252", "cp437", "cp850", "cp1250", "cp1251", "gb18030", "shift_jis", "big5", "euc_kr", "mac_roman"]
    found = [match.encoding for match in from_bytes(text, cp_isolation=usual)] if text else []
    western = sorted(
        ("cp1252", "cp437", "mac_roman"), key=lambda name: _strangeness(text, name)
    )  # few odd letters in plain text are too few for statistics: signs amid letters tell
    if _strangeness(text, western[0]) == 0 and (
        not found or found[0] in ("cp1252", "cp437", "cp850", "cp1250", "mac_roman")
    ):
        found.insert(0, western[0])
    return tuple(dict.fromkeys([*found, *western]))[:3]


def _odd_word(lines: list[bytes], encoding: str) -> str:
    """The first word with a character beyond ASCII, as it would read."""
    for line in lines:
        text = line.decode(encoding, errors="replace")
        for word in re.findall(r"[^\s,;|\"]+", text):
            if not word.isascii():
                return word[:30]
    return ""


def _strangeness(text: bytes, encoding: str) -> float:
    """Share of the characters beyond ASCII that are no letter, currency or mark of writing."""
    try:
        odd = [character for character in text.decode(encoding) if character > "\x7f"]
    except UnicodeDecodeError:
        return 2.0
    welcome = "£€¥¢°·–—’‘“”…®™©½¼ºª«»¡¿\xa0"
    strange = [character for character in odd if not (character.isalpha() or character in welcome)]
    return len(strange) / max(1, len(odd))


def _sample_text(scan: _Scan, encoding: str) -> str:
    """The beginning of the file as text, of whole lines where it is cut."""
    decoder = codecs.getincrementaldecoder(encoding)(errors="strict")
    try:
        text = decoder.decode(scan.sample)
    except UnicodeDecodeError as error:
        raise DataError(
            [f"{scan.path.name} is not in {encoding}: {error.reason}; state another encoding="], "the file"
        ) from None
    text = text.removeprefix("\ufeff")
    if len(scan.sample) < scan.size:
        cut = max(text.rfind("\n"), text.rfind("\r"))
        text = text[: cut + 1] if cut > 0 else text
    return text


def _plain_copy(scan: _Scan, scratch: Path, encoding: str, skip_lines: int) -> tuple[Path, int]:
    """Copy the text in UTF-8 with one kind of line end, without its first lines; return the copy and the lines skipped."""
    copy = _fresh(scratch)
    decoder = codecs.getincrementaldecoder(encoding)()
    newlines = io.IncrementalNewlineDecoder(decoder, translate=True)
    skipped, waiting = 0, ""
    with copy.open("w", encoding="utf-8", newline="") as out:
        for text in _decoded(scan, newlines, encoding):
            waiting += text
            while skipped < skip_lines and "\n" in waiting:
                waiting = waiting.partition("\n")[2]
                skipped += 1
            if skipped == skip_lines:
                out.write(waiting.removeprefix("\ufeff") if out.tell() == 0 else waiting)
                waiting = ""
    return copy, skipped


def _with_single_blanks(path: Path, scratch: Path) -> Path:
    copy = _fresh(scratch)
    with path.open(encoding="utf-8", newline="") as lines, copy.open("w", encoding="utf-8", newline="") as out:
        out.writelines(map(_single_blanks, lines))
    return copy


def _single_blanks(line: str) -> str:
    """A line whose columns are parted by one blank each; what is in quotes stays."""
    text = line.rstrip("\r\n")
    return re.sub(r'("[^"]*")| +', lambda found: found[1] or " ", text).strip(" ") + line[len(text) :]


def _decoded(scan: _Scan, newlines: io.IncrementalNewlineDecoder, encoding: str) -> Iterator[str]:
    try:
        for block in scan.blocks():
            yield newlines.decode(block)
        yield newlines.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise DataError(
            [f"{scan.path.name} is not in {encoding}: {error.reason}; state another encoding="], "the file"
        ) from None


def _fresh(scratch: Path, ending: str = ".csv") -> Path:
    return scratch / f"{sum(1 for _ in scratch.iterdir()):05d}{ending}"


def _plainly_named(path: Path, scratch: Path) -> Path:
    """The file itself, or a link to it where its name would be taken for a pattern."""
    whole = path.resolve()
    if not PATTERN_CHARACTERS & set(str(whole)):
        return whole
    link = _fresh(scratch, path.suffix if path.suffix.isalnum() else ".csv")
    try:
        link.symlink_to(whole)
    except OSError:  # where links are not allowed
        import shutil

        shutil.copyfile(whole, link)
    return link


def _is_workbook(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError):
        if path.suffix.lower() in _WORKBOOK_ENDINGS | _TEXT_ENDINGS:
            raise DataError(
                [f"{path.name} begins as a workbook or archive, but cannot be read as one: it is damaged"], "the file"
            ) from None
        return False
    names = {entry.filename for entry in entries}
    if not names & {"xl/workbook.xml", "xl/workbook.bin", "content.xml"}:
        return False
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > BOMB_BYTES and unpacked > BOMB_RATIO * path.stat().st_size:
        raise DataError([f"{path.name} unpacks to {unpacked:,} bytes, as no workbook does"], "the file")
    return True


def _opened_workbook(path: Path, scratch: Path, sheet: str | None) -> OpenedFile:
    """Write a sheet as plain CSV, dates in ISO 8601 and whole numbers as such."""
    try:
        from python_calamine import CalamineError, CalamineWorkbook
    except ImportError:
        raise DataError(
            [f"{path.name} is a workbook; install crmml[excel] to read it, or save it as CSV"], "the file"
        ) from None
    try:
        with path.open("rb") as stream:
            book = CalamineWorkbook.from_filelike(io.BytesIO(stream.read()))
        name = _sheet_of(book, path, sheet)
        found = book.get_sheet_by_name(name)
        if found.height * max(1, found.width) > MOST_CELLS:
            raise DataError(
                [f"sheet {name!r} of {path.name} has {found.height:,} x {found.width:,} cells; save it as CSV"],
                "the file",
            )
        copy = _fresh(scratch)
        with copy.open("w", encoding="utf-8", newline="") as out:
            _write_rows(out, found.iter_rows())
    except (CalamineError, OSError, ValueError) as error:
        raise DataError([f"{path.name} cannot be read as a workbook: {error}"], "the file") from None
    with copy.open(encoding="utf-8", newline="") as again:
        sample = again.read(SAMPLE_BYTES)
        if again.read(1):
            sample = sample[: sample.rfind("\n") + 1]
    note = f"It is a workbook; sheet {name!r} is read."
    return OpenedFile(path, "text", copy, encoding="", sample=sample, size=copy.stat().st_size, notes=(note,))


def _sheet_of(book: Any, path: Path, sheet: str | None) -> str:
    names = list(book.sheet_names)
    if sheet is not None:
        if sheet not in names:
            raise DataError(
                [f"{path.name} has no sheet {sheet!r}; there are {', '.join(map(repr, names))}"], "the file"
            )
        return sheet
    filled = [name for name in names if book.get_sheet_by_name(name).height > 0]
    if len(filled) > 1:
        raise DataError(
            [f"{path.name} has {len(filled)} sheets ({', '.join(map(repr, filled))}); say which one with sheet="],
            "the file",
        )
    if not filled:
        raise DataError([f"{path.name} is empty: none of its sheets holds anything"], "the file")
    return filled[0]


def _write_rows(out: IO[str], rows: Iterator[list[Any]]) -> None:
    writer = csv.writer(out, lineterminator="\n")
    for row in rows:
        cells = [_cell_text(cell) for cell in row]
        if any(cells):
            writer.writerow(cells)


def _cell_text(cell: Any) -> str:
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    if isinstance(cell, dt.datetime):
        return cell.date().isoformat() if cell.time() == dt.time() else cell.isoformat(sep=" ")
    if isinstance(cell, dt.date):
        return cell.isoformat()
    return str(cell)
