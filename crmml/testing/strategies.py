"""Hypothesis strategies for the library's inputs; needs the extra ``testing``."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from ..stages import StageChain, StageGenerator, StageSpace
from ..typing import Estimator

try:
    from hypothesis import strategies as st
except ImportError:
    raise ImportError("crmml.testing.strategies needs hypothesis: pip install 'crmml[testing]'") from None


@st.composite
def summaries(
    draw: Any,
    min_customers: int = 1,
    max_customers: int = 30,
    max_frequency: int = 50,
    max_T: float = 1000.0,
    value: bool = False,
) -> pd.DataFrame:
    """Draw a legal summary: frequency, recency, T and, with ``value``, monetary_value.

    Recency is 0 exactly where frequency is 0; some customers are seen on their last day (recency = T), and some have T = 0.
    """
    n = draw(st.integers(min_customers, max_customers))
    rows = []
    for _ in range(n):
        T = draw(st.one_of(st.just(0.0), st.floats(0.01, max_T)))
        x = draw(st.integers(0, max_frequency)) if T > 0 else 0
        share = draw(st.one_of(st.just(1.0), st.floats(0.001, 1.0)))
        rows.append((x, share * T if x else 0.0, T))
    frame = pd.DataFrame(rows, columns=["frequency", "recency", "T"])
    if value:
        amounts = [draw(st.floats(0.01, 10_000.0)) if x else 0.0 for x in frame["frequency"]]
        frame["monetary_value"] = amounts
    return frame


def parameters(model: Estimator, spread: float = 3.0) -> Any:
    """Draw natural parameters of a parametric model, log-uniform within exp(±spread), as keyword arguments."""
    value = st.floats(-spread, spread).map(lambda u: float(np.exp(u)))
    return st.fixed_dictionaries(dict.fromkeys(model.parameter_names, value))


@st.composite
def transaction_logs(draw: Any, max_rows: int = 40, max_customers: int = 6, refunds: bool = False) -> pd.DataFrame:
    """Draw a legal log: customer_id, timestamp (naive, within 2000 and 2001), value (negative too, with ``refunds``)."""
    n = draw(st.integers(1, max_rows))
    seconds = draw(st.lists(st.integers(0, 2 * 365 * 86_400), min_size=n, max_size=n))
    return pd.DataFrame(
        {
            "customer_id": draw(st.lists(st.integers(0, max_customers - 1), min_size=n, max_size=n)),
            "timestamp": pd.Timestamp("2000-01-01") + pd.to_timedelta(seconds, unit="s"),
            "value": draw(st.lists(st.integers(-50 if refunds else 0, 100).map(float), min_size=n, max_size=n)),
        }
    )


@st.composite
def chains(
    draw: Any, min_stages: int = 2, max_stages: int = 5, absorbing: bool = True, period: str = "M"
) -> StageChain:
    """Draw a chain whose last stage is rupture; it absorbs with ``absorbing``, and some moves may be ruled out.

    Rupture can be reached from every stage, so that times to it are finite.
    """
    n = draw(st.integers(min_stages, max_stages))
    allowed = np.array(draw(st.lists(st.lists(st.booleans(), min_size=n, max_size=n), min_size=n, max_size=n)))
    allowed[:, -1] = True
    names = tuple(f"stage_{i + 1}" for i in range(n))
    space = StageSpace(names, rupture=names[-1], absorbing=(names[-1],) if absorbing else (), allowed=allowed)
    weight = np.array(draw(st.lists(st.lists(st.floats(0.02, 1.0), min_size=n, max_size=n), min_size=n, max_size=n)))
    weight = np.where(space.allowed_moves, weight, 0.0)
    return StageChain(weight / weight.sum(axis=1, keepdims=True), space, period)


@st.composite
def generators(
    draw: Any, min_stages: int = 2, max_stages: int = 5, absorbing: bool = True, unit: str = "M", max_rate: float = 2.0
) -> StageGenerator:
    """Draw a generator whose last stage is rupture; it absorbs with ``absorbing``, and some moves may be ruled out.

    Rupture can be reached from every stage, so that times to it are finite.
    """
    chain = draw(chains(min_stages, max_stages, absorbing))
    P = np.array(chain.P)
    np.fill_diagonal(P, 0.0)
    rate = draw(st.floats(0.01, max_rate))
    return StageGenerator(rate * (P - np.diag(P.sum(axis=1))), chain.stages, unit)


@st.composite
def panels(
    draw: Any, chain: StageChain, max_customers: int = 20, max_periods: int = 10, missing: float = 0.2
) -> np.ndarray:
    """Draw a panel simulated from a chain, with periods missing; the first two periods of everybody are observed."""
    n, periods = draw(st.integers(1, max_customers)), draw(st.integers(2, max_periods))
    seed = draw(st.integers(0, 2**31 - 1))
    X = chain.simulate(n, periods, start=chain.stages.transient_mask.astype(float), random_state=seed)
    lost = np.random.default_rng(seed).random(X.shape) < missing
    lost[:, :2] = False
    X[lost] = np.nan
    return X
