import matplotlib as mpl
import pandas as pd
import pytest

from crmml.campaigns import AttributionDisplay, ChannelPaths, attribute, attribute_all

mpl.use("Agg")


def test_bars_by_method():
    table = pd.DataFrame(
        {"path": ["mail > search", "search", "shop"], "conversions": [30, 10, 5], "nulls": [50, 90, 20]}
    )
    read = ChannelPaths.from_compact(table, nulls="nulls")
    display = AttributionDisplay.from_result(
        attribute_all(read, ["first", "markov"], n_resamples=20, random_state=0)
    ).plot()
    heights = [bar.get_height() for bar in display.ax_.patches]
    assert len(heights) == 6
    assert sum(heights) == pytest.approx(200)
    assert "90% intervals" in display.ax_.get_ylabel()
    other = attribute(ChannelPaths.from_compact(table[:1]), "first", n_resamples=0)
    with pytest.raises(ValueError, match="same channels"):
        AttributionDisplay.from_result([*display.attributions, other])


def test_an_attribution_as_a_frame_a_picture_and_in_a_notebook():
    table = pd.DataFrame({"path": ["mail & web > search", "search"], "conversions": [3, 1]})
    found = attribute(ChannelPaths.from_compact(table), "linear", n_resamples=0)
    assert found.to_frame()["credit"].sum() == pytest.approx(4)
    assert isinstance(found.plot(), AttributionDisplay)
    assert "mail &amp; web" in found._repr_html_()
