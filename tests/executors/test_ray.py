"""Actors of a Ray cluster: what they do as local workers do, and what happens when some of it dies."""

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from conself.executors.actor import MOST_BYTES
from conself.executors.executor import LostTasksError, worker_index
from conself.executors.local import LocalExecutor
from conself.executors.ray import RayExecutor
from conself.pipelines.tasks import run_tasks
from conself.records import Problem
from conself.sandbox import IsolationError
from conself.store.artifacts import Stage, StorageFullError, build
from tests.e2e.conftest import command, environment
from tests.e2e.test_score_killed import CLOCK
from tests.executors.conftest import NAME, ClusterForTests
from tests.pipelines.test_execution import asked, run, tables

SETTINGS: dict[str, Any] = {"storage": "shared", "workers": 2, "threads": 1, "gpus": 0, "cores": 2, "tries": 3}
ROOT = Path(__file__).parents[2]


def executor_of(cluster: ClusterForTests, **settings: Any) -> RayExecutor:
    return RayExecutor(address=cluster.address, cluster=NAME, **{**SETTINGS, **settings})


pytestmark = pytest.mark.slow  # a cluster takes a quarter of a minute to start


@pytest.fixture(scope="module")
def executor(cluster: ClusterForTests) -> Iterator[RayExecutor]:
    with executor_of(cluster) as executor:
        yield executor


def square(n: int) -> Iterator[tuple[int, int]]:
    if n == 13:
        raise ValueError("unlucky")
    yield n * n, os.getpid()


def test_results_of_all_tasks_from_warm_actors(executor: RayExecutor) -> None:
    first = list(executor.run(square, [(n,) for n in range(6)]))
    second = list(executor.run(square, [(n,) for n in range(6)]))
    assert sorted(value for value, _ in first) == [0, 1, 4, 9, 16, 25]
    pids = {pid for _, pid in first + second}
    assert os.getpid() not in pids
    assert len(pids) <= 2
    assert list(executor.run(square, [])) == []


def test_an_error_in_a_task_is_raised_and_the_actors_go_on(executor: RayExecutor) -> None:
    with pytest.raises(ValueError, match=r"^unlucky$"):
        list(executor.run(square, [(13,), (2,)]))
    assert [value for value, _ in executor.run(square, [(3,)])] == [9]


def setting() -> Iterator[tuple[int, str | None, int]]:
    yield len(os.sched_getaffinity(0)), os.environ.get("OMP_NUM_THREADS"), worker_index()


def test_an_actor_may_use_all_cores_and_computes_on_its_threads(executor: RayExecutor) -> None:
    assert list(executor.run(setting, [()])) == [(os.cpu_count(), "1", 0)]


def counting(folder: str, last: int) -> Iterator[int]:
    for n in range(last):
        Path(folder, str(n)).touch()
        yield n
        time.sleep(0.05)


def test_a_task_ends_at_its_next_item_when_nobody_wants_more(executor: RayExecutor, tmp_path: Path) -> None:
    stream = executor.run(counting, [(str(tmp_path), 200)])
    assert next(stream) == 0, "what a task yields arrives while it runs"
    stream.close()
    seen = len(list(tmp_path.iterdir()))
    assert seen < 150, "the task went on to its end"
    assert [value for value, _ in executor.run(square, [(3,)])] == [9]
    assert len(list(tmp_path.iterdir())) == seen


def large() -> Iterator[bytes]:
    yield bytes(MOST_BYTES)


def test_results_belong_into_files(executor: RayExecutor) -> None:
    with pytest.raises(ValueError, match="tasks write what they make into files, and yield counts"):
        list(executor.run(large, [()]))


