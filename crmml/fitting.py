"""A fit that is refused changes nothing: the old model stays whole, and what was never fitted stays unfitted."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def atomic(method: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
    """Decorate ``fit`` so that it succeeds whole or leaves the estimator as it was.

    Whatever ends the method early - refused data, a warning turned into an error, an interrupt from the keyboard - the
    attributes are those of before: an estimator fitted for the first time is not fitted, one fitted again predicts as
    before, on the ruler it had. The decorator stands outermost, above scikit-learn's own.

    Attributes are put back as the objects they were, so ``fit`` makes new arrays and containers rather than write into
    those of an earlier fit.

    Parameters
    ----------
    method : callable
        ``fit``, or another method that learns.

    Returns
    -------
    callable
        Of the same name and signature.

    Examples
    --------
    >>> class Mean:
    ...     @atomic
    ...     def fit(self, values):
    ...         self.n_ = len(values)
    ...         self.mean_ = sum(values) / self.n_
    ...         return self
    >>> model = Mean().fit([1, 3])
    >>> model.fit([])
    Traceback (most recent call last):
    ZeroDivisionError: division by zero
    >>> model.n_, model.mean_
    (2, 2.0)
    """

    @wraps(method)
    def fit_or_leave(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        before = dict(vars(self))
        try:
            return method(self, *args, **kwargs)
        except BaseException:
            vars(self).clear()
            vars(self).update(before)
            raise

    return fit_or_leave
