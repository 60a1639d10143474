"""Clusters: how many, their names, mixed columns, bad input, and scikit-learn's checks."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import adjusted_rand_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from crmml import tracking
from crmml.exceptions import DataError, FeatureWarning
from crmml.segments import ClusterSegmenter, SegmentWarning


def base(n=600, seed=0):
    """Three kinds of customers in two numbers and a category, and a column of a type."""
    rng = np.random.default_rng(seed)
    kind = rng.integers(3, size=n)
    city = np.where(rng.random(n) < 0.97, np.array(["A", "B", "A"])[kind], "B")
    return pd.DataFrame(
        {
            "customer_id": np.arange(n),
            "recency": np.where(kind == 0, 10, 100) + rng.normal(0, 6, n),
            "money": np.exp(rng.normal(0, 0.25, n) + 3 + 2 * (kind == 2)),
            "city": city,
            "type": np.where(rng.random(n) < 0.5, "hospital", "pharmacy"),
            "kind": kind,
        }
    )


COLUMNS = ("recency", "money", "city")


def assert_kinds_are_found(X, labels):
    """Limits that follow from how :func:`base` draws, not from what was seen.

    Recency and money part the kinds by 15 and 8 standard deviations: where the city is the kind's own, every customer is placed
    right. Of kinds 0 and 2 a share of 3 % is said to be in kind 1's city, and nothing says which column to believe: at worst all of
    these go to kind 1. Their adjusted Rand index, of which the mean is 0.941 and the standard deviation 0.017 for 600 customers and
    0.007 for 3,000, is computed for the very customers drawn.
    """
    elsewhere = (X["city"] == "B") & (X["kind"] != 1)
    assert adjusted_rand_score(X["kind"][~elsewhere], labels[~elsewhere]) == 1.0
    assert adjusted_rand_score(X["kind"], labels) >= adjusted_rand_score(X["kind"], np.where(elsewhere, 1, X["kind"]))


@pytest.fixture(scope="module")
def fitted():
    return ClusterSegmenter(columns=COLUMNS, rank_by="money", random_state=0).fit(base())


class CodedClusters(ClusterSegmenter):
    """Segments by number: the checks compare predictions as numbers."""

    @property
    def _names(self):
        return np.arange(len(self.segments_))


#: One sentence of reason for each scikit-learn check that cannot hold.
EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data": "As with scikit-learn's KMeans, random starts and resamples differ between a "
    "weighted and a repeated customer.",
}


@pytest.mark.filterwarnings("ignore::crmml.segments.SegmentWarning", "ignore::crmml.exceptions.FeatureWarning")
@parametrize_with_checks(
    [CodedClusters(2, random_state=0, n_resamples=0), CodedClusters(max_clusters=2, n_resamples=2, random_state=0)],
    expected_failed_checks=lambda estimator: EXPECTED_FAILURES if estimator.n_clusters == 2 else {},
)
def test_scikit_learn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize("k", [2, 3, 4, 5])
def test_separated_clusters_are_counted(k):
    rng = np.random.default_rng(k)
    centres = 9 * np.stack([np.cos(2 * np.pi * np.arange(k) / k), np.sin(2 * np.pi * np.arange(k) / k)], axis=1)
    truth = rng.integers(k, size=800)
    X = centres[truth] + rng.normal(size=(800, 2))
    model = ClusterSegmenter(random_state=0).fit(X)
    assert model.k_ == k
    assert adjusted_rand_score(truth, model.predict(X)) > 0.98


NOTHING = {
    "normal": lambda rng: rng.normal(size=(600, 3)),
    "correlated": lambda rng: rng.multivariate_normal(np.zeros(3), 0.1 * np.eye(3) + 0.9, 600),
    "uniform": lambda rng: rng.random((600, 2)),
    "lognormal": lambda rng: np.exp(rng.normal(size=(600, 3))),
}


@pytest.mark.parametrize("make", NOTHING.values(), ids=list(NOTHING))
def test_no_clusters_are_found_where_there_are_none(make):
    X = make(np.random.default_rng(0))
    with pytest.warns(
        SegmentWarning, match=r"No clusters were found, so that there is one segment: .* agreement of 0\.\d\d"
    ):
        model = ClusterSegmenter(random_state=0).fit(X)
    assert model.k_ == 1
    assert model.segments_ == ("all customers",)
    assert set(model.predict(X)) == {"all customers"}
    assert "One segment" in model.describe()


def test_a_whole_number_is_obeyed_but_told_about():
    X = NOTHING["normal"](np.random.default_rng(0))
    with pytest.warns(SegmentWarning, match="4 clusters were asked for and are given, but the weakest of 4"):
        model = ClusterSegmenter(4, random_state=0).fit(X)
    assert len(np.unique(model.predict(X))) == 4
    assert model.stability_["k"].tolist() == [4]


def test_mixed_columns_are_found_and_told(fitted):
    X = base()
    assert fitted.k_ == 3
    assert_kinds_are_found(X, fitted.predict(X))
    assert fitted.segments_[0].startswith("segment 1 (high money")
    assert fitted.centers_["recency"].round(-1).tolist() == [100, 100, 10]
    assert fitted.centers_["money"].is_monotonic_decreasing
    chosen = fitted.stability_.query("chosen").iloc[0]
    assert chosen["agreement"] > 0.9 > chosen["reference"]
    logged = clone(fitted).set_params(n_clusters=3, n_resamples=0, log=["money"]).fit(X)
    assert "after logarithms of money" in logged.describe()
    assert logged.centers_["money"].tolist()[0] == pytest.approx(np.exp(5), rel=0.1)
    assert "3 segments, the most that are stable" in fitted.describe()


def test_names_change_neither_with_the_seed_nor_with_the_order_of_rows(fitted):
    X = base()
    for seed in (1, 2):
        shuffled = X.sample(frac=1, random_state=seed)
        other = clone(fitted).set_params(random_state=seed).fit(shuffled)
        assert other.segments_ == fitted.segments_
        assert (other.predict(X) == fitted.predict(X)).all()


def test_same_labels_on_new_data_in_every_engine(fitted, engine):
    X = base(60, seed=5)
    expected = dict(zip(X["customer_id"], fitted.predict(X), strict=True))
    table = fitted.table(engine.frame(X))
    rows = table.to_pandas() if hasattr(table, "to_pandas") else table
    assert dict(zip(rows["customer_id"], rows["segment"], strict=True)) == expected


def test_probabilities_agree_with_labels(fitted):
    X = base(seed=3)
    for model in (fitted, ClusterSegmenter(3, method="mixture", columns=COLUMNS, random_state=0, n_resamples=2).fit(X)):
        p = model.predict_proba(X)
        np.testing.assert_allclose(p.sum(axis=1), 1.0)
        assert (np.asarray(model.segments_, dtype=object)[p.argmax(axis=1)] == model.predict(X)).all()
    again = clone(fitted).set_params(n_clusters=3, n_resamples=0).set_output(transform="pandas").fit(X)
    assert list(again.transform(X).columns) == [f"probability_{name}" for name in again.segments_]


def test_the_mixture_finds_long_clusters():
    rng = np.random.default_rng(0)
    kind = rng.integers(2, size=600)
    X = rng.normal(size=(600, 2)) * [8, 0.5] + np.array([[0, 0], [0, 5]])[kind]
    model = ClusterSegmenter(method="mixture", max_clusters=3, n_resamples=8, random_state=0).fit(X)
    assert model.k_ == 2
    assert adjusted_rand_score(kind, model.predict(X)) > 0.98


def test_inside_each_type():
    model = ClusterSegmenter(columns=COLUMNS, by="type", rank_by="money", random_state=0).fit(base())
    assert model.k_ == {"hospital": 3, "pharmacy": 3}
    assert model.segments_ == ("segment 1", "segment 2", "segment 3")
    assert set(model.stability_["type"]) == {"hospital", "pharmacy"}
    assert model.profile().table["customers"].sum() == 600
    assert "type hospital: 3 segments" in model.describe()


def test_names_of_an_earlier_fit_are_kept(fitted):
    X = base(seed=7).assign(
        money=lambda X: X["money"] * np.where(X["kind"] == 0, 30.0, 1.0)
    )  # the order of ranks changes
    now = clone(fitted).set_params(n_clusters=3, n_resamples=0).fit(X)
    apart = now.predict(X)
    now.align_to(now)
    assert (now.predict(X) == apart).all()
    renamed = clone(fitted).set_params(n_clusters=3, n_resamples=0).fit(base(seed=7)).align_to(fitted)
    assert renamed.segments_ == fitted.segments_
    same = (renamed.predict(base()) == fitted.predict(base())).mean()
    assert same > 0.99
    fewer = ClusterSegmenter(2, columns=COLUMNS, random_state=0, n_resamples=0).fit(base())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SegmentWarning)
        fewer.align_to(fitted)
    assert set(fewer.segments_) < set(fitted.segments_)
    assert fewer.profile().table["customers"].sum() == 600
    counts = fewer.profile().table.set_index("segment")["customers"]
    assert counts.to_dict() == pd.Series(fewer.predict(base())).value_counts().to_dict()
    with pytest.raises(DataError, match="other columns"):
        fewer.align_to(ClusterSegmenter(2, columns=["money"], n_resamples=0).fit(base()))


def test_missing_values_and_new_categories_are_put_in_the_middle(fitted):
    X = base()
    X.loc[:9, "money"], X.loc[5, "city"] = np.nan, None
    with pytest.warns(FeatureWarning, match="money in 10 of 600 rows, city in 1 of 600 rows"):
        model = clone(fitted).fit(X)
    assert model.k_ == 3
    new = base().assign(city="nowhere")
    with pytest.warns(FeatureWarning, match=r"city \(1 new value in 600 rows\), are ignored"):
        labels = fitted.predict(new)
    assert adjusted_rand_score(new["kind"], labels) > 0.6


def test_a_sample_is_drawn_and_stated():
    X = base(3000)
    model = ClusterSegmenter(columns=COLUMNS, sample_size=500, random_state=0).fit(X)
    assert model.n_sampled_ == 500
    assert "a random sample of 500 of 3,000" in model.describe()
    assert_kinds_are_found(X, model.predict(X))


@pytest.mark.parametrize("options", [{"sample_size": 300}, {}, {"method": "mixture"}, {"n_clusters": 1}])
@pytest.mark.parametrize("by", [None, "type"])
def test_profiles_count_what_is_predicted_and_models_keep_no_customer(options, by):
    X = base(900)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SegmentWarning)
        segmenter = ClusterSegmenter(columns=COLUMNS, by=by, random_state=0, **options).fit(X)
    labels = X.assign(segment=segmenter.predict(X))
    keys = [*([by] if by else []), "segment"]
    counted = labels.groupby(keys).size()
    table = segmenter.profile().table
    assert table.set_index(keys)["customers"].loc[lambda found: found > 0].to_dict() == counted.to_dict()
    assert len(pickle.dumps(segmenter)) < 20_000
    for part in segmenter.parts_ if by is None else []:
        away = part.scale.encode(X) - part.centers[part.order][segmenter._codes(part, X)]
        assert part.variance == pytest.approx((away**2).mean(), rel=1e-9)


def test_every_fault_in_one_message():
    X = base(50).assign(
        flat=1.0, gone=np.nan, when=pd.Timestamp("2024-01-01"), infinite=np.inf, name=[f"n{i}x" for i in range(50)]
    )
    X = pd.concat([X, X.assign(name=[f"m{i}" for i in range(50)])])
    with pytest.raises(DataError) as caught:
        ClusterSegmenter(columns=["flat", "gone", "infinite", "name"]).fit(X)
    for fault in (
        "'flat' has one distinct value",
        "'gone' is missing in all",
        "'infinite' is infinite in 100",
        "'name' has 100 different",
    ):
        assert fault in str(caught.value)
    with pytest.raises(DataError, match="'when' is of type"):
        ClusterSegmenter(columns=["when", "money"]).fit(X)
    with pytest.raises(DataError, match=r"there are 3 customers .* fewer than the 4 clusters"):
        ClusterSegmenter(4).fit(base(3)[["money"]])
    with pytest.raises(DataError, match="2 different customers, fewer than the 3 clusters"):
        ClusterSegmenter(3, n_resamples=0).fit(pd.DataFrame({"x": [1.0, 2.0] * 30}))
    with pytest.raises(DataError, match="rank_by"):
        ClusterSegmenter(rank_by="city").fit(base(50)[["money", "city"]])
    with pytest.raises(DataError, match="names money more than once"):
        ClusterSegmenter(columns=["money", "city", "money"]).fit(base(50))
    below = base(50).assign(balance=np.arange(50.0) - 3)
    with pytest.raises(DataError) as caught:
        ClusterSegmenter(columns=["balance", "city"], log=["balance", "city", "age"]).fit(below)
    for fault in ("'balance', which is negative in 3 rows", "'city', which is a category", "'age', which is none of"):
        assert fault in str(caught.value)
    with pytest.raises(ValueError, match="names= goes with a whole n_clusters"):
        ClusterSegmenter(3, names=["a", "b"]).fit(base(50)[["money"]])
    with pytest.warns(SegmentWarning, match="20 customers are too few"):
        assert ClusterSegmenter().fit(base(20)[["money"]]).k_ == 1


def test_copies_pipelines_and_stored_models(fitted, tmp_path):
    X = base()
    copy = pickle.loads(pickle.dumps(fitted))
    assert (copy.predict(X) == fitted.predict(X)).all()
    assert len(pickle.dumps(fitted)) < 20_000  # aggregates only
    pipeline = make_pipeline(FunctionTransformer(), clone(fitted).set_params(n_clusters=3, n_resamples=0)).fit(X)
    assert adjusted_rand_score(pipeline.predict(X), fitted.predict(X)) > 0.98
    uri = tracking.local_uri(tmp_path)
    with tracking.track("segments", uri=uri) as run:
        where = run.log_model(fitted, "clusters", X)
    loaded = tracking.load_model(where, uri=uri)
    assert (loaded.predict(X) == fitted.predict(X)).all()
    pd.testing.assert_frame_equal(loaded.profile().table, fitted.profile().table)
    assert loaded.describe() == fitted.describe()


@pytest.mark.parametrize("unit", [1e-300, 1.0, 1e300])
def test_the_unit_of_numbers_does_not_matter(unit, fitted):
    X = base(400)[["money"]]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = ClusterSegmenter(2, n_resamples=0, random_state=0).fit_predict(X * unit)
    assert (found == ClusterSegmenter(2, n_resamples=0, random_state=0).fit_predict(X)).all()


def test_shares_of_centres_are_shares(fitted):
    shares = fitted.centers_.filter(like="=").to_numpy()
    assert ((shares >= 0) & (shares <= 1)).all()
    assert not np.signbit(shares).any()


def test_clusters_that_one_category_tells_apart_are_named_by_it():
    rng = np.random.default_rng(3)
    kind = rng.integers(2, size=400)
    X = pd.DataFrame(
        {
            "spend": np.exp(rng.normal(3 + 2 * kind, 0.3)),
            "age": rng.normal(40, 5, 400) + 20 * kind,
            "city": rng.choice(["北京", "Zürich"], 400),
        }
    )
    segmenter = ClusterSegmenter(columns=["spend", "age", "city"], rank_by="spend", random_state=0).fit(X)
    for name in segmenter.segments_:
        (city,) = X.loc[segmenter.predict(X) == name, "city"].unique()
        assert f"city {city}" in name


def test_probabilities_and_the_scale_of_a_category_by_hand(fitted):
    X, part = base(), fitted.parts_[0]
    Z, centers = part.scale.encode(X), part.centers[part.order]
    squared = ((Z[:, None] - centers) ** 2).sum(axis=2)
    odds = np.exp(-squared / (2 * part.variance))
    np.testing.assert_allclose(fitted.predict_proba(X), odds / odds.sum(axis=1, keepdims=True), atol=1e-12)
    share = X["city"].value_counts(normalize=True).to_numpy()
    (at,) = (at for name, at in part.scale.groups if name == "city")
    assert np.ptp(Z[:, at]) == pytest.approx(1 / np.sqrt(1 - (share**2).sum()), rel=1e-12)
