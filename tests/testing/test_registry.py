from sklearn.base import BaseEstimator, clone

from crmml.testing import all_estimators


def test_every_estimator_is_listed_once_under_its_name():
    found = all_estimators()
    names = [name for name, _ in found]
    assert names == sorted(set(names))
    assert {"BetaGeoNBD", "MarkovStageModel", "ChurnClassifier", "RFMSegmenter", "TLearner"} <= set(names)
    for name, cls in found:
        assert issubclass(cls, BaseEstimator)
        assert cls.__name__ == name
        assert not name.startswith(("Legal", "_"))


def test_a_listed_estimator_without_required_arguments_can_be_copied():
    for _, cls in all_estimators():
        try:
            model = cls()
        except TypeError:
            continue  # it needs an argument
        assert clone(model).get_params() == model.get_params()
