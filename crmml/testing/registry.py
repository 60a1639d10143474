"""The estimators there are."""

from __future__ import annotations

import importlib
import inspect

from sklearn.base import BaseEstimator

#: Packages whose public estimators are listed.
PACKAGES = ("crmml.campaigns", "crmml.churn", "crmml.clv", "crmml.segments", "crmml.stages")


def all_estimators() -> list[tuple[str, type[BaseEstimator]]]:
    """Return (name, class) of every public estimator of the library, by name.

    Examples
    --------
    >>> from crmml.testing import all_estimators
    >>> [name for name, _ in all_estimators() if name.endswith("StageModel")]
    ['ContinuousTimeStageModel', 'CovariateMarkovStageModel', 'HiddenMarkovStageModel', 'MarkovStageModel',
     'SemiMarkovStageModel']
    """
    found = {}
    for package in PACKAGES:
        module = importlib.import_module(package)
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.isclass(value) and issubclass(value, BaseEstimator) and not inspect.isabstract(value):
                found[name] = value
    return sorted(found.items())
