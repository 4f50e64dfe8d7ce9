"""EvalPlus's comparison of an answer's outputs with expected ones. Runs in the sandbox, as a program of its own.

Standard library only; numpy is loaded where a tolerance is needed. Values are plain builtin ones, read from their
canonical form, so no code of an answer's takes part. Source of all rules: ``evalplus/eval`` of evalplus 0.3.1.

Outputs are right where they are equal (``==``, so 1, 1.0 and True are one, a list and a tuple are two). Where they are
not and there is a tolerance ``atol``, they must be of the same type and length, and |out - exp| <= atol + 1e-7 |exp|
elementwise (``numpy.allclose``). A problem without a tolerance gets 1e-6 from the first expected output on that is a
float, or a list or tuple of floats.
"""

import math
from ast import literal_eval
from collections.abc import Callable, Sequence
from typing import Any

Value = Any
"""A value of Python; the same as in :mod:`conself.sandbox.sources`, which is not there where this file runs."""


def accepts(name: str, atol: float, inputs: Sequence[str], outputs: Sequence[Value], expected: Sequence[Value]) -> bool:
    """Whether all outputs of one answer are right; an exception means that they are not.

    ``name`` is the benchmark's and the function's, such as ``mbpp/sum_div``; ``inputs`` are literals of arguments.
    """
    for given, output, wanted in zip(inputs, outputs, expected, strict=True):
        if name in ALONE:
            if not ALONE[name](output, literal_eval(given), atol):
                return False
            continue
        is_right = SPECIAL[name](output, wanted, given, atol) if name in SPECIAL else output == wanted
        if atol == 0 and _is_floats(wanted):
            atol = 1e-6
        if not is_right and not (atol != 0 and _is_close(output, wanted, atol)):
            return False
    return True


def _is_floats(value: Value) -> bool:
    if isinstance(value, list | tuple) and value:
        return all(isinstance(item, float) for item in value)
    return isinstance(value, float)


def _is_close(output: Value, wanted: Value, atol: float) -> bool:
    if type(output) is not type(wanted) or (isinstance(wanted, list | tuple) and len(output) != len(wanted)):
        return False
    import numpy  # rarely needed, and dear

    return bool(numpy.allclose(output, wanted, rtol=1e-7, atol=atol))


def _is_root(output: Value, arguments: tuple[Value, ...], atol: float) -> bool:
    """HumanEval/32: any root of the polynomial will do."""
    (coefficients,) = arguments
    return bool(abs(sum(c * math.pow(output, power) for power, c in enumerate(coefficients))) <= atol)


ALONE: dict[str, Callable[[Value, tuple[Value, ...], float], bool]] = {"humaneval/find_zero": _is_root}
"""Rules that look at no expected output."""


def _anything(*_: object) -> bool:
    """Mbpp/164: the original problem's own solution is wrong, so every output is accepted."""
    return True


def _equal_or_zero(output: Value, wanted: Value, *_: object) -> bool:
    """Mbpp/295: whether a number divides itself is left open."""
    return bool(output == wanted or output == 0)


def _surface_area(output: Value, wanted: Value, given: str, atol: float) -> bool:
    """Mbpp/581: the height may be that of the pyramid instead of its slanted faces."""
    base, height = literal_eval(given)
    slanted = math.sqrt((base / 2) ** 2 + height**2)
    return bool(output == wanted or abs(output - round(base**2 + 2 * base * slanted)) <= atol)


def _digit_distance(output: Value, wanted: Value, given: str, _: float) -> bool:
    """Mbpp/558: digits may be compared one by one, the shorter number filled up with zeros."""
    one, two = map(str, literal_eval(given))
    width = max(len(one), len(two))
    by_digit = sum(abs(int(a) - int(b)) for a, b in zip(one.zfill(width), two.zfill(width), strict=True))
    return output in (wanted, by_digit)


def _same_items(output: Value, wanted: Value, *_: object) -> bool:
    return set(output) == set(wanted)


def _same_presence(output: Value, wanted: Value, *_: object) -> bool:
    """Of functions that return a match or None: whether there is one; a bool says so itself."""
    is_there = wanted is not None
    return is_there == (output if isinstance(output, bool) else output is not None)


_ITEMS = "similar_elements find_char_long common_in_nested_lists extract_singly larg_nnum intersection_array"
SPECIAL: dict[str, Callable[[Value, Value, str, float], bool]] = {
    "mbpp/are_equivalent": _anything,
    "mbpp/sum_div": _equal_or_zero,
    "mbpp/surface_Area": _surface_area,
    "mbpp/digit_distance_nums": _digit_distance,
    **{f"mbpp/{function}": _same_items for function in f"{_ITEMS} find_dissimilar Diff".split()},
    **{f"mbpp/{function}": _same_presence for function in ("check_str", "text_match_three", "text_starta_endb")},
}
"""Rules in the place of ``==``."""
