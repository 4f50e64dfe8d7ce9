"""Static analysis: could a program carry state from one input to the next? True when in doubt.

A program may run all its inputs in one process if everything that outlives a run is reachable from its own names:
it imports from a short list, changes nothing that it imports (:mod:`conself.sandbox.borrowed`), and avoids reflection
(``globals``, ``__dict__``, ``setattr``, ``exec``, ...). The objects behind its own names are compared after each call
(:mod:`conself.sandbox.state`) or, for stdin programs, created again for each input. Standard library only.
"""

import ast
import os
from dataclasses import dataclass, replace
from typing import Generic

from .borrowed import Borrowed, imports, is_type_call, resolve, stays
from .inert import STREAM, has_inert_items, is_inert, lends_nothing
from .rules import ATTRIBUTES, IN_CALLS, IN_PROGRAMS, METHODS, NAMES, Rules, is_hidden
from .scopes import Program

_DESCRIPTOR_CALLS = (os.read, os.write, os.fstat)
_STREAM_METHODS = frozenset(("read", "readline", "readlines", "write", "writelines", "flush", "isatty"))


@dataclass(frozen=True)
class _Case:
    """A program with its imports' bindings, the rules for its kind, and whether each input starts with new streams."""

    program: Program
    borrowed: Borrowed
    rules: Rules
    are_streams_new: bool


def may_leak(tree: ast.Module) -> bool:
    """Return whether a call could leave state behind that is not reachable from the program's own names."""
    program = Program.of(statement for statement in tree.body if not _is_main_guard(statement))
    return (
        _reaches_out(program, IN_CALLS, are_streams_new=False)
        or any(_acts_later(node) or _is_file_function(program, node) for node in program.nodes)
        or "__name__" in program.binders  # code under the main guard may run after all
    )


def may_leak_main(tree: ast.Module) -> bool:
    """Return whether a stdin program, run as ``__main__``, could leave state behind outside its new namespace."""
    program = Program.of(tree.body)
    return _reaches_out(program, IN_PROGRAMS, are_streams_new=True) or _misuses_descriptors(program)


def _is_main_guard(node: ast.stmt) -> bool:
    """Return whether it is ``if __name__ == "__main__": ...`` without an else, which never runs in a call program."""
    match node:
        case ast.If(
            test=ast.Compare(
                left=ast.Name(id="__name__"), ops=[ast.Eq()], comparators=[ast.Constant(value="__main__")]
            ),
            orelse=[],
        ):
            return True
        case _:
            return False


def _reaches_out(program: Program, rules: Rules, are_streams_new: bool) -> bool:
    """Return whether a program uses anything other than its own names and harmless parts of libraries."""
    borrowed = imports(program.nodes, rules)
    if borrowed is None:
        return True
    program = replace(program, imported=frozenset(borrowed))
    case = _Case(program, borrowed, rules, are_streams_new)
    return any(_reaches(case, node) for node in program.nodes)


