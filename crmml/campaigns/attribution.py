"""Which channel earned a conversion: rules of thumb, removal from a Markov chain, and fair division."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .. import frames
from ..checks import (
    DAYS_PER_UNIT,
    UNIT_WORDS,
    Faults,
    check_choice,
    check_count,
    check_coverage,
    check_draws,
    check_probability,
    check_random_state,
    is_number,
)
from ..exceptions import DataError, shortened, shown
from ..results import Result
from ..typing import Frame, Seed, Window
from ._markov_removal import MarkovRemoval
from ._shapley import EXACT_CHANNELS, ChannelGame
from .attribution_display import AttributionDisplay
from .channel_paths import ChannelPaths

if TYPE_CHECKING:
    from matplotlib.axes import Axes

METHODS = ("first", "last", "linear", "position", "time_decay", "markov", "shapley")
_DEFAULT_PERMUTATIONS = 2000
#: Orders that each resample takes.
RESAMPLE_ORDERS = 200


@dataclass(frozen=True, repr=False, eq=False)
class Attribution(Result):
    """Credit of each channel.

    Attributes
    ----------
    method : str
    channels : tuple of str
    credit, share : ndarray of shape (n_channels,)
        Conversions credited, which sum to all, and their share.
    lower, upper : ndarray of shape (n_channels,) or None
        Interval of the credit, from paths drawn again.
    value : ndarray of shape (n_channels,) or None
        Money credited, where paths have a value.
    cost, cost_per_conversion : ndarray of shape (n_channels,) or None
        NaN for a channel without a stated cost; infinite where money was spent and no conversion is credited.
    n_paths, n_conversions : int
    coverage : float
    currency : str
    removal_effect : ndarray of shape (n_channels,) or None
        Of the Markov chain: 1 - P(conversion without the channel) / P(conversion).
    std_error, error_bound : ndarray of shape (n_channels,) or None
        Of sampled Shapley values, in conversions: what the drawing of orders adds. The bound holds for all channels at once with
        probability ``coverage``.
    n_orders : int or None
    """

    method: str
    channels: tuple[str, ...]
    credit: np.ndarray
    share: np.ndarray
    lower: np.ndarray | None
    upper: np.ndarray | None
    value: np.ndarray | None
    cost: np.ndarray | None
    cost_per_conversion: np.ndarray | None
    n_paths: int
    n_conversions: int
    coverage: float
    currency: str = ""
    removal_effect: np.ndarray | None = None
    std_error: np.ndarray | None = None
    error_bound: np.ndarray | None = None
    n_orders: int | None = None
    frame: Any = None

    @property
    def table(self) -> Any:
        """One row a channel, in the engine of the caller's frame: channel, credit, share and what else there is."""
        columns: dict[str, Any] = {"channel": np.array(self.channels, dtype=object)}
        for name in (
            "credit", "share", "lower", "upper", "value", "cost", "cost_per_conversion", "removal_effect", "std_error",
            "error_bound",
        ):  # fmt: skip
            if (column := getattr(self, name)) is not None:
                columns[name] = column
        return pd.DataFrame(columns) if self.frame is None else frames.from_columns(columns, self.frame)

    def to_frame(self) -> Any:
        """Return the credit, one row per channel: `table`."""
        return self.table

    def plot(self, ax: Axes | None = None) -> AttributionDisplay:
        """Draw the share of each channel with its interval.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        AttributionDisplay
        """
        return AttributionDisplay.from_result(self).plot(ax=ax)

    def describe(self) -> str:
        """Say it in sentences a manager can read."""
        unit = f" {self.currency}" if self.currency else ""
        lines = [
            f"{self.n_conversions:,} conversion{'s' if self.n_conversions != 1 else ''} on {self.n_paths:,} "
            f"path{'s' if self.n_paths != 1 else ''} {'are' if self.n_conversions != 1 else 'is'} credited by the method "
            f"{self.method!r}. It divides credit; it does not show what a channel caused."
        ]
        for i in np.argsort(-self.credit, kind="stable"):
            text = f"{shortened(self.channels[i])}: {self.credit[i]:,.1f} ({self.share[i]:.1%})"
            if self.lower is not None and self.upper is not None:
                text += f", {self.coverage:.0%} interval {self.lower[i]:,.1f} to {self.upper[i]:,.1f}"
            if self.value is not None:
                text += f", worth {self.value[i]:,.2f}{unit}"
            if self.cost is not None and self.cost_per_conversion is not None:
                each = self.cost_per_conversion[i]
                if np.isfinite(each):
                    text += f", {each:,.2f}{unit} a conversion"
                elif np.isnan(self.cost[i]):
                    text += ", cost not stated"
                else:
                    text += f", {self.cost[i]:,.2f}{unit} spent without a conversion credited"
            lines.append(text + ".")
        if self.error_bound is not None:
            lines.append(
                f"Shapley values rest on {self.n_orders:,} orders of the channels; all are within "
                f"{self.error_bound.max():,.3g} conversions of exact with a probability of {self.coverage:.0%}."
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"Attribution({self.method!r}, {len(self.channels)} channels, {self.n_conversions:,} conversions)"


def attribute(
    paths: Frame | ChannelPaths,
    method: str = "markov",
    *,
    path_id: str = "path_id",
    channel: str = "channel",
    timestamp: str | None = None,
    position: str | None = None,
    converted: str = "converted",
    value: str | None = None,
    window: Window | None = None,
    position_weights: tuple[float, float, float] = (0.4, 0.2, 0.4),
    half_life: float | None = None,
    unit: str | None = None,
    order: int = 1,
    worth: str = "conversions",
    n_orders: int | None = None,
    max_error: float | None = None,
    costs: Mapping[str, float] | None = None,
    currency: str = "",
    coverage: float = 0.9,
    n_resamples: int = 200,
    random_state: Seed = None,
) -> Attribution:
    r"""Divide the conversions of a set of paths among the channels on them.

    first, last, linear
        All to the first or last touch, or equally to all touches (a channel touched twice counts twice).
    position
        ``position_weights`` to the first touch, those between (equally) and the last; of two touches first and last share in
        proportion, a single one gets all.
    time_decay
        In proportion to :math:`2^{-age / half\_life}`, the age counted back from the last touch; only differences of age
        matter, so that a conversion later than the last touch changes nothing.
    markov
        In proportion to removal effects [1]_; needs paths that did not convert to say more than which paths are used.
    shapley
        The Shapley value [2]_ of the game of channels [3]_; ``worth`` says which. Exact by all coalitions up to 12 channels;
        beyond, "conversions" by its closed form and "rate" by orders drawn at random, with the error stated. See [4]_ for why
        rules of thumb are not enough.

    Parameters
    ----------
    paths : frame of any engine or ChannelPaths
        One row a touch, read by `ChannelPaths.from_touches`, or paths already read, as by `ChannelPaths.from_compact`.
    method : {"first", "last", "linear", "position", "time_decay", "markov", "shapley"}, default="markov"
    path_id, channel, timestamp, position, converted, value, window
        As in `ChannelPaths.from_touches`.
    position_weights : (first, between, last), default=(0.4, 0.2, 0.4)
        At least 0, the first or last above 0.
    half_life : float, default=None
        Of time_decay, above 0, in ``unit``; both are needed.
    unit : {"h", "D", "W", "M", "Y", "touch"}, default=None
        "touch" counts touches and needs no times.
    order : int, default=1
        Channels that a state of the Markov chain remembers.
    worth : {"conversions", "rate"}, default="conversions"
        Of a coalition of channels; by "rate" a channel that lowers it has a negative credit.
    n_orders : int, default=None
        Draw so many orders for the Shapley value, whatever the number of channels (None: 2,000 where it must be sampled).
    max_error : float, default=None
        Draw as many orders as keep each share within this error, with probability ``coverage``.
    costs : mapping of channel to money, default=None
    currency : str, default=""
        Label only.
    coverage : float, default=0.9
    n_resamples : int, default=200
        Of paths, for percentile intervals of the credit; 0 leaves them out.
    random_state : int, RandomState or None, default=None

    Returns
    -------
    Attribution

    Raises
    ------
    DataError
        Naming every fault of the paths and costs; paths without any conversion have nothing to attribute.
    ValueError
        For wrong options.

    References
    ----------
    .. [1] Anderl, E., Becker, I., von Wangenheim, F. and Schumann, J. H. (2016), Mapping the customer journey: lessons learned
       from graph-based online attribution modeling. International Journal of Research in Marketing 33(3), 457-474.
    .. [2] Shapley, L. S. (1953), A value for n-person games. Contributions to the Theory of Games II, 307-317.
    .. [3] Zhao, K., Mahboobi, S. H. and Bagheri, S. R. (2018), Shapley value methods for attribution modeling in online
       advertising. arXiv:1804.05327.
    .. [4] Shao, X. and Li, L. (2011), Data-driven multi-touch attribution models. KDD 2011, 258-264.

    Examples
    --------
    >>> table = pd.DataFrame({"path": ["C1 > C2 > C3", "C1", "C2 > C3"], "conversions": [1, 0, 0], "nulls": [0, 1, 1]})
    >>> found = attribute(ChannelPaths.from_compact(table, nulls="nulls"), "markov", n_resamples=0)
    >>> found.table.round(3)
      channel  credit  share  removal_effect
    0      C1     0.2    0.2             0.5
    1      C2     0.4    0.4             1.0
    2      C3     0.4    0.4             1.0
    """
    _check_options(method, position_weights, half_life, unit, order, worth, n_orders, max_error, coverage, n_resamples)
    if isinstance(paths, ChannelPaths):
        read, frame = paths, None
    else:
        names: dict[str, Any] = {"path_id": path_id, "channel": channel, "timestamp": timestamp, "position": position}
        read, frame = ChannelPaths.from_touches(paths, **names, converted=converted, value=value, window=window), paths
    spent = _read_spent(read, costs, needs_days=method == "time_decay" and unit != "touch")
    rng = check_random_state(random_state)
    read = _compressed(read) if method != "time_decay" or unit == "touch" else read
    extra: dict[str, Any] = {}
    won_money = None if read.value is None else read.count * read.converted * read.value
    if method == "markov":
        credit_of, worth_of = _markov(read, order, extra)
    elif method == "shapley":
        credit_of, worth_of = _shapley(read, worth, n_orders, max_error, coverage, rng, extra)
    else:
        credit_of, worth_of = _rule(read, method, position_weights, half_life, unit)
    credit = credit_of(read.count)
    money = None if won_money is None else worth_of(won_money, credit)
    lower = upper = None
    if n_resamples and read.count @ read.converted > 1:  # of one conversion nothing is known of the spread
        lower, upper = _interval(read, credit_of, coverage, n_resamples, rng)
    return Attribution(
        method=method,
        channels=read.channels,
        credit=credit,
        share=credit / credit.sum(),
        lower=lower,
        upper=upper,
        value=money,
        cost=spent,
        cost_per_conversion=None if spent is None else _cost_per_conversion(spent, credit),
        n_paths=read.n_paths,
        n_conversions=read.n_conversions,
        coverage=coverage,
        currency=currency,
        frame=frame,
        **extra,
    )


def _read_spent(read: ChannelPaths, costs: Any, *, needs_days: bool) -> np.ndarray | None:
    """Money spent on each channel, once it is known that there is something to attribute."""
    faults: list[str] = []
    if not read.n_conversions:
        faults.append(f"none of {read.n_paths:,} paths converted: there is nothing to attribute")
    if needs_days and read.days is None:
        faults.append("time_decay needs the times of touches (timestamp=), or unit='touch'")
    spent = _read_costs(costs, read.channels, faults)
    if faults:
        raise DataError(faults, "the paths")
    return spent


def _cost_per_conversion(spent: np.ndarray, credit: np.ndarray) -> np.ndarray:
    """Money per conversion credited; infinite where money was spent without one, NaN where none is stated."""
    with np.errstate(divide="ignore", invalid="ignore"):
        each = np.where(credit > 1e-12, spent / credit, np.where(spent > 0, np.inf, np.nan))
    return np.where(np.isnan(spent), np.nan, each)


def compare_attributions(paths: Frame | ChannelPaths, methods: Sequence[str] | None = None, **options: Any) -> Any:
    """Credit of each channel by several methods.

    Parameters
    ----------
    paths : frame of any engine or ChannelPaths
    methods : sequence of str, default=None
        None takes all, but time_decay only where a half_life is given.
    **options
        Of `attribute`.

    Returns
    -------
    frame
        In the engine of the paths: method, channel, credit, share and, with resamples, low and high.

    Examples
    --------
    >>> paths = ChannelPaths.from_compact(pd.DataFrame({"path": ["A > B", "B"], "conversions": [3, 1]}))
    >>> compare_attributions(paths, ["first", "linear"], n_resamples=0)
       method channel  credit  share
    0   first       A     3.0  0.750
    1   first       B     1.0  0.250
    2  linear       A     1.5  0.375
    3  linear       B     2.5  0.625
    """
    frame = None if isinstance(paths, ChannelPaths) else paths
    table = pd.concat(
        [
            pd.DataFrame({"method": found.method, "channel": found.channels} | _columns(found))
            for found in attribute_all(paths, methods, **options)
        ],
        ignore_index=True,
    )
    return table if frame is None else frames.from_columns({str(name): table[name] for name in table}, frame)


def attribute_all(
    paths: Frame | ChannelPaths, methods: Sequence[str] | None = None, **options: Any
) -> list[Attribution]:
    """The attributions that `compare_attributions` puts in a table; the paths are read once."""
    if methods is None:
        methods = [m for m in METHODS if m != "time_decay" or options.get("half_life") is not None]
    elif isinstance(methods, str) or not isinstance(methods, Iterable) or not len(methods):
        raise ValueError(f"methods={shown(methods)} must be a list of methods.")
    if not isinstance(paths, ChannelPaths):
        names = ("path_id", "channel", "timestamp", "position", "converted", "value", "window")
        paths = ChannelPaths.from_touches(paths, **{name: options.pop(name) for name in names if name in options})
    return [attribute(paths, method, **options) for method in methods]


def _columns(found: Attribution) -> dict[str, Any]:
    return {
        name: column for name in ("credit", "share", "lower", "upper") if (column := getattr(found, name)) is not None
    }


def _compressed(read: ChannelPaths) -> ChannelPaths:
    """Rows that are alike become one."""
    columns = {"sequence": read.sequence, "converted": read.converted}
    if read.value is not None:
        columns["value"] = read.value
    table = pd.DataFrame(columns | {"count": read.count}).groupby(list(columns), as_index=False)["count"].sum()
    return ChannelPaths(
        read.channels,
        read.sequences,
        table["sequence"].to_numpy(),
        table["converted"].to_numpy(),
        table["count"].to_numpy(),
        table["value"].to_numpy() if read.value is not None else None,
    )


#: Highest order of a chain of touches.
MOST_ORDER = 100

_Credit = Callable[[np.ndarray], np.ndarray]
_Worth = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _by_sequence(read: ChannelPaths, amounts: np.ndarray) -> np.ndarray:
    return np.bincount(read.sequence, amounts, len(read.sequences))


def _rule(
    read: ChannelPaths, method: str, weights: tuple[float, float, float], half_life: float | None, unit: str | None
) -> tuple[_Credit, _Worth]:
    """Credit as weighted sums over paths."""
    table = np.zeros((len(read.sequence), len(read.channels)))
    for row in np.flatnonzero(read.converted):
        steps = read.sequences[read.sequence[row]]
        n = len(steps)
        if method == "first":
            part = np.r_[1.0, np.zeros(n - 1)]
        elif method == "last":
            part = np.r_[np.zeros(n - 1), 1.0]
        elif method == "linear":
            part = np.ones(n)
        elif method == "position":
            part = np.ones(n)
            if n > 1:
                part = np.r_[weights[0], np.full(n - 2, weights[1] / max(n - 2, 1)), weights[2]]
        else:
            assert half_life is not None
            if unit == "touch":
                age = np.arange(n)[::-1].astype(float)
            else:
                assert read.days is not None
                assert unit is not None
                age = read.days[row] / DAYS_PER_UNIT[unit]
            part = np.exp2(-age / half_life)
        np.add.at(table[row], list(steps), part / part.sum())
    return lambda count: (count * read.converted) @ table, lambda money, _: money @ table


def _markov(read: ChannelPaths, order: int, extra: dict[str, Any]) -> tuple[_Credit, _Worth]:
    chain = MarkovRemoval(read.sequences, len(read.channels), order)

    def credit(count: np.ndarray) -> np.ndarray:
        won = _by_sequence(read, count * read.converted)
        _, effect = chain.effects(won, _by_sequence(read, count * (1 - read.converted)))
        extra.setdefault("removal_effect", effect)
        return won.sum() * effect / effect.sum()

    return credit, lambda money, credit: money.sum() * credit / credit.sum()


def _shapley(
    read: ChannelPaths,
    worth: str,
    n_orders: int | None,
    max_error: float | None,
    coverage: float,
    rng: np.random.RandomState,
    extra: dict[str, Any],
) -> tuple[_Credit, _Worth]:
    game = ChannelGame(read.sequences, len(read.channels), worth)
    sample = n_orders is not None or max_error is not None
    many = len(read.channels) > EXACT_CHANNELS
    seed = int(rng.randint(np.iinfo(np.int32).max))
    noise = np.random.RandomState(rng.randint(np.iinfo(np.int32).max))
    found: dict[str, np.ndarray] = {}  # of the paths themselves: by all orders, and by those that resamples take

    def credit(count: np.ndarray) -> np.ndarray:
        won = _by_sequence(read, count * read.converted)
        lost = _by_sequence(read, count * (1 - read.converted))
        if worth == "conversions" and not sample:
            return game.closed_form(won) if many else game.exact(won, lost)
        # the worth of all channels together, which the values sum to
        whole = won.sum() if worth == "conversions" else won.sum() / (won + lost).sum()
        scale = won.sum() / whole
        if not (sample or many):
            return scale * game.exact(won, lost)
        number = n_orders
        if number is None:
            number = _DEFAULT_PERMUTATIONS
            if max_error is not None:
                number = game.permutations_for(won, max_error * whole, coverage)
        fewer = min(number, RESAMPLE_ORDERS)
        if not found:
            values, error, bound = game.sampled(won, lost, number, np.random.RandomState(seed), coverage)
            extra.update(std_error=scale * error, error_bound=scale * bound, n_orders=number)
            found["all"] = scale * values
            found["fewer"] = scale * game.sampled(won, lost, fewer, np.random.RandomState(seed), coverage)[0]
            return found["all"]
        # a resample takes fewer orders, always the same: what it moves is added to the credit, and so is the error of the orders
        moved = scale * game.sampled(won, lost, fewer, np.random.RandomState(seed), coverage)[0] - found["fewer"]
        chance = extra["std_error"] * noise.standard_normal(len(read.channels))
        return found["all"] + moved + chance - chance.mean()

    if worth == "conversions" and not sample:
        return credit, lambda money, _: game.closed_form(_by_sequence(read, money))
    return credit, lambda money, credit: money.sum() * credit / credit.sum()


def _interval(
    read: ChannelPaths, credit_of: _Credit, coverage: float, n_resamples: int, rng: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Percentile interval over paths drawn again; a resample without a conversion is drawn again."""
    drawn: list[np.ndarray] = []
    chance = read.count / read.count.sum()
    while len(drawn) < n_resamples:
        count = rng.multinomial(read.n_paths, chance).astype(float)
        if count @ read.converted > 0:
            drawn.append(credit_of(count))
    lower, upper = np.quantile(drawn, [(1 - coverage) / 2, (1 + coverage) / 2], axis=0)
    return lower, upper


def _read_costs(costs: Any, channels: tuple[str, ...], faults: list[str]) -> np.ndarray | None:
    if costs is None:
        return None
    if not isinstance(costs, (Mapping, pd.Series)):
        faults.append(f"costs={costs!r} is not a mapping; give money by channel, such as {{{channels[0]!r}: 500.0}}")
        return None
    given = {str(name): _amount(amount) for name, amount in dict(costs).items()}
    if unknown := [name for name in given if name not in channels]:
        faults.append(
            f"costs name {', '.join(map(repr, unknown))}, which no path touches; the channels are {', '.join(map(repr, channels))}. "
            "Mend the spelling, or leave out a channel that nobody touched: it has earned no credit, and its cost is lost"
        )
    if wrong := [name for name, amount in given.items() if not 0 <= amount < np.inf]:
        faults.append(
            f"costs of {', '.join(map(repr, wrong))} are not numbers, negative, missing or infinite; money of at least 0 is needed"
        )
    return np.array([given.get(name, np.nan) for name in channels])


def _amount(given: Any) -> float:
    """Money, NaN where it is not a number."""
    try:
        return float("nan") if isinstance(given, (str, bytes)) else float(given)
    except (TypeError, ValueError):
        return float("nan")


def _check_options(
    method: str,
    weights: tuple[float, float, float],
    half_life: float | None,
    unit: str | None,
    order: int,
    worth: str,
    n_orders: int | None,
    max_error: float | None,
    coverage: float,
    n_resamples: int,
) -> None:
    faults = Faults("the options")
    faults.check(check_choice, method, "method", METHODS)
    _check_weights(weights, faults)
    if method == "time_decay" or half_life is not None:
        _check_half_life(half_life, unit, faults)
    faults.check(check_count, order, "order", least=1, most=MOST_ORDER)
    faults.check(check_choice, worth, "worth", ("conversions", "rate"))
    if n_orders is not None:
        faults.check(check_draws, n_orders, "n_orders", least=2)
    if max_error is not None:
        faults.check(check_probability, max_error, "max_error", open_interval=True)
    faults.check(check_coverage, coverage)
    faults.check(check_draws, n_resamples, "n_resamples", least=0)
    faults.refuse()


def _check_weights(weights: tuple[float, float, float], faults: Faults) -> None:
    if len(weights) != 3 or min(weights) < 0 or not weights[0] + weights[2] > 0 or not np.isfinite(sum(weights)):
        faults.add(f"position_weights={weights!r} must be three numbers of at least 0, the first or last above 0")


def _check_half_life(half_life: float | None, unit: str | None, faults: Faults) -> None:
    if half_life is None or not is_number(half_life) or half_life <= 0:
        faults.add(f"half_life={half_life!r}: time_decay needs one above 0, such as half_life=7, unit='D'")
    if unit not in (units := {**UNIT_WORDS, "touch": "touches"}):
        faults.add(f"unit={unit!r} of the half-life must be one of {', '.join(map(repr, units))}")
