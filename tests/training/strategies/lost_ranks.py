"""Processes that are killed, or whose caller is: ``python lost_ranks.py FOLDER`` starts two that wait for ever.

Nothing heavy is imported: each of the processes would import it, too.
"""

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from conself.training.strategies.processes import processes
from conself.training.strategies.ranks import Ranks

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Task:
    """What each process is to do, once."""

    function: Callable[..., Any]
    arguments: Sequence[Any]
    ranks: Ranks

    def run(self) -> Any:
        return self.function(*self.arguments, self.ranks)


def together(function: Callable[..., Any], arguments: Sequence[Any], count: int, nodes: int = 1) -> Any:
    """``function(*arguments, ranks)`` in new processes, ``count`` per node; what the first returns."""
    with processes(Task, (function, tuple(arguments)), nodes, count, CPU) as call:
        return call("run")


def lose_one(ranks: Ranks) -> None:
    if ranks.index == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    dist.barrier()


def wait_for_ever(pids: Path, ranks: Ranks) -> None:
    (pids / str(ranks.index)).write_text(str(os.getpid()))
    time.sleep(600)


if __name__ == "__main__":
    together(wait_for_ever, (Path(sys.argv[1]),), 2)
