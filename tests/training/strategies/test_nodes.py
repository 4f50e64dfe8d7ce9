"""Two nodes train what one trains; what dies is told, and leaves nothing behind."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import torch
import torch.distributed as dist

from conself.records import ModelRef
from conself.training.strategies import meeting
from conself.training.strategies.meeting import Meeting
from conself.training.strategies.ranks import ALONE, Ranks
from conself.training.strategies.serving import serve
from tests.training.strategies.lost_ranks import lose_one, together, wait_for_ever
from tests.training.strategies.other_node import met, srun, start
from tests.training.strategies.test_distributed import (
    CASES,
    STRATEGIES,
    Curve,
    alive,
    children,
    folder,
    train,
    train_all,
    until,
    weights,
)

pytestmark = pytest.mark.e2e

Other = tuple[Meeting, "subprocess.Popen[str]"]
FEW = (("lora", STRATEGIES[0]), ("full", STRATEGIES[1]))


@pytest.fixture
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["subprocess.Popen[str]"]:
    """Another node, with which this process has met."""
    with met(tmp_path / "store") as (gathered, process):
        monkeypatch.setattr(meeting, "_meeting", gathered)
        yield process


def trainers(other: "subprocess.Popen[str]") -> list[int]:
    """The training processes of another node, without the library's own."""
    return [child.pid for child in psutil.Process(other.pid).children() if "spawn_main" in " ".join(child.cmdline())]


def train_few(model: ModelRef, root: Path, ranks: Ranks) -> list[Curve]:
    return [train(kind, sharing, model, folder(root, kind, sharing), ranks) for kind, sharing in FEW]


def check_alike(ours: Path, theirs: Path, curves: tuple[Curve, Curve]) -> None:
    """As for two processes of one machine (test_distributed.py)."""
    for mine, its in zip(*curves, strict=True):
        assert mine["loss"] == pytest.approx(its["loss"], rel=1e-5)
        assert mine["grad_norm"] == pytest.approx(its["grad_norm"], rel=1e-4, abs=1e-5)
    trained, expected = weights(ours), weights(theirs)
    assert trained.keys() == expected.keys()
    for name, weight in expected.items():
        assert torch.linalg.vector_norm(trained[name] - weight) <= 1e-4 * torch.linalg.vector_norm(weight), name


def test_two_nodes_train_what_one_process_trains(
    other: "subprocess.Popen[str]", model_ref: ModelRef, tmp_path: Path
) -> None:
    assert not list((tmp_path / "store").iterdir()), "the key is for nobody once all have joined"
    curves = together(train_few, (model_ref, tmp_path / "two"), 1, nodes=2)
    assert children() == []
    for (kind, sharing), curve in zip(FEW, curves, strict=True):
        alone = train(kind, sharing, model_ref, tmp_path / "one" / kind, ALONE)
        check_alike(folder(tmp_path / "two", kind, sharing), tmp_path / "one" / kind, (curve, alone))
    helper = psutil.Process(other.pid)
    until(lambda: not trainers(other))
    before = sum(helper.cpu_times()[:2])
    time.sleep(1)
    assert sum(helper.cpu_times()[:2]) - before < 0.1, "it waits without work"


@pytest.mark.slow
@pytest.mark.usefixtures("other")
def test_two_nodes_train_what_two_devices_train(model_ref: ModelRef, tmp_path: Path) -> None:
    apart = together(train_all, (model_ref, tmp_path / "nodes"), 1, nodes=2)
    beside = together(train_all, (model_ref, tmp_path / "devices"), 2)
    for (kind, sharing), *curves in zip(CASES, apart, beside, strict=True):
        ours, theirs = (folder(tmp_path / name, kind, sharing) for name in ("nodes", "devices"))
        check_alike(ours, theirs, (curves[0], curves[1]))


def places(ranks: Ranks) -> list[tuple[int, int, str, int]]:
    mine = (ranks.index, ranks.local, os.environ["LOCAL_RANK"], os.getppid())
    found: list[tuple[int, int, str, int]] = [mine] * ranks.count
    dist.all_gather_object(found, mine)
    return found


