"""What ``conself.score`` runs again when a file says something else, and what it takes from the store."""

import math
from pathlib import Path
from typing import Any

import pytest

from conself.records import Candidate
from conself.store.tables import read_records
from tests.e2e.test_score_command import POOL, rows, scored, write

ONE, *OTHERS = POOL[0]["candidates"]
First = tuple[Path, dict[str, Any]]


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> First:
    """A folder with a store and the run folder of the first job, and that job's figures."""
    folder = tmp_path_factory.mktemp("score")
    return folder, scored(folder / "first", folder / "store", write(folder / "pool.jsonl", POOL))


def with_first(**keys: Any) -> list[dict[str, Any]]:
    """The pool, but that its first candidate says something else."""
    return [{**POOL[0], "candidates": [{**ONE, **keys}, *OTHERS]}, *POOL[1:]]


def traces(folder: Path, keys: dict[str, str]) -> Path:
    """The one file of outcomes."""
    (found,) = (folder / "store" / "execute" / keys["execute"]).glob("traces-*.parquet")
    return found


def test_other_likelihoods_and_texts_run_nothing_and_are_never_mixed_up(first: First, tmp_path: Path) -> None:
    """A file, then others, then the first again: the programs' outcomes are shared, figures are each file's own."""
    folder, results = first
    pools = {
        "likelihoods": with_first(mean_nll=2.1),
        "texts": with_first(text="Here you are:"),
        "statement": [{**POOL[0], "statement": "Add one."}, *POOL[1:]],
        "again": POOL,
    }
    keys = {}
    for name, pool in pools.items():
        found = scored(tmp_path / name, folder / "store", write(tmp_path / f"{name}.jsonl", pool))
        keys[name] = found["artifacts"]
        assert traces(folder, keys[name]).samefile(traces(folder, results["artifacts"])), f"{name}: nothing runs again"
        nll = rows(tmp_path / name / "uncertainty.jsonl")["call"]["metrics"]["nll"]
        assert nll == pytest.approx(((2.1 if name == "likelihoods" else 0.1) + 0.3 + 0.6 + 1.0) / 4), name
        outcomes = (tmp_path / name / "outcomes.jsonl").read_bytes()
        assert outcomes == (folder / "first" / "outcomes.jsonl").read_bytes()
    for stage in ("agree", "score/nll"):  # pages tell pools from one another by what they agree on
        assert len({found[stage] for found in keys.values()}) == 4, stage
    assert keys["again"] == results["artifacts"]
    kept = read_records(folder / "store" / "sample" / keys["texts"]["sample"], Candidate, "candidates")
    assert (kept[0].text, kept[0].mean_nll) == ("Here you are:", 0.1)


def test_naive_entropy_follows_texts_that_no_execution_tells_apart(tmp_path: Path) -> None:
    found = []
    for number, other in enumerate(("sorry", "def f(x): return x", "sorry")):
        candidates = [{"code": None, "text": text} for text in ("sorry", other)]
        pool = write(tmp_path / f"{number}.jsonl", [{**POOL[0], "candidates": candidates}])
        metric = "+metric@metrics.naive=naive_semantic_entropy"
        words = ("+model=minipy", metric, "metrics.naive.grouping.similarity=1.0")
        figures = scored(tmp_path / str(number), tmp_path / "store", pool, *words)
        found.append((traces(tmp_path, figures["artifacts"]), figures["metrics"]["naive"]["mean"]))
    assert all(path.samefile(found[0][0]) for path, _ in found)
    assert [entropy for _, entropy in found] == [0, pytest.approx(math.log(2)), 0]


def test_a_program_that_changes_is_run_again(first: First, tmp_path: Path) -> None:
    pool = write(tmp_path / "pool.jsonl", with_first(code="def f(x): return x + 3"))
    found = scored(tmp_path / "run", first[0] / "store", pool)
    assert found["artifacts"]["execute"] != first[1]["artifacts"]["execute"]
    assert rows(tmp_path / "run" / "outcomes.jsonl")["call"]["rows"][0] == [["ok", "4"], ["ok", "5"]]
