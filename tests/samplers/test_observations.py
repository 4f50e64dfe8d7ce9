"""Lists of observations, written as chat models write them."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conself.samplers.observations import parse_observations

THREE = ["first", "second", "third"]


@pytest.mark.parametrize(
    "form",
    [
        "1. {}\n2. {}\n3. {}",
        "1) {}\n2) {}\n3) {}",
        "(1) {}\n(2) {}\n(3) {}",
        "**1.** {}\n**2.** {}\n**3.** {}",
        "**1. {}**\n**2. {}**\n**3. {}**",
        "1: {}\n2: {}\n3: {}",
        "1 - {}\n2 - {}\n3 - {}",
        "1\\. {}\n2\\. {}\n3\\. {}",
        "1、{}\n2、{}\n3、{}",
        "1.{}\n2.{}\n3.{}",
        " 1. {}\n 2. {}\n 3. {}",
        "1. {}\n\n2. {}\n\n3. {}",
        "1. **{}**\n2. **{}**\n3. **{}**",
        "- {}\n- {}\n- {}",
        "* {}\n* {}\n* {}",
        "*   {}\n*   {}\n*   {}",
        "• {}\n• {}\n• {}",
        "- **{}**\n- **{}**\n- **{}**",
        "Observation 1: {}\nObservation 2: {}\nObservation 3: {}",
        "**Observation 1:** {}\n\n**Observation 2:** {}\n\n**Observation 3:** {}",
        "Observation #1 - {}\nObservation #2 - {}\nObservation #3 - {}",
        "### Observation 1\n{}\n\n### Observation 2\n{}\n\n### Observation 3\n{}",
        "### Observation 1\n\n{}\n\n### Observation 2\n\n{}\n\n### Observation 3\n\n{}",
        "**Observation 1**\n{}\n**Observation 2**\n{}\n**Observation 3**\n{}",
        "1. Observation: {}\n2. Observation: {}\n3. Observation: {}",
        "- Observation 1: {}\n- Observation 2: {}\n- Observation 3: {}",
        "### 1. {}\n### 2. {}\n### 3. {}",
        "### {}\n### {}\n### {}",
        "# Observations\n### {}\n### {}\n### {}",
        "**{}**\n**{}**\n**{}**",
        "Hint 1: {}\nHint 2: {}\nHint 3: {}",
        "Here you go:\n\n1. {}\n2. {}\n3. {}\n\nThese observations help to solve it.",
        "## Observations\n\n- {}\n- {}\n- {}\n\nLet me know if you need more!",
        "Sure! Here are 3 observations.\n---\n1. {}\n---\n2. {}\n---\n3. {}\n---\nGood luck.",
        "<think>\n1. no\n2. not this\n</think>\n1. {}\n2. {}\n3. {}",
        "1. {}\n2. {}\n3. {}\n\n### Summary\n- one\n- two",
    ],
)
def test_forms_of_lists(form: str) -> None:
    assert parse_observations(form.format(*THREE), 3) == THREE


@pytest.mark.parametrize(
    ("text", "n", "found"),
    [
        ("- first\n* second\n• third", 2, ["first", "second"]),
        ("Here you go:\n1. first\n   goes on\n\n2. second", 3, ["first goes on", "second"]),
        ("1. **Zero is even**: mind it", 3, ["Zero is even: mind it"]),
        ("1. *Parity* of `a*b` and 2**k\n2. 3**k * x", 3, ["Parity of `a*b` and 2**k", "3**k * x"]),
        ("1. Sort:\n   - by a\n   - then by b\n2. Scan", 3, ["Sort: by a then by b", "Scan"]),
        ("1. Sort:\n- by a\n- then by b\n2. Scan", 3, ["Sort: by a then by b", "Scan"]),
        ("- Sort\n  - by a\n  - by b\n- Scan", 3, ["Sort by a by b", "Scan"]),
        ("- Sort\n  1. by a\n  2. by b\n- Scan", 3, ["Sort by a by b", "Scan"]),
        ("Observation 1: Sort\n1. by a\n2. by b\nObservation 2: Scan", 3, ["Sort by a by b", "Scan"]),
        (
            "1. Use a set:\n```python\n1. seen = set()\n- x\n```\n   it is fast\n2. Mind 0",
            3,
            ["Use a set: it is fast", "Mind 0"],
        ),
        (
            "1. **Parity**\n\nIt is even.\n\n2. **Bounds**\n\nSmall n.\n\nThat is all.",
            3,
            ["Parity It is even.", "Bounds Small n."],
        ),
        ("**Parity.** It is even.\n\n**Bounds.** Small n.", 3, ["Parity. It is even.", "Bounds. Small n."]),
        ("**Input**\n- n is small\n- a is sorted\n**Edges**\n- n = 0", 3, ["n is small", "a is sorted", "n = 0"]),
        ("1. With n <= 10\n1.5 is the bound\n2. Scan", 3, ["With n <= 10 1.5 is the bound", "Scan"]),
        ("1. first\n2. ...\n3. third", 3, ["first", "third"]),
        ("Observation 1 implies the rest", 3, []),
        ("```\n1. Small\n2. Sorted\n```", 3, ["Small", "Sorted"]),
        ("```markdown\n- Small\n- Sorted\n```\n", 3, ["Small", "Sorted"]),
        ("```python\n# Small\n# Sorted\n```", 3, []),
        ("```\nx = 1\n```\n1. Small\n2. Sorted\n```\ny = 2\n```", 3, ["Small", "Sorted"]),
        ("nothing of the kind", 3, []),
        ("The answer is n + 1.\n\nIt is easy.", 3, []),
        ("", 3, []),
    ],
)
def test_parse_observations(text: str, n: int, found: list[str]) -> None:
    assert parse_observations(text, n) == found


PIECES = ["1. ", "- ", "* ", "**", "*", "# ", "Observation 1:", "```", "a", " ", "\n", "\n\n", "**a**", "(", "---"]


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join)), st.integers(1, 5))
def test_any_text_is_taken(text: str, n: int) -> None:
    found = parse_observations(text, n)
    assert len(found) <= n
    assert all(item.strip() and len(item.splitlines()) == 1 for item in found)


@pytest.mark.slow
@pytest.mark.parametrize(
    "piece", [*PIECES, "1. a\n", "- a\n", "**a\n", "a\n\n", "*a ", "# a\n", "  - a\n", "observation "]
)
def test_time_grows_linearly(piece: str) -> None:
    start = time.process_time()
    parse_observations(piece * 100_000, 3)
    parse_observations("1. " + piece * 100_000, 3)
    assert time.process_time() - start < 30  # seconds of CPU: others may work beside it
