"""Every command in the fenced blocks of experiments' READMEs, read from there and run on a few problems."""

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, environment

FOLDERS = (
    "table1_methods",
    "table2_correlations",
    "table3_curricula",
    "table4_ablations",
    "figure5_sizes",
    "figure6_roc",
    "figure7_tau",
    "rounds",
    "ceilings",
    "metric_pools",
)
SMALL = (
    "size=smoke",
    "benchmark.minipy.size=20",
    "sampler.programs_per_observation=2",
    "training.epochs=1",
    "tracking=none",
    "executor.workers=1",
)
LESS = {"seed": "1", "rounds": "2", "voters.n": "3"}  # instead of what the README has
PLACES = ("runs", "out", "pools", "artifacts", "hydra.sweep.dir")


def commands(folder: str) -> list[list[str]]:
    """The words of each command of a README, in its order."""
    text = (ROOT / "experiments" / folder / "README.md").read_text()
    blocks = re.findall(r"^```\w*\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [line.split() for block in blocks for line in block.splitlines() if line]


def named_files(folder: str) -> list[str]:
    """The result files that a README shows or links to."""
    text = (ROOT / "experiments" / folder / "README.md").read_text()
    return sorted(set(re.findall(r"\]\(([\w.]+\.(?:md|csv|png|json))\)", text)))


def small(words: list[str], root: Path) -> list[str]:
    """The same command with its places below ``root``, one seed, and short lists; a training on a few problems."""
    assert words[:2] == ["python", "-m"], words
    given = [_smaller(word, root) for word in words[3:]]
    if words[2] == "conself.train":
        own = any(word.startswith("artifacts=") for word in given)
        given += [*SMALL, *(() if own else (f"artifacts={root / 'store'}",))]
    return [sys.executable, "-m", words[2], *given]


def _smaller(word: str, root: Path) -> str:
    key, _mark, value = word.partition("=")
    if key in PLACES:
        kind, colon, place = value.split(",")[0].rpartition(":")
        return f"{key}={kind}{colon}{root / place}"
    if key in ("metric", "tau"):  # the widest bands: the narrow ones keep nothing of a few problems
        return f"{key}={','.join(sorted(value.split(','))[-2:] if key == 'tau' else value.split(',')[:2])}"
    return f"{key}={LESS[key]}" if key in LESS else word


def run(words: list[str], root: Path) -> None:
    """One command at small size; raises AssertionError with the end of what it printed."""
    job = subprocess.run(
        small(words, root), cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=900, check=False
    )
    assert job.returncode == 0, f"{' '.join(words)}\n{(job.stdout + job.stderr)[-4000:]}"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where every command has run, all with one store: first the sweep that READMEs share, then two READMEs at once."""
    root = tmp_path_factory.mktemp("experiments")
    shared = commands(FOLDERS[0])[0]
    run(shared, root)

    def rest(folder: str) -> None:
        for words in commands(folder):
            if words != shared:
                run(words, root)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(rest, FOLDERS))
    return root


@pytest.mark.slow
@pytest.mark.parametrize("folder", FOLDERS)
def test_a_readmes_commands_leave_the_files_that_it_names(folder: str, done: Path) -> None:
    files = named_files(folder)
    assert files, "the README shows what its commands leave"
    for name in files:
        path = done / "experiments" / folder / name
        assert path.is_file(), f"no command of experiments/{folder}/README.md leaves {name}"
        assert path.stat().st_size > 100


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_a_readme_names_lies_beside_it(folder: str) -> None:
    for name in named_files(folder):
        assert (ROOT / "experiments" / folder / name).stat().st_size > 100


def test_a_command_is_made_small(tmp_path: Path) -> None:
    words = ["python", "-m", "conself.train", "-m", "tau=0.1,0.3,0.55", "seed=1,2,3", "rounds=3", "out=runs/x"]
    few = ["-m", "tau=0.3,0.55", "seed=1", "rounds=2", f"out={tmp_path}/runs/x", *SMALL, f"artifacts={tmp_path}/store"]
    assert small(words, tmp_path) == [sys.executable, "-m", "conself.train", *few]
    pools = ["python", "-m", "experiments.metric_pools.run", "pools=embedded:runs/x/0,embedded:runs/x/1"]
    assert small(pools, tmp_path)[3:] == [f"pools=embedded:{tmp_path}/runs/x/0"]


def test_the_index_names_every_folder() -> None:
    index = (ROOT / "experiments" / "README.md").read_text()
    folders = [path.parent.name for path in (ROOT / "experiments").glob("*/README.md")]
    assert set(FOLDERS) <= set(folders)
    assert [name for name in folders if f"]({name}/" not in index] == []
