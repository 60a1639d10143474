"""The house rules: style, types, the direction of imports, light imports, no file that should not be there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(*command):
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)


@pytest.mark.quality
@pytest.mark.parametrize(
    "command",
    [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",), ("importlinter.cli",)],
    ids=["style", "format", "types", "imports"],
)
def test_house_rules(command):
    if command[0] == "importlinter.cli":
        done = run(sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()")
    else:
        done = run(sys.executable, "-m", *command)
    assert done.returncode == 0, done.stdout + done.stderr


def test_importing_crmml_loads_no_heavy_package():
    code = (
        "import sys, crmml, crmml.clv, crmml.transactions, crmml.datasets, crmml.tracking, crmml.scoring\n"
        "import crmml.campaigns, crmml.churn, crmml.customers, crmml.metrics, crmml.roi, crmml.segments, crmml.stages\n"
        "heavy = {'mlflow', 'pyspark', 'lifetimes', 'polars', 'duckdb', 'matplotlib'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    done = run(sys.executable, "-W", "ignore", "-c", code)
    assert done.returncode == 0, done.stderr


def tracked_files():
    done = run("git", "ls-files", "--cached", "--others", "--exclude-standard")
    if done.returncode:
        pytest.skip("not a git checkout: there is no list of the project's files")
    return [ROOT / name for name in done.stdout.splitlines() if (ROOT / name).is_file()]


def test_modules_stay_small():
    long = {
        str(path.relative_to(ROOT)): count
        for path in tracked_files()
        if path.suffix == ".py" and (count := len(path.read_text(encoding="utf-8").splitlines())) > 600
    }
    assert not long


def test_no_file_names_a_package_registry():
    pattern = re.compile(r"(index-url|registry)\s*[=:]\s*\"?https?://|https?://\S+/simple\b")
    texts = {".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".ipynb", ".json"}
    named = [
        str(path.relative_to(ROOT))
        for path in tracked_files()
        if path.suffix in texts and pattern.search(path.read_text(encoding="utf-8"))
    ]
    assert not named


def test_constraints_are_names_and_versions_only():
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert lines
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!_-]+", line) for line in lines)


def test_every_module_has_tests():
    tests = {path.stem.removeprefix("test_") for path in (ROOT / "tests").rglob("test_*.py")}
    modules = [
        path
        for path in (ROOT / "crmml").rglob("*.py")
        if not path.name.startswith("_") and path.stem not in {"exceptions", "registry", "adapter"}
    ]
    assert [str(path.relative_to(ROOT)) for path in modules if path.stem not in tests] == []
