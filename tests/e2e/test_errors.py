"""Bad input ends in one line that names cause and remedy, and in nothing lost."""

import errno
import json
import re
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from conself.app.job import run
from tests.e2e.conftest import IN_TURN, ROOT, SMALL, train, train_anew

CALL = {"statement": "Add one.", "starter_code": "def f(n):", "entry_point": "f", "inputs": [[1], [2]]}


def shown(capsys: pytest.CaptureFixture[str], folder: Path, *overrides: str) -> str:
    """What a job prints that ends with status 2, run in this process to spare its start."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("train", ["tracking=none", *overrides])
    with pytest.raises(SystemExit) as ended:
        run(config, folder, in_sweep=False)
    assert ended.value.code == 2
    return capsys.readouterr().out


def error_line(output: str) -> str:
    """The one line that tells the error."""
    assert "Traceback" not in output
    (line,) = [line for line in output.splitlines() if line.startswith("error:")]
    return line


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("tau=1.3", ["tau must lie in (0, 1], got 1.3; see Eq. 3 in docs/method.md#curriculum"]),
        ("tau=abc", ["curriculum.tau must be a number, got 'abc'"]),
        ("sampler.n_observations=2.5", ["sampler.n_observations must be an int, got 2.5"]),
        ("model.name=./no/such/model", ["'./no/such/model' does not exist", "set model.name"]),
        ("model.adapter=somewhere", ["model.adapter must be null to train"]),
        ("tau=1e-9", ["keeps no problem", "runs from", "tau above"]),
        ("metric.min_alive=99", ["fewer than 99 live candidates", "no problem has a defined uncertainty"]),
        ("model.attention=flash_attention_2", ["model.attention must be sdpa or eager, got 'flash_attention_2'"]),
        ("loss=sft", ["this loss wants no losers; choose pairing=winner_only"]),
        ("pairing=winner_only", ["this loss wants a loser in every pair; choose pairing=winner_and_losers"]),
        ("ranking=first", ["the ranking gives no weights; choose ranking=consensus, or loss=dpo"]),
        ("ranking=reliable_cluster ranking.rho=0", ["ranking.rho must lie in (0, 1], got 0"]),
        ("+ranking@rankings.any=first", ["rankings.any: figures call a bound so"]),
        ("ranking@voters.ranking=reliable_cluster voters.ranking.min_cluster=0", ["min_cluster must be at least 1"]),
        ("rankings=null", ["rankings must be a part", "got None"]),
        ("beta=-1", ["loss.beta is -1; it must be above 0"]),
        ("training.runtime.layout.token_budget=0", ["token_budget is 0; it must hold the longest pair"]),
        ("training.tuning.r=0", ["training.tuning.r is 0; it must be above 0"]),
        ("training.tuning.target=[q_proj,wrong]", ["Qwen2ForCausalLM has no module 'wrong'", "q_proj, k_proj, v_proj"]),
        ("training=full training.export=adapter", ["all weights are trained: set training.export=merged"]),
        ("training=dora engine=vllm", ["vLLM cannot put DoRA adapters on", "training.export=merged"]),
        ("training.tuning.r=600 engine=vllm", ["rank 600, vLLM's largest is 512", "training.export=merged"]),
        ("sandbox.cpu_seconds=-1", ["sandbox limit cpu_seconds is -1: it must be a number from 0.01"]),
        ("sandbox.require=absolute", ["'absolute': it must be one of weak, standard, strong"]),
        ("sandbox.packages=[no_such_package]", ["no_such_package cannot be imported", "install it"]),
        ("executor.workers=0", ["executor.workers must be at least 1, got 0"]),
        ("executor.workers=abc", ["executor.workers must be an int, got 'abc'"]),
        ("executor.threads=0", ["executor.threads must be at least 1, got 0"]),
        ("artifacts=null", ["artifacts must be a folder's path, got None"]),
        ("voters=null", ["voters must be a part", "or a group of keys, got None"]),
        ("behaviour=null", ["behaviour must be a part, of which conf/ has a choice", "got None"]),
        ("metrics=null", ["metrics must be a part", "got None"]),
        ("curriculum.tau=0.3", ["curriculum.tau is 0.3, and tau", "is 1.0; set tau alone"]),
        ("+metric@metrics.driver=nll", ["a metric cannot be called driver"]),
        ("decoder.n=10 decoder.temperature=1.0 voters.n=10", ["decoder.n=10 and voters.n=10 both draw answers"]),
        ("curriculum=all_problems max_pairs=0", ["max_pairs must be an int of at least 1, or null for all, got 0"]),
    ],
)
@pytest.mark.usefixtures("whole")
def test_wrong_setting(
    override: str, words: list[str], store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    executor = () if override.startswith("executor.") else (IN_TURN,)
    line = error_line(shown(capsys, tmp_path, *SMALL, f"artifacts={store}", *executor, *override.split()))
    for word in words:
        assert word in line


def test_a_refused_job_leaves_no_figures_of_an_earlier_one(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "results.json").write_text("{}")
    assert "tau must lie in" in error_line(shown(capsys, tmp_path, f"artifacts={store}", "tau=7"))
    assert not (tmp_path / "results.json").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("whole")
def test_a_merge_that_fails_costs_no_training(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the merge that writes gigabytes, and finds the disk full when hours of training are over."""

    def full_disk(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("conself.pipelines.stages.save_merged", full_disk)
    for adapter in ("done", "reused"):
        words = ("training.export=merged", "training.epochs=1", "beta=0.25")
        output = shown(capsys, tmp_path, *SMALL, f"artifacts={store}", *words)
        assert "no space left for the artifacts of stage 'fit'" in error_line(output)
        assert re.search(rf"^fit +{adapter}", output, re.MULTILINE)


def test_data_set_without_a_usable_problem(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    rows = [{**CALL, "statement": " "}, {**CALL, "inputs": []}, {"statement": "No inputs."}]
    (tmp_path / "bad.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\nnot json\n")
    words = ("dataset=jsonl", f"dataset.path={tmp_path}/bad.jsonl", f"artifacts={store}")
    line = error_line(shown(capsys, tmp_path, *words))
    for word in ("no usable problem", "1 with empty statement", "1 with no inputs", "2 with malformed line"):
        assert word in line
    assert "line 3: missing inputs" in caplog.text
    assert "line 4" in caplog.text


def test_from_the_command_line_it_is_one_line_and_status_2(tmp_path: Path) -> None:
    job = train_anew(tmp_path / "store", tmp_path / "run", "tau=1.3")
    assert job.status == 2
    assert job.output.strip().startswith("error: tau must lie in (0, 1], got 1.3")
    assert len(job.output.strip().splitlines()) == 1
    assert "Traceback" in (tmp_path / "run" / "train.log").read_text(), "the log has what the console spares"


def test_unknown_choice_lists_the_choices(tmp_path: Path) -> None:
    job = train(tmp_path / "store", tmp_path / "run", "curriculum=hardest")
    assert job.status != 0
    assert "all_problems" in job.output
    assert "entropy_band" in job.output
    assert "Traceback" not in job.output


@pytest.mark.usefixtures("whole")
def test_one_bad_job_does_not_end_a_sweep(store: Path, tmp_path: Path) -> None:
    job = train(store, tmp_path / "sweep", "-m", "tau=1.3,1.0", "tracking=none")
    assert job.status != 0
    assert "tau must lie in (0, 1], got 1.3" in job.output
    assert (tmp_path / "sweep" / "1" / "results.json").is_file()


def full_disk(store: Path, folder: Path, limit: int, stage: str, *more: str) -> None:
    """No file may grow beyond ``limit`` bytes: the kernel refuses in the middle of the run, then lets it end."""
    words = ("tau=0.95", "tracking=none", *more)
    limited = train_anew(store, folder / "run", *words, prefix=("prlimit", f"--fsize={limit}"))
    assert limited.status == 2, limited.output
    assert f"no space left for the artifacts of stage '{stage}'" in error_line(limited.output)
    done = {path: path.stat().st_mtime_ns for path in store.glob("*/*/manifest.json")}
    assert done, "the stages before are on disk"
    assert train(store, folder / "again", *words).status == 0
    assert {path: path.stat().st_mtime_ns for path in done} == done


@pytest.mark.slow
def test_full_disk_keeps_what_was_done(tmp_path: Path) -> None:
    full_disk(tmp_path / "store", tmp_path, 16_384, "sample", "training.epochs=1")


@pytest.mark.slow
@pytest.mark.usefixtures("whole")
def test_full_disk_while_the_adapter_is_saved(store: Path, tmp_path: Path) -> None:
    """The adapter is the one file of the job that is larger than 150 KiB."""
    full_disk(store, tmp_path, 153_600, "fit")
