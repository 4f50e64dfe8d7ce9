"""Pools whose candidates are known to be right or wrong: the golden one, and those that runs leave behind."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from conself.agreement.traces import Agreement, agreement_of, trace_keys
from conself.pipelines.pools import shards_of
from conself.records import Pool
from conself.store.tables import read_verdicts
from experiments.metric_pools import golden


@dataclass(frozen=True)
class Judged:
    """One problem: its pool, what the candidates agree on, and which are right."""

    pool: Pool
    agreed: Agreement
    passed: tuple[bool, ...]

    @property
    def rate(self) -> float:
        """The pass rate."""
        return sum(self.passed) / len(self.passed)


def golden_pool() -> list[Judged]:
    """CodeGen-16B on HumanEval, 164 problems; raises FileNotFoundError where it does not lie beside this checkout."""
    return [Judged(c.pool, agreement_of(trace_keys(c.pool, golden.LOOSE)), tuple(c.passed)) for c in golden.cases()]


def run_pool(folder: Path) -> list[Judged]:
    """The pool that a run of ``conself.train`` trained on, as far as its oracle is known.

    Raises:
        FileNotFoundError: the run has no verdicts on its pool.
    """
    places = [folder / "artifacts" / stage for stage in ("problems", "sample", "execute", "agree", "verify")]
    if not (verdicts := places[4] / "verdicts.jsonl").is_file():
        raise FileNotFoundError(
            f"{folder} has no artifacts/verify/verdicts.jsonl: name folders of finished runs, pools=..."
        )
    passed = {v.problem_id: v.passed for v in read_verdicts(verdicts)}
    shards = shards_of(places[0], "candidates", *places[1:4])
    found = [(pool, shard.agreed()[pool.problem.id]) for shard in shards for pool in shard.read()]
    return [Judged(p, agreed, passed[p.problem.id]) for p, agreed in found if p.problem.id in passed]


def parts(problems: Sequence[Judged], least: int) -> dict[str, list[Judged]]:
    """Parts of a pool by what its problems are, each of ``least`` problems or more; none where there is but one part.

    By source of input (standard input or call) and by difficulty, as the data set names it.
    """
    found: dict[str, list[Judged]] = {}
    for problem in problems:
        about = problem.pool.problem
        found.setdefault("stdin" if about.entry_point is None else "call", []).append(problem)
        if about.difficulty:
            found.setdefault(about.difficulty, []).append(problem)
    return {name: part for name, part in found.items() if least <= len(part) < len(problems)}
