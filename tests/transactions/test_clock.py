import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml import DataError
from crmml.transactions import Clock
from crmml.transactions.clock import KNOWN_AHEAD, LearntClock

LAST = int(np.datetime64("2011-12-31", "D").astype(int))


def curve(days=("2011-01-01", "2011-12-31"), level=2.0):
    day = pd.date_range(*days)
    return pd.DataFrame({"day": day, "multiplier": np.full(day.size, level)})


@pytest.fixture(scope="module")
def learnt():
    rng = np.random.default_rng(0)
    level = np.exp(0.3 * np.sin(np.arange(60) / 5))
    return LearntClock(LAST, 7, rng.poisson(200 * level).astype(float), np.full(60, 200.0), True, 28)


def test_time_on_a_known_curve():
    clock = Clock.from_curve(curve())
    assert clock.elapsed("2010-12-31", 10) == 20
    assert clock.elapsed("2010-12-31", 1.5, "W") == pytest.approx(3.0)
    assert clock.elapsed("2011-12-31", 0) == 0
    np.testing.assert_allclose(clock.spans("2011-03-01", [0, 0.5, 1, 2.25]), [0, 1, 2, 4.5])
    assert clock.is_certain
    assert clock.draws("2011-03-01", 30, n_draws=3).tolist() == [60, 60, 60]


def test_a_curve_of_any_engine_in_any_order(engine):
    table = curve().sample(frac=1.0, random_state=0).rename(columns={"day": "when", "multiplier": "m"})
    clock = Clock.from_curve(engine.frame(table), day="when", multiplier="m")
    assert clock == Clock.from_curve(curve())


def test_every_fault_of_a_curve_is_named():
    table = curve().drop(index=[3, 4])
    with pytest.raises(DataError, match=r"2 days are missing, first 2011-01-04"):
        Clock.from_curve(table)
    with pytest.raises(DataError, match=r"1 day is there more than once, first 2011-01-02"):
        Clock.from_curve(pd.concat([curve(), curve().iloc[[1]]]))
    bad = curve()
    bad.loc[:2, "multiplier"] = [0.0, -1.0, np.nan]
    with pytest.raises(DataError, match=r"3 of 365 entries that are not above 0"):
        Clock.from_curve(bad)
    with pytest.raises(DataError, match="no rows"):
        Clock.from_curve(curve().iloc[:0])
    with pytest.raises(DataError, match="no dates"):
        Clock.from_curve(curve().astype({"day": str}).replace({"day": {"2011-01-01": "soon"}}))
    clock = Clock.from_curve(curve())
    with pytest.raises(DataError, match=r"lacks 31 days .* 2012-01-01 to 2012-01-31; .* shorter horizon"):
        clock.elapsed("2011-12-31", 31)


def test_a_season_repeats_and_its_faults_are_named_at_once():
    clock = Clock.seasonal(months={12: 2.0}, weekdays={6: 0.5})
    assert clock.elapsed("2023-11-30", 31) == clock.elapsed("2028-11-30", 31) == 2 * (31 - 0.5 * 5)
    with pytest.raises(DataError, match=r"(?s)13 of months.*months\[1\].*7 of weekdays"):
        Clock.seasonal(months={13: 1.0, 1: 0.0}, weekdays={7: 1.0})


@pytest.mark.parametrize("kind", ["known", "seasonal", "learnt"])
def test_a_clock_is_read_back_from_text(kind, learnt):
    clock = {
        "known": Clock.from_curve(curve()),
        "seasonal": Clock.seasonal(months={3: 1.5}),
        "learnt": learnt,
    }[kind]
    again = Clock.from_text(clock.to_text())
    assert again == clock
    assert hash(again) == hash(clock)
    assert again.entry_days == clock.entry_days
    np.testing.assert_allclose(again.elapsed("2011-06-01", 90), clock.elapsed("2011-06-01", 90), rtol=1e-9)
    assert clock.describe() in repr(clock)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 800), min_size=1, max_size=5), st.integers(0, 400))
def test_lengths_undo_spans(lengths, start):
    clock = Clock.seasonal(months={1: 0.2, 7: 3.0}, weekdays={5: 0.1})
    after = np.datetime64("2020-01-01") + start
    spans = clock.spans(after, np.array(lengths))
    np.testing.assert_allclose(clock.lengths(after, spans), lengths, atol=1e-6)


def test_what_was_learnt_of_the_past_and_of_weeks_to_come(learnt):
    assert not learnt.is_certain
    past = learnt.multiplier(np.array([LAST - 6, LAST]))
    assert past[0] == past[1] == pytest.approx(np.exp(learnt.process.past()[-1]))
    assert learnt.multiplier(np.array([LAST - 7 * 60, LAST + KNOWN_AHEAD + 100])).tolist() == [1.0, 1.0]
    drawn = learnt.draws("2011-12-31", 26, "W", n_draws=20_000, random_state=0)
    assert drawn.mean() == pytest.approx(learnt.elapsed("2011-12-31", 26, "W"), rel=0.02)
    assert drawn.std() > 0.5
    table = learnt.to_frame("2011-12-01", "2012-02-01")
    assert (table["lower"] <= table["multiplier"]).all()
    assert (table["multiplier"] <= table["upper"]).all()
    assert (table["lower"] < table["upper"]).sum() == 32  # the days to come


def test_paths_of_one_future_grow_and_the_past_in_them_is_certain(learnt):
    lengths = np.array([0.0, 10.0, 30.0, 31.0, 200.0, 3000.0])
    paths = learnt.paths("2011-12-01", lengths, n_draws=500, random_state=0)
    assert (np.diff(paths, axis=1) > 0).all()
    assert paths[:, 1].std() == 0
    assert paths[:, 2].std() < 1e-9 < paths[:, 3].std()
    later = learnt.paths("2012-03-01", np.array([7.0]), n_draws=2000, random_state=0)
    assert later.mean() == pytest.approx(learnt.elapsed("2012-03-01", 7), rel=0.05)
    with pytest.raises(ValueError, match="n_draws"):
        learnt.draws("2011-12-31", 5, n_draws=0)


def test_words_tell_how_many_seasons_were_seen(learnt):
    said = learnt.describe()
    assert "less than two seasons were seen, 1.1" in said
    assert "first seen in its first 28 days" in said
    assert "no year that repeats" in LearntClock(LAST, 7, learnt.counts, learnt.expected, False).describe()
    assert "between 1 and 2" in Clock.seasonal(months={2: 2.0}).describe()
    assert "2011-01-01 to 2011-12-31" in Clock.from_curve(curve()).describe()


def test_wrong_moments_are_refused(learnt):
    with pytest.raises(DataError, match="before start"):
        learnt.to_frame("2012-01-01", "2011-01-01")
    with pytest.raises(ValueError, match="length"):
        learnt.elapsed("2011-12-31", -1)
