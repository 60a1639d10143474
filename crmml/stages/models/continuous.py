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

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.validation import check_is_fitted

from ... import frames
from ...checks import check_coverage, check_number
from ...exceptions import DataError, in_number, shown, warn
from ...fitting import atomic
from ...inference import Estimates, MaximumLikelihood
from ...typing import ArrayLike, FrameLike
from ..process.exponential import exp_generator
from ..process.generator import StageGenerator
from ..process.space import StagesLike, StageSpace, as_stage_space
from ._misclassified_likelihood import MisclassifiedLikelihood
from ._observations import arcs_of, in_order, numbers
from ._panel_likelihood import Intervals, PanelLikelihood
from .base import StageModel, weights_of
from .panel import forbidden_moves

#: Half-width of the search box around the start values, in logs.
BOX = 14.0
#: A rate beyond e to this is not bounded by the data.
LARGEST_LOG_RATE = 300.0
STORED_DRAWS = 1000


class ContinuousTimeStageModel(StageModel):
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

    title = "Continuous-time stage model"
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
        stages: StagesLike,
        *,
        covariates: Sequence[str] = (),
        exact_rupture: bool = True,
        unit: str | None = None,
        misclassification: Sequence[tuple[str, str]] = (),
        initial: ArrayLike | None = None,
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

    def _rows(self, X: FrameLike, space: StageSpace, sample_weight: ArrayLike | None = None) -> pd.DataFrame:
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
        frame = frames.to_columns(X, [self.customer_id, self.time, self.stage, *self.covariates])
        rows = pd.DataFrame({"id": frame[self.customer_id], "code": space.codes(frame[self.stage])})
        faults = []
        for name, column in ((self.time, "time"), *((c, f"z {c}") for c in self.covariates)):
            rows[column], found = numbers(frame[name], name)
            faults += found
        if missing := int(frame[self.customer_id].isna().sum()):
            faults.append(f"column {self.customer_id!r} is missing in {missing:,} of {len(frame):,} rows")
        if len(frame) == 0:
            faults.append("it has no rows")
        if faults:
            raise DataError(faults, "the frame of stages")
        rows["id"] = pd.factorize(rows["id"])[0]
        weight = weights_of(sample_weight, rows, X)
        rows["weight"] = 1.0 if weight is None else weight
        return in_order(rows)

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
        weight = rows["weight"].to_numpy()[kept][:-1][pair][use]
        return Intervals(origin[use], to[use], length[use], exact[use], z[:-1][pair][use], weight)

    # ---- fit ------------------------------------------------------------------------------------------------------

    @atomic
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: FrameLike, y: None = None, sample_weight: ArrayLike | None = None) -> ContinuousTimeStageModel:
        """Fit by maximum likelihood.

        Parameters
        ----------
        X : frame of any engine
            One row an observation: customer_id, time (a number, in ``unit``), stage (name or code), covariates; in any
            order. A missing stage is passed over, except in a customer's last row, where it says that the relationship
            was not broken by then.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_rows,), default=None
            How many customers the customer of a row stands for: the same in all rows of a customer, at least 0.

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
        self.stages_ = space = as_stage_space(self.stages)
        rows = self._rows(X, space, sample_weight)
        rows = rows[rows["weight"] > 0].reset_index(drop=True)
        intervals = self._intervals(rows, space)
        self.n_intervals_ = len(intervals.origin)
        self.n_informative_ = self._count_informative(rows)
        self._arcs = arcs_of(space)
        self._told_as = self._pairs(space)
        self._mean = np.average(intervals.z, axis=0, weights=intervals.weight)
        likelihood = self._likelihood(rows, intervals, space)
        start = self._start(intervals, space)
        self._refuse_impossible(likelihood, start)
        box = self._box(intervals, len(start))
        optimum = self._maximise(
            likelihood, start, lower=start - box, upper=start + box, scale=float(intervals.weight.sum())
        )
        self._keep(optimum)
        self._warn_unless_converged(optimum)
        return self

    def _count_informative(self, rows: pd.DataFrame) -> float:
        """Return how many customers were observed twice or more, by their weights; warn of the others."""
        if not self.n_intervals_:
            raise DataError(
                ["no customer was observed twice before rupture, so nothing is known of the moves"],
                "the frame of stages",
            )
        sizes = (~rows["code"].isna()).groupby(rows["id"]).sum()
        if (alone := int((sizes <= 1).sum())) > 0:
            warn(
                in_number(
                    f"{alone:,} of {len(sizes):,} customers were observed once; they say nothing about the moves."
                ),
                UserWarning,
            )
        return float(rows.groupby("id")["weight"].first()[sizes > 1].sum())

    def _start(self, intervals: Intervals, space: StageSpace) -> np.ndarray:
        """Return start values: crude log intensities, no effect of covariates, one error in eleven."""
        start = np.zeros(self._n_rates + len(self._told_as))
        start[: len(self._arcs)] = self._crude(intervals, space)
        start[self._n_rates :] = np.log(0.1)
        return start

    @property
    def _n_rates(self) -> int:
        return len(self._arcs) * (1 + len(self.covariates))

    def _box(self, intervals: Intervals, length: int) -> np.ndarray:
        """Return the half-widths of the search box around the start values."""
        box = np.full(length, BOX)
        spread = np.abs(intervals.z).max(axis=0) if len(self.covariates) else np.zeros(0)
        box[len(self._arcs) : self._n_rates] = np.repeat(10.0 / np.maximum(spread, 1e-12), len(self._arcs))
        return box

    def _refuse_impossible(self, likelihood: PanelLikelihood | MisclassifiedLikelihood, start: np.ndarray) -> None:
        if isinstance(likelihood, MisclassifiedLikelihood):
            return
        impossible, names = likelihood.impossible(start), self.stages_.names
        faults = [
            f"{int(impossible[i, j]):,} observations of {names[j]!r} after {names[i]!r}, to which no allowed moves lead"
            for i, j in zip(*np.nonzero(impossible), strict=True)
        ]
        if faults:
            raise DataError(faults, "the frame of stages")

    def _keep(self, optimum: MaximumLikelihood) -> None:
        """Set the estimates from where the maximisation ended."""
        m, n_rates = len(self._arcs), self._n_rates
        self._vector, self.covariance_ = optimum.theta, optimum.covariance
        self.log_likelihood_, self.n_parameters_ = optimum.log_likelihood, len(optimum.theta)
        self.coef_ = pd.DataFrame(
            self._vector[m:n_rates].reshape(len(self.covariates), m).T,
            index=pd.Index(self._arc_names(), name="move"),
            columns=list(self.covariates),
        )
        self.classification_, self.classification_errors_ = self._classification(n_rates)
        self.generator_ = self._generator(self._mean)
        self.intensity_matrix_ = self.generator_.matrix
        self.std_errors_ = self._errors(self._mean)

    def _why_not(self, optimum: MaximumLikelihood) -> str:
        lower = [self._arc_names()[k] for k in optimum.at_bound if k < len(self._arcs)]
        if not lower:
            return f"No interior optimum: {optimum.message}."
        return (
            f"No interior optimum: the intensity of {', '.join(lower)} runs to 0 or without bound: the data do not show such moves, "
            "so rule them out."
        )

    def _pairs(self, space: StageSpace) -> np.ndarray:
        """Return the pairs (true stage, told stage) as codes."""
        pairs = [(space.index(true), space.index(told)) for true, told in self.misclassification]
        if any(space.rupture_mask[stage] or true == told for true, told in pairs for stage in (true, told)):
            raise ValueError("misclassification pairs two different stages, neither of them rupture.")
        return np.array(pairs, dtype=int).reshape(len(pairs), 2)

    def _likelihood(
        self, rows: pd.DataFrame, intervals: Intervals, space: StageSpace
    ) -> PanelLikelihood | MisclassifiedLikelihood:
        if not len(self._told_as):
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
            errors=self._told_as,
            start=share / share.sum(),
            rupture=space.rupture_mask,
            weight=rows["weight"].to_numpy()[kept],
        )

    def _classification(self, n_rates: int) -> tuple[np.ndarray, np.ndarray]:
        """Return how stages are told, and standard errors by the delta method."""
        n = len(self.stages_)
        E = np.eye(n)
        E[self._told_as[:, 0], self._told_as[:, 1]] = np.exp(self._vector[n_rates:])
        E /= E.sum(axis=1, keepdims=True)
        variance = np.zeros((n, n))
        for s in np.unique(self._told_as[:, 0]):
            own = np.flatnonzero(self._told_as[:, 0] == s)
            told = self._told_as[own, 1]
            slope = -np.outer(E[s], E[s, told])
            slope[told, np.arange(len(told))] += E[s, told]
            covariance = self.covariance_[np.ix_(n_rates + own, n_rates + own)]
            variance[s] = np.einsum("oa,ab,ob->o", slope, covariance, slope)
        return E, np.sqrt(np.maximum(variance, 0.0))

    def _crude(self, intervals: Intervals, space: StageSpace) -> np.ndarray:
        """Return log start values: moves between the two ends of intervals over the time spent at their openings."""
        n = len(space)
        weight = intervals.weight
        time = np.bincount(intervals.origin, weight * intervals.length, n)
        known = intervals.to >= 0
        counts = np.zeros((n, n))
        np.add.at(counts, (intervals.origin[known], intervals.to[known]), weight[known])
        rate = (counts + 0.3) / np.maximum(time, np.average(intervals.length, weights=weight))[:, None]
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
            logs = rng.multivariate_normal(log_q, covariance, STORED_DRAWS, method="eigh")
            if (
                logs.max(initial=0.0) < LARGEST_LOG_RATE
            ):  # else the data do not bound a rate, and the approximation says nothing
                draws = self._matrix(logs)
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
        if not isinstance(covariates, Mapping):
            raise TypeError(f"covariates={shown(covariates)} must map the name of each covariate to one value.")
        if missing := [name for name in self.covariates if name not in covariates]:
            raise DataError([f"{name!r} is missing" for name in missing], "the covariates")
        return np.array([check_number(covariates[name], name) for name in self.covariates])

    def estimates(self) -> Estimates:
        """Return intensities at the mean of the covariates, log hazard ratios, and probabilities of misclassification."""
        arcs, m = self._arc_names(), len(self._arcs)
        log_q, covariance = self._log_rates(self._mean)
        effects = slice(m, self._n_rates)
        told = tuple(self._told_as.T)
        names = [*arcs, *(f"{arc}, {name}" for name in self.covariates for arc in arcs)]
        names += [f"{self.stages_.names[true]} told as {self.stages_.names[as_]}" for true, as_ in self._told_as]
        value = [np.exp(log_q), self._vector[effects], self.classification_[told]]
        error = [
            np.exp(log_q) * np.sqrt(np.diag(covariance)),
            np.sqrt(np.diag(self.covariance_))[effects],
            self.classification_errors_[told],
        ]
        links: list[Any] = ["log"] * m + ["identity"] * (self._n_rates - m) + ["logit"] * len(self._told_as)
        return Estimates(names, np.concatenate(value), np.concatenate(error), links)

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
        coverage = check_coverage(coverage)
        if not len(self.covariates):
            raise ValueError("The model has no covariates.")
        effects = slice(len(self._arcs), self._n_rates)
        ratio = np.exp(self._vector[effects])
        error = ratio * np.sqrt(np.diag(self.covariance_))[effects]
        arcs = self._arc_names()
        table = Estimates(range(len(ratio)), ratio, error, ["log"] * len(ratio)).table(coverage)  # type: ignore[arg-type]
        table = table.reset_index(drop=True).rename(columns={"estimate": "hazard_ratio"})
        table.insert(0, "covariate", np.repeat(list(self.covariates), len(arcs)))
        table.insert(1, "move", arcs * len(self.covariates))
        return table

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
        share, Q = self._last(X)
        horizon = check_number(horizon, "horizon", least=0)
        return np.einsum("ni,nij->nj", share, exp_generator(Q, np.full(len(share), horizon)))

    def rupture_probability(self, X: FrameLike, horizon: float) -> np.ndarray:
        """Return each customer's probability of having entered rupture within a horizon: first passage.

        Parameters
        ----------
        X : frame of any engine
            As in :meth:`fit`.
        horizon : float
            After each customer's last row, in the unit of the times, at least 0.

        Returns
        -------
        ndarray of shape (n_customers,)
            In the order in which customers first appear; 1 for those whose last observed stage is rupture.
        """
        check_is_fitted(self)
        broken = self._rupture()
        horizon = check_number(horizon, "horizon", least=0)
        share, Q = self._last(X)
        stopped = np.where(broken[:, None], 0.0, Q)
        ahead = np.einsum("ni,nij->nj", share, exp_generator(stopped, np.full(len(share), horizon)))
        return ahead[:, broken].sum(axis=1)

    def _last(self, X: FrameLike) -> tuple[np.ndarray, np.ndarray]:
        """Return the distribution of each customer's stage at the last row (n, n_stages), and their intensities."""
        rows = self._rows(X, self.stages_)
        seen = rows[~rows["code"].isna()]
        if (nothing := rows["id"].nunique() - seen["id"].nunique()) > 0:
            raise DataError([f"{nothing:,} customers have no observed stage; leave them out"], "the frame of stages")
        end = rows.groupby("id").last()
        Q = self._own_intensities(end[[f"z {name}" for name in self.covariates]].to_numpy(dtype=float))
        if len(self._told_as):
            likelihood = self._likelihood(rows, self._intervals(rows, self.stages_), self.stages_)
            return likelihood.last_filtered(self._vector), Q  # type: ignore[union-attr]
        last = seen.groupby("id").last()
        stage = last["code"].to_numpy().astype(int)
        waited = (end["time"] - last["time"]).to_numpy()
        share = exp_generator(Q, waited)[np.arange(len(stage)), stage]
        rupture = self.stages_.rupture_mask
        known = (waited > 0) & ~rupture[stage]
        share[np.ix_(known, rupture)] = 0.0  # not broken by the last row
        return share / share.sum(axis=1, keepdims=True), Q

    def _own_intensities(self, z: np.ndarray) -> np.ndarray:
        """Return each customer's matrix of intensities (n, n_stages, n_stages)."""
        if not z.shape[1]:
            return np.repeat(self._matrix(self._log_rates(z[0])[0])[None], len(z), axis=0)
        unique, code = np.unique(z, axis=0, return_inverse=True)
        return np.stack([self._matrix(self._log_rates(row)[0]) for row in unique])[code.ravel()]

    def score(self, X: FrameLike, y: None = None, sample_weight: ArrayLike | None = None) -> float:
        """Return the mean log-likelihood per customer.

        Parameters
        ----------
        X : frame of any engine
        y : None
            Ignored.
        sample_weight : array-like of shape (n_rows,), default=None
            As in :meth:`fit`.

        Returns
        -------
        float
        """
        check_is_fitted(self)
        rows = self._rows(X, self.stages_, sample_weight)
        likelihood = self._likelihood(rows, self._intervals(rows, self.stages_), self.stages_)
        return likelihood(self._vector)[0] / float(rows.groupby("id")["weight"].first().sum())

    def describe(self) -> str:
        """Say in plain sentences what was fitted and what it tells."""
        check_is_fitted(self)
        return (
            f"{self.title} on {self.n_informative_:,.0f} customers and {self.n_intervals_:,} intervals (log-likelihood "
            f"{self.log_likelihood_:,.2f}, {self.n_parameters_} parameters).\n{self.generator_.describe()}"
        )
