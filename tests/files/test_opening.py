import bz2
import gzip
import lzma
import tempfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmml import DataError
from crmml.files import opening
from crmml.files.opening import BOMB_BYTES, content_of, likely_encodings, open_file

TEXT = "a,b\n1,2\n"


@pytest.fixture
def scratch(tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_unicode_is_told_by_its_bytes(encoding, tmp_path, scratch):
    path = tmp_path / "a.csv"
    path.write_bytes("näme,b\nMüller,2\n".encode(encoding))
    opened = open_file(path, scratch)
    assert opened.sample.splitlines() == ["näme,b", "Müller,2"]
    assert opened.encoding_is_certain
    assert opened.readable.read_text(encoding="utf-8-sig").splitlines() == ["näme,b", "Müller,2"]


def test_bytes_that_are_not_utf8_are_said_to_be_uncertain(tmp_path, scratch):
    path = tmp_path / "a.csv"
    path.write_bytes("name\nMüller\n".encode("cp1252"))
    opened = open_file(path, scratch)
    assert not opened.encoding_is_certain
    assert ("cp1252", "Müller") in opened.candidates
    assert open_file(path, scratch, encoding="cp1252").sample == "name\nMüller\n"


def test_old_code_pages_are_among_the_likely_ones():
    assert likely_encodings(["Citroën, Café, Größe, señor".encode("cp437")])[0] in ("cp437", "cp850")
    assert likely_encodings(["Citroën, Café, Größe, señor".encode("cp1252")])[0] == "cp1252"


def test_encodings_that_do_not_fit_are_refused(tmp_path, scratch):
    path = tmp_path / "a.csv"
    path.write_bytes("name\nMüller\n".encode("cp1252"))
    with pytest.raises(DataError, match="is not in UTF-8; perhaps 'cp1252'"):
        open_file(path, scratch, encoding="utf-8")
    with pytest.raises(DataError, match="encoding='klingon' is not known"):
        open_file(path, scratch, encoding="klingon")


def packed(name, path):
    data = TEXT.encode()
    if name == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("inside.csv", data)
    elif name == "zst":
        path.write_bytes(pa.Codec("zstd").compress(data, asbytes=True))
    else:
        path.write_bytes({"gz": gzip, "bz2": bz2, "xz": lzma}[name].compress(data))


@pytest.mark.parametrize("name", ["gz", "zst", "bz2", "xz", "zip"])
def test_packed_files_are_unpacked_whatever_their_name(name, tmp_path, scratch):
    path = tmp_path / "a.csv"
    packed(name, path)
    opened = open_file(path, scratch)
    assert opened.sample == TEXT
    assert opened.size == len(TEXT)


def test_a_bomb_is_refused_before_it_fills_anything(tmp_path, scratch, monkeypatch):
    monkeypatch.setattr("crmml.files.opening.BOMB_BYTES", 1 << 20)
    assert BOMB_BYTES == 1 << 30
    path = tmp_path / "a.csv.gz"
    with gzip.open(path, "wb") as file:
        file.write(b"a,b\n" * (1 << 20))
    with pytest.raises(DataError, match="unpacks to more than 200 times"):
        open_file(path, scratch)


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"", "is empty"),
        (b"%PDF-1.7", "a PDF document"),
        (b"SQLite format 3\x00", "a SQLite database"),
        (b"<html><table>", "a web page"),
    ],
)
def test_what_is_no_table_is_refused_in_words(head, said, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(head)
    with pytest.raises(DataError, match=said):
        content_of(path)


def test_damaged_archives_and_nul_bytes_are_refused(tmp_path, scratch):
    path = tmp_path / "a.csv"
    path.write_bytes(b"PK\x03\x04xx")
    with pytest.raises(DataError, match="it is damaged"):
        open_file(path, scratch)
    path.write_bytes(gzip.compress(TEXT.encode() * 1000)[:-30])
    with pytest.raises(DataError, match="cannot be unpacked"):
        open_file(path, scratch)
    path.write_bytes(b"a,b\n1,\x002\n")
    with pytest.raises(DataError, match="1 NUL byte, which no text has"):
        open_file(path, scratch)


def test_mixed_line_ends_become_one_kind(tmp_path, scratch):
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\r\n1,2\n3,4\r5,6\r\n")
    assert open_file(path, scratch).readable.read_bytes() == b"a,b\n1,2\n3,4\n5,6\n"


def test_names_that_look_like_patterns_are_read(tmp_path, scratch):
    path = tmp_path / "a[1]'s*.csv"
    path.write_text(TEXT)
    opened = open_file(path, scratch)
    assert opened.readable != path
    assert opened.readable.read_text() == TEXT


def test_workbooks_need_one_sheet_or_its_name(tmp_path, scratch):
    openpyxl = pytest.importorskip("openpyxl")
    pytest.importorskip("python_calamine")
    book = openpyxl.Workbook()
    book.active.append(["a", "b"])
    book.active.append([17850, 1.5])
    book.create_sheet("more").append(["x"])
    path = tmp_path / "a.xlsx"
    book.save(path)
    with pytest.raises(DataError, match="say which one with sheet="):
        open_file(path, scratch)
    assert open_file(path, scratch, sheet="Sheet").sample == "a,b\n17850,1.5\n"
    with pytest.raises(DataError, match="has no sheet 'none'"):
        open_file(path, scratch, sheet="none")


@given(st.lists(st.sampled_from(["a", "\r", "\n", "\r\n", "bb\n", "c\0"]), min_size=1, max_size=12), st.integers(1, 5))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_line_ends_are_counted_across_blocks(parts, block):
    data = "".join(parts).encode()
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "BLOCK", block)
        path = Path(folder) / "a.csv"
        path.write_bytes(data)
        scan = opening._Scan(path, "text")
        scan.run()
    n_cr, n_lf, n_crlf = data.count(b"\r"), data.count(b"\n"), data.count(b"\r\n")
    assert scan.mixes_line_ends == (n_cr > 0 and n_lf > 0 and not n_cr == n_lf == n_crlf)
    assert scan.n_nul == data.count(0)
    longest = max(map(len, data.replace(b"\r", b"\n").split(b"\n")))
    assert longest <= block or scan.longest_line == longest  # what is no longer than a block may be missed
