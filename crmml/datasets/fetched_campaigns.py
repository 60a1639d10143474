"""Public data sets of campaigns that are downloaded once, or read from a folder where they already are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path

import pandas as pd

from ..exceptions import DataError
from ..results import Result
from .fetched import _check_sha256, _data_home

#: Where the e-mail campaign is kept. Its repository states no licence: it is fetched and never shipped.
HILLSTROM_URL = (
    "https://github.com/carlosquintanillaa/Datasets/raw/86100ca06e114803df9b691b3fe904cc36c350ea/hillstrom.csv"
)
HILLSTROM_SHA256 = "00a6a868e05a9ffe7382da51629f6d6dce88c5acfc945e79d314ebc78fd3a2c0"

#: Folder of the tables of Complete Journey in R's format (CC0).
COMPLETE_JOURNEY_URL = "https://github.com/bradleyboehmke/completejourney/raw/master/data/"
#: Rows, columns, and SHA-256 of each table as Parquet.
COMPLETE_JOURNEY_TABLES: dict[str, tuple[int, tuple[str, ...], str]] = {
    "campaigns": (
        6_589,
        ("campaign_id", "household_id"),
        "ba31c305e695687fe87628f58d635d6d8299a0e01336af4566f49b9ea7e1d2b4",
    ),
    "campaign_descriptions": (
        27,
        ("campaign_id", "campaign_type", "start_date", "end_date"),
        "d0fdc5673fc325e762f776652700c08ddc65fb82d825714e45bd383c8aa2383f",
    ),
    "coupons": (
        116_204,
        ("coupon_upc", "product_id", "campaign_id"),
        "d327ebd10dd8d471f61589e1ed5def9e41cdf2895f0a0bb04c7b4f0d5ec82f18",
    ),
    "coupon_redemptions": (
        2_102,
        ("household_id", "coupon_upc", "campaign_id", "redemption_date"),
        "b887a44e6e8a64d8d9545f184d0ab9606963ee04065bb19255754b2ecc256e61",
    ),
    "demographics": (
        801,
        (
            "household_id",
            "age",
            "income",
            "home_ownership",
            "marital_status",
            "household_size",
            "household_comp",
            "kids_count",
        ),
        "80a213cb6d67ab7be866f25bfd2a58df45e619c0f7bc33a664006a84b1dcc23d",
    ),
    "transactions_sample": (
        75_000,
        (
            "household_id",
            "store_id",
            "basket_id",
            "product_id",
            "quantity",
            "sales_value",
            "retail_disc",
            "coupon_disc",
            "coupon_match_disc",
            "week",
            "transaction_timestamp",
        ),
        "610ef98dd68c60aef8ca38a04337efa60e20446be8572314ad9a4f17950f2236",
    ),
}

#: Columns of Complete Journey that are numbers: a count of items and US dollars.
AMOUNTS = ("quantity", "sales_value", "retail_disc", "coupon_disc", "coupon_match_disc")


@dataclass(frozen=True)
class CompleteJourney(Result):
    """Campaigns of a grocer in 2017, with their coupons and households; identifiers and classes are text, days datetimes.

    Attributes
    ----------
    campaigns : DataFrame of shape (6589, 2)
        campaign_id, household_id: who received which campaign. Households were not drawn at random.
    campaign_descriptions : DataFrame of shape (27, 4)
        campaign_id, campaign_type ("Type A", "Type B", "Type C"), start_date, end_date.
    coupons : DataFrame of shape (116204, 3)
        coupon_upc, product_id, campaign_id.
    coupon_redemptions : DataFrame of shape (2102, 4)
        household_id, coupon_upc, campaign_id, redemption_date.
    demographics : DataFrame of shape (801, 8)
        household_id and seven classes.
    transactions_sample : DataFrame of shape (75000, 11)
        A sample of item lines: no basis for churn or value.
    """

    campaigns: pd.DataFrame
    campaign_descriptions: pd.DataFrame
    coupons: pd.DataFrame
    coupon_redemptions: pd.DataFrame
    demographics: pd.DataFrame
    transactions_sample: pd.DataFrame

    def __iter__(self) -> Iterator[pd.DataFrame]:
        return iter([getattr(self, field.name) for field in fields(self)])

    def describe(self) -> str:
        """Say which tables there are, and how large."""
        sizes = [f"{name} ({rows:,} rows)" for name, rows in zip(*self._sizes(), strict=True)]
        return f"Campaigns of a grocer in 2017, {len(sizes)} tables: {', '.join(sizes)}."

    def to_frame(self) -> pd.DataFrame:
        """Return one row for each table: quantity (its name), value (its rows)."""
        names, rows = self._sizes()
        return pd.DataFrame({"quantity": names, "value": rows})

    def _sizes(self) -> tuple[list[str], list[int]]:
        names = [field.name for field in fields(self)]
        return names, [len(getattr(self, name)) for name in names]


def fetch_hillstrom(data_home: str | os.PathLike | None = None) -> pd.DataFrame:
    """Return 64,000 customers of a shop, a third each sent an e-mail on men's or women's goods or none, at random [1]_.

    Parameters
    ----------
    data_home : path, default=None
        Folder that has, or will have, ``hillstrom.csv``. None takes the environment variable ``CRMML_DATA_HOME``, else the
        user's cache folder.

    Returns
    -------
    DataFrame of shape (64000, 12)
        As published: recency (months since the last purchase), history_segment, history (US dollars spent in the year
        before), mens, womens (bought such goods, 0 or 1), zip_code ("Surburban" as spelt there), newbie, channel, segment
        ("Mens E-Mail", "Womens E-Mail", "No E-Mail"); and of the two weeks after: visit, conversion (0 or 1), spend.

    Raises
    ------
    DataError
        When the file is not the published one.

    References
    ----------
    .. [1] Hillstrom, K. (2008), The MineThatData e-mail analytics and data mining challenge.
    """
    folder = _data_home(data_home)
    path = folder / "hillstrom.csv"
    if path.is_file():
        _check_sha256(path, HILLSTROM_SHA256)
    else:
        import pooch

        path = Path(pooch.retrieve(HILLSTROM_URL, f"sha256:{HILLSTROM_SHA256}", fname=path.name, path=folder))
    return pd.read_csv(path)


def fetch_complete_journey(data_home: str | os.PathLike | None = None) -> CompleteJourney:
    """Return the campaigns and coupons of the Complete Journey study, with a sample of transactions [1]_.

    Parameters
    ----------
    data_home : path, default=None
        Folder whose subfolder ``completejourney`` has, or will have, a file for each table: ``campaigns.parquet`` or upstream's
        ``campaigns.rda`` and so on. None takes the environment variable ``CRMML_DATA_HOME``, else the user's cache folder.

    Returns
    -------
    CompleteJourney

    Raises
    ------
    DataError
        When a file is not the published one.

    Notes
    -----
    Upstream's files are in R's format, which the package ``rdata`` reads; it is only needed where there are no Parquet files.

    References
    ----------
    .. [1] Boehmke, B. (2023), completejourney: data on retail transactions, after dunnhumby's The Complete Journey. CC0.
    """
    folder = _data_home(data_home) / "completejourney"
    return CompleteJourney(**{name: _table(folder, name) for name in COMPLETE_JOURNEY_TABLES})


def _table(folder: Path, name: str) -> pd.DataFrame:
    rows, columns, sha256 = COMPLETE_JOURNEY_TABLES[name]
    prepared, upstream = folder / f"{name}.parquet", folder / f"{name}.rda"
    if prepared.is_file():
        _check_sha256(prepared, sha256)
        return _one_form(pd.read_parquet(prepared), rows, columns, prepared)
    if not upstream.is_file():
        import pooch

        pooch.retrieve(COMPLETE_JOURNEY_URL + upstream.name, known_hash=None, fname=upstream.name, path=folder)
    return _one_form(_read_rda(upstream), rows, columns, upstream)


def _read_rda(path: Path) -> pd.DataFrame:
    try:
        import rdata
    except ImportError:
        raise ImportError(
            f"{path.name} is in R's format: pip install rdata, or put {path.stem}.parquet beside it"
        ) from None
    (frame,) = rdata.read_rda(path).values()
    return frame


def _one_form(frame: pd.DataFrame, rows: int, columns: tuple[str, ...], path: Path) -> pd.DataFrame:
    """Refuse a table of other rows or columns; identifiers and classes as text, days and moments as times, amounts as floats."""
    faults = [f"column {name!r} is missing" for name in columns if name not in frame]
    if len(frame) != rows:
        faults.append(f"it has {len(frame):,} rows, not {rows:,}")
    if faults:
        raise DataError(faults, path.name)
    return pd.DataFrame({name: _column(frame[name].reset_index(drop=True), name) for name in columns})


def _column(values: pd.Series, name: str) -> pd.Series:
    if name.endswith("_date"):
        # R keeps a day as the number of days since 1970
        days = (
            pd.to_datetime(values, unit="D") if pd.api.types.is_numeric_dtype(values.dtype) else pd.to_datetime(values)
        )
        return days.astype("datetime64[us]")
    if name.endswith("_timestamp"):
        seconds = pd.api.types.is_numeric_dtype(values.dtype)
        moments = pd.to_datetime(values, unit="s") if seconds else pd.to_datetime(values)
        moments = moments.dt.tz_localize(None) if moments.dt.tz is not None else moments
        return moments.astype("datetime64[us]")
    if name == "week":
        return pd.to_numeric(values).astype("int64")
    if name in AMOUNTS:
        return pd.to_numeric(values).astype("float64")
    return values.astype("str").where(values.notna())
