import matplotlib
import numpy as np
import pytest

from crmml.segments import ClusterSegmenter, SegmentMapDisplay

from .test_cluster import COLUMNS, base

matplotlib.use("Agg")


def test_centres_are_where_their_customers_are():
    X = base()
    model = ClusterSegmenter(3, columns=COLUMNS, n_resamples=0, random_state=0).fit(X)
    display = SegmentMapDisplay.from_estimator(model, X, max_points=600)
    assert display.segments == model.segments_
    np.testing.assert_allclose(display.share.sum(), 1.0)
    for j in range(3):
        np.testing.assert_allclose(display.points[display.codes == j].mean(axis=0), display.centers[j], atol=0.02)
    assert 0.5 < display.explained.sum() <= 1.0
    assert display.plot() is display
    assert "of variance" in display.ax_.get_xlabel()
    assert len(display.ax_.get_legend().get_texts()) == 3
    assert SegmentMapDisplay.from_estimator(model, X, max_points=0).plot().points is None


def test_one_column_and_one_type():
    X = base()
    model = ClusterSegmenter(2, columns=["recency"], by="type", n_resamples=0, random_state=0).fit(X)
    with pytest.raises(ValueError, match="customer_type=None must be one of 'hospital', 'pharmacy'"):
        SegmentMapDisplay.from_estimator(model, X)
    display = SegmentMapDisplay.from_estimator(model, X, customer_type="hospital").plot()
    assert len(display.points) == (X["type"] == "hospital").sum()
