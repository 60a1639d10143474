import pytest

from crmml import DataError
from crmml.files.dialect import MOST_COLUMNS, find_dialect, lines_of, unnamed

ROWS = [["buyer", "day", "paid"], ["A", "2024-01-05", "1.5"], ["B", "2024-01-06", "2"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "~"])
def test_the_delimiter_is_told_by_rows_of_one_width(delimiter):
    text = "".join(delimiter.join(row) + "\n" for row in ROWS)
    dialect = find_dialect(text, "a.csv")
    assert (dialect.delimiter, dialect.names, dialect.fields, dialect.skip_lines) == (delimiter, tuple(ROWS[0]), 3, 0)


def test_decimal_commas_do_not_make_a_comma_the_delimiter():
    dialect = find_dialect("a;b\n1,5;2,5\n3,5;4,5\n", "a.csv")
    assert dialect.delimiter == ";"


def test_a_line_that_names_the_delimiter_is_taken_at_its_word():
    dialect = find_dialect("sep=|\na|b\n1|2\n", "a.csv")
    assert (dialect.delimiter, dialect.skip_lines, dialect.names) == ("|", 1, ("a", "b"))


@pytest.mark.parametrize("title", ["Orders of March\n", "Orders of March,,\n", "\n\nExported 2024\n\n"])
def test_titles_and_blank_lines_before_the_header_are_counted(title):
    dialect = find_dialect(title + "a,b,c\n1,2,3\n4,5,6\n", "a.csv")
    assert dialect.names == ("a", "b", "c")
    assert dialect.skip_lines == title.count("\n")


def test_the_header_is_known_by_the_names_that_are_wanted():
    dialect = find_dialect("Shop,Vienna\nbuyer,day\nA,2024-01-05\n", "a.csv", wanted=["buyer", "day"])
    assert (dialect.names, dialect.skip_lines) == (("buyer", "day"), 1)


def test_what_is_stated_is_taken():
    dialect = find_dialect("x;y,z\n1;2,3\n", "a.csv", delimiter=",", skip_lines=0, quote="", column_names=["a", "b"])
    assert (dialect.delimiter, dialect.quote, dialect.names, dialect.has_header) == (",", "", ("a", "b"), False)
    assert dialect.stated == {"delimiter", "skip_lines", "quote", "names"}


def test_single_quotes_and_backslashes_are_told():
    assert find_dialect("'a','b'\n'1','2'\n", "a.csv").quote == "'"
    assert find_dialect('a,b\n"say \\"x\\"",2\n', "a.csv").escape == "\\"


def test_headers_that_cannot_be_used_are_refused():
    with pytest.raises(DataError, match="the column 'a' more than once"):
        find_dialect("a,a\n1,2\n", "a.csv")
    with pytest.raises(DataError, match="is empty"):
        find_dialect("\n\n", "a.csv")
    with pytest.raises(DataError, match="at most"):
        find_dialect(",".join(f"c{i}" for i in range(MOST_COLUMNS + 1)) + "\n", "a.csv")
    with pytest.raises(DataError, match="names longer than"):
        find_dialect("a" * 2_000 + ",b\n1,2\n", "a.csv")


def test_lines_end_in_cr_and_lf_alone():
    assert lines_of("a\u2028b\r\nc\rd\ne") == ["a\u2028b\r\n", "c\r", "d\n", "e"]


def test_blank_names_are_called_by_their_place():
    assert unnamed(["a", ""]) == ["a", "column_2"]
