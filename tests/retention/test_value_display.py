from crmml.retention import RetentionValueDisplay


def test_the_interval_of_the_gain_stands_on_what_there_was():
    display = RetentionValueDisplay(100.0, 150.0, (20.0, 90.0), "EUR", "gain", 0.9).plot()
    assert [bar.get_height() for bar in display.ax_.patches] == [100.0, 150.0]
    assert display.ax_.collections[0].get_segments()[0][:, 1].tolist() == [120.0, 190.0]
    assert display.ax_.get_legend() is not None


def test_without_uncertainty_there_is_no_interval():
    display = RetentionValueDisplay(100.0, 150.0, None, "EUR", "gain", 0.9).plot()
    assert not display.ax_.collections