@pytest.mark.slow
def test_ranks_go_through_the_nodes_one_after_another(other: "subprocess.Popen[str]") -> None:
    found = together(places, (), 2, nodes=2)
    expected = [(0, 0, "0", os.getpid()), (1, 1, "1", os.getpid()), (2, 0, "0", other.pid), (3, 1, "1", other.pid)]
    assert found == expected


def test_a_killed_process_of_another_node_is_told_and_the_node_goes_on(other: "subprocess.Popen[str]") -> None:
    with pytest.raises(ChildProcessError, match=r"a training process on node beta was killed, most likely for lack"):
        together(lose_one, (), 1, nodes=2)
    assert children() == []
    until(lambda: not trainers(other))
    assert [place[0] for place in together(places, (), 1, nodes=2)] == [0, 1]


def test_a_killed_node_is_told_within_seconds(other: "subprocess.Popen[str]", tmp_path: Path) -> None:
    killed = []

    def kill() -> None:
        until(lambda: len([p for p in tmp_path.glob("[01]") if p.read_text()]) == 2, 300)
        other.kill()
        killed.append(time.monotonic())

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(ChildProcessError, match=r"^node beta is gone: .* The same command on all nodes resumes"):
        together(wait_for_ever, (tmp_path,), 1, nodes=2)
    thread.join()
    assert time.monotonic() - killed[0] < 5
    until(lambda: not any(alive(int((tmp_path / name).read_text())) for name in "01"), 5)
    with pytest.raises(ChildProcessError, match=r"^node beta is gone"):
        together(places, (), 1, nodes=2)
    assert children() == []


@pytest.mark.skipif(sys.platform != "linux", reason="a parent's death is told by Linux only")
def test_a_killed_driver_leaves_no_process_on_another_node(tmp_path: Path) -> None:
    other, driver = start(tmp_path, 1), start(tmp_path, 0)
    try:
        until(lambda: len([p for p in tmp_path.glob("[01]") if p.read_text()]) == 2, 300)
    finally:
        driver.kill()
        said, _ = other.communicate(timeout=120)
        driver.wait()
    assert other.returncode == 1
    assert "the driver on 127.0.0.1 is gone, and node beta ends with it" in said
    until(lambda: not any(alive(int((tmp_path / name).read_text())) for name in "01"))


def test_other_versions_are_refused_on_both_sides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conself.training.strategies.meeting.versions", lambda: {"conself": "0.1.0", "torch": "2.9"})
    monkeypatch.setattr("conself.training.strategies.serving.versions", lambda: {"conself": "0.1.0", "torch": "2.8"})
    told: list[str] = []

    def join() -> None:
        with pytest.raises(ValueError, match="torch") as refused:
            serve(srun(1), tmp_path, 60, told.append)
        told.append(str(refused.value))

    thread = threading.Thread(target=join)
    thread.start()
    driver = Meeting(srun(0), tmp_path, 60)
    with pytest.raises(ValueError, match=r"^node beta has torch 2\.8, not 2\.9 as the driver on 127\.0\.0\.1") as here:
        driver.gather()
    thread.join()
    driver.close()
    assert told == [str(here.value)]
    assert not list(tmp_path.iterdir())


def test_who_does_not_come_is_told_with_the_address(tmp_path: Path) -> None:
    driver = Meeting(srun(0), tmp_path, 0.1)
    address = rf"127\.0\.0\.1:{driver._at.port}"
    with pytest.raises(OSError, match=rf"^nodes 1 of 0 to 1 have not joined within 0\.1 s: .* at {address} \(MASTER_"):
        driver.gather()
    driver.close()
    with pytest.raises(ValueError, match=r"nodes is 2, and no other node has joined this job: .* `srun --nodes=2"):
        together(places, (), 1, nodes=2)


def test_a_node_answers_no_interrupt(other: "subprocess.Popen[str]") -> None:
    assert other.stdout is not None
    assert other.stdout.readline() == "node 1 (beta) trains for the driver on 127.0.0.1\n"
    other.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert other.poll() is None
