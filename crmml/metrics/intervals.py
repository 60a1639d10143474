"""Do intervals hold the outcome as often as they promise?"""

from __future__ import annotations

import numpy as np

from .. import frames
from ..checks import Faults, check_coverage, check_flag, check_random_state
from ..typing import ArrayLike, Seed
from .inputs import numbers


def interval_coverage(
    y: ArrayLike, interval: ArrayLike, *, randomized: bool = False, coverage: float = 0.9, random_state: Seed = None
) -> float:
    r"""Share of outcomes inside their intervals.

    An interval of a count cannot have exactly 90 %: its ends are whole numbers that carry mass. With ``randomized`` the
    probability integral transform is spread over that mass [1]_: with draws of the predictive distribution,
    :math:`u = P(Y < y) + V\,P(Y = y)`, V uniform on [0, 1], and the share of u inside the central ``coverage`` is returned.
    It is exactly ``coverage`` in expectation where the predictive distribution is right.

    Parameters
    ----------
    y : array of shape (n,)
        Outcomes.
    interval : array of shape (n, 2), or with ``randomized`` of shape (n, n_draws)
        Lower and upper ends, both included; or draws of each outcome's predictive distribution.
    randomized : bool, default=False
    coverage : float, default=0.9
        The nominal coverage, used with ``randomized`` only.
    random_state : int, RandomState or None, default=None

    Returns
    -------
    float

    References
    ----------
    .. [1] Czado, C., Gneiting, T. and Held, L. (2009), Predictive model assessment for count data. Biometrics 65, 1254-1261.

    Examples
    --------
    >>> interval_coverage([1.0, 5.0], [[0.0, 2.0], [0.0, 4.0]])
    0.5
    >>> draws = np.random.default_rng(0).poisson(1.0, (4000, 500))
    >>> y = np.random.default_rng(1).poisson(1.0, 4000)
    >>> round(interval_coverage(y, draws, randomized=True, random_state=0), 2)
    0.9
    """
    frames.check_aligned("outcomes and intervals", y=y, interval=interval)
    y, faults = numbers(y, "y", np.size(y))
    try:
        table = np.asarray(interval, dtype=np.float64)
    except (TypeError, ValueError):
        table = np.empty(0)
    if table.ndim != 2 or len(table) != y.size or table.shape[1] < 2:
        faults.append(f"interval has shape {table.shape}; a row for each of {y.size} outcomes is needed")
    elif np.isnan(table).any():
        faults.append(f"{int(np.isnan(table).any(axis=1).sum()):,} intervals are missing")
    elif not randomized and table.shape[1] != 2:
        faults.append(f"interval has {table.shape[1]} columns; two ends are needed, or randomized=True with draws")
    elif not randomized and (table[:, 0] > table[:, 1]).any():
        faults.append(f"{int((table[:, 0] > table[:, 1]).sum()):,} intervals have their lower end above the upper")
    found = Faults("outcomes and intervals")
    found.extend(faults)
    found.check(check_coverage, coverage)
    found.check(check_flag, randomized, "randomized")
    found.refuse()
    if not randomized:
        return float(((table[:, 0] <= y) & (y <= table[:, 1])).mean())
    below, at = (table < y[:, None]).sum(axis=1), (table == y[:, None]).sum(axis=1)
    # the outcome is one more draw under the hypothesis: ranks are then uniform for any number of draws
    u = (below + check_random_state(random_state).random_sample(y.size) * (at + 1)) / (table.shape[1] + 1)
    return float((np.abs(u - 0.5) <= coverage / 2).mean())
