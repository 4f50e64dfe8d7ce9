"""Solutions of problems that Qwen2.5-Coder-0.5B-Instruct has proposed, by their ids: see README.md.

Of the first 30 proposals these are the ones whose task has one answer. Where the example contradicts the task
(``count_fruits`` calls three fruits four), the task counts; a reference raises ValueError where the task says nothing.
"""

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


REFERENCES: Mapping[str, Callable[..., Any]] = {
    "generated/6e7434673d47": lambda a, b: a | b,  # bitwise_or
    "generated/0e195d37f028": _gcd,  # of two ints, as signature and example say
    "generated/6b26dfa79b97": lambda a, b: a + b,  # join_table: the rows of both, as in the example
    "generated/a2e6049fd784": _roman,
    "generated/862c3fc4f46e": len,  # count_fruits
    "generated/174e39e93761": _is_prime,
    "generated/78b9489ee56d": lambda n: str(n) == str(n)[::-1],  # is_palindrome of one number
    "generated/14255ad5a07c": lambda a, b: a + b,  # merge_tables, as in the example
}
