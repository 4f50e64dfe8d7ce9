"""On how many threads a worker process computes."""

import os
import sys

_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""What torch and numpy read when they are first imported: a worker computes on its threads, whatever it imports."""


def use_threads(threads: int) -> None:
    """Let this process compute on so many threads, whether it has imported torch already or will."""
    os.environ.update(dict.fromkeys(_VARIABLES, str(threads)))
    if torch := sys.modules.get("torch"):  # it has read the environment already
        torch.set_num_threads(threads)
