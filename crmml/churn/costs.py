"""What it costs to contact a customer, what a retained one is worth, and so whom it pays to contact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from ..exceptions import DataError
from ..frames.numbers import read_numbers
from ..typing import Numbers


@dataclass(frozen=True, eq=False)
class ContactCosts:
    """Money in a retention campaign [1]_, all in one currency.

    A contacted customer costs ``contact_cost``. One who was about to churn accepts the offer with probability
    ``acceptance`` and then stays, which is worth ``clv`` less ``incentive_cost``; one who was not takes the incentive and
    would have stayed anyway. With churn probability p, contacting is worth

        p · acceptance · (clv − incentive_cost) − (1 − p) · incentive_cost − contact_cost,

    which is above 0 exactly where p > (incentive_cost + contact_cost) / (acceptance · (clv − incentive_cost) + incentive_cost).

    Parameters
    ----------
    clv, incentive_cost, contact_cost : float or array of shape (n,)
        Money for each customer. None negative, clv above 0. The defaults are those of [1]_, in euros for a telephone company:
        give your own.
    acceptance : float or array of shape (n,)
        Between 0 and 1; 0.3 is the mean of the Beta(6, 14) of [1]_.

    Raises
    ------
    DataError
        Naming every amount that is out of range.

    References
    ----------
    .. [1] Verbraken, T., Verbeke, W. & Baesens, B. (2013), A novel profit maximizing metric for measuring classification
       performance of customer churn prediction models. IEEE Trans. Knowledge and Data Engineering 25(5), 961–973.

    Examples
    --------
    >>> costs = ContactCosts(clv=200, incentive_cost=10, contact_cost=1)
    >>> round(costs.break_even(), 4)
    0.1642
    >>> costs.expected_profit([0.1, 0.5]).round(2)
    array([-4.3, 22.5])
    """

    clv: Any = 200.0
    incentive_cost: Any = 10.0
    contact_cost: Any = 1.0
    acceptance: Any = 0.3

    def __post_init__(self) -> None:
        faults: list[str] = []
        for field in fields(self):
            amount = _read_amount(field.name, getattr(self, field.name), faults)
            if amount is None:
                continue
            if amount.ndim:
                amount = amount.copy()
                amount.flags.writeable = False
            object.__setattr__(self, field.name, amount if amount.ndim else float(amount))
        if faults:
            raise DataError(faults, "the costs")

    @classmethod
    def of(cls, costs: ContactCosts | Mapping[str, Any] | None, **amounts: Any) -> ContactCosts:
        """Costs from an object, a mapping of its fields or None (the defaults), with the amounts that are not None put in.

        Raises
        ------
        ValueError
            For fields that there are not.
        """
        names = [field.name for field in fields(cls)]
        if costs is None:
            chosen = {}
        elif isinstance(costs, ContactCosts):
            chosen = {name: getattr(costs, name) for name in names}
        elif isinstance(costs, Mapping):
            if unknown := [name for name in costs if name not in names]:
                raise ValueError(f"costs has {', '.join(map(repr, unknown))}; its fields are {', '.join(names)}.")
            chosen = dict(costs)
        else:
            raise ValueError(f"costs={costs!r} must be ContactCosts, a mapping with {', '.join(names)}, or None.")
        return cls(**(chosen | {name: amount for name, amount in amounts.items() if amount is not None}))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ContactCosts):
            return NotImplemented
        return all(np.array_equal(getattr(self, field.name), getattr(other, field.name)) for field in fields(self))

    def __hash__(self) -> int:
        return hash(tuple(np.asarray(getattr(self, field.name)).tobytes() for field in fields(self)))

    @property
    def per_customer(self) -> bool:
        """Whether an amount differs from customer to customer."""
        return any(np.ndim(getattr(self, field.name)) for field in fields(self))

    def check_length(self, n: int) -> None:
        """Refuse amounts of another number of customers.

        Raises
        ------
        DataError
            Naming them.
        """
        faults = [
            f"{field.name} has {np.size(getattr(self, field.name)):,} amounts for {n:,} customers; give one a row, in the same order"
            for field in fields(self)
            if np.ndim(getattr(self, field.name)) and np.size(getattr(self, field.name)) != n
        ]
        if faults:
            raise DataError(faults, "the costs")

    def expected_profit(self, p: Numbers) -> np.ndarray:
        """Expected profit of contacting customers with churn probabilities ``p``, shape (n,)."""
        p = np.asarray(p, dtype=np.float64)
        won = self.acceptance * (self.clv - self.incentive_cost)
        return p * won - (1 - p) * self.incentive_cost - self.contact_cost

    def break_even(self) -> Any:
        """Churn probability from which contacting pays; above 1 where it never does, infinite where the offer is worth nothing."""
        cost = np.asarray(self.incentive_cost + self.contact_cost, dtype=np.float64)
        gain = np.asarray(self.acceptance * (self.clv - self.incentive_cost) + self.incentive_cost, dtype=np.float64)
        with np.errstate(over="ignore"):  # a gain next to nothing: infinite
            border = np.where(gain > 0, cost / np.where(gain > 0, gain, 1.0), np.inf)
        return float(border) if not border.ndim else border


def _read_amount(name: str, given: Any, faults: list[str]) -> np.ndarray | None:
    """An amount, or one per customer, within its bounds; None where it cannot be read."""
    amount, found = read_numbers(np.ravel(np.asarray(given)), name)
    if found:
        one = found[0] if np.ndim(given) else f"{name}={given!r} is not a number"
        faults.append(f"{one}; give one amount, or one per customer")
        return None
    amount = amount.reshape(np.shape(given))
    if amount.ndim > 1:
        faults.append(f"{name} has shape {amount.shape}; give one amount, or one per customer")
    if bad := int((~np.isfinite(amount)).sum()):
        faults.append(f"{name} is missing or infinite for {bad:,} of {amount.size:,} customers")
    lower = amount <= 0 if name == "clv" else amount < 0
    if bad := int(lower.sum()):
        least = "above 0" if name == "clv" else "at least 0"
        faults.append(
            f"{name} is {float(amount[lower].min()) if amount.ndim else float(amount):g} "
            f"{f'at its lowest, out of range for {bad:,} of {amount.size:,} customers' if amount.ndim else ''}".rstrip()
            + f"; it must be {least}"
        )
    if name == "acceptance" and (amount > 1).any():
        faults.append("acceptance is above 1; it is the probability that a churner accepts the offer, 0.3 for 30 %")
    return amount
