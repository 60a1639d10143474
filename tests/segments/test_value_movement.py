import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml.exceptions import DataError
from crmml.segments import MigrationFlowDisplay, fallen, value_movement

ORDER = ["top", "middle", "low"]


def both():
    before = pd.DataFrame(
        {
            "customer_id": [1, 2, 3, 4, 5],
            "segment": ["top", "top", "top", "middle", "low"],
            "value": [100.0, 90.0, 80.0, 40.0, 5.0],
        }
    )
    after = pd.DataFrame(
        {
            "customer_id": [1, 2, 4, 5, 6],
            "segment": ["top", "low", "top", "low", "low"],
            "value": [110.0, 4.0, 95.0, 6.0, 3.0],
        }
    )
    return before, after


def test_moves_by_hand(engine):
    before, after = both()
    result = value_movement(engine.frame(before), engine.frame(after), value="value", order=ORDER)
    by_move = result.by_move.set_index("move")
    assert by_move["customers"].to_dict() == {"staying": 2, "upgraded": 1, "downgraded": 1, "gone": 1, "new": 1}
    assert by_move["change"].to_dict() == {
        "staying": 11.0,
        "upgraded": 55.0,
        "downgraded": -86.0,
        "gone": -80.0,
        "new": 3.0,
    }
    assert (result.total_before, result.total_after) == (315.0, 218.0)
    first = result.table.iloc[0]
    assert (first["from"], first["to"], first["move"]) == ("top", "top", "staying")
    text = result.describe()
    assert "Value went from 315 to 218, by -97 (-30.8%)." in text
    assert "1 customer is gone: 80 before, 0 after (-80)." in text


def test_who_fell_from_the_top_by_lost_value(engine):
    before, after = both()
    result = fallen(engine.frame(before), engine.frame(after), "top", value="value", order=ORDER)
    assert engine.owns(result)
    rows = engine.pandas(result).sort_values("lost", ascending=False, ignore_index=True)
    if engine.is_eager:
        assert rows["customer_id"].tolist() == engine.pandas(result)["customer_id"].tolist()
    assert rows["customer_id"].tolist() == [2, 3]
    assert rows["to"].tolist() == ["low", "gone"]
    assert rows["lost"].tolist() == [86.0, 80.0]


def test_nobody_fell_is_an_empty_list():
    before, _ = both()
    assert len(fallen(before, before, "top", value="value", order=ORDER)) == 0
    with pytest.raises(DataError, match="no tier is called 'best'; there are 'top', 'middle', 'low'"):
        fallen(before, before, "best", value="value", order=ORDER)


SIDE = st.dictionaries(st.integers(0, 20), st.tuples(st.sampled_from(ORDER), st.integers(-1000, 100_000)), min_size=1)


@settings(max_examples=60, deadline=None)
@given(SIDE, SIDE)
def test_value_is_conserved_exactly(before, after):
    if not set(before) & set(after):
        after[next(iter(before))] = ("low", 7)
    frames = [
        pd.DataFrame(
            [(c, tier, money / 4) for c, (tier, money) in side.items()], columns=["customer_id", "segment", "value"]
        )
        for side in (before, after)
    ]
    result = value_movement(*frames, value="value", order=ORDER)
    for table in (result.table, result.by_move):
        assert table["value_before"].sum() == frames[0]["value"].sum() == result.total_before
        assert table["value_after"].sum() == frames[1]["value"].sum() == result.total_after
        assert table["customers"].sum() == len(set(before) | set(after))
    lost = fallen(*frames, "top", value="value", order=ORDER)
    expected = [c for c, (tier, _) in before.items() if tier == "top" and after.get(c, ("gone",))[0] != "top"]
    assert sorted(lost["customer_id"]) == sorted(expected)
    assert (np.diff(lost["lost"]) <= 0).all()


def test_missing_and_wrong_values_are_refused():
    before, after = both()
    before.loc[0, "value"] = np.nan
    with pytest.raises(DataError) as caught:
        value_movement(before, after.assign(value="much"), value="value", order=ORDER)
    assert "before: column 'value' is missing or infinite in 1 of 5 rows" in str(caught.value)
    assert "after: column 'value' is not a number" in str(caught.value)
    with pytest.raises(TypeError, match="must be frames"):
        value_movement(pd.Series({1: "top"}), pd.Series({1: "top"}), value="value", order=ORDER)


def test_movements_are_a_frame_a_picture_and_a_page():
    found = value_movement(*both(), value="value", order=ORDER, gone="left", new="came")
    pd.testing.assert_frame_equal(found.to_frame(), found.table)
    display = found.plot()
    plt.close("all")
    assert isinstance(display, MigrationFlowDisplay)
    assert (display.origins[-1], display.targets[-1]) == ("came", "left")
    assert "Value went from" in found._repr_html_()
