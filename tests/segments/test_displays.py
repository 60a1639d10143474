import warnings

import matplotlib.pyplot as plt
import numpy as np
import pytest

from crmml.segments import (
    LorenzDisplay,
    PyramidDisplay,
    PyramidSegmenter,
    RFMGridDisplay,
    RFMSegmenter,
    SegmentWarning,
    concentration,
)

from .customers import customers


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def fitted(model):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SegmentWarning)
        return model.fit(customers())


def texts(display):
    return [text.get_text() for text in display.ax_.texts]


def test_pyramid_says_both_shares_of_each_tier():
    model = fitted(PyramidSegmenter((0.05, 0.15, 0.3, 0.5), value="monetary_value"))
    display = PyramidDisplay.from_estimator(model).plot()
    table = model.profile().table
    said = texts(display)
    assert [label.get_text() for label in display.ax_.get_yticklabels()] == list(table["segment"])
    assert (np.diff(display.ax_.get_yticks()) < 0).all()  # from the top, which plots beside each other leave room for
    for row in table.to_dict("records"):
        assert f"{row['share']:.1%} of customers" in said
        assert f"{row['value_share']:.1%} of monetary_value" in said
    np.testing.assert_array_equal(display.customers, table["share"])
    _, ax = plt.subplots()
    assert PyramidDisplay.from_estimator(model, customers().head(100)).plot(ax).ax_ is ax


def test_pyramid_of_one_type():
    model = fitted(PyramidSegmenter((0.2, 0.8), value="monetary_value", by="type"))
    display = PyramidDisplay.from_estimator(model, of="hospital").plot()
    assert display.ax_.get_title() == "type hospital"
    assert display.customers.sum() == pytest.approx(1)
    with pytest.raises(ValueError, match="'hospital', 'pharmacy'"):
        PyramidDisplay.from_estimator(model)


def test_grid_counts_every_customer():
    X = customers()
    model = fitted(RFMSegmenter())
    display = RFMGridDisplay.from_estimator(model, X).plot()
    assert display.customers.sum() == len(X)
    scores = model.transform(X)
    assert display.customers[4, 4] == np.sum((scores[:, 0] == 5) & (scores[:, 1] == 5))
    assert f"{display.customers[4, 4]:,}" in texts(display)
    mean = RFMGridDisplay.from_estimator(model, X, of="value").plot()
    both = (scores[:, 0] == 5) & (scores[:, 1] == 5)
    assert mean.figures[4, 4] == pytest.approx((X["frequency"] * X["monetary_value"])[both].mean())
    with pytest.raises(ValueError, match="of='spend'"):
        RFMGridDisplay.from_estimator(model, X, of="spend")


def test_lorenz_marks_the_tiers():
    model = fitted(PyramidSegmenter((0.05, 0.15, 0.3, 0.5), value="monetary_value"))
    display = LorenzDisplay.from_estimator(model, customers(), n_resamples=20, random_state=0).plot()
    assert [name for name, _ in display.tiers] == list(model.segments_)
    assert display.tiers[-1][1] == pytest.approx(1)
    assert len(texts(display)) == 3
    share = display.found.share_of_top(display.tiers[0][1]).estimate
    assert texts(display)[0].endswith(f"have {share:.1%}")
    assert LorenzDisplay.from_result(concentration([3.0, 2.0, 1.0], n_resamples=5)).plot().tiers == []
