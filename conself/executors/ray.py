"""Run tasks in actors on the machines of a Ray cluster: ``executor: ray``."""

import importlib.util
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Self, TypeVar, TypeVarTuple

from conself.executors.cluster import Cluster, Node, check_address, lanes, spread
from conself.executors.crew import Crew, Kind

Item = TypeVar("Item")
Task = TypeVarTuple("Task")
STORAGES = ("shared", "driver")


@dataclass(frozen=True)
class Machines:
    """Sandbox actors, as many as fit on each machine; each runs programs on ``threads`` cores.

    Their work overlaps with that of engines (``overlaps``) if all machines see the files that they keep.
    """

    crew: Crew
    threads: int
    overlaps: bool

    @property
    def workers(self) -> int:
        """Return the number of actors that the current machines of the cluster have room for."""
        return len(self.crew.kind.places(self.crew.cluster.nodes()))

    def run(self, function: Callable[[*Task], Iterable[Item]], tasks: Iterable[tuple[*Task]]) -> Iterator[Item]:
        """Run tasks as :meth:`RayExecutor.run`; exclude and report machines without the isolation that a task needs."""
        return self.crew.run(function, tasks)


@dataclass(eq=False)
class RayExecutor:
    """Tasks on the machines of the cluster at ``address`` that carry ``cluster`` as a resource.

    ``workers`` actors of ``threads`` threads do light work; ``sized`` ones hold an engine each, on ``gpus`` GPUs of
    their own; sandbox actors have ``cores`` cores each. A task whose actors died ``tries`` times is lost
    (:class:`conself.executors.executor.LostTasksError`). With ``storage: shared`` all machines see the job's folders at
    the same paths, and only counts are sent; with ``driver`` files are sent, and the driver alone writes.

    Raises:
        ValueError: Ray is not installed, or the address, the cluster's name, ``storage`` or a number is invalid.
    """

    address: str
    cluster: str
    storage: str
    workers: int
    threads: int
    gpus: int
    cores: int
    tries: int
    _joined: Cluster = field(init=False, repr=False)
    _crews: dict[tuple[object, ...], Crew] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if importlib.util.find_spec("ray") is None:
            raise ValueError("executor=ray needs Ray, which is not installed: pip install 'conself[ray]'")
        check_address(self.address, self.cluster)
        if self.storage not in STORAGES:
            raise ValueError(f"executor.storage must be one of {', '.join(STORAGES)}, got {self.storage!r}")
        for name in ("workers", "threads", "cores", "tries"):
            if (number := getattr(self, name)) < 1:
                raise ValueError(f"executor.{name} must be at least 1, got {number}")
        if self.gpus < 0:
            raise ValueError(f"executor.gpus must be at least 0, got {self.gpus}")
        self._joined = Cluster(self.address, self.cluster)

    def __enter__(self) -> Self:
        self._joined.join()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.release()
        self._joined.leave()

    def sized(self, workers: int, threads: int = 1) -> "Sized":
        """Return an executor of ``workers`` actors with one engine each, beside the actors for light work."""
        return Sized(self, workers, threads)

    def machines(self) -> Machines:
        """Return a runner with sandbox actors on all machines."""
        crew = self._crew(self.cores, 0, "machines", partial(lanes, cores=self.cores))
        return Machines(crew, self.cores, overlaps=self.storage == "shared")

    def run(self, function: Callable[[*Task], Iterable[Item]], tasks: Iterable[tuple[*Task]]) -> Iterator[Item]:
        """Yield the items of ``function(*task)`` as they arrive. Function, arguments and items must be picklable.

        Raises:
            LostTasksError: the actors of a task died ``tries`` times; raised once all other tasks are done.
            ChildProcessError: no machine is left.
            OSError: a task raised it; the machine's name is added.
        """
        return self.crew(self.workers, self.threads, 0).run(function, tasks)

    def run_until(
        self, function: Callable[[*Task], Iterable[Item]], tasks: Iterable[tuple[*Task]], is_over: Callable[[], bool]
    ) -> Iterator[Item]:
        """Run tasks as :meth:`run` until ``is_over()``; then the actors that still run one are killed."""
        return self.crew(self.workers, self.threads, 0).run(function, tasks, is_over)

    def warm(self, modules: Sequence[str]) -> None:
        """Start the actors for light work and have each import ``modules``; without modules, start nothing."""
        if modules:
            self.crew(self.workers, self.threads, 0).warm(modules)

    def release(self) -> None:
        """End all actors; the next ``run`` starts new ones."""
        for crew in self._crews.values():
            crew.release()
        self._crews.clear()

    def release_others(self) -> None:
        """End the engine actors."""
        for key in [key for key in self._crews if key[2] == "engines"]:
            self._crews.pop(key).release()

    def crew(self, workers: int, threads: int, gpus: int, label: str = "light") -> Crew:
        """Return the crew with these numbers; every call with the same arguments returns the same crew."""
        return self._crew(threads, gpus, label, partial(spread, workers=workers, gpus=gpus), workers)

    def _crew(
        self, threads: int, gpus: int, label: str, places: Callable[[Sequence[Node]], list[Node]], *more: int
    ) -> Crew:
        self._joined.join()
        key = (threads, gpus, label, *more)
        if key not in self._crews:
            engines = more[0] if label == "engines" else 0
            kind = Kind(label, threads, gpus, engines, self.storage == "driver", self.tries, places)
            self._crews[key] = Crew(self._joined, kind)
        return self._crews[key]


@dataclass(frozen=True)
class Sized:
    """Engine actors of an executor; they end with it."""

    whole: RayExecutor
    workers: int
    threads: int

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.release()

    def sized(self, workers: int, threads: int = 1) -> "Sized":
        """Return other engine actors of the same executor."""
        return self.whole.sized(workers, threads)

    def machines(self) -> Machines:
        """Return the sandbox actors of the executor."""
        return self.whole.machines()

    def run(self, function: Callable[[*Task], Iterable[Item]], tasks: Iterable[tuple[*Task]]) -> Iterator[Item]:
        """Run tasks on the engine actors, as :meth:`RayExecutor.run`."""
        return self._crew().run(function, tasks)

    def run_until(
        self, function: Callable[[*Task], Iterable[Item]], tasks: Iterable[tuple[*Task]], is_over: Callable[[], bool]
    ) -> Iterator[Item]:
        """Run tasks on the engine actors, as :meth:`RayExecutor.run_until`."""
        return self._crew().run(function, tasks, is_over)

    def warm(self, modules: Sequence[str]) -> None:
        """Start the engine actors, as :meth:`RayExecutor.warm`."""
        if modules:
            self._crew().warm(modules)

    def release(self) -> None:
        """End the engine actors."""
        self.whole.release_others()

    def release_others(self) -> None:
        """End the engine actors."""
        self.whole.release_others()

    def _crew(self) -> Crew:
        return self.whole.crew(self.workers, self.threads, self.whole.gpus, "engines")
