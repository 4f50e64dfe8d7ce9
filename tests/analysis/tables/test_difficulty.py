"""Pass rates by difficulty, and the paper's easy, medium and hard beside ours."""

from pathlib import Path
from typing import Any

from analysis.tables.table import show
from tests.analysis.run_folders import write_run
from tests.analysis.tables.cells import near, row, table


def side(easy: float, hard: float) -> dict[str, Any]:
    each = {"easy": {"pass@1": easy, "n": 3}, "hard": {"pass@1": hard, "n": 1}}
    return {"pass@1": (3 * easy + hard) / 4, "n": 4, "by_difficulty": each}


def test_base_and_methods_by_difficulty(tmp_path: Path) -> None:
    for seed, tuned in enumerate((side(0.6, 0.2), side(0.8, 0.2))):
        entry = {"own": {"base": side(0.5, 0.1), "tuned": tuned}}
        write_run(tmp_path / str(seed), seed=seed, pool=False, extra={"benchmarks": entry})
    found = table(tmp_path, "table1_by_difficulty")
    assert found.columns == ("model", "method", "seeds", "own, easy", "own, hard")
    assert found.rows == (
        ("tiny", "base", 2, 0.5, 0.1),
        ("tiny", "conself", 2, near(0.7, 0.1414214, 2), near(0.2, 0.0, 2)),
    )
    assert found.notes[1:] == ("Problems: own easy 3, own hard 1.",)


def test_livecodebench_has_the_papers_rows_beside(tmp_path: Path) -> None:
    entry = {"base": side(0.5, 0.1), "tuned": side(0.6, 0.2)}
    extra = {"benchmarks": {"livecodebench": entry, "own": entry}}
    write_run(tmp_path, pool=False, choices={"model": "qwen2_5_coder_7b"}, extra=extra)
    found = table(tmp_path, "table1_by_difficulty")
    conself = row(found, model="paper: Qwen2.5-Coder-7B", method="conself")
    assert [show(conself[f"livecodebench, {name}"], ".1%") for name in ("easy", "hard")] == ["71.33%", "3.33%"]
    assert conself["own, easy"] is None
    assert {line[0] for line in found.rows} == {"qwen2_5_coder_7b", "paper: Qwen2.5-Coder-7B"}
    assert any("LiveCodeBench v5" in note for note in found.notes)


def test_without_difficulties_there_is_no_table(tmp_path: Path) -> None:
    write_run(tmp_path, pool=False)
    assert "several difficulties; add livecodebench" in table(tmp_path, "table1_by_difficulty").left_out
