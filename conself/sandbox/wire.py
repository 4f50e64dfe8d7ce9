"""Message and frame formats shared by the trusted process, the zygote and the runner. Standard library only.

Downwards (trusted to less trusted): ``u32 length, JSON``. Upwards: ``u32 length, kind byte, body`` with fixed layouts.
"""

import struct

STATUSES = ("ok", "exception", "timeout", "memory", "output_limit", "exit", "killed", "compile_error")
OK, EXCEPTION, TIMEOUT, MEMORY, OUTPUT_LIMIT, EXIT, KILLED, COMPILE_ERROR = range(len(STATUSES))

# kinds of frames beside the statuses: the module is loaded, run one input only, the next frame stands for all inputs
READY, EXACT, ALL = 100, 101, 102

HELLO, BAD_INPUT, PROGRAM, FAILURE = b"H", b"I", b"P", b"F"

LENGTH = struct.Struct("<I")
FRAME = struct.Struct("<BI")
NAME_LIMIT = 1024

Result = tuple[int, bytes]


def value_limit(output_kb: int) -> int:
    """The most bytes that one recorded value can have: captured bytes grow up to six-fold when escaped as JSON."""
    return 6 * 1024 * output_kb + NAME_LIMIT


def pack_program(results: list[Result]) -> bytes:
    """The body of a PROGRAM message: ``u32 count``, then per input ``u8 status, u32 length, ASCII value``."""
    parts = [LENGTH.pack(len(results))]
    for status, value in results:
        parts += (FRAME.pack(status, len(value)), value)
    return b"".join(parts)


def unpack_program(body: bytes, expected: int, limit: int) -> list[tuple[int, str]]:
    """Parse a PROGRAM body; ValueError if it is not exactly ``expected`` well-formed results within the limit."""
    if len(body) < LENGTH.size or LENGTH.unpack_from(body)[0] != expected:
        raise ValueError("wrong number of results")
    results, offset = [], LENGTH.size
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
    return results
