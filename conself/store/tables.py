"""Read and write records as Parquet: one zstd table per shard, readable by pandas, DuckDB and ``datasets``."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import UnionType
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints

from conself.agreement.traces import Agreement, agreement_of
from conself.records import Outcome, Status, Trace, Verdict
from conself.sandbox.jsonlines import Json, Plain
from conself.store.artifacts import write_whole

if TYPE_CHECKING:
    import pyarrow as pa

Record = TypeVar("Record")

_NOTE = b"conself"


@cache
def _columns() -> dict[type | UnionType, pa.DataType]:
    """Derive the columns from a record's fields."""
    import pyarrow as pa

    return {
        str: pa.string(),
        str | None: pa.string(),
        int: pa.int32(),
        int | None: pa.int32(),
        float: pa.float64(),
        float | None: pa.float64(),
        tuple[str, ...]: pa.list_(pa.string()),
    }


@cache
def _traces() -> pa.Schema:
    """Long values (a printed table, a big list) repeat over candidates: a shard stores each distinct outcome of a
    problem once, and the traces refer to it by its position.
    """
    import pyarrow as pa

    texts, rows = pa.list_(pa.string()), pa.list_(pa.list_(pa.int32()))
    return pa.schema({"problem_id": pa.string(), "status": texts, "value": texts, "rows": rows})


@cache
def _agreement() -> pa.Schema:
    """Keys are stored in the same way; everything derived from them is computed again."""
    import pyarrow as pa

    texts, rows = pa.list_(pa.string()), pa.list_(pa.list_(pa.int32()))
    return pa.schema({"problem_id": pa.string(), "keys": texts, "rows": rows})


def write_records(path: Path, kind: type[Record], records: Iterable[Record]) -> None:
    """Write records of one kind as one Parquet file, atomically."""
    import pyarrow as pa

    columns = _columns()
    hints = get_type_hints(kind)
    rows = [{name: _cell(getattr(record, name)) for name in hints} for record in records]
    _write(path, rows, pa.schema({name: columns[annotation] for name, annotation in hints.items()}))


def read_records(folder: Path, kind: type[Record], name: str) -> list[Record]:
    """Read the records of ``<name>*.parquet`` in a folder, in the order of the file names and of the rows."""
    rows = _rows(folder, name)
    return [kind(**{f: tuple(v) if isinstance(v, list) else v for f, v in row.items()}) for row in rows]


def read_shard(path: Path, kind: type[Record]) -> list[Record]:
    """Read the records of one file, in order."""
    return read_records(path.parent, kind, path.stem)


def each_shard(folder: Path, name: str, kind: type[Record]) -> Iterator[list[Record]]:
    """Yield the records of each table ``<name>*.parquet`` in a folder, one table at a time."""
    return (read_shard(path, kind) for path in sorted(folder.glob(f"{name}*.parquet")))


def shard_ends(folder: Path, name: str) -> list[str]:
    """List the endings after ``name`` of the tables ``<name>*.parquet`` in a folder, in order."""
    return [path.name.removeprefix(name) for path in sorted(folder.glob(f"{name}*.parquet"))]


def count(path: Path) -> int:
    """Return the number of rows of a file, from its metadata alone."""
    import pyarrow.parquet as pq

    return int(pq.read_metadata(path).num_rows)


