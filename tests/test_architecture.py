"""The house's walls: which room may import which, and who may know what is right."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "conself"
ROOMS = (
    "datasets",
    "samplers",
    "metrics",
    "curricula",
    "pairing",
    "losses",
    "benchmarks",
    "training",
    "sandbox",
    "minipy",
)
ENTRIES = {"train", "entry", "results", "reports", "score", "evaluate", "selecting", "select_tau", "rounds"}
ENTRIES |= {"pool_figures", "score_files", "score_report"}
HELPERS = {"context", "keys", "shards", "scoring", "workers", "statistics", "pass_rates", "tracking", "checks"}
HELPERS |= {"config_folder", "versions", "shortfalls", "provenance"}
PARTS = {"datasets", "samplers", "metrics", "curricula", "pairing", "training", "benchmarks"}
FLOOR = {
    "records",
    "validation",
    "comparison",
    "linkage",
    "consensus",
    "prompts",
    "models",
    "artifacts",
    "tables",
    "losses",
}
FLOOR |= {"sandbox", "standin", "hub", "turns", "quantization", "behaviour", "selectors", "agreement"}
FLOOR |= {"console", "progress", "locks", "places"}
ALLOWED = {
    **dict.fromkeys(ENTRIES, ENTRIES | PARTS | FLOOR | HELPERS | {"stages", "evaluation", "contamination", "oracles"}),
    "evaluation": PARTS | FLOOR | {"context", "keys", "shards", "scoring", "shortfalls"},
    "stages": PARTS | FLOOR | {"context", "keys", "shards", "scoring", "tracking", "shortfalls", "provenance"},
    "shortfalls": {"artifacts", "console", "context"},
    "contamination": PARTS | FLOOR | {"context"},
    "shards": FLOOR | {"workers"},
    "context": FLOOR | {"workers", "keys"},
    "keys": {"models", "records"},
    "provenance": {"artifacts"},
    "scoring": FLOOR | {"shards", "workers"},
    "workers": set(),
    "checks": set(),
    "config_folder": set(),
    "versions": set(),
    "report": set(),
    "__main__": set(),
    "tracking": set(),
    "statistics": FLOOR | {"oracles"},
    "pass_rates": {"records"},
    **dict.fromkeys(PARTS, FLOOR),
    "datasets": FLOOR | {"oracles", "minipy", "reference_outputs"},
    "benchmarks": FLOOR | {"oracles", "minipy", "statistics", "reference_outputs"},
    "reference_outputs": {"sandbox"},
    "samplers": FLOOR | {"workers"},
    "minipy": {"records", "oracles", "prompts", "sandbox", "config_folder", "console", "progress"},
    "losses": set(),
    "sandbox": set(),
    "standin": set(),
    "oracles": set(),
    "records": {"sandbox"},
    "comparison": {"records", "linkage"},
    "linkage": set(),
    "consensus": {"records", "comparison"},
    "prompts": {"records"},
    "models": {"records", "hub", "turns", "quantization"},
    "hub": {"records"},
    "turns": set(),
    "quantization": set(),
    "artifacts": {"versions", "locks"},
    "console": set(),
    "progress": {"console", "sandbox"},
    "locks": {"console", "progress"},
    "places": set(),
    "behaviour": {"consensus"},
    "agreement": {"consensus", "records"},
    "selectors": {"records", "consensus", "behaviour", "agreement"},
    "tables": {"records", "artifacts", "consensus"},
    "validation": {"records", "sandbox"},
}
TRAINING_CODE = (
    "samplers",
    "metrics",
    "curricula",
    "pairing",
    "losses",
    "training",
    "consensus",
    "comparison",
    "linkage",
)
TRAINING_CODE += ("behaviour", "selectors", "scoring", "stages")


def modules() -> dict[str, Path]:
    """Dotted name -> file of every module of the package."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


@cache
def imported(path: Path) -> frozenset[str]:
    """Every module that a file imports, at any depth of its code; ``from a import b`` counts as a and a.b."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = path.relative_to(ROOT).parts[: -node.level] if node.level else ()
            module = ".".join([*above, node.module] if node.module else above)
            names |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return frozenset(names)


def own(path: Path) -> set[str]:
    """The modules of this package among a file's imports."""
    return {name for name in imported(path) if name in MODULES and name != "conself"}


def room(module: str) -> str:
    return module.split(".")[1]


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"conself"}))
def test_imports_go_down_only(module: str) -> None:
    here = room(module)
    assert here in ALLOWED, f"{module}: a new room; say in this test what it may import"
    upward = {name for name in own(MODULES[module]) if room(name) != here and room(name) not in ALLOWED[here]}
    assert not upward, f"{module} may not import {sorted(upward)}"


@pytest.mark.parametrize(
    "module", sorted(m for m in MODULES if m.startswith(tuple(f"conself.{r}" for r in TRAINING_CODE)))
)
def test_training_code_cannot_reach_the_oracles(module: str) -> None:
    seen, todo = set(), [module]
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        todo += own(MODULES[name])
        todo += [".".join(name.split(".")[:i]) for i in range(2, len(name.split(".")))]  # packages run their __init__
    assert "conself.oracles" not in seen


@pytest.mark.parametrize(
    ("library", "rooms"),
    [
        (
            "hydra",
            ENTRIES | {"stages", "evaluation", "minipy"},
        ),  # minipy: the pre-training command is an entry point of its own
        ("wandb", {"tracking"}),
        ("lightning", {"training", "tracking"}),
        ("vllm", {"samplers"}),
        ("pickle", set()),
    ],
)
def test_libraries_stay_in_their_rooms(library: str, rooms: set[str]) -> None:
    users = {
        room(m) for m, path in MODULES.items() if m != "conself" for n in imported(path) if n.split(".")[0] == library
    }
    assert users <= rooms


def test_the_sandbox_imports_nothing_else_of_the_package() -> None:
    for module, path in MODULES.items():
        if module.startswith("conself.sandbox"):
            assert all(name.startswith("conself.sandbox") for name in own(path)), module


def test_every_room_of_the_design_is_there() -> None:
    assert all((PACKAGE / name / "__init__.py").is_file() for name in ROOMS)


def test_no_file_or_function_is_overgrown() -> None:
    for path in MODULES.values():
        source = path.read_text()
        assert source.count("\n") <= 300, path
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 45, f"{path}: {node.name}"
