"""Which machine does what, and which cluster is none of ours; without one."""

import pytest

from conself.executors import ray as module
from conself.executors.cluster import Cluster, Node, lanes, spread
from conself.executors.ray import RayExecutor

BIG, SMALL = Node("1", "big", 16, 4), Node("2", "small", 2, 1)


def made(**settings: object) -> RayExecutor:
    usual = {"address": "head:6379", "cluster": "me", "storage": "shared", "workers": 2, "threads": 1, "gpus": 0}
    return RayExecutor(**{**usual, "cores": 4, "tries": 3, **settings})  # type: ignore[arg-type]


def test_workers_take_turns_over_machines_and_gpus() -> None:
    assert spread([BIG, SMALL], 3, 0) == [BIG, SMALL, BIG]
    assert spread([BIG, SMALL], 9, 1) == [BIG, SMALL, BIG, BIG, BIG], "five GPUs"
    assert spread([BIG, SMALL], 9, 2) == [BIG, BIG]
    assert spread([], 2, 0) == []


def test_a_machine_has_as_many_sandboxes_as_fit_and_never_none() -> None:
    assert lanes([BIG, SMALL], 4) == [BIG] * 4 + [SMALL]


@pytest.mark.parametrize("address", ["auto", "local", "", "ray://head:10001", "head"])
def test_no_cluster_is_looked_for(address: str) -> None:
    with pytest.raises(ValueError, match=rf"^executor\.address={address} names no cluster: give HOST:PORT"):
        made(address=address)


@pytest.mark.parametrize("name", ["workers", "threads", "cores", "tries"])
def test_nothing_is_an_error_that_names_its_key(name: str) -> None:
    with pytest.raises(ValueError, match=rf"executor\.{name} must be at least 1, got 0"):
        made(**{name: 0})
    with pytest.raises(ValueError, match=r"executor\.storage must be one of shared, driver, got 's3'"):
        made(storage="s3")
    with pytest.raises(ValueError, match=r"executor\.gpus must be at least 0"):
        made(gpus=-1)


def test_without_ray_one_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(ValueError, match=r"^executor=ray needs Ray, .*: pip install 'conself\[ray\]'$"):
        made()


def test_where_nobody_answers_one_line_says_so() -> None:
    pytest.importorskip("ray")
    with pytest.raises(OSError, match=r"^nobody answers at executor\.address=127\.0\.0\.1:1 "):
        Cluster("127.0.0.1:1", "me").join()
