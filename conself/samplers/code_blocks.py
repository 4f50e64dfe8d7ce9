"""Extract the program from a completion's code blocks. Text functions that never fail, linear in the text."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field

_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,}|\[/?PYTHON\])[ \t]*([^`]*)$")
_PYTHON_TAG = re.compile(r"(?:i?python|py)?[\d.]*", re.IGNORECASE)
_TAG = re.compile(r"[\w+#.{}:-]+")
_READS_STDIN = re.compile(r"\binput\s*\(|\bstdin\b|\bfileinput\b|\bopen\s*\(\s*0\b|/dev/stdin")
_STUCK = "[/PYTHON]"
_MOST_INDENT = 3  # a fence further in than this belongs to the text around it: to a docstring, say


@dataclass
class _Block:
    """A code block: the info string after its fence, its lines, and whether its fence was closed."""

    indent: int
    mark: str
    tag: str
    lines: list[str] = field(default_factory=list)
    closed: bool = False

    @property
    def code(self) -> str:
        """The lines, without the indentation of the fence."""
        lines = [line[min(self.indent, len(line) - len(line.lstrip(" \t"))) :] for line in self.lines]
        text = "\n".join(lines).rstrip()
        first = next((line for line in lines if line.strip()), "")
        return (textwrap.dedent(text) if first[:1] in (" ", "\t") else text) + "\n"

    def ends_at(self, line: str) -> bool:
        """Return whether the fence closes on this line: alone, or at the end of the last line of code."""
        fence = _FENCE.match(line)
        if fence is None and self.mark == "[":
            return line.rstrip().endswith(_STUCK)
        if fence is None:
            return self.mark[0] == "`" and line.rstrip().endswith("```") and line.count("```") == 1
        same = fence[2][0] == self.mark[0] and len(fence[2]) >= len(self.mark)
        return same and len(fence[1]) <= self.indent + _MOST_INDENT


def answer_of(text: str) -> str:
    """Remove the reasoning that some models put before their answer, between <think> and </think>.

    Unfinished reasoning leaves no answer.
    """
    head, mark, rest = text.partition("</think>")
    if head.lstrip().startswith("<think>"):
        return rest
    # A chat template may have written the opening mark; amid a line the closing one belongs to a program.
    return rest if mark and (head[-1:] in ("", "\n") or rest[:1] == "\n") else text


def extract_code(text: str, entry_point: str | None) -> str | None:
    """Extract the program from a completion: one of its Python code blocks, or None without any.

    Blocks that define ``entry_point`` come first (None: that read standard input), then those tagged as Python, then
    those whose fence is closed; of equals the last is chosen. So the program is not replaced by an example of use or
    output after it, or by a second version cut at the token limit. Blocks tagged as another language are ignored.
    Blocks are never joined, so imports or helpers in separate blocks are lost: they cannot be distinguished from
    examples of use, and the benchmarks' harnesses also take a single block. A fence inside a docstring, indented by
    more than three columns, does not close a block.
    """
    wanted = _READS_STDIN if entry_point is None else _defines(entry_point)
    best: tuple[tuple[bool, bool, bool], str] | None = None
    for block in _blocks(answer_of(text)):
        tag = next(iter(block.tag.strip("{.} ").replace(":", " ").split()), "").strip("{.}")
        code = block.code
        if not code.strip() or not _PYTHON_TAG.fullmatch(tag):
            continue
        rank = (wanted.search(code) is not None, bool(tag), block.closed)
        if best is None or rank >= best[0]:
            best = (rank, code)
    return None if best is None else best[1]


def _defines(name: str) -> re.Pattern[str]:
    return re.compile(rf"^[ \t]*(?:(?:async[ \t]+)?def[ \t]+{re.escape(name)}\b|{re.escape(name)}[ \t]*[:=][^=])", re.M)


def _blocks(text: str) -> Iterator[_Block]:
    """List the code blocks of a text. An unclosed one extends to the end of the text, or to the next tagged fence."""
    block: _Block | None = None
    for line in text.replace("\r\n", "\n").split("\n"):
        if block is not None and block.ends_at(line):
            fence = _FENCE.match(line)
            if fence is None:
                block.lines.append(line.rstrip().removesuffix("```").removesuffix(_STUCK))
            block.closed = fence is None or fence[2][0] == "[" or not _TAG.fullmatch(fence[3].strip())
            yield block
            block = None if block.closed else _opened(line)
        elif block is None or (_FENCE.match(line) and block.mark == "[" and not any(map(str.strip, block.lines))):
            block = _opened(line)
        else:
            block.lines.append(line)
    if block is not None:
        yield block


def _opened(line: str) -> _Block | None:
    fence = _FENCE.match(line)
    if fence is not None:
        mark = "[" if fence[2][0] == "[" else fence[2]
        if mark != "[":
            return _Block(len(fence[1]), mark, fence[3])
        code = [fence[3]] if fence[3].strip() else []  # these marks may have code behind them
        return None if fence[2].startswith("[/") else _Block(len(fence[1]), mark, "python", code)
    before, mark, tag = line.rpartition("```")
    after_words = bool(mark) and bool(tag.strip()) and _PYTHON_TAG.fullmatch(tag.strip()) and "`" not in before
    return _Block(0, "```", tag.strip()) if after_words else None
