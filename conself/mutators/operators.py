"""Mutation operators: the replacements of one node of a syntax tree, one change each.

Those of mutmut 3 (github.com/boxed/mutmut) on Python's own syntax tree, and of cosmic-ray
(github.com/sixty-north/cosmic-ray) the loop that never runs. A function takes a node, without
changing it, and yields its replacements.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from typing import TypeVar

Replacements = Iterator[ast.AST]
Node = TypeVar("Node", bound=ast.AST)

COMPARISONS: Mapping[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
ARITHMETIC: Mapping[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Div,
    ast.Mod: ast.Div,
    ast.Pow: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd,
}
_SWAPPED = (
    ("lower", "upper"),
    ("lstrip", "rstrip"),
    ("find", "rfind"),
    ("index", "rindex"),
    ("ljust", "rjust"),
    ("partition", "rpartition"),
    ("removeprefix", "removesuffix"),
    ("split", "rsplit"),
    ("startswith", "endswith"),
)
METHODS: Mapping[str, str] = {a: b for pair in _SWAPPED for a, b in (pair, pair[::-1])}


def constants(node: ast.AST) -> Replacements:
    """Numbers are increased by 1, texts wrapped in XX, True and False swapped."""
    if not isinstance(node, ast.Constant):
        return
    match node.value:
        case bool() as truth:
            yield _changed(node, value=not truth)
        case int() | float() | complex() as number:
            yield _changed(node, value=number + 1)
        case str() as text:
            yield _changed(node, value=f"XX{text}XX", kind=None)


def comparisons(node: ast.AST) -> Replacements:
    """Each comparison of a chain becomes its neighbour, or its opposite."""
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            swapped = COMPARISONS[type(operator)]()
            yield _changed(node, ops=[*node.ops[:place], swapped, *node.ops[place + 1 :]])


def arithmetic(node: ast.AST) -> Replacements:
    """Operators of numbers and bits are replaced, also in augmented assignments."""
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in ARITHMETIC:
        yield _changed(node, op=ARITHMETIC[type(node.op)]())


def boolean(node: ast.AST) -> Replacements:
    """``and`` becomes ``or``, and the other way round; of ``a and b and c`` all at once."""
    if isinstance(node, ast.BoolOp):
        yield _changed(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())


def unary(node: ast.AST) -> Replacements:
    """``not``, ``-``, ``+`` and ``~`` are dropped."""
    if isinstance(node, ast.UnaryOp):
        yield node.operand


def assignments(node: ast.AST) -> Replacements:
    """The right side becomes None; an augmented assignment a plain one."""
    if isinstance(node, ast.AugAssign):
        yield ast.Assign([node.target], node.value, lineno=node.lineno)
    elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and not _is_none(node.value):
        yield _changed(node, value=ast.Constant(None))


def jumps(node: ast.AST) -> Replacements:
    """``break`` becomes ``return``, ``continue`` becomes ``break``."""
    if isinstance(node, ast.Break):
        yield ast.Return()
    elif isinstance(node, ast.Continue):
        yield ast.Break()


def arguments(node: ast.AST) -> Replacements:
    """One argument of a call is dropped."""
    if isinstance(node, ast.Call):
        for place in range(len(node.args)):
            yield _changed(node, args=node.args[:place] + node.args[place + 1 :])
        for place in range(len(node.keywords)):
            yield _changed(node, keywords=node.keywords[:place] + node.keywords[place + 1 :])


def methods(node: ast.AST) -> Replacements:
    """A method of texts that is called becomes its counterpart."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
        yield _changed(node, func=_changed(node.func, attr=METHODS[node.func.attr]))


def lambdas(node: ast.AST) -> Replacements:
    """The body of a lambda becomes None."""
    if isinstance(node, ast.Lambda) and not _is_none(node.body):
        yield _changed(node, body=ast.Constant(None))


def loops(node: ast.AST) -> Replacements:
    """A loop never runs."""
    if isinstance(node, ast.For):
        yield _changed(node, iter=ast.List([], ast.Load()))
    elif isinstance(node, ast.While):
        yield _changed(node, test=ast.Constant(False))


OPERATORS: tuple[Callable[[ast.AST], Replacements], ...] = (
    constants,
    comparisons,
    arithmetic,
    boolean,
    unary,
    assignments,
    jumps,
    arguments,
    methods,
    lambdas,
    loops,
)
"""All of them, in the order in which they apply to one node."""


def _changed(node: Node, **fields: object) -> Node:
    """Copy a node with some fields replaced; the other parts are shared."""
    new = copy(node)
    for name, value in fields.items():
        setattr(new, name, value)
    return new


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
