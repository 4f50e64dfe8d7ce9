"""Could a program carry state from one input to the next? The static half of the answer; True when in doubt.

A program may run all its inputs in one process if it reaches nothing that outlives a run except what is behind its
own names: it imports modules from a short list, never writes to their attributes or hands a module around, and stays
away from the machinery behind names (``globals``, ``__dict__``, ``setattr``, ``exec``, ...). What is behind its own
names is looked at after each call (:mod:`conself.sandbox.state`) or, for stdin programs, made anew for each input.
Standard library only.
"""

import ast


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set."""
    return frozenset(text.split())


_MODULES = words(
    "__future__ abc array bisect cmath collections copy dataclasses datetime decimal enum fractions functools hashlib "
    "heapq io itertools json math numbers numpy operator queue random re statistics string struct sys textwrap time "
    "types typing unicodedata"
)
_STDIN_MODULES = _MODULES | words("os threading")
# of modules that hold global state, what may be touched: it is read-only, or renewed for each input
ALLOWED_OF = {
    "sys": words(
        "stdin stdout stderr exit maxsize setrecursionlimit getrecursionlimit getsizeof float_info version_info intern"
    ),
    "os": words("read write fstat fsencode linesep sep name"),
    "threading": words("Thread stack_size Lock RLock Event"),
}
_DESCRIPTOR_CALLS = words("read write fstat")
_STREAMS = words("stdin stdout stderr")
NAMES = words(
    "globals vars locals setattr delattr getattr exec eval compile breakpoint help copyright credits license "
    "getcontext setcontext localcontext DefaultContext BasicContext ExtendedContext"
)
ATTRIBUTES = words(
    "sys os builtins gc modules register open FileIO getcontext setcontext localcontext DefaultContext BasicContext "
    "close detach reconfigure daemon seterr seterrcall set_printoptions setbufsize attrgetter methodcaller "
    "get_type_hints get_field vformat threading copyreg FunctionType LambdaType CodeType ModuleType"
)
_DUNDERS = words(
    "__name__ __init__ __new__ __eq__ __ne__ __lt__ __le__ __gt__ __ge__ __hash__ __len__ __str__ __repr__ __bool__ "
    "__add__ __sub__ __mul__ __iter__ __next__ __call__ __contains__ __getitem__ __setitem__ __enter__ __exit__"
)


def may_leak(tree: ast.Module) -> bool:
    """Whether a call could leave something behind that is not found behind the program's own names."""
    nodes = [node for statement in tree.body if not _is_main_guard(statement) for node in ast.walk(statement)]
    return _reaches_out(nodes, _MODULES, {}) or any(_suspicious_call(node) for node in nodes)


def may_leak_main(tree: ast.Module) -> bool:
    """Whether a stdin program, run as ``__main__``, could leave something behind outside its own, new namespace."""
    nodes = list(ast.walk(tree))
    return _reaches_out(nodes, _STDIN_MODULES, _handles(nodes)) or _hands_open_around(nodes)


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


def _reaches_out(nodes: list[ast.AST], modules: frozenset[str], handles: dict[str, bool]) -> bool:
    """Whether a program reaches for anything but its own names and the harmless parts of the modules."""
    named = _module_names(nodes)
    imported = _imported_names(nodes) | named.keys()
    roots = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}
    for node in nodes:
        match node:
            case ast.Import():
                found = any(alias.name.partition(".")[0] not in modules for alias in node.names)
            case ast.ImportFrom():
                found = _imports_machinery(node, modules)
            case ast.Name():
                is_handed_around = node.id in named and id(node) not in roots
                found = is_handed_around or node.id in NAMES or _is_hidden(node.id)
            case ast.Attribute():
                found = _suspicious_attribute(node, named, imported)
            case ast.Subscript(ctx=ast.Store() | ast.Del()):
                found = not _is_ours(node, imported)
            case ast.ClassDef():
                found = bool(node.keywords)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="read" | "write" | "fstat")):
                found = named.get(name) == "os" and not _is_standard(node.args, handles)
            case _:
                found = False
        if found:
            return True
    return False


def _is_hidden(name: str) -> bool:
    return name.startswith("__") and name not in _DUNDERS


def _module_names(nodes: list[ast.AST]) -> dict[str, str]:
    """Local name -> module, for ``import module [as name]``."""
    aliases = [alias for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    return {(alias.asname or alias.name).partition(".")[0]: alias.name.partition(".")[0] for alias in aliases}


def _imported_names(nodes: list[ast.AST]) -> frozenset[str]:
    """What ``from module import name`` brings in."""
    aliases = [alias for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names]
    return frozenset(alias.asname or alias.name for alias in aliases)


def _imports_machinery(node: ast.ImportFrom, modules: frozenset[str]) -> bool:
    module = node.module or ""
    if module == "__future__":
        return False
    if node.level > 0 or module.partition(".")[0] not in modules:
        return True
    allowed = ALLOWED_OF.get(module.partition(".")[0])
    return any(
        alias.name in NAMES | ATTRIBUTES
        or alias.name.startswith("_")
        or (allowed is not None and alias.name not in allowed - _DESCRIPTOR_CALLS)
        for alias in node.names
    )


def _suspicious_attribute(node: ast.Attribute, named: dict[str, str], imported: frozenset[str]) -> bool:
    if node.attr in ATTRIBUTES or _is_hidden(node.attr):
        return True
    is_store = not isinstance(node.ctx, ast.Load)
    if isinstance(node.value, ast.Name) and node.value.id in named:
        module = named[node.value.id]
        if is_store:
            return module != "sys" or node.attr not in _STREAMS
        return node.attr.startswith("_") or node.attr not in ALLOWED_OF.get(module, (node.attr,))
    return (node.attr.startswith("_") or is_store) and not _is_ours(node, imported)


def _is_ours(node: ast.expr, imported: frozenset[str]) -> bool:
    """Whether a chain of attributes and items starts at one of the program's own names."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return isinstance(node, ast.Name) and node.id not in imported


def _suspicious_call(node: ast.AST) -> bool:
    """What a call program must not do: its standard streams are not made anew for each input, nor files closed."""
    match node:
        case ast.Name(id="open"):
            return True
        case ast.Attribute(attr="stdin" | "stdout" | "stderr"):
            return not isinstance(node.ctx, ast.Load)
        case _:
            return False


def _hands_open_around(nodes: list[ast.AST]) -> bool:
    """Whether ``open`` is used for anything but a standard descriptor or a path, written out."""
    plain = set()
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id="open"), args=[ast.Constant(value=0 | 1 | 2 | str()), *_]):
                plain.add(id(node.func))
    return any(isinstance(node, ast.Name) and node.id == "open" and id(node) not in plain for node in nodes)


def _handles(nodes: list[ast.AST]) -> dict[str, bool]:
    """Names and attributes that are assigned to -> whether always to some stream's ``fileno()``."""
    found: dict[str, bool] = {}
    for node in nodes:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", None)
                match node.value:
                    case ast.Call(func=ast.Attribute(attr="fileno")):
                        is_handle = True
                    case _:
                        is_handle = False
                if name is not None:
                    found[name] = found.get(name, True) and is_handle
    return found


def _is_standard(arguments: list[ast.expr], handles: dict[str, bool]) -> bool:
    """Whether a call of the os module can only mean one of the three standard descriptors."""
    match arguments:
        case [ast.Constant(value=0 | 1 | 2), *_] | [ast.Call(func=ast.Attribute(attr="fileno")), *_]:
            return True
        case [ast.Name(id=name), *_] | [ast.Attribute(attr=name), *_]:
            return handles.get(name, False)
        case _:
            return False
