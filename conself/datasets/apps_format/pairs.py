"""Read ``input_output``, the tests of a problem in the format of APPS and TACO.

It is a JSON text, sometimes encoded twice, of ``{"inputs": [...], "outputs": [...], "fn_name": ...}``. Without
``fn_name`` an input is the text on standard input (or a list of its lines); with it, a list of arguments.

The outputs of calls follow one of two conventions, without any mark: the value itself, or a list with the value as its
only element (Codewars' problems in these data sets). The rule: if every output of a problem is a list of one element,
the element is the value; unless the starter code says that the function returns a list (``-> List[int]``, LeetCode's
problems). Also, JSON objects have only text as keys: if an object is a call's only argument or its value, and all its
keys are ints written as text, they are converted to ints.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from conself.sandbox import canonical
from conself.sandbox.jsonlines import Json, literal, parse_json

_NESTED = "an argument or output nests too deeply"
_INT = re.compile(r"-?\d{1,18}")


@dataclass(frozen=True, slots=True)
class Pair:
    """A test: ``input`` as in ``Problem.inputs``, ``expected`` as in ``Oracle.expected``.

    ``length`` is that of the longer of the two, in characters as the data set counts them. ``wrapped``: the data set
    has the value as the only element of a list.
    """

    input: str
    expected: str
    length: int
    wrapped: bool = False


def read_pairs(text: Json, starter_code: str) -> tuple[str | None, list[Pair]]:
    """Read the function to call (None: a stdin program) and the tests in order; no tests if the text is empty.

    Raises:
        ValueError: the text does not have the format; names the first fault.
    """
    fields = _parsed(text)
    if not fields:
        return None, []
    name, inputs, outputs = fields.get("fn_name"), fields.get("inputs", []), fields.get("outputs", [])
    if not (isinstance(inputs, list) and isinstance(outputs, list)):
        raise ValueError("inputs and outputs must be lists")
    if len(inputs) != len(outputs):
        raise ValueError(f"{len(inputs)} inputs but {len(outputs)} outputs")
    if name is None or name == "":
        return None, [_stdin_pair(*pair) for pair in zip(inputs, outputs, strict=True)]
    if not isinstance(name, str):
        raise ValueError(f"fn_name must be text, got {type(name).__name__}")
    try:
        inner = unwrapped(outputs, name, starter_code)
        pairs = zip(map(_arguments, inputs), map(_restored, inner), strict=True)
        return name, [replace(call_pair(*pair), wrapped=inner is not outputs) for pair in pairs]
    except RecursionError as error:
        raise ValueError(_NESTED) from error


def _parsed(text: Json) -> dict[str, Json]:
    value = text
    for _ in range(2):  # JSON twice
        if isinstance(value, str):
            value = parse_json(value) if value.strip() else {}
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"input_output must be a JSON object, got {type(value).__name__}")
    return value


def _stdin_pair(raw_input: Json, raw_output: Json) -> Pair:
    data, output = _lines(raw_input, "input"), _lines(raw_output, "output")
    return Pair(data, canonical(output), max(len(data), len(output)))


def _lines(value: Json, what: str) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        lines = [line for line in value if isinstance(line, str)]
        if len(lines) == len(value):
            return "\n".join(lines)
    raise ValueError(f"an {what} of a stdin problem must be text or a list of lines")


def call_pair(arguments: Sequence[Json | dict[int, Json]], value: Json | dict[int, Json]) -> Pair:
    """Build the test of a function.

    Raises:
        ValueError: an argument has no literal, that is, nan.
        RecursionError: nested too deeply.
    """
    data = literal(tuple(arguments))
    return Pair(data, canonical(value), max(len(data), len(literal(value, strict=False))))


def _arguments(value: Json) -> list[Json | dict[int, Json]]:
    if not isinstance(value, list):
        raise ValueError(f"an input of a call must be a list of arguments, got {type(value).__name__}")
    return [_restored(value[0])] if len(value) == 1 else [*value]


def _restored(value: Json) -> Json | dict[int, Json]:
    """Convert the keys of an object to ints if all of them are ints written as text."""
    if isinstance(value, dict) and all(_INT.fullmatch(key) for key in value):
        return {int(key): item for key, item in value.items()}
    return value


def unwrapped(outputs: Sequence[Json], name: str, starter_code: str) -> Sequence[Json]:
    """Unwrap the values of calls, by the rule at the head of this module."""
    inner = [output[0] for output in outputs if isinstance(output, list) and len(output) == 1]
    return inner if len(inner) == len(outputs) and not _returns_list(name, starter_code) else outputs


def _returns_list(name: str, starter_code: str) -> bool:
    head = re.search(rf"def\s+{re.escape(name)}\s*\(.*?\)\s*->\s*(.*?):\s*(?:$|\n|#)", starter_code, re.DOTALL)
    return head is not None and re.match(r"(?:typing\.)?(?:Optional\[)?(?:List|list)\b", head[1]) is not None
