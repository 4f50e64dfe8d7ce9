"""Eleven changes to a right program: it stays right, or gives the same values in other types. Standard library only.

A change takes the text of a program and the name of its function, or of its method of ``class Solution``, and gives the
changed text; None where there is nothing to change.
"""

import ast
import builtins
from collections.abc import Callable, Iterator

Change = Callable[[str, str], str | None]
Function = ast.FunctionDef

_FLOATS = """
def _converted(value):
    if type(value) is int and abs(value) <= 2**53:
        return float(value)
    if type(value) in (list, tuple, set):
        return type(value)(map(_converted, value))
    if type(value) is dict:
        return {key: _converted(item) for key, item in value.items()}
    return value
"""
_NUMPY = """
import numpy as _numpy

def _converted(value):
    if type(value) is bool:
        return _numpy.bool_(value)
    if type(value) is int and abs(value) < 2**63:
        return _numpy.int64(value)
    if type(value) is float:
        return _numpy.float64(value)
    if type(value) in (list, tuple, set):
        return type(value)(map(_converted, value))
    if type(value) is dict:
        return {key: _converted(item) for key, item in value.items()}
    return value
"""
_TUPLES = """
def _converted(value):
    if type(value) in (list, tuple):
        return tuple(map(_converted, value))
    if type(value) is dict:
        return {key: _converted(item) for key, item in value.items()}
    return value
"""
_HELPER = """
def _same(value):
    return value
"""
_DECORATOR = """
import functools as _functools

def _traced(function):
    @_functools.wraps(function)
    def traced(*arguments, **named):
        return function(*arguments, **named)
    return traced
"""


