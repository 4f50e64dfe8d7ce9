"""Choose tau from the jobs of a sweep on the validation split (``experiment=select_tau``).

The choice depends only on the files in the sweep's folder. A tau is scored by the mean over its seeds; the highest
pass@1 wins, and of ties the smallest tau, which trains on the fewest pairs.
"""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

from omegaconf import OmegaConf

from conself.records import Verdict
from conself.results import names
from conself.statistics.pass_rates import estimate, pass_rates
from conself.store.tables import read_verdicts

RULE = "highest mean pass@1 over the seeds; of equal ones the smallest tau"
_SUFFIX = "_validation"
_OWN = ("tau", "seed")  # the keys that may differ between jobs
_EXPERIMENT = "select_tau"
_NOTE = "sweep.txt"
"""The name of a sweep: in its folder, and in ``.hydra`` of each of its jobs."""


@dataclass(frozen=True)
class Job:
    """One job of the sweep: its folder's name, its overrides, and its results (None: it did not finish)."""

    name: str
    tau: float
    seed: int
    benchmark: str
    words: tuple[str, ...]
    results: dict[str, Any] | None
    tuned: tuple[Verdict, ...]


@dataclass(frozen=True)
class Point:
    """One tau: pass@1 with its 95 % interval over problems, and the means over its seeds of pairs and golden rate."""

    tau: float
    seeds: tuple[int, ...]
    pass_at_1: float
    ci95: tuple[float, float]
    pairs: float
    golden_rate: float | None


@dataclass(frozen=True)
class Choice:
    """The chosen tau, the curve, the jobs left out, and the command that trains with it."""

    tau: float
    rule: str
    benchmark: str
    problems: int
    base: float
    curve: tuple[Point, ...]
    failed: tuple[str, ...]
    command: str


def validation_split(names: Sequence[str]) -> str:
    """Return the benchmark by which tau is chosen.

    Raises:
        ValueError: there is another one, or none.
    """
    if len(names) != 1 or not names[0].endswith(_SUFFIX):
        raise ValueError(
            f"tau is chosen by one validation split, never by benchmarks, got benchmark=[{','.join(names)}]; "
            f"name one that ends with {_SUFFIX} (conf/benchmark/)"
        )
    return names[0]


def begin_sweep(folder: Path) -> str:
    """Note in a sweep's folder that another one begins there; its name, which no other sweep has."""
    name = uuid4().hex
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _NOTE).write_text(name)
    return name


def begin_job(folder: Path, sweep: str) -> None:
    """Note in a job's folder which sweep it belongs to; results that an earlier job has left there are removed.

    Clocks of different machines do not tell which came first.
    """
    (folder / "results.json").unlink(missing_ok=True)
    (folder / ".hydra").mkdir(parents=True, exist_ok=True)
    (folder / ".hydra" / _NOTE).write_text(sweep)


def _note_of(folder: Path) -> str | None:
    note = folder / _NOTE
    return note.read_text() if note.is_file() else None


def read_jobs(sweep: Path) -> list[Job]:
    """Read the jobs of the sweep in this folder, in order; files of an earlier sweep are not read."""
    name = (sweep / _NOTE).read_text()
    configs = [path for path in sweep.glob("*/.hydra/config.yaml") if _note_of(path.parent) == name]
    return [_read_job(path) for path in sorted(configs, key=lambda path: (len(path.parts[-3]), path.parts[-3]))]


def _read_job(path: Path) -> Job:
    folder, config = path.parent.parent, OmegaConf.load(path)
    benchmark = validation_split([str(name) for name in config.benchmark])
    words = map(_without_selection, map(str, OmegaConf.load(path.parent / "overrides.yaml")))
    figures = folder / "results.json"
    done = figures.is_file()
    tuned = folder / "artifacts" / names.evaluated(benchmark, "tuned") / "verdicts.jsonl"
    return Job(
        name=folder.name,
        tau=float(config.tau),
        seed=int(config.seed),
        benchmark=benchmark,
        words=tuple(word for word in words if word and word.lstrip("+").split("=")[0] not in _OWN),
        results=json.loads(figures.read_text()) if done else None,
        tuned=tuple(read_verdicts(tuned)) if done else (),
    )


def _without_selection(word: str) -> str:
    """Convert an override for the training command: remove this experiment from ``experiment=``."""
    key, _, value = word.partition("=")
    if key.lstrip("+") != "experiment":
        return word
    others = [name for name in value.strip("[]").split(",") if name != _EXPERIMENT]
    return f"{key}={others[0] if len(others) == 1 else '[' + ','.join(others) + ']'}" if others else ""


def choose(jobs: Sequence[Job]) -> Choice:
    """Choose the tau with the best mean pass@1, among those with the most finished seeds.

    Raises:
        ValueError: no job has finished, or the jobs differ in more than tau and seed.
    """
    done = [job for job in jobs if job.results is not None]
    failed = tuple(f"job {job.name} (tau {job.tau:g}, seed {job.seed})" for job in jobs if job.results is None)
    if not done:
        raise ValueError(f"no tau can be chosen: none of the {len(jobs)} jobs has finished; see their errors above")
    if len({(job.benchmark, job.words) for job in jobs}) > 1:
        differing = sorted({word for job in jobs for word in set(job.words) ^ set(jobs[0].words)})
        raise ValueError(f"tau is chosen from jobs that differ in tau and seed only; these differ in {differing}")
    curve = tuple(_point([job for job in done if job.tau == tau]) for tau in sorted({job.tau for job in done}))
    most = max(len(point.seeds) for point in curve)
    best = max((p for p in curve if len(p.seeds) == most), key=lambda p: (p.pass_at_1, -p.tau))
    base = (done[0].results or {})["benchmarks"][done[0].benchmark]["base"]
    kept = [word for word in done[0].words if not word.startswith("benchmark")]
    command = shlex.join(["python", "-m", "conself.train", f"tau={best.tau:g}", *kept])
    return Choice(best.tau, RULE, done[0].benchmark, base["n"], base["pass@1"], curve, failed, command)


def _point(jobs: Sequence[Job]) -> Point:
    figures = [job.results or {} for job in jobs]
    answers: dict[str, list[bool]] = {}
    for job in jobs:
        for verdict in job.tuned:
            answers.setdefault(verdict.problem_id, []).extend(verdict.passed)
    pass_estimate = estimate(pass_rates([Verdict(i, "", tuple(passed)) for i, passed in answers.items()], 1))
    golden = [row["golden_rate"] for row in figures if row["golden_rate"] is not None]
    return Point(
        tau=jobs[0].tau,
        seeds=tuple(job.seed for job in jobs),
        pass_at_1=pass_estimate.mean,
        ci95=(pass_estimate.low, pass_estimate.high),
        pairs=sum(row["pairs"] for row in figures) / len(figures),
        golden_rate=sum(golden) / len(golden) if golden else None,
    )
