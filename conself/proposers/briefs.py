"""Draw the briefs of asks by seed: a topic and, if there is material, a piece of it."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from conself.engines.decoding import sample_seed
from conself.proposers.proposal import Brief
from conself.sandbox.jsonlines import numbered_lines, parse_line


def drawn_briefs(
    topics: Mapping[str, Sequence[str]], material: Sequence[str], seed: int, first: int, count: int
) -> list[Brief]:
    """Draw the briefs from number ``first`` on; all topics are equally likely, and so are all pieces of material.

    A brief depends only on the seed and its number, not on how many are drawn.
    """
    every = [(category, topic) for category, group in topics.items() for topic in group]
    briefs = []
    for number in range(first, first + count):
        name = f"ask/{number:06d}"
        category, topic = every[sample_seed(seed, "topic", name, 0) % len(every)]
        piece = material[sample_seed(seed, "material", name, 0) % len(material)] if material else None
        briefs.append(Brief(name, topic, category, piece))
    return briefs


def check_topics(topics: Mapping[str, Sequence[str]]) -> None:
    """Check that topics can be drawn.

    Raises:
        ValueError: there is no category, an empty one, an empty topic, or a duplicate.
    """
    if not topics:
        raise ValueError("proposer.topics is empty; give it categories with topics: conf/proposer/ucoder.yaml has some")
    empty = [category for category, group in topics.items() if not group or not all(map(str.strip, group))]
    if empty:
        raise ValueError(
            f"proposer.topics has no topic, or an empty one, in {', '.join(empty)}; '~proposer.topics.{empty[0]}' "
            "leaves a category out"
        )
    every = [topic for group in topics.values() for topic in group]
    if twice := sorted({topic for topic in every if every.count(topic) > 1}):
        raise ValueError(f"proposer.topics has {', '.join(twice)} twice, which would be drawn twice as often")


def read_material(path: Path) -> list[str]:
    """Read the pieces of a file, one JSON object with ``text`` per line (``.jsonl`` or ``.jsonl.gz``).

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a line is malformed, or there is none; names the line.
    """
    if not path.is_file():
        raise FileNotFoundError(f"proposer.grounding: {path} does not exist; name a file of JSON lines, or null")
    pieces = []
    for number, line in numbered_lines(path):
        try:
            row = parse_line(line)
        except ValueError as error:
            raise ValueError(f"proposer.grounding: {path}, line {number}: {error}") from error
        text = row.get("text") if isinstance(row, dict) else None
        if not isinstance(text, str) or not text.strip():
            raise ValueError(f'proposer.grounding: {path}, line {number} is no object with a text: {{"text": "..."}}')
        pieces.append(text.strip())
    if not pieces:
        raise ValueError(f"proposer.grounding: {path} is empty; give it material, or set proposer.grounding=null")
    return pieces


def material_fingerprint(path: Path) -> str:
    """Hash the file's bytes with SHA-256."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
