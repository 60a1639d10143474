"""Stage panels simulated from the chain that is handed in."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..checks import Faults, check_count, check_probability
from ..typing import ArrayLike, Seed


def make_stage_panel(
    chain: Any,
    *,
    n_customers: int,
    n_periods: int,
    start: ArrayLike | None = None,
    missing: float = 0.0,
    random_state: Seed = None,
) -> pd.DataFrame:
    """Simulate the stages of customers, as a long frame.

    Parameters
    ----------
    chain : object
        Anything with ``stages.names`` and ``simulate(n_customers, n_periods, *, start, random_state)`` returning codes, such
        as :class:`crmml.stages.StageChain`.
    n_customers, n_periods : int
        At least 1 each.
    start : array-like of shape (n_stages,), mapping or str, default=None
        Where they start, as ``chain.simulate`` takes it; None is the first stage.
    missing : float, default=0.0
        Share of customer periods that are not observed and have no row; at least 0 and below 1. The first period of each
        customer is always there.
    random_state : int or None

    Returns
    -------
    DataFrame
        customer_id (int), period (int, from 0), stage (name), ordered by customer and period.

    Examples
    --------
    >>> from crmml.datasets import make_stage_panel
    >>> from crmml.stages import StageChain, StageSpace
    >>> chain = StageChain([[0.8, 0.2], [0.0, 1.0]], StageSpace(("active", "gone"), rupture="gone", absorbing=("gone",)))
    >>> make_stage_panel(chain, n_customers=2, n_periods=2, random_state=0)
       customer_id  period   stage
    0            0       0  active
    1            0       1  active
    2            1       0  active
    3            1       1  active
    """
    faults = Faults("the arguments of make_stage_panel")
    faults.check(check_count, n_customers, "n_customers", least=1)
    faults.check(check_count, n_periods, "n_periods", least=1)
    share = faults.check(check_probability, missing, "missing")
    if share == 1:
        faults.add("missing=1 leaves nothing to see; give a share below 1")
    faults.refuse()
    moves, holes = np.random.default_rng(random_state).integers(0, 2**31 - 1, size=2)
    X = chain.simulate(int(n_customers), int(n_periods), start=start, random_state=int(moves)).astype(int)
    seen = np.random.default_rng(holes).random(X.shape) >= missing
    seen[:, 0] = True
    customer, period = np.nonzero(seen)
    names = np.asarray(chain.stages.names, dtype=object)
    return pd.DataFrame({"customer_id": customer, "period": period, "stage": names[X[customer, period]]})