def items_in(path: Path, column: str) -> int:
    """The number of items in all lists of a column, which alone is read."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    lists = pq.read_table(path, columns=[column])[column]
    return int(pc.sum(pc.list_value_length(lists)).as_py() or 0)


def program_volume(path: Path) -> tuple[int, int]:
    """Return the number of programs in a table of candidates, and the number of characters in the distinct ones.

    A candidate without code counts by its text.
    """
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=["code", "text"])
    programs = pc.coalesce(table["code"], table["text"])
    return table.num_rows, pc.sum(pc.utf8_length(pc.unique(programs))).as_py() or 0


def write_traces(path: Path, traces: Sequence[Sequence[Trace]], note: Mapping[str, Json]) -> None:
    """Write traces, grouped per problem in candidate order, as one Parquet file, atomically.

    ``note`` is plain data that is kept in the file's metadata.
    """
    rows = []
    for group in traces:
        distinct = {outcome: None for trace in group for outcome in trace.outcomes}
        position = {outcome: i for i, outcome in enumerate(distinct)}
        rows.append(
            {
                "problem_id": group[0].problem_id,
                "status": [o.status.value for o in distinct],
                "value": [o.value for o in distinct],
                "rows": [[position[o] for o in trace.outcomes] for trace in group],
            }
        )
    _write(path, rows, _traces().with_metadata({_NOTE: json.dumps(note)}))


def read_traces(folder: Path, name: str) -> dict[str, list[Trace]]:
    """Read the traces of ``<name>*.parquet`` in a folder, by problem id, in candidate order."""
    by_problem = {}
    for row in _rows(folder, name):
        distinct = [Outcome(Status(s), v) for s, v in zip(row["status"], row["value"], strict=True)]
        by_problem[row["problem_id"]] = [
            Trace(row["problem_id"], index, tuple(distinct[i] for i in line)) for index, line in enumerate(row["rows"])
        ]
    return by_problem


def read_notes(folder: Path, name: str) -> list[Any]:
    """Read the notes of ``<name>*.parquet`` in a folder, in the order of the file names."""
    import pyarrow.parquet as pq

    schemas = [pq.read_schema(path) for path in sorted(folder.glob(f"{name}*.parquet"))]
    return [json.loads((schema.metadata or {})[_NOTE]) for schema in schemas]


def write_agreement(path: Path, agreements: Mapping[str, Agreement]) -> None:
    """Write agreements by problem id as one Parquet file, atomically."""
    rows: list[dict[str, Plain]] = []
    for name, agreement in agreements.items():
        position: dict[str | None, int] = {None: -1}
        for row in agreement.keys:
            for key in row:
                position.setdefault(key, len(position) - 1)
        rows.append(
            {
                "problem_id": name,
                "keys": [key for key in position if key is not None],
                "rows": [[position[key] for key in row] for row in agreement.keys],
            }
        )
    _write(path, rows, _agreement())


def read_agreement(folder: Path, name: str = "agreement") -> dict[str, Agreement]:
    """Read the agreements of ``<name>*.parquet`` in a folder, by problem id."""
    agreements = {}
    for row in _rows(folder, name):
        values = [*row["keys"], None]
        agreements[row["problem_id"]] = agreement_of([[values[i] for i in line] for line in row["rows"]])
    return agreements


def write_verdicts(path: Path, verdicts: Iterable[Verdict]) -> None:
    """Write verdicts as JSON lines (:func:`verdict_row`), atomically."""
    rows = [verdict_row(v) for v in verdicts]
    write_whole(path, lambda temporary: temporary.write_text("".join(json.dumps(row) + "\n" for row in rows)))


def verdict_row(verdict: Verdict) -> dict[str, Json]:
    """Convert to ``{"id", "difficulty", "passed": [true, ...]}``, with ``base`` like ``passed`` if there is one."""
    base: dict[str, Json] = {} if verdict.base is None else {"base": [*verdict.base]}
    return {"id": verdict.problem_id, "difficulty": verdict.difficulty, "passed": [*verdict.passed], **base}


def read_verdicts(path: Path, benchmark: str | None = None) -> list[Verdict]:
    """Read the verdicts of a file of :func:`write_verdicts`, in its order, without lines of other benchmarks.

    Raises:
        ValueError: a line is no verdict; names it.
    """
    verdicts = []
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            row = json.loads(line)
            if benchmark is None or row.get("benchmark", benchmark) == benchmark:
                base = tuple(map(bool, row["base"])) if "base" in row else None
                verdicts.append(Verdict(row["id"], row["difficulty"], tuple(map(bool, row["passed"])), base))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(f"{path}, line {number} is no verdict ({error!r}); name a verdicts.jsonl") from error
    return verdicts


def write_json(path: Path, value: Plain) -> None:
    """Write a JSON document, atomically."""
    write_whole(path, lambda temporary: temporary.write_text(json.dumps(value, indent=1)))


def _cell(value: Plain) -> Plain:
    return list(value) if isinstance(value, tuple) else value


def _write(path: Path, rows: Sequence[Mapping[str, Plain]], schema: pa.Schema) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pylist(rows, schema=schema)
    write_whole(path, lambda temporary: pq.write_table(table, temporary, compression="zstd"))


def _rows(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    for path in sorted(folder.glob(f"{name}*.parquet")):
        yield from pq.read_table(path).to_pylist()
