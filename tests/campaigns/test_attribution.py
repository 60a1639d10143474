import itertools
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmml import DataError
from crmml.campaigns import ChannelPaths, attribute, compare_attributions
from crmml.campaigns._markov_removal import MarkovRemoval
from crmml.campaigns._shapley import ChannelGame

CLASSIC = pd.DataFrame({"path": ["C1 > C2 > C3", "C1", "C2 > C3"], "conversions": [1, 0, 0], "nulls": [0, 1, 1]})


def compact(table, **options):
    return ChannelPaths.from_compact(table, nulls="nulls" if "nulls" in table else None, **options)


def test_classic_markov_on_paper():
    # start -> C1 2/3, C2 1/3; C1 -> C2 1/2, null 1/2; C2 -> C3 1; C3 -> conversion 1/2, null 1/2.
    # P = (2/3 * 1/2 + 1/3) * 1/2 = 1/3. Without C1: 1/3 * 1/2 = 1/6. Without C2 or C3: 0.
    # Effects 1/2, 1, 1; shares 1/5, 2/5, 2/5.
    found = attribute(compact(CLASSIC), "markov", n_resamples=0)
    assert found.removal_effect == pytest.approx([0.5, 1, 1], abs=1e-12)
    assert found.credit == pytest.approx([0.2, 0.4, 0.4], abs=1e-12)
    chain = MarkovRemoval(((0, 1, 2), (0,), (1, 2)), 3, 1)
    assert chain.effects(np.array([1.0, 0, 0]), np.array([0.0, 1, 1]))[0] == pytest.approx(1 / 3, abs=1e-12)
    # order 2 remembers that C3 after C1 > C2 converts: its state (C2, C3) is shared with the path that does not.
    # start -> (C1) 2/3, (C2) 1/3; (C1) -> (C1, C2) 1/2; then (C2, C3) surely; it converts with 1/2. P as before.
    assert attribute(compact(CLASSIC), "markov", order=2, n_resamples=0).credit == pytest.approx([0.2, 0.4, 0.4])
    # order 3: (C1, C2, C3) always converts and (C2, C3) never. P = 1/3; without any one of the three 0.
    assert attribute(compact(CLASSIC), "markov", order=3, n_resamples=0).credit == pytest.approx([1 / 3] * 3)


