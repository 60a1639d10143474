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

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..amounts.changes import check_change
from ..amounts.uncertain_amounts import Uncertain
from ..checks import UNIT_WORDS, check_unit, is_number
from ..clv import BetaGeoBetaBinomial, BetaGeoNBD, CustomerLifetimeValue, ModifiedBetaGeoNBD, ParetoNBD
from ..clv.numerics import beta_geometric, opportunities
from ..exceptions import DataError
from ..frames.ruler import convert, discount_intensity
from ..inference import discounted_integral
from ..transactions.compression import unique_rows
from ..typing import Estimator, FrameLike, Theta

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


def scaling(model: Estimator, change: Any, theta: Theta | None = None, by: Any = None) -> DropoutScaling:
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


def dropout_equity(
    model: Estimator,
    change: Any,
    X: FrameLike | None,
    margin: Any,
    annual_rate: float,
    horizon: float | None,
    unit: str | None,
    n_draws: int,
    rng: np.random.Generator,
) -> tuple[int, float, float, np.ndarray | None, str]:
    """Return the number of rows of X, their equity before and after, draws of the gain (or None), and the words.

    Raises
    ------
    DataError, TypeError, ValueError
        For a model without this mapping, or what it needs and was not given.
    """
    clv = model if isinstance(model, CustomerLifetimeValue) else None
    transactions = clv.transactions_ if clv is not None else model
    if type(transactions) not in _MODELS or transactions._covariates():
        raise TypeError(
            f"A change of retention is defined for {', '.join(kind.__name__ for kind in _MODELS)} without covariates, not for this "
            f"{type(transactions).__name__}; take one of them, or a StageChain."
        )
    own = str(clv.ruler_.unit) if clv is not None else transactions.ruler_.unit
    if own is None:
        raise ValueError(
            f"this {type(transactions).__name__} was fitted on a summary without a unit of time, so that a horizon and a rate a year "
            "mean nothing to it: fit it on what summarize(log, unit=...) returns, which carries its unit."
        )
    horizon, unit = _horizon(clv, horizon, unit)
    h = convert(horizon, unit, own)
    if isinstance(transactions, BetaGeoBetaBinomial):
        if abs(h - round(h)) > 1e-9:
            raise ValueError(
                f"horizon={horizon:g} {UNIT_WORDS[unit]} is {h:g} opportunities; BG/BB needs a whole number."
            )
        h = float(round(h))
    delta = discount_intensity(annual_rate, own) if annual_rate else 0.0
    if clv is not None:
        if margin is not None:
            raise ValueError("margin is that of the CustomerLifetimeValue; leave it out.")
        frame = clv._fitted_frame(X)
        timing, money = frame[["frequency", "recency", "T"]].to_numpy(float), frame["monetary_value"].to_numpy(float)
    else:
        if not (is_number(margin) and margin > 0):
            raise DataError([f"margin is {margin!r}; the margin of a transaction, above 0, is needed"], "the money")
        timing = transactions._fitted_summary(X)[:, :3]
        money = np.zeros(len(timing))
    columns, weight, _ = unique_rows(*timing.T, money)
    unique = np.column_stack(columns)

    def spent(spend: Any) -> np.ndarray:
        return clv.margin * np.asarray(spend) if clv is not None else np.full(len(unique), float(margin))

    times, time_code = np.unique(unique[:, :3], axis=0, return_inverse=True)
    pairs, pair_code = np.unique(unique[:, [0, 2]], axis=0, return_inverse=True)

    def bought(theta: list, factor: Any) -> np.ndarray:
        """Discounted expected transactions, (n,) or (draws, n)."""
        rows = transactions._rows(times)
        alive = np.exp(transactions.numerics.log_probability_alive(rows, theta, 0.0, **transactions._options()))
        return alive[..., time_code] * _of_the_living(transactions, pairs, theta, factor, h, delta)[..., pair_code]

    fitted, at = list(transactions.params_.values()), scaling(transactions, change)
    value = spent(0.0 if clv is None else clv.spend_.predict(_spend_frame(clv, unique))) * weight
    before, after = float(bought(fitted, 1.0) @ value), float(bought(fitted, at.factor) @ value)
    draws, held = _equity_draws(transactions, clv, change, unique, weight, n_draws, rng, spent, bought)
    span = f"{horizon:g} {UNIT_WORDS[unit]}" if horizon != 1 else UNIT_WORDS[unit][:-1]
    kept = _MODELS[type(transactions)]
    words = (
        f"Retention of new customers {kept} goes from {100 * at.before:.1f} % to {100 * at.after:.1f} %: every customer's dropout "
        f"from now on is multiplied by {at.factor:.3f} ({transactions.title}). Value counts over the next {span}."
    )
    if held:
        words += f" In {held:.1%} of the draws retention would pass 100 % or fall to 0 % and is held there."
    return len(timing), before, after, draws, words


