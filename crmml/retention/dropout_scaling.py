r"""A change of retention in a transaction model: every customer's dropout scaled by one factor from now on.

The mapping. Retention of BG/NBD and MBG/NBD is the share who stay after a purchase, :math:`b/(a+b)` over new customers; that of
Pareto/NBD the share still there after a year, :math:`(\beta/(\beta+Y))^s`; that of BG/BB the share who stay to the next
opportunity, :math:`\delta/(\gamma+\delta)`. A change of it to :math:`R'` fixes a factor f:

* BG, MBG, BG/BB: mean dropout probability × :math:`f = (1-R')/(1-R)`;
* Pareto: dropout rate × f, with :math:`(\beta/(\beta + fY))^s = R'`, so :math:`f = \beta(R'^{-1/s} - 1)/Y`.

What is known of a customer is left as it is: P(alive) and the posterior of purchase rate and dropout are those of the fitted
model; only dropout to come is scaled. Given alive at T, a customer is again one of the model, with parameters [1]_ [2]_

* BG: :math:`(r + x, \alpha + T, a, b + x)`, then the beta distribution's mean :math:`\mu = a/(a+b+x)` is set to :math:`f\mu` with
  :math:`a+b+x` unchanged; MBG the same with :math:`x + 1` for x in the beta distribution;
* BG/BB: :math:`(\alpha + x, \beta + n - x, \gamma, \delta + n)`, the mean of its second beta distribution scaled likewise [3]_;
* Pareto: :math:`(r + x, \alpha + T, s, (\beta + T)/f)`, dropout rates being exactly f times as high.

References
----------
.. [1] Fader, P. S., Hardie, B. G. S. and Lee, K. L. (2005), "Counting your customers" the easy way: an alternative to the
   Pareto/NBD model. Marketing Science 24(2), 275-284.
.. [2] Schmittlein, D. C., Morrison, D. G. and Colombo, R. (1987), Counting your customers: who are they and what will they do
   next? Management Science 33(1), 1-24.
.. [3] Fader, P. S., Hardie, B. G. S. and Shang, J. (2010), Customer-base analysis in a discrete-time noncontractual setting.
   Marketing Science 29(6), 1086-1108.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..amounts.changes import Percent, Points, check_change
from ..amounts.uncertain_amounts import Uncertain
from ..checks import UNIT_WORDS, Faults, check_margin, check_number, check_unit
from ..clv import BetaGeoBetaBinomial, BetaGeoNBD, CustomerLifetimeValue, ModifiedBetaGeoNBD, ParetoNBD
from ..clv.numerics import beta_geometric, opportunities
from ..exceptions import DataError
from ..frames.ruler import convert, discount_intensity
from ..inference import discounted_integral
from ..progress import tracked
from ..transactions.compression import unique_rows
from ..typing import Estimator, FrameLike, Numbers, Theta, Unit
from ._equity import EquityChange

#: The models, and what retention means in them.
_MODELS = {
    BetaGeoNBD: "after a purchase",
    ModifiedBetaGeoNBD: "after a purchase",
    ParetoNBD: "over a year",
    BetaGeoBetaBinomial: "to the next opportunity",
}

#: Nodes of the discounting integral: five digits are plenty for a difference with an interval.
_NODES = 12

#: Least retention that draws are held at.
_LEAST = 1e-9


@dataclass(frozen=True)
class DropoutScaling:
    """What a change of retention does to a transaction model.

    Attributes
    ----------
    before, after : float
        Retention of new customers: after a purchase (BG/NBD, MBG/NBD), over a year (Pareto/NBD), to the next opportunity (BG/BB).
    factor : float
        What every customer's dropout is multiplied by.
    """

    before: float
    after: float
    factor: float


def scaling(
    model: Estimator, change: Points | Percent, theta: Theta | None = None, by: Numbers | None = None
) -> DropoutScaling:
    """Return the factor on dropout that a change of retention stands for.

    Parameters
    ----------
    model : fitted BetaGeoNBD, ModifiedBetaGeoNBD, ParetoNBD or BetaGeoBetaBinomial
    change : Points or Percent
    theta : sequence of numbers or arrays, default=None
        Parameters on the natural scale; None takes the fitted ones.
    by : number or array, default=None
        The change over 100; None takes the expected one, and refuses one that leads outside 0 to 1. With it, retention is kept
        within 0 and 1.

    Raises
    ------
    DataError
        When retention after the change is outside 0 to 1.

    Examples
    --------
    >>> from crmml.amounts import Points
    >>> model = BetaGeoNBD().set_fitted_params(r=0.25, alpha=4.0, a=0.8, b=2.4)
    >>> found = scaling(model, Points(5))
    >>> round(found.before, 3), round(found.after, 3), round(found.factor, 3)
    (0.75, 0.8, 0.8)
    """
    check_change(change)
    values = list(model.params_.values()) if theta is None else list(theta)
    if isinstance(model, ParetoNBD):
        _, _, s, beta = values
        year = convert(1.0, "Y", model._unit(None))
        before: Any = (beta / (beta + year)) ** s
    else:
        _, _, a, b = values
        before = b / (a + b)
    after = change.applied(before, by)
    if by is None and theta is None and not 0 < after <= 1:
        raise DataError(
            [
                f"{change.describe()} take retention from {100 * before:.1f} % to {100 * after:.1f} %, outside 0 to 100 %"
            ],
            "the change of retention",
        )
    after = np.clip(after, _LEAST, 1.0)
    slower = beta * np.expm1(-np.log(after) / s) / year if isinstance(model, ParetoNBD) else (1 - after) / (1 - before)
    if theta is None:
        return DropoutScaling(float(before), float(after), float(slower))
    return DropoutScaling(before, after, slower)


@dataclass(frozen=True, eq=False)
class DropoutTerms:
    """Customers and money where retention is that of a transaction model.

    Of a `CustomerLifetimeValue` money is what customers spend times ``margin``, a share; a bare transaction model knows of no
    spend and needs ``margin_per_transaction``, money. One is never taken for the other.

    Parameters
    ----------
    X : frame or array
        The base's summary.
    margin : float, default=None
        Share of revenue that is kept, in (0, 1]; for a CustomerLifetimeValue, whose own margin None takes.
    margin_per_transaction : float, default=None
        Money that each transaction brings, above 0; for a bare transaction model.
    horizon : float, default=None
        How far ahead value counts, in ``unit``; None takes that of the CustomerLifetimeValue.
    unit : {"h", "D", "W", "M", "Y"}, default=None
        Of the horizon; None takes that of the CustomerLifetimeValue.
    n_customers : float, default=None
        To scale the rows of X up to; None counts them.

    Raises
    ------
    DataError
        Naming every fault.

    Examples
    --------
    >>> DropoutTerms([[2, 10, 30]], margin_per_transaction=11.5, horizon=1, unit="Y").margin_per_transaction
    11.5
    >>> DropoutTerms([[2, 10, 30]], margin=11.5)
    Traceback (most recent call last):
    crmml.exceptions.DataError: the terms of a transaction model cannot be used, 1 fault found:
      - margin=11.5 must be a share of revenue, above 0 and at most 1; write 0.115 for 11.5 %
    """

    X: FrameLike
    _: KW_ONLY
    margin: float | None = None
    margin_per_transaction: float | None = None
    horizon: float | None = None
    unit: Unit | None = None
    n_customers: float | None = None

    def __post_init__(self) -> None:
        faults = Faults("the terms of a transaction model")
        if self.margin is not None:
            faults.check(check_margin, self.margin)
        for name in ("margin_per_transaction", "horizon", "n_customers"):
            if (value := getattr(self, name)) is not None:
                faults.check(check_number, value, name, above=0)
        if self.unit is not None:
            faults.check(check_unit, self.unit)
        if self.margin is not None and self.margin_per_transaction is not None:
            faults.add(
                "margin is a share of what customers spend and margin_per_transaction is money; give the one that the model needs"
            )
        faults.refuse()


@dataclass(frozen=True)
class _Base:
    """The customers of a transaction model, alike ones together, and what their transactions are worth.

    ``spent(spend)`` is money per transaction of each distinct customer, from expected spend or draws of it.
    """

    transactions: Estimator
    clv: CustomerLifetimeValue | None
    n_rows: int
    unique: np.ndarray
    weight: np.ndarray
    margin: float
    horizon: float
    delta: float
    span: str

    def spent(self, spend: Numbers) -> np.ndarray:
        return self.margin * np.asarray(spend) if self.clv is not None else np.full(len(self.unique), self.margin)

    @cached_property
    def _times(self) -> tuple[np.ndarray, np.ndarray]:
        return np.unique(self.unique[:, :3], axis=0, return_inverse=True)

    @cached_property
    def _pairs(self) -> tuple[np.ndarray, np.ndarray]:
        return np.unique(self.unique[:, [0, 2]], axis=0, return_inverse=True)

    def bought(self, theta: Sequence[Any], factor: Numbers) -> np.ndarray:
        """Discounted expected transactions, (n,) or (draws, n)."""
        (times, time_code), (pairs, pair_code), model = self._times, self._pairs, self.transactions
        alive = np.exp(model.numerics.log_probability_alive(model._rows(times), theta, 0.0, **model._options()))
        later = _of_the_living(model, pairs, theta, factor, self.horizon, self.delta)
        return alive[..., time_code] * later[..., pair_code]


def dropout_equity(
    model: Estimator,
    change: Points | Percent,
    terms: DropoutTerms,
    annual_rate: float,
    n_draws: int,
    rng: np.random.Generator,
) -> EquityChange:
    """Return what the customers are worth before and after every customer's dropout is scaled.

    Raises
    ------
    DataError, TypeError, ValueError
        For a model without this mapping, or what it needs and was not given.
    """
    base = _read_base(model, terms, annual_rate)
    transactions, at = base.transactions, scaling(base.transactions, change)
    fitted = list(transactions.params_.values())
    spend = 0.0 if base.clv is None else base.clv.spend_.predict(base.clv._frame(base.unique, base.clv.ruler_))
    value = base.spent(spend) * base.weight
    before, after = float(base.bought(fitted, 1.0) @ value), float(base.bought(fitted, at.factor) @ value)
    draws, held = _equity_draws(base, change, n_draws, rng)
    count = float(base.n_rows if terms.n_customers is None else terms.n_customers)
    words = (
        f"Retention of new customers {_MODELS[type(transactions)]} goes from {100 * at.before:.1f} % to {100 * at.after:.1f} %: "
        f"every customer's dropout from now on is multiplied by {at.factor:.3f} ({transactions.title}). Value counts over the "
        f"next {base.span}."
    )
    if held:
        words += f" In {held:.1%} of the draws retention would pass 100 % or fall to 0 % and is held there."
    return EquityChange(
        n_customers=count,
        before=before * count / base.n_rows,
        after=after * count / base.n_rows,
        draws=None if draws is None else draws * count / base.n_rows,
        words=words,
    )


def _read_base(model: Estimator, terms: DropoutTerms, annual_rate: float) -> _Base:
    """Return the customers, money and time of a model, in its own unit; refuse what the model does not fit."""
    check_is_fitted(model)
    clv = model if isinstance(model, CustomerLifetimeValue) else None
    transactions = model if clv is None else clv.transactions_
    own = _own_unit(transactions, transactions.ruler_.unit if clv is None else clv.ruler_.unit)
    horizon, unit = _horizon(clv, terms)
    margin = _margin(clv, terms)
    if clv is not None:
        frame = clv._fitted_frame(terms.X)
        timing, money = frame[["frequency", "recency", "T"]].to_numpy(float), frame["monetary_value"].to_numpy(float)
    else:
        timing = transactions._fitted_summary(terms.X)[:, :3]
        money = np.zeros(len(timing))
    columns, weight, _ = unique_rows(*timing.T, money)
    return _Base(
        transactions=transactions,
        clv=clv,
        n_rows=len(timing),
        unique=np.column_stack(columns),
        weight=weight,
        margin=margin,
        horizon=_own_horizon(transactions, horizon, unit, own),
        delta=discount_intensity(annual_rate, own) if annual_rate else 0.0,
        span=f"{horizon:g} {UNIT_WORDS[unit]}" if horizon != 1 else UNIT_WORDS[unit][:-1],
    )


def _own_unit(transactions: Estimator, unit: str | None) -> str:
    """Return the unit that a transaction model counts in; refuse a model without this mapping, or without a unit."""
    if type(transactions) not in _MODELS or transactions._covariates():
        raise TypeError(
            f"A change of retention is defined for {', '.join(kind.__name__ for kind in _MODELS)} without covariates, not for this "
            f"{type(transactions).__name__}; take one of them, or a StageChain."
        )
    if transactions.clock_ is not None or transactions.has_entry_:
        raise TypeError(
            "A change of retention is not defined on a clock, or with customers of old; fit the model on a summary in plain time, "
            "without an entry period."
        )
    if unit is None:
        raise ValueError(
            f"this {type(transactions).__name__} was fitted on a summary without a unit of time, so that a horizon and a rate per "
            "year mean nothing to it: fit it on what summarize(log, unit=...) returns, which carries its unit."
        )
    return str(unit)


def _horizon(clv: CustomerLifetimeValue | None, terms: DropoutTerms) -> tuple[float, str]:
    if terms.horizon is None and clv is not None:
        return clv.horizon, clv.unit
    unit = terms.unit or (None if clv is None else clv.unit)
    if terms.horizon is None or unit is None:
        raise ValueError("Value needs a horizon and its unit, as in DropoutTerms(X, horizon=3, unit='Y', ...).")
    return float(terms.horizon), unit


def _own_horizon(transactions: Estimator, horizon: float, unit: str, own: str) -> float:
    """Return the horizon in the model's own unit: whole opportunities for BG/BB."""
    h = convert(horizon, unit, own)
    if not isinstance(transactions, BetaGeoBetaBinomial):
        return h
    if abs(h - round(h)) > 1e-9:
        raise ValueError(f"horizon={horizon:g} {UNIT_WORDS[unit]} is {h:g} opportunities; BG/BB needs a whole number.")
    return float(round(h))


