import pandas as pd
import pytest

from crmml.customers.scanning.identifier_names import IDENTIFIERS, identifier_of


@pytest.mark.parametrize("name", IDENTIFIERS)
def test_the_identifier_of_a_frame_is_its_own(name):
    assert identifier_of(pd.DataFrame({"value": [1.0], name: [7]})) == name


def test_without_one_it_is_the_usual_name():
    assert identifier_of(pd.DataFrame({"value": [1.0]})) == "customer_id"
    assert identifier_of([[1.0]]) == "customer_id"
    assert identifier_of(None) == "customer_id"
