r"""Relationship stages in continuous time, seen at irregular moments.

A customer in stage i moves to j with intensity :math:`q_{ij}` per unit of time, which covariates multiply by
:math:`e^{z \beta_{ij}}`. What happened between two observations is not known, except that rupture may be known to the moment.
The likelihood (see :mod:`crmml.stages.models._panel_likelihood`) is conditional on each customer's first stage and is maximised over
the log intensities with its analytic gradient; standard errors come from the observed information [1]_ [2]_.

References
----------
.. [1] Kalbfleisch, J. D. and Lawless, J. F. (1985), The analysis of panel data under a Markov assumption. Journal of the
   American Statistical Association 80, 863-871.
.. [2] Jackson, C. H. (2011), Multi-state models for panel data. Journal of Statistical Software 38(8).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from scipy.stats import norm
from sklearn.base import BaseEstimator, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from ... import frames
from ...exceptions import DataError
from ...inference import maximize
from ...typing import FrameLike
from ..process.exponential import exp_generator
from ..process.generator import StageGenerator
from ..process.space import StageSpace, as_stage_space
from ._misclassified_likelihood import MisclassifiedLikelihood
from ._panel_likelihood import Intervals, PanelLikelihood
from .base import InformationCriteria
from .panel import forbidden_moves

#: Half-width of the search box around the start values, in logs.
BOX = 14.0
STORED_DRAWS = 1000


class ContinuousTimeStageModel(InformationCriteria, BaseEstimator):
    """A continuous-time Markov model of stages seen at irregular times.

    Parameters
    ----------
    stages : StageSpace or sequence of str
        ``allowed`` of the space says which moves can happen in an instant; others come about through stages between.
    covariates : sequence of str, default=()
        Columns whose value at an observation acts on the intensities until the next one.
    exact_rupture : bool, default=True
        Whether an observation of rupture is of its very moment; else it only says that it has happened by then.
    unit : {"h", "D", "W", "M", "Y"}, default=None
        What the column of times is counted in.
    misclassification : sequence of (true, told), default=()
        Stages that may be told as another; rupture never is. Their probabilities are estimated; stages are then hidden, and a
        customer's first true stage is drawn from ``initial``.
    initial : array-like of shape (n_stages,), default=None
        Distribution of the true stage at a customer's first observation, taken as known, where stages can be
        misclassified. None is even over the stages that are not rupture.
    customer_id, time, stage : str
        Columns of the frame.

    Attributes
    ----------
    stages_ : StageSpace
    intensity_matrix_ : ndarray of shape (n_stages, n_stages)
        At the mean of the covariates over the intervals.
    std_errors_ : ndarray of shape (n_stages, n_stages)
        Of the same, its diagonal included, by the delta method.
    generator_ : StageGenerator
        The same with draws from the normal approximation on the log scale.
    coef_ : DataFrame of shape (n_arcs, n_covariates)
        Log hazard ratios.
    covariance_ : ndarray
        Of the log intensities at covariates of 0, the log hazard ratios, arc by arc, covariate by covariate, and the log odds
        of errors.
    classification_ : ndarray of shape (n_stages, n_stages)
        How each true stage is told; the identity without ``misclassification``.
    classification_errors_ : ndarray of shape (n_stages, n_stages)
        Standard errors of the same.
    log_likelihood_ : float
    converged_ : bool
    n_parameters_, n_informative_, n_intervals_ : int

    Examples
    --------
    Customers seen every month, of whom it is not known when in the month they left:

    >>> from crmml.datasets import make_stage_panel
    >>> from crmml.stages import ContinuousTimeStageModel, StageGenerator, StageSpace
    >>> space = StageSpace(("on", "off", "gone"), rupture="gone", absorbing=("gone",))
    >>> truth = StageGenerator([[-0.3, 0.2, 0.1], [0.4, -0.6, 0.2], [0, 0, 0]], space, "M")
    >>> seen = make_stage_panel(truth.to_chain(1.0, "M"), n_customers=2000, n_periods=8, missing=0.1, random_state=0)
    >>> seen = seen.rename(columns={"period": "time"})
    >>> seen = seen[seen.groupby("customer_id")["time"].transform("size") > 1]
    >>> model = ContinuousTimeStageModel(space, exact_rupture=False, unit="M").fit(seen)
    >>> model.intensity_matrix_.round(2), model.generator_.hitting_time().round(1)
    (array([[-0.3 ,  0.2 ,  0.1 ],
           [ 0.42, -0.62,  0.19],
           [ 0.  ,  0.  ,  0.  ]]), array([8.2, 7.2, 0. ]))
    """

    _title = "Continuous-time stage model"
    _parameter_constraints: ClassVar[dict] = {
        "exact_rupture": ["boolean"],
        "unit": [StrOptions({"h", "D", "W", "M", "Y"}), None],
        "misclassification": ["array-like"],
        "initial": ["array-like", None],
        "customer_id": [str],
        "time": [str],
        "stage": [str],
    }

    def __init__(
        self,
        stages: Any,
        *,
        covariates: Sequence[str] = (),
        exact_rupture: bool = True,
        unit: str | None = None,
        misclassification: Sequence[tuple[str, str]] = (),
        initial: Any = None,
        customer_id: str = "customer_id",
        time: str = "time",
        stage: str = "stage",
    ) -> None:
        self.stages = stages
        self.covariates = covariates
        self.exact_rupture = exact_rupture
        self.unit = unit
        self.misclassification = misclassification
        self.initial = initial
        self.customer_id = customer_id
        self.time = time
        self.stage = stage

    # ---- input ----------------------------------------------------------------------------------------------------

    def _rows(self, X: Any, space: StageSpace) -> pd.DataFrame:
        """Return the checked rows in order of customer and time: the one door through which all input passes."""
        if not frames.is_frame(X):
            raise ValueError(
                f"{type(self).__name__} takes a frame with columns {self.customer_id}, {self.time} and {self.stage}; it was given a "
                f"{type(X).__name__}."
            )
        if isinstance(self.covariates, str) or {self.customer_id, self.time, self.stage} & set(self.covariates):
            raise ValueError(
                f"covariates={self.covariates!r} must list columns other than those of customer, time and stage."
            )
        names = [self.customer_id, self.time, self.stage, *self.covariates]
        frame = frames.to_columns(X, names)
        columns = {"id": frame[self.customer_id], "code": space.codes(frame[self.stage])}
        faults = []
        for name, column in ((self.time, "time"), *((c, c) for c in self.covariates)):
            if frame[name].dtype.kind in "mM":
                faults.append(f"column {name!r} holds dates or durations; give numbers counted in one unit of time")
                continue
            values = pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=float)
            if (wrong := int((~np.isfinite(values)).sum())) > 0:
                faults.append(f"column {name!r} is missing or no finite number in {wrong:,} of {len(frame):,} rows")
            columns[f"z {column}" if column != "time" else "time"] = values
        if missing := int(frame[self.customer_id].isna().sum()):
            faults.append(f"column {self.customer_id!r} is missing in {missing:,} of {len(frame):,} rows")
        if len(frame) == 0:
            faults.append("it has no rows")
        if faults:
            raise DataError(faults, "the frame of stages")
        rows = pd.DataFrame(columns)
        rows["id"] = pd.factorize(rows["id"])[0]
        rows = rows.sort_values(["id", "time"], kind="stable", ignore_index=True)
        same = rows["id"].to_numpy()[1:] == rows["id"].to_numpy()[:-1]
        if (twice := int((same & (np.diff(rows["time"]) == 0)).sum())) > 0:
            raise DataError(
                [f"{twice:,} rows repeat a customer's time; keep one row a customer and time"], "the frame of stages"
            )
        return rows

    def _intervals(self, rows: pd.DataFrame, space: StageSpace) -> Intervals:
        """Return the intervals between observed stages; a missing last stage only says that nothing broke until then."""
        code, who, time = rows["code"].to_numpy(), rows["id"].to_numpy(), rows["time"].to_numpy()
        last = np.r_[who[1:] != who[:-1], True]
        kept = ~np.isnan(code) | last
        code, who, time = code[kept], who[kept], time[kept]
        z = rows[[f"z {name}" for name in self.covariates]].to_numpy(dtype=float)[kept]
        pair = (who[1:] == who[:-1]) & ~np.isnan(code[:-1])
        origin = code[:-1][pair].astype(int)
        to = np.where(np.isnan(code[1:]), -1, code[1:])[pair].astype(int)
        fixed = space.absorbing_mask
        stays = fixed[origin] & (to == origin)  # rows that repeat an absorbing stage say nothing
        wrong = np.zeros((len(space),) * 2)
        np.add.at(wrong, (origin[fixed[origin] & ~stays & (to >= 0)], to[fixed[origin] & ~stays & (to >= 0)]), 1)
        if faults := forbidden_moves(wrong, space):
            raise DataError(faults, "the frame of stages")
        use = ~stays & ~(fixed[origin])
        broken = space.rupture_mask
        exact = (to >= 0) & broken[np.maximum(to, 0)] & self.exact_rupture & ~broken[origin]
        length = np.diff(time)[pair]
        return Intervals(origin[use], to[use], length[use], exact[use], z[:-1][pair][use])

    # ---- fit ------------------------------------------------------------------------------------------------------

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: FrameLike, y: None = None) -> ContinuousTimeStageModel:
        """Fit by maximum likelihood.

        Parameters
        ----------
        X : frame of any engine
            One row an observation: customer_id, time (a number, in ``unit``), stage (name or code), covariates; in any
            order. A missing stage is passed over, except in a customer's last row, where it says that the relationship
            was not broken by then.
        y : None
            Ignored.

        Returns
        -------
        self : object

        Raises
        ------
        DataError
            Naming and counting what is wrong.

        Warns
        -----
        ConvergenceWarning
            When there is no interior optimum, naming the moves whose intensity runs to 0.
        """
        space = as_stage_space(self.stages)
        rows = self._rows(X, space)
        intervals = self._intervals(rows, space)
        if len(intervals.origin) == 0:
            raise DataError(
                ["no customer was observed twice before rupture, so nothing is known of the moves"],
                "the frame of stages",
            )
        sizes = (~rows["code"].isna()).groupby(rows["id"]).sum()
        if (alone := int((sizes <= 1).sum())) > 0:
            warnings.warn(
                f"{alone:,} of {len(sizes):,} customers were observed once; they say nothing about the moves.",
                UserWarning,
                stacklevel=2,
            )
        moves = space.allowed_moves & ~space.absorbing_mask[:, None] & ~np.eye(len(space), dtype=bool)
        self._arcs = np.argwhere(moves)
        if len(self._arcs) == 0:
            raise DataError(["no move between different stages can happen in it"], "the stage space")
        self._errors_told = self._pairs(space)
        n_rates = len(self._arcs) * (1 + len(self.covariates))
        likelihood = self._likelihood(rows, intervals, space)
        start = np.zeros(n_rates + len(self._errors_told))
        start[: len(self._arcs)] = self._crude(intervals, space)
        start[n_rates:] = np.log(0.1)
        hidden = len(self._errors_told) > 0
        impossible = np.zeros(1) if hidden else likelihood.impossible(start)  # type: ignore[union-attr]
        if impossible.any():
            faults = [
                f"{int(impossible[i, j]):,} observations of {space.names[j]!r} after {space.names[i]!r}, to which no allowed moves "
                "lead"
                for i, j in zip(*np.nonzero(impossible), strict=True)
            ]
            raise DataError(faults, "the frame of stages")
        box = np.full(len(start), BOX)
        spread = np.abs(intervals.z).max(axis=0) if len(self.covariates) else np.zeros(0)
        box[len(self._arcs) : n_rates] = np.repeat(10.0 / np.maximum(spread, 1e-12), len(self._arcs))
        n = float(len(intervals.origin))
        found = maximize(likelihood, start, lower=start - box, upper=start + box, scale=n)
        self.stages_ = space
        self._vector, self.covariance_ = found.theta, found.covariance
        self.log_likelihood_, self.converged_ = found.log_likelihood, found.converged
        self.n_parameters_, self.n_intervals_ = len(start), len(intervals.origin)
        self.n_informative_ = int((sizes > 1).sum())
        self._mean = intervals.z.mean(axis=0)
        self.coef_ = pd.DataFrame(
            self._vector[len(self._arcs) : n_rates].reshape(len(self.covariates), len(self._arcs)).T,
            index=pd.Index(self._arc_names(), name="move"),
            columns=list(self.covariates),
        )
        self.classification_, self.classification_errors_ = self._classification(n_rates)
        self.generator_ = self._generator(self._mean)
        self.intensity_matrix_ = self.generator_.matrix
        self.std_errors_ = self._errors(self._mean)
        if not found.converged:
            lower = [self._arc_names()[k] for k in found.at_bound if k < len(self._arcs)]
            why = (
                f"the intensity of {', '.join(lower)} runs to 0 or without bound: the data do not show such moves, so rule them out"
                if lower
                else found.message
            )
            warnings.warn(f"No interior optimum: {why}.", ConvergenceWarning, stacklevel=2)
        return self

    def _pairs(self, space: StageSpace) -> np.ndarray:
        """Return the pairs (true stage, told stage) as codes."""
        pairs = [(space.index(true), space.index(told)) for true, told in self.misclassification]
        if any(space.rupture_mask[stage] or true == told for true, told in pairs for stage in (true, told)):
            raise ValueError("misclassification pairs two different stages, neither of them rupture.")
        return np.array(pairs, dtype=int).reshape(len(pairs), 2)

    def _likelihood(
        self, rows: pd.DataFrame, intervals: Intervals, space: StageSpace
    ) -> PanelLikelihood | MisclassifiedLikelihood:
        if not len(self._errors_told):
            return PanelLikelihood(intervals, self._arcs, space.rupture_mask)
        share = (~space.rupture_mask).astype(float) if self.initial is None else np.asarray(self.initial, dtype=float)
        if share.shape != (len(space),) or not np.isfinite(share).all() or (share < 0).any() or share.sum() <= 0:
            raise DataError([f"it needs {len(space)} numbers, none negative, with a positive sum"], "initial")
        code = rows["code"].to_numpy()
        last = np.r_[rows["id"].to_numpy()[1:] != rows["id"].to_numpy()[:-1], True]
        kept = ~np.isnan(code) | last
        return MisclassifiedLikelihood(
            rows["id"].to_numpy()[kept],
            rows["time"].to_numpy()[kept],
            np.where(np.isnan(code), -1, code)[kept].astype(int),
            rows[[f"z {name}" for name in self.covariates]].to_numpy(dtype=float)[kept],
            exact=self.exact_rupture,
            arcs=self._arcs,
            errors=self._errors_told,
            start=share / share.sum(),
            rupture=space.rupture_mask,
        )

    def _classification(self, n_rates: int) -> tuple[np.ndarray, np.ndarray]:
        """Return how stages are told, and standard errors by the delta method."""
        n = len(self.stages_)
        E = np.eye(n)
        E[self._errors_told[:, 0], self._errors_told[:, 1]] = np.exp(self._vector[n_rates:])
        E /= E.sum(axis=1, keepdims=True)
        variance = np.zeros((n, n))
        for s in np.unique(self._errors_told[:, 0]):
            own = np.flatnonzero(self._errors_told[:, 0] == s)
            told = self._errors_told[own, 1]
            slope = -np.outer(E[s], E[s, told])
            slope[told, np.arange(len(told))] += E[s, told]
            covariance = self.covariance_[np.ix_(n_rates + own, n_rates + own)]
            variance[s] = np.einsum("oa,ab,ob->o", slope, covariance, slope)
        return E, np.sqrt(np.maximum(variance, 0.0))

    def _crude(self, intervals: Intervals, space: StageSpace) -> np.ndarray:
        """Return log start values: moves between the two ends of intervals over the time spent at their openings."""
        n = len(space)
        time = np.bincount(intervals.origin, intervals.length, n)
        known = intervals.to >= 0
        counts = np.zeros((n, n))
        np.add.at(counts, (intervals.origin[known], intervals.to[known]), 1)
        rate = (counts + 0.3) / np.maximum(time, intervals.length.mean())[:, None]
        return np.log(rate[self._arcs[:, 0], self._arcs[:, 1]])

    def _arc_names(self) -> list[str]:
        names = as_stage_space(self.stages).names
        return [f"{names[i]} → {names[j]}" for i, j in self._arcs]

    def _log_rates(self, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return log intensities at covariates z, and their covariance."""
        m = len(self._arcs)
        design = np.hstack([np.eye(m), *(value * np.eye(m) for value in z)])
        used = slice(design.shape[1])
        return design @ self._vector[used], design @ self.covariance_[used, used] @ design.T

    def _matrix(self, log_q: np.ndarray) -> np.ndarray:
        n = len(self.stages_)
        Q = np.zeros((*log_q.shape[:-1], n, n))
        Q[..., self._arcs[:, 0], self._arcs[:, 1]] = np.exp(log_q)
        Q[..., np.arange(n), np.arange(n)] = 0.0 - Q.sum(axis=-1)
        return Q

    def _generator(self, z: np.ndarray) -> StageGenerator:
        log_q, covariance = self._log_rates(z)
        draws = None
        if self.converged_:  # else the normal approximation says nothing
            rng = np.random.default_rng(0)
            draws = self._matrix(rng.multivariate_normal(log_q, covariance, STORED_DRAWS, method="eigh"))
        return StageGenerator(self._matrix(log_q), self.stages_, self.unit, draws=draws)

    def _errors(self, z: np.ndarray) -> np.ndarray:
        log_q, covariance = self._log_rates(z)
        q, n = np.exp(log_q), len(self.stages_)
        natural = covariance * np.outer(q, q)
        errors = np.zeros((n, n))
        errors[self._arcs[:, 0], self._arcs[:, 1]] = np.sqrt(np.diag(natural))
        for i in range(n):
            own = self._arcs[:, 0] == i
            errors[i, i] = np.sqrt(natural[np.ix_(own, own)].sum())
        return errors

    # ---- results --------------------------------------------------------------------------------------------------

    def generator(self, covariates: Mapping[str, float] | None = None) -> StageGenerator:
        """Return the process of a customer with given covariates, with draws from its posterior.

        Parameters
        ----------
        covariates : mapping, default=None
            A value for each name; None takes their means.

        Returns
        -------
        StageGenerator
        """
        check_is_fitted(self)
        return self.generator_ if covariates is None else self._generator(self._values(covariates))

    def std_errors(self, covariates: Mapping[str, float] | None = None) -> np.ndarray:
        """Return standard errors of the intensities (n_stages, n_stages) at given covariates; None takes their means."""
        check_is_fitted(self)
        return self.std_errors_ if covariates is None else self._errors(self._values(covariates))

    def _values(self, covariates: Mapping[str, float]) -> np.ndarray:
        if missing := [name for name in self.covariates if name not in covariates]:
            raise DataError([f"{name!r} is missing" for name in missing], "the covariates")
        return np.array([float(covariates[name]) for name in self.covariates])

    @property
    def params_(self) -> Mapping[str, float]:
        """Intensities at the mean of the covariates, under names such as "new → loyal"; read-only."""
        check_is_fitted(self)
        values = np.exp(self._log_rates(self._mean)[0])
        return MappingProxyType(dict(zip(self._arc_names(), map(float, values), strict=True)))

    def summary(self, coverage: float = 0.95) -> pd.DataFrame:
        """Return intensities at the mean of the covariates, with standard errors and intervals on the log scale.

        Parameters
        ----------
        coverage : float, default=0.95

        Returns
        -------
        DataFrame
            move, estimate, std_error, lower, upper, per unit of time.
        """
        check_is_fitted(self)
        log_q, covariance = self._log_rates(self._mean)
        return self._table("estimate", log_q, np.sqrt(np.diag(covariance)), coverage)

    def hazard_ratios(self, coverage: float = 0.95) -> pd.DataFrame:
        """Return what one unit more of each covariate multiplies each intensity by.

        Parameters
        ----------
        coverage : float, default=0.95

        Returns
        -------
        DataFrame
            covariate, move, hazard_ratio, std_error, lower, upper.
        """
        check_is_fitted(self)
        m = len(self._arcs)
        std_error = np.sqrt(np.diag(self.covariance_))
        parts = []
        for k, name in enumerate(self.covariates):
            at = slice((k + 1) * m, (k + 2) * m)
            table = self._table("hazard_ratio", self._vector[at], std_error[at], coverage)
            table.insert(0, "covariate", name)
            parts.append(table)
        if not parts:
            raise ValueError("The model has no covariates.")
        return pd.concat(parts, ignore_index=True)

    def _table(self, what: str, logs: np.ndarray, std_error: np.ndarray, coverage: float) -> pd.DataFrame:
        z = norm.ppf((1 + coverage) / 2)
        return pd.DataFrame(
            {
                "move": self._arc_names(),
                what: np.exp(logs),
                "std_error": np.exp(logs) * std_error,
                "lower": np.exp(logs - z * std_error),
                "upper": np.exp(logs + z * std_error),
            }
        )

    def predict_proba(self, X: FrameLike, horizon: float = 1.0) -> np.ndarray:
        """Return the distribution over stages some time after each customer's last row.

        Parameters
        ----------
        X : frame of any engine
            As in :meth:`fit`.
        horizon : float, default=1.0
            In the unit of the times, at least 0.

        Returns
        -------
        ndarray of shape (n_customers, n_stages)
            In the order in which customers first appear.
        """
        check_is_fitted(self)
        rows = self._rows(X, self.stages_)
        seen = rows[~rows["code"].isna()]
        if (nothing := rows["id"].nunique() - seen["id"].nunique()) > 0:
            raise DataError([f"{nothing:,} customers have no observed stage; leave them out"], "the frame of stages")
        if len(self._errors_told):
            return self._hidden_ahead(rows, float(horizon))
        last, end = seen.groupby("id").last(), rows.groupby("id").last()
        z = end[[f"z {name}" for name in self.covariates]].to_numpy(dtype=float)
        unique, code = (
            np.unique(z, axis=0, return_inverse=True)
            if len(self.covariates)
            else (np.zeros((1, 0)), np.zeros(len(end), int))
        )
        Q = np.stack([self._matrix(self._log_rates(row)[0]) for row in unique])[code.ravel()]
        stage = last["code"].to_numpy().astype(int)
        waited = (end["time"] - last["time"]).to_numpy()
        share = exp_generator(Q, waited)[np.arange(len(stage)), stage]
        rupture = self.stages_.rupture_mask
        known = (waited > 0) & ~rupture[stage]
        share[np.ix_(known, rupture)] = 0.0  # not broken by the last row
        share /= share.sum(axis=1, keepdims=True)
        return np.einsum("ni,nij->nj", share, exp_generator(Q, np.full(len(stage), float(horizon))))

    def _hidden_ahead(self, rows: pd.DataFrame, horizon: float) -> np.ndarray:
        """Return the distribution of the true stage some time after each customer's last row."""
        likelihood = self._likelihood(rows, self._intervals(rows, self.stages_), self.stages_)
        share = likelihood.last_filtered(self._vector)  # type: ignore[union-attr]
        z = rows.groupby("id").last()[[f"z {name}" for name in self.covariates]].to_numpy(dtype=float)
        Q = np.stack([self._matrix(self._log_rates(row)[0]) for row in z])
        return np.einsum("ni,nij->nj", share, exp_generator(Q, np.full(len(share), horizon)))

    def score(self, X: FrameLike, y: None = None) -> float:
        """Return the mean log-likelihood per customer.

        Parameters
        ----------
        X : frame of any engine
        y : None
            Ignored.

        Returns
        -------
        float
        """
        check_is_fitted(self)
        rows = self._rows(X, self.stages_)
        likelihood = self._likelihood(rows, self._intervals(rows, self.stages_), self.stages_)
        return likelihood(self._vector)[0] / rows["id"].nunique()

    def describe(self) -> str:
        """Say in plain sentences what was fitted and what it tells."""
        check_is_fitted(self)
        return (
            f"{self._title} on {self.n_informative_:,} customers and {self.n_intervals_:,} intervals (log-likelihood "
            f"{self.log_likelihood_:,.2f}, {self.n_parameters_} parameters).\n{self.generator_.describe()}"
        )
