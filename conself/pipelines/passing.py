"""The stage that checks candidates against the tests that a model wrote for its own problems."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from omegaconf import DictConfig

from conself.agreement.comparison import Comparison
from conself.generated_tests.generated_test import GeneratedTest
from conself.generated_tests.passing import columns, passing_matrix
from conself.pipelines.context import Context
from conself.pipelines.pools import PassingRow, Pools, row_of
from conself.pipelines.shards import missing
from conself.pipelines.stage import Summary, Work, stage
from conself.proposers.claims import has_claims, read_claims
from conself.results import names
from conself.runtime.parts import build
from conself.sandbox.jsonlines import Json
from conself.store.artifacts import Artifact
from conself.store.keys import Identified
from conself.store.tables import write_records


@dataclass(frozen=True)
class Claims(Identified):
    """Tests with claimed outputs, by problem id."""

    tests: Mapping[str, Sequence[GeneratedTest]]

    @classmethod
    def of(cls, tests: Iterable[GeneratedTest]) -> Self:
        """Group tests by problem, in their order."""
        by_problem: dict[str, list[GeneratedTest]] = {}
        for test in tests:
            by_problem.setdefault(test.problem_id, []).append(test)
        return cls(by_problem)

    @property
    def identity(self) -> Json:
        """SHA-256 of the tests."""
        rows = [asdict(test) for tests in self.tests.values() for test in tests]
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def passing(context: Context, config: DictConfig, pools: Pools) -> Artifact | None:
    """Compute which candidate passes which claimed output; None if the data set's folder has no claims."""
    path = config.dataset.get("path")
    if not isinstance(path, str) or not has_claims(folder := Path(path).expanduser()):
        return None
    return _passing(context, names.PASS, config.comparison, Claims.of(read_claims(folder)), pools)


@stage("pass", version=1)
def _passing(work: Work, comparison: DictConfig, claims: Claims, pools: Pools) -> Summary:
    """Compare the candidates' outputs with the claimed ones -> passing-*.parquet, a column per distinct claim."""
    compared, tests, passed = build(comparison, Comparison), 0, 0
    for shard, path in missing(work.folder, "passing", pools.shards()):
        rows: list[PassingRow] = []
        for pool in shard.read():
            problem, is_stdin = pool.problem, pool.problem.entry_point is None
            cases = columns(claims.tests.get(problem.id, ()), "case", is_stdin)
            outcomes = [trace.outcomes for trace in pool.traces]
            matrix = passing_matrix(cases, problem.inputs, outcomes, compared, is_stdin)
            rows.append(row_of(problem.id, matrix))
            tests += len(cases)
            passed += sum(map(any, zip(*matrix.passed, strict=True)))
        write_records(path, PassingRow, rows)
    return {"tests": tests, "passed_by_any": passed}
