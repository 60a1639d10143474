import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from crmml import DataError
from crmml.segments import ClusterSegmenter, PyramidSegmenter, SegmentWarning

from .customers import customers


def fitted(**options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SegmentWarning)
        return PyramidSegmenter((0.2, 0.8), value="monetary_value", **options).fit(customers())


def test_score_is_the_share_of_variance_between_segments():
    X = customers()
    model = fitted()
    value, segment = X["monetary_value"], model.predict(X)
    within = (value - value.groupby(segment).transform("mean")).pow(2).sum()
    assert model.score(X) == pytest.approx(1 - within / (value - value.mean()).pow(2).sum())
    weight = np.random.default_rng(0).integers(0, 3, len(X))
    repeated = X.loc[X.index.repeat(weight)]
    assert model.score(X, sample_weight=weight) == pytest.approx(model.score(repeated))
    assert fitted(by="type").score(X) <= 1


def test_profile_of_others_and_of_the_same():
    model = fitted(by="type")
    pd.testing.assert_frame_equal(model.profile().table, model.profile(customers()).table)
    part = model.profile(customers().head(50), coverage=0.5)
    assert part.table["customers"].sum() == 50
    assert part.coverage == 0.5
    assert model.describe().count("type ") == 2


def test_table_of_a_frame_and_an_array():
    X = customers()
    table = fitted().table(X)
    assert list(table.columns) == ["customer_id", "tier_score", "segment"]
    array = PyramidSegmenter((0.2, 0.8)).fit(X[["monetary_value"]].to_numpy()).table(X[["monetary_value"]].to_numpy())
    assert list(array.columns) == ["tier_score", "segment"]
    assert (array["segment"].to_numpy() == table["segment"].to_numpy()).all()


def test_nothing_before_fit():
    for call in ("predict", "transform", "table", "score"):
        with pytest.raises(NotFittedError):
            getattr(PyramidSegmenter(), call)(customers())
    with pytest.raises(NotFittedError):
        PyramidSegmenter().profile()


def test_weights_must_weigh_something():
    with pytest.raises(ValueError, match="all weights are zero"):
        PyramidSegmenter(value="monetary_value").fit(customers(), sample_weight=np.zeros(600))
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        PyramidSegmenter(value="monetary_value").fit(customers(), sample_weight=np.full(600, -1.0))


def test_one_column_twice_is_refused():
    twice = pd.concat([customers()[["monetary_value"]]] * 2, axis=1)
    with pytest.raises(DataError, match="more than once"):
        PyramidSegmenter(value="monetary_value").fit(twice)


@pytest.mark.parametrize(
    ("segmenter", "column", "match"),
    [
        (PyramidSegmenter(value="value"), [1 + 2j] * 40, "column .value. is not a number in 40 of 40 rows"),
        (PyramidSegmenter(value="value"), [[1.0]] * 40, "column 'value'"),
        (PyramidSegmenter(value="money", by="value"), [[1.0]] * 40, "is not a single value in 40 of 40 rows"),
        (ClusterSegmenter(columns=["value"]), [[1.0]] * 40, "is not a single value in 40 of 40 rows"),
        (ClusterSegmenter(columns=["value"]), [1 + 2j] * 40, "column 'value' is of type"),
    ],
)
def test_columns_of_lists_and_complex_numbers_are_refused(segmenter, column, match):
    X = pd.DataFrame({"value": column, "money": np.arange(40.0)})
    with pytest.raises(DataError, match=match):
        segmenter.fit(X)


def test_a_customer_who_is_there_twice_is_told():
    X = customers()
    twice = pd.concat([X, X[:3]], ignore_index=True)
    model = PyramidSegmenter((0.2, 0.8), value="monetary_value")
    with pytest.warns(SegmentWarning, match=rf"3 of {len(X) + 3} rows repeat another's customer identifier"):
        model.fit(twice)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.fit(X)
        model.fit(X.sample(frac=1, random_state=0))
