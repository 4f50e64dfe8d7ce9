"""Join programs with the code that a data set puts before them. Standard library only.

A program gets only those imports of a prefix whose names occur in its text: a benchmark may grant hundreds of names,
and each binding costs every program time, some of them (``stdin``, ``open_code``) the fast path.
"""

import ast
import re
from collections.abc import Set
from functools import lru_cache

from conself.sandbox.sources import parse

_WORD = re.compile(r"\w+")
_FUTURE = "__future__"
_BOM = "\ufeff"


def with_prefix(prefix: str, code: str) -> str:
    """Put ``prefix`` before ``code``, after its ``from __future__`` imports, which must be a program's first lines.

    A byte order mark at its start is removed, as ``python file`` does; in a text it would be a syntax error.
    """
    code = code.removeprefix(_BOM)
    if not prefix:
        return code
    prefix = used(prefix, code)
    prefix += "" if prefix.endswith("\n") or not prefix else "\n"
    if _FUTURE not in code:
        return prefix + code
    try:
        tree = parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return prefix + code  # it fails anyway
    futures = [node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == _FUTURE]
    lines = code.encode().splitlines(keepends=True)  # ends lines where Python does; str's also at form feeds and U+2028
    for node in reversed(futures):
        first, last = node.lineno - 1, (node.end_lineno or node.lineno) - 1
        empty = b"(" + b"\n" * (last - first) + b")"  # as many lines; other statements may precede and follow it
        lines[first : last + 1] = [lines[first][: node.col_offset] + empty + lines[last][node.end_col_offset :]]
        lines[first + 1 : first + 1] = [b""] * (last - first)
    return "".join(ast.unparse(node) + "\n" for node in futures) + prefix + b"".join(lines).decode()


def used(prefix: str, code: str) -> str:
    """Remove the imports at the left margin of ``prefix`` whose names do not occur as words in ``code``.

    Nothing is removed if it does not parse, or if ``code`` is not ASCII, where an identifier has several spellings.
    """
    statements = _statements(prefix)
    if statements is None or not code.isascii():
        return prefix
    words = {*_WORD.findall(code), *(word for text, node in statements if node is None for word in _WORD.findall(text))}
    kept = (text if node is None else _kept(node, words) for text, node in statements)
    return "".join(f"{text}\n" for text in kept if text)


@lru_cache(maxsize=64)
def _statements(prefix: str) -> tuple[tuple[str, ast.Import | ast.ImportFrom | None], ...] | None:
    """Yield the text of each statement, with its node if it is an import with known names."""
    try:
        body = parse(prefix).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return tuple((ast.unparse(node), node if _is_open(node) else None) for node in body)  # type: ignore[misc]  # an import


def _is_open(node: ast.stmt) -> bool:
    if isinstance(node, ast.ImportFrom):
        return node.module != _FUTURE and all(alias.name != "*" for alias in node.names)
    return isinstance(node, ast.Import)


def _kept(node: ast.Import | ast.ImportFrom, words: Set[str]) -> str:
    names = [alias for alias in node.names if (alias.asname or alias.name).partition(".")[0] in words]
    if not names:
        return ""
    if isinstance(node, ast.Import):
        return ast.unparse(ast.Import(names))
    return ast.unparse(ast.ImportFrom(node.module, names, node.level))
