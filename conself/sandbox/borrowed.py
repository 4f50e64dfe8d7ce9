"""Check whether a program could change the library objects that it uses. Standard library only.

Imports are resolved to the real objects, which are loaded before any program runs. An object that can carry state
(a module, a class written in Python, one of its functions: they take attributes) must be used directly: called,
derived from, named in an annotation or an ``isinstance``. If passed on, it could be changed unnoticed.
"""

import ast
import sys
from collections.abc import Iterable
from types import ModuleType

from .inert import STREAM, is_inert
from .rules import Rules
from .scopes import Program

Borrowed = dict[str, list[tuple[str | None, object]]]
"""A program's name -> what imports may bind it to, each with its dotted path if it is a module."""

_STREAMS = frozenset(("stdin", "stdout", "stderr"))
_MISSING, _FORBIDDEN = object(), object()
_TAKERS = {"isinstance": 1, "issubclass": 1, "map": 0, "filter": 0, "len": 0, "str": 0, "repr": 0, "print": 0}


def imports(nodes: Iterable[ast.AST], rules: Rules) -> Borrowed | None:
    """Return the bindings of a program's import statements; None if one violates the rules."""
    found: Borrowed = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.name if alias.asname else alias.name.partition(".")[0]
                if alias.name not in rules or bound not in rules:
                    return None
                found.setdefault(alias.asname or bound, []).append((bound, sys.modules.get(bound)))
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            module = node.module or ""
            if node.level > 0 or module not in rules:
                return None
            for alias in node.names:
                is_star = alias.name == "*"
                for name in _public(module) if is_star else (alias.name,):
                    entry = _look_up(module, name, rules)
                    if entry is None and not is_star:
                        return None
                    found.setdefault(alias.asname or name, []).append(entry or (None, _FORBIDDEN))
            if is_star and module not in sys.modules:
                return None
    return found


def _public(module: str) -> Iterable[str]:
    """List the names that a star import of a module binds."""
    loaded = sys.modules.get(module)
    names: Iterable[str] = getattr(loaded, "__all__", None) or [name for name in dir(loaded) if name[0] != "_"]
    return names


def _look_up(module: str, name: str, rules: Rules) -> tuple[str | None, object] | None:
    """Look up a name of a module in the rules, as in Borrowed; None if it may not be used or does not exist."""
    if not rules[module](name):
        return None
    if module == "sys" and name in _STREAMS:
        return None, STREAM
    value = getattr(sys.modules.get(module), name, _MISSING)
    if isinstance(value, ModuleType):
        path = f"{module}.{name}"
        return (path, value) if path in rules else None
    return None if value is _MISSING and module in sys.modules else (None, value)


def resolve(
    node: ast.AST, path: str | None, value: object, program: Program, rules: Rules
) -> tuple[ast.AST, object] | None:
    """Resolve the longest chain of attributes from a borrowed name.

    None if the chain is not allowed, does not exist, or assigns to a borrowed object.
    """
    if value is _FORBIDDEN:
        return None
    while isinstance(parent := program.parents.get(node), ast.Attribute):
        if path is None and (value is STREAM or value is _MISSING):
            break
        if not isinstance(parent.ctx, ast.Load):
            return (parent, STREAM) if path == "sys" and parent.attr in _STREAMS else None
        if path is not None:
            entry = _look_up(path, parent.attr, rules)
            if entry is None:
                return None
            path, value = entry
        elif not isinstance(value, type) and not is_inert(value) and type(value).__name__ != "ufunc":
            return None  # the method of a container, say, could change it
        else:
            value = _MISSING if parent.attr.startswith("_") else getattr(value, parent.attr, _MISSING)
            if value is _MISSING:
                return None
        node = parent
    if isinstance(parent, ast.Subscript) and parent.value is node and not isinstance(parent.ctx, ast.Load):
        return None
    return (node, value)


def stays(node: ast.AST, program: Program) -> bool:
    """Return whether an expression that is, or may be, an object of a library is used directly."""
    while True:
        parent = program.parents.get(node)
        match parent:
            case ast.Call(func=func):
                return func is node or _takes(parent, node, program)
            case ast.Attribute(attr="__name__", ctx=ast.Load()) | ast.Expr() | ast.ExceptHandler() | ast.Raise():
                return True
            case ast.FormattedValue() | ast.MatchClass() | ast.arg() | ast.FunctionDef() | ast.AsyncFunctionDef():
                return True  # shown, matched, an annotation, a decorator
            case ast.ClassDef(decorator_list=decorators):
                return node in decorators
            case ast.AnnAssign():
                return parent.annotation is node
            case ast.Compare(left=left, comparators=others, ops=ops):
                by_identity = all(isinstance(op, ast.Is | ast.IsNot) for op in ops)
                return by_identity or all(_is_plain(part, program) for part in (left, *others))
            case ast.Subscript(value=base):
                if base is not node and not _is_plain(base, program):
                    return False
            case ast.BinOp(op=ast.Mod(), left=ast.Constant()):
                return True  # formatting
            case ast.BinOp(op=ast.BitOr(), left=left, right=right):
                if not (_is_plain(left, program) and _is_plain(right, program)):
                    return False
            case ast.Tuple() | ast.List():
                pass
            case _:
                return False
        node = parent


def is_type_call(node: ast.AST | None, program: Program) -> bool:
    """Return whether it is ``type(x)``, with the builtin."""
    match node:
        case ast.Call(func=ast.Name(id="type"), args=[argument], keywords=[]):
            return program.is_builtin("type") and not isinstance(argument, ast.Starred)
        case _:
            return False


def _takes(call: ast.Call, node: ast.AST, program: Program) -> bool:
    """Return whether a call is of a builtin that only inspects, calls or shows this argument."""
    if not isinstance(call.func, ast.Name) or not program.is_builtin(call.func.id):
        return isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Constant)  # str.format
    place = _TAKERS.get(call.func.id)
    return place is not None and place < len(call.args) and call.args[place] is node


def _is_plain(node: ast.AST, program: Program) -> bool:
    """Return whether an expression has only classes and builtins, so that its operators run no code of the program."""
    match node:
        case ast.Constant():
            return True
        case ast.Name(id=name):
            return name not in program.binders or name in program.classes
        case ast.Attribute(value=ast.Name(id=name)):
            return name not in program.binders
        case ast.Attribute(value=ast.Attribute() as part):
            return _is_plain(part, program)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            return all(_is_plain(part, program) for part in parts)
        case ast.Subscript(value=left, slice=right) | ast.BinOp(op=ast.BitOr(), left=left, right=right):
            return _is_plain(left, program) and _is_plain(right, program)
        case _:
            return is_type_call(node, program)
