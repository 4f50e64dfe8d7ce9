"""Metrics of texts, shard by shard: what they cost is said before, and how far they are within a shard."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from rich.console import Console

from conself.agreement.traces import agreement_of
from conself.executors.executor import HereFirst
from conself.executors.local import LocalExecutor
from conself.metrics.crash_rate import CrashRate
from conself.metrics.naive_semantic_entropy import NaiveSemanticEntropy
from conself.pipelines.per_pool import score_into, score_shard
from conself.pipelines.pools import PoolShard, shards_of
from conself.pipelines.shards import missing, write_shards
from conself.records import Candidate, Problem, Uncertainty
from conself.store.tables import read_records, write_agreement, write_traces
from conself.texts.groupings.by_similarity import BySimilarity
from tests.texts.second_model import write_encoder

TEXTS = {"p0": ["a" * 40, "b" * 40, "b" * 40], "p1": ["c", "c"], "p2": ["a" * 40, "d" * 20]}


def one_hot(texts: Sequence[str]) -> NDArray[np.float32]:
    return np.eye(len(texts), dtype=np.float32)


@dataclass(frozen=True)
class Bench:
    executor: Any
    console: Console


@pytest.fixture
def shards(tmp_path: Path) -> list[PoolShard]:
    folder = tmp_path / "pool"
    folder.mkdir()
    problems = [Problem(name, "", "", None, ("",), "", "") for name in TEXTS]
    drawn = [
        Candidate(name, i, None, "", code, "stop", None, None, None, 1)
        for name, codes in TEXTS.items()
        for i, code in enumerate(codes)
    ]
    write_shards(folder, "problems", Problem, [problems])
    write_shards(folder, "candidates", Candidate, [drawn])
    for _, path in missing(folder, "traces", [problems]):
        write_traces(path, [], {})
    for _, path in missing(folder, "agreement", [problems]):
        write_agreement(path, {problem.id: agreement_of([]) for problem in problems})
    return shards_of(folder, "candidates", folder, folder, folder)


def test_texts_and_model_are_said_before(shards: list[PoolShard], tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    model = write_encoder(tmp_path / "model")
    # embeddings (40 + 32 + 2) * 16 + norm 32; attention 4 * (256 + 16); two layers 2 * (256 + 16) and norms 2 * 32;
    # pooler 256 + 16: 1184 + 32 + 1088 + 544 + 64 + 272 = 3184
    console = Console(file=io.StringIO(), width=200)
    with LocalExecutor(1) as workers:
        bench = Bench(HereFirst(workers), console)
        metric = NaiveSemanticEntropy(BySimilarity(one_hot, 0.9))
        assert score_into(bench, tmp_path, "naive_semantic_entropy", metric, shards, [model]) == 0
        lines = console.file.getvalue().splitlines()  # type: ignore[attr-defined]  # a StringIO
        # distinct: 40 + 40 + 1 + 20 characters
        size = f"7 programs, about 25 tokens through {tmp_path.name}/model (0.0 M parameters)"
        assert lines[0] == f"naive semantic entropy: {size}"
        assert lines[1].startswith("naive semantic entropy: 7/7 programs, ")
        score_into(bench, tmp_path, "naive_semantic_entropy", metric, shards, [model])
        assert len(console.file.getvalue().splitlines()) == 2  # type: ignore[attr-defined]  # nothing was left to read
    values = [row.value for row in read_records(tmp_path, Uncertainty, "uncertainty")]
    third = np.log(3) - 2 / 3 * np.log(2)  # sizes 1 and 2
    assert values == pytest.approx([third, 0.0, np.log(2)])


def test_progress_of_texts_counts_programs_within_a_shard(shards: list[PoolShard], tmp_path: Path) -> None:
    metric = NaiveSemanticEntropy(BySimilarity(one_hot, 0.9))
    seen = list(score_shard(metric, "naive_semantic_entropy", shards[0], tmp_path / "u.parquet"))
    assert seen == [(2, 2), (5, 5)]  # two equal ones at once, then those that were embedded


def test_progress_of_other_metrics_counts_problems(shards: list[PoolShard], tmp_path: Path) -> None:
    assert list(score_shard(CrashRate(), "crash_rate", shards[0], tmp_path / "u.parquet")) == [(1, 1)] * 3
