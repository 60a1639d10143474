r"""The posterior of a model with a handful of parameters, without a Markov chain.

Draws come from a multivariate Student-t around the mode and are weighted by target over proposal; the weights are
Pareto-smoothed and the draws resampled to equal weight. Where the weights' tail is too heavy (k > 0.7) the proposal is
moved to the weighted mean and covariance and tried again; where that fails too, a warning says so and an ensemble
sampler [1]_ takes over.

References
----------
.. [1] Foreman-Mackey, D., Hogg, D. W., Lang, D. and Goodman, J. (2013), emcee: The MCMC hammer. Publications of the
   Astronomical Society of the Pacific 125, 306-312.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import gammaln

from ..checks import check_count, check_coverage, check_generator
from ..exceptions import warn
from ..results import IntervalDisplay, Result
from ..typing import Seed
from .pareto_smoothing import MAX_K, pareto_smooth

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Draws at a time, at most.
MOST_DRAWS = 1_000_000
#: Degrees of freedom of the proposal: tails well above a normal posterior's, at little cost in effective draws.
PROPOSAL_DF = 5.0
#: How often the proposal is adapted before the sampler takes over.
MAX_ROUNDS = 6


@dataclass(frozen=True)
class Posterior(Result):
    """Equally weighted draws from a posterior, with what tells their worth.

    Attributes
    ----------
    draws : DataFrame of shape (n_draws, k)
        One column for each parameter, on the natural scale.
    ess : float
        Effective number of independent draws.
    pareto_k : float
        Shape of the importance weights' tail: below 0.7 they can be trusted. NaN where a Markov chain was run.
    method : {"importance", "ensemble"}
        How the draws were made.
    rounds : int
        Proposals tried.
    """

    draws: pd.DataFrame
    ess: float
    pareto_k: float
    method: str = "importance"
    rounds: int = field(default=1)

    def summary(self, coverage: float = 0.9) -> pd.DataFrame:
        """Mean, standard deviation, median and equal-tailed interval of each parameter."""
        tail = (1 - check_coverage(coverage)) / 2
        lower, middle, upper = self.draws.quantile([tail, 0.5, 1 - tail]).to_numpy()
        columns = {"mean": self.draws.mean(), "sd": self.draws.std(), "median": middle, "lower": lower, "upper": upper}
        return pd.DataFrame(columns, index=pd.Index(self.draws.columns, name="parameter"))

    def to_frame(self) -> pd.DataFrame:
        """Return the draws, one column for each parameter, on the natural scale."""
        return self.draws.copy()

    def plot(self, ax: Axes | None = None) -> IntervalDisplay:
        """Draw the mean of each parameter and the interval that holds 90 % of its draws.

        Parameters
        ----------
        ax : matplotlib Axes, default=None

        Returns
        -------
        IntervalDisplay
        """
        table = self.summary().reset_index().rename(columns={"parameter": "quantity", "mean": "value"})
        return IntervalDisplay(table, title=self.describe()).plot(ax=ax)

    def describe(self) -> str:
        """Say in plain sentences what the draws are worth."""
        if self.method == "ensemble":
            return (
                f"{len(self.draws):,} posterior draws of an ensemble sampler, worth {self.ess:,.0f} independent ones."
            )
        verdict = "the weights can be trusted" if self.pareto_k <= MAX_K else "the weights can NOT be trusted"
        return (
            f"{len(self.draws):,} posterior draws by importance sampling, worth {self.ess:,.0f} independent ones; "
            f"Pareto k {self.pareto_k:.2f}: {verdict}."
        )

    def to_arviz(self) -> Any:
        """Return the draws as an ArviZ data set of one chain.

        Raises
        ------
        ImportError
            Naming the extra, where ArviZ is not installed.
        """
        try:
            import arviz
        except ImportError:
            raise ImportError("to_arviz() needs ArviZ: pip install 'crmml[bayes]'") from None
        values = {str(name): self.draws[name].to_numpy()[None, :] for name in self.draws}
        if "posterior" in inspect.signature(arviz.from_dict).parameters:  # groups were keywords before ArviZ 1.0
            return arviz.from_dict(posterior=values)
        return arviz.from_dict({"posterior": values})


def sample_posterior(
    log_density: Callable[[np.ndarray], np.ndarray],
    mode: np.ndarray,
    covariance: np.ndarray,
    *,
    names: Sequence[str],
    transform: Callable[[np.ndarray], np.ndarray] | None = None,
    n_draws: int = 4000,
    random_state: Seed = None,
) -> Posterior:
    """Sample a posterior given by its unnormalised log density.

    Parameters
    ----------
    log_density : callable
        Maps points (m, k) to log densities (m,).
    mode : ndarray of shape (k,)
        Where the first proposal is centred.
    covariance : ndarray of shape (k, k)
        Its spread, as a rule the inverse information at the mode.
    names : sequence of str
        The columns of the draws.
    transform : callable, default=None
        Maps points (m, k) to the scale of the draws.
    n_draws : int, default=4000
    random_state : int, Generator, SeedSequence or None

    Returns
    -------
    Posterior

    Warns
    -----
    UserWarning
        When no proposal fits and the ensemble sampler takes over.

    Examples
    --------
    >>> import numpy as np
    >>> normal = lambda u: -0.5 * (u**2).sum(axis=1)
    >>> posterior = sample_posterior(normal, np.zeros(2), np.eye(2), names=["a", "b"], random_state=0)
    >>> posterior.ess > 3000, posterior.pareto_k < 0.5
    (True, True)
    """
    n_draws = check_count(n_draws, "n_draws", least=100, most=MOST_DRAWS)  # fewer, and the weights cannot be judged
    rng = check_generator(random_state)
    location, scale = np.asarray(mode, dtype=float), _usable(np.asarray(covariance, dtype=float))
    best: tuple | None = None
    rounds = 0
    while rounds < MAX_ROUNDS:
        rounds += 1
        points, log_proposal = student_t(rng, location, scale, n_draws)
        log_target = np.nan_to_num(log_density(points), nan=-np.inf, posinf=-np.inf)
        weights, k = pareto_smooth(log_target - log_proposal)
        if best is None or k < best[1]:
            best = points, k, weights
        if k <= MAX_K:
            break
        location = weights @ points
        centred = points - location
        adapted = (centred * weights[:, None]).T @ centred
        scale = _usable(1.5 * adapted + 0.05 * scale)
    points, k, weights = best  # type: ignore[misc]
    if k <= MAX_K:
        chosen = points[systematic_resample(weights, n_draws, rng)]
        rng.shuffle(chosen)
        return _posterior(chosen, names, transform, 1 / float(weights @ weights), k, "importance", rounds)
    warn(
        f"The posterior is too far from a Student-t for importance sampling (Pareto k {k:.2f} after {rounds} proposals): "
        "an ensemble sampler takes over, which is slower. A firmer prior or a simpler model would avoid this.",
        UserWarning,
    )
    start = points[systematic_resample(weights, 8 * location.size, rng)]
    chosen, ess = _ensemble(log_density, start, scale, n_draws, rng)
    return _posterior(chosen, names, transform, ess, np.nan, "ensemble", rounds)


def _posterior(points, names, transform, ess, k, method, rounds) -> Posterior:
    natural = points if transform is None else transform(points)
    return Posterior(pd.DataFrame(natural, columns=list(names)), float(ess), float(k), method, rounds)


def _usable(covariance: np.ndarray) -> np.ndarray:
    """The covariance itself where it is positive definite, else the nearest thing with its variances bounded."""
    if not np.isfinite(covariance).all():
        return np.eye(len(covariance))
    values, vectors = np.linalg.eigh((covariance + covariance.T) / 2)
    return (vectors * np.clip(values, 1e-12, None)) @ vectors.T


def student_t(
    rng: np.random.Generator, location: np.ndarray, scale: np.ndarray, n: int, df: float = PROPOSAL_DF
) -> tuple[np.ndarray, np.ndarray]:
    """Draw n points of a multivariate Student-t; return them (n, k) and their log densities up to a constant (n,)."""
    k = location.size
    factor = np.linalg.cholesky(scale)
    z = rng.standard_normal((n, k))
    stretch = np.sqrt(df / rng.chisquare(df, n))
    points = location + (z * stretch[:, None]) @ factor.T
    distance = (z**2).sum(axis=1) * stretch**2
    constant = gammaln((df + k) / 2) - gammaln(df / 2) - k / 2 * np.log(df * np.pi) - np.log(np.diag(factor)).sum()
    return points, constant - (df + k) / 2 * np.log1p(distance / df)


def systematic_resample(weights: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return n indices, each as often as its weight says within one, in order."""
    place = (np.arange(n) + rng.random()) / n
    return np.minimum(np.searchsorted(np.cumsum(weights), place), weights.size - 1)


def _ensemble(log_density, start, scale, n_draws, rng) -> tuple[np.ndarray, float]:
    try:
        import emcee
    except ImportError:
        raise ImportError(
            "The posterior needs an ensemble sampler, which is not installed: pip install 'crmml[bayes]'"
        ) from None
    walkers, k = start.shape
    start = start + 1e-3 * rng.standard_normal(start.shape) * np.sqrt(np.diag(scale))

    def safe(u):
        return np.nan_to_num(log_density(u), nan=-np.inf, posinf=-np.inf)

    sampler = emcee.EnsembleSampler(walkers, k, safe, vectorize=True)
    seed = np.random.RandomState(rng.integers(2**31))
    sampler.random_state = seed.get_state()
    steps = max(1000, 20 * n_draws // walkers)
    sampler.run_mcmc(start, steps, skip_initial_state_check=True)
    time = float(np.max(sampler.get_autocorr_time(quiet=True)))
    burn = min(int(5 * time), steps // 2)
    chain = sampler.get_chain(discard=burn, flat=True)
    pick = rng.choice(len(chain), n_draws, replace=len(chain) < n_draws)
    return chain[pick], min(n_draws, len(chain) / time)
