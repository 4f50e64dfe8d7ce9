"""Pools by path: what is read when, what is kept, and what a store that lacks something says."""

from pathlib import Path

import pytest

from conself.pipelines.pools import Pools, forget
from conself.pipelines.shards import SHARD, cut, missing, write_shards
from conself.records import Candidate, Outcome, Problem, Status, Trace
from conself.store.artifacts import Artifact
from conself.store.tables import write_traces

SIZE = 2 * SHARD + 1


def candidate(name: str) -> Candidate:
    return Candidate(name, 0, None, "", f"code of {name}", "stop", None, None, None, 1)


@pytest.fixture
def pools(tmp_path: Path) -> Pools:
    """101 problems, each with one candidate and one trace."""
    problems = [Problem(f"p{i}", "", "", "f", ("(1,)",), "", "") for i in range(SIZE)]
    write_shards(tmp_path, "problems", Problem, cut(problems))
    write_shards(tmp_path, "candidates", Candidate, cut([candidate(p.id) for p in problems]))
    for group, path in missing(tmp_path, "traces", cut(problems)):
        write_traces(path, [[Trace(p.id, 0, (Outcome(Status.OK, p.id),))] for p in group], {})
    return Pools(*(Artifact(name, name, tmp_path, reused=False) for name in ("problems", "sample", "execute")))


def test_problems_candidates_and_traces_are_joined_in_order(pools: Pools) -> None:
    assert len(pools) == SIZE
    assert [len(shard.read()) for shard in pools.shards()] == [SHARD, SHARD, 1]
    for number, pool in enumerate(pools):
        name = f"p{number}"
        assert pool.problem.id == name
        assert list(pool.candidates) == [candidate(name)]
        assert pool.traces[0].outcomes == (Outcome(Status.OK, name),)
        assert (len(pool.candidates), len(pool.traces[:1])) == (1, 1)


def test_who_looks_at_problems_alone_needs_no_other_file(pools: Pools) -> None:
    for path in [*pools.traces.path.glob("traces*"), *pools.traces.path.glob("candidates*")]:
        path.unlink()
    forget()
    assert [pool.problem.id for pool in pools] == [f"p{i}" for i in range(SIZE)]
    first = next(iter(pools))
    with pytest.raises(ValueError, match=r"traces-0000000-50.parquet: there is no such file; remove .*same command"):
        list(first.traces)


def test_a_problem_that_a_file_lacks_is_named_with_the_remedy(pools: Pools) -> None:
    first, second, _ = pools.shards()
    second.traces.write_bytes(first.traces.read_bytes())
    with pytest.raises(ValueError, match=r"traces-0000050-50.parquet: it has nothing on problem 'p50'; remove"):
        list(second.read()[0].traces)


def test_a_file_that_changes_is_read_again(pools: Pools) -> None:
    shard = pools.shards()[2]
    assert shard.read()[0].traces[0].outcomes[0].value == f"p{SIZE - 1}"
    write_traces(shard.traces, [[Trace(f"p{SIZE - 1}", 0, (Outcome(Status.OK, "other"),))]], {})
    assert shard.read()[0].traces[0].outcomes[0].value == "other"
