"""The commands of the README, run as a user runs them, on a few problems of the embedded world."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import pytest
from filelock import FileLock

from tests.e2e.preloaded import preloaded

ROOT = Path(__file__).parent.parent.parent
SMALL = ("dataset.size=60", "benchmark.minipy.size=60", "tau=1.0", "sampler.programs_per_observation=2")
SMALL += ("executor.workers=1",)  # tests run side by side
IN_TURN = "executor._target_=tests.e2e.in_turn.InTurn"  # without a worker, which imports torch once more


@dataclass(frozen=True)
class Job:
    """A finished command: exit status, what it printed, and its run folder."""

    status: int
    output: str
    folder: Path

    @property
    def results(self) -> dict[str, Any]:
        """The figures of a run that went well."""
        assert self.status == 0, self.output
        return dict(json.loads((self.folder / "results.json").read_text()))


def command(artifacts: Path, folder: Path, *overrides: str) -> list[str]:
    """The words of one job on a few problems, with its own store and run folder."""
    flags = [word for word in overrides if word.startswith("-")]  # the command line wants them first
    words = [sys.executable, "-m", "conself.train", *flags, *SMALL, f"artifacts={artifacts}"]
    words += [f"hydra.run.dir={folder}", f"hydra.sweep.dir={folder}"]
    return words + [word for word in overrides if not word.startswith("-")]


def environment() -> dict[str, str]:
    """A terminal wide enough that no line is folded."""
    return {**os.environ, "COLUMNS": "400", "PYTHONUNBUFFERED": "1"}


def start(words: list[str], output: Path) -> int:
    """Start ``python -m MODULE ...`` in a fork, which spares the import of torch; its process id."""
    return preloaded().start(words[2:], environment(), output)


def run(words: list[str]) -> tuple[int, str]:
    """The exit status of such a command, and what it printed."""
    with NamedTemporaryFile("r") as output:
        return preloaded().wait(start(words, Path(output.name)), seconds=600), output.read()


def train(artifacts: Path, folder: Path, *overrides: str) -> Job:
    """Run one job to its end, in one process."""
    return Job(*run(command(artifacts, folder, IN_TURN, *overrides)), folder)


def train_anew(artifacts: Path, folder: Path, *overrides: str, prefix: tuple[str, ...] = ()) -> Job:
    """The same in an interpreter of its own, as a user starts it."""
    done = subprocess.run(
        [*prefix, *command(artifacts, folder, *overrides)],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    return Job(done.returncode, done.stdout, folder)


@pytest.fixture(scope="session")
def store(shared_folder: Path) -> Path:
    """A store that all tests share, as a user's runs do."""
    folder = shared_folder / "store"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def whole(store: Path, shared_folder: Path) -> Job:
    """One uninterrupted run: made by the first worker that wants it, read by the others."""
    ended = shared_folder / "whole.json"
    with FileLock(shared_folder / ".whole.lock"):
        if not ended.is_file():
            job = train_anew(store, shared_folder / "whole")
            ended.write_text(json.dumps([job.status, job.output]))
    status, output = json.loads(ended.read_text())
    return Job(status, output, shared_folder / "whole")
