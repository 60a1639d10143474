"""Annual rates and reported returns, read with care."""

from __future__ import annotations

from .uncertain_amounts import is_number


def implied_gain(roi: float, cost: float) -> float:
    """Gain that a reported return on investment stands for: cost · (1 + roi).

    Parameters
    ----------
    roi : float
        0.447 for 44.7 %.
    cost : float
        Above 0.

    Examples
    --------
    An airline's 44.7 % on 70 million dollars is a gain of customer equity of 101.29 million.

    >>> round(implied_gain(0.447, 70.0), 2)
    101.29
    """
    if not (is_number(roi) and is_number(cost) and cost > 0 and roi >= -1):
        raise ValueError(f"roi={roi!r} must be a number of at least -1 (0.447 for 44.7 %), cost={cost!r} one above 0.")
    return float(cost * (1 + roi))
