"""The CDNOW sample as the literature uses it: 2,357 customers, purchases of a day are one, weeks, 39 + 39 of them."""

from functools import lru_cache

from crmml.datasets import load_cdnow_sample
from crmml.transactions import split_calibration_holdout


@lru_cache(maxsize=1)
def cdnow_split():
    return split_calibration_holdout(
        load_cdnow_sample(),
        calibration_end="1997-09-30",
        observation_end="1998-06-30",
        value="value",
        period="D",
        unit="W",
    )
