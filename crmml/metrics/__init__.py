"""Metrics of ranking, probability, money, uplift, survival and stability, each with a bootstrap interval and scorer names."""

from ..inference import wilson_interval
from .bootstrap import MetricInterval, bootstrap_interval
from .calibration import calibration_table, expected_calibration_error
from .displays import LiftDisplay, ReliabilityDisplay
from .intervals import interval_coverage
from .profit import CampaignProfit, ProfitDisplay, expected_maximum_profit, maximum_profit, profit_gain
from .random_targeting import RandomTargetingDisplay, RandomTargetingTest, random_targeting_test
from .ranking import cumulative_gains, normalized_gini, top_decile_lift
from .scorers import get_scorer, scorers
from .stability import population_stability_index, stability_noise
from .survival import brier_score_at, concordance, integrated_brier_score, kaplan_meier
from .uplift import qini_score, uplift_at_k
from .uplift_calibration import uplift_calibration_error, uplift_calibration_table
from .uplift_curve import against_control, qini_curve, uplift_curve

__all__ = [
    "CampaignProfit",
    "LiftDisplay",
    "MetricInterval",
    "ProfitDisplay",
    "RandomTargetingDisplay",
    "RandomTargetingTest",
    "ReliabilityDisplay",
    "against_control",
    "bootstrap_interval",
    "brier_score_at",
    "calibration_table",
    "concordance",
    "cumulative_gains",
    "expected_calibration_error",
    "expected_maximum_profit",
    "get_scorer",
    "integrated_brier_score",
    "interval_coverage",
    "kaplan_meier",
    "maximum_profit",
    "normalized_gini",
    "population_stability_index",
    "profit_gain",
    "qini_curve",
    "qini_score",
    "random_targeting_test",
    "scorers",
    "stability_noise",
    "top_decile_lift",
    "uplift_at_k",
    "uplift_calibration_error",
    "uplift_calibration_table",
    "uplift_curve",
    "wilson_interval",
]
