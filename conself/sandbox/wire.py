"""Message and frame formats shared by the trusted process, the zygote and the runner. Standard library only.

Downwards (trusted to less trusted): ``u32 length, JSON``. Upwards: ``u32 length, kind byte, body`` with fixed layouts.
"""

import struct

STATUSES = ("ok", "exception", "timeout", "memory", "output_limit", "exit", "killed", "compile_error")
OK, EXCEPTION, TIMEOUT, MEMORY, OUTPUT_LIMIT, EXIT, KILLED, COMPILE_ERROR = range(len(STATUSES))

# kinds of frames beside the statuses: the module is loaded; one input only; this stands for all inputs; the input is
# to be run again in a new process
READY, EXACT, ALL, AGAIN = 100, 101, 102, 103

HELLO, REFUSED, PROGRAM, FAILURE = b"H", b"R", b"P", b"F"

# how a program was run: the lowest bit says exactly, the rest what its audit found
AUDITS = (None, "agreed", "leaked", "nondeterministic")

LEVELS = ("weak", "standard", "strong")
"""Levels of isolation, each holding all that the one before it holds; see :mod:`conself.sandbox.walls`."""

LENGTH = struct.Struct("<I")
FRAME = struct.Struct("<BI")
HEAD = FRAME
NAME_LIMIT = 1024
SKIPPED = b"skipped"

Result = tuple[int, bytes]


def value_limit(output_kb: int) -> int:
    """Return the most bytes of one recorded value: captured bytes grow up to six-fold when escaped as JSON."""
    return 6 * 1024 * output_kb + NAME_LIMIT


def message(kind: bytes, body: bytes) -> bytes:
    """Build a message upwards, with its length."""
    return LENGTH.pack(len(kind) + len(body)) + kind + body


def pack_program(exact: bool, audit: str | None, results: list[Result]) -> bytes:
    """Pack a PROGRAM message: ``u8 how, u32 count``, then per input ``u8 status, u32 length, ASCII value``."""
    parts = [HEAD.pack(exact + 2 * AUDITS.index(audit), len(results))]
    for status, value in results:
        parts += (FRAME.pack(status, len(value)), value)
    return b"".join(parts)


def unpack_program(body: bytes, expected: int, limit: int) -> tuple[bool, str | None, list[tuple[int, str]]]:
    """Parse a PROGRAM body: exact or not, the audit's finding, and the results as (status, value).

    Raises ValueError if it does not hold exactly ``expected`` well-formed results within the limit.
    """
    if len(body) < HEAD.size:
        raise ValueError("no head")
    how, count = HEAD.unpack_from(body)
    if count != expected or how >= 2 * len(AUDITS):
        raise ValueError("wrong number of results")
    results, offset = [], HEAD.size
    for _ in range(expected):
        if offset + FRAME.size > len(body):
            raise ValueError("truncated result")
        status, length = FRAME.unpack_from(body, offset)
        offset += FRAME.size
        if status >= len(STATUSES) or length > limit or offset + length > len(body):
            raise ValueError("malformed result")
        results.append((status, body[offset : offset + length].decode("ascii")))
        offset += length
    if offset != len(body):
        raise ValueError("trailing bytes")
    return bool(how % 2), AUDITS[how // 2], results
