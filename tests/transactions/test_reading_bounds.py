"""Files at the bounds of what is read: rows of megabytes, cells of a megabyte, Parquet that claims more than it can hold."""

import gzip
import struct

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from crmml import DataError
from crmml.files import read_table
from crmml.transactions import propose_reading, read_log

HEAD, ROW = "customer_id,timestamp,value,note\n", "a,2024-01-01,1,x\n"


def refusal(path, **arguments):
    with pytest.raises(DataError) as error:
        read_log(path, value="value", **arguments)
    return str(error.value)


@pytest.mark.parametrize("name", ["log.csv", "log.csv.gz"])
@pytest.mark.parametrize("after", [ROW * 30_000, ROW, ""])
def test_quoted_records_of_many_lines(name, after, tmp_path):
    pack = gzip.compress if name.endswith("gz") else bytes
    path = tmp_path / name

    def write(size):
        lines = ("x" * 99 + "\n") * (size // 100) + "x" * (size % 100)
        path.write_bytes(pack((HEAD + ROW * 30_000 + f'b,2024-01-01,1,"{lines}"\n' + after).encode()))

    write(1_999_900)
    log, _ = read_log(path, value="value", keep=["note"])
    assert len(log) == 30_001 + after.count("\n")
    assert len(log["note"][30_000]) == 1_999_900
    write(2_000_100)
    assert "row longer than 2,000,000 bytes (line 30,002)" in refusal(path)


def test_a_record_longer_than_what_the_engine_holds(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(HEAD + ROW + 'b,2024-01-01,1,"' + ("x" * 9_999 + "\n") * 4_000 + '"\n' + ROW)
    assert "1 row with a quote that does not end within 2,000,000 bytes, the first in line 3" in refusal(path)


@pytest.mark.parametrize(("encoding", "letter", "fits"), [("latin-1", "ß", 900_000), ("cp1252", "€", 600_000)])
@pytest.mark.parametrize("quote", ['"', ""])
def test_lines_that_grow_in_utf8(encoding, letter, fits, quote, tmp_path):
    path = tmp_path / "log.csv"

    def write(size):
        path.write_bytes(f"{HEAD}{ROW}b,2024-01-01,1,{quote}{letter * size}{quote}\n{ROW}".encode(encoding))

    write(fits)
    log, _ = read_log(path, value="value", keep=["note"], encoding=encoding)
    assert log["note"].str.len().tolist() == [1, fits, 1]
    write(fits + 200_000)
    assert "row longer than 2,000,000 bytes (line 3)" in refusal(path, encoding=encoding)


@pytest.mark.parametrize("cell", ["q" * 1_000_000, "1" * 1_000_000, "word " * 200_000, "é" * 400_000])
def test_cells_of_a_megabyte_are_shortened_in_messages(cell, tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(f"{HEAD}{cell},2024-01-01,1,x\n{ROW}")
    log, report = read_log(path, value="value")
    assert log["customer_id"][0] == cell.strip()
    assert len(report.describe()) < 1_000
    assert len(propose_reading(path).describe()) < 2_000
    refused = [
        (f"{HEAD}a,{cell},1,x\n", {}),
        (f"{HEAD}a,{cell},1,x\n{ROW}", {}),
        (f"{HEAD}a,2024-01-01 {cell},1,x\n{ROW}", {}),
        (f"{HEAD}a,{cell},1,x\na,31.01.2024,1,x\n", {"date_format": "%d.%m.%Y"}),
        (f"{HEAD}a,2024-01-01,{cell},x\n{ROW}", {}),
        (f"{HEAD}{cell},2024-01-01,1,\n{ROW}", {"order_id": "note"}),
    ]
    for text, arguments in refused:
        path.write_text(text)
        assert len(refusal(path, **arguments)) < 500


def test_long_amounts_are_counted_by_their_rows(tmp_path):
    path = tmp_path / "log.csv"
    blanks = " " * 1_000
    path.write_text(f"{HEAD}{ROW}a,2024-01-01,{'1' * 200}a,x\na,2024-01-01,{'1' * 200}b,x\na,2024-01-01,{blanks}5,x\n")
    assert "cannot be read as numbers in 3 rows" in refusal(path)
    path.write_text(f"{HEAD}{ROW}a,2024-01-01,{blanks},x\n")
    assert read_log(path, value="value")[1].missing["value"] == 1


def varint(n):
    """A whole number as Thrift's compact protocol writes it."""
    n, found = 2 * n, b""
    while n > 127:
        found, n = found + bytes([n & 127 | 128]), n >> 7
    return found + bytes([n])


def test_parquet_that_claims_ten_billion_rows_is_refused(tmp_path):
    path, rows = tmp_path / "log.parquet", 12_345
    pq.write_table(pa.table({"customer_id": ["a"] * rows, "timestamp": ["2024-01-01"] * rows}), path)
    data = path.read_bytes()
    (length,) = struct.unpack("<I", data[-8:-4])
    footer = data[-8 - length : -8].replace(varint(rows), varint(10**10))
    path.write_bytes(data[: -8 - length] + footer + struct.pack("<I", len(footer)) + b"PAR1")
    assert pq.read_metadata(path).num_rows == 10**10
    for read in (read_log, read_table):
        with pytest.raises(DataError, match=r"claims 10,000,000,000 rows in [\d,]+ bytes"):
            read(path)


def test_parquet_whose_rows_are_all_alike_is_refused_before_it_fills_the_memory(tmp_path):
    path, rows = tmp_path / "log.parquet", 3_000_000
    alike = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int8()), pa.array(["a"]))
    table = pa.table({"customer_id": alike, "timestamp": alike})
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for _ in range(20):
            writer.write_table(table, row_group_size=rows)
    with pytest.raises(DataError, match="claims 60,000,000 rows"):
        read_log(path)
