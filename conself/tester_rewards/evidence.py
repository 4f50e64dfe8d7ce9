"""Turn executed tests, programs and mutants into the evidence that tester rewards use."""

import hashlib
import json
from collections.abc import Hashable, Sequence

from conself.agreement.comparison import Comparison
from conself.generated_tests.generated_test import GeneratedTest
from conself.generated_tests.passing import Column, case_of, columns
from conself.generated_tests.reader import input_key
from conself.mutators.kills import kills
from conself.records import Outcome


def proxy_of(right: Sequence[int], seed: int, step: int, problem_id: str) -> int:
    """Return one of the candidates accepted as right, drawn by SHA-256 of (seed, "proxy", step, problem id).

    Raises:
        ValueError: no candidate is accepted as right.
    """
    if not right:
        raise ValueError(f"problem {problem_id}: no candidate is held right, so that there is no proxy; leave it out")
    digest = hashlib.sha256(json.dumps([seed, "proxy", step, problem_id]).encode()).digest()
    return right[int.from_bytes(digest) % len(right)]


def replies_of(tests: Sequence[GeneratedTest], column: str, n_replies: int, is_stdin: bool) -> list[tuple[int, ...]]:
    """Return the columns of each of ``n_replies`` replies in ``columns(tests, column, is_stdin)``, ascending."""
    places: dict[Hashable, int] = {}
    for place, (first, *_) in enumerate(columns(tests, column, is_stdin)):
        places[first.reply if column == "reply" else case_of(first, is_stdin)] = place
    own: list[set[int]] = [set() for _ in range(n_replies)]
    for test in tests:
        if test.expected is not None:
            own[test.reply].add(places[test.reply if column == "reply" else case_of(test, is_stdin)])
    return [tuple(sorted(each)) for each in own]


def kills_of_columns(
    original: Sequence[Outcome],
    mutants: Sequence[Sequence[Outcome]],
    columns: Sequence[Column],
    inputs: Sequence[str],
    comparison: Comparison,
    is_stdin: bool,
) -> tuple[tuple[bool, ...], ...]:
    """Return, per mutant that differs from the original on some input, whether each column has such an input.

    Args:
        original: the proxy's outcomes, one for each of ``inputs``.
        mutants: the same number of outcomes for each mutant.
        columns: M of them, see :func:`conself.generated_tests.passing.columns`.
        inputs: the executed inputs, which include those of the columns.
        comparison: decides when two outputs are equal.
        is_stdin: whether inputs are texts for standard input.

    Raises:
        ValueError: a column's input was not executed, or a mutant does not have one outcome per input.
    """
    places = {input_key(text, is_stdin): place for place, text in enumerate(inputs)}
    wanted = [[input_key(test.input, is_stdin) for test in column] for column in columns]
    if missing := {key for keys in wanted for key in keys} - set(places):
        raise ValueError(f"mutants did not run on {len(missing)} inputs of tests; execute the inputs of all tests")
    distinguished = [row for row in kills(original, mutants, comparison, is_stdin) if any(row)]
    return tuple(tuple(any(row[places[key]] for key in keys) for keys in wanted) for row in distinguished)
