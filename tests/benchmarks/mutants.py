"""Programs with one token changed, as a slip of the keyboard might: a comparison, an operator, a constant."""

import ast
import random
from collections.abc import Callable

COMPARED = {
    ast.Lt: ast.GtE,
    ast.GtE: ast.Lt,
    ast.Gt: ast.LtE,
    ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
COMPUTED = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv}


def mutant(program: str, name: str, seed: int) -> str | None:
    """``program`` with one place of its function ``name`` changed, the same for the same seed; None: nothing to change.

    Other functions stay: they may be helpers of the tests, of which a program cannot bring its own.
    """
    tree = ast.parse(program)
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    places = [node for function in functions for node in ast.walk(function)]
    changes = [change for node in places if (change := change_of(node)) is not None]
    if not changes:
        return None
    random.Random(seed).choice(changes)()
    return ast.unparse(tree)


def change_of(node: ast.AST) -> Callable[[], None] | None:
    """What changes this node, if something can."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARED:
        return lambda: node.ops.__setitem__(0, COMPARED[type(node.ops[0])]())
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in COMPUTED:
        return lambda: setattr(node, "op", COMPUTED[type(node.op)]())
    if isinstance(node, ast.Constant) and type(node.value) is bool:
        return lambda: setattr(node, "value", not node.value)
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return lambda: setattr(node, "value", int(node.value) + 1)
    return None
