import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from crmml import DataError
from crmml.evidence import Average, BeforeAfterForestDisplay, Share, compare_before_after
from crmml.exceptions import EvidenceWarning


def sides(n=40, seed=0, lift=0.5):
    rng = np.random.default_rng(seed)
    level = rng.normal(10, 3, n)
    return [
        pd.DataFrame({"customer_id": np.arange(n), "spend": level + shift + rng.normal(0, 1, n), "note": "x"})
        for shift in (0.0, lift)
    ]


def test_the_same_customers_are_compared_with_themselves():
    before, after = sides()
    found = compare_before_after(
        before, after.sample(frac=1, random_state=2), outcome="spend", customer_id="customer_id"
    )
    test = stats.ttest_rel(after["spend"], before["spend"])
    wanted = test.confidence_interval(0.9)
    assert found.paired
    assert found.p_value == pytest.approx(test.pvalue)
    assert (found.lower, found.upper) == (pytest.approx(wanted.low), pytest.approx(wanted.high))
    assert found.relative_lower < found.relative_change < found.relative_upper
    assert found.relative_change == pytest.approx(after["spend"].mean() / before["spend"].mean() - 1)
    arrays = compare_before_after(before["spend"].to_numpy(), after["spend"].to_numpy(), paired=True)
    assert arrays.p_value == pytest.approx(found.p_value)


def test_different_customers_by_welch():
    before, after = sides()
    found = compare_before_after(before, after.head(25), outcome="spend")
    test = stats.ttest_ind(after["spend"].head(25), before["spend"], equal_var=False)
    wanted = test.confidence_interval(0.9)
    assert not found.paired
    assert found.p_value == pytest.approx(test.pvalue)
    assert (found.lower, found.upper) == (pytest.approx(wanted.low), pytest.approx(wanted.high))
    aggregate = compare_before_after(Average.of(before["spend"]), Average.of(after["spend"].head(25)))
    assert aggregate.lower == pytest.approx(found.lower)


def test_rates():
    # Newcombe 1998, table II, method 10: 48 of 80 and 56 of 70
    found = compare_before_after(Share(48, 80), Share(56, 70), coverage=0.95, outcome="Retention")
    assert (round(found.lower, 4), round(found.upper, 4)) == (0.0524, 0.3339)
    assert "+20 percentage points (95% interval +5.24 to +33.4)" in found.describe()
    assert "+33.3 % of the former level" in found.describe()
    flags = compare_before_after(np.repeat([True, False], [48, 32]), np.repeat([1, 0], [56, 14]), coverage=0.95)
    assert (flags.kind, flags.lower, flags.upper) == ("rate", found.lower, found.upper)
    means = compare_before_after(np.repeat([1, 0], [48, 32]), np.repeat([1, 0], [56, 14]), kind="mean")
    assert means.kind == "mean"


def test_rates_of_the_same_customers():
    one, two = np.repeat([1, 1, 0, 0], [30, 4, 14, 12]), np.repeat([1, 0, 1, 0], [30, 4, 14, 12])
    found = compare_before_after(one, two, paired=True)
    assert found.change == pytest.approx(10 / 60)
    assert found.p_value == pytest.approx(stats.binomtest(4, 18).pvalue)
    up, down = 15 / 62, 5 / 62
    half = stats.norm.ppf(0.95) * np.sqrt((up + down - (up - down) ** 2) / 62)
    assert (found.lower, found.upper) == (pytest.approx(up - down - half), pytest.approx(up - down + half))


def test_it_never_claims_a_cause():
    for found in (compare_before_after(Share(1, 10), Share(9, 10)), compare_before_after(*[[1.0, 2.0, 4.0]] * 2)):
        assert found.causal is False
        assert "not the effect of the programme" in found.describe()


