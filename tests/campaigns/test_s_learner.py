import numpy as np
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures
from sklearn.tree import DecisionTreeRegressor

from crmml.campaigns import SLearner
from crmml.datasets import make_campaign
from crmml.exceptions import FeatureWarning

FEATURES = ["recency", "orders", "newsletter"]


def test_is_what_changing_the_arm_changes():
    data = make_campaign(900, arms=2, effect=1.0, outcome="continuous", random_state=0)
    X, y, arm = data[FEATURES], data["outcome"], data["treatment"]
    base = DecisionTreeRegressor(max_depth=6, random_state=0)
    codes = np.column_stack([arm == 1, arm == 2]).astype(float)
    model = DecisionTreeRegressor(max_depth=6, random_state=0).fit(np.column_stack([X, codes]), y)

    def at(code):
        return model.predict(np.column_stack([X, np.tile(code, (len(X), 1))]))

    wanted = np.column_stack([at([1, 0]) - at([0, 0]), at([0, 1]) - at([0, 0])])
    np.testing.assert_allclose(SLearner(base, random_state=0).fit(X, y, treatment=arm).predict(X), wanted, atol=1e-12)


def test_a_line_gives_everybody_the_same_and_products_do_not():
    data = make_campaign(2000, effect=1.0, outcome="continuous", random_state=0)
    given = data[FEATURES], data["outcome"]
    plain = SLearner(LinearRegression(), random_state=0).fit(*given, treatment=data["treatment"]).predict(data)
    assert np.ptp(plain) < 1e-9
    products = make_pipeline(PolynomialFeatures(interaction_only=True), LinearRegression())
    assert np.ptp(SLearner(products, random_state=0).fit(*given, treatment=data["treatment"]).predict(data)) > 1


def test_a_model_that_drops_the_arm_is_told():
    data = make_campaign(300, outcome="continuous", random_state=0)
    only = make_pipeline(ColumnTransformer([("kept", "passthrough", FEATURES)]), LinearRegression())
    with pytest.warns(FeatureWarning, match="makes no use of the columns of the arm .named treated_1"):
        SLearner(only, random_state=0).fit(data[FEATURES], data["outcome"], treatment=data["treatment"])


def test_a_feature_of_the_same_name_is_kept():
    data = make_campaign(300, outcome="continuous", effect=1.0, random_state=0).rename(columns={"recency": "treated_1"})
    X = data[["treated_1", "orders"]]
    model = SLearner(LinearRegression(), random_state=0).fit(X, data["outcome"], treatment=data["treatment"])
    design = np.column_stack([X, data["treatment"]])
    wanted = LinearRegression().fit(design, data["outcome"]).coef_[2]
    np.testing.assert_allclose(model.predict(X), wanted, atol=1e-9)
