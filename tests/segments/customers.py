"""A customer base that is drawn once."""

from functools import lru_cache

import numpy as np
import pandas as pd


@lru_cache(maxsize=1)
def _drawn():
    rng = np.random.default_rng(7)
    n = 600
    frequency = np.where(rng.random(n) < 0.34, 0, rng.geometric(0.3, n))
    T = rng.integers(60, 365, n).astype(float)
    recency = np.where(frequency > 0, np.floor(T * rng.random(n)), 0.0)
    return pd.DataFrame(
        {
            "customer_id": np.arange(n),
            "type": rng.choice(["hospital", "pharmacy"], n, p=[0.3, 0.7]),
            "frequency": frequency,
            "recency": recency,
            "T": T,
            "days": T - recency,
            "monetary_value": np.where(frequency > 0, rng.lognormal(3, 1.2, n).round(2), 0.0),
        }
    )


def customers():
    """600 customers of two types, a third of them with one purchase."""
    return _drawn().copy()
