"""Read a row of LeetCodeDataset: tests become inputs and expected outputs, linked lists and trees plain lists.

A test is an assertion ``candidate(nums = [2, 7], target = 9) == [0, 1]``; arguments get their positions from the
signature of the solution's method. Linked lists and binary trees are written ``list_node([1, 2])`` and
``tree_node([1, None, 2])`` (level by level), and compared by ``is_same_list`` and ``is_same_tree``. Inputs and outputs
hold the plain lists. For such a problem, and for one whose method changes its first argument and returns nothing, the
prefix of each program defines a function of the method's name, which builds the arguments, calls the method of a new
``Solution``, and returns plain values.
"""

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from conself.datasets.files.rows import Row
from conself.datasets.row_reader import text
from conself.records import Problem
from conself.sandbox import canonical
from conself.sandbox.jsonlines import literal
from conself.sandbox.sources import Value, parse

SOURCE = "leetcode"

_QUERY = re.compile(r"(.*?)\s*Please complete the following python code precisely:\s*```python\n(.*?)```\s*", re.DOTALL)
_LEVELS = {"Meidum": "Medium"}  # misspelt in some versions of the file
_BUILDERS = ("list_node", "tree_node")
_COMPARED = {"is_same_list": "list_node", "is_same_tree": "tree_node"}

_PLAIN = """
def _list_node_values(node):
    values = []
    while node is not None:
        values.append(node.val)
        node = node.next
    return values


def _tree_node_values(node):
    values, nodes = [], [node]
    for node in nodes:
        values.append(None if node is None else node.val)
        if node is not None:
            nodes += [node.left, node.right]
    while values and values[-1] is None:
        values.pop()
    return values


def {name}(*arguments):
    arguments = [build(value) for build, value in zip({builders}, arguments)]
    output = Solution().{name}(*arguments)
    return {returned}


"""


@dataclass(frozen=True, slots=True)
class Method:
    """A problem with the canonical outputs expected on its inputs, and a right program (with the problem's prefix)."""

    problem: Problem
    expected: tuple[str, ...]
    program: str


@dataclass(frozen=True, slots=True)
class Test:
    """A call of the method: positional arguments and the builder of each (None: none), the output and its builder."""

    __test__ = False  # pytest takes the name for a test class

    arguments: tuple[Value, ...]
    builders: tuple[str | None, ...]
    output: Value
    returned: str | None


def read_row(row: Row) -> Method:
    """Build the problem of a row; raises KeyError, TypeError, ValueError or SyntaxError if it cannot be used."""
    name = text(row, "entry_point").removeprefix("Solution().")
    statement, starter = _stated(text(row, "query"))
    solution = text(row, "completion")
    method = _method(solution, name)
    tests = _tests(text(row, "test"), [argument.arg for argument in method.args.args[1:]])
    adapter = _adapter(name, tests, returns_nothing=ast.unparse(method.returns or ast.Constant(0)) == "None")
    prefix = text(row, "prompt").rstrip("\n") + "\n" + adapter
    distinct = {literal(test.arguments): canonical(_normal(test)) for test in tests}
    level = str(row["meta"]["difficulty"])
    problem = Problem(
        id=text(row, "task_id"),
        statement=statement,
        starter_code=starter,
        entry_point=name,
        inputs=tuple(distinct),
        source=SOURCE,
        difficulty=_LEVELS.get(level, level),
        prefix=prefix,
    )
    return Method(problem, tuple(distinct.values()), prefix + solution)


def _stated(query: str) -> tuple[str, str]:
    """Split a query into the statement and the starter code that follows it."""
    match = _QUERY.fullmatch(query.replace("\N{NO-BREAK SPACE}", " "))
    if match is None:
        raise ValueError("query does not end with a block of code to complete")
    return match[1].strip(), match[2].rstrip() + "\n"


def _method(program: str, name: str) -> ast.FunctionDef:
    for node in parse(program).body:
        if isinstance(node, ast.ClassDef) and node.name == "Solution":
            for method in node.body:
                if isinstance(method, ast.FunctionDef) and method.name == name:
                    return method
    raise ValueError(f"completion has no method {name!r} of class Solution")


def _tests(source: str, parameters: Sequence[str]) -> list[Test]:
    functions = [node for node in parse(source).body if isinstance(node, ast.FunctionDef) and node.name == "check"]
    if len(functions) != 1:
        raise ValueError("test defines no function check")
    return [_test(statement, parameters) for statement in functions[0].body]


def _test(statement: ast.stmt, parameters: Sequence[str]) -> Test:
    match statement:
        case ast.Assert(test=ast.Compare(left=ast.Call() as call, ops=[ast.Eq()], comparators=[wanted])):
            returned = None
        case ast.Assert(test=ast.Call(func=ast.Name(id=compared), args=[ast.Call() as call, wanted])) if (
            compared in _COMPARED
        ):
            returned = _COMPARED[compared]
        case _:
            raise ValueError("a test is no comparison of a call with a value")
    if not (isinstance(call.func, ast.Name) and call.func.id == "candidate"):
        raise ValueError("a test calls something else than the candidate")
    named = {str(keyword.arg): keyword.value for keyword in call.keywords}
    values = [_value(node) for node in _positions(call.args, named, parameters)]
    output, builder = _value(wanted)
    if returned is not None and builder not in (returned, None):
        raise ValueError("a test compares a list with a tree")
    return Test(tuple(value for value, _ in values), tuple(builder for _, builder in values), output, returned)


def _positions(
    positional: Sequence[ast.expr], named: Mapping[str, ast.expr], parameters: Sequence[str]
) -> list[ast.expr]:
    """Sort the arguments of a call by parameter; the last ones may be left to their defaults."""
    rest = parameters[len(positional) :]
    chosen = [named[name] for name in rest if name in named]
    if len(positional) > len(parameters) or set(named) != set(rest[: len(chosen)]):
        raise ValueError("the arguments of a test do not fit the signature")
    return [*positional, *chosen]


def _value(node: ast.expr) -> tuple[Value, str | None]:
    """Read a literal, or the literal from which a linked list or tree is built, with the name of its builder."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _BUILDERS:
        (values,) = node.args
        return ast.literal_eval(values), node.func.id
    return ast.literal_eval(node), None


def _adapter(name: str, tests: Sequence[Test], returns_nothing: bool) -> str:
    """Write the function that wraps the method if its arguments or output are not plain; "" if they are."""
    builders = max((test.builders for test in tests), key=len)  # a call may leave out the last arguments
    returned = tests[0].returned
    if any(test.builders != builders[: len(test.builders)] or test.returned != returned for test in tests):
        raise ValueError("tests differ in which arguments are lists or trees")
    if not any(builders) and returned is None and not returns_nothing:
        return ""
    output = "arguments[0] if output is None else output" if returns_nothing else "output"
    listed = ", ".join(builder or "(lambda value: value)" for builder in builders)
    return _PLAIN.format(
        name=name, builders=f"[{listed}]", returned=f"_{returned}_values({output})" if returned else output
    )


def _normal(test: Test) -> Value:
    """Normalise the expected output as the adapter returns it: a tree's values without trailing empty places."""
    values = test.output
    if test.returned == "tree_node":
        values = list(values)
        while values and values[-1] is None:
            values.pop()
    return values
