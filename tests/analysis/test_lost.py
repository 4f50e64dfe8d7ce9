"""Artifacts that are gone or broken: the report says so, with the file and what to do, and leaves nothing stale."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from rich.console import Console

from analysis.lost import lost_artifacts, lost_note, without_verdicts
from analysis.report import main
from analysis.request import Request, parse
from analysis.runs import artifact, read_runs
from analysis.write_report import make_report
from conself.results.benchmarks import write
from conself.store.artifacts import Artifact
from tests.analysis.report_runs import make_pool, make_run, make_sweep

QUIET = Console(quiet=True)


@pytest.fixture
def elsewhere() -> Iterator[Path]:
    """A folder on another file system, where there is one."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as name:
        yield Path(name)


def written(root: Path, store: Path) -> Path:
    """A run folder as a job leaves it, whose one artifact holds a file."""
    place = store / "evaluate" / "key"
    place.mkdir(parents=True)
    (place / "verdicts.jsonl").write_text("here")
    job = root / "runs" / "0"
    job.mkdir(parents=True)
    made = {"evaluate/minipy/base": Artifact("evaluate", "key", place, False)}
    write(job, {"method": "conself"}, OmegaConf.create({"seed": 1}), made)
    return job


def test_runs_and_artifacts_that_move_together_stay_together(tmp_path: Path) -> None:
    written(tmp_path / "a", tmp_path / "a" / "artifacts")
    (tmp_path / "a").rename(tmp_path / "b")
    (run,) = read_runs(tmp_path / "b" / "runs")
    assert (artifact(run, "evaluate/minipy/base") / "verdicts.jsonl").read_text() == "here"
    assert lost_artifacts([run]) == {}


def test_a_store_on_another_file_system_is_found(tmp_path: Path, elsewhere: Path) -> None:
    (tmp_path / "link").symlink_to(elsewhere)
    job = written(tmp_path / "link", tmp_path / "store")  # the run's own folder is behind a link
    assert (job / "artifacts" / "evaluate" / "minipy" / "base" / "verdicts.jsonl").read_text() == "here"


def test_where_lost_artifacts_were_expected_is_said_with_the_remedy(tmp_path: Path) -> None:
    job = written(tmp_path, tmp_path / "store")
    shutil.move(tmp_path / "store", tmp_path / "moved")
    lost = lost_artifacts(read_runs(job))
    assert lost == {"runs/0": [tmp_path / "store" / "evaluate" / "key"]}
    note = lost_note(lost)
    assert f"Artifacts of runs/0 are gone: there is no {tmp_path}/store/evaluate/key. " in note
    assert "Tests and intervals over problems are missing for this cause; move the store back there, or give" in note
    assert lost_note({}) == ""


def test_what_is_said_to_be_missing_is_what_the_lost_stage_gave(tmp_path: Path) -> None:
    weights, pool = tmp_path / "fit" / "key", tmp_path / "select" / "key"
    assert "Curves of training are missing for this cause;" in lost_note({"runs/0": [weights]})
    assert "Curves of training and pages of problems are missing" in lost_note({"runs/0": [weights, pool]})
    assert " are missing" not in lost_note({"runs/0": [tmp_path / "merge" / "key"]})
    lost = {"runs/0": [weights], "runs/1": [pool, tmp_path / "evaluate" / "key"]}
    assert without_verdicts(lost) == ["runs/1"]


def test_a_report_without_the_store_says_so_first_and_in_its_tables(tmp_path: Path) -> None:
    sweep = make_sweep(tmp_path, 3)
    for job in sweep.glob("[0-9]"):
        (job / "artifacts" / "evaluate").mkdir(parents=True)
        (job / "artifacts" / "evaluate" / "toy").symlink_to(tmp_path / "store" / "evaluate" / "key")
    shutil.move(tmp_path / "store", tmp_path / "moved")
    console = Console(record=True, quiet=True, width=80)
    text = make_report(Request(sweep, tmp_path / "out"), console).read_text(encoding="utf-8")
    found = re.search(r'<ul class="missing".*?</ul>', text, flags=re.DOTALL)
    assert found is not None
    assert found.start() < text.index('class="cards"')
    assert f"there is no {tmp_path}/store/" in found[0]
    assert "Tests and intervals over problems, ROC curves and pages of problems are missing for this cause" in found[0]
    assert "it may be among the artifacts that are gone" in text
    table = (tmp_path / "out" / "tables" / "comparisons.md").read_text(encoding="utf-8")
    assert "are missing where a run's artifacts are gone: multirun/0, multirun/1" in table


def test_a_report_with_its_store_says_nothing_of_it(tmp_path: Path) -> None:
    sweep = make_sweep(tmp_path, 3)
    text = make_report(Request(sweep, tmp_path / "out"), QUIET).read_text(encoding="utf-8")
    assert 'class="missing"' not in text
    assert "are gone" not in text
    assert "are gone" not in (tmp_path / "out" / "tables" / "comparisons.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "cut"),
    [
        ("select/*/selection.json", True),
        ("score/*/uncertainty-0000000-4.parquet", True),
        ("sample/*/candidates-0000000-4.parquet", False),
    ],
)
def test_a_broken_artifact_is_named_and_leaves_no_report_of_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, cut: bool
) -> None:
    sweep, out = make_sweep(tmp_path, 3), tmp_path / "out"
    make_report(Request(sweep, out), QUIET)
    shutil.rmtree(out / "problems")  # to be made again
    broken = sorted((tmp_path / "store").glob(name))[0]
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-9] if cut else whole[:8] + b"\xff" * (len(whole) - 600) + whole[len(whole) - 592 :])
    monkeypatch.setattr("sys.argv", ["report", f"runs={sweep}", f"out={out}"])
    with pytest.raises(SystemExit) as ended:
        main()
    said = " ".join(capsys.readouterr().out.split())
    assert ended.value.code == 2
    assert f"error: {broken} is not" in said
    assert f"; remove {broken.parent}, and give that job's command again" in said
    assert not (out / "report.html").exists()


def test_pages_whose_making_was_cut_short_are_made_again(tmp_path: Path) -> None:
    make_run(tmp_path / "runs" / "0", make_pool(tmp_path / "store", 1, 3), "conself", 1, 0.5)
    request = Request(tmp_path / "runs", tmp_path / "out")
    make_report(request, QUIET)
    (stamp,) = (tmp_path / "out").glob("problems/*/pages.json")
    whole = stamp.read_text()
    stamp.write_text(whole[:20])
    make_report(request, QUIET)
    assert stamp.read_text() == whole


def test_a_file_is_no_place_for_a_report(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "deeper"):
        with pytest.raises(ValueError, match=rf"^out={out}: {tmp_path}/file is a file; name a folder"):
            parse([f"runs={tmp_path}", f"out={out}"])
