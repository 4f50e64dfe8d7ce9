"""One line of a pool file: a problem, its programs and, if known, which of them are right.

Errors name the wrong key, its value and the expected value.
"""

import keyword
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TypeGuard

from conself.records import Candidate, Problem
from conself.sandbox.jobs import arguments
from conself.sandbox.jsonlines import Json, call_literal, read_id, shown

KEYS = ("id", "entry_point", "prefix", "statement", "inputs", "candidates")
CANDIDATE_KEYS = ("code", "text", "mean_nll", "token_logprobs", "mean_token_entropy", "passed")
_MOST_NATS = 1_000_000  # in size, of one token: beyond any model, and far from where sums of floats overflow


@dataclass(frozen=True, slots=True)
class PoolLine:
    """A problem with its K >= 1 candidates, and a verdict on each if the file has them."""

    problem: Problem
    candidates: tuple[Candidate, ...]
    passed: tuple[bool, ...] | None


def parse(row: Json) -> PoolLine:
    """Convert a parsed line to records; ``conself.score`` describes the format.

    Raises:
        ValueError: the line has another format; names the key, its value and the expected value.
    """
    row = _object(row, "the line", KEYS, ("id", "entry_point", "inputs", "candidates"))
    entry_point = _entry_point(row["entry_point"])
    name = str(_utf8(read_id(row["id"], "id"), "id"))
    if not name.strip():
        raise _wrong("id", name, "text that tells this problem from the others")
    inputs = _list(row["inputs"], "inputs", "show what the programs do")
    problem = Problem(
        id=name,
        statement=_text(row, "statement", ""),
        starter_code="",
        entry_point=entry_point,
        inputs=tuple(_input(value, f"inputs[{j}]", entry_point is None) for j, value in enumerate(inputs)),
        source="pool",
        difficulty="",
        prefix=_text(row, "prefix", ""),
    )
    programs = _list(row["candidates"], "candidates", "be compared")
    nodes = [_object(node, f"candidates[{k}]", CANDIDATE_KEYS, ("code",)) for k, node in enumerate(programs)]
    candidates = tuple(_candidate(node, name, k) for k, node in enumerate(nodes))
    return PoolLine(problem, candidates, _passed([node.get("passed") for node in nodes]))


def _entry_point(value: Json) -> str | None:
    """Normalise the name to NFKC, as Python's parser does with identifiers."""
    if value is None:
        return None
    if not (isinstance(value, str) and value.isidentifier()):
        raise _wrong("entry_point", value, "the name of a function, or null for programs that read stdin")
    name = unicodedata.normalize("NFKC", value)
    if keyword.iskeyword(name):
        wanted = "the name of a function, and no keyword of Python, which no function can be called"
        raise _wrong("entry_point", value, wanted)
    return name


def _candidate(node: Mapping[str, Json], problem_id: str, index: int) -> Candidate:
    where = f"candidates[{index}]"
    code, text = (_text_or_null(node.get(key), f"{where}.{key}") for key in ("code", "text"))
    if text is None:
        text = code or ""
    if code is not None and _has_surrogate(code):
        code = None  # Python does not compile it either
    nll, log_probs = _number(node, "mean_nll", where), node.get("token_logprobs")
    if log_probs is not None:
        if nll is not None:
            raise ValueError(f"{where} has both mean_nll and token_logprobs: give one of them")
        nll = _mean_nll(log_probs, f"{where}.token_logprobs")
    entropy = _number(node, "mean_token_entropy", where)
    # only encodable text can be stored; other text is only shown
    shown = text.encode("utf-8", "backslashreplace").decode()
    n_tokens = len(log_probs) if isinstance(log_probs, list) else 0
    return Candidate(problem_id, index, None, shown, code, "recorded", nll, entropy, None, n_tokens)