def _equity_draws(
    transactions: Any,
    clv: Any,
    change: Any,
    unique: np.ndarray,
    weight: np.ndarray,
    n_draws: int,
    rng: np.random.Generator,
    spent: Any,
    bought: Any,
) -> tuple[np.ndarray | None, float]:
    """Draw the gain of equity from the posteriors of transactions and spend, independent given the data; the share held."""
    models = [transactions] if clv is None else [transactions, clv.spend_]
    if not any(_has_posterior(model) for model in models) and not isinstance(change.amount, Uncertain):
        return None, 0.0
    vectors = _picked(transactions, n_draws, rng)
    spend_vectors: Any = None if clv is None else _picked(clv.spend_, n_draws, rng)
    by = np.broadcast_to(change.draws(n_draws, rng), (n_draws,))
    gains, held = np.empty(n_draws), 0
    block = max(1, 200_000 // len(unique))
    for at in range(0, n_draws, block):
        part = slice(at, at + block)
        theta = [np.exp(vectors[part, k])[:, None] for k in range(len(transactions.parameter_names))]
        found = scaling(transactions, change, theta, by[part][:, None])
        held += int(np.sum((found.after <= _LEAST) | (found.after >= 1)))
        more = bought(theta, found.factor) - bought(theta, 1.0)
        spend = 0.0 if clv is None else clv.spend_._mean_draws(unique[:, [0, 3]], spend_vectors[part])
        gains[part] = (more * spent(spend) * weight).sum(axis=1)
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


def _of_the_living(model: Any, pairs: np.ndarray, theta: list, factor: Any, horizon: float, delta: float) -> np.ndarray:
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
        numerics: Any = model.numerics
    else:
        r, alpha, a, b = theta
        occasions = x + 1 if isinstance(model, ModifiedBetaGeoNBD) else x
        both = a + b + occasions
        out = np.clip(a * factor, 1e-9 * both, (1 - 1e-9) * both)
        later = [r + x, alpha + T, out, both - out]
        numerics = beta_geometric
    shape = np.broadcast_shapes(*(np.shape(part) for part in later))
    arrays = [np.broadcast_to(part, shape).astype(float) for part in later]
    scale = float(np.median(T)) if len(T) else 1.0
    return discounted_integral(lambda t: numerics.expectation(t, arrays), horizon, delta, max(scale, 1e-9), _NODES)


def _horizon(clv: Any, horizon: float | None, unit: str | None) -> tuple[float, str]:
    if horizon is None and clv is not None:
        return clv.horizon, clv.unit
    if horizon is None or (unit is None and clv is None):
        raise ValueError("Value needs a horizon and its unit, as in horizon=3, unit='Y'.")
    if not (is_number(horizon) and horizon > 0):
        raise ValueError(f"horizon={horizon!r} must be a number above 0.")
    return float(horizon), check_unit(str(unit or clv.unit))


def _spend_frame(clv: Any, unique: np.ndarray) -> Any:
    return clv._frame(unique, clv.ruler_)
