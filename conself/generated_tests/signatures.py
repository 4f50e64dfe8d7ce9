"""Which arguments a problem's function takes, read from its starter code."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from inspect import Parameter, Signature

from conself.generated_tests.generated_test import Reason, Unusable
from conself.generated_tests.literals import NOT_READ
from conself.records import Problem
from conself.sandbox.sources import parse

Function = ast.FunctionDef | ast.AsyncFunctionDef


def signature(problem: Problem) -> Signature | None:
    """The signature of the entry point, without ``self`` of a method; None where the starter code doesn't show it."""
    for source in (problem.starter_code, f"{problem.starter_code.rstrip()} pass"):  # a body may be missing
        try:
            tree = parse(source)
        except NOT_READ:
            continue
        for function, is_method in _functions(tree):
            if function.name == problem.entry_point:
                try:
                    return _signature(function.args, is_method)
                except ValueError:  # two parameters of one name
                    return None
    return None


def positional(shape: Signature | None, arguments: Sequence[object], keywords: Mapping[str, object]) -> tuple[str, ...]:
    """Names of the parameters that are given by position, in the order in which ``arguments`` and keywords fill them.

    An argument by position has the name of its place, ``"0"``, ``"1"``, ...

    Raises:
        Unusable: the signature doesn't take these arguments, or not all of them by position; or there is none, and
            some are given by name.
    """
    places = tuple(map(str, range(len(arguments))))
    if shape is None:
        if keywords:
            raise Unusable(Reason.ARITY)
        return places
    try:
        bound = shape.bind(*places, **{name: name for name in keywords})
    except TypeError:
        raise Unusable(Reason.ARITY) from None
    if bound.kwargs:
        raise Unusable(Reason.ARITY)
    return bound.args


def _functions(tree: ast.Module) -> Iterator[tuple[Function, bool]]:
    """Functions of the top level, then methods of its classes, each with whether its first parameter is the object."""
    yield from ((node, False) for node in tree.body if isinstance(node, Function))
    for owner in tree.body:
        for node in owner.body if isinstance(owner, ast.ClassDef) else ():
            if isinstance(node, Function):
                yield node, "staticmethod" not in map(ast.unparse, node.decorator_list)


def _signature(given: ast.arguments, is_method: bool) -> Signature:
    by_place = [*given.posonlyargs, *given.args]
    first_default, first_named = len(by_place) - len(given.defaults), len(given.posonlyargs)
    parameters = [
        Parameter(
            a.arg,
            Parameter.POSITIONAL_ONLY if place < first_named else Parameter.POSITIONAL_OR_KEYWORD,
            default=Parameter.empty if place < first_default else None,
        )
        for place, a in enumerate(by_place)
    ]
    if is_method:
        del parameters[:1]
    if given.vararg:
        parameters.append(Parameter(given.vararg.arg, Parameter.VAR_POSITIONAL))
    parameters += [
        Parameter(a.arg, Parameter.KEYWORD_ONLY, default=Parameter.empty if default is None else None)
        for a, default in zip(given.kwonlyargs, given.kw_defaults, strict=True)
    ]
    if given.kwarg:
        parameters.append(Parameter(given.kwarg.arg, Parameter.VAR_KEYWORD))
    return Signature(parameters)
