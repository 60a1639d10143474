"""The BG/CNBD-k and MBG/CNBD-k models."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np
from scipy.special import xlogy
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval
from sklearn.utils.validation import check_is_fitted

from .. import frames
from ..exceptions import DataError
from ..transactions.compression import unique_rows
from ..transactions.timing import ENTRY_WINDOW
from ._checks import fault, finite_faults
from .numerics import erlang_timing
from .transaction import TransactionModel, purchase_rate

#: Largest k that can be asked for, and the largest that is tried where k is to be found.
MAX_K, TRIED_K = 12, 6
#: Column with the sum of the logs of the times between purchases.
LOG_GAPS = "litt"


class BetaGeoCNBD(TransactionModel):
    r"""BG/CNBD-k and MBG/CNBD-k: as BG/NBD and MBG/NBD, but customers buy at more regular intervals.

    While alive a customer buys at every k-th event of a Poisson process of rate λ, so that the times between purchases
    are Erlang-k with mean k / λ: k = 1 is the completely random BG/NBD, a large k clockwork. After each repeat purchase,
    and with ``modified=True`` after the first purchase too, the customer leaves for good with probability p. Over
    customers λ ~ Gamma(shape r, rate α) and p ~ Beta(a, b), independently [1]_ [2]_. With x repeat purchases, the last
    at t_x, observed for T, R = r + k x, z = (T − t_x) / (α + T), and m = 1 if modified, else 0,

    .. math::
        L = \frac{\Gamma(R)}{\Gamma(r)} \frac{\alpha^r}{(\alpha+t_x)^R} \frac{B(a, b+x+m)}{B(a, b)}
            \left[(1-z)^R \sum_{i<k} \frac{(R)_i}{i!} z^i + 1_{x+m>0} \frac{a}{b+x+m-1}\right]
            \frac{\prod g^{k-1}}{\Gamma(k)^x},

    where g are the x times between purchases. Their product is free of the parameters, but it decides between one k and
    another: a summary with a column ``litt``, the sum of ln g of each customer in the unit of T (0 without repeat
    purchase), is needed where k is to be found. With a given k the column may be missing; the log-likelihood is then
    short of the constant (k − 1) Σ litt, and not to be compared between different k. Estimates, predictions and P(alive)
    do not depend on it.

    Conditional expectations are exact, not the rescaled ones of the BG/NBD that software usually gives.

    Parameters
    ----------
    horizon : float, default=1.0
        Default horizon of predictions, in the fitted unit of time.
    k : int, default=None
        Between 1 and 12. None tries 1, 2, ... up to 6 until the log-likelihood falls, and takes the best.
    modified : bool, default=False
        Whether customers may leave right after the first purchase: MBG/CNBD-k.
    prior : "weak", mapping or None, default="weak"
        Prior of :meth:`sample_posterior`; see :class:`BetaGeoNBD`. Draws are those of r, alpha, a and b at the chosen k.
    purchase_covariates, dropout_covariates : sequence of str, default=()
        Columns of X that act on the purchase rate, α_i = α exp(−γ'z), and on the dropout probability, a_i = a exp(γ'z)
        and b_i = b exp(γ'z).
    equal_effects : sequence of str, default=()
        Covariates whose coefficient is the same in both processes.
    l2_penalty : float, default=0.0
        λ/2 times the sum of squared coefficients is taken off the log-likelihood while fitting.

    Attributes
    ----------
    params_ : mapping
        k, the number of phases; r > 0 (shape of the rate of phases), alpha > 0 (its rate, in units of time), a > 0 and
        b > 0 (of the dropout probability; its mean is a / (a + b)).
    k_ : int
    log_likelihood_by_k_ : dict of int to float
        The log-likelihoods reached for each k that was tried.
    covariance_ : ndarray of shape (4, 4)
        Of the log parameters at the chosen k: the inverse of the observed information.
    log_likelihood_, aic_, bic_ : float
        k is not counted among the parameters.
    converged_ : bool
    n_customers_ : float
        Sum of the weights.

    References
    ----------
    .. [1] Platzer, M. and Reutterer, T. (2016), Ticking away the moments: timing regularity helps to better predict
       customer activity. Marketing Science 35, 779-799.
    .. [2] Reutterer, T., Platzer, M. and Schröder, N. (2021), Leveraging purchase regularity for predicting customer
       behavior the easy way. International Journal of Research in Marketing 38, 194-215.

    Examples
    --------
    >>> import numpy as np
    >>> from crmml.clv import BetaGeoCNBD
    >>> truth = BetaGeoCNBD(k=3, modified=True).set_fitted_params(r=1.6, alpha=4.5, a=0.7, b=2.2)
    >>> log = truth.simulate(2000, T=60, random_state=1)
    >>> log["litt"] = np.log(log.groupby("customer_id")["time"].diff())
    >>> summary = log.groupby("customer_id").agg(
    ...     frequency=("time", lambda t: len(t) - 1), recency=("time", "max"), litt=("litt", "sum")).assign(T=60)
    >>> model = BetaGeoCNBD(modified=True).fit(summary)
    >>> model.k_, [round(value) for value in model.log_likelihood_by_k_.values()]
    (3, [-21520, -20479, -20276, -20390])
    """

    title = "BG/CNBD-k"
    _optional_columns: ClassVar[tuple[str, ...]] = (ENTRY_WINDOW, LOG_GAPS)
    _takes_entry: ClassVar[bool] = False
    parameter_names = ("r", "alpha", "a", "b")
    numerics = erlang_timing
    purchase_targets: ClassVar = {"alpha": -1}
    dropout_targets: ClassVar = {"a": 1, "b": 1}
    _parameter_constraints: ClassVar[dict] = {
        **TransactionModel._parameter_constraints,
        "k": [Interval(Integral, 1, MAX_K, closed="both"), None],
        "modified": ["boolean"],
    }
    limits: ClassVar = {
        "r": ("hardly anybody buys again", "all customers buy at one rate"),
        "alpha": ("purchase rates without bound", "all customers buy at one rate"),
        "a": ("nobody leaves", "all customers leave with one probability, a / (a + b)"),
        "b": ("everybody leaves at the first occasion", "all customers leave with one probability, a / (a + b)"),
    }

    def __init__(
        self,
        horizon: float = 1.0,
        *,
        k: int | None = None,
        modified: bool = False,
        prior: str | Mapping[str, tuple[float, float]] | None = "weak",
        purchase_covariates: Sequence[str] = (),
        dropout_covariates: Sequence[str] = (),
        equal_effects: Sequence[str] = (),
        l2_penalty: float = 0.0,
    ):
        super().__init__(
            horizon,
            prior=prior,
            purchase_covariates=purchase_covariates,
            dropout_covariates=dropout_covariates,
            equal_effects=equal_effects,
            l2_penalty=l2_penalty,
        )
        self.k = k
        self.modified = modified

    def _options(self) -> dict:
        return {"k": self.k_, "modified": self.modified}

    # ---- input: the log gaps are a last column that may be there or not --------------------------------------------

    def _summary(self, X: Any, *, reset: bool) -> np.ndarray:
        log_gaps = None
        if frames.is_frame(X):
            if LOG_GAPS in frames.wrap(X).collect_schema().names():
                log_gaps = frames.to_columns(X, [LOG_GAPS]).to_numpy(dtype=np.float64)
        elif len(np.shape(X)) == 2 and np.shape(X)[1] == len(self._input_columns()) + 1:
            array = np.asarray(X)
            X, log_gaps = array[:, :-1], array[:, -1:].astype(np.float64)
        columns = super()._summary(X, reset=reset)
        if log_gaps is None:
            if reset and self.k is None:
                raise DataError(
                    [
                        f"{LOG_GAPS} is missing: the sum of the logs of the times between a customer's purchases, in the unit of "
                        "T, without which no k can be told from another; add it, or say k=2, 3, ..."
                    ],
                    f"the summary given to {type(self).__name__}",
                )
            return columns
        if faults := self._log_gap_faults(columns, log_gaps[:, 0]):
            raise DataError(faults, f"the summary given to {type(self).__name__}")
        return np.column_stack([columns, log_gaps])

    def _log_gap_faults(self, columns: np.ndarray, log_gaps: np.ndarray) -> list[str]:
        x, t_x = columns[:, 0], columns[:, 1]
        with np.errstate(invalid="ignore", divide="ignore"):
            most = np.where((x > 0) & (t_x > 0), xlogy(x, t_x / np.maximum(x, 1)), 0.0)
            faults = finite_faults(LOG_GAPS, log_gaps)
            faults += fault(
                LOG_GAPS,
                log_gaps,
                (x > 0) & (log_gaps > most + 1e-6 * (1 + np.abs(most))),
                "is larger than evenly spaced purchases would have it, frequency · ln(recency / frequency),",
                "it must be in the unit of recency and T",
            )
            faults += fault(
                LOG_GAPS,
                log_gaps,
                (x == 0) & (log_gaps != 0),
                "is not 0 though frequency is 0",
                "without a repeat purchase there is no time between purchases",
            )
        return faults

    def _rows(self, columns: np.ndarray) -> erlang_timing.ErlangRows:
        x, t_x, T = (np.ascontiguousarray(column) for column in columns.T[:3])
        log_gaps = columns[:, -1].copy() if self._with_log_gaps(columns) else None
        return erlang_timing.ErlangRows(x, t_x, T, log_gaps)

    def _with_log_gaps(self, columns: np.ndarray) -> bool:
        return columns.shape[1] > len(self._input_columns())

    # ---- fitting ----------------------------------------------------------------------------------------------------

    def start_values(self, columns: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Return crude moments of the data, in its units, to start from."""
        return np.array([1.0, 1.0 / (self.k_ * purchase_rate(columns, weight)), 1.0, 2.0])

    def _fit_rows(self, columns: np.ndarray, weight: np.ndarray) -> None:
        """Fit each k on rows without the log gaps, which only shift the log-likelihood, and keep the best."""
        log_gaps = 0.0
        if self._with_log_gaps(columns):
            log_gaps = float(weight @ columns[:, -1])
            parts, _, codes = unique_rows(*columns[:, :-1].T)
            weight = np.bincount(codes, weight)
            columns = np.column_stack(parts)
        reached: dict[int, float] = {}
        for k in range(1, TRIED_K + 1) if self.k is None else ():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                self._fit_at(k, columns, weight, log_gaps)
            reached[k] = self.log_likelihood_
            if k > 1 and reached[k] < reached[k - 1]:
                break
        best = max(reached, key=reached.__getitem__) if self.k is None else int(self.k)
        self._fit_at(best, columns, weight, log_gaps)
        self.log_likelihood_by_k_ = {**reached, best: self.log_likelihood_}

    def _fit_at(self, k: int, columns: np.ndarray, weight: np.ndarray, log_gaps: float) -> None:
        self.k_ = k
        super()._fit_rows(columns, weight)
        self.log_likelihood_ += (k - 1) * log_gaps

    @property
    def params_(self) -> Mapping[str, float]:
        """Estimates on the natural scale, a read-only mapping: k and then the literature's r, alpha, a, b."""
        check_is_fitted(self, "theta_")
        return MappingProxyType({"k": self.k_, **super().params_})

    def set_fitted_params(self, **params: Any) -> Any:
        """Make this a fitted model with given parameters, for instance published ones, without any data.

        Parameters
        ----------
        **params
            r, alpha, a, b, all positive; k, where the constructor gives none; and ``ruler``, ``coef_purchase``,
            ``coef_dropout`` as for any other model.

        Returns
        -------
        self : object

        Raises
        ------
        DataError
            Naming each parameter that is missing, unknown or not positive.
        """
        k = params.pop("k", self.k)
        if not (isinstance(k, (int, np.integer)) and 1 <= k <= MAX_K) or (self.k is not None and k != self.k):
            what = f"a whole number from 1 to {MAX_K}" if self.k is None else f"{self.k}, which the constructor says"
            raise DataError([f"k={k!r} must be {what}"], f"the parameters given to {type(self).__name__}")
        self.k_ = int(k)
        return super().set_fitted_params(**params)

    def traits(self) -> str:
        """Say what the parameters mean for these customers."""
        p = self.params_
        after = "each purchase, the first one included," if self.modified else "a repeat purchase"
        return (
            f"The times between purchases vary by {1 / np.sqrt(self.k_):.0%} of their mean. After {after} "
            f"{p['a'] / (p['a'] + p['b']):.0%} of customers leave on average."
        )
