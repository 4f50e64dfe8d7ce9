"""Words that were once right end in one line with the word for them now."""

import importlib.util
import sys
from pathlib import Path

import pytest
from hydra.errors import ConfigCompositionException
from omegaconf import OmegaConf

from conself import evaluate, score, train
from conself.app.old_words import _MODULES, check_old_files, check_old_keys, refusing_old_words, told
from tests.test_conf import composed

pytestmark = pytest.mark.no_cover  # Hydra composes at half the speed while lines are counted

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
        ("logger=none", "tracking=none"),
        ("logger=csv,tensorboard", "tracking=csv,tensorboard"),
        ("logger.project=x", "tracking.project=x"),
        ("++logger.mode=online", "tracking.mode=online"),
        ("~logger", "~tracking"),
        ("~logger.project", "~tracking.project"),
        ("layout=shared", "training/layout=shared"),
        ("layout=distinct,pairs", "training/layout=distinct,pairs"),
        ("strategy=fsdp", "training/strategy=fsdp"),
        ("encoder@metrics.X.grouping.encoder=hub", "texts/encoder@metrics.X.grouping.encoder=hub"),
        ("grouping@metric.grouping=by_entailment", "texts/grouping@metric.grouping=by_entailment"),
        ("texts@_global_=by_similarity", "texts/default_grouping=by_similarity"),
        ("matched=conself", "pipeline/matched=conself"),
        ("~matched", "~pipeline/matched"),
        ("+prefix@dataset=contests", "+sandbox/prefix@dataset=contests"),
        ("confidence=pools", "statistics/confidence=pools"),
        ("confidence@ranking.confidence=pools", "statistics/confidence@ranking.confidence=pools"),
    ],
)
def test_a_word_that_moved(word: str, line: str) -> None:
    assert told(word) == f"{word} is now {line}"


@pytest.mark.parametrize("word", ["recipe=qwen2_5_coder_7b", "recipe@_global_=hub", "~recipe"])
def test_a_group_that_is_no_more(word: str) -> None:
    assert told(word) == (
        f"{word} is to be left out: a model's settings are in its own YAML of conf/model/, under recipe"
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
        "tracking=none",
        "training/layout=pairs",
        "training.runtime.layout.token_budget=4096",
        "texts/encoder@metric.grouping.encoder=hub",
        "matched.curriculum.tau=0.2",
        "confidence.intercept=1",
        "pairing@matched.pairing=winner_only",
        "hydra.job_logging.loggers.conself.level=INFO",
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
        "tracking=wandb tracking.project=x",
        "training/layout=pairs training/strategy=fsdp",
        "metric=naive_semantic_entropy texts/encoder@metric.grouping.encoder=hub",
        "texts/grouping@metrics.naive_semantic_entropy.grouping=by_entailment",
        "model=hub model.name=owner/name texts/default_grouping=by_similarity",
        "pipeline/matched=conself matched.curriculum.tau=0.2",
        "dataset=humaneval +sandbox/prefix@dataset=contests",
        "ranking=most_confident statistics/confidence@ranking.confidence=pools",
    ],
)
def test_the_new_words_compose(words: str) -> None:
    assert composed(*words.split())


@pytest.mark.parametrize("word", ["sampler.runtime.batch_size=64", "logger=none", "layout=shared"])
def test_the_old_words_do_not_compose(word: str) -> None:
    with pytest.raises(ConfigCompositionException):
        composed(word)


@pytest.mark.parametrize("main", [train.main, score.main, evaluate.main])
def test_a_command_ends_in_one_line(
    main: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["conself", "tracking=none", "decoder=vllm", "sampler=vllm"])
    assert callable(main)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert capsys.readouterr().out == "error: decoder=vllm is now engine=vllm\n"


