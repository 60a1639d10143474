import pickle

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy.special import expit
from sklearn import config_context
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_predict, cross_validate, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.svm import LinearSVC
from sklearn.utils.estimator_checks import parametrize_with_checks

from crmml import DataError
from crmml.churn import ChurnClassifier, ContactCosts
from crmml.datasets import fetch_telco_churn, load_cdnow_sample
from crmml.exceptions import FeatureWarning
from crmml.metrics import expected_calibration_error, expected_maximum_profit
from crmml.transactions import SnapshotSplit, snapshots

TEXT_LABELS = {
    "check_classifiers_classes": "its labels 'one' and 'two' do not tell which is churn, so churned= is asked for"
}
EXPECTED_FAILURES = TEXT_LABELS | {
    "check_sample_weight_equivalence_on_dense_data": (
        "inner folds are drawn row by row, so a row given twice is not a row of weight two"
    ),
    "check_class_weight_classifiers": "calibration undoes class weights by design, so that probabilities stay those of the data",
}


@pytest.mark.filterwarnings("ignore:Of the labels")  # 1 and 2, of which the checks say nothing
@parametrize_with_checks(
    [ChurnClassifier(LogisticRegression(), cv=2, random_state=0), ChurnClassifier(cv=2, random_state=0)],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES,
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore:Of the labels")  # 1 and 2, of which the checks say nothing
@parametrize_with_checks(
    [ChurnClassifier(LogisticRegression(), calibrate=None, threshold=0.5, encode=False, random_state=0)],
    expected_failed_checks=lambda estimator: TEXT_LABELS,
)
def test_all_scikit_learn_checks_without_inner_folds(estimator, check):
    check(estimator)


def contracts(n=3000, seed=0):
    """Raw columns as a company has them, with blanks, and a probability that adds up."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "plan": rng.choice(["basic", "plus", "gold"], n),
            "months": rng.integers(0, 72, n),
            "charge": rng.gamma(4.0, 15.0, n).round(2),
            "autopay": rng.random(n) < 0.4,
        }
    )
    z = -0.5 + 1.2 * (X["plan"] == "basic") - 0.04 * X["months"] + 0.01 * X["charge"] - 0.5 * X["autopay"]
    y = np.where(rng.random(n) < expit(z), "left", "stays")
    # churners come second in sorted order
    y = np.where(y == "left", "yes", "no")
    X["charge"] = X["charge"].astype(str).mask(rng.random(n) < 0.02, " ")
    return X, y, expit(z).to_numpy()


def interactions(n=4000, p=10, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, p))
    z = sum(X[:, 2 * k] * X[:, 2 * k + 1] for k in range(p // 2))
    return X, (rng.random(n) < expit(z)).astype(int)


@pytest.fixture(scope="module")
def fitted():
    X, y, _ = contracts()
    return ChurnClassifier(random_state=0).fit(X, y)


def test_probabilities_are_those_of_the_data(fitted):
    X, y, p = contracts(20_000, seed=1)
    q = fitted.predict_proba(X)[:, 1]
    assert np.corrcoef(p, q)[0, 1] > 0.97
    best, ours = log_loss(y == "yes", p), log_loss(y == "yes", q)
    assert ours - best < 0.01
    assert abs(q.mean() - p.mean()) < 0.02
    assert fitted.classes_.tolist() == ["no", "yes"]
    np.testing.assert_allclose(fitted.predict_proba(X).sum(axis=1), 1)


def test_default_is_good_where_effects_add_up_and_where_columns_interact():
    X, y, _ = contracts(4000)
    cv = StratifiedKFold(3, shuffle=True, random_state=0)
    target = (y == "yes").astype(int)

    def auc(model, X, y):
        return roc_auc_score(y, cross_val_predict(model, X, y, cv=cv, method="predict_proba")[:, 1])

    linear, trees = (
        ChurnClassifier(LogisticRegression(max_iter=1000), random_state=0),
        ChurnClassifier(HistGradientBoostingClassifier(random_state=0)),
    )
    assert auc(ChurnClassifier(random_state=0), X, target) > auc(trees, X, target) + 0.005
    assert auc(ChurnClassifier(random_state=0), X, target) > auc(linear, X, target) - 0.005
    X, y = interactions()
    assert auc(linear, X, y) < 0.55
    assert auc(ChurnClassifier(random_state=0), X, y) > auc(trees, X, y) > 0.75


def test_weights_go_to_what_predicts():
    X, y = interactions()
    assert ChurnClassifier(random_state=0).fit(X, y).weights_["trees"] > 0.7
    X, y, _ = contracts()
    weights = ChurnClassifier(random_state=0).fit(X, y).weights_
    assert weights["additive"] > weights["trees"]


def test_calibration_mends_an_overconfident_forest():
    X, y, _ = contracts()
    Z, z, _ = contracts(10_000, seed=5)
    forest = RandomForestClassifier(60, random_state=0)
    loss = {
        how: brier_score_loss(
            z == "yes", ChurnClassifier(forest, calibrate=how, random_state=0).fit(X, y).predict_proba(Z)[:, 1]
        )
        for how in (None, "sigmoid", "isotonic")
    }
    assert loss["sigmoid"] < loss[None]
    assert loss["isotonic"] < loss[None]


def test_one_member_is_scikit_learns_calibration():
    X, y, _ = contracts(600)
    X, y = X[["months"]].to_numpy(float) / 30, (y == "yes").astype(int)
    folds = list(StratifiedKFold(4, shuffle=True, random_state=1).split(X, y))
    base = LogisticRegression(C=0.01)
    theirs = CalibratedClassifierCV(base, method="sigmoid", cv=folds, ensemble=False).fit(X, y)
    ours = ChurnClassifier(base, cv=folds, encode=False, random_state=0).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=1e-3)


def test_without_calibration_probabilities_are_the_classifiers_own():
    X, y = interactions(600)
    base = LogisticRegression()
    ours = ChurnClassifier(base, calibrate=None, encode=False, random_state=0).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X)[:, 1], base.fit(X, y).predict_proba(X)[:, 1], rtol=1e-12)


def test_machines_without_probabilities_are_calibrated():
    X, y, _ = contracts(1500)
    model = ChurnClassifier(LinearSVC(), random_state=0).fit(X, y)
    assert 0.2 < model.predict_proba(X)[:, 1].mean() < 0.5


def test_threshold_rules(fitted):
    X, y, _ = contracts()
    assert fitted.threshold_ == ContactCosts().break_even()
    assert ChurnClassifier(LogisticRegression(), threshold=0.7, random_state=0).fit(X, y).threshold_ == 0.7
    by_f = ChurnClassifier(LogisticRegression(), threshold="f1", random_state=0).fit(X, y)
    assert 0.2 < by_f.threshold_ < 0.6
    own = ChurnClassifier(LogisticRegression(), random_state=0).fit(
        X, y, clv=np.where(X["plan"] == "gold", 2000.0, 60.0)
    )
    assert own.threshold_ != fitted.threshold_
    p = fitted.predict_proba(X)[:, 1]
    np.testing.assert_array_equal(fitted.predict(X) == "yes", p >= fitted.threshold_)
    with pytest.raises(ValueError, match="threshold='gain' is not known"):
        ChurnClassifier(threshold="gain", random_state=0).fit(X, y)
    for wrong in (1.5, -0.1, None):
        with pytest.raises(ValueError, match="threshold"):
            ChurnClassifier(threshold=wrong, random_state=0).fit(X, y)


def test_decide_by_each_customers_own_money(fitted):
    X, _, _ = contracts(500, seed=2)
    X.insert(0, "customer_id", np.arange(500))
    clv = np.random.default_rng(0).gamma(2.0, 100.0, 500)
    plan = fitted.decide(X, clv=clv, contact_cost=2.5)
    assert list(plan) == ["customer_id", "churn_probability", "contact", "expected_profit"]
    p = fitted.predict_proba(X)[:, 1]
    np.testing.assert_allclose(plan["expected_profit"], p * 0.3 * (clv - 10) - (1 - p) * 10 - 2.5)
    np.testing.assert_array_equal(plan["contact"], plan["expected_profit"] > 0)
    common = fitted.decide(X)
    np.testing.assert_array_equal(common["contact"], common["churn_probability"] > fitted.threshold_)


def test_on_every_engine(engine, fitted):
    X, _, _ = contracts(200, seed=3)
    X.insert(0, "customer_id", np.arange(200))
    wanted = fitted.predict_proba(X)
    np.testing.assert_allclose(fitted.predict_proba(engine.frame(X[X.columns[::-1]])), wanted, rtol=1e-12)
    plan = engine.pandas(fitted.decide(engine.frame(X))) if engine.is_eager else None
    if plan is not None:
        assert plan["customer_id"].tolist() == list(range(200))


def test_calibration_is_on_later_cutoffs():
    data = snapshots(
        load_cdnow_sample(),
        cutoffs=[f"1997-{m:02d}-01" for m in (4, 6, 8, 10, 12)],
        horizon=60,
        features=["rfm", "rhythm"],
    )
    model = ChurnClassifier(LogisticRegression(max_iter=1000), random_state=0).fit(data.X, data.y, groups=data.groups)
    assert "rows of later cutoffs (3 folds)" in model.describe()
    last = data.at("1997-12-01")
    assert abs(model.predict_proba(last.X)[:, 1].mean() - last.y.mean()) < 0.03
    with_data = clone(model).fit(data.X, data.y, groups=data)
    np.testing.assert_array_equal(with_data.predict_proba(last.X), model.predict_proba(last.X))
    split = (
        clone(model).set_params(cv=SnapshotSplit(2, horizon=60, random_state=0)).fit(data.X, data.y, groups=data.groups)
    )
    assert "(2 folds)" in split.held_out_


def test_metadata_routing_of_money_and_groups():
    data = snapshots(
        load_cdnow_sample(),
        cutoffs=["1997-04-01", "1997-07-01", "1997-10-01", "1998-01-01"],
        horizon=90,
        features=["rfm"],
    )
    clv = np.random.default_rng(0).gamma(2.0, 100.0, len(data))
    with sklearn.config_context(enable_metadata_routing=True):
        model = ChurnClassifier(LogisticRegression(max_iter=1000), random_state=0).set_fit_request(
            clv=True, groups=True
        )
        out = cross_validate(
            model,
            data.X,
            data.y,
            params={"clv": clv, "groups": data.groups},
            cv=SnapshotSplit(1, horizon=90, random_state=0),
            return_estimator=True,
            return_indices=True,
        )
    train = out["indices"]["train"][0]
    alone = ChurnClassifier(LogisticRegression(max_iter=1000), random_state=0).fit(
        data.X.iloc[train], data.y[train], clv=clv[train], groups=data.groups.iloc[train]
    )
    assert out["estimator"][0].threshold_ == alone.threshold_
    assert "rows of later cutoffs" in alone.describe()


def test_columns_by_name_whatever_their_order(fitted):
    X, _, _ = contracts(50, seed=4)
    wanted = fitted.predict_proba(X)
    np.testing.assert_array_equal(fitted.predict_proba(X[X.columns[::-1]].assign(more=1)), wanted)
    with pytest.raises(DataError, match=r"column 'months' is missing; .* did you mean 'Months'"):
        fitted.predict_proba(X.rename(columns={"months": "Months"}))
    with pytest.raises(DataError) as caught:
        fitted.predict_proba(X.drop(columns=["plan", "charge"]))
    assert len(caught.value.faults) == 2


def test_unseen_categories_and_empty_columns(fitted):
    X, y, _ = contracts(300, seed=4)
    with pytest.warns(FeatureWarning, match="never seen at fit in 300 rows") as caught:
        p = fitted.predict_proba(X.assign(plan="platinum"))
    assert len(caught) == 1
    assert np.isfinite(p).all()
    with pytest.warns(FeatureWarning, match="column 'months' is missing in all 300 rows"):
        assert np.isfinite(fitted.predict_proba(X.assign(months=np.nan))).all()
    with pytest.warns(FeatureWarning, match="column 'note' is missing in all rows and is left out") as caught:
        model = ChurnClassifier(LogisticRegression(), random_state=0).fit(
            X.assign(note=None, customerID=[f"k{i}" for i in range(300)]), y
        )
    assert "'customerID' looks like an identifier" in str(caught[0].message)
    with pytest.raises(DataError, match="column 'note' is missing; there are"):
        model.predict(X)


def test_input_is_looked_at_where_the_score_says_nothing():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"a": rng.normal(size=200), "c": rng.choice(list("xyz"), 200)})
    model = ChurnClassifier(LogisticRegression(), random_state=0).fit(X, np.arange(200) % 2)
    model.weights_["estimator"] = 0.0
    with pytest.warns(FeatureWarning, match="never seen at fit"):
        model.predict(X.assign(c="new"))
    with pytest.raises(DataError, match="held numbers at fit and holds text"):
        model.predict(X.assign(a="hello"))
    with pytest.raises(DataError, match="column 'a' is infinite"):
        model.predict(X.assign(a=np.inf))


def test_faults_of_labels():
    X, y, _ = contracts(100)
    with pytest.raises(DataError, match="all labels are 'no', one class; churners and stayers are both needed"):
        ChurnClassifier(random_state=0).fit(X, np.full(100, "no"))
    missing = pd.Series(y).mask(np.arange(100) < 7)
    with pytest.raises(DataError, match="7 of 100 labels are missing; drop these rows"):
        ChurnClassifier(random_state=0).fit(X, missing)
    with pytest.raises(DataError, match="it has 99 labels for 100 rows"):
        ChurnClassifier(random_state=0).fit(X, y[:-1])
    with pytest.raises(DataError, match=r"multiclass: 4 labels"):
        ChurnClassifier(random_state=0).fit(X, np.arange(100) % 4)
    with pytest.raises(DataError, match="0 rows"):
        ChurnClassifier(random_state=0).fit(X.iloc[:0], y[:0])
    double = pd.concat([X, X[["plan"]]], axis=1)
    with pytest.raises(DataError, match="column 'plan' is there more than once"):
        ChurnClassifier(random_state=0).fit(double, y)


def test_faults_of_costs(fitted):
    X, y, _ = contracts(100)
    with pytest.raises(DataError, match="clv has 99 amounts for 100 customers"):
        fitted.decide(X, clv=np.ones(99))
    with pytest.raises(DataError, match="contact_cost is -1; it must be at least 0"):
        fitted.decide(X, contact_cost=-1)
    with pytest.raises(DataError, match="incentive_cost has 3 amounts for 100 customers"):
        ChurnClassifier(random_state=0).fit(X, y, incentive_cost=[1, 2, 3])
    with pytest.raises(ValueError, match="its fields are clv"):
        ChurnClassifier(costs={"value": 3}, random_state=0).fit(X, y)


def test_class_weight_changes_the_fit_and_not_the_level():
    X, y, _ = contracts()
    plain = ChurnClassifier(LogisticRegression(), calibrate=None, random_state=0).fit(X, y)
    heavy = ChurnClassifier(LogisticRegression(), calibrate=None, class_weight="balanced", random_state=0).fit(X, y)
    assert heavy.predict_proba(X)[:, 1].mean() > plain.predict_proba(X)[:, 1].mean() + 0.1
    honest = ChurnClassifier(LogisticRegression(), class_weight={"yes": 10.0}, random_state=0).fit(X, y)
    assert abs(honest.predict_proba(X)[:, 1].mean() - (y == "yes").mean()) < 0.01


def test_clone_pickle_grid_search_and_same_seed(fitted):
    X, y, _ = contracts(400)
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.predict_proba(X), fitted.predict_proba(X))
    one, two = clone(fitted).fit(X, y), clone(fitted).fit(X, y)
    np.testing.assert_array_equal(one.predict_proba(X), two.predict_proba(X))
    search = GridSearchCV(
        ChurnClassifier(LogisticRegression(), random_state=0),
        {"estimator__C": [0.01, 1.0], "calibrate": ["sigmoid", None]},
        cv=2,
    )
    search.fit(X, y)
    assert set(search.best_params_) == {"estimator__C", "calibrate"}
    pipe = make_pipeline(ChurnClassifier(LogisticRegression(), random_state=0)).fit(X, y)
    assert pipe.predict(X).shape == (400,)


def test_describes_itself(fitted):
    text = fitted.describe()
    assert text.startswith("Churn probability from 2 members (weight of log-odds: additive ")
    assert "calibrated on 3,000 rows held out in turn (5 folds)" in text
    assert "called a churner from 16.4% on, where contacting breaks even" in text


def test_few_rows_are_not_calibrated():
    X = pd.DataFrame({"a": np.arange(12.0)})
    with pytest.warns(FeatureWarning, match="the rarer label has 1 rows"):
        model = ChurnClassifier(LogisticRegression(), random_state=0).fit(X, np.arange(12) == 11)
    assert "not calibrated on rows held out" in model.describe()
    assert model.classes_.tolist() == [False, True]


@pytest.mark.data
def test_telco_at_the_stated_protocol():
    raw = fetch_telco_churn().drop(columns="customerID")
    y = raw.pop("Churn")
    target = (y == "Yes").to_numpy().astype(int)
    p, auc, profit = np.zeros(len(y)), [], []
    for train, test in StratifiedKFold(5, shuffle=True, random_state=0).split(raw, y):
        p[test] = (
            ChurnClassifier(random_state=0).fit(raw.iloc[train], y.iloc[train]).predict_proba(raw.iloc[test])[:, 1]
        )
        auc.append(roc_auc_score(target[test], p[test]))
        profit.append(expected_maximum_profit(target[test], p[test]))
    assert np.mean(auc) >= 0.845
    assert np.mean(profit) >= 10.36
    assert expected_calibration_error(target, p) <= 0.015


def test_split_of_train_and_test_frames_keeps_their_index():
    X, y, _ = contracts(400)
    train, test, y_train, _ = train_test_split(X, y, random_state=0)
    plan = ChurnClassifier(LogisticRegression(), random_state=0).fit(train, y_train).decide(test)
    assert plan.index.equals(test.index)


@pytest.fixture
def plain():
    rng = np.random.default_rng(5)
    X = pd.DataFrame({"plan": rng.choice(["basic", "gold"], 400), "months": rng.integers(0, 40, 400)})
    return X, (rng.random(400) < np.where(X["plan"] == "basic", 0.5, 0.1)).astype(int)


def test_weights_are_relative_and_rows_without_any_are_not_there(plain):
    X, y = plain
    X = X.assign(charge=np.random.default_rng(0).gamma(4, 10, 400))
    ours = ChurnClassifier(LogisticRegression(C=np.inf), cv=4, random_state=0)
    whole = ours.fit(X, y).predict_proba(X)
    np.testing.assert_allclose(ours.fit(X, y, sample_weight=np.full(400, 1 / 400)).predict_proba(X), whole, atol=1e-3)
    weight = (np.arange(400) >= 50) * 1.0
    wild = X.mask(pd.Series(weight == 0), np.nan).assign(months=np.where(weight == 0, 1e9, X["months"]))
    dropped = ours.fit(X[50:], y[50:]).predict_proba(X[50:])
    np.testing.assert_allclose(ours.fit(wild, y, sample_weight=weight).predict_proba(X[50:]), dropped, rtol=1e-9)
    with pytest.raises(ValueError, match=r"[Nn]egative"):
        ours.fit(X, y, sample_weight=-weight)
    with pytest.raises(DataError, match="only one class has weights above 0"):
        ours.fit(X, y, sample_weight=y)


@pytest.mark.parametrize("estimator", [None, LogisticRegression()])
def test_weights_where_metadata_are_routed(plain, estimator):
    X, y = plain
    weight = np.random.default_rng(0).gamma(2, 1, 400)
    model = ChurnClassifier(estimator, class_weight="balanced", random_state=0)
    direct = model.fit(X, y, sample_weight=weight).predict_proba(X)
    with config_context(enable_metadata_routing=True):
        np.testing.assert_array_equal(model.fit(X, y, sample_weight=weight).predict_proba(X), direct)


def test_a_rare_text_among_numbers_is_a_category_in_every_fold(plain):
    X, y = plain
    X = X.assign(children=np.where(np.arange(400) == 7, "3+", (np.arange(400) % 4).astype(str)))
    model = ChurnClassifier(random_state=0).fit(X, y)
    assert model.members_["additive"].steps[0][1].kinds_["children"] == "category"


def test_what_predicts_takes_besides(plain):
    X, y = plain
    model = ChurnClassifier(LogisticRegression(), random_state=0).fit(X, y)
    assert model.predict_proba(X.iloc[:0]).shape == (0, 2)
    assert len(model.decide(X.iloc[:0])) == 0
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        by_position = model.predict_proba(X.to_numpy(dtype=object))
    np.testing.assert_array_equal(by_position, model.predict_proba(X))


def test_nothing_to_learn_from():
    X = pd.DataFrame({"customer_id": np.arange(600), "note": [None] * 600})
    with pytest.raises(
        DataError, match=r"(?s)'customer_id' looks like an identifier.*'note' is missing.*no column is left"
    ):
        ChurnClassifier(random_state=0).fit(X, np.arange(600) % 2)


def test_class_weights_must_be_of_labels(plain):
    X, y = plain
    for wrong in ({"yes": 50}, {1: -5}):
        with pytest.raises(ValueError, match="must give the labels"):
            ChurnClassifier(LogisticRegression(), class_weight=wrong, random_state=0).fit(X, y)


def test_an_offer_that_never_pays_contacts_nobody():
    X, y = pd.DataFrame({"a": np.r_[np.arange(300.0), np.arange(1000.0, 1300)]}), np.repeat([0, 1], 300)
    costs = {"clv": 5, "incentive_cost": 20}
    model = ChurnClassifier(LogisticRegression(max_iter=500), calibrate="isotonic", costs=costs, random_state=0).fit(
        X, y
    )
    assert not model.predict(X).any()
    assert not model.decide(X)["contact"].any()
    assert "contacting never pays" in model.describe()


def test_describe_says_what_was_done(plain):
    X, y = plain
    bare = ChurnClassifier(LogisticRegression(), calibrate=None, threshold="f1", random_state=0).fit(X, y).describe()
    assert "not calibrated, with weights and threshold chosen on" in bare
    own = ChurnClassifier(LogisticRegression(), random_state=0).fit(X, y, clv=np.linspace(10, 400, 400)).describe()
    assert "highest profit on rows held out" in own


@pytest.mark.parametrize(("gone", "here"), [("Churn", "No Churn"), ("LEAVE", "STAY"), (1, 2)])
def test_the_label_of_churn_is_the_callers(gone, here):
    X, y, _ = contracts(600)
    labels = np.where(y == "yes", gone, here)
    model = ChurnClassifier(LogisticRegression(max_iter=1000), churned=gone, threshold=0.5, random_state=0)
    told = clone(model).fit(X, labels)
    plain = clone(model).set_params(churned=None).fit(X, y)
    np.testing.assert_array_equal(told.predict_proba(X), plain.predict_proba(X))
    np.testing.assert_array_equal(told.predict(X) == gone, plain.predict(X) == "yes")
    assert told.classes_.tolist() == [here, gone]
    # of whichever class the weight is, it is that of the label
    weighted = clone(model).set_params(class_weight={gone: 3.0}, calibrate=None).fit(X, labels)
    expected = clone(model).set_params(class_weight={"yes": 3.0}, calibrate=None, churned=None).fit(X, y)
    np.testing.assert_array_equal(weighted.predict_proba(X), expected.predict_proba(X))


@pytest.mark.parametrize("repeats", [2, 12])
def test_no_identifier_lies_in_a_stored_classifier(repeats):
    rng = np.random.default_rng(0)
    customer = np.tile(np.arange(300), repeats)
    X = pd.DataFrame({"ref": [f"LIC-{k * 7919:07d}" for k in customer], "x": rng.normal(size=customer.size)})
    y = (rng.random(customer.size) < expit(X["x"])).astype(int)
    for estimator in (None, LogisticRegression()):
        with pytest.warns(FeatureWarning, match="column 'ref' looks like an identifier"):
            model = ChurnClassifier(estimator, cv=2, random_state=0).fit(X, y, groups=customer)
        assert "LIC-" not in pickle.dumps(model).decode("latin-1")
