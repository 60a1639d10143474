import pytest

from .conftest import LOG_OPTIONS, run


def test_another_model(orders):
    done = run("fit", "orders.csv", "--name", "shop", *LOG_OPTIONS, "--model", "pareto-nbd")
    assert done.exit_code == 0, done.output
    assert "Pareto/NBD fitted on 2,357 customers" in done.output


def test_fit_checks_against_held_out_time(orders):
    done = run("fit", "orders.csv", "--name", "shop", *LOG_OPTIONS, "--calibration-end", "1997-09-30")
    assert done.exit_code == 0, done.output
    assert "Over the 39 held-out weeks the customers bought 1,882 times again" in done.output
    assert "expected 1,653: 229 too few, a miss of 12.1%" in done.output


@pytest.mark.parametrize("name", ["shop/2024", "shop:1", "shop@champion"])
def test_a_name_that_no_address_can_hold_is_refused(orders, name):
    done = run("fit", "orders.csv", "--name", name, *LOG_OPTIONS)
    assert done.exit_code == 2
    assert "must not contain" in done.stderr


def test_faults_of_all_options_are_told_at_once_before_anything_is_read(orders):
    done = run(
        "fit",
        "orders.csv",
        "--name",
        "a/b",
        "--margin",
        "30",
        "--annual-discount-rate",
        "8",
        "--calibration-end",
        "1997-09-30",
    )
    assert done.exit_code == 2
    for part in ("4 faults", "must not contain /", "name its --timestamp", "write 0.3 for 30 %", "write 0.08 for 8 %"):
        assert part in done.stderr
