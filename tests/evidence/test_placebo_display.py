import pytest

from crmml.evidence import PlaceboDisplay, PlaceboTest


def test_a_bar_and_an_interval_for_each_comparison_beside_what_is_promised():
    found = PlaceboTest(0.4, 0.3, 0.1, 0.2, 0.6, 0.06, 0.04, 0.09, 0.05, 0.9, None, "spend", 30, 100, 50, 4)
    display = PlaceboDisplay.from_result(found).plot()
    assert [bar.get_height() for bar in display.ax_.patches] == pytest.approx([40, 6])
    ends = [segment[:, 1].tolist() for segment in display.ax_.collections[0].get_segments()]
    assert ends == [pytest.approx([20, 60]), pytest.approx([4, 9])]
    assert display.ax_.lines[0].get_ydata()[0] == pytest.approx(5)