def test_on_every_engine(engine):
    before, after = sides()
    wanted = compare_before_after(before, after, outcome="spend", customer_id="customer_id")
    found = compare_before_after(engine.frame(before), engine.frame(after), outcome="spend", customer_id="customer_id")
    assert found.change == pytest.approx(wanted.change)
    assert found.p_value == pytest.approx(wanted.p_value)


def test_windows_that_are_unlike():
    before, after = Share(70, 100), Share(80, 100)
    with pytest.warns(EvidenceWarning) as caught:
        found = compare_before_after(
            before, after, before_window=("2023-01-01", "2023-04-01"), after_window=("2023-04-01", "2023-06-01")
        )
    text = " ".join(str(one.message) for one in caught)
    assert "unequal length, 90 and 61 days" in text
    assert "different seasons" in text
    assert len(found.notes) == 2
    with pytest.warns(EvidenceWarning, match="does not end before"):
        compare_before_after(
            before, after, before_window=("2023-01-01", "3M"), after_window=("2023-01-10", "2023-04-10")
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same = compare_before_after(
            before, after, before_window=("2022-01-01", "2022-04-01"), after_window=("2023-01-01", "3M")
        )
        years = compare_before_after(
            before, after, before_window=("2022-04-01", "2023-04-01"), after_window=("2023-09-01", "1Y")
        )
    assert same.notes == years.notes == ()
    assert "windows are not stated" in compare_before_after(before, after).notes[0]


def test_customers_on_both_sides_in_part():
    before, after = sides()
    late = after.iloc[10:]
    with pytest.warns(EvidenceWarning, match="30 customers are on both sides"):
        apart = compare_before_after(before, late, outcome="spend", customer_id="customer_id")
    assert not apart.paired
    found = compare_before_after(before, late, outcome="spend", customer_id="customer_id", paired=True)
    assert found.n_before == found.n_after == 30
    assert any("10 customers on one side only are left out" in note for note in found.notes)
    assert not compare_before_after(before, late, outcome="spend", customer_id="customer_id", paired=False).paired


def faults(before, after, **options):
    with pytest.raises(DataError) as caught:
        compare_before_after(before, after, **({"outcome": "spend"} | options))
    return " | ".join(caught.value.faults)


def test_every_fault_is_named():
    before, after = sides()
    text = faults(before.assign(spend="much"), after.head(0))
    assert "before: column 'spend' is not a number in 40 of 40 rows" in text
    assert "after: there are no rows, the group is empty" in text
    assert "missing in 1 of 40" in faults(before.assign(spend=before["spend"].where(before.index > 0)), after)
    twice = pd.concat([before, before.head(3)])
    assert "3 of 43 rows repeat a customer" in faults(twice, after, customer_id="customer_id")
    assert "column 'spent' is missing" in faults(before, after, outcome="spent")
    assert "Share before and Average after" in faults(Share(1, 2), Average(1.0, 1.0, 3))
    assert "one side is a frame" in faults(before, [1.0, 2.0])
    assert "0 customers can be compared" in faults(
        before, after.assign(customer_id=after["customer_id"] + 99), customer_id="customer_id", paired=True
    )
    assert "needs customer_id" in faults(before, after, paired=True)
    assert "39 outcomes before and 40 after" in faults(
        before["spend"].to_numpy()[:39], after["spend"].to_numpy(), paired=True
    )
    assert "a rate needs outcomes of 0 and 1" in faults(before, after, kind="rate")
    assert "shape (2, 2)" in faults(np.ones((2, 2)), [1.0, 2.0])


def test_outcomes_outside_their_window():
    before, after = sides()
    day = pd.date_range("2023-01-01", periods=40, freq="D")
    before, after = before.assign(day=day), after.assign(day=day + pd.DateOffset(years=1))
    windows = {"before_window": ("2023-01-01", "2023-02-10"), "after_window": ("2024-01-01", "2024-02-10")}
    options = {"outcome": "spend", "timestamp": "day", **windows}
    assert compare_before_after(before, after, **options).notes == ()
    late = after.assign(day=after["day"] + pd.Timedelta(days=5))
    assert "outside the window 2024-01-01 to 2024-02-09 in 5 of 40 rows (0 before it, 5 after it)" in faults(
        before, late, **options
    )
    longer = options | {"before_window": ("2023-01-01", "2023-05-01"), "after_window": ("2024-01-01", "2024-04-30")}
    assert "is longer than the data: nothing is dated in 80 days" in faults(before, after, **longer)
    assert "must hold a date" in faults(before.assign(day=1), after, **options)


def test_arguments():
    before, after = sides()
    for options, text in (
        ({"kind": "share"}, "kind='share'"),
        ({"paired": "yes"}, "paired='yes'"),
        ({"coverage": 90}, "coverage=90"),
        ({"outcome": None}, "outcome must name"),
        ({"before_window": ("2023-02-01", "2023-01-01")}, "before_window"),
        ({"before_window": ("2023-02-01", "2023-02-01")}, "the end exclusive"),
        ({"after_window": (1, 2)}, "after_window"),
        ({"after_window": (np.int64(20230101), np.int64(20230401))}, "after_window"),
        ({"after_window": (pd.Timestamp("2023-01-01", tz="UTC"), "3M")}, "without a time zone"),
        ({"after_window": "2023"}, "after_window"),
    ):
        with pytest.raises(ValueError, match=text):
            compare_before_after(before, after, **({"outcome": "spend"} | options))
    with pytest.raises(ValueError, match="own outcomes"):
        compare_before_after(Share(1, 2), Share(1, 2), paired=True)


def test_identifiers_of_two_kinds_are_refused():
    before = pd.DataFrame({"id": range(20), "v": np.arange(20.0)})
    after = before.assign(id=before["id"].astype(str), v=before["v"] ** 2)
    with pytest.raises(DataError, match="the kinds of 'id' differ, numbers on one side and text on the other"):
        compare_before_after(before, after, outcome="v", customer_id="id")
    apart = compare_before_after(before, after.assign(id=range(20, 40)), outcome="v", customer_id="id")
    assert "no id is on both sides" in apart.notes


def test_nothing_is_known_of_the_spread_where_nothing_varies():
    for paired in (True, False):
        found = compare_before_after([1.0, 1.0, 1.0], [2.0, 2.0, 2.0], paired=paired)
        assert (found.change, found.relative_change) == (1, 1)
        assert np.isnan([found.lower, found.upper, found.p_value, found.relative_lower]).all()
        assert "+1 (interval unknown, for nothing varies); +100 % of the former level" in found.describe()


def test_no_percent_of_a_level_below_0():
    rng = np.random.default_rng(0)
    found = compare_before_after(rng.normal(-50, 5, 40), rng.normal(50, 5, 40))
    assert np.isnan(found.relative_change)
    assert "of the former level" not in found.describe()


def test_a_comparison_is_a_frame_a_picture_and_html():
    for found, panels in (
        (compare_before_after(Share(140, 200), Share(160, 200), outcome="Retention"), ["points", "percent"]),
        (compare_before_after(*sides(), outcome="spend", customer_id="customer_id"), ["amount", "percent"]),
    ):
        table = found.to_frame().set_index("quantity")
        assert table.loc["change"].tolist() == [found.change, found.lower, found.upper]
        assert table.loc["before", "value"] == found.before
        display = found.plot()
        assert isinstance(display, BeforeAfterForestDisplay)
        assert display.table["panel"].tolist() == panels
        assert "not the effect of the programme" in found._repr_html_()


def test_every_fault_of_the_arguments_is_named_at_once():
    with pytest.raises(DataError, match="3 faults found") as caught:
        compare_before_after(Share(1, 2), Share(1, 2), kind="share", paired="yes", coverage=90)
    for fault in ("kind='share'", "paired='yes'", "write 0.9 for 90 %"):
        assert fault in str(caught.value)
