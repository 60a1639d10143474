"""Does it pay: ledgers of costs and benefits, their return, and what it rests on."""

from .benefit_pricing import (
    BenefitFormula,
    needed_inputs,
    not_priced,
    price_benefits,
    relative_change_valued,
    retention_raised,
    staff_time_saved,
)
from .ledger_rows import BENEFIT_KINDS, COST_KINDS, LedgerRow
from .ledgers import BenefitLedger, CostLedger
from .return_on_investment import ReturnOnInvestment, roi
from .returns import Payback, Return, implied_gain
from .roi_displays import CashFlowDisplay, LedgerDisplay, ROIWaterfallDisplay, TornadoDisplay
from .tornado import Tornado

__all__ = [
    "BENEFIT_KINDS",
    "COST_KINDS",
    "BenefitFormula",
    "BenefitLedger",
    "CashFlowDisplay",
    "CostLedger",
    "LedgerDisplay",
    "LedgerRow",
    "Payback",
    "ROIWaterfallDisplay",
    "Return",
    "ReturnOnInvestment",
    "Tornado",
    "TornadoDisplay",
    "implied_gain",
    "needed_inputs",
    "not_priced",
    "price_benefits",
    "relative_change_valued",
    "retention_raised",
    "roi",
    "staff_time_saved",
]
