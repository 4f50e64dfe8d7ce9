"""Rollouts by an executor's workers: each holds an engine, loads the step's weights by path, and takes its share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic as now
from typing import TYPE_CHECKING, Any

from conself.engines.decoding import Decoding
from conself.engines.engine import Engine
from conself.executors.executor import Endable, Executor
from conself.online.canary import Canary, Listener
from conself.online.completions import read_completions, write_completions
from conself.online.worn import Worn
from conself.records import ModelRef

if TYPE_CHECKING:
    from conself.engines.transformers.ledger import Completion, Request

_listener = Listener()
"""In a worker: what its engine was last checked by."""


def draw_part(
    engine: Engine, model: ModelRef, canary: Canary, requests: Sequence[Request], how: Decoding, number: int, path: Path
) -> Iterator[tuple[int, bool]]:
    """Sample the completions of some requests -> ``path``; of a part that an earlier try has written, none.

    Yields the part's ``number`` twice: with False once the engine has the weights of ``model`` and begins, with True
    once the file is there.

    Every worker checks its own engine by the canary, once per step, since each could keep old weights alone.

    Raises:
        ValueError: the engine samples with other weights than those being trained.
    """
    _listener(engine, model, canary)
    yield number, False
    if not path.exists():  # else its worker died after it was written
        write_completions(path, engine.tokens(requests, how, model))
    yield number, True


@dataclass
class _Clock:
    """Tells whether ``seconds`` have passed since the first worker has begun; None: never."""

    seconds: float | None
    started: float | None = None

    def start(self) -> None:
        """Start the clock unless it runs."""
        self.started = self.started or now()

    def is_over(self) -> bool:
        """Return whether the time is over."""
        if self.seconds is None or self.started is None:
            return False
        return now() > self.started + self.seconds


@dataclass
class FromWorkers:
    """Sample from the engines of an executor's workers; a step waits for all of them, or as long as it is allowed to.

    Requests are shared out in parts of about ``batch_size`` completions, of at most an equal share of requests for each
    of the ``workers``; a free worker takes the next part. A request's tokens depend on its own seeds, so they are the
    same whoever takes it. Weights and completions pass through files, which all workers must see.

    Raises:
        ValueError: an engine samples with other weights than those being trained.
        ChildProcessError: a worker was killed, and the executor does not replace it.
    """

    engine: Engine
    worn: Worn
    executor: Executor
    workers: int
    batch_size: int

    def __call__(
        self, requests: Sequence[Request], how: Decoding, step: int, seconds: float | None
    ) -> list[list[Completion] | None]:
        """Return completions by the workers with the weights of ``step``; None for the requests of parts that are late.

        The ``seconds`` count from when the first engine has the weights: it may take minutes to load a model. Workers
        that are late are killed, and others begin in their place with the next call.
        """
        model, canary = self.worn.at(step)
        found: list[list[Completion] | None] = [None] * len(requests)
        with TemporaryDirectory(prefix="draw-", dir=self.worn.place(step), ignore_cleanup_errors=True) as folder:
            parts = self._parts(requests)
            paths = [Path(folder, f"part-{number:04d}.npz") for number in range(len(parts))]
            tasks = [
                (self.engine, model, canary, requests[part], how, number, path)
                for number, (part, path) in enumerate(zip(parts, paths, strict=True))
            ]
            for number in self._drawn(tasks, _Clock(seconds)):
                found[parts[number]] = read_completions(paths[number], requests[parts[number]])
        self.worn.remove_others(step)
        return found

    def _parts(self, requests: Sequence[Request]) -> list[slice]:
        """Return the parts into which requests are cut, as slices of them."""
        most = self.batch_size // max((len(request.seeds) for request in requests), default=1)
        size = max(1, min(most, -(-len(requests) // self.workers)))
        return [slice(start, start + size) for start in range(0, len(requests), size)]

    def _drawn(self, tasks: Sequence[tuple[Any, ...]], clock: _Clock) -> Iterator[int]:
        """Have the workers do the tasks, and yield the number of each part whose file is there in time."""
        executor = self.executor.sized(self.workers, self.engine.runtime.threads or 1)
        if clock.seconds is None:
            items = executor.run(draw_part, tasks)
        elif isinstance(executor, Endable):
            items = executor.run_until(draw_part, tasks, clock.is_over)
        else:  # as the checks of the pipeline say before any work
            raise ValueError(f"{type(executor).__name__} cannot end a task; set rollouts.step_timeout=null")
        for number, is_there in items:
            clock.start()
            if is_there:
                yield number
