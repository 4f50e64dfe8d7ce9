"""Records survive their trip to disk."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.records import Candidate, Outcome, PreferencePair, Problem, Status, Trace, Uncertainty, Verdict
from conself.store.tables import (
    program_volume,
    read_notes,
    read_records,
    read_traces,
    read_verdicts,
    write_records,
    write_traces,
)

# Parquet holds UTF-8: lone surrogates cannot come out of a tokenizer, and recorded values are ASCII.
TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    st.lists(
        st.builds(
            Candidate,
            problem_id=TEXT,
            index=st.integers(0, 100),
            observation=st.none() | TEXT,
            text=TEXT,
            code=st.none() | TEXT,
            finish_reason=TEXT,
            mean_nll=st.none() | st.floats(allow_nan=False),
            mean_token_entropy=st.none() | st.floats(allow_nan=False),
            entropy_top_k=st.none() | st.integers(1, 100),
            n_tokens=st.integers(0, 10_000),
        ),
        max_size=4,
    )
)
def test_candidates_round_trip(tmp_path_factory, records: list[Candidate]) -> None:  # type: ignore[no-untyped-def]
    folder: Path = tmp_path_factory.mktemp("table")
    write_records(folder / "candidates-0.parquet", Candidate, records)
    assert read_records(folder, Candidate, "candidates") == records


def test_other_records_round_trip(tmp_path: Path) -> None:
    problem = Problem("p", "s", "", None, ("a\nb", ""), "src", "easy")
    pair = PreferencePair("p", "q", "yes", None, 2, None, 0.5)
    undefined = Uncertainty("p", "nll", None, "no log-probs")
    write_records(tmp_path / "problems.parquet", Problem, [problem])
    write_records(tmp_path / "pairs.parquet", PreferencePair, [pair])
    write_records(tmp_path / "uncertainty.parquet", Uncertainty, [undefined])
    assert read_records(tmp_path, Problem, "problems") == [problem]
    assert read_records(tmp_path, PreferencePair, "pairs") == [pair]
    assert read_records(tmp_path, Uncertainty, "uncertainty") == [undefined]


def test_shards_are_read_in_order(tmp_path: Path) -> None:
    problems = [Problem(str(i), "s", "", None, ("",), "", "") for i in range(3)]
    for i in (2, 0, 1):
        write_records(tmp_path / f"problems-{i:07d}.parquet", Problem, [problems[i]])
    assert read_records(tmp_path, Problem, "problems") == problems


def test_traces_round_trip_and_store_a_long_value_once(tmp_path: Path) -> None:
    long, crash = Outcome(Status.OK, "7" * 50_000), Outcome(Status.EXCEPTION, "ValueError")
    traces = [[Trace("p", k, (long, crash)) for k in range(15)], [Trace("q", 0, (crash,))]]
    write_traces(tmp_path / "traces-0.parquet", traces, {"executions": 16})
    assert read_notes(tmp_path, "traces") == [{"executions": 16}]
    assert read_traces(tmp_path, "traces") == {"p": traces[0], "q": traces[1]}
    stored = pq.read_table(tmp_path / "traces-0.parquet").to_pylist()[0]
    assert stored["value"] == [long.value, "ValueError"]
    assert stored["rows"] == [[0, 1]] * 15


def test_verdicts_of_several_benchmarks_in_one_file_are_told_apart(tmp_path: Path) -> None:
    row = {"id": "a", "difficulty": "easy", "passed": [True, False]}
    lines = [row, {**row, "benchmark": "humaneval"}, {**row, "id": "b", "benchmark": "mbpp"}]
    path = tmp_path / "verdicts.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    verdict = Verdict("a", "easy", (True, False))
    assert read_verdicts(path, "humaneval") == [verdict, verdict], "a line without a benchmark is of any"
    assert [v.problem_id for v in read_verdicts(path, "mbpp")] == ["a", "b"]
    assert len(read_verdicts(path)) == 3
    path.write_text(json.dumps(row) + "\n[]\n")
    with pytest.raises(ValueError, match="line 2 is no verdict"):
        read_verdicts(path)
    path.write_bytes(b"\xff\xfe\n")
    with pytest.raises(ValueError, match=r"verdicts\.jsonl, line 1 is no verdict"):
        read_verdicts(path)


def test_the_volume_of_programs_counts_equal_ones_once_and_texts_where_there_is_no_code(tmp_path: Path) -> None:
    drawn = [("abc", "..."), ("abc", "....."), ("h\u00e9", "?"), (None, "no program")]
    rows = [Candidate("p", i, None, text, code, "stop", None, None, None, 1) for i, (code, text) in enumerate(drawn)]
    write_records(tmp_path / "candidates-0.parquet", Candidate, rows)
    assert program_volume(tmp_path / "candidates-0.parquet") == (4, 3 + 2 + 10)
    write_records(tmp_path / "none.parquet", Candidate, [])
    assert program_volume(tmp_path / "none.parquet") == (0, 0)
