import pickle

from crmml import DataError
from crmml.exceptions import MissingInputsError, WorkError, in_number, listed, shortened, shown


def test_it_is_a_data_error_that_lists_what_is_missing():
    error = MissingInputsError(["a", "b"])
    assert isinstance(error, DataError)
    assert error.missing == error.faults == ("a", "b")
    assert str(error).splitlines()[0] == "the return on investment cannot be known, 2 inputs are missing or wrong:"
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert again.faults == error.faults


def test_too_much_work_is_a_value_that_was_wrong_and_an_arithmetic_matter():
    assert issubclass(WorkError, ValueError)
    assert issubclass(WorkError, ArithmeticError)


def test_long_values_are_shortened():
    assert shown("loyal") == "'loyal'"
    assert shown(5) == "5"
    assert shown("x" * 1_000_000) == repr("x" * 39 + "…")
    assert len(shown(list(range(1000)))) <= 40
    assert shortened("one two three", 8) == "one two…"
    assert shortened("one two", 7) == "one two"


def test_one_thing_is_in_the_singular():
    assert DataError(["1 rows have no date", "1 of 5 values are missing"]).faults == (
        "1 row has no date",
        "1 of 5 values is missing",
    )
    assert in_number("interval has 1 columns; two ends are needed") == "interval has 1 column; two ends are needed"
    assert in_number("1 probabilities are missing, 1 entries repeat") == "1 probability is missing, 1 entry repeats"
    for text in (
        "11 rows have",
        "0.1 rows are",
        "1,001 rows are",
        "order=1 moves",
        "'1 rows'",
        "1 rowsome",
        "row 1 of 2",
    ):
        assert in_number(text) == text


def test_no_fault_holds_a_cell_at_its_full_length():
    (fault,) = DataError([f"kind {'x' * 1_000_000!r} is not known; take another"]).faults
    assert len(fault) < 100
    assert fault.endswith("is not known; take another")
    (fault,) = DataError([f"text {'a b ' * 100_000!r} is not known"]).faults
    assert len(fault) < 100


def test_long_lists_are_told_by_their_beginning():
    assert listed(["a", "b"]) == "a, b"
    assert listed([f"label {k}" for k in range(10_000)], most=2) == "label 0, label 1 and 9,998 more"
