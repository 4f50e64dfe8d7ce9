"""What starts without torch: the commands up to their last check, and processes that only run or compare programs."""

import ast
import os
import resource
import subprocess
import sys
import typing
from collections.abc import Iterator
from dataclasses import is_dataclass
from functools import cache
from pathlib import Path
from pkgutil import resolve_name

import pytest
import yaml

from conself.executors.local import LocalExecutor
from conself.records import Pool

ROOT = Path(__file__).parent.parent
HEAVY = {
    "torch",
    "transformers",
    "peft",
    "lightning",
    "sklearn",
    "scipy",
    "wandb",
    "vllm",
    "accelerate",
    "bitsandbytes",
    "ray",
}
WORKS_WITH_TORCH = {
    "conself.minipy.pretraining": {"data", "loop", "model"},
    "conself.engines.transformers": {
        "attention",
        "draw",
        "generation",
        "ledger",
        "machine",
        "packed",
        "prompts",
        "rows",
    },
    "conself.engines.vllm": {"machine"},
    "conself.tracking": {"prefixed"},
    "conself.training": {
        "checkpoints",
        "device_learner",
        "fit",
        "learner",
        "lightning",
        "progress",
        "reference",
        "suitability",
    },
    "conself.online": {"loop"},
    "conself.training.policy": {"drawing", "recompute"},
    "conself.training.scorer": {"branch_attention", "log_probs", "visibility"},
}
"""The modules that may import one of HEAVY at their top: each is imported by a function, when its work begins."""
WORKING = {f"{room}.{name}" for room, names in WORKS_WITH_TORCH.items() for name in names}
COMMANDS = (
    "conself.train",
    "conself.score",
    "conself.evaluate",
    "conself.minipy.pretrain",
    "conself.minipy.pretrain_roles",
)


class OwnMetric:
    """A user's part that is not called as its contract says."""

    def __call__(self, pool: Pool) -> float:
        return float(len(pool.candidates))


def is_for_types(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def at_top(nodes: list[ast.stmt]) -> Iterator[ast.Import | ast.ImportFrom]:
    """The imports that run with the module: not those inside functions, nor those for types."""
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield node
        elif not is_for_types(node) and not isinstance(node, ast.FunctionDef):
            inner = [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]
            yield from at_top(inner)


@cache
def imported(module: str) -> frozenset[str]:
    """What importing a module of this package imports, package and names; empty for other modules."""
    path = ROOT.joinpath(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    names: set[str] = set()
    if not file.is_file():
        return frozenset()
    for node in at_top(ast.parse(file.read_text()).body):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        else:
            names |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(names | {module.rpartition(".")[0]} - {""})


def reached(module: str) -> set[str]:
    seen: set[str] = set()
    todo = [module]
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo += [found for found in imported(name) if found.split(".")[0] in HEAVY | {"conself"}]
    return seen


MODULES = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for path in sorted((ROOT / "conself").rglob("*.py"))
]


def test_only_modules_that_work_with_heavy_libraries_import_them_at_their_top() -> None:
    reaching = {name for name in MODULES if any(found.split(".")[0] in HEAVY for found in reached(name))}
    assert reaching == WORKING, "import heavy libraries inside the function that needs them"


def parts() -> set[str]:
    """Every ``_target_`` that conf/ names."""

    def targets(node: object) -> Iterator[str]:
        if isinstance(node, dict):
            yield from ([node["_target_"]] if "_target_" in node else [])
            for value in node.values():
                yield from targets(value)

    return {name for path in (ROOT / "conf").rglob("*.yaml") for name in targets(yaml.safe_load(path.read_text()))}


def test_the_types_of_all_settings_are_there_when_settings_are_checked() -> None:
    kinds = [kind for kind in map(resolve_name, parts()) if is_dataclass(kind)]
    assert len(kinds) > 50
    for kind in kinds:
        assert typing.get_type_hints(kind) is not None, kind  # a name that is imported for types only is a NameError


def cpu_seconds() -> float:
    """Of all child processes that have ended: a busy machine changes them little, and waiting not at all."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def run(module: str, *words: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """A command that tells on standard error all that it imports, and its CPU seconds."""
    before = cpu_seconds()
    command = [sys.executable, "-X", "importtime", "-m", module, *words]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    return done, cpu_seconds() - before


def heavy(done: subprocess.CompletedProcess[str]) -> set[str]:
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    assert len(lines) > 100
    return {line.rpartition("|")[2].strip().split(".")[0] for line in lines} & HEAVY


@pytest.mark.parametrize("module", COMMANDS)
def test_help_imports_no_heavy_library(module: str) -> None:
    done, seconds = run(module, "--help")
    assert done.returncode == 0, done.stderr
    assert "== Config ==" in done.stdout
    assert heavy(done) == set()
    assert seconds < 8, "CPU, with -X importtime; it takes 3 to 4, and 17 with torch and what comes with it"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("nosuchkey=1",), "nosuchkey"),
        (("metric=nosuchmetric",), "nosuchmetric"),
        (("sampler.n_observations=many",), "sampler.n_observations must be an int"),
        (("tau=1.5",), "tau must lie in"),
        (("model.name=/no/such/folder",), "model folder '/no/such/folder' does not exist"),
        (
            (f"metrics.nll._target_={__name__}.OwnMetric",),
            f"error: metrics.nll: {__name__}.OwnMetric is no Metric: "
            "__call__(pool) where __call__(pool, agreement) is called",
        ),
    ],
)
def test_wrong_settings_are_told_before_a_heavy_library_is_imported(
    words: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    done, seconds = run("conself.train", *words, f"hydra.run.dir={tmp_path}", "tracking=none")
    assert done.returncode != 0
    assert said in done.stdout + done.stderr
    assert heavy(done) == set()
    assert seconds < 8, "CPU, with -X importtime; it takes 3 to 4, and 17 with torch and what comes with it"


def libraries() -> Iterator[list[str]]:
    import conself.pipelines.per_pool  # where agreement and metrics are worked out

    assert conself.pipelines.per_pool.agree_shard
    yield [name for name in HEAVY if name in sys.modules]


def test_a_worker_imports_no_heavy_library_by_itself() -> None:
    with LocalExecutor(1) as workers:
        assert list(workers.run(libraries, [()])) == [[]]
