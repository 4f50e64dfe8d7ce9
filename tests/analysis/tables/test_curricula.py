"""Table 3 is of curricula of equal size: of ConSelf only what they were cut to."""

from pathlib import Path

from tests.analysis.run_folders import write_run
from tests.analysis.tables.cells import row, table

ENTROPY = {"metric": "code_semantic_entropy"}


def write_by(folder: Path, metric: str, method: str = "curriculum_by_metric") -> None:
    """One run whose curriculum a metric drives, as the command line says."""
    config = {"metric": {"_target_": metric}}
    write_run(folder, method, words=[f"metric={metric}"], choices={"metric": metric}, config=config, pool=False)


def write_curricula(folder: Path) -> None:
    for metric in ("nll", "crash_rate"):
        write_by(folder / metric, metric)


def test_conself_at_other_sizes_is_left_out(tmp_path: Path) -> None:
    write_curricula(tmp_path)
    for tau, rounds in ((0.1, 1), (0.6, 1), (0.6, 3)):
        words, config = [f"tau={tau}", f"rounds={rounds}"], {"tau": tau, "rounds": rounds}
        write_run(tmp_path / f"{tau}-{rounds}", words=words, choices=ENTROPY, config=config, pool=False)
    found = table(tmp_path, "table3_curricula")
    assert [(line[1], line[2]) for line in found.rows] == [
        ("crash_rate", "curriculum_by_metric metric=crash_rate"),
        ("nll", "curriculum_by_metric metric=nll"),
        ("code_semantic_entropy", "conself tau=0.6 rounds=1"),
    ]
    assert row(found, metric="code_semantic_entropy")["paper: Qwen2.5-Coder-7B"] == 0.7439


def test_conself_by_another_metric_is_no_reference(tmp_path: Path) -> None:
    write_curricula(tmp_path)
    write_by(tmp_path / "other", "nll", "conself")
    assert [line[1] for line in table(tmp_path, "table3_curricula").rows] == ["crash_rate", "nll"]


def test_sizes_of_conself_alone_are_no_curricula(tmp_path: Path) -> None:
    write_run(tmp_path / "0", choices=ENTROPY, pool=False)
    write_by(tmp_path / "1", "nll", "conself")
    assert "two metrics are needed" in table(tmp_path, "table3_curricula").left_out
