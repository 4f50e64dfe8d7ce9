"""The house's walls: which room may import which, and who may know what is right."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "conself"
# From the ground up: a room imports rooms of lower floors, and itself. Commands stand on the roof.
FLOORS = (
    {"losses", "oracles", "sandbox", "tracking"},
    {"records", "runtime"},
    {"executors", "prompts"},
    {"agreement", "curricula", "guards", "harness", "models", "pool_files"},
    {"generated_tests", "mutators"},
    {"amplifications", "engines", "metrics", "minipy", "rankings", "store", "texts"},
    {"datasets", "pairings", "rewards", "samplers", "statistics", "tester_rewards", "training"},
    {"benchmarks", "online", "proposers"},
    {"calibration", "contracts", "results"},
    {"pipelines"},
    {"app"},
    {"evaluate", "report", "score", "status", "tau_search", "train"},
    {"__main__"},
)
TRAINING_CODE = ["engines", "samplers", "metrics", "texts", "curricula", "rankings", "pairings", "losses", "training"]
TRAINING_CODE += ["agreement", "store", "models", "prompts"]
TRAINING_CODE += ["amplifications", "generated_tests", "mutators", "pipelines.testing"]
TRAINING_CODE += ["pipelines.per_pool", "pipelines.sampling", "pipelines.shards", "pipelines.stages"]
TRAINING_CODE += [
    "pipelines.amplifying",
    "guards",
    "rewards",
    "tester_rewards",
    "online",
    "pipelines.reinforcement.stage",
]
CLAIMS = "conself.proposers.claims"
"""The table of outputs that a model claims for the inputs of its own problems."""


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
    (floor,) = [number for number, rooms in enumerate(FLOORS) if here in rooms]  # a new room: say where it stands
    below = {here}.union(*FLOORS[:floor])
    assert {room(name) for name in own(MODULES[module])} <= below


def test_the_hall_holds_commands_and_records_alone() -> None:
    loose = {path.stem for path in PACKAGE.glob("*.py")}
    assert loose == {"__init__", "__main__", "train", "score", "evaluate", "report", "records", "oracles"}


def reached(module: str) -> set[str]:
    """The modules of this package that a module imports, directly or through others; itself, too."""
    seen, todo = set(), [module]
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        todo += own(MODULES[name])
        todo += [".".join(name.split(".")[:i]) for i in range(2, len(name.split(".")))]  # packages run their __init__
    return seen


@pytest.mark.parametrize(
    "module", sorted(m for m in MODULES if m.startswith(tuple(f"conself.{r}" for r in TRAINING_CODE)))
)
def test_training_code_cannot_reach_the_oracles(module: str) -> None:
    seen = reached(module)
    assert "conself.oracles" not in seen
    assert not seen & {"conself.statistics.confidence", "conself.statistics.most_confident"}
    assert CLAIMS not in seen


CALIBRATION = "conself.calibration"
"""The one room that hands to a training what it may know of what is right: a prior, or verdicts as rewards."""
KNOW_ORACLES = {"benchmarks", "contracts", "datasets", "harness", "minipy", "statistics"}


def test_only_rooms_of_data_and_of_judging_name_an_oracle() -> None:
    users = {room(module) for module, path in MODULES.items() if "conself.oracles" in own(path)}
    assert users - {"oracles"} <= KNOW_ORACLES


def test_the_one_exception_to_the_wall_is_a_room_that_nobody_imports() -> None:
    """A config names its parts, by a word of its own for each (labels: 10, labels: all)."""
    inside = {module for module in MODULES if module.startswith(CALIBRATION)}
    assert inside
    outside = {module for module in MODULES if module not in inside and own(MODULES[module]) & inside}
    assert outside == set()
    targets = {
        line.split("_target_:")[1].strip(): path.relative_to(ROOT / "conf").as_posix()
        for path in (ROOT / "conf").rglob("*.yaml")
        for line in path.read_text().splitlines()
        if line.strip().startswith("_target_:") and f"{CALIBRATION}." in line
    }
    assert targets == {
        "conself.calibration.dynamic_b4.DynamicB4": "calibration/dynamic_b4.yaml",
        "conself.calibration.oracle.OracleReward": "reward/oracle.yaml",
        "conself.calibration.oracle.OracleRanking": "ranking/oracle.yaml",
        "conself.calibration.supervised.SupervisedReward": "reward/supervised.yaml",
        "conself.calibration.verdicts.Verdicts": "reward/supervised.yaml",
    }


@pytest.mark.parametrize("kind", ["DynamicB4", "OracleReward", "OracleRanking", "SupervisedReward"])
def test_what_leaves_the_exception_is_no_expected_output(kind: str) -> None:
    """Its parts say which labels they use, and give what their contracts say: no oracle is in their hands' type."""
    (path,) = [path for path in (PACKAGE / "calibration").glob("*.py") if f"class {kind}" in path.read_text()]
    assert "conself.oracles" not in own(path)
    assert "labels: ClassVar[str]" in path.read_text()


def test_the_outputs_that_a_model_claims_are_written_in_one_place_and_read_in_one() -> None:
    """The stage that proposes writes them, the one that compares reads them; the data set of the problems does not."""
    users = {module for module, path in MODULES.items() if CLAIMS in own(path)}
    assert users == {"conself.pipelines.proposing", "conself.pipelines.passing"}
    assert "read_claims" not in MODULES["conself.pipelines.proposing"].read_text()
    assert CLAIMS not in reached("conself.datasets.generated")


@pytest.mark.parametrize(
    ("library", "rooms"),
    [
        # minipy: pre-training is a command of its own
        ("hydra", {"app", "evaluate", "minipy", "pipelines", "runtime", "score", "tau_search", "train"}),
        ("wandb", {"tracking"}),
        ("lightning", {"online", "training", "tracking"}),
        ("vllm", {"engines"}),
        ("ray", {"executors"}),
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


def test_no_file_or_function_is_overgrown() -> None:
    for path in MODULES.values():
        source = path.read_text()
        assert source.count("\n") <= 300, path
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.FunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 45, f"{path}: {node.name}"
