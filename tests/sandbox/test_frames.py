"""Bytes that an untrusted process could have written, parsed by the side that judges."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.sandbox import wire
from conself.sandbox.frames import Frames, read_frames

NONE = Frames(ready=False, exact=False, again=False, sound=True, for_all=None, results=[])


def frame(kind: int, value: bytes = b"") -> bytes:
    return wire.FRAME.pack(kind, len(value)) + value


def parse(data: bytes, expected: int = 2, is_stdin: bool = False) -> Frames:
    descriptor = os.memfd_create("test")
    try:
        os.write(descriptor, data)
        return read_frames(descriptor, expected, 1024, is_stdin)
    finally:
        os.close(descriptor)


def test_results_flags_and_verdict_for_all() -> None:
    data = frame(wire.READY) + frame(wire.OK, b"1") + frame(wire.EXCEPTION, b"KeyError")
    assert parse(data) == Frames(True, False, False, True, None, [(wire.OK, b"1"), (wire.EXCEPTION, b"KeyError")])
    assert parse(frame(wire.ALL, bytes([wire.COMPILE_ERROR]) + b"SyntaxError")).for_all == (
        wire.COMPILE_ERROR,
        b"SyntaxError",
    )
    assert parse(b"") == NONE


def test_no_more_results_than_expected() -> None:
    three = frame(wire.OK, b"1") * 3
    assert len(parse(three).results) == 2
    assert len(parse(frame(wire.EXACT) + three).results) == 1
    assert len(parse(frame(wire.MEMORY) + three).results) == 1


def test_a_runner_that_stops_before_an_input() -> None:
    assert parse(frame(wire.OK, b"1") + frame(wire.AGAIN) + frame(wire.OK, b"2")) == Frames(
        False, False, True, True, None, [(wire.OK, b"1")]
    )


def test_output_of_stdin_programs_is_any_bytes_within_the_limit() -> None:
    assert parse(frame(wire.OK, b"\xff" * 1024), is_stdin=True).results == [(wire.OK, b"\xff" * 1024)]
    assert not parse(frame(wire.OK, b"\xff" * 1025), is_stdin=True).sound


@pytest.mark.parametrize(
    "forged",
    [
        b"x",
        wire.FRAME.pack(wire.OK, 2**32 - 1) + b"1",
        frame(wire.OK, b"not canonical"),
        frame(wire.OK, b"\xff"),
        frame(wire.OK),
        frame(wire.TIMEOUT),
        frame(wire.KILLED),
        frame(wire.COMPILE_ERROR, b"x"),
        frame(wire.EXCEPTION),
        frame(wire.EXCEPTION, b"x" * 2000),
        frame(wire.MEMORY, b"x"),
        frame(wire.ALL),
        frame(wire.ALL, bytes([wire.OK]) + b"1"),
        frame(wire.READY, b"x"),
        frame(wire.AGAIN, b"x"),
        frame(wire.OK, b'"' + b"x" * 7000 + b'"'),
        frame(55),
    ],
    ids=lambda data: str(data[:10]),
)
def test_malformed_frames_end_the_parsing(forged: bytes) -> None:
    parsed = parse(frame(wire.OK, b"1") + forged)
    assert parsed.results == [(wire.OK, b"1")]
    assert not parsed.sound


@given(st.binary(max_size=200))
def test_any_bytes_are_parsed_within_bounds(data: bytes) -> None:
    parsed = parse(data)
    assert len(parsed.results) <= 2


@given(
    st.booleans(),
    st.sampled_from(wire.AUDITS),
    st.lists(st.tuples(st.integers(0, 7), st.text(st.characters(codec="ascii")).map(str.encode)), max_size=5),
)
def test_answers_survive_the_wire(exact: bool, audit: str | None, results: list[tuple[int, bytes]]) -> None:
    body = wire.pack_program(exact, audit, results)
    expected = [(status, value.decode()) for status, value in results]
    assert wire.unpack_program(body, len(results), 10_000) == (exact, audit, expected)


@pytest.fixture
def body() -> bytes:
    return wire.pack_program(True, None, [(0, b"1"), (1, b"KeyError")])


@pytest.mark.parametrize(
    "change",
    [
        lambda b: b + b"x",
        lambda b: b[:-1],
        lambda b: b[:5] + b"\x09" + b[6:],  # a status that there is not
        lambda b: b"\x08" + b[1:],  # a finding that there is not
        lambda b: b[:1] + b"\x03" + b[2:],  # another number of results
        lambda _: b"",
    ],
)
def test_malformed_answers_are_refused(change: object, body: bytes) -> None:
    with pytest.raises(ValueError, match=r"result|number|bytes|head"):
        wire.unpack_program(change(body), 2, 100)  # type: ignore[operator]
