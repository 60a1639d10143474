"""Data to learn and to test with: published data sets and logs simulated from a model."""

from .fetched import fetch_online_retail, fetch_telco_churn
from .fetched_campaigns import CompleteJourney, fetch_complete_journey, fetch_hillstrom
from .shipped import load_cdnow, load_cdnow_sample, load_donations
from .simulated import make_transactions
from .simulated_campaigns import make_campaign
from .simulated_stages import make_stage_panel

__all__ = [
    "CompleteJourney",
    "fetch_complete_journey",
    "fetch_hillstrom",
    "fetch_online_retail",
    "fetch_telco_churn",
    "load_cdnow",
    "load_cdnow_sample",
    "load_donations",
    "make_campaign",
    "make_stage_panel",
    "make_transactions",
]
