"""A group that is set to null ends in one line."""

import sys

import pytest

from conself import train
from conself.app.null_groups import unset


@pytest.mark.parametrize(
    ("word", "right"),
    [
        ("curriculum=null", "write ~curriculum to drop"),
        ("training/strategy=NULL", "write ~training/strategy to drop"),
        ("engine@rollouts.engine=null", "leave the word out, or write ~engine@rollouts.engine"),
        ("curriculum=all_problems,null", "write ~curriculum to drop"),
        ("hydra/sweeper=null", "write ~hydra/sweeper to drop"),
        ("guard=null", "choose guard=none"),
        ("+tracking=null", "choose tracking=none"),
    ],
)
def test_the_line_says_what_to_write_instead(word: str, right: str) -> None:
    line = unset(word)
    assert line is not None
    assert line.startswith(f"{word} chooses null of a group; ")
    assert right in line


@pytest.mark.parametrize("word", ["max_pairs=null", "curriculum=all_problems", "dataset.path=null", "writing=null"])
def test_other_words_pass(word: str) -> None:
    assert unset(word) is None


def test_a_command_ends_before_hydra_does(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["conself.train", "curriculum=null"])
    with pytest.raises(SystemExit) as ended:
        train.main()
    assert ended.value.code == 2
    assert "error: curriculum=null chooses null of a group" in capsys.readouterr().out
