"""Draw mutants of a program from all places where it can be changed; syntax trees only, nothing runs."""

import ast
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from conself.mutators.operators import OPERATORS
from conself.sandbox.sources import parse, unwarned

_FAILURES = (SyntaxError, ValueError, MemoryError, RecursionError)
"""No Python; an int of too many digits, or an f-string that cannot be written; nested too deeply."""

_UNTOUCHED = {"annotation", "returns", "format_spec", "decorator_list"}
"""Fields in which a change has no effect on the computation."""


@dataclass(frozen=True)
class _Site:
    """A place in a tree, and its replacement."""

    owner: ast.AST
    field: str
    place: int | None
    new: ast.AST

    def text(self, tree: ast.Module) -> str:
        """Write the program with this one change; the tree is restored afterwards."""
        old = self._put(self.new)
        try:
            return ast.unparse(tree)
        finally:
            self._put(old)

    def _put(self, node: ast.AST) -> ast.AST:
        if self.place is None:
            old: ast.AST = getattr(self.owner, self.field)
            setattr(self.owner, self.field, node)
            return old
        nodes: list[ast.AST] = getattr(self.owner, self.field)
        old, nodes[self.place] = nodes[self.place], node
        return old


def mutants(code: str, entry_point: str | None, limit: int, seed: int) -> tuple[str, ...]:
    """Draw programs that differ from ``code`` by one change each, from :mod:`conself.mutators.operators`.

    Changes are drawn without replacement, in the order of SHA-256(seed, number of the change, code), until ``limit``
    mutants compile and differ in text from the program and from one another. Comments and layout are lost. Only
    execution shows whether a mutant behaves differently, and it may loop for ever: give it little time.

    Args:
        code: a program.
        entry_point: the function, or method of a class, that is called: only what it can reach by names is changed.
            None: all of the program, which reads standard input.
        limit: the most mutants.
        seed: of the draw.

    Returns:
        The mutants, by position of their changes; none of a program that is no Python, or lacks the entry point.

    Raises:
        ValueError: ``limit`` is below 1.
    """
    if limit < 1:
        raise ValueError(f"mutator.limit must be at least 1, got {limit}; ZeroCoder has 13.4 mutants on average")
    try:
        tree = parse(code)
        texts = {ast.unparse(tree)}
        sites = _sites(tree, entry_point)
    except _FAILURES:
        return ()
    by_position: dict[int, str] = {}
    for number in sorted(range(len(sites)), key=lambda number: _rank(seed, number, code)):
        try:
            text = sites[number].text(tree)
            if text in texts:
                continue
            texts.add(text)
            with unwarned():
                compile(text, "<mutant>", "exec", dont_inherit=True)
        except _FAILURES:
            continue
        by_position[number] = text
        if len(by_position) == limit:
            break
    return tuple(text for _, text in sorted(by_position.items()))


def _rank(seed: int, number: int, code: str) -> bytes:
    return hashlib.sha256(f"{seed}\0{number}\0{code}".encode("utf-8", "surrogatepass")).digest()


def _sites(tree: ast.Module, entry_point: str | None) -> list[_Site]:
    """List all relevant changes, by line and column of the node, then by the order of operators."""
    statements = tree.body if entry_point is None else _reached(tree, entry_point)
    places = [
        (owner, field, place, node)
        for statement in statements
        for owner, field, place, node in _walk(tree, "body", tree.body.index(statement), statement)
    ]
    places.sort(key=lambda each: (getattr(each[3], "lineno", 0), getattr(each[3], "col_offset", 0)))
    return [
        _Site(owner, field, place, new)
        for owner, field, place, node in places
        for operator in OPERATORS
        for new in operator(node)
    ]


_Place = tuple[ast.AST, str, int | None, ast.AST]


def _walk(owner: ast.AST, field: str, place: int | None, node: ast.AST) -> Iterator[_Place]:
    """Yield the node and all relevant ones below it, each with its position in its parent."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    yield owner, field, place, node
    for name, value in ast.iter_fields(node):
        if name in _UNTOUCHED:
            continue
        if isinstance(value, ast.AST):
            yield from _walk(node, name, None, value)
        elif isinstance(value, list):
            for number, item in enumerate(value):
                if isinstance(item, ast.AST):
                    yield from _walk(node, name, number, item)


def _reached(tree: ast.Module, entry_point: str) -> list[ast.stmt]:
    """Return the top-level statements that define the entry point, or a name that one of these uses, in order."""
    defined = {id(statement): _defined(statement) for statement in tree.body}
    reached = {
        id(statement)
        for statement in tree.body
        if entry_point in defined[id(statement)] or _owns(statement, entry_point)
    }
    names: set[str] = set()
    while True:
        used = {
            node.id
            for statement in tree.body
            if id(statement) in reached
            for node in ast.walk(statement)
            if isinstance(node, ast.Name)
        }
        further = {id(statement) for statement in tree.body if not used.isdisjoint(defined[id(statement)])}
        if reached and used == names:
            return [statement for statement in tree.body if id(statement) in reached]
        if not reached:
            return []
        names, reached = used, reached | further


def _defined(statement: ast.stmt) -> set[str]:
    """Return the names that a top-level statement defines: a function, a class, or variables."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign | ast.For | ast.With):
        names = (node for node in ast.walk(statement) if isinstance(node, ast.Name))
        return {name.id for name in names if isinstance(name.ctx, ast.Store)}
    return set()


def _owns(statement: ast.stmt, entry_point: str) -> bool:
    """Return whether it is a class with a method of that name."""
    return isinstance(statement, ast.ClassDef) and any(
        isinstance(node, ast.FunctionDef) and node.name == entry_point for node in statement.body
    )
