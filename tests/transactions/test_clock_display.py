import pytest

from crmml.transactions import Clock, ClockDisplay


def test_the_curve_is_drawn_as_steps_about_an_ordinary_day():
    clock = Clock.seasonal(months={12: 2.0})
    display = clock.plot(start="2020-11-01", end="2021-01-31")
    assert isinstance(display, ClockDisplay)
    ordinary, steps = display.ax_.lines
    assert set(ordinary.get_ydata()) == {1.0}
    assert sorted(set(steps.get_ydata())) == [1.0, 2.0]
    assert steps.get_ydata().size == 92
    assert not display.ax_.collections  # nothing is uncertain
    assert display.ax_.get_ylabel() == "multiplier"


@pytest.mark.parametrize("coverage", [0.5, 0.9])
def test_what_may_come_is_a_band(coverage):
    from tests.transactions.test_clock import LAST, LearntClock, np

    rng = np.random.default_rng(0)
    learnt = LearntClock(LAST, 7, rng.poisson(100, 30).astype(float), np.full(30, 100.0), True)
    display = ClockDisplay.from_result(learnt, start="2011-12-01", end="2012-03-01", coverage=coverage).plot()
    assert len(display.ax_.collections) == 1
    assert f"{100 * coverage:g} % of what may come" in [
        text.get_text() for text in display.ax_.get_legend().get_texts()
    ]
