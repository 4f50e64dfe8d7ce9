"""Pages from templates: everything escaped by default, styles and scripts inlined, nothing fetched from anywhere.

Statements, programs and outputs were written by models and found on the web, so they count as hostile. Templates
escape what they are given; data for scripts is JSON in which no character can end the script; and each page carries a
content security policy that allows the page's own scripts, by their hashes, and no network at all.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from .files import as_json
from .values import visible

HERE = Path(__file__).parents[1]
_XML = re.compile(r"<\?xml.*?\?>|<!DOCTYPE.*?>|<metadata>.*?</metadata>|<!--.*?-->", re.DOTALL)
_IDS = re.compile(r'(\bid="|href="#|url\(#)')
_REPORT = ("tables.js",)
_PROBLEMS = ("data.js", "highlight.js", "dom.js", "index.js", "compare.js", "problem.js", "pages.js")


def report_page(content: Mapping[str, Any]) -> str:
    """Return ``report.html`` from the data that :mod:`analysis.pages.report` gathers."""
    script = _scripts(_REPORT)
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {_hash(script)}"
    styles = _styles("base.css", "report.css")
    return _environment().get_template("report.html").render(content, styles=styles, script=script, policy=policy)


def problems_page(meta: Mapping[str, Any]) -> str:
    """Return the page of a pool's problems, with data files beside it; ``meta`` is plain data for its script."""
    script = _scripts(_PROBLEMS)
    # A file:// page has no origin, so 'self' does not cover its neighbours there; a served page's has no file: URLs.
    policy = f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; script-src {_hash(script)} 'self' file:"
    return (
        _environment()
        .get_template("problems.html")
        .render(
            meta=meta,
            data=json_script(meta),
            styles=_styles("base.css", "index.css", "outputs.css", "problem.css"),
            script=script,
            policy=policy,
        )
    )


def answers_page(content: Mapping[str, Any]) -> str:
    """Return the index of a benchmark's answers (:mod:`analysis.pages.answers`); it has no scripts."""
    return _environment().get_template("answers.html").render(content, styles=_styles("base.css"))


def answer_page(content: Mapping[str, Any]) -> str:
    """Return the page of one problem's answers before and after; it has no scripts."""
    return _environment().get_template("answer.html").render(content, styles=_styles("base.css"))


def json_script(content: Any) -> Markup:
    """Return plain data as JSON for a script element: ASCII only, and without any ``<``, ``>`` or ``&``."""
    text = json.dumps(json.loads(as_json(content)))
    for mark in "<>&":
        text = text.replace(mark, f"\\u{ord(mark):04x}")
    return Markup(text)


def inline_svg(text: str, name: str) -> Markup:
    """Return an SVG file's element for a page: its ids and references to them start with ``name``.

    Raises:
        ValueError: there is no svg element.
    """
    text = _XML.sub("", text).strip()
    if not text.startswith("<svg"):
        raise ValueError(f"figure {name} is no SVG; remove the report's folder and make it again")
    return Markup(visible(_IDS.sub(rf"\g<1>{name}-", text)))


@cache
def own_files() -> str:
    """Return a digest of the code, templates, scripts and styles that make the pages of problems."""
    paths = sorted(path for end in ("pages/*.py", "static/*", "templates/*") for path in HERE.glob(end))
    parts = [f"{path.name}:{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in paths]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _shown(value: Any) -> Any:
    """Return a template's value as shown in the page: controls of writing direction in texts are made visible."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _styles(*names: str) -> Markup:
    return Markup("\n".join((HERE / "static" / name).read_text() for name in names))


def _scripts(names: tuple[str, ...]) -> Markup:
    text = "\n".join((HERE / "static" / name).read_text() for name in names)
    return Markup(f'"use strict";\n{text}')


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
