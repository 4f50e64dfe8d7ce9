"""Read the parameters of a problem's function from its starter code."""

import ast
import re
from collections.abc import Iterator, Mapping, Sequence
from inspect import Parameter, Signature

from conself.generated_tests.generated_test import Reason, Unusable
from conself.generated_tests.literals import NOT_READ
from conself.records import Problem
from conself.sandbox.sources import parse

_NO_TEXT = re.compile(r"(typing\.)?(list|tuple|dict|set|frozenset|sequence|iterable|int|float|bool|bytes)\b", re.I)
"""Annotations of parameters that take no text."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def signature(problem: Problem) -> Signature | None:
    """Return the signature of the entry point, without a method's ``self``; None if the starter code lacks it."""
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
    """Return the names of the positional parameters, in the order in which ``arguments`` and keywords fill them.

    A positional argument is named by its place, ``"0"``, ``"1"``, ...

    Raises:
        Unusable: the signature doesn't take these arguments, or not all of them by position; or there is no signature,
            and some are passed by name.
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


def only_parameter(shape: Signature | None) -> Parameter | None:
    """Return the parameter of a function that takes exactly one argument, by position; None for other functions."""
    parameters = [] if shape is None else list(shape.parameters.values())
    by_place = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
    if len(parameters) != 1 or parameters[0].kind not in by_place or parameters[0].default is not Parameter.empty:
        return None
    return parameters[0]


def may_be_text(parameter: Parameter | None) -> bool:
    """Return whether a parameter's annotation, if it has one, allows for a text."""
    annotation = "" if parameter is None or parameter.annotation is Parameter.empty else str(parameter.annotation)
    return _NO_TEXT.match(annotation) is None


def _functions(tree: ast.Module) -> Iterator[tuple[Function, bool]]:
    """Yield top-level functions, then methods of classes, each with whether its first parameter is the object."""
    yield from ((node, False) for node in tree.body if isinstance(node, Function))
    for owner in tree.body:
        for node in owner.body if isinstance(owner, ast.ClassDef) else ():
            if isinstance(node, Function):
                yield node, "staticmethod" not in map(ast.unparse, node.decorator_list)


def _signature(declared: ast.arguments, is_method: bool) -> Signature:
    by_place = [*declared.posonlyargs, *declared.args]
    first_default, first_named = len(by_place) - len(declared.defaults), len(declared.posonlyargs)
    parameters = [
        Parameter(
            a.arg,
            Parameter.POSITIONAL_ONLY if place < first_named else Parameter.POSITIONAL_OR_KEYWORD,
            default=Parameter.empty if place < first_default else None,
            annotation=Parameter.empty if a.annotation is None else ast.unparse(a.annotation),
        )
        for place, a in enumerate(by_place)
    ]
    if is_method:
        del parameters[:1]
    if declared.vararg:
        parameters.append(Parameter(declared.vararg.arg, Parameter.VAR_POSITIONAL))
    parameters += [
        Parameter(a.arg, Parameter.KEYWORD_ONLY, default=Parameter.empty if default is None else None)
        for a, default in zip(declared.kwonlyargs, declared.kw_defaults, strict=True)
    ]
    if declared.kwarg:
        parameters.append(Parameter(declared.kwarg.arg, Parameter.VAR_KEYWORD))
    return Signature(parameters)
