"""What the jobs of a sweep share: ``python -m experiments.figure7_tau.sharing runs=SWEEP [out=DIR]``.

Writes sharing.json and sharing.md: the artifact keys and seconds of each stage, job by job, and the time of all jobs
beside that of one run and the trainings. Exit status 1 where the jobs do not share; times are for an idle machine to
judge, and are reported only.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from conself.runtime.places import make_folder

SHARED = ("problems", "sample", "execute", "agree", "verify", "evaluate/minipy/base")
"""Stages that tau cannot change; so are all of score/."""
ALLOWED = 1.5
"""So many times one run, and the trainings, is what a sweep may take."""

Results = Mapping[str, Any]


@dataclass(frozen=True)
class Times:
    """Seconds of a sweep that began with an empty store.

    Attributes:
        whole: all stages of all jobs.
        one_run: all stages of the job that took longest, which is the one that sampled.
        trainings: the stage fit of all jobs.
        allowed: 1.5 times one run, and the trainings.
    """

    whole: float
    one_run: float
    trainings: float
    allowed: float

    @property
    def within(self) -> bool:
        """Whether the sweep took less than it may."""
        return self.whole < self.allowed


def times(jobs: Sequence[Results]) -> Times:
    """The times of a sweep from its jobs' results.json (``seconds`` of the stages that each job made)."""
    each = [sum(job["seconds"].values()) for job in jobs]
    trainings = sum(job["seconds"].get("fit", 0.0) for job in jobs)
    return Times(sum(each), max(each), trainings, ALLOWED * max(each) + trainings)


def unshared(jobs: Sequence[Results]) -> list[str]:
    """The stages that should be the same in all jobs and are not: none, if all is well."""
    stages = [s for s in jobs[0]["artifacts"] if s in SHARED or (s.startswith("score/") and s != "score/driver")]
    return [stage for stage in stages if len({job["artifacts"].get(stage) for job in jobs}) > 1]


def markdown(jobs: Sequence[Results], found: Times) -> str:
    """Each stage's key and seconds, job by job (a dash: found in the store), and the sums."""
    heads = ["stage", *(f"tau {job['tau']:g}" for job in jobs)]
    lines = [_row(heads), _row(["---"] * len(heads))]
    lines += [_row([stage, *(_made(job, stage) for job in jobs)]) for stage in jobs[0]["artifacts"]]
    ratio = (found.whole - found.trainings) / found.one_run
    lines += [
        "",
        f"All jobs {found.whole:.0f} s; one run {found.one_run:.0f} s; the trainings {found.trainings:.0f} s. "
        f"Without the trainings the sweep took {ratio:.2f} times one run (allowed: {ALLOWED:g}).",
    ]
    return "\n".join(lines) + "\n"


def _made(job: Results, stage: str) -> str:
    seconds = job["seconds"].get(stage, 0.0)
    return f"`{job['artifacts'][stage][:8]}` {f'{seconds:.1f} s' if seconds >= 0.05 else '-'}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def main(words: Sequence[str]) -> int:
    """Read a sweep's jobs, write the two files, print the table; returns the exit status.

    Raises:
        SystemExit: a word is not ``runs=...`` or ``out=...``, or the sweep has fewer than two finished jobs.
    """
    given = dict(word.split("=", 1) for word in words if "=" in word)
    if "runs" not in given or len(given) < len(words) or given.keys() - {"runs", "out"}:
        raise SystemExit("usage: python -m experiments.figure7_tau.sharing runs=SWEEP [out=DIR]")
    try:
        out = make_folder(Path(given.get("out", Path(__file__).parent)), "out")
    except OSError as error:
        raise SystemExit(f"error: {error}") from None
    jobs = [json.loads(path.read_text()) for path in sorted(Path(given["runs"]).glob("*/results.json"))]
    if len(jobs) < 2:
        raise SystemExit(f"{given['runs']} has {len(jobs)} finished job(s); a sweep over tau leaves several")
    found, differ = times(jobs), unshared(jobs)
    figures = {**asdict(found), "within": found.within, "unshared": differ}
    (out / "sharing.json").write_text(json.dumps(figures, indent=1) + "\n")
    (out / "sharing.md").write_text(markdown(jobs, found))
    print((out / "sharing.md").read_text())
    return int(bool(differ))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
