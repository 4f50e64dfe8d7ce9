"""The time and the keys of a sweep, from results.json by hand."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from experiments.figure7_tau.sharing import Times, main, times, unshared


def job(tau: float, seconds: Mapping[str, float], sample: str = "a") -> dict[str, Any]:
    keys = {"problems": "p" * 64, "sample": sample * 64, "score/nll": "n" * 64, "fit": f"{tau}".ljust(64, "0")}
    return {"tau": tau, "seconds": seconds, "artifacts": keys}


FIRST, SECOND = job(0.1, {"sample": 60.0, "fit": 4.0}), job(0.3, {"sample": 0.0, "fit": 6.0, "select": 2.0})


def test_one_run_is_the_job_that_sampled() -> None:
    assert times([FIRST, SECOND]) == Times(whole=72.0, one_run=64.0, trainings=10.0, allowed=106.0)
    assert times([FIRST, SECOND]).within
    again = job(0.3, {"sample": 60.0, "fit": 6.0})
    assert times([FIRST, again]) == Times(whole=130.0, one_run=66.0, trainings=10.0, allowed=109.0)
    assert not times([FIRST, again]).within


def test_a_stage_that_tau_cannot_change_has_one_key() -> None:
    assert unshared([FIRST, SECOND]) == []  # fit has two
    assert unshared([FIRST, job(0.3, {}, sample="b")]) == ["sample"]


def write(folder: Path, *jobs: dict[str, Any]) -> None:
    for number, results in enumerate(jobs):
        (folder / str(number)).mkdir()
        (folder / str(number) / "results.json").write_text(json.dumps(results))


def test_the_command_writes_what_it_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, FIRST, SECOND)
    assert main([f"runs={tmp_path}", f"out={tmp_path / 'out'}"]) == 0
    assert "| sample | `aaaaaaaa` 60.0 s | `aaaaaaaa` - |" in capsys.readouterr().out
    assert "took 0.97 times one run" in (tmp_path / "out" / "sharing.md").read_text()  # (72 - 10) / 64
    assert json.loads((tmp_path / "out" / "sharing.json").read_text())["within"] is True


def test_jobs_that_share_nothing_are_a_failure(tmp_path: Path) -> None:
    write(tmp_path, FIRST, job(0.3, {"sample": 60.0}, sample="b"))
    assert main([f"runs={tmp_path}", f"out={tmp_path / 'out'}"]) == 1
    found = json.loads((tmp_path / "out" / "sharing.json").read_text())
    assert (found["unshared"], found["within"]) == (["sample"], False)


@pytest.mark.parametrize("words", [[], ["out=x"], ["runs=x", "tau=1"], ["runs=x", "y"]])
def test_other_words_are_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit, match="usage"):
        main(words)


def test_one_job_is_no_sweep(tmp_path: Path) -> None:
    write(tmp_path, FIRST)
    with pytest.raises(SystemExit, match="1 finished job"):
        main([f"runs={tmp_path}"])
