"""Commands in forks of a process that has imported torch: as ``python -m MODULE WORDS``, but for the time that takes.

A fork has an environment, output and exit status of its own, and spawns its workers as any process does. What is
imported beforehand must start no thread and read no setting: the one does not live on in a fork, the other stays. Jobs
on a GPU are started as a user starts them: who has so much as counted the devices cannot hand CUDA on to a fork.
"""

import json
import os
import runpy
import select
import subprocess
import sys
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parent.parent.parent
LIBRARIES = ("torch", "transformers", "peft", "lightning.pytorch", "scipy.stats", "sklearn.metrics", "hydra")
ROOMS = ("app.job", "models.transformers", "pipelines.preference.pipeline", "training.fit")


class Preloaded:
    """The process that forks: commands run side by side, and are waited for one at a time."""

    def __init__(self) -> None:
        words = [sys.executable, "-m", __name__]
        self._process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, words: list[str], environment: dict[str, str], output: Path) -> int:
        """Start a command in the project's folder, both its streams into a file; its process id."""
        return self._ask(600, words=words, environment=environment, output=str(output))

    def wait(self, pid: int, seconds: float) -> int:
        """The exit status of a command that was started, or minus the signal that ended it."""
        return self._ask(seconds, pid=pid)

    def _ask(self, seconds: float, **request: Any) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        if not select.select([self._process.stdout], [], [], seconds)[0]:
            self._process.kill()
            preloaded.cache_clear()
            raise TimeoutError(f"no answer within {seconds} seconds to {request}")
        return int(self._process.stdout.readline())


@cache
def preloaded() -> Preloaded:
    """One for all tests of this process; it ends with it, as its standard input does."""
    return Preloaded()


def become(words: list[str], environment: dict[str, str], output: str) -> NoReturn:
    """What a fork does: run the module as the main one, and end as the interpreter ends."""
    file, nothing = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, file), (2, file)):
        os.dup2(source, target)
    os.close(file)
    os.close(nothing)
    sys.stdout.reconfigure(write_through=True)  # as PYTHONUNBUFFERED=1, which is read at the start alone
    os.environ.clear()
    os.environ.update(environment)
    module, *sys.argv[1:] = words
    runpy.run_module(module, run_name="__main__", alter_sys=True)
    sys.exit()


def serve() -> None:
    """Fork a command, or wait for one, per line of standard input."""
    for line in sys.stdin:
        request = json.loads(line)
        if "pid" in request:
            answer = os.waitstatus_to_exitcode(os.waitpid(request["pid"], 0)[1])
        elif (answer := os.fork()) == 0:
            become(**request)
        print(answer, flush=True)


if __name__ == "__main__":
    for name in (*LIBRARIES, *(f"conself.{room}" for room in ROOMS)):
        import_module(name)
    serve()
