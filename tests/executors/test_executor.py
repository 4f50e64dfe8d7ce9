"""Tasks in this process, one after the other."""

import os
from collections.abc import Iterator

import pytest

from conself.executors.executor import Here
from conself.executors.local import LocalExecutor


def twice(n: int) -> Iterator[tuple[int, int]]:
    if n == 13:
        raise ValueError("unlucky")
    yield from [(n, os.getpid())] * 2


def test_tasks_run_here_and_in_order_each_when_the_last_ones_items_are_taken() -> None:
    started = []

    def tasks() -> Iterator[tuple[int]]:
        for n in (3, 1, 13):
            started.append(n)
            yield (n,)

    stream = Here(1).run(twice, tasks())
    assert [next(stream), next(stream)] == [(3, os.getpid())] * 2
    assert started == [3]
    assert [next(stream), next(stream)] == [(1, os.getpid())] * 2
    with pytest.raises(ValueError, match="unlucky"):
        next(stream)


def test_a_local_executor_has_one_machine_with_the_cores_of_all_its_workers() -> None:
    with LocalExecutor(3, 2) as executor:
        machines = executor.machines()
        assert (machines.workers, machines.threads) == (1, 6)
        assert list(machines.run(twice, [(1,)])) == [(1, os.getpid())] * 2