def ending(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line that a training ends in."""
    monkeypatch.setattr(sys, "argv", ["conself", *words])
    with pytest.raises(SystemExit) as ended:
        train.main()
    assert ended.value.code == 2
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("entry", "line"),
    [
        ("override /pairing: consensus_pairs", f"pairing=consensus_pairs is now {CONSENSUS}"),
        ("override /logger: csv", "logger=csv is now tracking=csv"),
        ("/layout: pairs", "layout=pairs is now training/layout=pairs"),
        ("override /matched: conself", "matched=conself is now pipeline/matched=conself"),
        ("/encoder@metric.encoder: hub", "encoder@metric.encoder=hub is now texts/encoder@metric.encoder=hub"),
        ("optional /prefix@_here_: contests", "prefix@_here_=contests is now sandbox/prefix@_here_=contests"),
    ],
)
@pytest.mark.parametrize("flag", ["--config-dir {}", "-cd {}", "--config-dir={}"])
def test_an_old_word_in_the_defaults_of_a_yaml_of_ones_own(
    entry: str,
    line: str,
    flag: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.chdir(tmp_path)
    mine = Path("parts/experiment/mine.yaml")
    mine.parent.mkdir(parents=True)
    mine.write_text(f"# @package _global_\ndefaults:\n  - override /loss: dpo\n  - {entry}\n  - _self_\n")
    words = [*flag.format("parts").split(), "seed=1", "experiment=[conself,mine]"]
    assert ending(monkeypatch, capsys, *words) == f"error: {mine}: {line}\n"


def test_a_folder_may_be_called_as_an_old_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    began = []
    monkeypatch.setattr(sys, "argv", ["conself", "--config-dir", "logger", "loss=mine", "x=" + "y" * 5000])
    monkeypatch.chdir(tmp_path)
    Path("logger/loss").mkdir(parents=True)
    Path("logger/loss/mine.yaml").write_text("no: [YAML")
    refusing_old_words(lambda: began.append(True))()
    assert began == [True]


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"logger": {"project": "x"}}, "logger is now tracking"),
        (
            {"prompts": {"_target_": "conself.models.prompts.Prompts"}},
            r"prompts\._target_: conself\.models\.prompts\.Prompts is now conself\.prompts\.prompts\.Prompts",
        ),
        (
            {"metrics": {"a": {"b": [{"_target_": "conself.texts.hub_encoder.HubEncoder"}]}}},
            r"metrics\.a\.b\[0\]\._target_: .*HubEncoder is now conself\.texts\.encoders\.hub\.HubEncoder",
        ),
        ({"executor": {"_target_": "conself.runtime.local.LocalExecutor"}}, r"now conself\.executors\.local\.LocalE"),
        (
            {"s": {"_target_": "conself.training.devices.distributed.DDP"}},
            r"is now conself\.training\.strategies\.distributed\.DDP$",
        ),
        ({"sampler": {"n": 1, "runtime": {"batch_size": 4}}}, "sampler.runtime is now engine.runtime"),
        ({"sampler": {"n": 1}, "decoder": {"max_model_len": 9}}, "decoder.max_model_len is now engine.max_model_len"),
        ({"recorded": {"runtime": {"processes": 1}}}, "recorded.runtime is to be left out: a file is read in one call"),
    ],
)
def test_an_old_key_in_a_yaml_of_ones_own(keys: dict[str, object], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        check_old_keys(OmegaConf.create(keys))
    check_old_keys(OmegaConf.create({"sampler": {"n": 1}, "engine": {"runtime": {}}}))


@pytest.mark.parametrize("module", _MODULES.values())
def test_a_class_that_moved_is_where_it_is_said_to_be(module: str) -> None:
    assert importlib.util.find_spec(f"conself.{module}") is not None


def test_a_recipe_in_a_file_of_its_own_is_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "recipe").mkdir()
    (tmp_path / "recipe" / "mine.yaml").write_text("# @package _global_\ntau: 0.4\n")
    with pytest.raises(ValueError, match=r"recipe/mine.yaml is no longer read: put its tau.*model/mine\.yaml"):
        check_old_files([str(tmp_path)], "mine")
    check_old_files([str(tmp_path)], "minipy")
