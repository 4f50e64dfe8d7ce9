"""Random programs full of state: whatever path they take, a call finds nothing of the one before."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conself.sandbox import Audit, Job, Limits, execute

LIMITS = Limits(1.0, 10.0, memory_mb=512, output_kb=64, max_timeouts=3, audit=1.0, require="weak")
NAMES = "abc"
# {0} is the name that is bound, {1} an earlier one
LISTS = ["[]", "[[0], [0]]", "[[0]] * 2", "[1, 'x', 2.5]", "[{1}, {1}]", "[{1}, []]"]
ON_LISTS = [
    *(
        "{0}.append({1})",
        "{0}.append(1)",
        "{0}.pop()",
        "{0}[0] = {1}",
        "{0}[1] = [0]",
        "{0}[0].append(1)",
        "{0}[0].pop()",
    ),
    *("{0}.clear()", "{0}.reverse()", "{0} += [1]", "{0}[0] = {0}[1]", "{0}[0] = type({0}[0])({0}[0])", "{0}[-1] += 1"),
    "{0}.append(9); out.append(show({1})); {0}.pop()",  # is the other name's list the same one?
    "{0}[0].append(9); out.append(show({0})); {0}[0].pop()",
]
DICTS = ["{{}}", "{{1: [2], 3: 4}}", "{{1: {1}, 3: {1}}}"]
ON_DICTS = [
    *(
        "{0}[1] = {1}",
        "{0}[1] = {0}.pop(1)",
        "{0}.pop(3)",
        "{0}[3] = 4",
        "{0}[1].append(1)",
        "{0}[1].pop()",
        "{0}[1] = [2]",
    ),
    *("{0}.clear()", "{0}[3] += 1", "{0}[3] = True"),
]
SETS = ["{{1, 2}}", "{{'a', 'b', 'c'}}", "[{{1, 2}}][0]"]
ON_SETS = [
    "{0}.add(7); {0}.discard(7)",
    "out.append({0}.pop()); {0}.add(out[-1])",
    "out.extend({0})",
    "out.append(show(list({0})))",
    "{0}.add(8)",
]
SCALARS = ["0", "'text'", "(1, [2])", "frozenset('ab')", "bytearray(b'x')", "None"]
ON_SCALARS = ["{0} += 1", "{0} = {1}", "{0}[1].append(1)", "{0}.append(1)", "{0} = 0", "{0} = 0.0", "{0} *= 1"]
CLASSES = [
    "class {0}:\n n = 0\n items = []\n def m(self, x=[]):\n  x.append(1)\n  return len(x)",
    "class {0}:\n n, items = 0, {1}\n @classmethod\n def m(cls): cls.n += 1; return cls.n",
    "class {0}:\n n = 0\n @staticmethod\n @cache\n def m(): return []",
    "@dataclass\nclass {0}:\n n: int = 0\n items: list = field(default_factory=list)",
    "{0} = namedtuple('P', 'n items', defaults=[0, []])",
    "{0} = type('A', (), {{'n': 0, 'items': []}})",
    "class {0}:\n class B: n, items = 0, []\n m = B\nclass {0}({0}.B): pass",
]
ON_CLASSES = [
    *(
        "{0}.n += 1",
        "{0}.n = {1}",
        "{0}.items.append(1)",
        "{0}.items.pop()",
        "{0}().items.append(1)",
        "{0}.items = {1}",
    ),
    *("out.append({0}().m())", "out.append({0}.m())", "{0}.m().append(1)", "{0}.m.n += 1", "{0}.m.n = 1", "del {0}.n"),
    *("out.append({0}.n)", "out.append({0}().items)", "out.append({0}.m.n)", "{0} = type('A', (), {{'n': {1}}})"),
]
FUNCTIONS = [
    "def {0}(x=[], y={1}):\n x.append(1)\n return len(x)",
    "def {0}(*, x={{}}):\n x[len(x)] = 1\n return x",
    "@cache\ndef {0}(): return []",
    "@cache\ndef {0}(x=()):\n h.append(1)\n return len(h)",
    "{0} = lambda: {1}",
    "{0} = lambda x=[{1}]: x",
]
ON_FUNCTIONS = [
    *(
        "out.append({0}())",
        "{0}().append(1)",
        "{0}.n = 1",
        "{0}.n += 1",
        "{0} = lambda: 2",
        "{0} = None",
        "{0}().pop()",
    ),
    "out.append({0}()); {0} = None; {0} = lambda: 3",  # which may lie where the old one lay
    *("out.append({0}.n)", "out.append({0}.cache_info()[:2])", "{0}.items = []", "{0}.items.append(1)"),
]
ON_ANY = ["{0} = {1}", "{0}, {1} = {1}, {0}", "del {0}", "{0} = []", "out.append({0} is {1})"]
KINDS: list[tuple[list[str], list[str]]] = [
    ([f"{{0}} = {value}" for value in LISTS], ON_LISTS),
    ([f"{{0}} = {value}" for value in DICTS], ON_DICTS),
    ([f"{{0}} = {value}" for value in SETS], ON_SETS),
    ([f"{{0}} = {value}" for value in SCALARS], ON_SCALARS),
    (CLASSES, ON_CLASSES),
    (FUNCTIONS, ON_FUNCTIONS),
    (["{0} = {1}"], ON_LISTS + ON_DICTS + ON_CLASSES),
]
PRELUDE = """import re
from collections import namedtuple
from dataclasses import dataclass, field
from functools import cache
h = []
def show(x): return re.sub(' at 0x\\\\w+', '', str(x))
"""


@st.composite
def programs(draw: st.DrawFn) -> str:
    """A program with up to three names at the top, whose entry point does some things to them and shows them."""
    lines, steps = [PRELUDE], [f"out.append(show({name}))" for name in NAMES]
    for index, name in enumerate(NAMES):
        declarations, statements = draw(st.sampled_from(KINDS))
        earlier = draw(st.sampled_from(NAMES[:index] or "0"))
        lines.append(draw(st.sampled_from(declarations)).format(name, earlier))
        for template in draw(st.lists(st.sampled_from(statements + ON_ANY), max_size=4)):
            steps.append(template.format(name, draw(st.sampled_from(NAMES))))
    lines.append(f"def f(x):\n global {', '.join(NAMES)}\n out = []")
    steps += [f"out.append(show({name}))" for name in NAMES]
    lines += [f" try: {step}\n except Exception as e: out.append(type(e).__name__)" for step in steps]
    return "\n".join([*lines, " return out\n"])


@pytest.mark.slow
@settings(max_examples=8, deadline=None)
@given(st.lists(programs(), min_size=30, max_size=30, unique=True))
def test_no_random_program_leaks(sources: list[str]) -> None:
    (result,) = execute([Job("job", tuple(sources), "f", ("(1,)",) * 3)], LIMITS, 1)
    for source, row, note in zip(sources, result.rows, result.notes, strict=True):
        assert note.audit is Audit.AGREED, source
        assert len(set(row)) == 1, source
