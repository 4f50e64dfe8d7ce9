"""What a program can do to its verdict: be right. Tests with expected values are never in its process."""

from collections.abc import Sequence

import pytest

from conself.agreement.comparison import Comparison
from conself.benchmarks.task import Judge
from conself.harness.record import record_calls
from conself.oracles import TestOracle
from conself.records import Outcome, Problem, Status, Trace
from tests.benchmarks.answering import verdicts

EXACT = Comparison(list_equals_tuple=True, numbers="by_type", floats="digits", float_digits=6, split_whitespace=True)
RIGHT = "def f(x):\n    return x * 2\n"
TEST = "SECRET = 8\nassert f(4) == SECRET\nassert f([1]) == [1, 1]\nassert f('a') != 'a'\n"


def problem(program: str, test: str) -> Problem:
    (inputs,) = record_calls([(TestOracle("p", program, test), "f")])
    assert isinstance(inputs, tuple)
    return Problem("p", "Double it.", "", "f", inputs, "test", "")


def passed(programs: Sequence[str], test: str = TEST, right: str = RIGHT) -> list[bool]:
    judge = Judge({"p": TestOracle("p", right, test)}, EXACT)
    return verdicts(judge, [problem(right, test)], {"p": programs})["p"]


def test_right_and_wrong_programs() -> None:
    wrong = ["def f(x): return 8", "def f(x): return x + x if x != 'a' else 'a'", "def g(x): return x * 2", "def f(x:"]
    assert passed([RIGHT, "f = lambda x: x + x", *wrong, "def f(x): raise ValueError"]) == [True, True] + 5 * [False]


