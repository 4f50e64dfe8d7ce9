"""The worked example of docs/rankings.md: a user's own ranking costs two files."""

import json
import re
import shlex
from pathlib import Path

import pytest

from conself import score

DOC = (Path(__file__).parents[2] / "docs" / "rankings.md").read_text()
CODES = ("def f(x): return x + 1 + 0 + 0 + 0 + 0", "def f(x): return x + 1", "def f(x): return 2 * x * 1 * 1 * 1", "(")


def block(language: str) -> str:
    """The one code block of a language."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", DOC, re.MULTILINE | re.DOTALL)
    (text,) = [text for name, text in blocks if name == language]
    return str(text)


def test_the_ranking_of_the_documentation_pairs_and_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shortest.py").write_text(block("python"))
    (tmp_path / "parts" / "ranking").mkdir(parents=True)
    (tmp_path / "parts" / "ranking" / "shortest.yaml").write_text(block("yaml"))
    right = [True, True, False, False]
    drawn = [{"code": code, "passed": passed} for code, passed in zip(CODES, right, strict=True)]
    line = {"id": "a", "entry_point": "f", "inputs": [[2], [5]], "candidates": drawn}
    (tmp_path / "pool.jsonl").write_text(json.dumps(line) + "\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    _, command, *words = shlex.split(block(""))
    assert command == "score"
    monkeypatch.setattr("sys.argv", ["conself.score", *words, "out=scores", "hydra.run.dir=run"])
    score.main()

    (row,) = map(json.loads, (tmp_path / "scores" / "uncertainty.jsonl").read_text().splitlines())
    # characters // 10: 3, 2, 3, and 0 of the program that does not compile
    assert (row["winner"], row["losers"], row["pairs"]) == (1, [0, 2, 3], [[1, 0], [1, 2]])
    selectors = json.loads((tmp_path / "scores" / "summary.json").read_text())["selectors"]
    assert selectors["shortest"] == {"accuracy": 1.0, "n": 1, "no_winner": {}}
    assert selectors["consensus"]["accuracy"] == 1.0
