"""Could a program carry state from one call to the next? Decides between one fork per program and one per input.

The answer errs on the side of True. A program is safe when its module level only defines functions, classes and
immutable values, imports modules from a short list, and nowhere writes to attributes of module-level names or reaches
for the machinery behind names (``globals``, ``__dict__``, ``setattr``, ``exec``, ...). Then every object that outlives
a call is immutable or a cache of functools, which the runner clears before each input. Standard library only.
"""

import ast


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_MODULES = _words(
    "__future__ abc array bisect cmath collections copy dataclasses datetime decimal enum fractions functools hashlib "
    "heapq itertools json math numbers operator random re statistics string struct textwrap time typing unicodedata"
)
_NAMES = _words(
    "globals vars setattr delattr getattr exec eval compile open input breakpoint help "
    "getcontext setcontext localcontext DefaultContext BasicContext ExtendedContext"
)
_ATTRIBUTES = _words(
    "sys os builtins gc modules register getcontext setcontext localcontext DefaultContext BasicContext"
)
_DUNDERS = _words("__name__ __init__ __new__ __eq__ __lt__ __hash__ __len__ __str__ __repr__ __add__ __iter__")
_DECORATORS = _words(
    "lru_cache cache staticmethod classmethod property total_ordering dataclass wraps abstractmethod cached_property "
    "setter overload contextmanager"
)
_PURE_CALLS = _words(
    "int float str bool complex frozenset range len ord chr pow min max sum abs round Fraction Decimal TypeVar"
)


def may_leak(tree: ast.Module) -> bool:
    """Whether state could survive a call of one of the program's functions (True when in doubt)."""
    body = [statement for statement in tree.body if not _is_main_guard(statement)]
    nodes = [node for statement in body for node in ast.walk(statement)]
    defined = _defined(tree)
    if any(not _harmless(statement, defined) for statement in body):
        return True
    names = defined | _imported(nodes) | {"cls"}
    return any(_suspicious(node, names) for node in nodes)


def _is_main_guard(node: ast.stmt) -> bool:
    """``if __name__ == "__main__": ...`` without an else: never runs in a call program."""
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


def _defined(tree: ast.Module) -> frozenset[str]:
    """The functions, classes and variables of the module level."""
    names: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return frozenset(names)


def _imported(nodes: list[ast.AST]) -> frozenset[str]:
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            names.update((alias.asname or alias.name).partition(".")[0] for alias in node.names)
    return frozenset(names)


def _harmless(node: ast.stmt, defined: frozenset[str]) -> bool:
    """Whether a statement of a module's or class's body leaves only immutable state."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            defaults = [*node.args.defaults, *(default for default in node.args.kw_defaults if default)]
            return all(_immutable(default) for default in defaults) and _plain_decorators(node.decorator_list, defined)
        case ast.ClassDef():
            return (
                not node.keywords
                and _plain_decorators(node.decorator_list, defined)
                and all(_harmless(statement, defined) for statement in node.body)
            )
        case ast.Assign():
            return all(isinstance(target, ast.Name) for target in node.targets) and _immutable(node.value)
        case ast.AnnAssign():
            return isinstance(node.target, ast.Name) and (node.value is None or _immutable(node.value))
        case ast.Expr():
            return isinstance(node.value, ast.Constant)
        case _:
            return isinstance(node, ast.Import | ast.ImportFrom | ast.Pass)


def _plain_decorators(decorators: list[ast.expr], defined: frozenset[str]) -> bool:
    for node in decorators:
        function = node.func if isinstance(node, ast.Call) else node
        if isinstance(node, ast.Call) and not all(_immutable(argument) for argument in node.args):
            return False
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
        if name not in _DECORATORS or name in defined:
            return False
    return True


def _immutable(node: ast.expr) -> bool:
    match node:
        case ast.Constant() | ast.Name():
            return True
        case ast.Attribute() | ast.Subscript():
            return _immutable(node.value)
        case ast.Tuple():
            return all(_immutable(item) for item in node.elts)
        case ast.UnaryOp():
            return _immutable(node.operand)
        case ast.BinOp():
            return _immutable(node.left) and _immutable(node.right)
        case ast.Call(func=ast.Name(id=name)):
            return name in _PURE_CALLS and not node.keywords and all(_immutable(argument) for argument in node.args)
        case ast.Lambda():
            return all(_immutable(default) for default in node.args.defaults)
        case _:
            return False


def _suspicious(node: ast.AST, names: frozenset[str]) -> bool:
    match node:
        case ast.Global():
            return True
        case ast.Import():
            return any(alias.name.partition(".")[0] not in _MODULES for alias in node.names)
        case ast.ImportFrom():
            return node.level > 0 or (node.module or "").partition(".")[0] not in _MODULES or _imports_machinery(node)
        case ast.Name():
            return node.id in _NAMES or (node.id.startswith("__") and node.id not in _DUNDERS)
        case ast.Attribute():
            return _suspicious_attribute(node, names)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return any(
                not _immutable(default) for default in [*node.args.defaults, *filter(None, node.args.kw_defaults)]
            )
        case _:
            return False


def _imports_machinery(node: ast.ImportFrom) -> bool:
    return any(alias.name in _NAMES | _ATTRIBUTES or alias.name.startswith("_") for alias in node.names) and (
        node.module != "__future__"
    )


def _suspicious_attribute(node: ast.Attribute, names: frozenset[str]) -> bool:
    if node.attr in _ATTRIBUTES or (node.attr.startswith("__") and node.attr not in _DUNDERS):
        return True
    root: ast.expr = node
    while isinstance(root, ast.Attribute | ast.Subscript):
        root = root.value
    is_module_level = not isinstance(root, ast.Name) or root.id in names
    return is_module_level and (node.attr.startswith("_") or not isinstance(node.ctx, ast.Load))
