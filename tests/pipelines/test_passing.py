"""Generated tests on their way from a data set's folder to rankings."""

from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import agreement_of
from conself.generated_tests.generated_test import GeneratedTest
from conself.pipelines.context import Context
from conself.pipelines.passing import passing
from conself.pipelines.pools import AgreedPools, PassingRow, Pools, read_passing, row_of
from conself.pipelines.shards import SHARD, write_shards
from conself.proposers.claims import write_claims
from conself.rankings.reliable_cluster import ReliableCluster
from conself.records import Candidate, Outcome, Problem, Status, Trace
from conself.store.artifacts import Artifact
from conself.store.tables import write_agreement, write_records, write_traces
from tests.proposers.canned import InThisProcess

CRASH = Outcome(Status.EXCEPTION, "")
INPUTS = ("(1,)", "(2,)")
OUTPUTS = [["2", "4"], ["2", "4"], ["2", "5"], ["2", None]]
"""Of four candidates; the third is wrong on the second input, the fourth crashes there."""


def outcome(value: str | None) -> Outcome:
    return CRASH if value is None else Outcome(Status.OK, value)


def pools(folder: Path) -> AgreedPools:
    """Two problems with the same four candidates, as artifacts."""
    folder.mkdir()
    problems = [Problem(name, "s", "", "f", INPUTS, "", "") for name in "ab"]
    drawn = [Candidate(p.id, n, None, "", "x", "stop", 0.1 * n, None, None, 1) for p in problems for n in range(4)]
    traces = [[Trace(p.id, n, tuple(map(outcome, row))) for n, row in enumerate(OUTPUTS)] for p in problems]
    write_shards(folder, "problems", Problem, [problems])
    write_shards(folder, "candidates", Candidate, [drawn])
    write_traces(folder / f"traces-0000000-{SHARD}.parquet", traces, {})
    write_agreement(folder / f"agreement-0000000-{SHARD}.parquet", {p.id: agreement_of(OUTPUTS) for p in problems})
    three = [Artifact(name, name, folder, reused=False) for name in ("problems", "sample", "execute")]
    return AgreedPools(Pools(*three), Artifact("agree", "agree", folder, reused=False))


def config(folder: Path | None) -> DictConfig:
    agreement = OmegaConf.load(Path(__file__).parents[2] / "conf" / "base" / "agreement.yaml")
    path = None if folder is None else str(folder)
    return OmegaConf.create({"comparison": agreement.comparison, "dataset": {"path": path}})


TESTS = [
    GeneratedTest("a", 0, 0, "(1,)", "2"),
    GeneratedTest("a", 0, 1, "(2,)", "4"),
    GeneratedTest("a", 1, 0, "(2,)", "5"),  # contradicts the one before
    GeneratedTest("a", 1, 1, "(2,)", "4"),  # the same case again
    GeneratedTest("a", 1, 2, "(2,)", None),  # claims nothing
    GeneratedTest("left out of the pool", 0, 0, "(1,)", "2"),
]


def test_what_is_claimed_reaches_a_ranking_by_tests(tmp_path: Path) -> None:
    known, context = pools(tmp_path / "pool"), Context(tmp_path / "store", InThisProcess(1), Console(quiet=True))
    assert passing(context, config(None), known.pools) is None
    assert passing(context, config(tmp_path), known.pools) is None, "a folder without claims"
    write_claims(tmp_path, TESTS)
    made = passing(context, config(tmp_path), known.pools)
    assert made is not None
    assert made.summary() == {"tests": 3, "passed_by_any": 3}
    tested = AgreedPools(known.pools, known.agreement, made)
    (first, agreed), (second, untested) = tested
    assert agreed.passing == PassingMatrix(((True, True, False),) * 2 + ((True, False, True), (True, None, None)))
    assert untested.passing is None
    by_passes = ReliableCluster(rho=0.8, min_cluster=2, drop_dead_inputs=True, signature="passes")
    assert by_passes(first, agreed, agreed.passing).solutions == (0, 1)
    assert by_passes(second, untested, untested.passing).reason == "no generated tests"
    assert [each.passing for _, each in known] == [None, None]
    assert tested.artifacts.keys() - known.artifacts.keys() == {"passing"}
    write_claims(tmp_path, TESTS[:2])
    fewer = passing(context, config(tmp_path), known.pools)
    assert fewer is not None
    assert fewer.key != made.key


def test_a_matrix_is_the_same_from_disk(tmp_path: Path) -> None:
    matrix = PassingMatrix(((True, None, False), (False, False, True)))
    assert row_of("a", matrix) == PassingRow("a", ("1-0", "001"))
    write_records(tmp_path / "passing-0.parquet", PassingRow, [row_of("a", matrix), PassingRow("b", ("", ""))])
    assert read_passing(tmp_path / "passing-0.parquet") == {"a": matrix, "b": None}
