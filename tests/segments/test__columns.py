import numpy as np
import pandas as pd
import pytest

from crmml.exceptions import DataError
from crmml.segments import _columns
from crmml.segments._columns import CustomerTypes, fault, numbers_of, repeated_customers


def test_columns_as_numbers(engine):
    frame = engine.frame(
        pd.DataFrame(
            {"whole": [1, 2, 3], "real": [0.5, None, 2.5], "text": ["1", "2", "3"], "yes": [True, False, True]}
        )
    )
    faults = []
    found = numbers_of(frame, ["whole", "real", "yes"], faults)
    assert faults == []
    assert all(column.dtype == np.float64 for column in found.values())
    assert sorted(found["whole"]) == [1, 2, 3]
    assert np.isnan(found["real"]).sum() == 1
    assert sorted(found["yes"]) == [0, 1, 1]
    numbers_of(frame, ["text"], faults)
    assert len(faults) == 1
    assert "column 'text' holds numbers as text" in faults[0]


def test_dates_are_no_numbers():
    faults = []
    numbers_of(pd.DataFrame({"day": pd.to_datetime(["2024-01-01"])}), ["day"], faults)
    assert "column 'day' is not a number in 1 of 1 rows" in faults[0]


def test_faults_name_the_first_rows_and_the_cure():
    wrong = np.asarray([False, True, True, True, True])
    assert fault("x", wrong, "is odd", "mend it") == [
        "column 'x' is odd in 4 of 5 rows (row 1, row 2, row 3, ...); mend it"
    ]
    assert fault("x", ~wrong & wrong, "is odd", "mend it") == []


def test_types_are_text_and_unknown_ones_refused():
    types = CustomerTypes(pd.Series([2.0, 1.0, 2.0]), "type", "the customers")
    assert types.codes_in(("1", "2")).tolist() == [1, 0, 1]
    with pytest.raises(DataError, match=r"holds '2' in 2 of 3 rows, which fit has not seen; it knows '1'"):
        types.check_known(("1",))
    with pytest.raises(DataError, match="column 'type' is missing in 1 of 2 rows"):
        CustomerTypes(pd.Series(["a", None]), "type", "the customers")


def test_repeated_customers_among_very_many_are_looked_for_in_a_part(engine, monkeypatch):
    frame = pd.DataFrame({"customer_id": np.random.default_rng(0).permutation(5000) % 2500})
    assert repeated_customers(engine.frame(frame)) == (2500, 5000)
    monkeypatch.setattr(_columns, "LOOKED_AT", 1000)
    repeated, looked = repeated_customers(engine.frame(frame))
    assert 0 < repeated < looked <= 1000
    assert repeated_customers(engine.frame(frame.assign(customer_id=range(5000)))) == (0, 5000)
    by_number = engine.frame(frame.rename(columns={"customer_id": "customer_number"}))
    assert repeated_customers(by_number) == (repeated, looked)
    assert repeated_customers(engine.frame(frame.rename(columns={"customer_id": "who"}))) == (0, 0)
