"""Published data sets that come with the lifetimes distribution, read without importing it."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pandas as pd


def load_cdnow() -> pd.DataFrame:
    """Load every purchase of the customers who first bought at CDNOW in the first quarter of 1997.

    An online shop for music: 23,570 customers and their 69,659 transactions from 1 January 1997 to 30 June 1998. Times
    are recorded by the day. 80 transactions are worth 0 [1]_.

    Returns
    -------
    DataFrame of 69,659 rows
        customer_id (int), timestamp (datetime), quantity (CDs, int), value (US dollars, float).

    Raises
    ------
    ModuleNotFoundError
        When the lifetimes distribution, whose file this is, is not installed.

    References
    ----------
    .. [1] Fader, P. S. and Hardie, B. G. S. (2001), Forecasting repeat sales at CDNOW: a case study. Interfaces 31 (3),
       S94-S107.

    Examples
    --------
    >>> from crmml.datasets import load_cdnow
    >>> log = load_cdnow()
    >>> log["customer_id"].nunique(), len(log), str(log["timestamp"].max().date())
    (23570, 69659, '1998-06-30')
    """
    return _cdnow("CDNOW_master.txt", skip=1, names=["customer_id", "timestamp", "quantity", "value"])


def load_cdnow_sample() -> pd.DataFrame:
    """Load the systematic 1-in-10 sample of :func:`load_cdnow`, on which most published estimates rest.

    Returns
    -------
    DataFrame of 6,919 rows
        Columns as in :func:`load_cdnow`, with 2,357 customers under the same customer_id.

    Raises
    ------
    ModuleNotFoundError
        When the lifetimes distribution, whose file this is, is not installed.

    Examples
    --------
    >>> from crmml.datasets import load_cdnow_sample
    >>> load_cdnow_sample()["customer_id"].nunique()
    2357
    """
    return _cdnow("CDNOW_sample.txt", skip=0, names=["customer_id", "sample_id", "timestamp", "quantity", "value"])


def load_donations() -> pd.DataFrame:
    """Load the yearly donations of 11,104 people to a non-profit organisation, as unique rows with their weight.

    Everybody first gave in 1995 and could give again in each of the six years that followed [1]_.

    Returns
    -------
    DataFrame of 22 rows
        frequency (years with a repeat donation), recency (index of the last such year, 0 for none), T (opportunities,
        always 6), weight (people); all int.

    Raises
    ------
    ModuleNotFoundError
        When the lifetimes distribution, whose file this is, is not installed.

    References
    ----------
    .. [1] Fader, P. S., Hardie, B. G. S. and Shang, J. (2010), Customer-base analysis in a discrete-time noncontractual
       setting. Marketing Science 29 (6), 1086-1108.

    Examples
    --------
    >>> from crmml.datasets import load_donations
    >>> donations = load_donations()
    >>> len(donations), int(donations["weight"].sum())
    (22, 11104)
    """
    frame = pd.read_csv(_file("donations.csv"), dtype="int64")
    return frame.rename(columns={"periods": "T", "weights": "weight"})[["frequency", "recency", "T", "weight"]]


def _cdnow(name: str, *, skip: int, names: list[str]) -> pd.DataFrame:
    types = {"customer_id": "int64", "timestamp": "str", "quantity": "int64", "value": "float64"}
    frame = pd.read_csv(_file(name), sep=r"\s+", header=None, skiprows=skip, names=names, dtype=types)
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], format="%Y%m%d").astype("datetime64[us]")
    return frame[["customer_id", "timestamp", "quantity", "value"]]


def _file(name: str) -> Path:
    """Locate a data file of the lifetimes distribution; importing the package would change the warning filters."""
    cure = "install it with: pip install lifetimes"
    try:
        path = Path(str(distribution("lifetimes").locate_file(f"lifetimes/datasets/{name}")))
    except PackageNotFoundError:
        raise ModuleNotFoundError(
            f"{name} comes with the lifetimes distribution, which is not installed; {cure}", name="lifetimes"
        ) from None
    if not path.is_file():
        raise FileNotFoundError(f"{name} is missing from the installed lifetimes distribution ({path}); re{cure}")
    return path
