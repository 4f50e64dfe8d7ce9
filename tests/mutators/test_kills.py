"""Kill matrices by hand: of outcomes, of small programs that run in the sandbox, and of CRUXEval's functions."""

import json
from pathlib import Path

import pytest

from conself.agreement.comparison import Comparison
from conself.mutators.kills import kills
from conself.mutators.mutants import mutants
from conself.records import Outcome, Status
from conself.sandbox import UNREADABLE, Job, Limits, execute
from conself.sandbox.jobs import arguments

BY_VALUE = Comparison(
    list_equals_tuple=True, numbers="by_value", floats="tolerance", float_digits=6, split_whitespace=True
)
LIMITS = Limits(cpu_seconds=0.1, wall_seconds=5.0, memory_mb=512, output_kb=64, max_timeouts=2)
FILE = Path(__file__).parents[3] / "shared" / "data" / "cruxeval.jsonl"


def outcome(word: str) -> Outcome:
    """A value, or ``E``, ``T``: an exception, a time-out."""
    statuses = {"E": Status.EXCEPTION, "T": Status.TIMEOUT}
    return Outcome(statuses[word], "") if word in statuses else Outcome(Status.OK, word)


def outcomes(text: str) -> list[Outcome]:
    return list(map(outcome, text.split()))


def test_by_hand() -> None:
    found = kills(
        outcomes("1 2 E [3]"),
        [
            outcomes("1 2 E [3]"),
            outcomes("1 3 E [3]"),
            outcomes('T {"f":"2.0"} T {"t":[3]}'),
            outcomes("1 2 0 E"),
        ],
        BY_VALUE,
        is_stdin=False,
    )
    assert found == [
        (False, False, False, False),
        (False, True, False, False),
        (True, False, False, False),
        (False, False, True, True),
    ]


def test_equality_is_that_of_the_run() -> None:
    same = outcomes('{"t":[1,{"f":"2.0"}]}')
    assert kills(outcomes("[1,2]"), [same], BY_VALUE, is_stdin=False) == [(False,)]
    by_type = Comparison(False, "by_type", "digits", 6, True)
    assert kills(outcomes("[1,2]"), [same], by_type, is_stdin=False) == [(True,)]
    assert kills(outcomes('"1\\n"'), [outcomes('"1"')], BY_VALUE, is_stdin=True) == [(False,)]


def test_what_cannot_be_read() -> None:
    lock = f'{UNREADABLE}"lock"}}'
    assert kills(outcomes(lock), [outcomes("1"), outcomes(lock), outcomes("E")], BY_VALUE, False) == [(False,)] * 3
    assert kills(outcomes("1"), [outcomes(lock)], BY_VALUE, False) == [(True,)]


def test_no_mutants_no_inputs_wrong_lengths() -> None:
    assert kills(outcomes("1 2"), [], BY_VALUE, False) == []
    assert kills([], [[], []], BY_VALUE, False) == [(), ()]
    with pytest.raises(ValueError, match="argument 3 is shorter"):
        kills(outcomes("1 2"), [outcomes("1 2"), outcomes("1")], BY_VALUE, False)


def kill_table(code: str, *inputs: str) -> dict[str, str]:
    """The line that a mutant changes -> on which inputs it is killed, a 1 each."""
    some = mutants(code, "f", 100, 0)
    (result,) = execute([Job("p", (code, *some), "f", inputs)], LIMITS, workers=1)
    table = kills(result.rows[0], result.rows[1:], BY_VALUE, is_stdin=False)
    old = code.split("\n")
    changed = [next(line for line in new.split("\n") if line not in old) for new in some]
    assert len(set(changed)) == len(changed)
    return {line[4:]: "".join(str(int(cell)) for cell in row) for line, row in zip(changed, table, strict=True)}


def test_small_programs() -> None:
    longest = "def f(xs):\n    best = 0\n    for x in xs:\n        if x > best:\n            best = x\n    return best"
    assert kill_table(longest, "([],)", "([1],)", "([2, 1],)", "([1, 2],)") == {
        "best = None": "1111",  # returned as it is, or nothing can be compared with it
        "best = 1": "1000",  # from 1 on the largest is the same
        "for x in []:": "0111",
        "    if x >= best:": "0000",  # equivalent: what is assigned is there already
        "        best = None": "0111",
    }
    countdown = "def f(n):\n    while n > 0:\n        n -= 3\n    return n"
    assert kill_table(countdown, "(0,)", "(3,)", "(4,)") == {
        "while False:": "011",
        "while n >= 0:": "110",  # 0 to -3, 3 to -3, 4 to -2
        "while n > 1:": "001",  # 4 to 1, in place of -2
        "    n += 3": "011",  # never ends
        "    n = 3": "011",  # neither does this
        "    n -= 4": "011",  # 3 to -1, 4 to 0
    }


def functions() -> list[dict[str, str]]:
    """CRUXEval: a function ``f`` each, an input and its output."""
    return [json.loads(line) for line in FILE.read_text().splitlines()]


needs_functions = pytest.mark.skipif(not FILE.is_file(), reason=f"CRUXEval is not at {FILE}")


@needs_functions
def test_real_functions_by_hand() -> None:
    codes = [record["code"] for record in functions()[:5]]
    assert kill_table(codes[2], "('hbtofdeiequ',)", "('a+b',)", "('',)") == {
        "new_text = None": "111",
        "new_text = list()": "110",
        "for i in []:": "010",
        "for i in 'XX+XX':": "000",  # no X is there to be removed
        "    if i not in new_text:": "111",
        "        new_text.remove()": "010",
        "return 'XXXX'.join(new_text)": "110",
        "return ''.join()": "111",
    }
    assert kill_table(codes[3], "('bcksrut', 'q')", "('', 'q')") == {
        "text_list = None": "11",
        "text_list = list()": "10",
        "text_list.append()": "11",
        "return 'XXXX'.join(text_list)": "10",
        "return ''.join()": "11",
    }
    assert kill_table(codes[4], "([' ', '  '],)", "([],)") == {
        "s = None": "11",
        "s = 'XX XX'": "11",
        "s -= ''.join(array)": "11",
        "s = ''.join(array)": "11",
        "s += 'XXXX'.join(array)": "10",
        "s += ''.join()": "11",
    }


@needs_functions
@pytest.mark.slow
def test_most_real_functions_have_mutants_that_behave_differently() -> None:
    """At least 500 of 800 functions have four mutants with another outcome on the one input on record; none hangs."""
    jobs = []
    for record in functions():
        given = f"({record['input'].strip().removesuffix(',')},)" if record["input"].strip() else "()"
        try:
            arguments(given)
        except ValueError:
            continue  # a lambda, a range
        code = record["code"]
        jobs.append(Job(record["id"], (code, *mutants(code, "f", 16, 0)), "f", (given,)))
    assert len(jobs) == 788
    enough = 0
    for result in execute(jobs, LIMITS, workers=2):
        assert result.rows[0][0].status is Status.OK
        killed = kills(result.rows[0], result.rows[1:], BY_VALUE, is_stdin=False)
        enough += sum(map(any, killed)) >= 4
    assert enough >= 500
