import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmml import checks
from crmml.exceptions import DataError


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_a_probability_is_a_coverage(coverage):
    assert checks.check_coverage(coverage) == coverage
    assert checks.check_coverage(np.float64(coverage)) == coverage


@pytest.mark.parametrize("wrong", [0, 1, -0.1, 90, 95.0, np.nan, np.inf, "0.9", None, True, [0.9]])
def test_no_other_coverage_is_taken(wrong):
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        checks.check_coverage(wrong)


def test_percent_are_told_their_share():
    with pytest.raises(ValueError, match=r"coverage=90 must lie between 0 and 1; write 0\.9 for 90 %"):
        checks.check_coverage(90)
    with pytest.raises(ValueError, match=r"margin=30 .* write 0\.3 for 30 %"):
        checks.check_margin(30)
    with pytest.raises(ValueError, match=r"power=80 must be a number from 0 to 1; write 0\.8 for 80 %"):
        checks.check_probability(80, "power")
    with pytest.raises(ValueError, match=r"annual_discount_rate=8 is 800 % a year.*write 0\.08 for 8 %"):
        checks.check_annual_rate(8)


def test_ends_of_a_probability():
    assert checks.check_probability(0, "share") == 0.0
    assert checks.check_probability(1, "share") == 1.0
    for end in (0, 1):
        with pytest.raises(ValueError, match="between 0 and 1"):
            checks.check_probability(end, "share", open_interval=True)


@given(st.integers(0, 10**9))
def test_whole_numbers_are_counts(n):
    assert checks.check_count(float(n), "n") == n
    assert isinstance(checks.check_count(np.int64(n), "n"), int)


@pytest.mark.parametrize("wrong", [-1, 1.5, np.nan, np.inf, "3", None, True, [3]])
def test_nothing_else_is_a_count(wrong):
    with pytest.raises(ValueError, match="must be a whole number of at least 0"):
        checks.check_count(wrong, "n")


def test_counts_have_bounds():
    with pytest.raises(ValueError, match="from 1 to 1,000"):
        checks.check_count(10**9, "max_count", least=1, most=1000)


def test_numbers_have_bounds_and_a_meaning():
    assert checks.check_number(np.inf, "horizon", least=0, infinite=True) == np.inf
    for wrong in (np.nan, np.inf, "1", None, True):
        with pytest.raises(ValueError, match="must be a finite number"):
            checks.check_number(wrong, "horizon")
    with pytest.raises(ValueError, match=r"rate=-1 must be a finite number of at least 0; 0\.1 is 10 % a year"):
        checks.check_number(-1, "rate", least=0, meaning="0.1 is 10 % a year")
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        checks.check_number(0, "share", above=0, most=1)


def test_choices_and_units_are_listed():
    with pytest.raises(ValueError, match="refunds='gross' is not known; choose one of 'net', 'drop'"):
        checks.check_choice("gross", "refunds", ("net", "drop"))
    with pytest.raises(ValueError, match="not known"):
        checks.check_choice(["net"], "refunds", ("net", "drop"))
    with pytest.raises(ValueError, match=r"unit='m' is not known; choose one of 'h' \(hours\)"):
        checks.check_unit("m")
    assert [checks.check_unit(unit) for unit in checks.DAYS_PER_UNIT] == list(checks.UNIT_WORDS)


def test_currencies_are_codes():
    assert checks.check_currency(" usd ") == "USD"
    for wrong in ("$", "dollar", 3, None):
        with pytest.raises(ValueError, match="code of three letters"):
            checks.check_currency(wrong)


@pytest.mark.parametrize("seed", [3, np.int64(3), np.random.SeedSequence(3)])
def test_one_seed_gives_one_stream(seed):
    wanted = np.random.default_rng(3).random(4)
    np.testing.assert_array_equal(checks.check_generator(seed).random(4), wanted)


def test_generators_are_taken_as_they_are_and_old_ones_are_read():
    rng = np.random.default_rng(0)
    assert checks.check_generator(rng) is rng
    one, two = (checks.check_generator(np.random.RandomState(5)).random() for _ in range(2))
    assert one == two
    assert checks.check_generator(None).random() != checks.check_generator(None).random()
    for wrong in (-1, 1.5, "seed", True):
        with pytest.raises(ValueError, match="random_state="):
            checks.check_generator(wrong)


