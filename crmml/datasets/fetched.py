"""Public data sets that are downloaded once, or read from a folder where they already are."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from ..exceptions import DataError

#: Where the upstream file of Online Retail is kept (CC0).
ONLINE_RETAIL_URL = "https://github.com/allanvc/onlineretail/raw/master/data/onlineretail.rda"
#: SHA-256 of the same rows as Parquet.
ONLINE_RETAIL_SHA256 = "80d1db1242610bb495822bbea35907c0379daf11bcf51ce0cb089dde1730490b"
ONLINE_RETAIL_COLUMNS = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)

#: Where the Telco customers are kept (Apache-2.0).
TELCO_CHURN_URL = "https://github.com/IBM/telco-customer-churn-on-icp4d/raw/master/data/Telco-Customer-Churn.csv"
TELCO_CHURN_SHA256 = "16320c9c1ec72448db59aa0a26a0b95401046bef5d02fd3aeb906448e3055e91"


def fetch_online_retail(data_home: str | os.PathLike | None = None) -> pd.DataFrame:
    """Return the Online Retail transactions of one year of a British shop [1]_, item by item.

    Parameters
    ----------
    data_home : path, default=None
        Folder that has, or will have, the file: ``online_retail.parquet`` or upstream's ``onlineretail.rda``. None takes the
        environment variable ``CRMML_DATA_HOME``, else the user's cache folder.

    Returns
    -------
    DataFrame of shape (541909, 8)
        As published: InvoiceNo (a leading C marks a cancellation), StockCode, Description, Quantity, InvoiceDate, UnitPrice
        (pounds sterling), CustomerID (missing in 135,080 rows), Country.

    Raises
    ------
    DataError
        When the file is not the published one.

    Notes
    -----
    The upstream file is in R's format, which the package ``rdata`` reads; it is only needed where there is no Parquet file.

    References
    ----------
    .. [1] Chen, D. (2015), Online Retail. UCI Machine Learning Repository. doi:10.24432/C5BW33. CC0 in this form.
    """
    folder = _data_home(data_home)
    prepared, upstream = folder / "online_retail.parquet", folder / "onlineretail.rda"
    if prepared.is_file():
        _check_sha256(prepared, ONLINE_RETAIL_SHA256)
        return _checked(pd.read_parquet(prepared), prepared)
    if not upstream.is_file():
        import pooch

        pooch.retrieve(ONLINE_RETAIL_URL, known_hash=None, fname=upstream.name, path=folder)
    return _checked(_read_rda(upstream), upstream)


def fetch_telco_churn(data_home: str | os.PathLike | None = None) -> pd.DataFrame:
    """Return 7,043 contracts of a telephone company in California, of which 1,869 ended in the last month [1]_.

    Parameters
    ----------
    data_home : path, default=None
        Folder that has, or will have, ``telco_churn.csv`` or ``Telco-Customer-Churn.csv``. None takes the environment variable
        ``CRMML_DATA_HOME``, else the user's cache folder.

    Returns
    -------
    DataFrame of shape (7043, 21)
        As published, blanks and all: customerID, 19 columns on the customer and the contract (tenure in months, charges in
        US dollars; TotalCharges is text with 11 blanks) and Churn, "Yes" or "No".

    Raises
    ------
    DataError
        When the file is not the published one.

    References
    ----------
    .. [1] IBM (2018), Telco customer churn, sample data of Cognos Analytics. Apache-2.0.
    """
    folder = _data_home(data_home)
    there = [folder / name for name in ("telco_churn.csv", "Telco-Customer-Churn.csv") if (folder / name).is_file()]
    if there:
        path = there[0]
        _check_sha256(path, TELCO_CHURN_SHA256)
    else:
        import pooch

        path = Path(
            pooch.retrieve(TELCO_CHURN_URL, f"sha256:{TELCO_CHURN_SHA256}", fname="telco_churn.csv", path=folder)
        )
    return pd.read_csv(path)


def _data_home(data_home: str | os.PathLike | None) -> Path:
    if data_home is None:
        data_home = os.environ.get("CRMML_DATA_HOME")
    if data_home is None:
        import pooch

        data_home = pooch.os_cache("crmml")
    return Path(data_home)


def _check_sha256(path: Path, expected: str) -> None:
    import pooch

    if (found := pooch.file_hash(str(path))) != expected:
        raise DataError(
            [f"its SHA-256 is {found}, not {expected}: it is damaged or another file; delete it and call again"],
            str(path.name),
        )


def _read_rda(path: Path) -> pd.DataFrame:
    try:
        import rdata
    except ImportError:
        raise ImportError(
            f"{path.name} is in R's format: pip install rdata, or put online_retail.parquet beside it"
        ) from None
    read: Callable = rdata.read_rda
    (frame,) = read(path).values()
    return frame


def _checked(frame: pd.DataFrame, path: Path) -> pd.DataFrame:
    """Refuse a file whose rows and totals are not the published ones; bring columns to one form."""
    faults = [f"column {name!r} is missing" for name in ONLINE_RETAIL_COLUMNS if name not in frame]
    if not faults:
        if len(frame) != 541_909:
            faults.append(f"it has {len(frame):,} rows, not 541,909")
        if int(frame["Quantity"].sum()) != 5_176_450:
            faults.append(f"Quantity adds up to {int(frame['Quantity'].sum()):,}, not 5,176,450")
    if faults:
        raise DataError(faults, path.name)
    frame = frame[list(ONLINE_RETAIL_COLUMNS)].copy()
    frame["InvoiceDate"] = pd.to_datetime(frame["InvoiceDate"]).astype("datetime64[us]")
    frame["CustomerID"] = pd.to_numeric(frame["CustomerID"]).astype("Int64")
    frame["InvoiceNo"], frame["StockCode"] = frame["InvoiceNo"].astype(str), frame["StockCode"].astype(str)
    return frame.reset_index(drop=True)
