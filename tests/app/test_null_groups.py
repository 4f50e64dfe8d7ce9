"""A group that is set to null ends in one line."""

import sys

import pytest

from conself import train
from conself.app.null_groups import unset


@pytest.mark.parametrize(
    ("word", "right"),
    [
        ("curriculum=null", "~curriculum"),
        ("training/strategy=NULL", "~training/strategy"),
        ("engine@answering=null", "~engine@answering"),
    ],
)
def test_the_line_says_how_to_choose_nothing(word: str, right: str) -> None:
    assert unset(word) == f"{word} chooses none of a group, for which the word is {right}"


@pytest.mark.parametrize("word", ["max_pairs=null", "curriculum=all_problems", "dataset.path=null", "writing=null"])
def test_other_words_pass(word: str) -> None:
    assert unset(word) is None


def test_a_command_ends_before_hydra_does(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["conself.train", "curriculum=null"])
    with pytest.raises(SystemExit) as ended:
        train.main()
    assert ended.value.code == 2
    assert (
        "error: curriculum=null chooses none of a group, for which the word is ~curriculum" in capsys.readouterr().out
    )
