import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.customers import integrate
from crmml.customers._canonical_text import as_text

NOON = pd.Timestamp("2024-01-01 12:00")


@pytest.mark.parametrize(
    "values",
    [
        [dt.date(2024, 1, 1), NOON],
        [dt.date(2024, 1, 1), dt.datetime(2024, 1, 1, 12)],
        [NOON, NOON.tz_localize("Asia/Shanghai")],
        [NOON, NOON + pd.Timedelta(1, "ns")],
        [dt.timedelta(1), pd.Timedelta("1 days 00:00:00.000000001")],
        [dt.time(1), dt.time(1, tzinfo=dt.UTC)],
        ["a", b"a"],
        [2**64, 1],
        [Decimal("Infinity"), Decimal(1)],
        [1j, 2 + 0j],
    ],
    ids=str,
)
def test_objects_of_several_kinds_stay_two_values(values):
    source = pd.DataFrame({"k": pd.Series(values, dtype=object), "v": pd.Series(values, dtype=object)})
    customers, report = integrate(source, keys="k", normalise=False)
    assert len(customers) == 2
    assert [as_text(value) for value in report.restore("source 1")["v"]] == [as_text(value) for value in values]


def test_objects_of_one_kind_keep_their_type():
    moments = pd.Series([NOON.tz_localize("UTC"), NOON.tz_localize("Asia/Shanghai"), None], dtype=object)
    customers, _ = integrate(pd.DataFrame({"k": [1, 2, 3], "t": moments}), keys="k")
    assert customers["t"].tolist()[:2] == moments.tolist()[:2]
    assert customers["t"].dtype.kind == "M"


def test_spans_in_two_units_are_one_value():
    one = pd.DataFrame({"k": [1], "v": pd.Series([pd.Timedelta(1, "D")]).astype("timedelta64[ns]")})
    two = pd.DataFrame({"k": [1], "v": pd.Series([pd.Timedelta(1, "D")]).astype("timedelta64[us]")})
    assert len(integrate(one, two, keys="k")[1].conflicts) == 0


def test_a_number_and_a_text_as_names_of_two_columns_are_refused():
    with pytest.raises(DataError, match="'7' is there as a text and as a number"):
        integrate(pd.DataFrame({"k": [1], 7: ["x"], "7": ["y"]}), keys="k")
    customers, report = integrate(pd.DataFrame({"k": [1], 7: ["x"]}), keys="k")
    assert customers["7"].tolist() == report.restore("source 1")["7"].tolist() == ["x"]


def test_columns_that_no_engine_else_has():
    source = pd.DataFrame({"k": [1, 2], "v": pd.arrays.SparseArray([0, 5]), "z": [1j, 2]})
    assert integrate(source, keys="k")[0]["v"].tolist() == [0, 5]
    with pytest.raises(DataError, match="'t' of 'source 1' holds moments before the year 1 or after 9999"):
        integrate(pd.DataFrame({"k": [1], "t": np.asarray(["20000-01-01"], "datetime64[s]")}), keys="k")
    with pytest.raises(DataError, match="'v' holds half a character"):
        integrate(pd.DataFrame({"k": [1], "v": pd.Series(["\ud800"], dtype=object)}), keys="k")
