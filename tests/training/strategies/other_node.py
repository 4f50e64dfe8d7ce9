"""Nodes of a job as processes of this machine: ``python -m ... FOLDER NODE`` is one; 0 trains for ever on both.

Nothing heavy is imported: each of the processes would import it, too.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conself.training.strategies.meeting import Meeting, meet
from conself.training.strategies.serving import serve
from conself.training.strategies.srun import Srun
from tests.training.strategies.lost_ranks import together, wait_for_ever

ROOT = Path(__file__).parents[3]
HOSTS = ("127.0.0.1", "beta")


def srun(node: int, name: str = "7.0.0") -> Srun:
    return Srun(name, node, 2, HOSTS[node], 0)


def start(folder: Path, node: int) -> "subprocess.Popen[str]":
    words = [sys.executable, "-m", __name__, str(folder), str(node)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    output = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.Popen(words, cwd=ROOT, env=environment, text=True, **output)  # type: ignore[call-overload,no-any-return]


@contextmanager
def met(folder: Path) -> Iterator[tuple[Meeting, "subprocess.Popen[str]"]]:
    """This process as the driver, and another one as the other node."""
    meeting, other = Meeting(srun(0), folder, 300), start(folder, 1)
    try:
        meeting.gather()
        yield meeting, other
    finally:
        meeting.close()
        other.wait(300)


if __name__ == "__main__":
    place, number = Path(sys.argv[1]), int(sys.argv[2])
    if number == 0:
        meet(srun(0), place, 300)
        together(wait_for_ever, (place,), 1, nodes=2)
    else:
        serve(srun(number), place, 300, print)