@pytest.mark.parametrize("storage", ["shared", pytest.param("driver", marks=pytest.mark.slow)])
def test_execution_gives_the_bytes_that_it_gives_here(
    executor: RayExecutor, storage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables, notes and counts; with ``driver`` the actors work in folders of their own."""
    monkeypatch.setattr(executor, "storage", storage)
    executor.release()
    pool = asked(tmp_path / "pool", 101, "def f(x): return x if x % 7 else 1 / 0")
    with LocalExecutor(1) as here:
        counts = run(here, tmp_path / "here", pool, tmp_path / "done")
    assert run(executor, tmp_path / "there", pool, tmp_path / f"done {storage}") == counts
    assert tables(tmp_path / "there") == tables(tmp_path / "here")
    assert (tmp_path / f"done {storage}").exists() == (storage == "shared")
    executor.release()


def shard(folder: str, number: int, seconds: float) -> Iterator[int]:
    """Takes so long, five times that in the actor that is first to say that it is slow, and is a file when it is done.

    A line in ``writes`` for each that is written, and a file for each actor.
    """
    place = Path(folder)
    (place / f"actor-{os.getpid()}").touch()
    if not (place / f"shard-{number}").exists():
        time.sleep(seconds * (5 if _is_slow(place) else 1))
        with (place / "writes").open("a") as file:
            file.write(f"{number}\n")
        (place / f"shard-{number}").touch()
    yield number


def _is_slow(place: Path) -> bool:
    try:
        (place / "slow").open("x").write(str(os.getpid()))
    except FileExistsError:
        return (place / "slow").read_text() == str(os.getpid())
    return True


def writes(place: Path) -> list[int]:
    return sorted(map(int, (place / "writes").read_text().split()))


def test_a_task_of_a_killed_actor_is_done_by_another(executor: RayExecutor, tmp_path: Path) -> None:
    (tmp_path / "slow").write_text("nobody")
    found, killed = [], None
    for number in executor.run(shard, [(str(tmp_path), number, 0.3) for number in range(8)]):
        found.append(number)
        if killed is None:
            (killed, *_) = actors(tmp_path)
            os.kill(killed, signal.SIGKILL)
    assert sorted(set(found)) == writes(tmp_path) == list(range(8)), "none is lost, none written twice"


def dying(folder: str, problem: Problem) -> Iterator[str]:
    if problem.id == "bad":
        with Path(folder, "tries").open("a") as file:
            file.write("x")
        os.kill(os.getpid(), signal.SIGKILL)
    yield problem.id


@pytest.mark.slow
def test_what_always_dies_is_tried_three_times_and_the_others_are_done(executor: RayExecutor, tmp_path: Path) -> None:
    tasks = [(str(tmp_path), Problem(name, "", "", None, (), "", "")) for name in ("a", "bad", "b", "c")]
    found: list[str] = []
    said = r"^workers died 3 times over each of 1 of 4 tasks, .*the others are done and kept.* Their problems: bad$"
    with pytest.raises(LostTasksError, match=said):
        found.extend(run_tasks(executor, dying, tasks))  # one by one, up to the error
    assert sorted(found) == ["a", "b", "c"]
    assert (tmp_path / "tries").read_text() == "xxx"


def drawing(folder: str) -> Iterator[str]:
    """Dies the first time."""
    if not Path(folder, "died").exists():
        Path(folder, "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    yield os.environ["CUDA_VISIBLE_DEVICES"]


@pytest.mark.slow
def test_engines_get_the_gpus_that_there_are_and_are_tried_again_there(
    executor: RayExecutor, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "gpus", 1)
    assert list(executor.sized(3).run(drawing, [(str(tmp_path),)] * 3)) == ["0"] * 3
    assert capfd.readouterr().err.splitlines() == [
        "the cluster has GPUs for 1 of 3 engines, at executor.gpus=1 for each",
        f"a worker on machine {executor._joined.nodes()[0].host} died over a task (try 1 of 3)",
    ]
    executor.release()


def weak(node: str) -> Iterator[str]:
    import ray

    if (here := ray.get_runtime_context().get_node_id()) == node:
        raise IsolationError("sandbox.require=strong, and this machine has weak")
    yield here


def test_a_machine_without_the_walls_is_left_out_and_the_job_goes_on(
    executor: RayExecutor, capfd: pytest.CaptureFixture[str]
) -> None:
    first, second = (node.id for node in executor._joined.nodes())
    found = list(executor.machines().run(weak, [(first,)] * 6))
    assert found == [second] * 6
    assert capfd.readouterr().err.count("is left out: sandbox.require=strong, and this machine has weak\n") == 1
    executor.release()


@pytest.mark.slow
def test_another_users_cluster_is_left_alone(cluster: ClusterForTests, executor: RayExecutor) -> None:
    executor.release()
    executor._joined.leave()
    other = RayExecutor(address=cluster.address, cluster="somebody_else", **SETTINGS)
    with (
        pytest.raises(OSError, match=r"is not executor\.cluster=somebody_else: none of its machines was started with"),
        other,
    ):
        pass
    assert [value for value, _ in executor.run(square, [(3,)])] == [9], "one's own can be joined afterwards"


@pytest.mark.slow
@pytest.mark.alone
def test_a_hundred_shards_by_eight_actors_of_which_one_is_killed_and_one_slow(
    executor: RayExecutor, tmp_path: Path
) -> None:
    """None is lost or written twice, and a shard of two seconds costs its actor at most three more."""
    eight = executor.sized(8)
    assert len(list(eight.run(square, [(0,)] * 16))) == 16  # their start is not what is timed
    start, killed = time.monotonic(), None
    found = []
    for number in eight.run(shard, [(str(tmp_path), number, 2.0) for number in range(100)]):
        found.append(number)
        if len(found) == 20:
            slow = (tmp_path / "slow").read_text()
            killed = next(pid for pid in actors(tmp_path) if str(pid) != slow)
            os.kill(killed, signal.SIGKILL)
    seconds = time.monotonic() - start
    assert sorted(set(found)) == writes(tmp_path) == list(range(100))
    assert len(actors(tmp_path)) == 9, "eight, and the one that came for the killed one"
    assert (8 * seconds - 100 * 2.0) / 100 <= 3.0
    print(f"{seconds:.1f} s, {(8 * seconds - 200) / 100:.2f} s of overhead per shard")
    executor.release()
    assert not any(map(psutil.pid_exists, actors(tmp_path)))


def actors(place: Path) -> list[int]:
    return [int(path.name.removeprefix("actor-")) for path in place.glob("actor-*")]


@pytest.mark.slow
@pytest.mark.alone
def test_what_a_killed_machine_was_at_is_done_by_the_others(
    cluster: ClusterForTests, executor: RayExecutor, tmp_path: Path
) -> None:
    (tmp_path / "slow").write_text("nobody")
    executor.release()
    doomed = cluster.add()
    six = executor.sized(6)
    on_it: list[int] = []
    found = []
    for number in six.run(shard, [(str(tmp_path), number, 1.0) for number in range(30)]):
        found.append(number)
        if not on_it and len(actors(tmp_path)) == 6:
            on_it = [child.pid for child in psutil.Process(raylet(doomed)).children() if child.pid in actors(tmp_path)]
            cluster.ray.remove_node(doomed, allow_graceful=False)
    assert len(on_it) == 2
    assert sorted(set(found)) == writes(tmp_path) == list(range(30))
    assert not any(map(psutil.pid_exists, on_it)), "the workers outlived their machine"
    executor.release()


def raylet(node: Any) -> int:
    (process,) = node.all_processes["raylet"]
    return int(process.process.pid)


def filling(path: str) -> Iterator[int]:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    with open(path, "wb") as file:
        file.write(bytes(10_000))
        file.flush()
    yield 1


def unwritable(path: str) -> Iterator[int]:
    with open(path, "wb"):
        yield 1


@pytest.mark.slow
def test_a_full_disk_and_one_that_cannot_be_written_are_told_with_the_machine(
    executor: RayExecutor, tmp_path: Path
) -> None:
    one = executor.sized(1)

    def make(folder: Path) -> dict[str, Any]:
        list(one.run(filling, [(str(folder / "table"),)]))
        return {}

    with pytest.raises(StorageFullError, match="no space left for the artifacts of stage 'trial'") as full:
        build(tmp_path, Stage("trial", 1), {}, {}, make)
    assert f"on machine {executor._joined.nodes()[0].host}" in str(full.value.__cause__)
    executor.release()
    with pytest.raises(OSError, match=r"on machine .*: '/proc/table'") as refused:
        list(executor.run(unwritable, [("/proc/table",)]))
    assert refused.value.errno in (errno.ENOENT, errno.EACCES, errno.EROFS)


def words_for(cluster: ClusterForTests) -> list[str]:
    return ["executor=ray", f"executor.address={cluster.address}", f"executor.cluster={NAME}", "executor.cores=1"]


def results(folder: Path) -> dict[str, Any]:
    """The figures of a job, but for the time and memory that it took."""
    found = json.loads((folder / "results.json").read_text())
    return {key: value for key, value in found.items() if key not in ("seconds", "peak_memory")}


@pytest.mark.slow
def test_a_whole_job_gives_the_same_figures_under_the_same_keys(cluster: ClusterForTests, tmp_path: Path) -> None:
    for name, words in (("local", []), ("ray", words_for(cluster))):
        job = command(tmp_path / name / "store", tmp_path / name / "run", "tracking=none", *words)
        done = subprocess.run(job, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    assert results(tmp_path / "ray" / "run") == results(tmp_path / "local" / "run"), "artifacts' keys are among them"
    tables = {path.relative_to(tmp_path / "local") for path in (tmp_path / "local").rglob("store/*/*/*.parquet")}
    assert len(tables) > 10
    for table in tables:
        assert (tmp_path / "ray" / table).read_bytes() == (tmp_path / "local" / table).read_bytes(), table


@pytest.mark.slow
@pytest.mark.alone
def test_a_killed_driver_leaves_nobody_behind_and_the_same_command_goes_on(
    cluster: ClusterForTests, tmp_path: Path
) -> None:
    """Programs tell the time, so that it shows when they ran."""
    problem = {"entry_point": "f", "inputs": [[0]], "candidates": [{"code": f"{CLOCK}# {k}"} for k in range(3)]}
    pool, store = tmp_path / "pool.jsonl", tmp_path / "store"
    pool.write_text("".join(json.dumps({"id": f"p{i}", **problem}) + "\n" for i in range(120)))
    words = [f"pool={pool}", f"artifacts={store}", f"hydra.run.dir={tmp_path}/run", *words_for(cluster)]
    job = [sys.executable, "-m", "conself.score", *words]
    driver = subprocess.Popen(job, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while sum(path.stat().st_size for path in store.glob("execute/.*.partial/*.journal")) < 4000:
        assert driver.poll() is None, "the job ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    workers = working(cluster)
    assert len(workers) >= 4, "actors, and processes of their sandboxes"
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait(timeout=60)
    killed = time.time()
    done = subprocess.run(job, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    _, outlived = psutil.wait_procs(workers, timeout=60)  # Ray ends what belongs to a lost driver, in its own time
    assert not outlived, "a worker outlived its driver"
    rows = [json.loads(line) for line in (tmp_path / "run" / "outcomes.jsonl").read_text().splitlines()]
    assert len(rows) == 120
    times = [[float(json.loads(cells[0][1])["f"]) for cells in row["rows"]] for row in rows]
    assert 2 <= sum(max(each) < killed for each in times) < 120
    assert len(list(store.glob("execute/*/traces-*.parquet"))) == 3


def working(cluster: ClusterForTests) -> list[psutil.Process]:
    """The actors of ConSelf on the cluster, and all that they have started."""
    below = [child for node in cluster.ray.list_all_nodes() for child in psutil.Process(raylet(node)).children()]
    actors = [process for process in below if "ray::Actor" in " ".join(process.cmdline())]
    return [each for process in actors for each in [process, *process.children(recursive=True)]]
