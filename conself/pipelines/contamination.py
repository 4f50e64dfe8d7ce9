"""The stage that removes benchmark problems from the training problems."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from conself.benchmarks.task import Benchmark
from conself.datasets.decontamination import Index, Stated, stated_in
from conself.pipelines.context import Context, tell
from conself.pipelines.shards import cut, write_shards
from conself.pipelines.stage import Summary, Work, stage
from conself.records import Problem
from conself.store.artifacts import Artifact
from conself.store.keys import Identified
from conself.store.tables import read_records


@dataclass(frozen=True)
class Statements(Identified):
    """Problem statements by benchmark. The key hashes the texts themselves: a benchmark may use part of a file."""

    texts: Mapping[str, Sequence[str]]

    @classmethod
    def of(cls, benchmarks: Mapping[str, Stated]) -> Self:
        """Collect the statements of those benchmarks that give any (MiniPy's splits are disjoint, so it gives none)."""
        return cls._of({name: list(benchmark.statements()) for name, benchmark in benchmarks.items()})

    @classmethod
    def worded(cls, benchmarks: Mapping[str, Benchmark]) -> Self:
        """Collect all wordings of the benchmarks' problems, against which a model's own problems are held."""
        return cls._of({name: list(benchmark.wordings()) for name, benchmark in benchmarks.items()})

    @classmethod
    def _of(cls, texts: Mapping[str, Sequence[str]]) -> Self:
        return cls({name: each for name, each in texts.items() if each})

    @property
    def identity(self) -> str:
        """SHA-256 of names and texts."""
        return hashlib.sha256(json.dumps(self.texts).encode()).hexdigest()


def decontaminate(
    context: Context, name: str, source: Artifact, benchmarks: Mapping[str, Stated], min_words: int
) -> Artifact:
    """Drop problems whose statement contains a benchmark's -> problems-*.parquet; ``source`` itself if none does.

    ``min_words`` is explained in :mod:`conself.datasets.decontamination`.

    Raises:
        ValueError: no problem is left.
    """
    statements = Statements.of(benchmarks)
    if not statements.texts:
        return source
    cleaned = _decontaminate(context, name, source, statements, min_words)
    return cleaned if cleaned.summary()["stated"] else source


@stage("decontaminate", version=2)
def _decontaminate(work: Work, problems: Artifact, statements: Statements, min_words: int) -> Summary:
    indexes = {name: Index.of(texts, min_words) for name, texts in statements.texts.items()}
    candidates = read_records(problems.path, Problem, "problems")
    reasons = [stated_in(problem.statement, indexes) for problem in candidates]
    kept = [problem for problem, reason in zip(candidates, reasons, strict=True) if reason is None]
    counts = Counter(reason for reason in reasons if reason is not None)
    tell(work.context, f"{len(kept)} problems are in no benchmark of this run", counts)
    if not kept:
        raise ValueError(
            f"all {len(candidates)} problems of the data set are stated in a benchmark of this run: "
            f"{', '.join(counts)}; choose another data set, or leave these benchmarks out"
        )
    if counts:
        write_shards(work.folder, "problems", Problem, cut(kept))
    return {"total": len(kept), "dropped": problems.summary()["dropped"] | counts, "stated": sum(counts.values())}
