"""A new interpreter for every input, ``python file < input``, as a contender: no isolation, nothing is recorded."""

import os
import signal
import sys
import time
import venv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from experiments.sandbox_speed.programs import Problem

_SECONDS = 20.0  # wall clock, per input


@dataclass(frozen=True)
class _Command:
    arguments: tuple[str, ...]
    inputs: tuple[str, ...]  # paths, one run each


def prepare(problems: list[Problem], folder: Path, contender: str) -> Callable[[], Iterator[str]]:
    """Write programs and inputs to files under ``folder``.

    ``python file`` is the interpreter as it is installed on the machine, with whatever its site-packages do at every
    start; ``fresh venv`` is that of an empty virtual environment made on the spot; ``python -I -S file`` is the
    fastest start there is. A call program becomes one file per input.
    """
    flags: tuple[str, ...] = ()
    python = str(getattr(sys, "_base_executable", sys.executable))
    if contender == "python file, fresh venv":
        venv.create(folder / "venv", symlinks=True)
        python = str(folder / "venv" / "bin" / "python")
    elif contender == "python -I -S file":
        flags = ("-I", "-S")
    commands: list[list[_Command]] = []
    for number, problem in enumerate(problems):
        for index, program in enumerate(problem.programs):
            stem = folder / f"{number}-{index}"
            commands.append(
                [_Command((python, *flags, *c.arguments), c.inputs) for c in _files(problem, program, stem)]
            )

    def run() -> Iterator[str]:
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGCHLD,))
        for program in commands:
            endings = {_start(command.arguments, path) for command in program for path in command.inputs}
            yield max(endings, key=("exit 0", "exit other", "timeout").index)

    return run


def _files(problem: Problem, program: str, stem: Path) -> list[_Command]:
    if problem.entry_point is None:
        path = _write(stem.with_suffix(".py"), program)
        names = {text: stem.parent / f"{stem.name}-{place}.txt" for place, text in enumerate(problem.inputs)}
        return [_Command((path,), tuple(_write(names[text], text) for text in problem.inputs))]
    return [
        _Command((_write(stem.parent / f"{stem.name}-{place}.py", text),), (os.devnull,))
        for place, text in enumerate(f"{program}\nprint(repr({problem.entry_point}(*{i})))\n" for i in problem.inputs)
    ]


def _write(path: Path, text: str) -> str:
    path.write_text(text, encoding="utf-8", errors="surrogateescape")
    return str(path)


def _start(arguments: tuple[str, ...], path: str) -> str:
    """One run; posix_spawn, because a fork of this process would cost more."""
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, path, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    child = os.posix_spawn(arguments[0], arguments, os.environ, file_actions=actions, setsigmask=())
    deadline = time.monotonic() + _SECONDS
    while True:
        signal.sigtimedwait((signal.SIGCHLD,), max(0.0, deadline - time.monotonic()))
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return "exit 0" if status == 0 else "exit other"
        if time.monotonic() >= deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            return "timeout"
