import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml import DataError
from crmml.segments import rfm_names
from crmml.segments.rfm_names import DIMENSIONS, name_lookup, sizes_of


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 12))
def test_the_usual_names_cover_every_combination(r, f, m):
    segments, lookup = name_lookup(None, dict(zip(DIMENSIONS, (r, f, m), strict=True)))
    assert lookup.shape == (r, f, m)
    assert ((lookup >= 0) & (lookup < len(segments))).all()


def test_the_usual_grid_of_five():
    segments, lookup = name_lookup(None, sizes_of(5))
    assert segments == (
        "Champions",
        "Loyal customers",
        "Potential loyalists",
        "New customers",
        "Promising",
        "Need attention",
        "Cannot lose them",
        "At risk",
        "About to sleep",
        "Hibernating",
        "Lost",
    )
    name = lambda r, f, m: segments[lookup[r - 1, f - 1, m - 1]]  # noqa: E731
    assert name(5, 5, 5) == name(5, 4, 3) == "Champions"
    assert name(5, 5, 2) == name(4, 4, 4) == name(3, 5, 1) == "Loyal customers"
    assert name(1, 3, 5) == name(2, 5, 1) == "Cannot lose them"
    assert name(1, 3, 4) == "At risk"
    assert name(3, 1, 3) == "About to sleep"
    assert name(1, 1, 5) == "Lost"
    assert name(1, 2, 1) == name(2, 1, 1) == "Hibernating"
    assert name(5, 1, 1) == "New customers"
    assert name(4, 1, 1) == "Promising"


def test_the_first_match_wins():
    table = pd.concat([rfm_names(2).head(1).assign(segment="mine"), rfm_names(2)])
    segments, lookup = name_lookup(table, sizes_of(2))
    assert segments[0] == "mine"
    assert segments[lookup[1, 1, 1]] == "mine"
    assert (lookup != segments.index("Champions")).all()


def test_combinations_that_no_row_covers_are_listed():
    table = rfm_names(3)
    with pytest.raises(DataError, match=r"2 of 27 combinations .* no segment \(1-1-1, 1-1-2\)"):
        name_lookup(
            table.assign(monetary_lower=np.where(table["segment"] == "Lost", 3, table["monetary_lower"])), sizes_of(3)
        )


def test_every_fault_of_a_table_at_once():
    table = rfm_names(3)
    table["recency_upper"] = table["recency_upper"].astype(object)
    table.loc[0, "recency_upper"] = "upper"
    table.loc[1, "frequency_upper"] = 5
    table.loc[2, ["monetary_lower", "monetary_upper"]] = 3, 1
    table.loc[3, "segment"] = None
    with pytest.raises(DataError) as caught:
        name_lookup(table, sizes_of(3))
    assert len(caught.value.faults) == 4
    assert "frequency scores are outside 1 to 3 in 1 of" in str(caught.value)
    with pytest.raises(DataError, match="monetary_lower"):
        name_lookup(rfm_names(3).drop(columns="monetary_lower"), sizes_of(3))
    with pytest.raises(DataError, match="no rows"):
        name_lookup(rfm_names(3).head(0), sizes_of(3))
