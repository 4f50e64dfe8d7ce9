"""The stage that keeps training problems and the benchmarks of a run apart."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from conself.artifacts import Artifact
from conself.context import Context, tell
from conself.datasets.decontamination import Benchmark, Index, stating
from conself.records import Problem
from conself.tables import read_records, write_records


def decontaminate(context: Context, source: Artifact, benchmarks: Mapping[str, Benchmark], min_words: int) -> Artifact:
    """Drop the problems that state one of a benchmark's -> problems.parquet; ``source`` itself where none does.

    ``min_words`` is that of :mod:`conself.datasets.decontamination`. The result takes the place of ``problems`` among
    the job's artifacts.

    Raises:
        ValueError: no problem is left.
    """
    if not (compared := stating(benchmarks)):
        return source

    def make(folder: Path) -> dict[str, Any]:
        indexes = {name: Index.of(benchmark.statements(), min_words) for name, benchmark in compared.items()}
        known = read_records(source.path, Problem, "problems")
        reasons = [next((n for n, index in indexes.items() if index.matches(p.statement)), None) for p in known]
        kept = [problem for problem, reason in zip(known, reasons, strict=True) if reason is None]
        counts = Counter(f"stated in {name}" for name in reasons if name is not None)
        tell(context, f"{len(kept)} problems are in no benchmark of this run", counts)
        if not kept:
            raise ValueError(
                f"all {len(known)} problems of the data set are stated in a benchmark of this run: "
                f"{', '.join(counts)}; choose another data set, or leave these benchmarks out"
            )
        write_records(folder / "problems.parquet", Problem, kept)
        return {"total": len(kept), "dropped": source.summary()["dropped"] | counts, "stated": sum(counts.values())}

    key = {"benchmarks": [(name, b.fingerprint()) for name, b in compared.items()], "min_words": min_words}
    cleaned = context.build("decontaminate", key, {"problems": source}, make)
    if not cleaned.summary()["stated"]:
        return source
    context.artifacts["problems"] = cleaned
    return cleaned
