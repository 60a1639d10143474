import shlex

import pandas as pd

from .conftest import LOG_OPTIONS, run


def test_a_wrong_csv_gets_one_clear_error_exit_code_2_and_no_file(orders, tmp_path):
    orders.loc[3, "bought_at"] = pd.NaT
    orders["amount"] = orders["amount"].astype(str)
    orders.loc[5, "amount"] = "12,50"
    orders.loc[7, "buyer"] = None
    orders.to_csv("wrong.csv", index=False)
    before = sorted(tmp_path.iterdir())
    for command in (("summarize", "wrong.csv", "out.parquet"), ("fit", "wrong.csv", "--name", "shop")):
        done = run(*command, *LOG_OPTIONS)
        assert done.exit_code == 2
        assert done.stderr.count("cannot be used") == 1
        for part in (
            "3 faults",
            "decimal commas in 1 row ('12,50') are mixed",
            "'buyer' is missing in 1",
            "'bought_at' is missing in 1",
        ):
            assert part in done.stderr
        assert "Traceback" not in done.output
        assert sorted(tmp_path.iterdir()) == before


def test_look_proposes_the_command_that_reads_the_log(orders, tmp_path):
    orders["bought_at"] = pd.to_datetime(orders["bought_at"]).dt.strftime("%m/%d/%Y")
    orders.to_csv("orders.csv", index=False, sep=";", decimal=",")
    before = sorted(tmp_path.iterdir())
    looked = run("look", "orders.csv")
    assert looked.exit_code == 0
    assert sorted(tmp_path.iterdir()) == before
    command = next(line.strip() for line in looked.stdout.splitlines() if "crmml summarize" in line)
    done = run(*shlex.split(command)[1:])
    assert done.exit_code == 0
    assert len(pd.read_parquet("summary.parquet")) == 2_357


def test_folders_patterns_and_every_option_of_the_files(orders, tmp_path):
    (tmp_path / "logs").mkdir()
    text = "Report\nA|31.01.2024|1,5\nNULL|01.02.2024|2\n"
    (tmp_path / "logs" / "a.txt").write_bytes(text.encode("utf-16"))
    options = ["--customer-id", "who", "--timestamp", "day", "--value", "paid", "--unit", "D", "--nulls", "drop"]
    written = [
        "--column-names",
        "who,day,paid",
        "--skip-lines",
        1,
        "--delimiter",
        "vertical bar",
        "--decimal",
        ",",
        "--quote",
        "none",
    ]
    for source in ("logs", "logs/*.txt"):
        done = run(
            "summarize",
            source,
            "out.csv",
            "--overwrite",
            *options,
            *written,
            "--null-words",
            "NULL",
            "--encoding",
            "utf-16",
        )
        assert done.exit_code == 0, done.output
        assert pd.read_csv("out.csv")["customer_id"].tolist() == ["A"]


def test_cures_are_options(orders):
    pd.DataFrame({"customer_id": ["a", "b"], "timestamp": ["01/02/2024", "03/02/2024"]}).to_csv(
        "twice.csv", index=False
    )
    done = run("summarize", "twice.csv", "out.parquet", "--timestamp", "timestamp", "--unit", "D")
    assert done.exit_code == 2
    assert "say --date-format %d/%m/%Y or --date-format %m/%d/%Y" in done.stderr
