"""``python -m tests.e2e.dying STAGE FILE MODULE ARGS…`` runs a module, and dies at the last moment before a rename.

The process sends itself SIGKILL when a file called FILE of an artifact of STAGE, or the artifact's folder where FILE is
``folder``, is about to get its final name. Stages that last milliseconds are hit for certain.
"""

import os
import runpy
import signal
import sys
from collections.abc import Callable
from pathlib import Path


def dying(original: Callable[[Path, Path], Path], stage: str, name: str) -> Callable[[Path, Path], Path]:
    def rename(self: Path, target: Path) -> Path:
        place = self.parent if name == "folder" else self.parent.parent
        if place.name == stage and (name == "folder" or target.name == name):
            os.kill(os.getpid(), signal.SIGKILL)
        return original(self, target)

    return rename


if __name__ == "__main__":  # spawned workers import this file again
    _, stage, name, module, *rest = sys.argv
    if name == "folder":
        Path.rename = dying(Path.rename, stage, name)
    else:
        Path.replace = dying(Path.replace, stage, name)
    sys.argv = [module, *rest]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