def exact_conversion(sequences, won, lost, order, removed=None):
    """P(conversion) by Gauss-Jordan elimination over fractions."""
    moves, exits = {}, {}
    for sequence, w, n in zip(sequences, won, lost, strict=True):
        state = ()
        for channel in sequence:
            to = (*state, channel)[-order:]
            moves.setdefault(state, {}).setdefault(to, 0)
            moves[state][to] += w + n
            state = to
        exits.setdefault(state, [0, 0])
        exits[state][0] += w
        exits[state][1] += w + n
    states = sorted(set(moves) | set(exits) | {to for t in moves.values() for to in t})
    states = [s for s in states if not s or s[-1] != removed]
    at = {s: i for i, s in enumerate(states)}
    rows = []
    for s in states:
        total = sum(moves.get(s, {}).values()) + exits.get(s, [0, 0])[1]
        row = [Fraction(int(s == other)) for other in states] + [Fraction(exits.get(s, [0, 0])[0], total)]
        for to, count in moves.get(s, {}).items():
            if to in at:
                row[at[to]] -= Fraction(count, total)
        rows.append(row)
    for i in range(len(rows)):
        pivot = next(j for j in range(i, len(rows)) if rows[j][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [x / rows[i][i] for x in rows[i]]
        for j in range(len(rows)):
            if j != i and rows[j][i]:
                rows[j] = [x - rows[j][i] * y for x, y in zip(rows[j], rows[i], strict=True)]
    return rows[at[()]][-1]


path = st.lists(st.integers(0, 3), min_size=1, max_size=5).map(tuple)
tables = st.lists(st.tuples(path, st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=6).filter(
    lambda rows: sum(w for _, w, _ in rows) > 0
)


def frame_of(rows):
    return pd.DataFrame(
        {
            "path": [" > ".join("ABCD"[c] for c in p) for p, _, _ in rows],
            "conversions": [w for _, w, _ in rows],
            "nulls": [n for _, _, n in rows],
        }
    )


@settings(max_examples=40, deadline=None)
@given(tables, st.integers(1, 3))
def test_markov_equals_fractions(rows, order):
    found = attribute(compact(frame_of(rows)), "markov", order=order, n_resamples=0)
    rows = [row for row in rows if row[1] + row[2]]
    sequences, won, lost = zip(*rows, strict=True)
    whole = exact_conversion(sequences, won, lost, order)
    effects = {c: 1 - exact_conversion(sequences, won, lost, order, c) / whole for p in sequences for c in p}
    scale = sum(won) / sum(effects.values())
    for channel, credit in zip(found.channels, found.credit, strict=True):
        assert credit == pytest.approx(float(scale * effects.get("ABCD".index(channel), 0)), abs=1e-9)


def shapley_by_orders(rows, channels, worth):
    def v(inside):
        won = sum(w for p, w, _ in rows if set(p) <= inside)
        seen = sum(w + n for p, w, n in rows if set(p) <= inside)
        return Fraction(won) if worth == "conversions" else Fraction(won, seen) if seen else Fraction(0)

    orders = list(itertools.permutations(channels))
    total = dict.fromkeys(channels, Fraction(0))
    for order in orders:
        for i, c in enumerate(order):
            total[c] += v(set(order[: i + 1])) - v(set(order[:i]))
    whole = v(set(channels))
    return {c: t / len(orders) * sum(w for _, w, _ in rows) / whole for c, t in total.items()}


@settings(max_examples=40, deadline=None)
@given(tables, st.sampled_from(["conversions", "rate"]))
def test_shapley_equals_all_orders_in_fractions(rows, worth):
    read = compact(frame_of(rows))
    found = attribute(read, "shapley", worth=worth, n_resamples=0)
    wanted = shapley_by_orders(rows, sorted({"ABCD".index(c) for c in found.channels}), worth)
    for channel, credit in zip(found.channels, found.credit, strict=True):
        assert credit == pytest.approx(float(wanted["ABCD".index(channel)]), abs=1e-9)
    if worth == "conversions":  # each converting path split equally among its different channels
        split = dict.fromkeys(found.channels, 0.0)
        for p, w, _ in rows:
            for c in set(p):
                split["ABCD"[c]] += w / len(set(p))
        assert found.credit == pytest.approx(list(split.values()), abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(tables)
def test_credit_sums_to_the_total(rows):
    read = compact(frame_of(rows))
    table = compare_attributions(read, half_life=2, unit="touch", n_resamples=0)
    sums = table.groupby("method")["credit"].sum()
    assert len(sums) == 7
    assert sums.to_numpy() == pytest.approx(read.n_conversions, abs=1e-9)
    assert table.groupby("method")["share"].sum().to_numpy() == pytest.approx(1, abs=1e-12)


def test_sampled_shapley_keeps_its_bound():
    rng = np.random.default_rng(0)
    paths = [rng.choice(list("ABCDEFGHIJKLMNO"), rng.integers(1, 6)).tolist() for _ in range(60)]
    table = pd.DataFrame({"path": paths, "conversions": rng.integers(0, 9, 60), "nulls": rng.integers(1, 20, 60)})
    read = compact(table)
    exact = attribute(read, "shapley", n_resamples=0)
    assert exact.error_bound is None
    assert len(exact.channels) == 15
    for seed in range(10):
        found = attribute(read, "shapley", n_orders=400, n_resamples=0, random_state=seed)
        off = np.abs(found.credit - exact.credit)
        assert (off <= found.error_bound).all()
        assert (off <= 4.5 * found.std_error + 1e-9).all()
        assert found.credit.sum() == pytest.approx(read.n_conversions, abs=1e-9)
    rate = attribute(read, "shapley", worth="rate", n_resamples=0, random_state=0)
    assert rate.n_orders == 2000
    assert "within" in rate.describe()
    # 15 channels can still be enumerated once, for the comparison
    game = ChannelGame(read.sequences, 15, "rate")
    won = np.bincount(read.sequence, read.count * read.converted, len(read.sequences))
    lost = np.bincount(read.sequence, read.count * (1 - read.converted), len(read.sequences))
    values = game.exact(won, lost)
    assert (np.abs(values * won.sum() / values.sum() - rate.credit) <= 4.5 * rate.std_error).all()
    wanted = attribute(read, "shapley", max_error=0.05, n_resamples=0, random_state=0)
    assert (wanted.error_bound <= 0.05 * read.n_conversions + 1e-9).all()


def test_rules_by_hand():
    day = pd.to_datetime(
        ["2024-01-01", "2024-01-08", "2024-01-15", "2024-01-01", "2024-01-02", "2024-01-03", "2024-01-01"]
    )
    log = pd.DataFrame(
        {
            "path_id": [1, 1, 1, 2, 2, 3, 4],
            "timestamp": day,
            "channel": ["A", "B", "A", "B", "C", "C", "C"],
            "converted": [0, 0, 1, 1, 1, 1, 0],
            "value": [np.nan, np.nan, 100, 20, 20, 5, np.nan],
        }
    )
    credit = lambda method, **o: attribute(log, method, n_resamples=0, value="value", **o)  # noqa: E731
    assert credit("first").credit.tolist() == [1, 1, 1]
    assert credit("last").credit.tolist() == [1, 0, 2]
    assert credit("last").value.tolist() == [100, 0, 25]
    assert credit("linear").credit == pytest.approx([2 / 3, 1 / 3 + 1 / 2, 1 / 2 + 1])
    assert credit("position").credit == pytest.approx([0.8, 0.2 + 0.5, 0.5 + 1])
    assert credit("position", position_weights=(0.3, 0.1, 0.6)).credit == pytest.approx([0.9, 0.1 + 1 / 3, 2 / 3 + 1])
    # ages of path 1: 14, 7 and 0 days: 1/4, 1/2, 1 of 7/4 at a half-life of a week; of path 2 a day and none
    older = 2 ** (-1 / 7)
    wanted = [1.25 / 1.75, 0.5 / 1.75 + older / (1 + older), 1 / (1 + older) + 1]
    assert credit("time_decay", half_life=1, unit="W").credit == pytest.approx(wanted, abs=1e-12)
    assert credit("time_decay", half_life=7, unit="D").credit == pytest.approx(wanted, abs=1e-12)
    for method in ("markov", "shapley"):
        assert credit(method).value.sum() == pytest.approx(125)


def test_costs_and_intervals():
    read = compact(pd.DataFrame({"path": ["A > B", "B", "C"], "conversions": [30, 10, 0], "nulls": [50, 90, 20]}))
    found = attribute(read, "last", costs={"A": 50, "B": 200.0}, currency="CNY", random_state=0, n_resamples=400)
    assert found.cost_per_conversion[0] == np.inf
    assert found.cost_per_conversion[1] == 5
    assert np.isnan(found.cost_per_conversion[2])
    text = found.describe()
    assert "50.00 CNY spent without a conversion" in text
    assert "5.00 CNY a conversion" in text
    # all 40 conversions go to B: binomial(200, .2), standard error 5.66, a 90 % interval of 30.7 to 49.3
    assert found.lower[1] == pytest.approx(30.7, abs=1.5)
    assert found.upper[1] == pytest.approx(49.3, abs=1.5)
    again = attribute(read, "last", random_state=0, n_resamples=400)
    assert (again.lower == found.lower).all()
    assert list(found.table) == ["channel", "credit", "share", "lower", "upper", "cost", "cost_per_conversion"]
    with pytest.raises(DataError) as error:
        attribute(read, "last", costs={"TV": 1, "A": -1})
    assert len(error.value.faults) == 2
    by_name = attribute(read, "last", costs=pd.Series({"B": 200.0}), n_resamples=0)
    assert by_name.cost_per_conversion[1] == 5
    for wrong in ({"A": "50"}, {"A": None}, {"A": [1, 2]}):
        with pytest.raises(DataError, match="costs of 'A' are not numbers, negative, missing"):
            attribute(read, "last", costs=wrong)
    with pytest.raises(DataError, match=r"is not a mapping; give money by channel, such as \{'A'"):
        attribute(read, "last", costs=50)
    with pytest.raises(DataError, match="'radio', which no path touches"):
        attribute(read, "last", costs={"radio": 50})


def test_same_credit_on_every_engine(engine):
    log = {
        "path_id": [1, 1, 2, 3],
        "position": [1, 2, 1, 1],
        "channel": ["A", "B", "A", "B"],
        "converted": [0, 1, 0, 1],
    }
    found = attribute(engine.frame(log), "linear", n_resamples=0)
    assert engine.owns(found.table)
    assert engine.pandas(found.table)["credit"].tolist() == [0.5, 1.5]
    table = compare_attributions(engine.frame(log), ["first", "markov"], n_resamples=0)
    assert engine.owns(table)
    assert len(engine.pandas(table)) == 4


def test_wrong_options_and_nothing_to_attribute():
    read = compact(CLASSIC)
    for wrong in ({"method": "best"}, {"order": 0}, {"worth": "x"}, {"coverage": 1}, {"position_weights": (0, 1, 0)}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            attribute(read, **wrong)
    with pytest.raises(ValueError, match="half_life=None"):
        attribute(read, "time_decay")
    with pytest.raises(DataError, match="times of touches"):
        attribute(read, "time_decay", half_life=7, unit="D")
    with pytest.raises(DataError, match="nothing to attribute"):
        attribute(compact(CLASSIC.assign(conversions=0)))


def test_one_conversion_has_no_interval():
    table = pd.DataFrame({"path": ["A > B", "B"], "conversions": [1, 0], "nulls": [3, 5]})
    found = attribute(ChannelPaths.from_compact(table, nulls="nulls"), "linear", random_state=0)
    assert found.lower is None
    assert found.describe().startswith("1 conversion on 9 paths is credited by the method 'linear'.")


@pytest.mark.parametrize("worth", ["rate", "conversions"])
def test_intervals_of_sampled_values_hold_the_credit_and_the_truth(worth):
    rng = np.random.default_rng(0)
    names = [f"c{i:02}" for i in range(13)]
    weight = rng.dirichlet(np.full(13, 2.0))
    paths = [" > ".join(rng.choice(names, rng.integers(1, 5), replace=False, p=weight)) for _ in range(60)]
    table = pd.DataFrame(
        {"path": paths, "conversions": rng.integers(50, 600, 60), "nulls": rng.integers(300, 3000, 60)}
    )
    read = ChannelPaths.from_compact(table, nulls="nulls")
    found = attribute(read, "shapley", worth=worth, n_orders=1000, n_resamples=150, random_state=0)
    game = ChannelGame(read.sequences, len(read.channels), worth)
    won, lost = (
        np.bincount(read.sequence, read.count * side, len(read.sequences))
        for side in (read.converted, 1 - read.converted)
    )
    exact = game.exact(won, lost)
    exact *= won.sum() / exact.sum()
    assert ((found.lower <= found.credit) & (found.credit <= found.upper)).all()
    inside = (found.lower <= exact) & (exact <= found.upper)
    assert inside.sum() >= 8  # 90 % of 13 are expected; 7 or fewer have a probability of 1e-4


def test_the_error_bound_of_sampled_values_is_the_smaller_of_two_inequalities():
    table = pd.DataFrame(
        {"path": ["A > B", "B > C", "A > C", "C"], "conversions": [30, 10, 5, 40], "nulls": [90, 70, 40, 300]}
    )
    read = ChannelPaths.from_compact(table, nulls="nulls")
    game = ChannelGame(read.sequences, 3, "rate")
    won, lost = (
        np.bincount(read.sequence, read.count * side, len(read.sequences))
        for side in (read.converted, 1 - read.converted)
    )
    for m in (50, 5000):
        _, error, bound = game.sampled(won, lost, m, np.random.RandomState(0), 0.9)
        variance, width, fail = error**2 * m, 2.0, 0.1
        hoeffding = width * np.sqrt(np.log(4 * 3 / fail) / (2 * m))
        tail = np.log(8 * 3 / fail)
        bernstein = np.sqrt(2 * variance * tail / m) + 7 * width * tail / (3 * (m - 1))
        np.testing.assert_allclose(bound, np.minimum(hoeffding, bernstein), rtol=1e-12)
