"""Engines that fail as workers may; a module without torch at its top, for every worker imports it."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from conself.engines.decoding import Decoding
from conself.engines.transformers.engine import Runtime, TransformersEngine
from conself.records import ModelRef

if TYPE_CHECKING:
    from conself.engines.transformers.ledger import Completion, Request

RUNTIME = Runtime(batch_size=64, device="cpu", processes=1, shards_per_task=1, threads=1)


def is_canary(requests: Sequence[Request]) -> bool:
    return len(requests[0].seeds) == 1


@dataclass(frozen=True)
class Bare(TransformersEngine):
    """Wears no adapter."""

    def tokens(self, requests: Sequence[Request], how: Decoding, model: ModelRef) -> list[list[Completion]]:
        return super().tokens(requests, how, replace(model, adapter=None))


@dataclass(frozen=True)
class Dying(TransformersEngine):
    """Kills its process over the first rollouts of step 1, once."""

    died: str

    def tokens(self, requests: Sequence[Request], how: Decoding, model: ModelRef) -> list[list[Completion]]:
        if "step-000001" in str(model.adapter) and not is_canary(requests):
            with suppress(FileExistsError), Path(self.died).open("x"):  # one process alone
                os.kill(os.getpid(), signal.SIGKILL)
        return super().tokens(requests, how, model)


def time_of(folder: Path) -> float:
    """A minute passes whenever an engine stalls, and no time otherwise; that it was asked for is noted."""
    with (folder / "asked").open("a") as file:
        file.write("x")
    return 1.0 + 60 * len(list(folder.glob("stall-*")))


@dataclass(frozen=True)
class Stalling(TransformersEngine):
    """Stalls for five minutes where a prompt begins with one of ``words``, once somebody looks at the clock."""

    folder: str
    words: frozenset[int]

    def tokens(self, requests: Sequence[Request], how: Decoding, model: ModelRef) -> list[list[Completion]]:
        if not is_canary(requests) and any(request.prompt_ids[0] in self.words for request in requests):
            asked = Path(self.folder, "asked")
            before = asked.stat().st_size if asked.exists() else 0
            while not asked.exists() or asked.stat().st_size < before + 2:  # first when the clock is set
                time.sleep(0.01)
            Path(self.folder, f"stall-{time.monotonic_ns()}").touch()
            time.sleep(300)
        return super().tokens(requests, how, model)
