import pickle

from crmml import DataError
from crmml.exceptions import MissingInputsError, WorkError, shortened, shown


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
