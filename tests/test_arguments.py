"""Arguments that no public function or method may answer: refused in words, at once, without taking the machine's memory."""

import time
import warnings
from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from crmml import amounts as A
from crmml import campaigns as C
from crmml import evidence as EV
from crmml import metrics as M
from crmml import retention as T
from crmml import roi as R
from crmml import segments as G
from crmml import stages as S
from crmml.datasets import make_stage_panel

nan, inf = np.nan, np.inf
COV = [90, 2, 0, 1, nan, "x", None, True, [0.9]]
CNT = [-1, 1.5, "x", nan, True, 10**12, None]
CNT0 = [0, *CNT]
HOR = [-1, "x", nan, 10**12, True, [[1]], None]
SEED = ["x", -1, 1.5]
CH = ["xyz", 5, None]
NAME = [5, None, "nope"]
NUM = ["x", nan, inf, None, True]
PER = ["x", 5]


@cache
def calls():
    """By name: what is called, arguments that are right, and values of each argument that are not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _calls()


def _calls():
    space = S.StageSpace(["a", "b", "gone"], rupture="gone", absorbing=["gone"])
    chain = S.StageChain(
        [[0.6, 0.3, 0.1], [0.2, 0.6, 0.2], [0, 0, 1]], space, "M", concentration=[[6, 3, 1], [2, 6, 2], [0, 0, 1]]
    )
    gen = S.StageGenerator([[-0.3, 0.2, 0.1], [0.4, -0.6, 0.2], [0, 0, 0]], space, "M")
    rng = np.random.default_rng(0)
    X = chain.simulate(60, 6, random_state=0)
    mk = S.MarkovStageModel(space, period="M").fit(X)
    cz = pd.DataFrame({"z": rng.normal(size=60)})
    cv = S.CovariateMarkovStageModel(space, period="M").fit(X, covariates=cz)
    sm = S.SemiMarkovStageModel(space, n_phases=2, period="M").fit(X)
    hm = S.HiddenMarkovStageModel(2, n_init=1, max_iter=500, random_state=0).fit(rng.poisson(2, (60, 6)))
    HX = rng.poisson(2, (60, 6))
    ctf = make_stage_panel(gen.to_chain(1.0, "M"), n_customers=200, n_periods=6, random_state=0).rename(
        columns={"period": "time"}
    )
    ct = S.ContinuousTimeStageModel(space, exact_rupture=False, unit="M").fit(ctf)
    ctz = S.ContinuousTimeStageModel(space, exact_rupture=False, unit="M", covariates=["z"]).fit(
        ctf.assign(z=rng.normal(size=len(ctf)))
    )
    mdp = S.StageDecisionProcess(
        {"v": chain, "n": chain._with(np.array([[0.5, 0.3, 0.2], [0.2, 0.5, 0.3], [0, 0, 1]]))},
        [20, 5, 0],
        {"v": 4},
        0.2,
    )
    cost = R.CostLedger("EUR").add("2024-01-01", "training", "x", A.Uncertain.triangular(80, 100, 120))
    ben = (
        R.BenefitLedger("EUR")
        .add("2024-02-01", "margin", "y", 200, direct=True)
        .add("2024-12-31", "margin", "z", 20, direct=True)
    )
    ro = R.roi(cost, ben, ("2024-01-01", "1Y"), observed_until="2024-12-31", random_state=0)
    seg = pd.DataFrame(
        {
            "customer_id": np.arange(60),
            "frequency": rng.poisson(3, 60) + 1,
            "recency": rng.random(60) * 10,
            "monetary_value": rng.gamma(2, 10, 60),
            "T": 20.0,
            "tau": rng.random(60) * 10,
            "segment": rng.choice(["g", "l"], 60),
            "value": rng.gamma(2, 10, 60),
        }
    )
    seg2 = seg.assign(segment=rng.choice(["g", "l"], 60))
    rfm = G.RFMSegmenter(2, recency="recency").fit(seg)
    pyr = G.PyramidSegmenter(value="value").fit(seg)
    clu = G.ClusterSegmenter(n_clusters=2, columns=["frequency", "monetary_value"], random_state=0).fit(seg)
    log = pd.DataFrame(
        {
            "customer_id": rng.integers(0, 20, 300),
            "timestamp": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 365, 300), "D"),
            "value": rng.gamma(2, 10, 300),
        }
    )
    y = rng.integers(0, 2, 200)
    p = rng.random(200)
    tr = rng.integers(0, 2, 200)
    yv = rng.random(200)
    FX = pd.DataFrame({"a": rng.normal(size=200), "b": rng.normal(size=200)})
    tl = C.TLearner(LinearRegression(), n_resamples=5, random_state=0).fit(FX, yv, treatment=tr)
    touch = pd.DataFrame(
        {
            "path_id": np.repeat(np.arange(30), 3),
            "channel": rng.choice(["x", "y", "z"], 90),
            "position": np.tile([1, 2, 3], 30),
            "converted": np.repeat(rng.integers(0, 2, 30), 3),
        }
    )
    paths = C.ChannelPaths.from_touches(touch, position="position")
    dur = rng.gamma(2, 5, 50)
    ev = rng.integers(0, 2, 50)
    surv = np.sort(rng.random((50, 3)), axis=1)[:, ::-1]
    f1 = R.staff_time_saved("p", before_minutes=30, after_minutes=15)
    ass = {"workers": 20, "working days a year": 250, "hourly rate": 60, "share caused by the programme": 0.5}
    plan = C.Targeting(capacity=50, holdout=0.2, random_state=0).plan(p, value=10.0, cost=1.0)
    cr = T.ConstantRetention(0.8, "Y", kept=80, n=100)
    W = [[-1.0] * 60, [nan] * 60, ["x"] * 60, [0.0] * 60, [1.0] * 3]
    return {
        "chain.draws": (chain.draws, {"n_draws": 10, "random_state": 0}, {"n_draws": CNT0, "random_state": SEED}),
        "chain.interval": (chain.interval, {"of": "rupture_probability", "horizon": 3, "n_draws": 10}, {"of": [5, "x",
            "draws", "plot", None], "n_draws": CNT0, "coverage": COV, "random_state": SEED, "horizon": HOR}),
        "chain.rupture_probability": (chain.rupture_probability, {"horizon": 3}, {"horizon": ["x", nan, -1, 1.5, None,
            [[1]]]}),
        "chain.rupture_sensitivity": (chain.rupture_sensitivity, {"horizon": 3}, {"horizon": ["x", nan, -1, 1.5, 0,
            10 ** 12, inf]}),
        "chain.best_lever": (chain.best_lever, {"horizon": 3}, {"horizon": ["x", nan, -1, 1.5, 0, 10 ** 12],
            "start": ["zz", 99, [-1, 0, 0], [nan, 1, 1], [1], {"a": 1}]}),
        "chain.step": (chain.step, {"h": 3}, {"h": ["x", nan, -1, 1.5, None]}),
        "chain.forecast": (chain.forecast, {"start": "a", "horizon": 3}, {"horizon": HOR, "start": ["zz", 99, [-1, 0,
            0], [nan, 1, 1], [1], True, 1.5], "arrivals": [[1], [nan, 1, 1], "x"]}),
        "chain.simulate": (chain.simulate, {"n_customers": 5, "n_periods": 4}, {"n_customers": CNT0, "n_periods": CNT0,
            "start": ["zz", 99, [-1, 0, 0]], "random_state": SEED}),
        "chain.hitting_time": (chain.hitting_time, {}, {"target": ["zz", 99, -1, 1.5, [], ["a", "zz"], True]}),
        "chain.hitting_time_variance": (chain.hitting_time_variance, {}, {"target": ["zz", 99, -1, 1.5, [], ["a",
            "zz"]]}),
        "chain.lifetime_value": (chain.lifetime_value, {"reward": [1, 1, 0], "annual_discount_rate": 0.1},
            {"reward": ["x", [nan, 1, 1], [1], {"a": 1}, None], "annual_discount_rate": [-1, nan, "x", 8, True, None],
            "horizon": [-1, "x", nan, 10 ** 12, 1.5], "first_payment": CH}),
        "chain.customer_equity": (chain.customer_equity, {"n_customers": [1, 1, 1], "reward": [1, 1, 0],
            "annual_discount_rate": 0.1}, {"n_customers": [[-1, 1, 1], [nan, 1, 1], "x", 5], "horizon": [-1, "x",
            10 ** 12]}),
        "gen.step": (gen.step, {"t": 1.0}, {"t": ["x", nan, -1, inf, None, True]}),
        "gen.forecast": (gen.forecast, {"start": "a", "horizons": [1.0, 2.0]}, {"horizons": ["x", nan, -1, [nan], ["x"],
            inf, [[1.0]]], "start": ["zz", 99]}),
        "gen.simulate": (gen.simulate, {"n_customers": 5, "T": 4.0}, {"n_customers": CNT0, "T": ["x", nan, -1, inf],
            "random_state": SEED}),
        "gen.to_chain": (gen.to_chain, {}, {"step": ["x", nan, -1, 0, inf], "period": PER}),
        "gen.lifetime_value": (gen.lifetime_value, {"reward": [1, 1, 0], "annual_discount_rate": 0.1}, {"reward": ["x",
            [nan, 1, 1], [1]], "annual_discount_rate": [-1, nan, "x", 8], "horizon": [-1, "x", nan]}),
        "gen.rupture_probability": (gen.rupture_probability, {"horizon": 3}, {"horizon": ["x", nan, -1, None, [[1]]]}),
        "gen.rupture_sensitivity": (gen.rupture_sensitivity, {"horizon": 3}, {"horizon": ["x", nan, -1, inf]}),
        "mk.predict_proba": (mk.predict_proba, {"X": X, "horizon": 2}, {"horizon": HOR}),
        "mk.predict": (mk.predict, {"X": X, "horizon": 2}, {"horizon": HOR}),
        "mk.rupture_probability": (mk.rupture_probability, {"X": X, "horizon": 2}, {"horizon": HOR}),
        "mk.summary": (mk.summary, {}, {"coverage": COV}),
        "mk.fit": (mk.fit, {"X": X}, {"sample_weight": W}),
        "mk.score": (mk.score, {"X": X}, {"sample_weight": W}),
        "mk.order_test": (mk.order_test, {"X": X}, {"n_resamples": CNT, "random_state": SEED}),
        "mk.homogeneity_test": (mk.homogeneity_test, {"X": X}, {"n_resamples": CNT, "random_state": SEED}),
        "mk.compare_groups": (mk.compare_groups, {"X": X, "by": np.arange(60) % 2}, {"by": [None, 5, "x", [1],
            [nan] * 60, np.zeros(60)], "horizon": HOR, "coverage": COV}),
        "cv.predict_proba": (cv.predict_proba, {"X": X, "horizon": 2, "covariates": cz}, {"horizon": HOR,
            "covariates": [None, 5, "x", cz[:3], cz.rename(columns={"z": "q"})]}),
        "cv.rupture_probability": (cv.rupture_probability, {"X": X, "horizon": 2, "covariates": cz}, {"horizon": HOR}),
        "cv.chain": (cv.chain, {"covariates": {"z": 1.0}}, {"covariates": [None, 5, {}, {"z": nan}, {"z": "x"},
            {"q": 1}]}),
        "cv.marginal_effect": (cv.marginal_effect, {"X": X, "covariate": "z", "covariates": cz, "n_resamples": 20,
            "random_state": 0}, {"covariate": NAME, "values": [5, (1,), ("x", "y"), (nan, 1), (1, 2, 3)], "horizon": HOR,
            "coverage": COV, "n_resamples": CNT, "random_state": SEED}),
        "cv.transition_matrices": (cv.transition_matrices, {"covariates": cz}, {"covariates": [5, "x"],
            "n_customers": ["x", -1, 10 ** 12, 7]}),
        "sm.predict_proba": (sm.predict_proba, {"X": X, "horizon": 2}, {"horizon": HOR}),
        "sm.rupture_probability": (sm.rupture_probability, {"X": X, "horizon": 2}, {"horizon": HOR}),
        "sm.sojourn_distribution": (sm.sojourn_distribution, {"stage": "a", "longest": 5}, {"stage": ["zz", 99, None,
            1.5], "longest": CNT0}),
        "sm.memory_test": (sm.memory_test, {"X": X}, {"n_resamples": CNT, "random_state": SEED}),
        "hm.predict_proba": (hm.predict_proba, {"X": HX, "horizon": 2}, {"horizon": HOR}),
        "hm.predict_mean": (hm.predict_mean, {"X": HX, "horizon": 2}, {"horizon": HOR}),
        "hm.simulate": (hm.simulate, {"n_customers": 5, "n_periods": 4}, {"n_customers": CNT0, "n_periods": CNT0,
            "random_state": SEED}),
        "ct.predict_proba": (ct.predict_proba, {"X": ctf, "horizon": 2}, {"horizon": ["x", nan, -1, inf, True, None]}),
        "ct.rupture_probability": (ct.rupture_probability, {"X": ctf, "horizon": 2}, {"horizon": ["x", nan, -1, True,
            None]}),
        "ct.hazard_ratios": (ctz.hazard_ratios, {}, {"coverage": COV}),
        "ct.generator": (ct.generator, {}, {"covariates": [5, "x"]}),
        "mdp.solve": (mdp.solve, {"horizon": 3}, {"max_rupture": ["x", nan, -1, True], "budget": ["x", nan, True],
            "min_value": ["x", nan], "objective": CH, "horizon": [0, -1, "x", nan, 10 ** 12, 1.5], "start": ["zz", 99, [-1,
            0, 0], [1]]}),
        "mdp.evaluate": (mdp.evaluate, {"probabilities": [[1, 0]] * 3, "horizon": 3}, {"probabilities": [5, "x", None,
            [[nan, 1]] * 3, [["x", "y"]] * 3, {"a": "v"}, {"a": "q", "b": "v", "gone": "v"}], "horizon": [0, -1, "x",
            10 ** 12], "start": ["zz"]}),
        "mdp.solve_robust": (mdp.solve_robust, {"n_draws": 5}, {"quantile": ["x", nan, 2, 10], "coverage": COV,
            "n_draws": CNT0, "random_state": SEED, "start": ["zz"]}),
        "recency_stages": (S.recency_stages, {"n": 3}, {"n": CNT0}),
        "order_test": (S.order_test, {"X": X, "space": space}, {"order": CNT0, "n_resamples": CNT, "random_state": SEED,
            "space": []}),
        "homogeneity_test": (S.homogeneity_test, {"X": X, "space": space}, {"n_resamples": CNT}),
        "roi": (R.roi, {"costs": cost, "benefits": ben, "window": ("2024-01-01", "1Y"), "observed_until": "2024-12-31",
            "n_draws": 100}, {"costs": [5, ben], "benefits": [5, cost], "window": [5, "x", (1, 2), None,
            ("2024-01-01 10:00", "1Y"), ("2024-01-01", "1X")], "annual_discount_rate": [-1, nan, "x", 8, True, None],
            "coverage": COV, "n_draws": CNT0, "random_state": SEED, "rates": [5, {"USD": 1}], "observed_until": [5, "x",
            "03/04/2024"]}),
        "ro.tornado": (ro.tornado, {}, {"of": CH, "coverage": COV}),
        "ro.cash_flow": (ro.cash_flow, {}, {"direct": ["x", 5, None], "discounted": ["x", 5, None]}),
        "cost.payments": (cost.payments, {}, {"window": [5, "x", (1, 2)]}),
        "cost.total": (cost.total, {}, {"window": [5, "x", (1, 2)], "rates": [5, {"USD": 1}], "direct": ["x", 5]}),
        "cost.converted": (cost.converted, {"rates": A.ConversionRates("EUR", "2024-01-01", {"USD": 1.1})},
            {"rates": [5, None, {"USD": 1}]}),
        "CostLedger": (R.CostLedger, {}, {"currency": ["$", "", 5, True], "allow_overlap": ["x", 5, None]}),
        "from_table": (R.CostLedger.from_table, {"frame": pd.DataFrame({"date": ["2024-01-01"], "kind": ["training"],
            "label": ["x"], "amount": [1.0]}), "currency": "EUR"}, {"columns": [5, "x", {"amount": 5}, {5: "amount"},
            ["amount"]], "currency": ["$", 5], "decimal": ["x", 5], "day_first": ["x", 5], "allow_overlap": ["x", 5],
            "frame": [5, None, "x"]}),
        "cost.add": (cost.add, {"date": "2024-05-01", "kind": "training", "label": "q", "amount": 5}, {"date": [5, "x",
            None], "kind": [5, None, "x"], "label": [None, ""], "amount": ["x", True, -5, inf], "hours": ["x"],
            "every": [5, "x"], "until": ["x"], "times": [0, -1, "x", 1.5, 10 ** 12], "forecast": ["x", 5],
            "currency": ["$"]}),
        "implied_gain": (R.implied_gain, {"roi": 0.4, "cost": 7.0}, {"roi": NUM, "cost": [*NUM, 0, -1]}),
        "needed_inputs": (R.needed_inputs, {"formulas": [f1]}, {"formulas": [5, "x", None, [5], f1]}),
        "price_benefits": (R.price_benefits, {"formulas": [f1], "assumptions": ass, "start": "2024-01-01", "years": 1,
            "currency": "EUR"}, {"formulas": [5, "x", None, [5], f1], "assumptions": [5, None, "x", {"workers": "x"},
            {5: 1}], "start": [5, "x", None], "years": CNT0, "currency": ["$", 5, None], "keep_unpriced": ["x", 5, None]}),
        "not_priced": (R.not_priced, {"label": "x"}, {"label": [5, None, ""], "kind": ["x", 5, None], "direct": ["x", 5,
            None]}),
        "retention_raised": (R.retention_raised, {"label": "x", "before": 0.7, "after": 0.8}, {"label": [5, None, ""],
            "before": [*NUM, 2, -1], "after": [*NUM, 2, -1]}),
        "staff_time_saved": (R.staff_time_saved, {"label": "x", "before_minutes": 30, "after_minutes": 15},
            {"label": [5, None, ""], "before_minutes": [*NUM, -1], "after_minutes": [*NUM, -1]}),
        "relative_change_valued": (R.relative_change_valued, {"label": "x", "change": A.Percent(10), "better": "more",
            "of": "beds", "worth": "m", "direct": True}, {"label": [5, None, ""], "change": [5, "x", A.Points(5)],
            "better": CH, "of": [5, None, ""], "worth": [5, None, ""], "direct": ["x", 5, None], "kind": ["x", 5, None]}),
        "Money": (A.Money, {"amount": 5.0, "currency": "USD"}, {"amount": ["x", nan, None, True, [1]], "currency": ["$",
            "", 5, None, "usdollar"]}),
        "Points": (A.Points, {"amount": 5}, {"amount": ["x", nan, inf, True, None]}),
        "Percent": (A.Percent, {"amount": 5}, {"amount": ["x", nan, inf, True, None, -200]}),
        "Rates": (A.ConversionRates, {"to": "EUR", "on": "2024-01-01", "rates": {"USD": 1.1}}, {"to": ["$", 5],
            "on": [5, "x", None], "rates": [5, "x", {"USD": 0}, {"USD": "x"}, {"USD": nan}, {5: 1}]}),
        "U.normal": (A.Uncertain.normal, {"mean": 5, "sd": 1}, {"mean": NUM, "sd": [*NUM, 0, -1], "name": [5, ""]}),
        "U.lognormal": (A.Uncertain.lognormal, {"lower": 5, "upper": 6}, {"lower": NUM, "coverage": COV, "name": [5]}),
        "U.empirical": (A.Uncertain.empirical, {"draws": [1, 2, 3]}, {"draws": [5, "x", None, [nan, 1], ["a", "b"], []],
            "name": [5]}),
        "U.share": (A.Uncertain.share, {"events": 5, "n": 10}, {"events": [*NUM, -1, 20], "n": [*NUM, 0]}),
        "U.quantile": (A.Uncertain.normal(0, 1).quantile, {"q": 0.5}, {"q": ["x", 2, -1, nan, None]}),
        "U.sample": (A.Uncertain.normal(0, 1).sample, {"n_draws": 5, "rng": rng}, {"n_draws": CNT0, "rng": ["x"]}),
        "U.probability_below": (A.Uncertain.normal(0, 1).probability_below, {"value": 5.0}, {"value": ["x", nan,
            None]}),
        "rfm_names": (G.rfm_names, {"bins": 5}, {"bins": [2.5, {"nope": 3}, 0, -1, "x", None, 10 ** 12, True,
            {"recency": 2.5}]}),
        "migration": (G.migration, {"before": seg, "after": seg2}, {"gone": [None, 5, ""], "new": [None, 5, ""],
            "order": ["xyz", 5, ["g"], ["g", "g", "l"], []], "period": ["x", 5], "customer_id": NAME, "segment": NAME,
            "before": [5, None, "x"], "after": [5, None]}),
        "value_movement": (G.value_movement, {"before": seg, "after": seg2, "value": "value", "order": ["g", "l"]},
            {"gone": [None, 5, ""], "new": [None, 5, ""], "order": ["xyz", 5, ["g"], ["g", "g", "l"], [], None],
            "customer_id": NAME, "segment": NAME, "value": NAME}),
        "fallen": (G.fallen, {"before": seg, "after": seg2, "tier": "g", "value": "value", "order": ["g", "l"]},
            {"tier": [5, None, "q"], "gone": [None, 5, ""], "order": ["xyz", 5, ["g"]], "value": NAME}),
        "concentration": (G.concentration, {"values": seg.value.to_numpy(), "n_resamples": 9}, {"values": [5, "x", [nan,
            1], ["x"], [], None], "coverage": COV, "n_resamples": CNT, "random_state": SEED}),
        "key_accounts": (G.key_accounts, {"log": log}, {"accounts": ["x", -1, 2.0, nan, [], ["zz"], True], "unit": ["x",
            5, None], "significance": [2, nan, "x", 0, 5], "coverage": COV, "as_of": ["x", 5, nan], "customer_id": NAME,
            "timestamp": NAME, "value": [5, "nope"]}),
        "rfm.fit": (rfm.fit, {"X": seg}, {"sample_weight": W}),
        "rfm.profile": (rfm.profile, {"X": seg}, {"coverage": COV}),
        "pyr.fit": (pyr.fit, {"X": seg}, {"sample_weight": W}),
        "pyr.cov": (lambda **k: G.PyramidSegmenter(**{"value": "value", **k}).fit(seg), {}, {"coverage": COV,
            "shares": ["x", [nan], [2, -1], 5, None, []], "cut_points": ["x", [nan], [2, 1], 5], "tiers": [5, "xyz",
            ["a"]], "interval": [5, "ab"], "by": [5, "nope"], "value": NAME, "missing": CH}),
        "rfm.par": (lambda **k: G.RFMSegmenter(**{"bins": 2, "recency": "recency", **k}).fit(seg), {}, {"bins": [0, -1,
            2.5, "x", None, {"nope": 3}, 10 ** 12, True], "by": [5, "nope"], "names": [5, "x"], "cut_points": [5, "x",
            {"recency": [nan]}]}),
        "pyr.tier": (pyr.tier_probabilities, {"draws": rng.random((5, 60))}, {"draws": [5, "x", [["a"]], None],
            "relative": ["x", 5, None], "types": [[1]]}),
        "pyr.conc": (pyr.concentration, {"X": seg, "n_resamples": 9}, {"coverage": COV, "n_resamples": CNT,
            "random_state": SEED}),
        "clu.fit": (clu.fit, {"X": seg}, {"sample_weight": W}),
        "cr": (T.ConstantRetention, {"rate": 0.8, "period": "Y"}, {"rate": [*NUM, 2, -1, 80], "period": ["x", 5, None],
            "kept": ["x", -1, nan], "n": ["x", -1, nan]}),
        "cr.from_counts": (T.ConstantRetention.from_counts, {"kept": 8, "n": 10, "period": "Y"}, {"kept": [*NUM, -1,
            20], "n": [*NUM, 0, -1], "period": ["x", 5, None]}),
        "cr.draws": (cr.draws, {"n_draws": 5, "rng": rng}, {"n_draws": CNT0, "rng": ["x"]}),
        "cr.mult": (cr.margin_multiple, {"annual_discount_rate": 0.1}, {"annual_discount_rate": [-1, nan, "x", 8, None],
            "horizon": [0, -1, "x", nan, 1.5]}),
        "CTerms": (T.ConstantTerms, {"margin_per_period": 5.0, "n_customers": 5}, {"margin_per_period": NUM,
            "n_customers": [*NUM, -1], "horizon": [0, -1, "x", nan, 1.5]}),
        "retention_value": (lambda **k: T.retention_value(**{"model": cr, "change": A.Points(5),
            "terms": T.ConstantTerms(margin_per_period=5.0, n_customers=10), "currency": "EUR",
            "annual_discount_rate": 0.1, **k}), {}, {"model": [5, None], "change": [5, None, "x"], "terms": [5, None],
            "currency": ["$", 5, None], "annual_discount_rate": [-1, nan, "x", 8, None], "coverage": COV,
            "n_draws": CNT0[:-1], "random_state": SEED, "programme_cost": ["x", -1, nan]}),
        "retention_value.chain": (lambda terms={}, **k: T.retention_value(**{"model": chain, "change": A.Points(5),
            "terms": T.StageTerms(**{"n_customers": [1, 1, 0], "reward": [1, 1, 0], **terms}), "currency": "EUR",
            "annual_discount_rate": 0.1, "n_draws": 100, **k}), {}, {"n_draws": CNT0[:-1], "terms": [{"horizon": 10 ** 12},
            {"horizon": 0}, {"horizon": "x"}, {"n_customers": [-1, 0, 0]}, {"n_customers": [nan, 0, 0]},
            {"n_customers": "x"}, {"reward": [nan, 1, 1]}, {"first_payment": "x"}]}),
        "tl.predict_interval": (tl.predict_interval, {"X": FX}, {"coverage": COV}),
        "tl.sample": (tl.sample, {"X": FX, "n_draws": 5}, {"n_draws": [0, *CNT[:-1]], "random_state": SEED}),
        "tl.table": (tl.table, {"X": FX}, {"coverage": COV}),
        "tl.fit": (tl.fit, {"X": FX, "y": yv, "treatment": tr}, {"sample_weight": [[-1.0] * 200, [nan] * 200,
            ["x"] * 200, [0.0] * 200, [1.0]], "propensity": [2.0, -1.0, nan, "x", [0.5]], "treatment": [None, 5, [0] * 200,
            [nan] * 200]}),
        "tl.par": (lambda **k: C.TLearner(LinearRegression(), **k).fit(FX, yv, treatment=tr), {}, {"n_resamples": [-1,
            1.5, "x", nan, 10 ** 12], "random_state": SEED, "control": ["x", 5.0]}),
        "attribute": (C.attribute, {"paths": paths}, {"method": CH, "coverage": COV, "n_resamples": CNT,
            "random_state": SEED, "order": CNT0, "half_life": ["x", -1, nan, 0]}),
        "attribute_all": (C.attribute_all, {"paths": paths}, {"methods": ["xyz", 5, ["xyz"], []]}),
        "from_touches": (C.ChannelPaths.from_touches, {"touches": touch, "position": "position"}, {"path_id": NAME,
            "channel": NAME, "position": [5, "nope"], "timestamp": [5, "nope"], "converted": NAME, "value": [5, "nope"],
            "window": [5, "x", ("2024-01-01 10:00", "3M")]}),
        "from_compact": (C.ChannelPaths.from_compact, {"paths": pd.DataFrame({"path": ["a > b"], "conversions": [3]})},
            {"path": NAME, "conversions": NAME, "nulls": [5, "nope"], "separator": [5, None, ""], "value": [5, "nope"]}),
        "Targeting": (lambda **k: C.Targeting(**k).plan(p, value=10.0, cost=1.0), {}, {"budget": ["x", -1, nan, True],
            "capacity": ["x", -1, 1.5, nan], "holdout": ["x", -1, 2, nan, None], "min_probability": ["x", 2, -1, nan],
            "random_state": SEED}),
        "plan": (C.Targeting(capacity=50).plan, {"uplift": p, "value": 10.0, "cost": 1.0}, {"uplift": [5, "x",
            [nan] * 3, ["x"], None], "value": ["x", nan, -1, None], "cost": ["x", nan, -1, None], "uplift_std": ["x", -1,
            [nan] * 200], "customer_id": [[1]]}),
        "plan.judge": (plan.judge, {"outcome": yv}, {"outcome": [5, "x", [nan] * 200, None], "coverage": [*COV[:-3],
            True]}),
        "calibration_table": (M.calibration_table, {"y_true": y, "y_prob": p}, {"y_prob": [5, "x", p * 2, [nan] * 200,
            -p], "n_bins": CNT0, "bins": CH, "coverage": COV}),
        "ece": (M.expected_calibration_error, {"y_true": y, "y_prob": p}, {"n_bins": CNT0, "bins": CH}),
        "cumulative_gains": (M.cumulative_gains, {"y_true": y, "y_score": p}, {"shares": [5, "x", [2], [nan], [-1], [],
            ["x"]]}),
        "emp": (M.expected_maximum_profit, {"y_true": y, "y_score": p}, {"clv": [*NUM, -1], "incentive_cost": [*NUM,
            -1], "contact_cost": [*NUM, -1], "alpha": [*NUM, 0, -1], "beta": [*NUM, 0, -1], "return_details": ["x", 5,
            None]}),
        "mp": (M.maximum_profit, {"y_true": y, "y_score": p}, {"acceptance": [*NUM, -1, 2], "clv": [*NUM, -1]}),
        "get_scorer": (M.get_scorer, {"name": "top_decile_lift"}, {"name": CH, "nope": [5]}),
        "scorers": (M.scorers, {}, {"nope": [5]}),
        "interval_coverage": (M.interval_coverage, {"y": [1.0, 2.0], "interval": [[0, 2], [1, 3]]}, {"coverage": COV,
            "random_state": [], "randomized": ["x", 5, None], "interval": ["x", 5, None], "y": ["x", None]}),
        "km": (M.kaplan_meier, {"duration": dur, "event": ev}, {"times": ["x", [nan], ["x"]], "event": [5, [2] * 50,
            [nan] * 50], "duration": [-dur, [nan] * 50, "x"]}),
        "brier": (M.brier_score_at, {"duration": dur, "event": ev, "survival": surv, "times": [1, 2, 3]},
            {"times": ["x", [nan] * 3, [-1, 2, 3], [1]], "survival": ["x", surv * 2, 5]}),
        "psi": (M.population_stability_index, {"expected": yv, "actual": p}, {"n_bins": CNT0, "expected": ["x", [],
            5]}),
        "noise": (M.stability_noise, {"n_bins": 5, "n_expected": 100, "n_actual": 100}, {"n_bins": CNT0,
            "n_expected": CNT0[:-2], "n_actual": CNT0[:-2], "significance": [2, 0, nan, "x", 5, True]}),
        "rtt": (M.random_targeting_test, {"y": y, "score": p, "treatment": tr, "n_resamples": 19}, {"n_resamples": CNT0,
            "permute": CH, "coverage": COV, "random_state": SEED}),
        "qini_score": (M.qini_score, {"y": y, "score": p, "treatment": tr}, {"ties": CH}),
        "tdl": (M.top_decile_lift, {"y_true": y, "y_score": p}, {"share": [0, 2, nan, "x", None, True, -1]}),
        "uak": (M.uplift_at_k, {"y": y, "score": p, "treatment": tr}, {"share": [0, 2, nan, "x", None, True, -1]}),
        "uce": (M.uplift_calibration_error, {"y": y, "uplift": p, "treatment": tr}, {"n_bins": CNT0}),
        "uct": (M.uplift_calibration_table, {"y": y, "uplift": p, "treatment": tr}, {"n_bins": CNT0, "coverage": COV}),
        "wilson": (M.wilson_interval, {"rate": 0.5, "n": 10}, {"rate": [1.5, -1, "x"], "n": [0, -1, nan, "x"],
            "coverage": COV}),
        "bootstrap": (lambda **k: M.bootstrap_interval(M.normalized_gini, yv, p, **{"n_resamples": 9, **k}), {},
            {"coverage": COV, "n_resamples": CNT0, "groups": [5, "x", [1]], "random_state": SEED}),
        "against_control": (M.against_control, {"arm": 1, "control": 0, "treatment": tr}, {"arm": [5, "x", None],
            "control": [5, None, 1]}),
        "ssm": (EV.sample_size_for_means, {"change": 5.0, "sd": 10.0}, {"change": [*NUM, 0], "sd": [*NUM, 0, -1, (1,),
            (1, "x"), (1, 2, 3)], "power": [2, "x", nan], "significance": [2, "x", nan, True]}),
        "ssr": (EV.sample_size_for_rates, {"before": 0.7, "after": 0.8}, {"before": [*NUM, 2, -1, 70], "after": [*NUM,
            0.7]}),
        "indicators": (EV.indicators, {"before": {"retention": EV.Share(10, 20)}, "after": {"retention": EV.Share(15,
            20)}}, {"currency": ["$", "", 5], "satisfied_from": ["x", nan, True], "definitions": [[5], 5, "x", None],
            "unit": CH, "n_resamples": [0, -1, "x"], "columns": [5]}),
    }  # fmt: skip


#: How other libraries, and Python itself, say that something went wrong inside.
FOREIGN = (
    "could not convert string", "cannot reshape", "unsupported operand", "not supported between", "has no attribute",
    "object is not", "invalid literal", "setting an array", "not iterable", "could not be broadcast", "ufunc", "has no len",
    "not subscriptable", "unhashable", "must be real number", "expected a sequence", "out of bounds", "values to unpack",
)  # fmt: skip

NAMES = [
    "chain.draws",
    "chain.interval",
    "chain.rupture_probability",
    "chain.rupture_sensitivity",
    "chain.best_lever",
    "chain.step",
    "chain.forecast",
    "chain.simulate",
    "chain.hitting_time",
    "chain.hitting_time_variance",
    "chain.lifetime_value",
    "chain.customer_equity",
    "gen.step",
    "gen.forecast",
    "gen.simulate",
    "gen.to_chain",
    "gen.lifetime_value",
    "gen.rupture_probability",
    "gen.rupture_sensitivity",
    "mk.predict_proba",
    "mk.predict",
    "mk.rupture_probability",
    "mk.summary",
    "mk.fit",
    "mk.score",
    "mk.order_test",
    "mk.homogeneity_test",
    "mk.compare_groups",
    "cv.predict_proba",
    "cv.rupture_probability",
    "cv.chain",
    "cv.marginal_effect",
    "cv.transition_matrices",
    "sm.predict_proba",
    "sm.rupture_probability",
    "sm.sojourn_distribution",
    "sm.memory_test",
    "hm.predict_proba",
    "hm.predict_mean",
    "hm.simulate",
    "ct.predict_proba",
    "ct.rupture_probability",
    "ct.hazard_ratios",
    "ct.generator",
    "mdp.solve",
    "mdp.evaluate",
    "mdp.solve_robust",
    "recency_stages",
    "order_test",
    "homogeneity_test",
    "roi",
    "ro.tornado",
    "ro.cash_flow",
    "cost.payments",
    "cost.total",
    "cost.converted",
    "CostLedger",
    "from_table",
    "cost.add",
    "implied_gain",
    "needed_inputs",
    "price_benefits",
    "not_priced",
    "retention_raised",
    "staff_time_saved",
    "relative_change_valued",
    "Money",
    "Points",
    "Percent",
    "Rates",
    "U.normal",
    "U.lognormal",
    "U.empirical",
    "U.share",
    "U.quantile",
    "U.sample",
    "U.probability_below",
    "rfm_names",
    "migration",
    "value_movement",
    "fallen",
    "concentration",
    "key_accounts",
    "rfm.fit",
    "rfm.profile",
    "pyr.fit",
    "pyr.cov",
    "rfm.par",
    "pyr.tier",
    "pyr.conc",
    "clu.fit",
    "cr",
    "cr.from_counts",
    "cr.draws",
    "cr.mult",
    "CTerms",
    "retention_value",
    "retention_value.chain",
    "tl.predict_interval",
    "tl.sample",
    "tl.table",
    "tl.fit",
    "tl.par",
    "attribute",
    "attribute_all",
    "from_touches",
    "from_compact",
    "Targeting",
    "plan",
    "plan.judge",
    "calibration_table",
    "ece",
    "cumulative_gains",
    "emp",
    "mp",
    "get_scorer",
    "scorers",
    "interval_coverage",
    "km",
    "brier",
    "psi",
    "noise",
    "rtt",
    "qini_score",
    "tdl",
    "uak",
    "uce",
    "uct",
    "wilson",
    "bootstrap",
    "against_control",
    "ssm",
    "ssr",
    "indicators",
]


def test_all_calls_are_walked():
    assert sorted(calls()) == sorted(NAMES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.filterwarnings("ignore")
def test_wrong_arguments_are_refused_in_words_and_at_once(name):
    function, right, wrong = calls()[name]
    function(**right)
    for argument, values in wrong.items():
        for value in values:
            start = time.perf_counter()
            with pytest.raises((ValueError, TypeError)) as error:
                function(**{**right, argument: value})
            assert time.perf_counter() - start < 3, (argument, value)
            said = str(error.value)
            assert not any(phrase in said for phrase in FOREIGN), (argument, value, said)
            assert len(said) < 20_000, (argument, value)
