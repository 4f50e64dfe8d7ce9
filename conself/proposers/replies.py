"""Parse the replies of the chain: pure functions that never execute the text. None means no valid answer."""

import ast
import re

from conself.generated_tests.literals import NOT_READ
from conself.proposers.proposal import Exercise
from conself.samplers.code_blocks import answer_of, extract_code
from conself.sandbox.sources import parse

OPEN, CLOSE = "<exercise>", "</exercise>"
"""The marks around a proposal."""
LEVELS = ("easy", "medium", "hard")

_NEEDED = ("task", "signature", "example")
_FIELD = re.compile(r"^[ \t>*#-]*(title|task|signature|example|hint)\b[ \t*]*:[ \t*]*", re.IGNORECASE | re.MULTILINE)
_FENCE = re.compile(r"^\s*```\w*\s*$", re.MULTILINE)
_HEADER = re.compile(r"(?:async\s+)?def\s+\w+\s*\(.*", re.DOTALL)
_QUALITY = re.compile(r"(?:quality|rating|score)\b[^\d\n]{0,20}(\d+)|^\s*(\d+)\b", re.IGNORECASE | re.MULTILINE)
_DIFFICULTY = re.compile(r"difficulty\W{0,10}(easy|medium|hard)\b|^\W*(easy|medium|hard)\W*$", re.I | re.M)


def read_exercise(text: str) -> Exercise | None:
    """Read the exercise between the two marks; a title and a hint may be missing.

    None if a mark (as in a truncated reply), a task, an example or a valid signature is missing.
    """
    _, opened, rest = answer_of(text).partition(OPEN)
    body, closed, _ = rest.partition(CLOSE)
    if not opened or not closed:
        return None
    marks = list(_FIELD.finditer(body))
    ends = [mark.start() for mark in marks[1:]] + [len(body)]
    fields: dict[str, str] = {}
    for mark, end in zip(marks, ends, strict=True):
        fields.setdefault(mark[1].lower(), _FENCE.sub("", body[mark.end() : end]).strip().strip("`").strip())
    if not all(fields.get(name) for name in _NEEDED):
        return None
    header = _header(fields["signature"])
    if header is None:
        return None
    signature, name = header
    texts = {key: fields.get(key, "") for key in ("title", "task", "example", "hint")}
    return Exercise(**texts, signature=signature, name=name)


def _header(text: str) -> tuple[str, str] | None:
    """Return the first line of a function, without its colon, and the function's name."""
    match = _HEADER.search(text)
    if match is None:
        return None
    header = " ".join(match[0].split()).rstrip("`").rstrip().removesuffix("...").rstrip().removesuffix(":").rstrip()
    try:
        body = parse(f"{header}: ...").body
    except NOT_READ:
        return None
    if len(body) == 1 and isinstance(body[0], ast.FunctionDef) and _names_once(body[0]):
        return header, body[0].name
    return None


def _names_once(function: ast.FunctionDef) -> bool:
    """Return whether no parameter is repeated: the compiler refuses that, the parser does not."""
    parameters = [node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)]
    return len(parameters) == len(set(parameters))


def read_rating(text: str) -> int | None:
    """Read the quality from 1 to 10 in a reply, as ``Quality: 7`` or a number at the start of a line."""
    match = _QUALITY.search(answer_of(text))
    rating = 0 if match is None else int((match[1] or match[2])[:3])
    return rating if 1 <= rating <= 10 else None


def read_difficulty(text: str) -> str:
    """Read ``easy``, ``medium`` or ``hard`` from a reply; "" if it has none."""
    match = _DIFFICULTY.search(answer_of(text))
    return "" if match is None else (match[1] or match[2]).lower()


def read_skeleton(text: str, name: str) -> str | None:
    """Read the function ``name`` without its body, formatted by Python's own printer, with the imports before it.

    None if the code does not parse or contains anything except imports and one function of that name. The docstring is
    kept; the rest of the body, which may be missing, becomes ``...``.
    """
    code = extract_code(text, name) or answer_of(text)
    tree = _parsed(code)
    if tree is None:
        return None
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    if len(functions) != 1 or len(imports) + 1 != len(tree.body):
        return None
    (function,) = functions
    if function.name != name or not _names_once(function):
        return None
    kept = function.body[:1] if ast.get_docstring(function) is not None else []
    function.body = [*kept, ast.Expr(ast.Constant(...))]
    function.decorator_list = []
    header = "".join(f"{ast.unparse(node)}\n" for node in imports)
    return f"{header}\n\n{ast.unparse(function)}\n" if header else f"{ast.unparse(function)}\n"


def _parsed(code: str) -> ast.Module | None:
    for source in (code, f"{code.rstrip()}\n    ..."):  # a body may be missing
        try:
            return parse(source)
        except NOT_READ:
            continue
    return None
