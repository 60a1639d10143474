import pandas as pd
import pytest

from crmml import DataError
from crmml.customers import integrate

ONE = pd.DataFrame({"k": [1, 2], "v": ["a", "b"]})


def test_wrong_arguments():
    with pytest.raises(ValueError, match="at least one table"):
        integrate(keys="k")
    with pytest.raises(ValueError, match="2 different names"):
        integrate(ONE, ONE, keys="k", names=["a", "a"])
    with pytest.raises(ValueError, match="keys must name"):
        integrate(ONE, keys=[])
    with pytest.raises(ValueError, match="a mapping names its own"):
        integrate({"one": ONE}, keys="k", names=["a"])
    with pytest.raises(TypeError, match="one by one, integrate"):
        integrate([ONE, ONE], keys="k")
    for keys in (0, [0], None, [["k", 0]]):
        with pytest.raises(ValueError, match="keys must name"):
            integrate(ONE, keys=keys)
    with pytest.raises(TypeError, match="no dataframe that is known"):
        integrate(1, keys="k")
    with pytest.raises(DataError, match="more than once"):
        integrate(pd.DataFrame([[1, 2]], columns=["a", "a"]), keys="a")


def test_first_calls_that_go_wrong_say_what_to_do():
    one = pd.DataFrame({"k": [1, 2], "v": ["a", "b"]})
    for sources in ([one.set_index("k")], [one, one.set_index("k")]):
        with pytest.raises(DataError, match=r"'k' is in the index of pandas: call reset_index\(\) first"):
            integrate(*sources, keys="k")
    with pytest.raises(TypeError, match="rename the columns that are called otherwise"):
        integrate(one, one, keys={"source 1": "k"})
    for prefer in (1, {"v": 1}):
        with pytest.raises(DataError, match="prefer=1 must be 'newest'"):
            integrate(one, one, keys="k", prefer=prefer)
    with pytest.raises(TypeError, match="must be a mapping of columns"):
        integrate(one, one, keys="k", fuzzy="v")
    # a share, where a similarity of 100 is meant, would make nearly all records one
    with pytest.raises(DataError, match=r"fuzzy\['v'\]=0.9 must be a similarity above 1 and up to 100, such as 90"):
        integrate(one, one, keys="k", fuzzy={"v": 0.9})
    with pytest.raises(TypeError, match="number=1 must be a text"):
        integrate(one, one, keys="k", number=1)
    with pytest.raises(TypeError, match="names='ab' is one text"):
        integrate(one, one, keys="k", names="ab")
    with pytest.raises(ValueError, match="must differ as texts"):
        integrate({1: one, "1": one}, keys="k")


def test_the_number_never_takes_the_place_of_another_column():
    one = pd.DataFrame({"k": ["a", "A"], "v": [1, 2]})
    _, report = integrate(one, one, keys="k", number="n")
    tables = (
        "links",
        "duplicates",
        "conflicts",
        "gaps",
        "provenance",
        "values",
        "fuzzy_matches",
        "customer_completeness",
    )
    for column in {name for table in tables for name in getattr(report, table).columns} - {"n"}:
        with pytest.raises(DataError, match="is the name of another column of the report"):
            integrate(one, keys="k", number=column)
