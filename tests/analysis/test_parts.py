"""``parts=``: the tables and figures asked for and nothing else, straight into the folder; errors that help."""

import subprocess
import sys
from pathlib import Path

import pytest

from analysis.parts import write_parts
from analysis.request import Request, parse
from analysis.runs import read_runs
from tests.analysis.run_folders import write_run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two methods, one seed each; no rounds, no voters."""
    root = tmp_path_factory.mktemp("sweep")
    write_run(root / "0", "conself", 1, tuned="1111", pool=False)
    write_run(root / "1", "wo_cc", 1, pool=False)
    return root


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_only_what_is_named_is_written_straight_into_the_folder(sweep: Path, tmp_path: Path) -> None:
    files = write_parts(read_runs(sweep), ("table1_methods", "methods"), tmp_path / "out")
    table = ["table1_methods.csv", "table1_methods.md", "table1_methods.tex"]
    assert names(tmp_path / "out") == ["methods.png", "methods.svg", *table]
    assert sorted(path.name for path in files) == names(tmp_path / "out")
    assert "| tiny | conself | 1 | 100.0% | +100.0% |" in (tmp_path / "out" / "table1_methods.md").read_text()


def test_an_unknown_part_is_told_with_the_known_ones(sweep: Path, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match="parts=table9: there is no such table or figure; there are table1_methods"
    ) as e:
        write_parts(read_runs(sweep), ("methods", "table9"), tmp_path / "out")
    for part in ("table4_ablations", "ceilings", "figure6_roc", "figure7a_tau", "uncertainty_histogram"):
        assert part in str(e.value)
    assert str(e.value).count(" rounds") == 1  # a table and a figure of that name
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        ("ceilings", "no run has sampled several answers to a benchmark; add voters.n=15"),  # a table
        ("figure7a_tau", "a sweep of conself over tau is needed"),  # a figure
        ("rounds", "no run has more than one round; add rounds=3"),  # both
    ],
)
def test_a_part_without_runs_is_told_with_the_reason(sweep: Path, tmp_path: Path, part: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"parts={part}: the runs hold nothing for it: {reason}"):
        write_parts(read_runs(sweep), ("methods", part), tmp_path)
    assert names(tmp_path) == []


def test_words(sweep: Path) -> None:
    assert parse([f"runs={sweep}"]).parts == ()
    assert parse([f"runs={sweep}", "out=x", "parts=a,b"]) == Request(sweep, Path("x"), ("a", "b"))
    with pytest.raises(ValueError, match="parts= is given twice"):
        parse([f"runs={sweep}", "parts=a", "parts=b"])


def test_the_command_makes_no_page(sweep: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "analysis.report", f"runs={sweep}", f"out={tmp_path / 'out'}"]
    done = subprocess.run([*words, "parts=table4_ablations"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert names(tmp_path / "out") == [f"table4_ablations.{suffix}" for suffix in ("csv", "md", "tex")]
    assert "table4_ablations.md" in done.stdout
    assert "report.html" not in done.stdout
    refused = subprocess.run([*words, "parts=figures"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "there is no such table or figure" in refused.stdout
