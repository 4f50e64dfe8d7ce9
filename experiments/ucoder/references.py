"""Solutions of problems that Qwen2.5-Coder-0.5B-Instruct has proposed, by their ids: see README.md.

Of the first 60 proposals these are the ones whose task has an answer on some of its inputs. Where the example
contradicts the task (``count_fruits`` calls three fruits four), the task counts; where the task says nothing, a
reference raises ValueError, and that input is left out.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

_ROMAN = {
    1000: "M",
    900: "CM",
    500: "D",
    400: "CD",
    100: "C",
    90: "XC",
    50: "L",
    40: "XL",
    10: "X",
    9: "IX",
    5: "V",
    4: "IV",
    1: "I",
}


def _gcd(a: int, b: int) -> int:
    while b:
        a, b = b, a % b
    return abs(a)


def _roman(n: int) -> str:
    if not 0 < n < 4000:
        raise ValueError("no standard numeral")
    text = ""
    for value, letters in _ROMAN.items():
        text += letters * (n // value)
        n %= value
    return text


def _is_prime(n: int) -> bool:
    return n > 1 and all(n % k for k in range(2, n))


def _majority(values: Any) -> Any:
    (value, count), *_ = Counter(values).most_common(1) or [(None, 0)]
    if 2 * count <= len(values):
        raise ValueError("no majority")
    return value


def _product(a: list[list[int]], b: list[list[int]]) -> list[list[int]]:
    if not a or not b or any(len(row) != len(b) for row in a) or len(set(map(len, b))) != 1:
        raise ValueError("no product")
    return [[sum(x * y for x, y in zip(row, column, strict=True)) for column in zip(*b, strict=True)] for row in a]


def _merged(a: dict[Any, Any], b: dict[Any, Any]) -> dict[Any, Any]:
    if any(a[key] != b[key] for key in a.keys() & b.keys()):
        raise ValueError("which value is kept?")
    return {**a, **b}


def _longest_increasing(values: list[Any]) -> int:
    strict, weak = ([0] * len(values) for _ in range(2))
    for i, value in enumerate(values):
        strict[i] = 1 + max((strict[j] for j in range(i) if values[j] < value), default=0)
        weak[i] = 1 + max((weak[j] for j in range(i) if values[j] <= value), default=0)
    if max(strict, default=0) != max(weak, default=0):
        raise ValueError("strictly?")
    return max(strict, default=0)


def _words(text: str) -> int:
    if len(text.split()) != len(re.findall(r"[\w']+", text)):
        raise ValueError("what is a word?")
    return len(text.split())


def _prefix_sums(values: list[Any]) -> list[Any]:
    return [sum(values[: i + 1]) for i in range(len(values))]


def _is_palindrome(text: str) -> bool:
    letters = re.sub(r"[\W_]", "", text).lower()
    if (text == text[::-1]) != (letters == letters[::-1]):
        raise ValueError("do case and blanks count?")
    return text == text[::-1]


def _common_prefix(a: str, b: str) -> str:
    count = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return a[:count]


def _flat(values: Any) -> list[Any]:
    if any(isinstance(value, dict | set | tuple) for value in values):
        raise ValueError("is that flattened as well?")
    return [leaf for value in values for leaf in (_flat(value) if isinstance(value, list) else [value])]


def _split(text: str, separators: str) -> list[str]:
    if not separators:
        raise ValueError("split at what?")
    pieces = [piece.strip() for piece in re.split(f"[{re.escape(separators)}]", text)]
    if not all(pieces):
        raise ValueError("are empty pieces kept?")
    return pieces


def _ints(lines: list[str]) -> list[int]:
    return [int(text) for line in lines if line for text in line.split(",")]


def _up_to(n: int) -> list[int]:
    if n < 1:
        raise ValueError("no such range")
    return list(range(1, n + 1))


REFERENCES: Mapping[str, Callable[..., Any]] = {
    "generated/6e7434673d47": lambda a, b: a | b,  # bitwise_or
    "generated/0e195d37f028": _gcd,  # of two ints, as signature and example say
    "generated/6b26dfa79b97": lambda a, b: a + b,  # join_table: the rows of both, as in the example
    "generated/a2e6049fd784": _roman,
    "generated/862c3fc4f46e": len,  # count_fruits
    "generated/174e39e93761": _is_prime,
    "generated/78b9489ee56d": lambda n: str(n) == str(n)[::-1],  # is_palindrome of one number
    "generated/14255ad5a07c": lambda a, b: a + b,  # merge_tables, as in the example
    "generated/b6da02f790ca": _majority,
    "generated/c526656df60f": _product,  # multiply_matrices: the example multiplies neither rows nor elements
    "generated/8caeff99692b": lambda values: len(set(values)),  # count_hashed_numbers: each once
    "generated/dff0fc8d73b9": lambda values: sum(values) * 2 ** (len(values) - 1) if values else 0,  # subset_sums
    "generated/0d3977a5ecd4": _gcd,
    "generated/fa0f2b4d21fc": sum,  # cumulative_sum: an int, as signature and example say
    "generated/4058a51ebbb7": min,  # heap_min
    "generated/f225969182a8": _merged,  # merge_dicts
    "generated/d18883b6e7e5": lambda values: dict(Counter(values)),  # histogram
    "generated/d976a9f12c10": lambda a, b: a + b,  # no_argument: the sum, as skeleton and example say
    "generated/60923b29dc17": _longest_increasing,
    "generated/38a5aa8216b3": _words,
    "generated/0aea288cb9e2": _prefix_sums,
    "generated/a348af2dbc6d": _is_palindrome,  # palindrome_check
    "generated/e42e4e379d7f": _common_prefix,
    "generated/fa6d9bbdeacb": _merged,  # merge_dictionaries
    "generated/f79e5cbb58dd": _flat,
    "generated/582b3606e85b": _split,  # split_string
    "generated/630d34d8731b": lambda values: sum(value % 2 for value in values),  # count_odd
    "generated/88ccd33d9e85": _ints,  # parse_lines
    "generated/c6f337f45f75": _up_to,  # generate_unique_numbers
    "generated/9de467b59482": lambda a, b: a + b,  # add_numbers
}
