"""The rows of the 50-digit oracle, by model."""

import json

import numpy as np

from crmml.clv.numerics.rows import Rows

from ... import ORACLES

PATH = ORACLES / "bgnbd_edge.json"


def edge_rows(model, parameters):
    """Yield (number, Rows of one customer, theta, horizon, reference values) for each row of a model."""
    for row in json.loads(PATH.read_text())["rows"]:
        if row["model"] == model:
            rows = Rows(*(np.array([float(row[name])]) for name in ("x", "t_x", "T")))
            theta = [float(row["params"][name]) for name in parameters]
            reference = {name: float(row[name]) for name in ("loglik", "log_p_alive", "cet")}
            yield row["row"], rows, theta, float(row["t"]), reference


def close(found, expected, rtol=1e-8):
    """Within a relative tolerance; below the float range zero will do."""
    return abs(found - expected) <= rtol * abs(expected) or (abs(expected) < 1e-300 and abs(found) < 1e-300)
