"""Parse a runner's output with fixed, bounded code that accepts only well-formed results."""

import os
from dataclasses import dataclass

from . import wire
from .canonical import is_canonical

SLACK = 4096  # bytes that flags and headers may take beyond the values
ENDING = frozenset((wire.MEMORY, wire.EXIT))  # a runner stops after these: the next input gets a new process
_BARE = frozenset((wire.MEMORY, wire.OUTPUT_LIMIT, wire.EXIT))


@dataclass(frozen=True)
class Frames:
    """The frames of one runner.

    ``ready``: the module was loaded; ``exact``: one fork per input from now on; ``again``: the runner stopped by
    itself before an input that needs a new process; ``sound``: nothing malformed was found; ``for_all``: one result
    that stands for every remaining input; ``results``: one per input, in order.
    """

    ready: bool
    exact: bool
    again: bool
    sound: bool
    for_all: wire.Result | None
    results: list[wire.Result]


def read_frames(descriptor: int, expected: int, value_limit: int, is_stdin: bool) -> Frames:
    """Parse the frames in a memory file up to ``expected`` results of at most ``value_limit`` bytes each."""
    bound = expected * (value_limit + wire.NAME_LIMIT) + SLACK
    data = os.pread(descriptor, min(os.fstat(descriptor).st_size, bound), 0)
    flags: set[int] = set()
    results: list[wire.Result] = []
    for_all, sound, offset = None, True, 0
    while offset < len(data) and len(results) < expected:
        frame = _next_frame(data, offset)
        if frame is None:
            sound = False
            break
        kind, value = frame
        offset += wire.FRAME.size + len(value)
        if kind in (wire.READY, wire.EXACT, wire.AGAIN) and not value and kind not in flags:
            flags.add(kind)
            expected = 1 if wire.EXACT in flags else expected
            if kind == wire.AGAIN:
                break
        elif kind == wire.ALL and not results and _is_final(value):
            for_all = (value[0], value[1:])
            break
        elif _is_plausible(kind, value, value_limit, is_stdin):
            results.append((kind, value))
            if kind in ENDING:
                break
        else:
            sound = False
            break
    return Frames(wire.READY in flags, wire.EXACT in flags, wire.AGAIN in flags, sound, for_all, results)


def _next_frame(data: bytes, offset: int) -> wire.Result | None:
    start = offset + wire.FRAME.size
    if start > len(data):
        return None
    kind, length = wire.FRAME.unpack_from(data, offset)
    return (kind, data[start : start + length]) if start + length <= len(data) else None


def _is_plausible(status: int, value: bytes, limit: int, is_stdin: bool) -> bool:
    if status in _BARE:
        return not value
    if status == wire.OK:
        return len(value) <= limit and (is_stdin or (value.isascii() and is_canonical(value.decode("ascii"))))
    return status == wire.EXCEPTION and _is_name(value)


def _is_final(value: bytes) -> bool:
    if not value:
        return False
    if value[0] in (wire.EXCEPTION, wire.COMPILE_ERROR):
        return _is_name(value[1:])
    return value[0] in _BARE and len(value) == 1


def _is_name(value: bytes) -> bool:
    return 0 < len(value) <= wire.NAME_LIMIT and value.isascii()
