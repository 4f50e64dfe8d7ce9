"""What goes into the sandbox and what comes out, with the checks that come before anything runs."""

import math
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """How one execution ended."""

    OK = "ok"
    EXCEPTION = "exception"
    TIMEOUT = "timeout"
    MEMORY = "memory"
    OUTPUT_LIMIT = "output_limit"
    EXIT = "exit"
    KILLED = "killed"
    COMPILE_ERROR = "compile_error"


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
    """What one program may use.

    ``cpu_seconds`` and ``wall_seconds`` are per input; CPU time decides, wall time is the backstop for programs that
    sleep. ``memory_mb`` is address space in MiB beyond the bare interpreter's. ``output_kb`` bounds one recorded
    value or captured standard output, in KiB. After ``max_timeouts`` time-outs a program is not run on its remaining
    inputs: they count as TIMEOUT.
    """

    cpu_seconds: float
    wall_seconds: float
    memory_mb: int
    output_kb: int
    max_timeouts: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """One execution: the canonical value if OK, the exception's type name if EXCEPTION or COMPILE_ERROR, else ""."""

    status: Status
    value: str


_RANGES = {
    "cpu_seconds": (0.01, 3600.0),
    "wall_seconds": (0.01, 36000.0),
    "memory_mb": (16, 1 << 20),
    "output_kb": (1, 1 << 20),
    "max_timeouts": (1, 1 << 30),
}


def check_limits(limits: Limits, workers: int) -> None:
    """Raise ValueError naming the first limit, or the number of workers, that is out of range."""
    for name, (low, high) in _RANGES.items():
        value = getattr(limits, name)
        is_number = type(value) is int or (isinstance(low, float) and type(value) is float and math.isfinite(value))
        if not is_number or not low <= value <= high:
            kind = "a number" if isinstance(low, float) else "an int"
            raise ValueError(f"sandbox limit {name} is {value!r}: it must be {kind} from {low} to {high}")
    if type(workers) is not int or not 1 <= workers <= 4096:
        raise ValueError(f"sandbox workers is {workers!r}: it must be an int from 1 to 4096")


def check_job(job: Job) -> None:
    """Raise ValueError naming the job and the field that is not of the right type.

    Whether call inputs are literals is checked where they are parsed, before the first program of the job runs.
    """
    where = f"job {job.id!r}"
    if type(job.id) is not str:
        raise ValueError(f"{where}: the id must be a str, not {type(job.id).__name__}")
    if job.entry_point is not None and (type(job.entry_point) is not str or not job.entry_point.isidentifier()):
        raise ValueError(f"{where}: entry_point {job.entry_point!r} must be a name, or None for a stdin program")
    for index, program in enumerate(job.programs):
        if program is not None and type(program) is not str:
            raise ValueError(f"{where}: program {index} must be a str or None, not {type(program).__name__}")
    for index, text in enumerate(job.inputs):
        if type(text) is not str:
            raise ValueError(f"{where}: input {index} must be a str, not {type(text).__name__}")
