import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from crmml import DataError, tracking
from crmml.churn import ChurnClassifier
from crmml.exceptions import FeatureWarning
from crmml.tracking._identifying import identifying_contents, identifying_inputs

N = 600
TEXTS = {
    "e-mail addresses": [f"ann{i % 300}@shop.example" for i in range(N)],
    "phone numbers": [f"+49 30 {1_000_000 + i % 300}" for i in range(N)],
    "pseudonyms": [f"{i % 300:032x}" for i in range(N)],
    "codes that each hold a number of their own": [f"LIC-{10_000 + 7 * (i % 300)}" for i in range(N)],
    "codes": [f"{100_000_000 + i % 300}" for i in range(N)],
}
PLAIN = {
    "town": ["Bonn", "Köln", "Aachen"] * 200,
    "month": [f"2024-{1 + i % 12:02d}" for i in range(N)],
    "age": [f"{10 * (i % 9)} to {10 * (i % 9) + 9}" for i in range(N)],
    "day": [f"2024-01-{1 + i % 28:02d}" for i in range(N)],
    "few": [f"plan {1000 + i % 4}" for i in range(N)],
}


@pytest.mark.parametrize("name", ["customer_id", "CustomerID", "customer id", "e-mail", "E-Mail", "email_address", "licence number",
                                  "licenceNumber", "user_id", "phone", "客户编号", "IBAN", "tax no", "name"])  # fmt: skip
def test_inputs_called_like_identifiers(name):
    (fault,) = identifying_inputs(["frequency", name, "T"], [])
    assert fault.startswith(f"{name} is among the model's inputs")
    assert not identifying_inputs(["frequency", name, "T"], [name])


def test_inputs_that_are_called_otherwise():
    names = ["frequency", "recency", "T", "monetary_value", "store_id", "idle", "number_of_orders", "mailings", "wide"]
    assert not identifying_inputs(names, [])


def one_hot(X):
    encoder = make_column_transformer((OneHotEncoder(handle_unknown="ignore"), list(X)))
    return make_pipeline(encoder, LogisticRegression()).fit(X, np.arange(len(X)) % 2)


def churn(X):
    return ChurnClassifier(LogisticRegression(), random_state=0).fit(
        X.assign(a=1.0 * (np.arange(N) % 7)), np.arange(N) % 2
    )


@pytest.mark.parametrize("what", TEXTS)
def test_categories_that_identify_are_told_but_not_shown(what):
    X = pd.DataFrame({"mark": TEXTS[what]})
    faults = identifying_contents(one_hot(X), X.head(), [])
    assert any(what in fault and "mark" in fault for fault in faults)
    assert not any(text in fault for fault in faults for text in TEXTS[what])
    assert not identifying_contents(one_hot(X), X.head(), ["mark"])


@pytest.mark.parametrize("what", sorted(set(TEXTS) - {"codes"}))  # those are numbers to a table
def test_classifiers_of_churn_store_no_text_that_identifies(what):
    X = pd.DataFrame({"mark": TEXTS[what]})
    assert not identifying_contents(churn(X.astype("category")), X.head(), [])
    with pytest.warns(FeatureWarning, match="'mark' looks like an identifier"):
        model = churn(X)
    assert not identifying_contents(model, X.head(), [])


@pytest.mark.parametrize("make", [one_hot, churn])
def test_categories_of_many_customers_are_stored(make):
    X = pd.DataFrame(PLAIN)
    assert identifying_contents(make(X), X, []) == []


def test_texts_of_their_own_are_told_by_the_example():
    first, last = ("Ada", "Bo", "Cy", "Di", "Ed", "Flo"), ("Kay", "Lee", "May", "Nash", "Orr", "Poe")
    X = pd.DataFrame({"who": [f"{one} {two}" for one in first for two in last]})
    (fault,) = identifying_contents(one_hot(X), X, [])
    assert "holds 36 texts, among them those of 'who', which differ in nearly every row" in fault
    assert identifying_contents(one_hot(X), X.iloc[[0] * 36], []) == []


class Keeping:
    def __init__(self, **kept):
        self.__dict__.update(kept)


def test_collections_called_like_identifiers():
    assert identifying_contents(Keeping(customer_ids_=np.arange(30)), None, [])
    assert identifying_contents(Keeping(parts={"customer_id": list(range(30))}), None, [])
    assert identifying_contents(Keeping(table=pd.DataFrame({"customer_id": range(30)})), None, [])
    assert identifying_contents(Keeping(rows=pd.DataFrame({"x": 1}, index=TEXTS["e-mail addresses"])), None, [])
    assert not identifying_contents(Keeping(customer_id="customer_id", labels_=np.arange(30)), None, [])
    looped = Keeping(a=[1, 2])
    looped.b = [looped]
    assert not identifying_contents(looped, None, [])


def test_log_model_refuses_them_in_words(tmp_path):
    X = pd.DataFrame({"licence": TEXTS["codes that each hold a number of their own"], "E-Mail": 1.0})
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["licence"]), remainder="passthrough"), LogisticRegression()
    ).fit(X, np.arange(N) % 2)
    uri = tracking.local_uri(tmp_path)
    with tracking.track("study", uri=uri) as run:
        with pytest.raises(
            DataError, match=r"(?s)E-Mail is among .* licence is among|licence is among .*E-Mail is among"
        ) as caught:
            run.log_model(model, "leak", X.head())
        assert any("300 codes" in fault for fault in caught.value.faults)
        run.log_model(model, "leak", X.head(), allow=["licence", "E-Mail"])
