"""W&B's offline runs, read back from disk: three jobs leave three runs, each with its own values."""

import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import wandb
from omegaconf import OmegaConf

from conself.tracking.wandb_tracker import WandbTracker
from tests.tracking.jobs import VALUES, Folder, run_one
from tests.tracking.wandb_files import WandbRun, of_job

TAUS = (0.6, 0.8, 1.0)
KILLED = """
import os, signal, sys
from pathlib import Path
from omegaconf import OmegaConf
from conself.tracking.wandb_tracker import WandbTracker
tracker = WandbTracker("test", "offline")
tracker.start(Path(sys.argv[1]), OmegaConf.create({"tau": 0.3}))
tracker.replay([{"train/loss": 9.0}])
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> list[WandbRun]:
    """Three jobs in one process, with one tracker, the second of which fails."""
    root, tracker = tmp_path_factory.mktemp("sweeps") / "2026-01-02_03-04-05", WandbTracker("test", "offline")
    runs = []
    for number, tau in enumerate(TAUS):
        words = (f"tau={tau}", "artifacts=elsewhere", "+executor.workers=1")
        line = run_one(tracker, root / str(number), tau, words, failed=tau == 0.8)
        run = of_job(root / str(number))
        assert line == f"dashboard: wandb sync {run.folder}"
        runs.append(run)
    return runs


def test_a_run_per_job_named_by_its_overrides_and_grouped_by_its_sweep(sweep: list[WandbRun]) -> None:
    assert [run.name for run in sweep] == ["tau=0.6", "tau=0.8", "tau=1.0"]
    assert {(run.group, run.kind, run.tags) for run in sweep} == {
        ("2026-01-02_03-04-05", "train", ("conself", "minipy"))
    }
    assert len({run.id for run in sweep}) == 3
    assert [run.config["tau"] for run in sweep] == list(TAUS)
    assert sweep[0].config["benchmark"] == {"minipy": {"size": 8}}


def test_a_failed_job_is_marked_and_the_next_has_a_run_of_its_own(sweep: list[WandbRun]) -> None:
    assert [run.exit_code for run in sweep] == [0, 1, 0]
    assert "metrics/nll/auc" not in sweep[1].summary
    assert len(sweep[1].curve("train/loss")) == 2


def test_curves_have_the_training_step_as_axis_and_rounds_have_their_own(sweep: list[WandbRun]) -> None:
    for run in sweep:
        assert run.curve("train/loss") == [(0, 0.7), (1, 0.6)]
        assert run.curve("round2/train/loss") == [(0, 0.6)]
        assert run.steps_of["train/*"] == run.steps_of["round2/train/*"] == "trainer/global_step"


def test_figures_table_histogram_and_artifacts(sweep: list[WandbRun]) -> None:
    for run, tau in ((sweep[0], 0.6), (sweep[2], 1.0)):
        assert run.summary["metrics/nll/auc"] == tau
        assert run.summary["problems/dropped/above tau"] == 3
        assert (run.summary["problems/kept"], run.summary["golden_rate"]) == (5, 0.5)
        assert [run.summary[f"benchmarks/minipy/{who}/pass@1"] for who in ("base", "tuned")] == [0.25, 0.5]
        columns, rows = run.table("tables/metrics")
        assert columns[:5] == ["metric", "n", "AUC", "Pearson", "p (Pearson)"]
        assert rows == [["nll", 8, tau, -0.5, 0.01, None, None, -0.25, 0.5, "2: too few"]]
        histogram = run.logged("uncertainty")
        assert (histogram["_type"], sum(histogram["values"])) == ("histogram", len(VALUES))
        assert (histogram["bins"][0], histogram["bins"][-1]) == (0, 1)


def test_artifacts_are_referred_to_and_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "store" / "fit" / "cd"
    secret.mkdir(parents=True)
    (secret / "weights").write_text("weights")
    (secret / "weights").chmod(0)
    tracker = WandbTracker("test", "offline")
    tracker.start(tmp_path, OmegaConf.create({}))
    tracker.link({"round2/fit": Folder("fit", "cd" * 32, secret)})
    tracker.finish(failed=False)
    found = of_job(tmp_path).artifacts["round2-fit"]
    assert (found.type, set(found.aliases)) == ("fit", {"cd" * 6, "latest"})
    assert "cd" * 32 in found.metadata
    (entry,) = found.manifest.contents
    assert (entry.path, entry.ref, entry.local_path) == ("weights", (secret / "weights").as_uri(), "")


def test_an_artifact_of_any_name_is_taken(tmp_path: Path) -> None:
    """A job is done by the time its artifacts are linked: a label that W&B refuses must not make it fail."""
    place = tmp_path / "a store #1%20"
    place.mkdir()
    (place / "file").write_text("x")
    tracker = WandbTracker("test", "offline")
    tracker.start(tmp_path, OmegaConf.create({}))
    tracker.link({"score/mine@2 é": Folder("score", "ef" * 32, place)})
    tracker.finish(failed=False)
    (entry,) = of_job(tmp_path).artifacts["score-mine-2--"].manifest.contents
    assert (entry.path, entry.ref) == ("file", (place / "file").as_uri())


def test_a_run_of_the_program_around_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "around").mkdir()
    settings = wandb.Settings(silent=True, console="off")
    around = wandb.init(project="other", mode="offline", dir=str(tmp_path / "around"), settings=settings)
    run_one(WandbTracker("test", "offline"), tmp_path / "sweep" / "0")
    around.log({"mine": 1})
    around.finish()
    assert of_job(tmp_path / "around").logged("mine") == 1
    assert of_job(tmp_path / "sweep" / "0").summary["metrics/nll/auc"] == 0.3


def test_the_line_at_the_end_names_a_run_that_wandb_finds(tmp_path: Path) -> None:
    line = run_one(WandbTracker("test", "offline"), tmp_path / "a job's" / "0")
    words = shlex.split(line.removeprefix("dashboard: "))
    assert words[:2] == ["wandb", "sync"]
    done = subprocess.run(
        [sys.executable, "-m", *words, "--dry-run"], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "offline-run-" in done.stdout + done.stderr


@pytest.mark.slow
def test_a_job_that_was_killed_and_given_again_is_one_run(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], capture_output=True, check=False, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    (dead,) = (tmp_path / "wandb").glob("offline-run-*")
    run_one(WandbTracker("test", "offline"), tmp_path)
    run = of_job(tmp_path)  # there is one
    assert run.folder.name != dead.name
    assert (run.summary["metrics/nll/auc"], run.curve("train/loss"), run.exit_code) == (0.3, [(0, 0.7), (1, 0.6)], 0)
    links = [path for path in (tmp_path / "wandb").iterdir() if path.is_symlink()]
    assert "latest-run" in {path.name for path in links}
    assert all(path.resolve().is_relative_to(run.folder.resolve()) and path.exists() for path in links)


def test_a_job_that_fails_leaves_the_run_of_an_earlier_one(tmp_path: Path) -> None:
    run_one(WandbTracker("test", "offline"), tmp_path)
    tracker = WandbTracker("test", "offline")
    tracker.start(tmp_path, OmegaConf.create({"seed": 1}), "train", [], False)
    tracker.finish(failed=True)
    assert len(list((tmp_path / "wandb").glob("offline-run-*"))) == 2


def test_what_was_uploaded_is_not_removed(tmp_path: Path) -> None:
    synced, online = (tmp_path / "wandb" / name for name in ("offline-run-20260102_030405-a", "run-20260102_030405-b"))
    for folder, name in ((synced, "run-a.wandb.synced"), (online, "run-b.wandb")):
        folder.mkdir(parents=True)
        (folder / name).touch()
    run_one(WandbTracker("test", "offline"), tmp_path)
    assert len(list((tmp_path / "wandb").glob("offline-run-*"))) == 2
    assert (synced / "run-a.wandb.synced").is_file()
    assert (online / "run-b.wandb").is_file()


def test_an_earlier_run_stays_where_none_takes_its_place(tmp_path: Path) -> None:
    run_one(WandbTracker("test", "offline"), tmp_path)
    run_one(WandbTracker("test", "disabled"), tmp_path)
    assert of_job(tmp_path).summary["metrics/nll/auc"] == 0.3


def test_disabled_keeps_nothing(tmp_path: Path) -> None:
    assert run_one(WandbTracker("test", "disabled"), tmp_path / "0") == ""
    assert not (tmp_path / "0" / "wandb").exists()


def test_an_unknown_mode_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="offline, online or disabled, got 'of'"):
        WandbTracker(project="test", mode="of").start(tmp_path, OmegaConf.create({}))


def test_a_job_that_never_started_can_be_finished() -> None:
    assert WandbTracker("test", "offline").finish(failed=True) is None


def test_online_without_an_account_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    with pytest.raises(ValueError, match=r"call `wandb login` first, or set tracking\.mode=offline"):
        WandbTracker("test", "online").start(tmp_path, OmegaConf.create({}))
