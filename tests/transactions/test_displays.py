import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from crmml import DataError
from crmml.datasets import load_cdnow_sample
from crmml.transactions import CohortDisplay, cohorts


def test_heat_map_has_no_number_where_nothing_was_observed():
    table = cohorts(load_cdnow_sample(), value="value")
    display = CohortDisplay.from_result(table).plot()
    assert display.table.shape == (3, 18)
    assert len(display.ax_.texts) == 18 + 17 + 16
    assert display.table.isna().sum().sum() == 3
    assert CohortDisplay.from_result(table, "cumulative_value").plot().ax_.texts[0].get_text() != ""
    with pytest.raises(DataError, match="'spend' is not known"):
        CohortDisplay.from_result(table, "spend")
    plt.close("all")


def steady(n_cohorts, amount=10.0):
    """Cohorts of 10 customers by month, of whom a half come back each month, each time for the amount."""
    rows = [
        (
            np.datetime64("2022-01") + k,
            age,
            10,
            (0.5 if age else 1.0) if k + age < n_cohorts else np.nan,
            amount * (5 if age else 10) if k + age < n_cohorts else np.nan,
        )
        for k in range(n_cohorts)
        for age in range(n_cohorts)
    ]
    return pd.DataFrame(rows, columns=["cohort", "age", "customers", "retention", "value"])


def test_two_years_of_months_carry_numbers_and_more_a_scale():
    display = CohortDisplay.from_result(steady(24)).plot()
    assert {text.get_text() for text in display.ax_.texts} == {"100", "50"}
    assert len(display.ax_.texts) == 24 * 25 / 2
    many = CohortDisplay.from_result(steady(30)).plot()
    assert len(many.ax_.texts) == 0
    assert [axes.get_ylabel() for axes in many.figure_.axes[1:]] == ["Customers who bought, % of the cohort"]
    # the first month is beyond the scale, and what was not observed has no colour of it
    assert many.ax_.images[0].norm.vmax == 50
    assert many.ax_.get_facecolor() != many.ax_.images[0].cmap(0.0)
    plt.close("all")


@pytest.mark.parametrize(
    ("amount", "title", "texts"),
    [
        (1.0, "Value of the period", {"10.0", "5.0"}),
        (1234.0, "Value of the period", {"12,340", "6,170"}),
        (123_400.0, "Value of the period, thousands", {"1,234", "617"}),
        (1.5e9, "Value of the period, millions", {"15,000", "7,500"}),
    ],
)
def test_amounts_are_read_without_powers_of_ten(amount, title, texts):
    display = CohortDisplay.from_result(steady(3, amount), "value").plot()
    assert display.ax_.get_title() == title
    assert {text.get_text() for text in display.ax_.texts} == texts
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == ["0", "1", "2"]
    plt.close("all")


def test_hidden_sizes_and_cohorts_of_several_groups():
    table = steady(2)
    hidden = table.assign(customers=[np.nan, np.nan, 10.0, 10.0])
    names = [label.get_text() for label in CohortDisplay.from_result(hidden).plot().ax_.get_yticklabels()]
    assert names == ["2022-01-01 (hidden)", "2022-02-01 (10)"]
    with pytest.raises(DataError, match="4 rows have the cohort and the age of another"):
        CohortDisplay.from_result(pd.concat([table, table]))
    plt.close("all")
