"""Rollouts over the actors of a Ray cluster: the bits of one engine, also where an actor dies; and time limits."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from conself.executors.ray import RayExecutor
from conself.records import ModelRef
from tests.executors.conftest import ClusterForTests
from tests.executors.test_ray import executor_of
from tests.online.conftest import model_ref  # noqa: F401
from tests.online.loop_world import train
from tests.online.test_loop import same, weights
from tests.online.test_workers import ENGINE, by
from tests.online.worker_engines import RUNTIME, Dying

pytestmark = pytest.mark.slow  # a cluster takes a quarter of a minute to start


@pytest.fixture(scope="module")
def executor(cluster: ClusterForTests) -> Iterator[RayExecutor]:
    with executor_of(cluster) as executor:
        yield executor


def stalling(folder: str, n: int) -> Iterator[tuple[int, int]]:
    yield n, os.getpid()
    if n == 1:
        Path(folder, "stalls").touch()
        time.sleep(300)
    yield -n, os.getpid()


def test_what_still_runs_when_time_is_over_is_killed_and_no_other(executor: RayExecutor, tmp_path: Path) -> None:
    """The first item of the task that stalls has arrived by then."""
    two, found = executor.sized(2), []
    tasks = [(str(tmp_path), n) for n in (1, 2)]
    for item in two.run_until(stalling, tasks, lambda: (tmp_path / "stalls").exists() and len(found) == 3):
        found.append(item)
    pids = dict(found)
    assert sorted(pids) == [-2, 1, 2]
    deadline = time.monotonic() + 60
    while psutil.pid_exists(pids[1]):
        assert time.monotonic() < deadline, "who stalled is still there"
        time.sleep(0.1)
    after = {pid for _, pid in two.run(stalling, [(str(tmp_path), 4), (str(tmp_path), 6)])}
    assert pids[1] not in after
    assert psutil.pid_exists(pids[2]), "it had nothing to do with it"
    executor.release_others()


def test_an_actor_that_dies_within_a_step_is_replaced_and_the_bits_are_the_same(
    executor: RayExecutor,
    model_ref: ModelRef,  # noqa: F811
    tmp_path: Path,
) -> None:
    train(model_ref, tmp_path / "here", by(ENGINE, None))
    train(model_ref, tmp_path / "ray", by(Dying(RUNTIME, str(tmp_path / "died")), 2), executor=executor)
    assert (tmp_path / "died").exists()
    assert (tmp_path / "ray" / "steps.jsonl").read_bytes() == (tmp_path / "here" / "steps.jsonl").read_bytes()
    assert same(weights(tmp_path / "ray"), weights(tmp_path / "here"))
