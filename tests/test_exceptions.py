import pickle

from crmml import DataError
from crmml.exceptions import MissingInputsError, WorkError


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
