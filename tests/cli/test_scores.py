import numpy as np
import pandas as pd

from crmml import tracking
from crmml.clv import BetaGeoNBD, CustomerLifetimeValue, GammaGamma
from crmml.files import read_table
from crmml.frames import get_ruler

from .conftest import LOG_OPTIONS, run


def test_summarize_fit_score_on_the_users_own_csv(orders, tmp_path):
    done = run("summarize", "orders.csv", "summary.parquet", *LOG_OPTIONS)
    assert done.exit_code == 0, done.output
    assert "6,919 of 6,919 transactions" in done.output
    assert "2,357 customers to summary.parquet" in done.output
    summary = read_table("summary.parquet")
    assert get_ruler(summary).unit == "W"
    assert summary["customer_id"].iloc[0] == "000004"

    done = run("fit", "summary.parquet", "--name", "shop", "--horizon", "52", "--horizon-unit", "W")
    assert done.exit_code == 0, done.output
    for part in (
        "BG/NBD fitted on 2,357 customers",
        "Gamma-Gamma fitted on",
        "models:/shop/1, now the champion of shop",
    ):
        assert part in done.output
    done = run("score", "shop", "summary.parquet", "scores.parquet")
    assert done.exit_code == 0, done.output
    scores = pd.read_parquet("scores.parquet")
    expected = CustomerLifetimeValue(BetaGeoNBD(), GammaGamma(), horizon=52, unit="W").fit(summary).predict(summary)
    np.testing.assert_allclose(scores["clv"], expected, rtol=1e-7)

    done = run("score", "shop", "orders.csv", "again.parquet", *LOG_OPTIONS)
    assert done.exit_code == 0, done.output
    pd.testing.assert_frame_equal(pd.read_parquet("again.parquet"), scores)
    model = tracking.load_model("models:/shop@champion", uri=tracking.local_uri(tmp_path))
    assert model.horizon == 52
