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
            "'amount' holds text in 1 row ('12,50')",
            "'buyer' is missing in 1",
            "'bought_at' is missing in 1",
        ):
            assert part in done.stderr
        assert "Traceback" not in done.output
        assert sorted(tmp_path.iterdir()) == before
