"""The source of crmml as the tests of its rules read it: modules, imports, functions, public signatures."""

import ast
import importlib
import inspect
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from radon.complexity import cc_visit
from sklearn.base import BaseEstimator

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = (
    "amounts", "campaigns", "churn", "clv", "customers", "datasets", "evidence", "files", "frames", "inference", "metrics",
    "model_selection", "retention", "roi", "scoring", "segments", "stages", "tables", "testing", "transactions",
)  # fmt: skip


@dataclass(frozen=True)
class Module:
    """One module: its dotted name, its file, its tree."""

    name: str
    path: Path
    tree: ast.Module

    @property
    def is_package(self):
        return self.path.name == "__init__.py"

    @property
    def package(self):
        return self.name if self.is_package else self.name.rpartition(".")[0]

    @property
    def text(self):
        return self.path.read_text(encoding="utf-8")


@cache
def modules():
    found = {}
    for path in sorted((ROOT / "crmml").rglob("*.py")):
        name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        found[name] = Module(name, path, ast.parse(path.read_text(encoding="utf-8")))
    return found


def imports(module):
    """Modules of crmml that a module imports, in functions and for typing too, and the whole names it asks for."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ImportFrom):
            start = module.package.split(".")
            base = ".".join(start[: len(start) - node.level + 1]) if node.level else ""
            source = ".".join(part for part in (base, node.module) if part)
            for alias in node.names:
                whole = f"{source}.{alias.name}"
                if source.startswith("crmml"):
                    yield (whole if whole in modules() else source), whole
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("crmml"):
                    yield alias.name, alias.name


def functions():
    """(name, complexity, lines of the body without its docstring) of every function and method."""
    for module in modules().values():
        length = {}
        for node in ast.walk(module.tree):
            if isinstance(node, ast.FunctionDef):
                first = node.body[1] if ast.get_docstring(node) and len(node.body) > 1 else node.body[0]
                length[node.lineno] = node.end_lineno - first.lineno + 1
        for block in cc_visit(module.text):
            for each in [block, *getattr(block, "methods", ()), *getattr(block, "closures", ())]:
                if type(each).__name__ == "Function":
                    line = next((k for k in range(each.lineno, each.lineno + 12) if k in length), None)
                    yield f"{module.name}.{each.fullname}", each.complexity, length.get(line, 0)


@cache
def public_objects():
    """{whole name: object} of everything that the packages export."""
    found = {}
    for name in PACKAGES:
        package = importlib.import_module(f"crmml.{name}")
        for exported in getattr(package, "__all__", ()):
            found[f"crmml.{name}.{exported}"] = getattr(package, exported)
    return found


def public_classes():
    return {
        name: thing
        for name, thing in public_objects().items()
        if inspect.isclass(thing) and thing.__module__.startswith("crmml")
    }


#: Classes that describe what the caller states, not what was found.
STATED = {"ArcShift", "IndicatorDefinition", "Percent", "Points"}


def result_classes():
    """Public classes that say what was found, and are neither estimators nor errors."""
    return {
        name: thing
        for name, thing in public_classes().items()
        if callable(getattr(thing, "describe", None))
        and thing.__name__ not in STATED
        and not issubclass(thing, (BaseEstimator, BaseException))
    }


def signatures():
    """(whole name, parameters) of every public function, constructor and public method."""
    for name, thing in public_objects().items():
        if inspect.isclass(thing):
            for method, function in inspect.getmembers(thing, inspect.isroutine):
                own = getattr(function, "__module__", None) or ""
                if own.startswith("crmml") and (not method.startswith("_") or method == "__init__"):
                    yield f"{name}.{method}", inspect.signature(function).parameters
        elif inspect.isroutine(thing) and thing.__module__.startswith("crmml"):
            yield name, inspect.signature(thing).parameters
