import sqlite3

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from crmml import DataError
from crmml import quickstart as module
from crmml.datasets import load_cdnow
from crmml.files import read_table
from crmml.frames import get_ruler
from crmml.quickstart import HoldoutCheck, holders_of, quickstart


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("empty") / "made"
    with pytest.warns(UserWarning, match=r"worth 0 out of the fit \(1 of 23,570\)"):
        return folder, quickstart(folder)


def test_summary_and_scores_cover_every_customer(done):
    folder, findings = done
    summary, scores = pd.read_parquet(folder / "summary.parquet"), pd.read_parquet(folder / "scores.parquet")
    assert len(summary) == len(scores) == 23_570
    assert set(summary["customer_id"]) == set(scores["customer_id"]) == set(load_cdnow()["customer_id"])
    ruler = get_ruler(read_table(folder / "summary.parquet"))
    assert (ruler.unit, ruler.period) == ("W", "D")
    assert str(ruler.observation_end).startswith("1998-06-30")
    assert scores["probability_alive"].between(0, 1).all()
    assert (scores["clv"] > 0).all()
    assert scores["clv"].sum() == pytest.approx(findings.metrics["value_next_year"])


def test_the_holdout_is_what_the_log_says(done):
    _, findings = done
    log = load_cdnow().drop_duplicates(["customer_id", "timestamp"])
    repeats = log[log["timestamp"] > "1997-09-30"]
    assert findings.metrics["holdout_transactions"] == len(repeats)
    expected = findings.metrics["holdout_expected"]
    assert findings.metrics["holdout_error"] == pytest.approx(expected / len(repeats) - 1)
    assert abs(findings.metrics["holdout_error"]) < 0.15


def test_the_sentences_tell_the_numbers(done):
    folder, findings = done
    text = " ".join(findings.sentences)
    value = np.sort(pd.read_parquet(folder / "scores.parquet")["clv"])[::-1]
    half = int(np.argmax(np.cumsum(value) >= value.sum() / 2)) + 1
    miss = abs(findings.metrics["holdout_expected"] - findings.metrics["holdout_transactions"])
    for part in (f"{half:,} most valuable", f"{half / value.size:.1%}", f"{miss:,.0f} too few", "39 held-out weeks"):
        assert part in text


def test_everything_lies_in_the_folder(done):
    folder, findings = done
    assert all(path.is_file() and path.parent == folder for path in findings.files)
    for name in module.PLOTS:
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
    with sqlite3.connect(folder / "mlflow.db") as database:
        roots = database.execute("select artifact_uri from runs").fetchall()
    assert roots
    assert all(str(folder) in root for (root,) in roots)


def test_the_run_holds_the_numbers_and_no_customer(done):
    from mlflow import MlflowClient

    folder, findings = done
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("quickstart")
    (run,) = client.search_runs([experiment.experiment_id])
    for name, value in findings.metrics.items():
        assert run.data.metrics[name] == pytest.approx(value)
    assert run.data.metrics["log_likelihood"] < 0
    assert run.data.params["calibration_end"] == "1997-09-30"
    artifacts = {item.path.rsplit("/")[-1] for item in client.list_artifacts(run.info.run_id)}
    assert set(module.PLOTS) <= artifacts
    stored = [path for path in folder.rglob("*") if path.is_file() and path.parent != folder]
    assert max(path.stat().st_size for path in stored) < 300_000  # no log and no summary of 23,570 rows
    assert not [path for path in stored if path.suffix in {".parquet", ".csv"}]


def test_a_second_run_is_refused_and_changes_nothing(done):
    folder, _ = done
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    with pytest.raises(DataError, match=r"already holds summary\.parquet, scores\.parquet.*--overwrite"):
        quickstart(folder)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_overwriting_gives_the_same_scores(done):
    folder, findings = done
    before = pq.read_table(folder / "scores.parquet")
    with pytest.warns(UserWarning, match="worth 0"):
        again = quickstart(folder, overwrite=True)
    assert again.sentences == findings.sentences
    assert pq.read_table(folder / "scores.parquet").equals(before)


def test_holders_of_value():
    value = np.array([1.0, 4.0, 3.0, 2.0])
    assert [holders_of(value, share) for share in (0.3, 0.4, 0.5, 0.7, 0.95, 1.0)] == [1, 1, 2, 2, 4, 4]


@pytest.mark.parametrize(
    ("expected", "words"),
    [([2.0, 1.0], "expected 3: 1 too few, a miss of 25.0%."), ([4.0, 2.0], "expected 6: 2 too many, a miss of 50.0%.")],
)
def test_the_miss_in_words(expected, words):
    check = HoldoutCheck(np.array(expected), np.array([3.0, 1.0]), 39.0)
    assert check.sentence().endswith(words)
    assert check.metrics["holdout_rmse"] == pytest.approx(np.sqrt(np.mean((np.array(expected) - [3, 1]) ** 2)))


def test_a_quiet_holdout_divides_by_nothing():
    check = HoldoutCheck(np.array([0.5, 0.25]), np.zeros(2), 2.0)
    assert np.isnan(check.metrics["holdout_error"])
    assert check.sentence().endswith("expected 1.")


def test_the_concentration_plot_is_labelled():
    (axes,) = module.plot_concentration(np.random.default_rng(0).exponential(10, 200)).axes
    assert axes.get_title()
    assert axes.get_xlabel()
    assert axes.get_ylabel()
    assert axes.get_legend() is not None
