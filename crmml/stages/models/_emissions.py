r"""What a hidden stage shows: counts, categories or amounts.

An emission works on a table of distinct observations (value, and covariates if there are any), so that densities are
computed once for each. Its parameters are a dict of arrays with one row per stage.

* Poisson: :math:`\log P(y \mid s, x) = y \eta - e^{\eta} - \log y!`, :math:`\eta = \log \lambda_s + x \beta`;
* categorical: :math:`P(y \mid s) = p_{sy}`;
* Gaussian: :math:`y \sim N(\mu_s + x \beta, \sigma_s^2)`.

Covariates act alike in all stages, so that the stages stay what they are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from scipy.special import gammaln

Parameters = dict[str, np.ndarray]


class Emission(ABC):
    """A distribution of observations, one for each stage."""

    #: Name of the parameter that orders the stages, and the fitted attribute of each parameter.
    attributes: ClassVar[dict[str, str]]
    takes_covariates = True

    @abstractmethod
    def faults(self, values: np.ndarray) -> list[str]:
        """Return what is wrong with the observed values."""

    @abstractmethod
    def initial(
        self, values: np.ndarray, weight: np.ndarray, n_stages: int, x: np.ndarray | None, rng: Any
    ) -> Parameters:
        """Return start values: stages spread over the observations; shaken where a generator is given."""

    @abstractmethod
    def log_density(self, values: np.ndarray, x: np.ndarray | None, p: Parameters) -> np.ndarray:
        """Return log densities (n_values, n_stages)."""

    @abstractmethod
    def m_step(self, values: np.ndarray, x: np.ndarray | None, weight: np.ndarray, p: Parameters) -> Parameters:
        """Return parameters that raise the weighted log density; ``weight`` has the shape (n_values, n_stages)."""

    @abstractmethod
    def mean(self, p: Parameters) -> np.ndarray:
        """Return what orders the stages: the expected observation of each, covariates at 0."""

    @abstractmethod
    def to_vector(self, p: Parameters) -> np.ndarray:
        """Return the parameters without bounds, in one vector."""

    @abstractmethod
    def from_vector(self, vector: np.ndarray, like: Parameters) -> Parameters:
        """Undo :meth:`to_vector`."""

    def sizes(self, x: np.ndarray | None, p: Parameters) -> np.ndarray:
        """Return what counts as a step of size 1 in each entry of the vector."""
        return np.ones(len(self.to_vector(p)))

    @abstractmethod
    def score(self, values: np.ndarray, x: np.ndarray | None, weight: np.ndarray, p: Parameters) -> np.ndarray:
        """Return the gradient of the weighted log density by the vector."""

    @abstractmethod
    def sample(self, stage: np.ndarray, x: np.ndarray | None, p: Parameters, rng: np.random.Generator) -> np.ndarray:
        """Draw one observation for each stage code."""

    @abstractmethod
    def reported(self, stages: Sequence[str], p: Parameters) -> list[tuple[str, float, str]]:
        """Return the parameters of the stages as they are reported: name, value, link; those of covariates left out."""

    def legal(self, p: Parameters) -> bool:
        """Return whether the parameters keep every bound that :meth:`m_step` keeps."""
        return True

    def permuted(self, p: Parameters, order: np.ndarray) -> Parameters:
        """Return the parameters with the stages in another order."""
        return {name: value if name == "beta" else value[order] for name, value in p.items()}

    def n_parameters(self, p: Parameters) -> int:
        """Return how many numbers are free."""
        return len(self.to_vector(p))


def _spread(values: np.ndarray, weight: np.ndarray, n_stages: int, rng: Any) -> np.ndarray:
    """Return the mean of each of n equal shares of the sorted observations, shaken where a generator is given."""
    order = np.argsort(values, kind="stable")
    edge = np.cumsum(weight[order]) / weight.sum()
    share = np.minimum((edge * n_stages - 1e-12).astype(int), n_stages - 1)
    total = np.bincount(share, weight[order] * values[order], n_stages)
    size = np.bincount(share, weight[order], n_stages)
    overall = float(np.average(values, weights=weight))
    means = np.where(size > 0, total / np.maximum(size, 1e-300), overall)
    scale = np.sqrt(np.average((values - overall) ** 2, weights=weight)) + 1e-3 * abs(overall) + 1e-6
    for s in range(1, n_stages):
        means[s] = max(means[s], means[s - 1] + 0.1 * scale)
    if rng is not None:
        means = np.sort(means + rng.normal(size=n_stages) * 0.5 * scale)
    return means


def _inverse_spread(x: np.ndarray | None) -> np.ndarray:
    """Return one over the largest size of each covariate; 1 for those that are 0 throughout."""
    if x is None:
        return np.zeros(0)
    largest = np.abs(x).max(axis=0)
    return 1 / np.where(largest > 0, largest, 1.0)


class PoissonEmission(Emission):
    """Counts."""

    attributes: ClassVar[dict[str, str]] = {"rate": "rates_", "beta": "coef_emission_"}

    def faults(self, values: np.ndarray) -> list[str]:
        wrong = (values < 0) | (values != np.floor(values))
        return (
            [f"{int(wrong.sum()):,} of {len(values):,} distinct values are not counts ({values[wrong][0]:g})"]
            if wrong.any()
            else []
        )

    def initial(
        self, values: np.ndarray, weight: np.ndarray, n_stages: int, x: np.ndarray | None, rng: Any
    ) -> Parameters:
        rate = np.maximum(_spread(values, weight, n_stages, rng), 0.02 + 0.01 * np.arange(n_stages))
        return {"rate": rate, "beta": np.zeros(0 if x is None else x.shape[1])}

    def _eta(self, x: np.ndarray | None, p: Parameters) -> np.ndarray:
        log_rate = np.log(np.maximum(p["rate"], 1e-300))[None, :]
        return log_rate if x is None or x.shape[1] == 0 else log_rate + (x @ p["beta"])[:, None]

    def log_density(self, values: np.ndarray, x: np.ndarray | None, p: Parameters) -> np.ndarray:
        eta = self._eta(x, p)
        return values[:, None] * eta - np.exp(eta) - gammaln(values + 1)[:, None]

    def m_step(self, values: np.ndarray, x: np.ndarray | None, weight: np.ndarray, p: Parameters) -> Parameters:
        if x is None or x.shape[1] == 0:
            total = weight.sum(axis=0)
            rate = np.where(total > 1e-10, (values @ weight) / np.maximum(total, 1e-300), p["rate"])
            return {"rate": np.maximum(rate, 1e-10), "beta": p["beta"]}
        vector = self.to_vector(p)
        value = float((weight * self.log_density(values, x, p)).sum())
        for _ in range(3):
            gradient = self.score(values, x, weight, p)
            mean = np.exp(self._eta(x, p)) * weight
            S, q = weight.shape[1], x.shape[1]
            H = np.zeros((S + q, S + q))
            H[:S, :S] = np.diag(mean.sum(axis=0))
            H[:S, S:] = mean.T @ x
            H[S:, :S] = H[:S, S:].T
            H[S:, S:] = (x * mean.sum(axis=1)[:, None]).T @ x
            step = np.linalg.lstsq(H, gradient, rcond=None)[0]
            for _ in range(30):
                new = self.from_vector(vector + step, p)
                with np.errstate(over="ignore", invalid="ignore"):
                    found = float((weight * self.log_density(values, x, new)).sum())
                if found >= value:
                    break
                step = step / 2
            else:
                return p
            p, value, vector = new, found, vector + step
        return p

    def mean(self, p: Parameters) -> np.ndarray:
        return p["rate"]

    def to_vector(self, p: Parameters) -> np.ndarray:
        return np.concatenate([np.log(np.maximum(p["rate"], 1e-300)), p["beta"]])

    def from_vector(self, vector: np.ndarray, like: Parameters) -> Parameters:
        S = len(like["rate"])
        return {"rate": np.exp(vector[:S]), "beta": vector[S:]}

    def sizes(self, x: np.ndarray | None, p: Parameters) -> np.ndarray:
        return np.concatenate([np.ones(len(p["rate"])), _inverse_spread(x)])

    def score(self, values: np.ndarray, x: np.ndarray | None, weight: np.ndarray, p: Parameters) -> np.ndarray:
        residual = weight * (values[:, None] - np.exp(self._eta(x, p)))
        by_beta = np.zeros(0) if x is None else x.T @ residual.sum(axis=1)
        return np.concatenate([residual.sum(axis=0), by_beta])

    def sample(self, stage: np.ndarray, x: np.ndarray | None, p: Parameters, rng: np.random.Generator) -> np.ndarray:
        shift = 1.0 if x is None else np.exp(x @ p["beta"])
        return rng.poisson(p["rate"][stage] * shift).astype(float)

    def reported(self, stages: Sequence[str], p: Parameters) -> list[tuple[str, float, str]]:
        return [(f"rate {name}", rate, "log") for name, rate in zip(stages, p["rate"], strict=True)]


class CategoricalEmission(Emission):
    """Categories, coded 0, 1, ..."""

    attributes: ClassVar[dict[str, str]] = {"proba": "emission_probabilities_"}
    takes_covariates = False

    def faults(self, values: np.ndarray) -> list[str]:
        wrong = (values < 0) | (values != np.floor(values)) | (values > 10_000)
        return (
            [f"{int(wrong.sum()):,} distinct values are not codes of categories ({values[wrong][0]:g})"]
            if wrong.any()
            else []
        )

    def initial(
        self, values: np.ndarray, weight: np.ndarray, n_stages: int, x: np.ndarray | None, rng: Any
    ) -> Parameters:
        n = int(values.max()) + 1
        share = np.bincount(values.astype(int), weight, n) / weight.sum()
        middle = _spread(values, weight, n_stages, None)
        near = np.exp(-0.5 * ((np.arange(n)[None, :] - middle[:, None]) / max(n / n_stages, 0.5)) ** 2)
        proba = share * near
        if rng is not None:
            proba = proba * rng.gamma(2.0, size=proba.shape)
        return {"proba": proba / proba.sum(axis=1, keepdims=True)}

    def log_density(self, values: np.ndarray, x: np.ndarray | None, p: Parameters) -> np.ndarray:
        known = values < p["proba"].shape[1]
        with np.errstate(divide="ignore"):
            log_p = np.log(np.maximum(p["proba"], 1e-300))
        result = np.full((len(values), len(log_p)), np.log(1e-300))
        result[known] = log_p[:, values[known].astype(int)].T
        return result

    def m_step(self, values: np.ndarray, x: np.ndarray | None, weight: np.ndarray, p: Parameters) -> Parameters:
        proba = self._mass(values, weight, p)
        total = proba.sum(axis=1, keepdims=True)
        return {"proba": np.where(total > 1e-10, proba / np.maximum(total, 1e-300), p["proba"])}

    def _mass(self, values: np.ndarray, weight: np.ndarray, p: Parameters) -> np.ndarray:
        total = np.zeros_like(p["proba"].T)
        np.add.at(total, values.astype(int), weight)
        return total.T

    def mean(self, p: Parameters) -> np.ndarray:
        return p["proba"] @ np.arange(p["proba"].shape[1])

    def to_vector(self, p: Parameters) -> np.ndarray:
        log_p = np.log(np.maximum(p["proba"], 1e-12))
        return (log_p[:, 1:] - log_p[:, :1]).ravel()

    def from_vector(self, vector: np.ndarray, like: Parameters) -> Parameters:
        S, n = like["proba"].shape
        eta = np.column_stack([np.zeros(S), vector.reshape(S, n - 1)])
        proba = np.exp(eta - eta.max(axis=1, keepdims=True))
        return {"proba": proba / proba.sum(axis=1, keepdims=True)}

    def score(self, values: np.ndarray, x: np.ndarray | None, weight: np.ndarray, p: Parameters) -> np.ndarray:
        seen = self._mass(values, weight, p)
        return (seen - seen.sum(axis=1, keepdims=True) * p["proba"])[:, 1:].ravel()

    def sample(self, stage: np.ndarray, x: np.ndarray | None, p: Parameters, rng: np.random.Generator) -> np.ndarray:
        upto = np.cumsum(p["proba"], axis=1)[:, :-1]
        return (rng.random(len(stage))[:, None] >= upto[stage]).sum(axis=1).astype(float)

    def reported(self, stages: Sequence[str], p: Parameters) -> list[tuple[str, float, str]]:
        return [
            (f"{name}, category {c}", share, "logit")
            for name, row in zip(stages, p["proba"], strict=True)
            for c, share in enumerate(row)
        ]


class GaussianEmission(Emission):
    """Amounts."""

    attributes: ClassVar[dict[str, str]] = {"mean": "means_", "sd": "standard_deviations_", "beta": "coef_emission_"}
    #: Smallest standard deviation, as a share of that of all observations: below, the likelihood has no bound.
    floor = 1e-3

    def faults(self, values: np.ndarray) -> list[str]:
        return [] if np.ptp(values) > 0 else ["all observed amounts are the same"]

    def initial(
        self, values: np.ndarray, weight: np.ndarray, n_stages: int, x: np.ndarray | None, rng: Any
    ) -> Parameters:
        mean = _spread(values, weight, n_stages, rng)
        overall = np.average(values, weights=weight)
        sd = np.sqrt(np.average((values - overall) ** 2, weights=weight))
        self._least = self.floor * sd
        return {
            "mean": mean,
            "sd": np.full(n_stages, sd / np.sqrt(n_stages)),
            "beta": np.zeros(0 if x is None else x.shape[1]),
        }

    def legal(self, p: Parameters) -> bool:
        return bool((p["sd"] >= self._least).all())

    def _center(self, x: np.ndarray | None, p: Parameters) -> np.ndarray:
        return p["mean"][None, :] if x is None or x.shape[1] == 0 else p["mean"] + (x @ p["beta"])[:, None]

    def log_density(self, values: np.ndarray, x: np.ndarray | None, p: Parameters) -> np.ndarray:
        z = (values[:, None] - self._center(x, p)) / p["sd"]
        return -0.5 * z**2 - np.log(p["sd"]) - 0.5 * np.log(2 * np.pi)

    def m_step(self, values: np.ndarray, x: np.ndarray | None, weight: np.ndarray, p: Parameters) -> Parameters:
        total = np.maximum(weight.sum(axis=0), 1e-300)
        precise = weight / p["sd"] ** 2
        if x is None or x.shape[1] == 0:
            mean, beta = np.where(total > 1e-10, (values @ weight) / total, p["mean"]), p["beta"]
        else:
            S, q = weight.shape[1], x.shape[1]
            H, g = np.zeros((S + q, S + q)), np.zeros(S + q)
            H[:S, :S] = np.diag(precise.sum(axis=0))
            H[:S, S:] = precise.T @ x
            H[S:, :S] = H[:S, S:].T
            row = precise.sum(axis=1)
            H[S:, S:] = (x * row[:, None]).T @ x
            g[:S], g[S:] = values @ precise, x.T @ (values * row)
            solved = np.linalg.lstsq(H, g, rcond=None)[0]
            mean, beta = solved[:S], solved[S:]
        new = {"mean": mean, "sd": p["sd"], "beta": beta}
        square = (weight * (values[:, None] - self._center(x, new)) ** 2).sum(axis=0) / total
        new["sd"] = np.where(total > 1e-10, np.sqrt(np.maximum(square, self._least**2)), p["sd"])
        return new

    def mean(self, p: Parameters) -> np.ndarray:
        return p["mean"]

    def to_vector(self, p: Parameters) -> np.ndarray:
        return np.concatenate([p["mean"], np.log(p["sd"]), p["beta"]])

    def from_vector(self, vector: np.ndarray, like: Parameters) -> Parameters:
        S = len(like["mean"])
        return {"mean": vector[:S], "sd": np.exp(vector[S : 2 * S]), "beta": vector[2 * S :]}

    def sizes(self, x: np.ndarray | None, p: Parameters) -> np.ndarray:
        return np.concatenate([p["sd"], np.ones(len(p["sd"])), p["sd"].mean() * _inverse_spread(x)])

    def score(self, values: np.ndarray, x: np.ndarray | None, weight: np.ndarray, p: Parameters) -> np.ndarray:
        z = (values[:, None] - self._center(x, p)) / p["sd"]
        pull = weight * z / p["sd"]
        by_beta = np.zeros(0) if x is None else x.T @ pull.sum(axis=1)
        return np.concatenate([pull.sum(axis=0), (weight * (z**2 - 1)).sum(axis=0), by_beta])

    def sample(self, stage: np.ndarray, x: np.ndarray | None, p: Parameters, rng: np.random.Generator) -> np.ndarray:
        shift = 0.0 if x is None else x @ p["beta"]
        return rng.normal(p["mean"][stage] + shift, p["sd"][stage])

    def reported(self, stages: Sequence[str], p: Parameters) -> list[tuple[str, float, str]]:
        means = [(f"mean {name}", mean, "identity") for name, mean in zip(stages, p["mean"], strict=True)]
        return means + [(f"standard deviation {name}", sd, "log") for name, sd in zip(stages, p["sd"], strict=True)]


EMISSIONS: dict[str, type[Emission]] = {
    "poisson": PoissonEmission,
    "categorical": CategoricalEmission,
    "gaussian": GaussianEmission,
}
