import numpy as np
import pytest

from crmml.testing.segment_adapter import legal_segmenters


@pytest.mark.filterwarnings("ignore::crmml.segments.SegmentWarning")
def test_any_matrix_row_by_row_to_places():
    X = np.random.default_rng(0).normal(scale=9, size=(60, 4))
    for model in legal_segmenters():
        model.fit(X)
        places = model.predict(X)
        assert places.dtype.kind == "i"
        np.testing.assert_array_equal(model.predict(X[10:20]), places[10:20])
