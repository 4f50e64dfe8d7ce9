"""Keep actors of one kind on the machines of a cluster, and replace those that die or whose machine fails."""

from __future__ import annotations

import contextlib
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import psutil

from conself.executors.actor import About, Actor
from conself.executors.assignment import Seat
from conself.executors.cluster import Cluster, Node
from conself.executors.dispatch import Dispatch
from conself.runtime.console import new_console, say

if TYPE_CHECKING:
    import ray

_LOOK_SECONDS = 5.0  # between two checks of the cluster's machines
_END_SECONDS = 30.0  # for an actor's process to end


@dataclass(frozen=True)
class Kind:
    """Actors with ``threads`` threads and ``gpus`` GPUs each, on the machines that ``places`` returns, one per actor.

    ``label`` is what they are called: engines, machines (sandboxes) or light. ``engines`` is the number of engine
    actors requested, 0 for other work. ``ships`` says whether files are sent with tasks. A task that has died ``tries``
    times is lost.
    """

    label: str
    threads: int
    gpus: int
    engines: int
    ships: bool
    tries: int
    places: Callable[[Sequence[Node]], list[Node]]


@dataclass(eq=False)
class Member:
    """An actor in its seat.

    ``asked`` holds the unanswered requests in order, each with the turn of its task; ``turn`` is the current task's.
    ``about`` is None while the actor starts; ``adapters`` are those that were shipped to it.
    """

    seat: Seat
    node: Node
    actor: Any
    asked: deque[tuple[ray.ObjectRef[Any], int]]
    about: About | None = None
    turn: int = 0
    adapters: set[str] = field(default_factory=set)


class Crew:
    """The actors of one kind; they are kept from run to run, and replaced when they die."""

    def __init__(self, cluster: Cluster, kind: Kind) -> None:
        self.cluster, self.kind = cluster, kind
        self.members: list[Member] = []
        self.refused: dict[str, str] = {}
        self._failed_starts: Counter[str] = Counter()
        self._names = count()
        self._told: set[str] = set()
        self._looked = 0.0
        self.nodes: list[Node] = []

    def run(
        self,
        function: Callable[..., Iterable[Any]],
        tasks: Iterable[tuple[Any, ...]],
        is_over: Callable[[], bool] = lambda: False,
    ) -> Iterator[Any]:
        """Run tasks as :meth:`conself.executors.executor.Endable.run_until`; by default to their end.

        Raises:
            LostTasksError: some tasks are lost; all others are done.
            Exception: a task raised it.
        """
        self.refused.clear()
        dispatch = Dispatch(self, function, list(tasks))
        try:
            yield from dispatch.items(is_over)
        finally:
            dispatch.close()
        dispatch.tell_lost()

    def fill(self, now: bool = False) -> None:
        """Start actors on machines that have room: if ``now``, or if the last check is at least 5 s ago."""
        if not now and time.monotonic() - self._looked < _LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        self.nodes = [node for node in self.cluster.nodes() if node.id not in self.refused]
        wanted = self.kind.places(self.nodes)
        self._compare(len(wanted))
        spare = Counter(member.node.id for member in self.members)
        for node in wanted:
            if spare[node.id] > 0:
                spare[node.id] -= 1
            elif len(self.members) < len(wanted):
                self.members.append(self._start(node))

    def _compare(self, there: int) -> None:
        """Report that engines get fewer GPUs than requested, or that GPUs are unused."""
        kind, gpus = self.kind, sum(node.gpus for node in self.nodes)
        if kind.engines and kind.gpus and there < kind.engines:
            self.tell(
                f"the cluster has GPUs for {there} of {kind.engines} engines, at executor.gpus={kind.gpus} for each"
            )
        if kind.engines and not kind.gpus and gpus:
            self.tell(f"the cluster has {gpus} GPUs, and executor.gpus=0 leaves them alone: engines draw on CPUs")

    def _start(self, node: Node) -> Member:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        on = NodeAffinitySchedulingStrategy(node.id, soft=False)
        remote_class = ray.remote(Actor).options(num_cpus=0, num_gpus=self.kind.gpus, scheduling_strategy=on)
        actor = remote_class.remote(self.kind.threads, [place for place in sys.path if place])
        return Member(Seat(f"actor {next(self._names)}", node.id), node, actor, deque([(actor.about.remote(), 0)]))

    def refuse(self, node: Node, why: str) -> list[Member]:
        """Exclude the machine from this run, report it, and return the dismissed actors."""
        self.refused[node.id] = why
        self.tell(f"machine {node.host} is left out: {why}")
        dismissed = [member for member in self.members if member.node.id == node.id]
        for member in dismissed:
            self.dismiss(member)
        return dismissed

    def has_failed(self, member: Member, why: str) -> list[Member]:
        """Dismiss an actor that did not start, after ``tries`` its machine; return the other dismissed actors."""
        self.dismiss(member)
        self._failed_starts[member.node.id] += 1
        if self._failed_starts[member.node.id] < self.kind.tries:
            return []
        return self.refuse(member.node, f"no actor of ConSelf starts there ({why})")

    def dismiss(self, member: Member) -> None:
        """Kill an actor, even in the middle of a task."""
        import ray

        with contextlib.suppress(ValueError):
            self.members.remove(member)
        ray.kill(member.actor)

    def tell(self, text: str) -> None:
        """Print a message, but never twice."""
        if text not in self._told:
            self._told.add(text)
            say(new_console(stderr=True), text)

    def warm(self, modules: Sequence[str]) -> None:
        """Start the actors and have each import ``modules``."""
        self.fill(now=True)
        for member in self.members:
            member.actor.load.remote(list(modules))

    def release(self) -> None:
        """End the actors, and wait until those on this machine have ended and freed their memory."""
        import ray

        members, self.members = self.members, []
        ends = [member.actor.leave.remote() for member in members if member.about is not None]
        with contextlib.suppress(Exception):  # some may be dead
            if ends:
                ray.wait(ends, num_returns=len(ends), timeout=_LOOK_SECONDS)
        here = About.this().host
        pids = [member.about.pid for member in members if member.about is not None and member.about.host == here]
        for member in members:
            ray.kill(member.actor)
        until = time.monotonic() + _END_SECONDS
        while any(map(psutil.pid_exists, pids)) and time.monotonic() < until:
            time.sleep(0.02)
