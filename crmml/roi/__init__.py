"""Does it pay, and how would we know: ledgers, return on investment, indicators, causes, and what retention is worth."""

from ._warnings import EvidenceWarning
from .before_after import BeforeAfter, compare_before_after
from .benefit_pricing import (
    BenefitFormula,
    needed_inputs,
    not_priced,
    price_benefits,
    relative_change_valued,
    retention_raised,
    staff_time_saved,
)
from .changes import Percent, Points
from .constant_retention import ConstantRetention
from .conversion import ConversionRates
from .difference_in_differences import DifferenceInDifferences, difference_in_differences
from .dropout_scaling import DropoutScaling
from .forest_display import BeforeAfterForestDisplay
from .indicator_definitions import INDICATORS, IndicatorDefinition
from .indicators import IndicatorTable, indicators
from .ledger_rows import BENEFIT_KINDS, COST_KINDS, LedgerRow
from .ledgers import BenefitLedger, CostLedger
from .measures import Average, Share
from .missing_inputs import MissingInputsError
from .money import Money
from .placebo import PlaceboTest, placebo_test
from .rates import implied_gain
from .retention import RetentionValue, retention_value
from .return_on_investment import ReturnOnInvestment, roi
from .returns import Payback, Return
from .roi_displays import CashFlowDisplay, ROIWaterfallDisplay, TornadoDisplay
from .sample_size import sample_size_for_means, sample_size_for_rates
from .stage_retention import ArcShift
from .tornado import Tornado
from .uncertain_amounts import Quantity, Uncertain

__all__ = [
    "BENEFIT_KINDS",
    "COST_KINDS",
    "INDICATORS",
    "ArcShift",
    "Average",
    "BeforeAfter",
    "BeforeAfterForestDisplay",
    "BenefitFormula",
    "BenefitLedger",
    "CashFlowDisplay",
    "ConstantRetention",
    "ConversionRates",
    "CostLedger",
    "DifferenceInDifferences",
    "DropoutScaling",
    "EvidenceWarning",
    "IndicatorDefinition",
    "IndicatorTable",
    "LedgerRow",
    "MissingInputsError",
    "Money",
    "Payback",
    "Percent",
    "PlaceboTest",
    "Points",
    "Quantity",
    "ROIWaterfallDisplay",
    "RetentionValue",
    "Return",
    "ReturnOnInvestment",
    "Share",
    "Tornado",
    "TornadoDisplay",
    "Uncertain",
    "compare_before_after",
    "difference_in_differences",
    "implied_gain",
    "indicators",
    "needed_inputs",
    "not_priced",
    "placebo_test",
    "price_benefits",
    "relative_change_valued",
    "retention_raised",
    "retention_value",
    "roi",
    "sample_size_for_means",
    "sample_size_for_rates",
    "staff_time_saved",
]