def test_old_generators_keep_their_stream_and_take_every_seed():
    one = checks.check_random_state(5).random_sample(3)
    np.testing.assert_array_equal(one, np.random.RandomState(5).random_sample(3))
    old = np.random.RandomState(5)
    assert checks.check_random_state(old) is old
    lent = [checks.check_random_state(np.random.default_rng(1)).random_sample() for _ in range(2)]
    assert lent[0] == lent[1]
    for wrong in ("x", True, -1, 2**32, 1.5):
        with pytest.raises(ValueError, match="random_state="):
            checks.check_random_state(wrong)


def test_no_number_is_too_large_to_be_refused():
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        checks.check_coverage(10**400)
    with pytest.raises(ValueError, match="not known"):
        checks.check_choice(True, "order", (1, 2))


def test_faults_are_refused_in_one_message():
    faults = checks.Faults("the plan")
    assert not faults
    faults.refuse()  # nothing was found
    assert faults.check(checks.check_coverage, 0.9) == 0.9
    assert faults.check(checks.check_coverage, 90) is None
    assert faults.check(checks.check_count, -1, "n_draws") is None
    faults.extend(["there are no customers"])

    def refused():
        raise DataError(["a", "b"], "inside")

    faults.check(refused)
    assert faults
    with pytest.raises(DataError) as caught:
        faults.refuse()
    assert len(caught.value.faults) == 5
    assert str(caught.value).startswith("the plan cannot be used, 5 faults found:")


@pytest.mark.parametrize("wrong", [np.timedelta64(3, "D"), True, "3", None, 2j, 10**400, np.nan, [1]])
def test_what_is_no_number_is_no_number_to_any_check(wrong):
    assert not checks.is_number(wrong)
    for check in (
        checks.check_number,
        checks.check_count,
        checks.check_numbers if not isinstance(wrong, list) else checks.check_number,
    ):
        with pytest.raises(ValueError, match="must be"):
            check(wrong, "t")


def test_numbers_come_back_as_floats_in_their_shape():
    np.testing.assert_array_equal(
        checks.check_numbers([[1, 2], [3, 4]], "t", least=0, whole=True), [[1.0, 2.0], [3.0, 4.0]]
    )
    assert checks.check_numbers(3, "t").shape == ()
    assert checks.check_numbers(np.array([1, 2.5], dtype=object), "t").dtype == np.float64
    assert checks.check_numbers([], "t").size == 0
    with pytest.raises(ValueError, match=r"t must be whole numbers of at least 0; it is 2.5 in 1 of 2 places"):
        checks.check_numbers([1, 2.5], "t", least=0, whole=True)
    with pytest.raises(ValueError, match=r"t has shape \(2,\) and must have \(3,\)"):
        checks.check_numbers([1, 2.5], "t", shape=(3,))
    for wrong in (["1"], [True], [None], np.array(["2024-01-01"], dtype="datetime64[D]"), [np.timedelta64(1, "D")]):
        with pytest.raises(ValueError, match=r"must be (finite numbers|a finite number), not"):
            checks.check_numbers(wrong, "t")


def test_draws_and_cells_are_bounded():
    assert checks.check_draws(10.0) == 10
    assert checks.check_draws(0, "n_resamples", least=0) == 0
    with pytest.raises(ValueError, match="n_draws=0 must be a whole number of at least 1"):
        checks.check_draws(0)
    with pytest.raises(ValueError, match="n_draws=1,000,000,000 is more than one call draws, 1,000,000 at most here"):
        checks.check_draws(10**9)
    with pytest.raises(ValueError, match="20,000 at most here"):
        checks.check_draws(100_000, cells=10_000)
    with pytest.raises(
        ValueError, match="n_customers=1,000,000 times n_periods=1,000 makes 1,000,000,000 numbers at once"
    ):
        checks.check_cells(n_customers=1_000_000, n_periods=1_000)


def test_flags_and_texts():
    assert checks.check_flag(np.True_, "paired") is True
    for value in (1, 0, "yes", None):
        with pytest.raises(ValueError, match=r"paired=.* must be True or False"):
            checks.check_flag(value, "paired")
    assert checks.check_text("gone", "gone") == "gone"
    for value in ("", " ", 5, None):
        with pytest.raises(ValueError, match=r"gone=.* must be text; it is a name"):
            checks.check_text(value, "gone", meaning="it is a name")


def test_a_long_value_is_shortened_in_messages():
    with pytest.raises(ValueError, match="is not known") as error:
        checks.check_choice("x" * 1_000_000, "method", ("a", "b"))
    assert len(str(error.value)) < 120
