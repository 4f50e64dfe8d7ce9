"""Contenders side by side: each in a process of its own, all of them alive, one of them working at a time."""

import ctypes
import gc
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from experiments.training_speed import models
from experiments.training_speed.steps import Step

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # mallopt's names for them


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of one step: processor time of the whole process, and by the clock."""

    cpu: float
    wall: float


@dataclass(frozen=True, slots=True)
class First:
    """A contender's first step: its loss, its gradients [all of the adapter], bytes above what was there before."""

    loss: float
    gradients: Tensor
    extra_bytes: int
    spent: Spent


class Contender:
    """A process that prepares a step and does it on demand. ``prepare`` runs over there."""

    def __init__(self, prepare: Callable[[], Step], device: str) -> None:
        # A forked child has the imports already; CUDA cannot be forked.
        context: Any = multiprocessing.get_context("fork" if device == "cpu" else "spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, prepare, device), daemon=True)
        self._process.start()
        theirs.close()

    def ready(self) -> None:
        """Return when it is prepared."""
        self._ask("ready")

    def first(self) -> First:
        """The first step."""
        loss, gradients, extra, spent = self._ask("first")
        return First(loss, torch.from_numpy(gradients), extra, Spent(*spent))

    def step(self) -> Spent:
        """One more step, timed."""
        return Spent(*self._ask("step"))

    def close(self) -> None:
        """End the process, whatever it does."""
        self._process.terminate()
        self._process.join()

    def _ask(self, what: str) -> Any:
        try:
            self._ours.send(what)
            return self._ours.recv()
        except (EOFError, BrokenPipeError) as error:
            raise RuntimeError("a contender's process ended; what it wrote last says why") from error


def _serve(pipe: Connection, prepare: Callable[[], Step], device: str) -> None:
    torch.set_num_threads(1)
    step = prepare()
    while True:
        try:
            asked = pipe.recv()
        except EOFError:
            return
        match asked:
            case "ready":
                pipe.send(None)
            case "first":
                pipe.send(_first(step, device))
            case _:
                pipe.send(_timed(step.run, device)[1])


def _first(step: Step, device: str) -> tuple[float, Any, int, tuple[float, float]]:
    measure = _resident_peak if device == "cpu" else _cuda_peak
    (loss, spent), extra = measure(lambda: _timed(step.run, device))
    return loss, models.gradients(step.model).numpy(), extra, spent


def _timed(run: Callable[[], float], device: str) -> tuple[float, tuple[float, float]]:
    cpu, wall = time.process_time(), time.perf_counter()
    loss = run()
    if device != "cpu":
        torch.cuda.synchronize()
    return loss, (time.process_time() - cpu, time.perf_counter() - wall)


def _resident_peak(run: Callable[[], Any]) -> tuple[Any, int]:
    """The most memory that was resident while ``run`` ran, above what was before.

    For that time malloc gives every block of 64 KiB or more back as soon as it is freed, so that neither what it
    kept from before hides growth, nor what it keeps on the way adds to it.
    """
    libc = ctypes.CDLL(None)
    libc.mallopt(_MMAP_THRESHOLD, 64 << 10)
    gc.collect()
    libc.malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # forget the peak so far
    before = _status("VmRSS")
    found = run()
    extra = _status("VmHWM") - before
    libc.mallopt(_MMAP_THRESHOLD, 32 << 20)  # where malloc's own adjustment ends up when large blocks come and go
    libc.mallopt(_TRIM_THRESHOLD, 64 << 20)
    return found, extra


def _status(key: str) -> int:
    lines = Path(f"/proc/{os.getpid()}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(key))


def _cuda_peak(run: Callable[[], Any]) -> tuple[Any, int]:
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    found = run()
    torch.cuda.synchronize()
    return found, torch.cuda.max_memory_allocated() - before
