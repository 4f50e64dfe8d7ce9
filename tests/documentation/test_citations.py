"""What errors, docstrings and comments cite of docs/ is there."""

import re
from collections.abc import Iterator
from pathlib import Path

from omegaconf import OmegaConf

from tests.documentation.reading import DOCS, ROOT, sections

CITED = re.compile(r"(?<![\w/])(?:\.\./)*docs/([\w-]+)\.md(?:#([\w-]+))?")
GONE = re.compile(r"\b(?:METHOD|DESIGN|LAB|HOUSE)(?:\.md\b|'s\b|,? (?:Eq|Alg|Table|section)|, \"|\))")


def sources(*folders: str) -> Iterator[Path]:
    """Python, YAML and Markdown below some folders."""
    for folder in folders:
        yield from (path for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".yaml", ".md"))


def test_every_section_that_is_cited_exists() -> None:
    cited: set[tuple[str, str]] = set()
    for path in (*sources("conself", "analysis", "experiments", "conf", "tests"), *ROOT.glob("*.md")):
        cited.update(CITED.findall(path.read_text()))
    pages = {path.stem: path for path in DOCS}
    assert {name for name, _ in cited} - set(pages) == set()
    assert [(name, anchor) for name, anchor in cited if anchor and anchor not in sections(pages[name])] == []
    assert len({anchor for name, anchor in cited if name == "method"}) > 8


def test_errors_cite_the_method_by_its_sections() -> None:
    citing = [path for path in sources("conself") if "docs/method.md#" in path.read_text()]
    assert ROOT / "conself" / "curricula" / "entropy_band.py" in citing
    assert len(citing) > 15


def test_nobody_cites_documents_that_are_not_here() -> None:
    found = [path for path in sources("conself", "analysis", "experiments", "conf") if GONE.search(path.read_text())]
    assert found == []


def test_the_site_has_every_page_once() -> None:
    def pages(node: object) -> list[str]:
        values = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        return [node] if isinstance(node, str) else [page for value in values for page in pages(value)]

    nav = OmegaConf.to_container(OmegaConf.load(ROOT / "mkdocs.yml"))
    assert isinstance(nav, dict)
    assert sorted(pages(nav["nav"])) == sorted(path.name for path in DOCS)
