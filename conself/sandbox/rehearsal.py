"""Run a runner's steps once on a trusted program, before the first fork. Standard library only.

A runner starts as a copy of the zygote. Code that has run there is specialised by the interpreter, with full caches and
contiguous memory, which saves each runner about a seventh of its time.
"""

import ast
import sys
from ast import literal_eval
from marshal import dumps, loads

from .calls import find
from .canonical import canonical
from .leaks import may_leak, may_leak_main
from .runner import fresh_module, guarded
from .screen import DENIED_IN_CALLS, clears, rebinds
from .state import MODULE, PROGRAM, capture, has_changed, is_fixed

_TIMES = 20  # the interpreter specialises what has run eight times or more
_TRUSTED = '''
from typing import List
import math
LIMIT = 10
class Box:
    def __init__(self, items):
        self.items = items
def f(numbers: List[int], word: str = "a"):
    """A little of everything."""
    box, seen = Box(numbers), {}
    for index, number in enumerate(sorted(box.items)):
        if number % 2 == 0 and number < LIMIT:
            seen[str(number)] = [index, number / 2, math.sqrt(number)]
    return seen, word.upper(), tuple(seen), len(seen) > 1, None
'''


def rehearse() -> None:
    """Go through the steps of a runner, the walls aside, a few times."""
    blob = dumps(([3, 1, 2], "word"))
    for _ in range(_TIMES):
        code = compile(_TRUSTED, PROGRAM, "exec", dont_inherit=True)
        clears(code, DENIED_IN_CALLS)
        rebinds(code)
        tree = ast.parse(_TRUSTED)
        may_leak(tree)
        may_leak_main(tree)
        namespace = fresh_module(MODULE)
        guarded(lambda: exec(code, namespace))  # noqa: B023 - called here and now
        entry = find(namespace, "f")
        if entry is None:
            raise NameError("the rehearsal's own program has no entry point")
        for arguments in (loads(blob), literal_eval("([3, 1, 2], 'word')")):
            guarded(lambda: canonical(entry()(*arguments), 1000))  # noqa: B023
            state = capture(namespace)
            if state is not None:
                has_changed(state, namespace)
        is_fixed(namespace)
    del sys.modules[MODULE]