def _text_or_null(value: Json, where: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise _wrong(where, value, "text, or null")
    return value


def _mean_nll(log_probs: Json, where: str) -> float | None:
    """Compute nats per token; None without tokens."""
    numbers = [value for value in log_probs if _is_sane(value) and value <= 0] if isinstance(log_probs, list) else None
    if numbers is None or (isinstance(log_probs, list) and len(numbers) < len(log_probs)):
        wanted = f"a list of natural logarithms of probabilities: finite numbers from {-_MOST_NATS} to 0, none above 0"
        raise _wrong(where, log_probs, wanted)
    return -math.fsum(numbers) / len(numbers) + 0.0 if numbers else None


def _number(node: Mapping[str, Json], key: str, where: str) -> float | None:
    value = node.get(key)
    if value is None:
        return None
    if not (_is_sane(value) and value >= 0):
        wanted = f"a finite number of nats per token, at least 0 and at most {_MOST_NATS}, or null where unknown"
        raise _wrong(f"{where}.{key}", value, wanted)
    return float(value)


def _is_sane(value: Json) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return -_MOST_NATS <= value <= _MOST_NATS  # false for nan


def _passed(flags: Sequence[Json]) -> tuple[bool, ...] | None:
    for k, flag in enumerate(flags):
        if flag is not None and not isinstance(flag, bool):
            raise _wrong(f"candidates[{k}].passed", flag, "true or false, or null where it is not known")
    valid = [flag for flag in flags if isinstance(flag, bool)]
    if valid and len(valid) < len(flags):
        raise ValueError(
            f"candidates[{flags.index(None)}].passed is missing, and {len(valid)} of {len(flags)} candidates have it: "
            "give it for all candidates of a problem, or for none"
        )
    return tuple(valid) if valid else None


def _input(value: Json, where: str, is_stdin: bool) -> str:
    if is_stdin:
        if not isinstance(value, str):
            raise _wrong(where, value, "text for stdin; to call a function, name it in entry_point")
        return str(_utf8(value, where))
    if isinstance(value, list):
        text = _literal(value, where)
    elif isinstance(value, dict) and set(value) == {"py"} and isinstance(value["py"], str):
        text = str(_utf8(value["py"], where))
    else:
        raise _wrong(where, value, 'a JSON array of positional arguments, or {"py": "(1, {2, 3})"}')
    try:
        arguments(text)
    except ValueError as error:
        raise ValueError(
            f"{where} is not the literal of a tuple of arguments ({error}); write such as (1, [2])"
        ) from None
    return text


def _literal(value: list[Json], where: str) -> str:
    try:
        return call_literal(value)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from None


def _object(value: Json, where: str, keys: Sequence[str], needed: Sequence[str]) -> dict[str, Json]:
    """Check a JSON object: all required keys present, and no other a misspelt one."""
    if not isinstance(value, dict):
        raise _wrong(where, value, f"a JSON object with the keys {', '.join(keys)}")
    dot = f"{where}." if where != "the line" else ""
    for key in value:
        if key not in keys and (meant := get_close_matches(str(key).lower(), keys, n=1, cutoff=0.8)):
            raise ValueError(f"{dot}{key} is no key: write {meant[0]}, or choose another name for your own")
    for key in needed:
        if key not in value:
            raise ValueError(f"{dot}{key} is missing: {_NEEDED[key]}")
    return value


_NEEDED = {
    "id": "give each problem an id",
    "entry_point": "name the function to call, or give null for programs that read stdin",
    "inputs": "give a list of the test inputs",
    "candidates": 'give a list of programs, each {"code": "..."}',
    "code": "give the program's text, or null where an answer had no program in it",
}


def _text(row: Mapping[str, Json], key: str, default: str) -> str:
    value = row.get(key, default)
    if not isinstance(value, str):
        raise _wrong(key, value, "text")
    return str(_utf8(value, key))


def _utf8(value: str | None, where: str) -> str | None:
    if value is not None and _has_surrogate(value):
        raise ValueError(f"{where} has a lone surrogate, which is no character: take it out")
    return value


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _list(value: Json, key: str, what_for: str) -> list[Json]:
    if not isinstance(value, list) or not value:
        raise _wrong(key, value, f"a list of at least one, to {what_for}")
    return value


def _wrong(where: str, value: Json, wanted: str) -> ValueError:
    return ValueError(f"{where} is {shown(value)}: it must be {wanted}")
