import numpy as np
import pandas as pd
import pytest

from crmml.campaigns import Targeting
from crmml.exceptions import DataError


def test_every_fault_of_an_offer_is_named_in_one_message():
    uplift = np.array([0.1, np.nan, 0.3])
    with pytest.raises(DataError) as caught:
        Targeting(budget=-1, coverage=90).plan(uplift, value=[1.0, -2.0, 3.0], cost="dear")
    text = str(caught.value)
    for part in ("budget", "coverage=90 must lie between 0 and 1", "uplift", "value", "cost"):
        assert part in text, text
    assert len(caught.value.faults) >= 5


def test_offers_are_read_by_the_order_of_the_rows():
    table = pd.DataFrame({"customer_id": ["a", "b", "c"], "uplift": [0.0, 0.2, 0.1]})
    plan = Targeting(capacity=1).plan(table["uplift"], value=10.0, cost=0.5, customer_id=table["customer_id"])
    assert plan.to_frame()["customer_id"].tolist()[int(np.argmax(table["uplift"]))] == "b"
    np.testing.assert_array_equal(np.ravel(plan.offers.uplift), table["uplift"])
