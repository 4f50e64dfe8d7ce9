"""Read LiveCodeBench's tests: JSON; the private ones also as base64 of zlib of a pickle of a JSON text.

Nothing is ever unpickled. A pickle is a program, and harmless ones with a single text have only a few instructions;
this module reads these as data, and refuses all others. Sizes are checked before memory is allocated.
"""

import base64
import binascii
import json
import pickletools
import zlib
from collections.abc import Sequence

from conself.datasets.apps_format.pairs import Pair, call_pair
from conself.sandbox import canonical
from conself.sandbox.jsonlines import Json, parse_json

_TEXTS = {"SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8", "UNICODE"}
_IDLE = {"PROTO", "FRAME", "MEMOIZE", "PUT", "BINPUT", "LONG_BINPUT"}
"""Instructions that change nothing where the text is the whole result."""


def private_tests(field: str, max_bytes: int) -> Json:
    """Read the private tests of a record; ``max_bytes`` bounds their size when unpacked.

    Raises:
        ValueError: no such format, larger than the bound, or a pickle of anything but one text.
    """
    if field.lstrip().startswith("["):
        return parse_json(field)
    try:
        packed = base64.b64decode(field.encode(), validate=True)
    except binascii.Error as error:
        raise ValueError(f"private tests are no base64: {error}") from error
    return parse_json(pickled_text(_inflated(packed, max_bytes)))


def _inflated(packed: bytes, max_bytes: int) -> bytes:
    stream = zlib.decompressobj()
    try:
        data = stream.decompress(packed, max_bytes)
    except zlib.error as error:
        raise ValueError(f"private tests are no zlib data: {error}") from error
    if not stream.eof:
        if stream.unconsumed_tail or len(data) >= max_bytes:
            raise ValueError(f"private tests unpack to more than {max_bytes} bytes; raise dataset.max_tests_mb")
        raise ValueError("private tests are cut off")
    return data


def pickled_text(data: bytes) -> str:
    """Read the text in a pickle that holds a single text. No instruction of the pickle is executed.

    Raises:
        ValueError: any other pickle, whatever it would do; or no pickle.
    """
    texts: list[str] = []
    for operation, argument, _ in pickletools.genops(data):
        if operation.name in _TEXTS and not texts:
            texts.append(str(argument))
        elif operation.name == "STOP" and texts:
            return texts[0]
        elif operation.name not in _IDLE:
            raise ValueError(f"private tests are a pickle of more than a text ({operation.name}): it is not opened")
    raise ValueError("private tests are a pickle that does not end")


def stdin_pair(stdin: str, stdout: str) -> Pair:
    """Build the test of a stdin program."""
    return Pair(stdin, canonical(stdout), max(len(stdin), len(stdout)))


def function_pair(argument_lines: str, value: str) -> Pair:
    """Build the test of a function: one line with a JSON value for each argument, and one JSON value.

    Raises:
        ValueError: no JSON, or a value that has no literal.
    """
    try:
        return call_pair([parse_json(line) for line in argument_lines.rstrip("\n").split("\n")], parse_json(value))
    except RecursionError as error:
        raise ValueError("a test nests too deeply") from error


def read_tests(tests: Json, is_function: bool) -> Sequence[Pair]:
    """Read the tests of one problem: a list of objects with ``input``, ``output`` and ``testtype``.

    Raises:
        ValueError: another format, or tests that are not of the problem's type.
    """
    rows = [test for test in tests if isinstance(test, dict)] if isinstance(tests, list) else []
    if not isinstance(tests, list) or len(rows) < len(tests):
        raise ValueError("tests must be a list of objects")
    kind, pair = ("functional", function_pair) if is_function else ("stdin", stdin_pair)
    pairs = []
    for test in rows:
        raw_input, raw_output = test.get("input"), test.get("output")
        if not (isinstance(raw_input, str) and isinstance(raw_output, str)):
            raise ValueError("input and output of a test must be text")
        if test.get("testtype") != kind:
            raise ValueError(f"a test of type {json.dumps(test.get('testtype'))} in a problem of type {kind}")
        pairs.append(pair(raw_input, raw_output))
    return pairs
