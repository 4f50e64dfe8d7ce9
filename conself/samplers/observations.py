"""Parse the observations that a completion lists, in any form of list. Never fails; linear in the text."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from conself.samplers.code_blocks import answer_of

_EMPHASIS = re.compile(r"(?<![\w*])(\*{1,3})(?=\S)([^\n*]{1,400})(?<=\S)\1(?![\w*])")
_ALL_BOLD = re.compile(r"\s*\*\*[^*]+\*\*\s*:?\s*")
_RULE = re.compile(r"\s*(?:-{3,}|\*{3,}|_{3,})\s*")
_HEADING = re.compile(r"\s*#{1,6}\s*(?=\S)")
_DASHES = r"\-" + "\u2013\u2014"  # hyphen, en dash, em dash
_COLONS = ":\uff1a"  # the full-width one is common after Chinese numbering
_ENDS = rf"\s*#?\d{{1,2}}\s*(?:[.){_COLONS}{_DASHES}]+|$)"
_LABEL = re.compile(
    rf"\s*(?:key\s)?\s*(?:(?:observation|hint)(?:{_ENDS}|\s*[{_COLONS}])|(?:insight|note|point|tip){_ENDS})\s*",
    re.IGNORECASE,
)
_NUMBER = re.compile(rf"\s*(?:\(\d{{1,2}}\)|\d{{1,2}}(?:\\?[.)]|[{_COLONS}\u3001]|\s[{_DASHES}](?=\s)))(?!\d)\s*")
_BULLET = re.compile(r"\s*(?:[-*+\u2013](?=\s)|[\u2022\u00b7\u25e6\u25aa\u25cf])\s*")


@dataclass
class _Line:
    """A line without its marker.

    ``kind`` names the marker: label ("Observation 1:"), number, bullet, heading1 (#) to heading6, heading (a line all
    in bold), lead (a line that begins in bold) or none.
    """

    kind: str
    indent: int
    body: str
    after_blank: bool


@dataclass
class _Item:
    """An observation, by its paragraphs."""

    paragraphs: list[str]

    def add(self, line: _Line) -> None:
        """Append a line, in a new paragraph if it starts one."""
        if line.after_blank and line.indent == 0 and line.kind in ("none", "lead") and self.paragraphs[-1]:
            self.paragraphs.append(line.body)
        else:
            joined = " " if self.paragraphs[-1] else ""
            self.paragraphs[-1] += joined + line.body

    def text(self, most: int) -> str:
        """Return the first ``most`` paragraphs."""
        return " ".join(self.paragraphs[:most]).strip(" :*")


def parse_observations(text: str, n: int) -> list[str]:
    """Parse at most ``n`` observations from a numbered, bulleted or headed list, as one line of plain text each.

    Text before the first item and paragraphs after the last one are left out. So is fenced code, except for a fence
    around the whole text that names no programming language. Lists inside an item belong to it. A text without any item
    gives [].
    """
    answer = answer_of(text)
    return _listed(answer, n) or _listed(_unwrapped(answer), n)


def _unwrapped(text: str) -> str:
    first, _, rest = text.strip().partition("\n")
    inside, _, last = rest.rpartition("\n")
    tag = first[3:].strip().lower()
    plain = first[:3] in ("```", "~~~") and tag in ("", "text", "txt", "plaintext", "markdown", "md")
    return inside if plain and last.strip() == first[:3] else ""


def _listed(text: str, n: int) -> list[str]:
    lines = list(_lines(text))
    kind, depth = _marker(lines)
    items: list[_Item] = []
    inside = False
    for line in lines:
        if line.kind == kind and line.indent <= depth:
            items.append(_Item([line.body]))
            inside = True
        elif line.kind.startswith("heading") and items and items[-1].paragraphs != [""]:
            inside = False  # the title of the next group of items, or of a summary
        elif inside:
            items[-1].add(line)
    if not items:
        return []
    # Paragraphs at the end of the list belong to its last item only as far as other items have as many.
    usual = max([len(item.paragraphs) for item in items[:-1]] or [1 + items[0].paragraphs[0].endswith(":")])
    texts = [item.text(len(item.paragraphs)) for item in items[:-1]] + [items[-1].text(usual)]
    return [item for item in texts if re.search(r"\w", item)][:n]


def _lines(text: str) -> Iterator[_Line]:
    fence = ""
    blank = False
    for raw in text.splitlines():
        mark = raw.strip()[:3]
        if mark in ("```", "~~~") and fence in ("", mark) and raw.count(mark) == 1:
            fence = "" if fence else mark
        elif fence:
            continue
        elif not raw.strip() or _RULE.fullmatch(raw):
            blank = True
        else:
            yield _line(raw, blank)
            blank = False


def _line(raw: str, after_blank: bool) -> _Line:
    indent = len(raw) - len(raw.lstrip())
    text = _EMPHASIS.sub(r"\2", raw)
    heading = _HEADING.match(text)
    if heading:
        text = text[heading.end() :].rstrip("# ")
    for kind, pattern in (("label", _LABEL), ("number", _NUMBER), ("bullet", _BULLET)):
        match = pattern.match(text)
        if match:
            body = text[match.end() :].strip()
            kind = "label" if heading and kind == "number" else kind
            return _Line(kind, indent, _LABEL.sub("", body, count=1) if _LABEL.match(body) else body, after_blank)
    if heading:
        return _Line(f"heading{heading[0].count('#')}", indent, text.strip(), after_blank)
    bold = "heading" if _ALL_BOLD.fullmatch(raw) else "lead" if raw.lstrip().startswith("**") else "none"
    return _Line(bold, indent, text.strip(), after_blank)


def _marker(lines: list[_Line]) -> tuple[str, int]:
    """Return the kind of line that opens an item, and the deepest indentation at which it does."""
    deepest = max((line.indent for line in lines), default=0)
    kinds = Counter(line.kind for line in lines)
    if kinds["label"]:
        return "label", deepest
    listed = [line for line in lines if line.kind in ("number", "bullet")]
    if listed:
        first = min(listed, key=lambda line: line.indent)  # of the least indented ones the first
        return first.kind, first.indent + 1
    headings = {kind: count for kind, count in kinds.items() if kind.startswith("heading")}
    return max(headings, key=lambda kind: headings[kind], default="lead"), deepest
