import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crmml.results import IntervalDisplay
from crmml.segments import PyramidDisplay
from crmml.segments.profile import counted, is_are, profile_of, sums_of


def drawn(n=400, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 3, n), rng.lognormal(3, 1, n), rng.normal(size=n)


def test_figures_by_hand():
    codes, value, other = drawn()
    table = profile_of(sums_of(codes, 4, {"x": other}, value), list("abcd"), value="v").table
    by = pd.DataFrame({"code": codes, "value": value, "x": other}).groupby("code")
    assert table["customers"].tolist() == [*by.size(), 0]
    np.testing.assert_allclose(table["value_sum"][:3], by["value"].sum())
    np.testing.assert_allclose(table["value_share"][:3], by["value"].sum() / value.sum())
    np.testing.assert_allclose(table["value_mean"][:3], by["value"].mean())
    np.testing.assert_allclose(table["median_x"][:3], by["x"].quantile(0.5, interpolation="lower"))
    assert np.isnan(table["median_x"][3])
    assert table["value_share"][3] == 0


def test_intervals_hold_the_truth_as_often_as_they_promise():
    held = []
    for seed in range(400):
        codes, value, _ = drawn(300, seed)
        row = profile_of(sums_of(codes, 3, {}, value), list("abc"), value="v", coverage=0.9).table.iloc[0]
        held.append(
            [
                row["share_lower"] <= 1 / 3 <= row["share_upper"],
                row["value_share_lower"] <= 1 / 3 <= row["value_share_upper"],
            ]
        )
    assert np.abs(np.mean(held, axis=0) - 0.9).max() < 0.045


def test_weights_missing_values_and_texts():
    codes, value, other = drawn()
    other[:50] = np.nan
    text = np.where(other > 0, "up", "down").astype(object)
    text[:20] = None
    weight = np.random.default_rng(1).integers(1, 4, codes.size)
    one = sums_of(codes, 3, {"x": other, "t": text}, value, weight.astype(float))
    rows = np.repeat(np.arange(codes.size), weight)
    two = sums_of(codes[rows], 3, {"x": other[rows], "t": text[rows]}, value[rows])
    for name in one:
        if one[name].dtype == object:
            assert one[name].tolist() == two[name].tolist()
        else:
            np.testing.assert_allclose(one[name], two[name])
    assert set(one["most_common_t"]) <= {"up", "down"}


def test_few_customers_have_no_median():
    sums = sums_of(np.asarray([0] * 4 + [1] * 5), 2, {"x": np.arange(9.0), "t": np.asarray(["a"] * 9, dtype=object)})
    assert np.isnan(sums["median_x"][0])
    assert sums["median_x"][1] == 6.0
    assert sums["most_common_t"].tolist() == [None, "a"]


@pytest.mark.parametrize("seed", range(3))
def test_medians_of_many(seed):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2, 500_001)
    columns = {
        "smooth": rng.lognormal(size=codes.size),
        "tied": rng.integers(0, 3, codes.size).astype(float),
        "two": np.where(rng.random(codes.size) < 0.5, 1.0, 2.0),
        "sorted": np.sort(rng.normal(size=codes.size)),
        "equal": np.ones(codes.size),
    }
    sums = sums_of(codes, 2, columns)
    for name, column in columns.items():
        for group in range(2):
            part = column[codes == group]
            assert sums[f"median_{name}"][group] == np.quantile(part, 0.5, method="inverted_cdf")


def test_types_words_and_coverage():
    codes, value, other = drawn()
    profile = profile_of(sums_of(codes, 6, {"x": other}, value), list("abc"), ["p", "q"], by="type", value="v")
    assert profile.table["type"].tolist() == list("pppqqq")
    text = profile.describe()
    assert text.startswith("type p: 400 customers in 3 segments, v ")
    assert "90% intervals" in text
    assert "type q: 0 customers" in text
    one = profile_of(sums_of(np.zeros(1, dtype=int), 2, {}, np.ones(1)), list("ab"), value="v").describe()
    assert one.startswith("1 customer in 1 segment, v 1 in all.\na: 1 customer, 100.0%")
    with pytest.raises(ValueError, match="coverage"):
        profile_of(sums_of(codes, 3, {}), list("abc"), coverage=1)


def test_export_hides_small_segments(tmp_path):
    codes = np.asarray([0] * 3 + [1] * 20 + [2] * 30 + [3] * 40)
    profile = profile_of(sums_of(codes, 4, {"x": np.arange(93.0)}, np.ones(93)), list("abcd"), value="v")
    shown = profile.export(tmp_path / "profile.csv")
    assert np.isnan(shown.loc[0, "customers"])
    assert shown.loc[0, ["share", "value_sum", "median_x"]].isna().all()
    assert shown["customers"].notna().sum() == 2  # one more is hidden, since the total is known
    written = pd.read_csv(tmp_path / "profile.csv")
    assert written["segment"].tolist() == list("abcd")
    assert written["customers"].tolist()[2:] == [30, 40]


def test_one_and_more():
    assert [counted(n, "customer") for n in (0, 1, 1.0, 2000)] == [
        "0 customers",
        "1 customer",
        "1 customer",
        "2,000 customers",
    ]
    assert [is_are(n) for n in (0, 1, 2)] == ["are", "is", "are"]
    assert is_are(1, "has", "have") == "has"


def test_a_profile_is_a_frame_a_picture_and_a_page():
    codes, value, _ = drawn()
    profile = profile_of(sums_of(codes, 3, {}, value), list("abc"), value="<v>")
    pd.testing.assert_frame_equal(profile.to_frame(), profile.table)
    assert isinstance(profile.plot(), PyramidDisplay)
    assert "&lt;v&gt;" in profile._repr_html_()
    plain = profile_of(sums_of(codes, 3, {}), list("abc"))
    assert isinstance(plain.plot(), IntervalDisplay)
    typed = profile_of(sums_of(codes, 4, {}, value), list("ab"), ["x", "y"], by="type", value="v")
    assert typed.plot().title == "type x"
    assert typed.plot(of="y").title == "type y"
    plt.close("all")


def test_a_coverage_of_90_is_refused_with_its_cure():
    codes, value, _ = drawn()
    with pytest.raises(ValueError, match=r"coverage=90 .* write 0.9 for 90 %"):
        profile_of(sums_of(codes, 3, {}, value), list("abc"), value="v", coverage=90)