def _reaches(case: _Case, node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        return _reaches_by_name(case, node)
    if isinstance(node, ast.Attribute):
        if node.attr == "__class__" and isinstance(node.ctx, ast.Load):
            return not stays(node, case.program)
        is_label = node.attr in ("__name__", "__doc__") and not isinstance(node.ctx, ast.Load)
        return node.attr in ATTRIBUTES or is_hidden(node.attr) or is_label
    if isinstance(node, ast.Import | ast.ImportFrom):
        return isinstance(case.program.scope_of(node), ast.ClassDef)  # its attributes are not followed
    if isinstance(node, ast.MatchClass):
        return any(name in ATTRIBUTES or name.startswith("__") for name in node.kwd_attrs)
    if isinstance(node, ast.alias):
        return (node.asname or "").startswith("__")
    if isinstance(node, ast.ClassDef):
        return bool(node.keywords)
    return isinstance(node, ast.FunctionDef) and node.name in METHODS


def _reaches_by_name(case: _Case, node: ast.Name) -> bool:
    name = node.id
    if is_hidden(name):
        return True
    if name in NAMES:
        return not case.program.is_variable(node)
    if name == "type" and name not in case.borrowed:
        return not _asks_for_type(case.program, node)
    if name not in case.borrowed or case.program.is_variable(node):
        return False
    if not isinstance(node.ctx, ast.Load):  # from here on it means something else, unless that changes it in place
        return isinstance(case.program.parents.get(node), ast.AugAssign)
    return not all(_is_harmless(case, node, path, value) for path, value in case.borrowed[name])


def _is_harmless(case: _Case, name: ast.Name, path: str | None, meaning: object) -> bool:
    """Return whether a borrowed name is used without changing the borrowed object."""
    found = resolve(name, path, meaning, case.program, case.rules)
    if found is None:
        return False
    node, value = found
    parent = case.program.parents.get(node)
    if value is STREAM:
        return case.are_streams_new or _only_reads_or_writes(case.program, node)
    if any(value is one for one in _DESCRIPTOR_CALLS):
        return isinstance(parent, ast.Call) and parent.func is node and _is_standard(case.program, parent)
    if isinstance(parent, ast.Subscript) and parent.value is node:
        if has_inert_items(value):
            return True
        if value is Generic:
            node, parent = parent, case.program.parents.get(parent)
    if isinstance(parent, ast.ClassDef) and node in parent.bases:
        return lends_nothing(value)
    return is_inert(value) or stays(node, case.program)


def _is_call_of(call: ast.Call, name: str) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == name


def _asks_for_type(program: Program, name: ast.Name) -> bool:
    """Return whether ``type`` is called directly, for a type that is used directly or to make a class."""
    call = program.parents.get(name)
    if not isinstance(call, ast.Call):
        return stays(name, program)
    if call.func is not name:
        return _is_call_of(call, "isinstance") and stays(name, program)
    return len(call.args) == 3 or (is_type_call(call, program) and stays(call, program))


def _only_reads_or_writes(program: Program, stream: ast.AST) -> bool:
    """Check that a call program does not close or change its standard streams, which all inputs share."""
    match parent := program.parents.get(stream):
        case ast.Attribute(attr="buffer"):
            return _only_reads_or_writes(program, parent)
        case ast.Attribute(attr=name):
            call = program.parents.get(parent)
            return name in _STREAM_METHODS and isinstance(call, ast.Call) and call.func is parent
        case ast.keyword(arg="file"):
            call = program.parents.get(parent)
            return isinstance(call, ast.Call) and program.is_builtin("print") and _is_call_of(call, "print")
        case ast.For(iter=source) | ast.comprehension(iter=source):
            return source is stream
        case _:
            return False


def _acts_later(node: ast.AST) -> bool:
    """Find code of a call program that runs when objects are collected, perhaps during a later call."""
    match node:
        case ast.FunctionDef(name="__del__") | ast.AsyncFunctionDef():
            return True
        case ast.FunctionDef():
            nodes = list(ast.walk(node))
            is_generator = any(isinstance(part, ast.Yield | ast.YieldFrom) for part in nodes)
            return is_generator and any(isinstance(part, ast.Try | ast.TryStar | ast.With) for part in nodes)
        case _:
            return False


def _is_file_function(program: Program, node: ast.AST) -> bool:
    """Find functions that open or close files in a call program; ``exit`` closes standard input before it raises."""
    return isinstance(node, ast.Name) and node.id in ("open", "exit", "quit") and not program.is_variable(node)


def _misuses_descriptors(program: Program) -> bool:
    """Return whether ``open`` is used other than with standard input, standard output or a path, as constants."""
    for node in program.nodes:
        if isinstance(node, ast.Name) and node.id == "open" and not program.is_variable(node):
            match program.parents.get(node):
                case ast.Call(func=function, args=[ast.Constant(value=what), *_]) if function is node:
                    if not isinstance(what, str) and what not in (0, 1):
                        return True
                case _:
                    return True
    return False


def _is_standard(program: Program, call: ast.Call) -> bool:
    """Return whether a call of the os module can only refer to one of the three standard descriptors."""
    match call.args:
        case [ast.Constant(value=0 | 1 | 2), *_] | [ast.Call(func=ast.Attribute(attr="fileno")), *_]:
            return True
        case [ast.Name(id=name), *_] | [ast.Attribute(attr=name), *_]:
            return _is_handle(program, name)
        case _:
            return False


def _is_handle(program: Program, name: str) -> bool:
    """Return whether a name or attribute is only ever assigned some stream's ``fileno()``."""
    found = False
    for node in program.nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if name == (target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", None)):
                    match node.value:
                        case ast.Call(func=ast.Attribute(attr="fileno")):
                            found = True
                        case _:
                            return False
    return found
