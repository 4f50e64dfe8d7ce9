"""Words that were once right end in one line with the word for them now."""

import sys
from pathlib import Path

import pytest
from hydra.errors import ConfigCompositionException
from omegaconf import OmegaConf

from conself import evaluate, score, train
from conself.app.old_words import check_old_files, check_old_keys, told
from tests.test_conf import composed

CONSENSUS = "ranking=consensus pairing=winner_and_losers"
PSEUDO_TESTS = "ranking=pseudo_tests pairing=winner_and_losers"


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("sampler=transformers", "engine=transformers"),
        ("sampler=vllm", "engine=vllm"),
        ("sampler=openai", "engine=openai, in training with engine@answering=transformers"),
        ("decoder=transformers", "engine=transformers"),
        ("decoder=vllm", "engine=vllm"),
        ("decoder=openai", "engine=openai"),
        ("decoder=recorded", "samples=FILE"),
        ("sampler=guided,vllm", "engine=vllm"),
        ("sampler.runtime.batch_size=64", "engine.runtime.batch_size=64"),
        ("++decoder.runtime.processes=null", "engine.runtime.processes=null"),
        ("sampler.runtime.tensor_parallel=2,4", "engine.runtime.tensor_parallel=2,4"),
        ("sampler.endpoint.base_url=http://h/v1", "engine.endpoint.base_url=http://h/v1"),
        ("decoder.max_model_len=4096", "engine.max_model_len=4096"),
        ("runtime.workers=4", "executor.workers=4"),
        ("++runtime.workers=1,2", "executor.workers=1,2"),
        ("sampler.endpoint.top_logprobs=15", "engine.endpoint.logprobs=true (or false) with sampler.entropy_top_k"),
        ("pairing=consensus_pairs", CONSENSUS),
        ("pairing=pseudo_test_pairs", PSEUDO_TESTS),
        ("pairing=winner_only,pseudo_test_pairs", PSEUDO_TESTS),
        ("pairing@matched.pairing=consensus_pairs", CONSENSUS),
    ],
)
def test_a_word_that_moved(word: str, line: str) -> None:
    assert told(word) == f"{word} is now {line}"


@pytest.mark.parametrize("word", ["recipe=qwen2_5_coder_7b", "recipe@_global_=hub", "~recipe"])
def test_a_group_that_is_no_more(word: str) -> None:
    assert told(word) == (
        f"{word} is to be left out: what was chosen for a model stands in its own YAML of conf/model/, under recipe"
    )


@pytest.mark.parametrize(
    "word",
    [
        "recipe.tau=0.4",
        "sampler=guided",
        "pairing=winner_only",
        "decoder.n=20",
        "sampler.n_observations=2",
        "engine=vllm",
        "-m",
        "x=runtime.workers",
        "ranking=consensus",
    ],
)
def test_a_word_of_today_is_none(word: str) -> None:
    assert told(word) is None


@pytest.mark.parametrize(
    "words",
    [
        "recipe.tau=0.4",
        "engine=transformers",
        "engine=vllm",
        "engine=openai",
        "engine@answering=transformers",
        "engine.runtime.batch_size=64",
        "executor.workers=4",
        "sampler.entropy_top_k=15",
        "decoder.entropy_top_k=15",
        CONSENSUS,
        PSEUDO_TESTS,
    ],
)
def test_the_new_words_compose(words: str) -> None:
    assert composed(*words.split())


def test_the_old_words_do_not_compose() -> None:
    with pytest.raises(ConfigCompositionException):
        composed("sampler.runtime.batch_size=64")


@pytest.mark.parametrize("main", [train.main, score.main, evaluate.main])
def test_a_command_ends_in_one_line(
    main: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["conself", "logger=none", "decoder=vllm", "sampler=vllm"])
    assert callable(main)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().out == "error: decoder=vllm is now engine=vllm\n"


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"sampler": {"n": 1, "runtime": {"batch_size": 4}}}, "sampler.runtime is now engine.runtime"),
        ({"sampler": {"n": 1}, "decoder": {"max_model_len": 9}}, "decoder.max_model_len is now engine.max_model_len"),
        ({"recorded": {"runtime": {"processes": 1}}}, "recorded.runtime is to be left out: a file is read in one call"),
    ],
)
def test_an_old_key_in_a_yaml_of_ones_own(keys: dict[str, object], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        check_old_keys(OmegaConf.create(keys))
    check_old_keys(OmegaConf.create({"sampler": {"n": 1}, "engine": {"runtime": {}}}))


def test_a_recipe_in_a_file_of_its_own_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "recipe").mkdir()
    (tmp_path / "recipe" / "mine.yaml").write_text("# @package _global_\ntau: 0.4\n")
    with pytest.raises(ValueError, match=r"recipe/mine.yaml is no longer read: put its tau.*model/mine\.yaml"):
        check_old_files([str(tmp_path)], "mine")
    check_old_files([str(tmp_path)], "minipy")
