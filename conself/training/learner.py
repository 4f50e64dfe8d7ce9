"""The learner: a model that takes one optimiser step for each batch of examples, on one device or several.

A training loop supplies the examples: :func:`conself.training.fit.fit` iterates over preference pairs in epochs, and
an online loop samples new responses for every step (docs/learner.md has one).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from conself.engines.decoding import Decoding
from conself.engines.transformers.ledger import Completion, Request
from conself.losses.output import Loss
from conself.models.transformers import device_of
from conself.records import ModelRef
from conself.training.data import Example
from conself.training.device_learner import open_here
from conself.training.memory import is_large
from conself.training.schedules import Schedule
from conself.training.settings import Training
from conself.training.strategies.distributed import check_devices
from conself.training.strategies.processes import processes


class Learner(Protocol):
    """The interface that training loops use, on whatever devices the model is."""

    def step(self, examples: Sequence[Example]) -> dict[str, float]:
        """Take one optimiser step on the exact mean loss of all ``examples``, whatever fits in memory at once.

        The returned row has ``loss``, ``learning_rate``, ``grad_norm`` (before clipping) and the loss's diagnostics,
        each averaged over the loss's ``mean_over``.

        Raises:
            FloatingPointError: loss or gradient is not finite; names the batch's problems.
            ValueError: there are no examples, or one is too long for the model or the token budget.
        """
        ...

    def draw(
        self, model: ModelRef, requests: Sequence[Request], how: Decoding, batch_size: int
    ) -> list[list[Completion]]:
        """Draw completions from the current weights: one for each seed of each request, in order.

        ``model`` is the one that the learner was opened with. Requests and completions are token ids, the latter with
        the log-probs of their draws; at most ``batch_size`` rows are decoded together. Drawing does not affect
        training.

        Raises:
            ValueError: the learner is on several devices, or sampling does not support the model's attention.
        """
        ...

    def save(self, folder: Path) -> None:
        """Write the trained weights, depending on ``training.tuning``: a PEFT adapter, or all weights.

        Raises:
            OSError: the folder cannot be written.
        """
        ...

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return names and shapes of the trained parameters."""
        ...

    def save_state(self, path: Path, facts: Mapping[str, str]) -> None:
        """Write weights, moments and the schedule's step to a file, atomically, with ``facts`` in its header.

        Raises:
            OSError: the file cannot be written.
        """
        ...

    def load_state(self, path: Path) -> None:
        """Restore the state written by :meth:`save_state`, on any number of devices."""
        ...


@contextmanager
def open_learner(
    model: ModelRef,
    settings: Training,
    loss: Loss,
    seed: int,
    schedule: Schedule,
    examples: Sequence[Example],
    references: Path | None,
) -> Iterator[Learner]:
    """Open a learner of ``model`` on the devices of ``settings.runtime``; its processes end with the block.

    ``examples`` are the training examples, or similar ones if those are not known yet: they are tried out. With a
    folder ``references`` they must be all training examples: the reference's log-probs are read from the tables in it,
    or computed once before the first step and stored there. Without (None) each step computes those of its responses.

    On a CPU the same calls give the same bits. A large model gets its own process, whose memory is freed at the end.

    Raises:
        ValueError: the model cannot be trained like this; with the remedy.
        ChildProcessError: a training process was killed, or a node is gone; any call of the learner raises it as well.
    """
    runtime = settings.runtime
    check_devices(runtime.device, runtime.devices, runtime.nodes, runtime.strategy, model)
    arguments = (model, settings, loss, seed, schedule, examples, references)
    if runtime.processes > 1 or is_large(model, settings):
        with processes(open_here, arguments, runtime.nodes, runtime.devices, device_of(runtime.device)) as call:
            yield _Elsewhere(call)
        return
    threads = torch.get_num_threads()
    try:
        yield open_here(*arguments)
    finally:
        torch.set_num_threads(threads)


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    """A learner in other processes: each call is made in all of them, and the first one's result is returned."""

    call: Callable[..., Any]

    def step(self, examples: Sequence[Example]) -> dict[str, float]:
        """As in :class:`Learner`."""
        row: dict[str, float] = self.call("step", examples)
        return row

    def draw(
        self, model: ModelRef, requests: Sequence[Request], how: Decoding, batch_size: int
    ) -> list[list[Completion]]:
        """As in :class:`Learner`."""
        completions: list[list[Completion]] = self.call("draw", model, requests, how, batch_size)
        return completions

    def save(self, folder: Path) -> None:
        """As in :class:`Learner`."""
        self.call("save", folder)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """As in :class:`Learner`."""
        shapes: dict[str, tuple[int, ...]] = self.call("shapes")
        return shapes

    def save_state(self, path: Path, facts: Mapping[str, str]) -> None:
        """As in :class:`Learner`."""
        self.call("save_state", path, facts)

    def load_state(self, path: Path) -> None:
        """As in :class:`Learner`."""
        self.call("load_state", path)
