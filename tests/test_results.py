import pickle
import warnings
from dataclasses import dataclass
from typing import NamedTuple

import matplotlib

matplotlib.use("Agg")

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator
from sklearn.linear_model import LogisticRegression

from crmml.churn import ChurnClassifier
from crmml.clv import BetaGeoNBD
from crmml.results import (
    Estimate,
    IntervalDisplay,
    PlainStateMixin,
    Result,
    duration_in_words,
    numbers_of,
    words_in_html,
)
from crmml.stages import MarkovStageModel


@dataclass(frozen=True)
class Gain(Result):
    gain: float
    lower: float
    upper: float
    cost: float
    cost_lower: float
    cost_upper: float
    roi: float
    roi_interval: tuple[float, float]
    name: str = "programme"
    proven: bool = True
    coverage: float = 0.9

    def describe(self):
        return "A gain of <b>12</b> & more.\nIt is proven."


GAIN = Gain(12.0, 8.0, 16.0, 5.0, 4.0, 6.0, 1.4, (0.3, 2.2))


def test_numbers_stand_with_their_intervals():
    table = GAIN.to_frame()
    assert table["quantity"].tolist() == ["gain", "cost", "roi"]
    np.testing.assert_array_equal(table[["value", "lower", "upper"]], [[12, 8, 16], [5, 4, 6], [1.4, 0.3, 2.2]])


def test_a_result_with_a_table_gives_a_copy_of_it():
    class Tabled(Result):
        def __init__(self):
            self.table = pd.DataFrame({"segment": ["a", "b"], "value": [1.0, 2.0]})

        def describe(self):
            return "Two segments."

    result = Tabled()
    taken = result.to_frame()
    taken["value"] = 0.0
    assert result.table["value"].tolist() == [1.0, 2.0]
    display = result.plot()
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == ["a", "b"]


def test_words_are_escaped_in_a_notebook():
    shown = GAIN._repr_html_()
    assert "&lt;b&gt;12&lt;/b&gt; &amp; more." in shown
    assert "<b>12" not in shown
    assert shown.count("<p") == 2
    assert "<script>" not in words_in_html("<script>", "<script>alert(1)</script>")


def test_the_picture_shows_each_number_with_its_interval():
    display = GAIN.plot()
    assert isinstance(display, IntervalDisplay)
    segments = display.ax_.collections[0].get_segments()
    assert [sorted(line[:, 0]) for line in segments] == [[8, 16], [4, 6], [0.3, 2.2]]
    assert display.ax_.get_title(loc="left").startswith("A gain of")


def test_numbers_without_intervals_are_points():
    class Two(NamedTuple):
        one: float
        two: float

    table = numbers_of(Two(1.0, 2.0))
    assert table["value"].tolist() == [1.0, 2.0]
    assert table[["lower", "upper"]].isna().all().all()


def test_counts_beside_an_estimate_are_left_out_of_its_picture():
    @dataclass(frozen=True)
    class Correlation(Result):
        correlation: float
        lower: float
        upper: float
        n_customers: int

        def describe(self):
            return "Hardly any."

    found = Correlation(0.1, 0.0, 0.2, 1139)
    assert found.to_frame()["quantity"].tolist() == ["correlation", "n_customers"]
    assert found.plot().table["quantity"].tolist() == ["correlation"]


def test_an_estimate_is_a_number_with_an_interval():
    estimate = Estimate(0.25, 0.2, 0.31)
    assert float(estimate) == 0.25
    assert estimate.to_frame().loc[0].tolist() == [0.25, 0.2, 0.31, 0.9]
    with pytest.raises(ValueError, match="coverage=90 must lie between 0 and 1"):
        Estimate(0.25, 0.2, 0.31, 90)


def test_a_fitted_model_shows_its_estimates_and_no_draws():
    X = pd.DataFrame({"frequency": [0, 1, 2, 5, 0, 3], "recency": [0.0, 4, 9, 20, 0, 11], "T": [30.0] * 6})
    X = pd.concat([X] * 20, ignore_index=True).assign(T=np.linspace(25, 40, 120))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whether so few customers have an optimum is not the question
        model = BetaGeoNBD().fit(X)
    shown = model._repr_html_()
    assert all(word in shown for word in ("std_error", "alpha", "Estimates"))
    assert "posterior_draws_" not in shown
    assert "docs/models.md" in shown
    assert model._get_doc_link().endswith("docs/models.md")
    assert "Estimates" not in BetaGeoNBD()._repr_html_()


def test_how_long_something_lasts():
    assert duration_in_words(2.5, "weeks") == "2.50 weeks"
    assert duration_in_words(12, "months", ".0f") == "12 months"
    assert duration_in_words(float("inf"), "weeks") == "without end"


class Tabled(PlainStateMixin, BaseEstimator):
    """An estimator with tables."""


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"threshold": ["a", "b"], "value": [1.5, None], "count": [1, 2]}),
        pd.DataFrame({"x": [1, 2]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)], names=["arc", "n"])),
        pd.DataFrame(index=["a → b", "b → a"]),
        pd.DataFrame({"when": pd.to_datetime(["2024-01-01", None]), "many": pd.array([2**60, None], dtype="Int64")}),
    ],
    ids=["plain", "several levels", "no column", "moments and whole numbers"],
)
def test_tables_of_estimators_survive_copies(table):
    model = Tabled()
    model.table_, model.other_ = table, {"kind": "mine"}
    copy = pickle.loads(pickle.dumps(model))
    pd.testing.assert_frame_equal(copy.table_, table, check_index_type=False, check_column_type=False)
    assert copy.other_ == {"kind": "mine"}
    pd.testing.assert_frame_equal(model.table_, table)


SCRIPT = "<script>alert(1)</script>"


def labelled():
    """Results and estimators whose labels are scripts."""
    rng = np.random.default_rng(0)
    panel = rng.integers(0, 2, (60, 6)).astype(float)
    stages = MarkovStageModel([SCRIPT, "b"]).fit(panel)
    X = pd.DataFrame({SCRIPT: rng.normal(size=60), "kind": [SCRIPT, "b"] * 30})
    churn = ChurnClassifier(LogisticRegression(), random_state=0).fit(X, np.arange(60) % 2)
    named = BetaGeoNBD().set_fitted_params(r=0.24, alpha=4.4, a=0.79, b=2.4)
    named.label_ = SCRIPT
    return [stages, stages.chain_, stages.stages_, churn, named]


def test_scripts_in_labels_are_shown_and_not_run():
    shown = [words_in_html(SCRIPT, f"first {SCRIPT}\nthen {SCRIPT}")]
    for value in labelled():
        if hasattr(value, "_repr_html_"):
            shown.append(value._repr_html_())
        elif hasattr(value, "_repr_mimebundle_"):
            shown.append(value._repr_mimebundle_()["text/html"])
    assert len(shown) >= 4
    assert shown[0].count("&lt;script&gt;") == 3
    assert not [text for text in shown if SCRIPT in text]