HOSTILE = {
    "equal to everything": """
class Equal:
    def __eq__(self, other): return True
    def __ne__(self, other): return True
    def __hash__(self): return 8
def f(x): return Equal()
""",
    "an int that is equal to everything": """
class Equal(int):
    def __eq__(self, other): return True
    def __ne__(self, other): return True
def f(x): return Equal(1)
""",
    "a class that is called int": """
def f(x): return type('int', (object,), {'__eq__': lambda *_: True, '__ne__': lambda *_: True})()
""",
    "frames": """
    frame = sys._getframe()
    while frame:
        for names in (frame.f_locals, frame.f_globals):
            if 'SECRET' in names: return names['SECRET']
            for value in list(names.values()):
                if isinstance(value, str) and 'SECRET' in value: return 8
        frame = frame.f_back
    return 0
""",
    "all objects": """
import gc
def f(x):
    for value in gc.get_objects():
        if isinstance(value, dict) and 'SECRET' in value: return value['SECRET']
    return 0
""",
    "patched builtins": """
import builtins, json, random, copy
builtins.AssertionError = builtins.isinstance = builtins.type = builtins.len = lambda *_: 1
json.loads = copy.deepcopy = random.getstate = lambda *_: 8
builtins.compile = builtins.exec = lambda *_, **__: None
def f(x): return 0
""",
    "patched equality of library classes": """
from collections import Counter
Counter.__eq__ = Counter.__ne__ = lambda *_: True
Counter.items = Counter.keys = lambda *_: [('p', 8)]
def f(x): return Counter()
""",
    "leaving with success": """
import sys, os
def f(x):
    try: os._exit(0)
    finally: sys.exit(0)
""",
    "no tests": """
def check(*_): pass
judge = replay = record = lambda *_: True
def f(x): return True
""",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_programs_are_wrong_and_change_no_other_verdict(name: str) -> None:
    assert passed([RIGHT, HOSTILE[name], RIGHT + "# again"]) == [True, False, True]


def test_equal_traces_are_judged_once() -> None:
    """Tests that toss a coin in each run would differ among 60 runs."""
    test = "import os\nassert f(4) == 8 and os.urandom(1)[0] < 128"
    found = Problem("p", "Double it.", "", "f", ("(4,)",), "test", "")
    programs = [RIGHT + f"# {n}" for n in range(60)]
    assert len(set(verdicts(Judge({"p": TestOracle("p", RIGHT, test)}, EXACT), [found], {"p": programs})["p"])) == 1


HONEST = {
    "a counter for a dict": ("from collections import Counter\ndef f(x): return Counter(x)", True),
    "an ordered dict": (
        "from collections import OrderedDict\ndef f(x): return OrderedDict((c, x.count(c)) for c in x)",
        True,
    ),
    "a default dict": (
        "from collections import defaultdict as D\ndef f(x):\n    d = D(int)\n    for c in x: d[c] += 1\n    return d",
        True,
    ),
    "numpy's integers": ("import numpy as np\ndef f(x): return {c: np.int64(x.count(c)) for c in x}", True),
    "other numbers": ("def f(x): return {c: 1 for c in x}", False),
}


@pytest.mark.parametrize("name", HONEST)
def test_honest_programs_that_return_what_is_equal(name: str) -> None:
    program, expected = HONEST[name]
    right = "def f(x):\n    return {c: x.count(c) for c in x}\n"
    assert passed([program], "assert f('aab') == {'a': 2, 'b': 1}\nassert f('') == {}", right) == [expected]


def test_values_of_the_standard_library_are_taken_apart_as_tests_do() -> None:
    """As in the benchmark's own process: an iterator is no list, and a Fraction is a number."""
    heads = (
        "from collections import deque, namedtuple",
        "from fractions import Fraction",
        "from decimal import Decimal",
    )
    head = "\n".join((*heads, "class L(list): pass", "class N:\n    def __eq__(s, o): return True", ""))
    values = {
        **dict.fromkeys(("range(x)", "iter([0, 1, 2])", "(i for i in range(x))", "map(int, '012')"), (True, False)),
        **dict.fromkeys(("deque(range(x))", "dict.fromkeys(range(x)).keys()", "tuple(range(x))"), (True, False)),
        **dict.fromkeys(("L(range(x))", "[Fraction(0), Decimal('1.0'), 2.0]"), (True, True)),
        **dict.fromkeys(("N()", "[0, 1, N()]", "lambda: 0"), (False, False)),
    }
    right = "def f(x):\n    return [0, 1, 2]\n"
    programs = [f"{head}def f(x):\n    return {value}\n" for value in values]
    assert passed(programs, "assert list(f(3)) == [0, 1, 2]", right) == [one for one, _ in values.values()]
    assert passed(programs, "assert f(3) == [0, 1, 2]", right) == [other for _, other in values.values()]


def test_tests_may_use_helpers_tolerances_and_several_calls() -> None:
    right = "def twice(x): return 2 * x\ndef f(x):\n    return twice(x)\n"
    test = "import math\nassert math.isclose(f(0.1) + f(0.2), twice(0.1 + 0.2), rel_tol=1e-6)\nassert f(f(1)) == 4\n"
    close = "def f(x): return 2 * x if x == int(x) else 2 * x + 1e-9"
    assert passed([right, close, "def f(x): return 2 * x + 1e-3"], test, right) == [True, True, False]


def test_a_call_that_was_not_recorded_is_wrong() -> None:
    """The second call depends on the first answer: 3 leads to inputs on which the program was never run."""
    assert passed([RIGHT, "def f(x): return x * 2 if x != 1 else 3"], "assert f(f(1)) in (4, 6)") == [True, False]


def test_values_that_make_tests_fail_in_odd_ways_are_wrong() -> None:
    programs = ["def f(x): return 1e999", "def f(x): return '9' * 10**6", "def f(x): return [[]] * 10**5"]
    programs += ["def f(x):\n    y = []\n    y.append(y)\n    return y", "def f(x): return 10**5000"]
    assert passed([*programs, RIGHT], "import math\nassert 7 < math.floor(f(4)) < 9") == 5 * [False] + [True]


def test_a_trace_of_another_length_is_refused() -> None:
    found = problem(RIGHT, TEST)
    judge = Judge({"p": TestOracle("p", RIGHT, TEST)}, EXACT)
    with pytest.raises(ValueError, match=r"problem p: 1 outcomes against 3 inputs"):
        judge([(found, [Trace("p", 0, (Outcome(Status.OK, "8"),))])], workers=1)


def test_nothing_of_a_trace_is_run_as_code() -> None:
    """Recorded texts are data: one that is no canonical value makes its own verdict False and nothing else."""
    found, oracle = problem(RIGHT, "assert f(4) == 8"), TestOracle("p", RIGHT, "assert f(4) == 8")
    texts = ["8", "__import__('os')._exit(0)", '{"q":1}', '{"d":[[[],1]]}', "[" * 5000 + "]" * 5000]
    answers = [(found, [Trace("p", index, (Outcome(Status.OK, text),)) for index, text in enumerate(texts)])]
    assert Judge({"p": oracle}, EXACT)(answers, workers=1) == {"p": [True, False, False, False, False]}
