"""A first look at a program's compiled code that clears most programs of leaks, at a tenth of the cost of parsing.

A program is cleared if it sets or deletes no attribute, defines no class, imports only modules without mutable public
values, and uses no name behind which machinery lies: the words of :mod:`conself.sandbox.leaks`, whatever they are
attributes of, and, where it imports sys or threading, all that these have beside their harmless parts. What is not
cleared may still be harmless: the rules on its syntax decide. Standard library only.
"""

import sys
import threading
from opcode import opmap
from types import CodeType

from .leaks import ALLOWED_OF, ATTRIBUTES, NAMES, words

SAFE_MODULES = words(
    "__future__ bisect cmath collections copy datetime fractions functools heapq itertools math operator queue random "
    "re statistics string sys threading time typing"
)
DENIED = NAMES | ATTRIBUTES | {"open", "dispatch_table", "EXCLUDED_ATTRIBUTES"}
DENIED_OF = {module.__name__: frozenset(dir(module)) - ALLOWED_OF[module.__name__] for module in (sys, threading)}
_UNSURE = tuple(
    opmap[name]
    for name in ("STORE_ATTR", "DELETE_ATTR", "LOAD_BUILD_CLASS", "IMPORT_STAR", "MATCH_CLASS", "CALL_INTRINSIC_1")
    if name in opmap
)
_REBINDS = opmap["STORE_GLOBAL"], opmap["DELETE_GLOBAL"]
_IMPORT, _EXTENDED = opmap["IMPORT_NAME"], opmap["EXTENDED_ARG"]
_HARMLESS = frozenset(("_", "__name__"))


def clears(code: CodeType) -> bool:
    """Whether a program, by its compiled code, leaves nothing behind but what is behind its own names."""
    names: set[str] = set()
    todo = [code]
    for part in todo:
        operations = part.co_code[::2]
        if any(operation in operations for operation in _UNSURE):
            return False
        if _IMPORT in operations and not _imports_safely(part, operations):
            return False
        names.update(part.co_names)
        todo += [constant for constant in part.co_consts if type(constant) is CodeType]
    if not DENIED.isdisjoint(names) or any(name[0] == "_" for name in names - _HARMLESS):
        return False
    return all(module not in names or denied.isdisjoint(names) for module, denied in DENIED_OF.items())


def uses(code: CodeType, name: str) -> bool:
    """Whether a name occurs in a program's compiled code, as that of a module, global or attribute."""
    return name in code.co_names or any(uses(part, name) for part in code.co_consts if type(part) is CodeType)


def rebinds(code: CodeType) -> bool:
    """Whether one of the program's functions sets or deletes a global name."""
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