def rename_variables(program: str, name: str) -> str | None:  # noqa: ARG001 - of every function
    """Local variables of every function get another name; parameters, which callers may name, keep theirs."""
    tree = ast.parse(program)
    taken = {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)} | set(dir(builtins))
    functions = [node for node in _outermost(tree.body) if not _shares_names(node)]
    for function in functions:
        stored = {
            node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        _rename(function, {variable: f"{variable}_renamed" for variable in stored - taken})
    return _text(tree, program)


def return_floats(program: str, name: str) -> str | None:
    """Every int that is returned, at any depth, is the float of the same value."""
    return _converted(program, name, _FLOATS)


def return_numpy(program: str, name: str) -> str | None:
    """Every number and bool that is returned, at any depth, is numpy's scalar of the same value."""
    return _converted(program, name, _NUMPY)


def return_tuples(program: str, name: str) -> str | None:
    """Every list that is returned, at any depth, is a tuple."""
    return _converted(program, name, _TUPLES)


def add_prints(program: str, name: str) -> str | None:
    """It prints when it is loaded, and at the start of every call."""
    tree = ast.parse(program)
    body = _function(tree, name).body
    body[_after_docstring(body) : _after_docstring(body)] = ast.parse("print('called')").body
    tree.body += ast.parse("print('loaded')").body
    return _text(tree, program)


def add_helper(program: str, name: str) -> str | None:
    """What it returns passes through a function that is defined above it."""
    tree = ast.parse(program)
    function = _function(tree, name)
    for node in _own_nodes(function):
        if isinstance(node, ast.Return) and node.value is not None:
            node.value = ast.Call(ast.Name("_same", ast.Load()), [node.value], [])
    _insert(tree, _HELPER)
    return _text(tree, program)


def move_into_class(program: str, name: str) -> str | None:
    """The function is a method of ``class Solution``; None where it is one already, or a variable has its name."""
    tree = ast.parse(program)
    stored = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    if _solution(tree) is not None or name in stored:
        return None
    for node in ast.walk(tree):
        for field, value in ast.iter_fields(node):
            if isinstance(value, ast.expr):
                setattr(node, field, _through_solution(value, name))
            elif isinstance(value, list):
                value[:] = [_through_solution(item, name) for item in value]
    function = _function(tree, name)
    function.args.args.insert(0, ast.arg("self"))
    solution = ast.parse("class Solution:\n    pass").body[0]
    assert isinstance(solution, ast.ClassDef)
    solution.body = [function]
    tree.body[tree.body.index(function)] = solution
    return _text(tree, program)


def import_from_future(program: str, name: str) -> str | None:  # noqa: ARG001 - of the whole program
    """Its first line is an import of ``__future__``."""
    return "from __future__ import annotations\n" + program


def end_lines_as_windows(program: str, name: str) -> str | None:  # noqa: ARG001 - of the whole program
    r"""Its lines end in ``\\r\\n``."""
    return program.replace("\n", "\r\n")


def begin_with_bom(program: str, name: str) -> str | None:  # noqa: ARG001 - of the whole program
    """It begins with a byte order mark."""
    return "\ufeff" + program


def decorate(program: str, name: str) -> str | None:
    """The function has a decorator that passes calls on."""
    tree = ast.parse(program)
    _function(tree, name).decorator_list.append(ast.Name("_traced", ast.Load()))
    _insert(tree, _DECORATOR)
    return _text(tree, program)


CHANGES: dict[str, Change] = {
    "renamed variables": rename_variables,
    "floats": return_floats,
    "numpy": return_numpy,
    "tuples": return_tuples,
    "prints": add_prints,
    "helper": add_helper,
    "class Solution": move_into_class,
    "from __future__": import_from_future,
    "CRLF": end_lines_as_windows,
    "BOM": begin_with_bom,
    "decorator": decorate,
}


def changed(program: str, name: str) -> dict[str, str]:
    """Change -> the changed program, for the changes that there are."""
    found = {change: make(program, name) for change, make in CHANGES.items()}
    return {change: text for change, text in found.items() if text is not None}


def _text(tree: ast.AST, program: str) -> str | None:
    """The program of a tree; None where it is the one that was given."""
    text = ast.unparse(ast.fix_missing_locations(tree)) + "\n"
    return None if text == ast.unparse(ast.parse(program)) + "\n" else text


def _converted(program: str, name: str, converter: str) -> str:
    """``program`` under other names, and in its place what calls it and converts the value: inner calls stay as is."""
    tree = ast.parse(program)
    if _solution(tree) is not None:
        _rename(tree, {"Solution": "_Solution"})
        last = (
            f"class Solution:\n    def {name}(self, *arguments, **named):\n"
            f"        return _converted(_Solution().{name}(*arguments, **named))\n"
        )
    else:
        _rename(tree, {name: f"_{name}"})
        last = f"def {name}(*arguments, **named):\n    return _converted(_{name}(*arguments, **named))\n"
    tree.body += ast.parse(converter + last).body
    return ast.unparse(tree) + "\n"


def _rename(tree: ast.AST, names: dict[str, str]) -> None:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            node.id = names.get(node.id, node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef) and node is not tree:
            node.name = names.get(node.name, node.name)


def _outermost(body: list[ast.stmt]) -> Iterator[Function]:
    """The functions of a module, and the methods of its classes."""
    for node in body:
        if isinstance(node, Function):
            yield node
        elif isinstance(node, ast.ClassDef):
            yield from _outermost(node.body)


def _shares_names(function: Function) -> bool:
    """Whether names of the function are bound, or read, in a way that renaming does not see."""
    kinds = (ast.Global, ast.ClassDef, ast.Import, ast.ImportFrom, ast.ExceptHandler, ast.Match, ast.Nonlocal)
    nested = (node for node in ast.walk(function) if node is not function)
    return any(isinstance(node, kinds) for node in nested)


def _solution(tree: ast.Module) -> ast.ClassDef | None:
    return next((node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Solution"), None)


def _function(tree: ast.Module, name: str) -> Function:
    """The last function of that name, or method of ``Solution``; raises StopIteration where there is none."""
    solution = _solution(tree)
    body = tree.body if solution is None else solution.body
    return next(node for node in reversed(body) if isinstance(node, Function) and node.name == name)


def _own_nodes(function: Function) -> Iterator[ast.AST]:
    """The nodes of a function without those of functions inside."""
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, Function | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(node)


def _after_docstring(body: list[ast.stmt]) -> int:
    first = body[0]
    return int(isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and type(first.value.value) is str)


def _insert(tree: ast.Module, source: str) -> None:
    """Put ``source`` on top, below what has to come first."""
    place = _after_docstring(tree.body)
    while isinstance(node := tree.body[place], ast.ImportFrom) and node.module == "__future__":
        place += 1
    tree.body[place:place] = ast.parse(source).body


def _through_solution(node: ast.AST, name: str) -> ast.AST:
    if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
        return ast.Attribute(ast.Call(ast.Name("Solution", ast.Load()), [], []), name, ast.Load())
    return node
