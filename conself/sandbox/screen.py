"""A quick check of a program's compiled code that clears most programs of leaks, at a tenth of the cost of parsing.

A program is cleared if it sets or deletes no attribute, defines no class, imports only modules without mutable public
values, and uses no name that gives access to internals: the words of :mod:`conself.sandbox.leaks`, as attributes of
any object, and, if it imports sys, everything except its harmless parts. A program that is not cleared may still be
harmless: the rules on its syntax decide. Standard library only.
"""

import importlib
import sys
from collections.abc import Collection
from opcode import opmap
from types import CodeType, ModuleType

from .rules import ALLOWED_OF_SYS, ATTRIBUTES, NAMES, words

SAFE_MODULES = words(
    "__future__ bisect cmath collections copy datetime fractions functools heapq itertools math operator queue random "
    "re statistics string sys time typing"
)


def _carriers(name: str) -> set[str]:
    """List a module's public names that refer to other modules, or to mutable containers."""
    kinds = (ModuleType, dict, list, set)
    public = {key: value for key, value in vars(importlib.import_module(name)).items() if key[0] != "_"}
    return {key for key, value in public.items() if isinstance(value, kinds)} - SAFE_MODULES - {"abc", "numbers"}


# these set or name attributes of their argument
_SETTERS = words(
    "update_wrapper wraps total_ordering singledispatch singledispatchmethod final no_type_check overload "
    "no_type_check_decorator runtime_checkable dataclass_transform clear_overloads"
)
DENIED = NAMES | ATTRIBUTES | _SETTERS | {"open"} | set().union(*map(_carriers, SAFE_MODULES - {"sys"}))
DENIED_IN_CALLS = DENIED | words("stdin stdout stderr exit quit getsizeof")
DENIED_OF_SYS = frozenset(dir(sys)) - ALLOWED_OF_SYS
_UNSURE = tuple(
    opmap[name]
    for name in ("STORE_ATTR", "DELETE_ATTR", "LOAD_BUILD_CLASS", "IMPORT_STAR", "MATCH_CLASS", "CALL_INTRINSIC_1")
    if name in opmap
)
_REBINDS = opmap["STORE_GLOBAL"], opmap["DELETE_GLOBAL"]
_IMPORT, _EXTENDED = opmap["IMPORT_NAME"], opmap["EXTENDED_ARG"]
_GENERATOR = 0x20 | 0x80 | 0x200  # flags of code: generators, coroutines, asynchronous generators
_HARMLESS = frozenset(("_", "__name__"))


def clears(code: CodeType, denied: Collection[str]) -> bool:
    """Return whether a program, by its compiled code, leaves state behind only behind its own names.

    ``denied`` are names that it must not use, at least those of DENIED; DENIED_IN_CALLS for a call program, whose
    standard streams last.
    """
    names: set[str] = set()
    todo = [code]
    for part in todo:
        operations = part.co_code[::2]
        if any(operation in operations for operation in _UNSURE):
            return False
        if _IMPORT in operations and not _imports_safely(part, operations):
            return False
        if part.co_flags & _GENERATOR and part.co_exceptiontable:
            return False  # it may go on when it is collected, which may be during a later call
        names.update(part.co_names)
        todo += [constant for constant in part.co_consts if type(constant) is CodeType]
    if not names.isdisjoint(denied) or any(name[0] == "_" for name in names - _HARMLESS):
        return False
    return "sys" not in names or names.isdisjoint(DENIED_OF_SYS)


def rebinds(code: CodeType) -> bool:
    """Return whether one of the program's functions sets or deletes a global name."""
    operations = code.co_code[::2]
    return any(operation in operations for operation in _REBINDS) or any(
        rebinds(part) for part in code.co_consts if type(part) is CodeType
    )


def _imports_safely(part: CodeType, operations: bytes) -> bool:
    if _EXTENDED in operations:
        return False  # the arguments are not where they are looked for
    arguments, at = part.co_code[1::2], -1
    while (at := operations.find(_IMPORT, at + 1)) >= 0:
        if part.co_names[arguments[at]] not in SAFE_MODULES:
            return False
    return True
