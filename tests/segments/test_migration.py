import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml.exceptions import DataError
from crmml.segments import MigrationFlowDisplay, SegmentWarning, migration
from crmml.stages import StageChain

ORDER = ["gold", "silver", "lead"]


def both():
    before = pd.DataFrame(
        {"customer_id": [1, 2, 3, 4, 5, 6], "segment": ["gold", "gold", "silver", "silver", "lead", "lead"]}
    )
    after = pd.DataFrame({"customer_id": [6, 1, 2, 3, 9], "segment": ["lead", "gold", "silver", "gold", "lead"]})
    return before, after


def test_counts_by_hand_and_every_stage_analysis(engine):
    before, after = both()
    chain = migration(engine.frame(before), engine.frame(after), order=ORDER, period="Y")
    assert isinstance(chain, StageChain)
    assert chain.stages.names == ("gold", "silver", "lead", "gone")
    expected = [[1, 1, 0, 0], [1, 0, 0, 1], [0, 0, 1, 1]]
    np.testing.assert_array_equal(chain.counts[:3], expected)
    np.testing.assert_allclose(chain.P[:3], np.array(expected) / 2)
    assert (chain.n_before, chain.n_after, chain.n_stayed, chain.n_gone, chain.n_new) == (6, 5, 4, 2, 1)
    assert dict(chain.new_segments) == {"gold": 0, "silver": 0, "lead": 1}
    # t_gold = 1 + t_gold/2 + t_silver/2, t_silver = 1 + t_gold/2
    np.testing.assert_allclose(chain.hitting_time(), [6.0, 4.0, 2.0, 0.0])
    assert chain.rupture_probability(1).tolist() == [0.0, 0.5, 0.5, 1.0]
    assert np.isfinite(chain.lifetime_value([10.0, 5.0, 1.0, 0.0], 0.1)).all()
    lower, upper = chain.interval("rupture_probability", 1)[1]
    assert 0 < lower < 0.5 < upper < 1
    assert "2 have gone. 1 is new (lead 1), and is in no move." in chain.describe()


def test_series_and_arrays_agree_with_frames():
    before, after = both()
    expected = migration(before, after, order=ORDER)
    series = [frame.set_index("customer_id")["segment"] for frame in (before, after)]
    everyone = sorted(set(before["customer_id"]) | set(after["customer_id"]))
    arrays = [one.reindex(everyone).to_numpy(dtype=object) for one in series]
    for given_ in (series, arrays):
        chain = migration(*given_, order=ORDER)
        np.testing.assert_array_equal(chain.counts, expected.counts)
        assert chain.new_segments == expected.new_segments


def test_the_posterior_adds_one_customer_to_each_row():
    chain = migration(*both(), order=ORDER)
    draws = chain.draws(20_000, random_state=0)
    np.testing.assert_allclose(draws.mean(axis=0)[0], (np.array([1, 1, 0, 0]) + 0.25) / 3, atol=0.01)


def test_a_segment_nobody_was_in_is_never_left_and_named():
    with pytest.warns(SegmentWarning, match="Nobody was in platinum before"):
        chain = migration(*both(), order=["platinum", *ORDER])
    assert chain.P[0].tolist() == [1.0, 0.0, 0.0, 0.0, 0.0]


NAMES = st.sampled_from(["a", "b", "c"])


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.integers(0, 30), NAMES, min_size=1), st.dictionaries(st.integers(0, 30), NAMES, min_size=1))
def test_no_customer_is_lost(before, after):
    if not set(before) & set(after):
        after[next(iter(before))] = "a"
    with pytest.warns() if set("abc") - set(before.values()) else _nothing():
        chain = migration(pd.Series(before), pd.Series(after), order=["a", "b", "c"])
    assert chain.counts[:3].sum() == len(before) == chain.n_stayed + chain.n_gone
    assert chain.n_stayed + chain.n_new == len(after)
    for j, name in enumerate(["a", "b", "c"]):
        assert chain.counts[:3, j].sum() + dict(chain.new_segments)[name] == list(after.values()).count(name)


def _nothing():
    from contextlib import nullcontext

    return nullcontext()


def test_every_fault_in_one_message():
    before, after = both()
    before.loc[6] = [1, "gold"]
    after.loc[5] = [7, None]
    with pytest.raises(DataError) as caught:
        migration(before, after)
    message = str(caught.value)
    assert "before: 1 customer is there more than once (rows 0, 6, ...), in 2 of 7 rows" in message
    assert "after: the segment is missing in 1 of 6 rows" in message
    before, after = both()
    with pytest.raises(DataError, match="order does not name 'lead', the segment of 4 rows"):
        migration(before, after, order=["gold", "silver"])
    with pytest.raises(DataError, match="not one of 6 customers before and 5 after is the same"):
        migration(before, after.assign(customer_id=after["customer_id"] + 100))
    with pytest.raises(DataError, match="is called 'gold', as customers who left or came are"):
        migration(before, after, gone="gold")
    with pytest.raises(DataError, match="column 'segment' is missing; there are 'customer_id', 'tier'"):
        migration(before.rename(columns={"segment": "tier"}), after)
    with pytest.raises(DataError, match=r"kinds of 'customer_id' differ|not one of"):
        migration(before, after.assign(customer_id=after["customer_id"].astype(str)))
    with pytest.raises(DataError, match="two of one length"):
        migration(np.array(["a", "b"]), np.array(["a"]))
    with pytest.raises(DataError, match="before: there are no customers"):
        migration(before.head(0), after)


def test_names_that_are_numbers_with_and_without_decimals():
    before = pd.DataFrame({"customer_id": range(100), "segment": np.arange(100) % 3})
    after = before.assign(segment=before["segment"].astype(float))
    chain = migration(before, after, order=[0, 1, 2])
    assert chain.n_stayed == 100
    assert chain.stages.names[:3] == ("0", "1", "2")
    text = before.assign(segment=before["segment"].map({0: "gold", 1: "gold ", 2: "iron"}))
    assert migration(text, text).stages.names[:2] == ("gold", "iron")


def test_moves_are_a_frame_a_picture_and_a_page():
    chain = migration(*both(), order=ORDER)
    frame = chain.to_frame()
    assert frame["customers"].sum() == chain.n_before + chain.n_new
    known = frame[frame["from"] != "new"]
    np.testing.assert_allclose(known.groupby("from")["share"].sum(), 1.0)
    assert frame.loc[frame["from"] == "new", "share"].isna().all()
    assert isinstance(chain.plot(), MigrationFlowDisplay)
    plt.close("all")
    assert "have gone" in chain._repr_html_()
