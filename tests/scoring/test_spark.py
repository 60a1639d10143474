import numpy as np
import pytest

from crmml import DataError, RulerError, tracking
from crmml.clv import BetaGeoNBD
from crmml.scoring import score_spark

from ..clv.cdnow import cdnow_split


@pytest.mark.spark
@pytest.mark.xdist_group("spark")
def test_a_spark_frame_is_scored_where_it_lies(spark, tmp_path):
    import pyarrow as pa

    uri = tracking.local_uri(tmp_path)
    model = BetaGeoNBD(horizon=39).fit(cdnow_split())
    with tracking.track("study", uri=uri):
        tracking.log_model(model, "shop", cdnow_split())
    tracking.promote("shop", uri=uri)
    frame = spark.createDataFrame(pa.Table.from_pandas(cdnow_split(), preserve_index=False)).repartition(3)
    scores = score_spark("models:/shop@champion", frame, uri=uri)
    assert scores.columns == ["customer_id", "probability_alive", "expected_purchases"]
    found = scores.toPandas().sort_values("customer_id", ignore_index=True)
    expected = cdnow_split().sort_values("customer_id", ignore_index=True)
    np.testing.assert_array_equal(found["customer_id"], expected["customer_id"])
    np.testing.assert_allclose(found["expected_purchases"], model.predict(expected), rtol=1e-9)
    with pytest.raises(RulerError, match="unit is 'D'"):
        score_spark("models:/shop@champion", frame, unit="D", uri=uri)


def test_a_model_that_does_not_know_its_columns_is_refused(monkeypatch):
    pytest.importorskip("pyspark")
    model = BetaGeoNBD().fit(cdnow_split()[["frequency", "recency", "T"]].to_numpy())
    monkeypatch.setattr(tracking, "load_model", lambda *_, **__: model)
    with pytest.raises(DataError, match="was fitted on an array"):
        score_spark("models:/bare/1", None)
