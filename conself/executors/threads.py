"""Set the number of threads on which a worker process computes."""

import os
import sys

_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
"""Variables that torch and numpy read when first imported, so that both compute on the worker's threads."""


def use_threads(threads: int) -> None:
    """Make this process compute on ``threads`` threads, whether torch is imported already or later."""
    os.environ.update(dict.fromkeys(_VARIABLES, str(threads)))
    if torch := sys.modules.get("torch"):  # it has read the environment already
        torch.set_num_threads(threads)
