"""The sandbox's inputs, and their checks before anything runs."""

import math
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from conself.sandbox.sources import literal
from conself.sandbox.wire import LEVELS


@dataclass(frozen=True, slots=True)
class Job:
    """Programs to run on the same inputs.

    Call jobs: ``entry_point`` names a function, or a method of ``class Solution``, and each input is the Python
    literal of the tuple of positional arguments (``"([1, 2], 3)"``). Stdin jobs: ``entry_point`` is None and each
    input is the text on standard input. A program that is None (no code block) is a COMPILE_ERROR on every input.
    """

    id: str
    programs: tuple[str | None, ...]
    entry_point: str | None
    inputs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Limits:
    """The resources of one program, and the required isolation.

    ``cpu_seconds`` and ``wall_seconds`` are per input; CPU time decides, wall time is the backstop for programs that
    sleep. ``memory_mb`` is address space in MiB beyond the bare interpreter's. ``output_kb`` bounds one recorded
    value or captured standard output, in KiB. After ``max_timeouts`` time-outs a program is not run on its remaining
    inputs: they count as TIMEOUT, recorded as skipped.

    ``packages`` are third-party packages that programs may import, such as ``numpy``; every program starts with them
    loaded, so each costs time. ``audit`` is the share of programs, chosen by their text, of which two inputs are run
    a second time, each in a process of its own, to see whether the results repeat. ``require`` is the level of
    isolation, one of :data:`conself.sandbox.wire.LEVELS`, below which nothing is run.
    """

    cpu_seconds: float
    wall_seconds: float
    memory_mb: int
    output_kb: int
    max_timeouts: int
    packages: Sequence[str] = ()
    audit: float = 0.02
    require: str = "standard"


MOST_OUTPUT_KB = 1 << 16
"""The largest ``Limits.output_kb``."""
_DIGITS = threading.Lock()  # the limit of digits is the whole process's
_RANGES = {
    "cpu_seconds": (0.01, 3600.0),
    "wall_seconds": (0.01, 36000.0),
    "memory_mb": (16, 1 << 20),
    "output_kb": (1, MOST_OUTPUT_KB),
    "max_timeouts": (1, 1 << 30),
    "audit": (0.0, 1.0),
}


def check_limits(limits: Limits, workers: int) -> None:
    """Raise ValueError naming the first limit, or the number of workers, that is out of range."""
    for name, (low, high) in _RANGES.items():
        value = getattr(limits, name)
        is_number = type(value) is int or (isinstance(low, float) and type(value) is float and math.isfinite(value))
        if not is_number or not low <= value <= high:
            kind = "a number" if isinstance(low, float) else "an int"
            raise ValueError(f"sandbox limit {name} is {value!r}: it must be {kind} from {low} to {high}")
    if limits.require not in LEVELS:
        raise ValueError(f"sandbox level require is {limits.require!r}: it must be one of {', '.join(LEVELS)}")
    if isinstance(limits.packages, str) or not isinstance(limits.packages, Sequence):
        raise ValueError(f"sandbox packages is {limits.packages!r}: it must be a list of names, such as ['numpy']")
    for name in limits.packages:
        if type(name) is not str or not name.isidentifier():
            raise ValueError(f"sandbox package {name!r} must be the name of a top-level package, such as 'numpy'")
    if type(workers) is not int or not 1 <= workers <= 4096:
        raise ValueError(f"sandbox workers is {workers!r}: it must be an int from 1 to 4096")


def check_job(job: Job) -> None:
    """Check types, and that call inputs are literals; ValueError names the job and the wrong field."""
    where = f"job {job.id!r}"
    if type(job.id) is not str:
        raise ValueError(f"{where}: the id must be a str, not {type(job.id).__name__}")
    if job.entry_point is not None and (type(job.entry_point) is not str or not job.entry_point.isidentifier()):
        raise ValueError(f"{where}: entry_point {job.entry_point!r} must be a name, or None for a stdin program")
    if isinstance(job.programs, str) or isinstance(job.inputs, str):
        raise ValueError(f"{where}: programs and inputs must be tuples of texts, not one text")
    for index, program in enumerate(job.programs):
        if program is not None and type(program) is not str:
            raise ValueError(f"{where}: program {index} must be a str or None, not {type(program).__name__}")
    for index, text in enumerate(job.inputs):
        if type(text) is not str:
            raise ValueError(f"{where}: input {index} must be a str, not {type(text).__name__}")
        if job.entry_point is not None:
            try:
                arguments(text)
            except ValueError as error:
                raise ValueError(
                    f"{where}: input {index} is not the literal of a tuple of arguments ({error})"
                ) from error


def arguments(text: str) -> tuple[object, ...]:
    """Read the positional arguments of a call input; ValueError if it is not the literal of a tuple."""
    with _DIGITS:
        digits = sys.get_int_max_str_digits()
        sys.set_int_max_str_digits(0)
        try:
            value = literal(text)
        except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
            raise ValueError(f"{type(error).__name__}: {error}") from error
        finally:
            sys.set_int_max_str_digits(digits)
    if type(value) is not tuple:
        raise ValueError(f"a literal of a tuple is needed, not of {type(value).__name__}")
    return value
