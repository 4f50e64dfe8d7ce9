"""Words that were once right end in one line with the word for them now."""

import sys

import pytest

from conself import score, train
from conself.app.old_words import told
from tests.test_conf import composed

CONSENSUS = "ranking=consensus pairing=winner_and_losers"
PSEUDO_TESTS = "ranking=pseudo_tests pairing=winner_and_losers"


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("pairing=consensus_pairs", CONSENSUS),
        ("pairing=pseudo_test_pairs", PSEUDO_TESTS),
        ("pairing=winner_only,pseudo_test_pairs", PSEUDO_TESTS),
    ],
)
def test_a_word_that_moved(word: str, line: str) -> None:
    assert told(word) == f"{word} is now {line}"


@pytest.mark.parametrize("word", ["pairing=winner_only", "pairing.max_losers=2", "ranking=consensus", "-m"])
def test_a_word_of_today_is_none(word: str) -> None:
    assert told(word) is None


@pytest.mark.parametrize("words", [CONSENSUS, PSEUDO_TESTS])
def test_the_new_words_compose(words: str) -> None:
    assert composed(*words.split())


@pytest.mark.parametrize("main", [train.main, score.main])
def test_a_command_ends_in_one_line(
    main: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["conself", "logger=none", "pairing=consensus_pairs"])
    assert callable(main)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().out.split() == f"error: pairing=consensus_pairs is now {CONSENSUS}".split()
