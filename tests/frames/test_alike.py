"""One customer in numbers and in text, at every door that is no transaction log."""

import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.campaigns import attribute
from crmml.evidence import compare_before_after, difference_in_differences
from crmml.exceptions import LogWarning
from crmml.frames import alike
from crmml.segments import migration, value_movement
from crmml.stages import to_panel

N = 40
IDS = np.arange(1, N + 1)
MIXED = pd.Series([str(i) if i % 2 else i for i in IDS], dtype=object)
RNG = np.random.default_rng(0)
BEFORE = pd.DataFrame({"customer_id": IDS, "value": RNG.gamma(2, 10, N), "segment": RNG.choice(["a", "b"], N)})
AFTER = BEFORE.assign(value=RNG.gamma(2, 10, N), segment=RNG.choice(["a", "b"], N))
SIDES = {
    "migration": lambda b, a: migration(b, a, segment="segment").counts,
    "value_movement": lambda b, a: value_movement(b, a, value="value", segment="segment", order=["a", "b"]).to_frame(),
    "compare_before_after": lambda b, a: compare_before_after(
        b, a, outcome="value", customer_id="customer_id"
    ).to_frame(),
}
MIXES = r"column 'customer_id' mixes numbers \(20 rows\) and text \(20 rows\)"


@pytest.mark.parametrize("door", SIDES)
def test_two_sides(door):
    call = SIDES[door]
    with pytest.warns(LogWarning, match=MIXES):
        found = call(BEFORE.assign(customer_id=MIXED), AFTER.assign(customer_id=IDS.astype(str)))
    pd.testing.assert_frame_equal(pd.DataFrame(found), pd.DataFrame(call(BEFORE, AFTER)))
    with (
        pytest.warns(LogWarning, match=MIXES),
        pytest.raises(DataError, match="numbers on one side and text on the other"),
    ):
        call(BEFORE, AFTER.assign(customer_id=MIXED))
    with pytest.raises(DataError, match="holds truth values"):
        call(BEFORE.assign(customer_id=pd.Series([True, *IDS[1:]], dtype=object)), AFTER)


def test_segments_as_series_by_customer():
    with pytest.warns(LogWarning, match=MIXES):
        found = migration(AFTER.segment.set_axis(MIXED), BEFORE.segment.set_axis(IDS.astype(str)))
    assert found.counts.sum() == N


def test_a_customer_in_both_kinds_on_one_side_is_there_twice():
    twice = pd.concat([BEFORE.assign(customer_id=IDS.astype(str)).iloc[:1], BEFORE])
    with pytest.warns(LogWarning, match="mixes numbers"), pytest.raises(DataError, match="more than once"):
        migration(twice, AFTER.assign(customer_id=IDS.astype(str)), segment="segment")


def test_panels_and_paths():
    units = pd.DataFrame({"unit": np.repeat(IDS, 4), "time": np.tile(np.arange(4), N), "y": RNG.normal(size=4 * N)})
    units["start"] = np.where(units["unit"] % 2, 2, np.nan)
    mixed = pd.Series([str(u) if i % 2 else u for i, u in enumerate(units["unit"])], dtype=object)

    def effect(data):
        return difference_in_differences(
            data, unit_id="unit", time="time", outcome="y", treated_from="start", n_resamples=99, random_state=0
        ).att

    with pytest.warns(LogWarning, match="column 'unit' mixes numbers"):
        assert effect(units.assign(unit=mixed)) == effect(units)

    long = units.rename(columns={"unit": "customer_id", "time": "period"}).assign(stage=lambda x: x["period"] % 2)
    with pytest.warns(LogWarning, match="column 'customer_id' mixes numbers"):
        X, ids = to_panel(long.assign(customer_id=mixed), 2)
    assert X.shape == (N, 4)
    assert sorted(ids) == sorted(IDS.astype(str))

    touches = pd.DataFrame(
        {"path_id": mixed[:40], "channel": ["x", "y"] * 20, "position": np.arange(40), "converted": [0, 0, 0, 1] * 10}
    )
    with pytest.warns(LogWarning, match="column 'path_id' mixes numbers"):
        found = attribute(touches, method="last", n_resamples=0)
    assert "10 conversions on 10 paths" in found.describe()


def test_columns_of_one_kind_are_left_as_they_are():
    for column in (pd.Series(IDS), pd.Series(IDS.astype(str)), pd.Series(IDS).astype("category"), pd.Series([(1, 2)])):
        assert alike(column, "customer_id")[0] is column
