"""A program's syntax tree with parents, and the scopes of its names. Standard library only."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_MARKS = (ast.expr_context, ast.operator, ast.unaryop, ast.cmpop, ast.boolop)


@dataclass(frozen=True)
class Program:
    """A program's nodes (without contexts and operators), the parent of each that has one, and what binds a name.

    ``binders``: name -> the nodes that bind it somewhere, imports aside. ``classes``: names that are bound by plain
    class statements only. ``declared``: names in ``global`` statements, and of imports inside of functions and classes.
    ``imported``: names that imports bind, once they are known.
    """

    nodes: list[ast.AST]
    parents: dict[ast.AST, ast.AST]
    binders: dict[str, list[ast.AST]]
    classes: frozenset[str]
    declared: frozenset[str]
    imported: frozenset[str] = frozenset()

    @classmethod
    def of(cls, statements: Iterable[ast.AST]) -> "Program":
        """Build the program that consists of these statements."""
        nodes = list(statements)
        parents: dict[ast.AST, ast.AST] = {}
        for parent in nodes:  # grows
            for value in vars(parent).values():
                for child in value if type(value) is list else (value,):
                    if isinstance(child, ast.AST) and not isinstance(child, _MARKS):
                        parents[child] = parent
                        nodes.append(child)
        binders: dict[str, list[ast.AST]] = {}
        for node in nodes:
            name = _bound_by(node)
            if name is not None:
                binders.setdefault(name, []).append(node)
        classes = {name for name, found in binders.items() if all(map(_is_plain_class, found))}
        declared = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
        inner = [node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) and node in parents]
        declared |= {(alias.asname or alias.name).partition(".")[0] for node in inner for alias in node.names}
        return cls(nodes, parents, binders, frozenset(classes), frozenset(declared))

    def is_builtin(self, name: str) -> bool:
        """Return whether a name is a builtin that the program does not rebind."""
        return name not in self.binders and name not in self.imported

    def is_variable(self, node: ast.Name) -> bool:
        """Return whether a name is a variable of an enclosing function or comprehension."""
        if node.id not in self.binders or node.id in self.declared:
            return False
        binding = {self.scope_of(binder) for binder in self.binders[node.id]}
        return any(scope in binding for scope in self._scopes_around(node) if not isinstance(scope, ast.ClassDef))

    def scope_of(self, node: ast.AST) -> ast.AST | None:
        """Return the function, comprehension or class in which a node is evaluated or bound; None for the module."""
        return next(self._scopes_around(node), None)

    def _scopes_around(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield the scopes of a node, from the inside out; defaults and decorators belong to the outer scope."""
        child = node
        while (parent := self.parents.get(child)) is not None:
            match parent:
                case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                    is_inside = child in parent.body
                case ast.Lambda():
                    is_inside = child is parent.body
                case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                    is_inside = not self._is_within(node, parent.generators[0].iter, parent)
                case _:
                    is_inside = False
            if is_inside or (isinstance(node, ast.arg) and isinstance(child, ast.arguments)):
                yield parent
            child = parent

    def _is_within(self, node: ast.AST, outer: ast.AST, top: ast.AST) -> bool:
        while node is not top and node is not outer:
            node = self.parents[node]
        return node is outer


def _bound_by(node: ast.AST) -> str | None:
    """Return the name that a node binds, if any, except imports."""
    kind = type(node)
    if kind is ast.Name:
        return None if isinstance(node.ctx, ast.Load) else node.id  # type: ignore[attr-defined]  # a Name
    if kind is ast.arg:
        return node.arg  # type: ignore[attr-defined, no-any-return]  # an arg
    if kind is ast.MatchMapping:
        return node.rest  # type: ignore[attr-defined, no-any-return]  # a MatchMapping
    binding = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)
    return node.name if isinstance(node, binding) else None


def _is_plain_class(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef) and not node.decorator_list
