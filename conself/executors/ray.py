"""Actors on the machines of a Ray cluster: ``executor: ray``."""

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
    """Sandbox actors: each runs programs on ``threads`` cores of its machine, which has as many as fit.

    Work of theirs goes on beside that of engines (``overlaps``) where what they keep is seen by all.
    """

    crew: Crew
    threads: int
    overlaps: bool

    @property
    def workers(self) -> int:
        """How many there are, by the machines that are there now."""
        return len(self.crew.kind.places(self.crew.cluster.nodes()))

    def run(self, function: Callable[[*Task], Iterable[Item]], tasks: Iterable[tuple[*Task]]) -> Iterator[Item]:
        """As :meth:`RayExecutor.run`; a machine whose walls are too low for a task is left out, and said."""
        return self.crew.run(function, tasks)


@dataclass(eq=False)
class RayExecutor:
    """Tasks on the machines of the cluster at ``address`` that carry ``cluster`` as a resource.

    ``workers`` actors of ``threads`` do light work; ``sized`` ones hold an engine each, on ``gpus`` GPUs of their own;
    sandbox actors have ``cores`` each. A task whose actors died ``tries`` times is lost
    (:class:`conself.executors.executor.LostTasksError`). With ``storage: shared`` all machines see the job's folders at
    the same places, and only counts travel; with ``driver`` files travel, and the driver alone writes.

    Raises:
        ValueError: Ray is not installed, or an address or a number cannot be.
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
        """Engine actors: so many, one engine each, beside those for light work."""
        return Sized(self, workers, threads)

    def machines(self) -> Machines:
        """Sandbox actors, on all machines."""
        crew = self._crew(self.cores, 0, "machines", partial(lanes, cores=self.cores))
        return Machines(crew, self.cores, overlaps=self.storage == "shared")

    def run(self, function: Callable[[*Task], Iterable[Item]], tasks: Iterable[tuple[*Task]]) -> Iterator[Item]:
        """Whatever ``function(*task)`` yields, as it does. Function, arguments and items must be picklable.

        Raises:
            LostTasksError: as the class says; when all other tasks are done.
            ChildProcessError: no machine is left.
            OSError: as the task raises it, with the machine's name.
        """
        return self.crew(self.workers, self.threads, 0).run(function, tasks)

    def warm(self, modules: Sequence[str]) -> None:
        """Start the actors for light work and let each import ``modules``; none: nothing."""
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
        """The actors of these numbers, once for all that ask."""
        return self._crew(threads, gpus, label, partial(spread, workers=workers, gpus=gpus), workers)

    def _crew(
        self, threads: int, gpus: int, label: str, places: Callable[[Sequence[Node]], list[Node]], *more: int
    ) -> Crew:
        self._joined.join()
        key = (threads, gpus, label, *more)
        if key not in self._crews:
            engines = more[0] if label == "engines" else 0
            kind = Kind(threads, gpus, engines, self.storage == "driver", self.tries, places)
            self._crews[key] = Crew(self._joined, kind)
        return self._crews[key]


@dataclass(frozen=True)
class Sized:
    """Engine actors of an executor, which they live and end with."""

    whole: RayExecutor
    workers: int
    threads: int

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.release()

    def sized(self, workers: int, threads: int = 1) -> "Sized":
        """Others of the same executor."""
        return self.whole.sized(workers, threads)

    def machines(self) -> Machines:
        """Those of the executor."""
        return self.whole.machines()

    def run(self, function: Callable[[*Task], Iterable[Item]], tasks: Iterable[tuple[*Task]]) -> Iterator[Item]:
        """As :meth:`RayExecutor.run`."""
        return self._crew().run(function, tasks)

    def warm(self, modules: Sequence[str]) -> None:
        """As :meth:`RayExecutor.warm`."""
        if modules:
            self._crew().warm(modules)

    def release(self) -> None:
        """End the engine actors."""
        self.whole.release_others()

    def release_others(self) -> None:
        """The same."""
        self.whole.release_others()

    def _crew(self) -> Crew:
        return self.whole.crew(self.workers, self.threads, self.whole.gpus, "engines")
