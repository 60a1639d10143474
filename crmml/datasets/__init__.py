"""Data to learn and to test with: published data sets and logs simulated from a model."""

from .fetched import fetch_online_retail, fetch_telco_churn
from .shipped import load_cdnow, load_cdnow_sample, load_donations
from .simulated import make_transactions
from .simulated_stages import make_stage_panel

__all__ = [
    "fetch_online_retail",
    "fetch_telco_churn",
    "load_cdnow",
    "load_cdnow_sample",
    "load_donations",
    "make_stage_panel",
    "make_transactions",
]
