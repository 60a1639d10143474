"""The simulated panel of five stages and its reference values."""

import json
from functools import cache

import pandas as pd

from crmml.stages import StageSpace, to_panel

from .. import ORACLES

SPACE = StageSpace(tuple("12345"), rupture="5", absorbing=("5",))


@cache
def values():
    return json.loads((ORACLES / "stage_panel_dt.json").read_text())


@cache
def panel():
    long = pd.read_csv(ORACLES / "stage_panel_dt.csv", dtype={"stage": str})
    return to_panel(long, SPACE, customer_id="id")[0]