def _margin(clv: CustomerLifetimeValue | None, terms: DropoutTerms) -> float:
    """Return the share of spend that is kept, or the money that a transaction brings; never one for the other."""
    if clv is None and terms.margin_per_transaction is None:
        instead = (
            "" if terms.margin is None else f"; margin={terms.margin:g} is a share, and there is no spend to take it of"
        )
        raise ValueError(
            f"A transaction model without a spend model needs money: DropoutTerms(X, margin_per_transaction=...){instead}."
        )
    if clv is not None and terms.margin_per_transaction is not None:
        raise ValueError(
            f"margin_per_transaction={terms.margin_per_transaction:g} is for a bare transaction model: a CustomerLifetimeValue knows "
            "what customers spend; leave it out, or give margin, a share of it."
        )
    if clv is None:
        return float(terms.margin_per_transaction)  # type: ignore[arg-type]  # refused above
    return clv.margin if terms.margin is None else float(terms.margin)


def _equity_draws(
    base: _Base, change: Points | Percent, n_draws: int, rng: np.random.Generator
) -> tuple[np.ndarray | None, float]:
    """Draw the gain of equity from the posteriors of transactions and spend, independent given the data; the share held."""
    transactions, clv = base.transactions, base.clv
    models = [transactions] if clv is None else [transactions, clv.spend_]
    if not any(_has_posterior(model) for model in models) and not isinstance(change.amount, Uncertain):
        return None, 0.0
    vectors = _picked(transactions, n_draws, rng)
    spend_vectors: Any = None if clv is None else _picked(clv.spend_, n_draws, rng)
    by = np.broadcast_to(change.draws(n_draws, rng), (n_draws,))
    gains, held = np.empty(n_draws), 0
    block = max(1, 200_000 // len(base.unique))
    for at in tracked(range(0, n_draws, block), "Value of retention"):
        part = slice(at, at + block)
        theta = [np.exp(vectors[part, k])[:, None] for k in range(len(transactions.parameter_names))]
        found = scaling(transactions, change, theta, by[part][:, None])
        held += int(np.sum((found.after <= _LEAST) | (found.after >= 1)))
        more = base.bought(theta, found.factor) - base.bought(theta, 1.0)
        spend = 0.0 if clv is None else clv.spend_._mean_draws(base.unique[:, [0, 3]], spend_vectors[part])
        gains[part] = (more * base.spent(spend) * base.weight).sum(axis=1)
    return gains, held / n_draws


def _has_posterior(model: Any) -> bool:
    """Whether it is known how sure the parameters are: not where they were set by hand."""
    sampled = any(getattr(model, name, None) is not None for name in ("_data", "posterior_draws_"))
    return sampled or bool(np.isfinite(model.covariance_).all())


def _picked(model: Any, n_draws: int, rng: np.random.Generator) -> np.ndarray:
    """Fitted vectors of posterior draws, picked at random from those sampled with seed 0 or by the user; or the one there is."""
    if not _has_posterior(model):
        return np.broadcast_to(model.theta_, (n_draws, len(model.theta_)))
    draws = model._draws(max(n_draws, 1000))
    return draws[rng.choice(len(draws), size=n_draws, replace=n_draws > len(draws))]


def _of_the_living(
    model: Any, pairs: np.ndarray, theta: Sequence[Any], factor: Any, horizon: float, delta: float
) -> np.ndarray:
    """Discounted expected transactions of customers who are alive now, their dropout scaled, (n,) or (draws, n)."""
    x, T = pairs.T
    if isinstance(model, BetaGeoBetaBinomial):
        alpha, beta, gamma, stay = theta
        leave, both = gamma * factor, gamma + stay + T
        leave = np.clip(leave, 1e-12 * both, (1 - 1e-9) * both)
        active = opportunities.discounted_active(horizon, float(np.exp(-delta)), leave, both - leave)
        return (alpha + x) / (alpha + beta + T) * active
    if isinstance(model, ParetoNBD):
        r, alpha, s, beta = theta
        later = [r + x, alpha + T, s + 0 * x, (beta + T) / np.maximum(factor, 1e-12)]
        shape = np.broadcast_shapes(*(np.shape(part) for part in later))
        arrays = [np.broadcast_to(part, shape).astype(float) for part in later]
        scale = float(np.median(T)) if len(T) else 1.0
        return discounted_integral(
            lambda t: model.numerics.expectation(t, arrays), horizon, delta, max(scale, 1e-9), _NODES
        )
    modified = isinstance(model, ModifiedBetaGeoNBD)
    return beta_geometric.discounted_given_alive(x, T, theta, horizon, delta, modified=modified, factor=factor)
