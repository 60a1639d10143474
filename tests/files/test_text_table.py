import pytest

from crmml import DataError
from crmml.files.dialect import find_dialect
from crmml.files.opening import open_file
from crmml.files.text_table import TextTable, connected, literal, refusals


def table_of(text, tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(text)
    opened = open_file(path, tmp_path)
    return TextTable(opened, find_dialect(opened.sample, path.name))


def rows_of(table, tmp_path):
    with connected(tmp_path) as database, refusals(table, database):
        return database.rows(f"select * from {table.source()}")


def test_every_field_is_text(tmp_path):
    assert rows_of(table_of("a,b\n007,NA\n1.0,\n", tmp_path), tmp_path) == [("007", "NA"), ("1.0", None)]


@pytest.mark.parametrize("rows", ["1,2,\n3,4,\n", "1,2,\n3,4\n"])
def test_a_delimiter_at_the_end_of_rows_moves_nothing(rows, tmp_path):
    assert rows_of(table_of("a,b\n" + rows, tmp_path), tmp_path) == [("1", "2"), ("3", "4")]


def test_rows_of_another_width_are_counted(tmp_path):
    table = table_of("a,b\n1,2\n3\n4,5\n6,7,8\n9,9,9\n", tmp_path)
    with pytest.raises(DataError) as error:
        rows_of(table, tmp_path)
    assert error.value.faults == (
        "a.csv has 1 row with fewer fields than the header's 2, line 3 has 1",
        "a.csv has 2 rows with more fields than the header's 2, line 5 has 3; put fields that hold a delimiter in quotes",
    )


def test_quotes_that_do_not_end_and_endless_rows_are_refused(tmp_path):
    with pytest.raises(DataError, match="quote"):
        rows_of(table_of('a,b\n1,2\n3,"4\n', tmp_path), tmp_path)
    with pytest.raises(DataError, match="row longer than"):
        rows_of(table_of("a,b\n1," + "x" * 3_000_000 + "\n", tmp_path), tmp_path)


def test_texts_are_literals():
    assert literal("it's") == "'it''s'"


def test_blanks_around_an_entry_are_taken_off(tmp_path):
    blanks = " \t\n\v\f\r\u00a0"
    texts = [
        "a",
        "",
        " ",
        "a b",
        *(f"{blank}a{blank} b" for blank in blanks),
        *(f"a{blank}" for blank in blanks),
        blanks,
    ]
    with connected(tmp_path) as database:
        rows = [database.row(f"select bare({literal(text)})")[0] for text in texts]
        assert database.row("select bare(null)") == (None,)
    assert rows == [text.strip(blanks) for text in texts]
