"""How a cause is told from a coincidence: indicators, before and after, difference in differences, placebo dates, sample sizes."""

from .before_after import BeforeAfter, compare_before_after
from .difference_in_differences import DifferenceInDifferences, difference_in_differences
from .event_study_display import EventStudyDisplay
from .forest_display import BeforeAfterForestDisplay
from .indicator_definitions import INDICATORS, IndicatorDefinition
from .indicators import IndicatorTable, indicators
from .measures import Average, Share
from .placebo import PlaceboTest, placebo_test
from .placebo_display import PlaceboDisplay
from .sample_size import sample_size_for_means, sample_size_for_rates

__all__ = [
    "INDICATORS",
    "Average",
    "BeforeAfter",
    "BeforeAfterForestDisplay",
    "DifferenceInDifferences",
    "EventStudyDisplay",
    "IndicatorDefinition",
    "IndicatorTable",
    "PlaceboDisplay",
    "PlaceboTest",
    "Share",
    "compare_before_after",
    "difference_in_differences",
    "indicators",
    "placebo_test",
    "sample_size_for_means",
    "sample_size_for_rates",
]
