"""The stage that keeps training problems and the benchmarks of a run apart."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conself.datasets.decontamination import Benchmark, Index, stated_in
from conself.pipelines.context import Context, tell
from conself.records import Problem
from conself.store.artifacts import Artifact
from conself.store.tables import read_records, write_records


def decontaminate(context: Context, source: Artifact, benchmarks: Mapping[str, Benchmark], min_words: int) -> Artifact:
    """Drop the problems that state one of a benchmark's -> problems.parquet; ``source`` itself where none does.

    ``min_words`` is that of :mod:`conself.datasets.decontamination`. The result takes the place of ``problems`` among
    the job's artifacts.

    Raises:
        ValueError: no problem is left.
    """
    statements = {name: texts for name, benchmark in benchmarks.items() if (texts := list(benchmark.statements()))}
    if not statements:
        return source  # the embedded world's benchmarks are disjoint from its training split

    def make(folder: Path) -> dict[str, Any]:
        indexes = {name: Index.of(texts, min_words) for name, texts in statements.items()}
        problems = read_records(source.path, Problem, "problems")
        reasons = [stated_in(problem.statement, indexes) for problem in problems]
        kept = [problem for problem, reason in zip(problems, reasons, strict=True) if reason is None]
        counts = Counter(reason for reason in reasons if reason is not None)
        tell(context, f"{len(kept)} problems are in no benchmark of this run", counts)
        if not kept:
            raise ValueError(
                f"all {len(problems)} problems of the data set are stated in a benchmark of this run: "
                f"{', '.join(counts)}; choose another data set, or leave these benchmarks out"
            )
        if counts:
            write_records(folder / "problems.parquet", Problem, kept)
        return {"total": len(kept), "dropped": source.summary()["dropped"] | counts, "stated": sum(counts.values())}

    digest = hashlib.sha256(json.dumps(statements).encode()).hexdigest()
    cleaned = context.build("decontaminate", {"statements": digest, "min_words": min_words}, {"problems": source}, make)
    if not cleaned.summary()["stated"]:
        return source
    context.artifacts["problems"] = cleaned
    return cleaned
