from typer.testing import CliRunner

from crmml.cli.app import app


def test_a_folder_that_holds_results_is_not_written_over(tmp_path):
    (tmp_path / "summary.parquet").write_bytes(b"mine")
    done = CliRunner().invoke(app, ["quickstart", str(tmp_path), "--quiet"])
    assert done.exit_code == 2
    assert "summary.parquet" in done.output
    assert (tmp_path / "summary.parquet").read_bytes() == b"mine"
    assert [path.name for path in tmp_path.iterdir()] == ["summary.parquet"]
