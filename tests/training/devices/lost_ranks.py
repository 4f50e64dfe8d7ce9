"""Processes that are killed, or whose caller is: ``python lost_ranks.py FOLDER`` starts two that wait for ever.

Nothing heavy is imported: each of the processes would import it, too.
"""

import os
import signal
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist

from conself.training.devices.processes import Remote, together
from conself.training.devices.ranks import Ranks

CPU = torch.device("cpu")


def lose_one(ranks: Ranks, _remote: Remote | None) -> None:
    if ranks.index == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    dist.barrier()


def wait_for_ever(pids: Path, ranks: Ranks, _remote: Remote | None) -> None:
    (pids / str(ranks.index)).write_text(str(os.getpid()))
    time.sleep(600)


if __name__ == "__main__":
    together(wait_for_ever, (Path(sys.argv[1]),), 2, CPU, None)
