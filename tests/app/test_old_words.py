"""Old words of the command line name new ones that are there."""

import pytest
from omegaconf import OmegaConf

from conself.app.old_words import OLD_WORDS, old_word
from tests.test_conf import composed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["tau=1", "runtime.workers=4"], "runtime.workers is executor.workers now: give executor.workers=4"),
        (["++runtime.workers=1,2", "-m"], "runtime.workers is executor.workers now: give ++executor.workers=1,2"),
        (["sampler.runtime.workers=4", "executor.workers=2", "x=runtime.workers"], None),
    ],
)
def test_the_first_old_word_is_told_with_its_value(words: list[str], said: str | None) -> None:
    assert old_word(words) == said


@pytest.mark.parametrize("name", ["train", "score", "evaluate"])
def test_new_words_are_there_and_old_ones_are_gone(name: str) -> None:
    words = ["pool=x"] if name == "score" else []
    config = composed(*words, name=name)
    for old, new in OLD_WORDS.items():
        assert OmegaConf.select(config, new) is not None
        assert OmegaConf.select(config, old) is None
