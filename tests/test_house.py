"""The rules of the house, read from the source: walls between packages, size, one vocabulary, one place for each check."""

import dataclasses
import inspect
import re

import pytest
from sklearn.base import BaseEstimator

from crmml.results import NotebookMixin, Result
from crmml.testing import all_estimators

from .house import ROOT, functions, imports, modules, public_classes, result_classes, signatures

pytestmark = pytest.mark.quality

#: Functions that are longer or more branched than the rule allows, each with its reason.
LONG = {}
BRANCHED = {}

#: Words that another word stands for everywhere; section by section of the vocabulary.
BANNED = {
    "se": "std_error", "standard_error": "std_error", "standard_errors": "std_errors", "stderr": "std_error",
    "low": "lower", "high": "upper", "confidence": "coverage", "confidence_level": "coverage", "level": "coverage",
    "n_params": "n_parameters", "n_params_": "n_parameters_", "standard_errors_": "std_errors_",
    "n_bootstrap": "n_resamples", "n_boot": "n_resamples", "n_permutations": "n_resamples", "n_samples": "n_draws",
    "seed": "random_state", "df": "degrees_of_freedom", "size": "significance", "look_back": "lookback",
}  # fmt: skip
#: Where a word means something else.
OTHERWISE = {}

#: Phrases that no native speaker writes.
UNIDIOMATIC = re.compile(
    r"\b(one|a) (row|column|line|value|number|estimate|entry|model) a (row|customer|transaction|model|parameter|period|account|day"
    r"|month|segment|stage|draw|group)\b|\bis no number\b|\bare no numbers\b|\bis no whole number\b|\bof the summary that was fitted\b"
)


def test_no_circle_of_imports_typing_included():
    graph = {name: {target for target, _ in imports(module)} - {name} for name, module in modules().items()}
    state, circles = {}, []

    def visit(name, path):
        state[name] = "open"
        for target in sorted(graph.get(name, ())):
            if state.get(target) == "open":
                circles.append([*path[path.index(target) :], target] if target in path else [name, target])
            elif target not in state:
                visit(target, [*path, target])
        state[name] = "done"

    for name in graph:
        if name not in state:
            visit(name, [name])
    assert circles == []


def test_underscore_modules_and_names_stay_in_their_folder():
    wrong = []
    for module in modules().values():
        for _, whole in imports(module):
            parts = whole.split(".")
            for at, part in enumerate(parts):
                if part.startswith("_") and not part.startswith("__"):
                    owner = ".".join(parts[:at])
                    folder = owner if modules()[owner].is_package else owner.rpartition(".")[0]
                    if not (module.package == folder or module.package.startswith(f"{folder}.")):
                        wrong.append(f"{module.name} imports {whole}")
    assert wrong == []


def test_functions_are_short_and_branch_little():
    branched = {name: found for name, found, _ in functions() if found > 15 and name not in BRANCHED}
    long = {name: lines for name, _, lines in functions() if lines > 45 and name not in LONG}
    assert (branched, long) == ({}, {})


def test_only_frames_knows_the_library_behind_the_engines():
    outside = [m for m in modules().values() if not m.name.startswith("crmml.frames")]
    assert [m.name for m in outside if re.search(r"^\s*(import|from) narwhals", m.text, re.MULTILINE)] == []


def test_what_an_argument_must_be_is_checked_in_one_place():
    pattern = re.compile(
        r"0(\.0)? < [\w.]*coverage|coverage *(>=|<=|>|<) *[01]\b|is not known; choose one of|must be a whole number of at least"
    )
    found = [m.name for m in modules().values() if m.name != "crmml.checks" and pattern.search(m.text)]
    assert found == []


def test_every_public_module_has_tests_at_its_own_path():
    missing = []
    for module in modules().values():
        relative = module.path.relative_to(ROOT / "crmml")
        if module.path.name.startswith("_"):
            continue
        if not (ROOT / "tests" / relative.parent / f"test_{relative.stem}.py").is_file():
            missing.append(str(relative))
    assert missing == []


def test_declared_constraints_are_validated():
    unchecked = []
    for name, cls in all_estimators():
        if not getattr(cls, "_parameter_constraints", None):
            continue
        sources = "".join(inspect.getsource(base) for base in cls.__mro__ if base.__module__.startswith("crmml"))
        if "_fit_context" not in sources and "_validate_params" not in sources:
            unchecked.append(name)
    assert unchecked == []


def words():
    for name, parameters in signatures():
        yield from ((f"{name}({parameter})", parameter) for parameter in parameters)
    for name, cls in public_classes().items():
        if dataclasses.is_dataclass(cls):
            yield from ((f"{name}.{field.name}", field.name) for field in dataclasses.fields(cls))
        yield from ((f"{name}.{word}", word) for word in vars(cls) if not word.startswith("_"))


def test_one_vocabulary():
    wrong = [
        f"{where}: say {BANNED.get(word) or word.replace('_low', '_lower').replace('_high', '_upper')}"
        for where, word in words()
        if (word in BANNED or word.endswith(("_low", "_high"))) and where not in OTHERWISE
    ]
    assert wrong == []


def test_seeds_default_to_none_and_coverage_to_a_probability():
    wrong = []
    for name, parameters in signatures():
        for word, parameter in parameters.items():
            if word == "random_state" and parameter.default not in (None, inspect.Parameter.empty):
                wrong.append(f"{name}: random_state={parameter.default!r}")
            given = parameter.default
            if word == "coverage" and isinstance(given, (int, float)) and not 0 < given < 1:
                wrong.append(f"{name}: coverage={given!r}")
    assert wrong == []


@pytest.mark.parametrize("name", sorted(result_classes()))
def test_results_offer_words_a_frame_and_a_picture(name):
    cls = result_classes()[name]
    assert issubclass(cls, Result)
    assert all(callable(getattr(cls, method)) for method in ("describe", "to_frame", "plot", "_repr_html_"))


def test_every_display_is_exported_by_its_package():
    exported = {cls.__name__ for cls in public_classes().values()} | {"IntervalDisplay"}
    hidden = []
    for module in modules().values():
        for cls_name in re.findall(r"^class (\w+Display)\(", module.text, re.MULTILINE):
            if cls_name not in exported:
                hidden.append(f"{module.name}.{cls_name}")
    assert hidden == []


def test_displays_are_made_in_one_way():
    ways = {"from_estimator", "from_predictions", "from_result"}
    wrong = [
        f"{name}.{method}"
        for name, cls in public_classes().items()
        if name.endswith("Display")
        for method in dir(cls)
        if method.startswith("from_") and method not in ways
    ]
    assert wrong == []


def test_estimators_show_themselves_in_a_notebook():
    assert [name for name, cls in all_estimators() if not issubclass(cls, NotebookMixin)] == []
    assert all(issubclass(cls, BaseEstimator) for _, cls in all_estimators())


def test_english():
    pages = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", *(m.path for m in modules().values())]
    wrong = [
        f"{page.relative_to(ROOT)}: {found[0]}"
        for page in pages
        for found in UNIDIOMATIC.finditer(page.read_text(encoding="utf-8"))
    ]
    assert wrong == []
