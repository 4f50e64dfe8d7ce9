"""The corpus with roles: the coder's own turns, and those that each role adds."""

import hashlib
import re
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.utils import instantiate

from conself.minipy.compositions import side
from conself.minipy.corpus import corpus
from conself.minipy.pretraining.turns import Turn, coder_turn
from conself.minipy.roles.proposals import TOPICS, read_proposal
from conself.minipy.roles.reading import read
from conself.prompts.prompts import PromptStyle
from conself.runtime.parts import build

ROOT = Path(__file__).parents[3]
CODER, PROPOSALS, SKELETONS, TESTS = 400, 200, 40, 200


def turns(coder: int = CODER, seed: int = 0) -> list[Turn]:
    sizes = {"": coder, "proposals.": PROPOSALS, "skeletons.": SKELETONS, "tests.": TESTS}
    words = [f"corpus.{part}size={size}" for part, size in sizes.items()]
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        cfg = compose("pretrain_roles", [*words, f"seed={seed}"])
    return list(instantiate(cfg.corpus, _convert_="all")(prompts=build(cfg.prompts, PromptStyle)))


ALL = turns()
ROLES = ALL[CODER:]
STARTER = r"def f\((?:xs|n|s)\):"


def asked(turn: Turn) -> str:
    (message,) = turn.messages
    return message["content"]


def test_the_corpus_of_the_seed_model_is_what_it_was() -> None:
    """SHA-256 of its first examples, as they were when its checkpoint was made."""
    text = repr([(e.problem.statement, e.observation, e.completion, e.kind) for e in corpus(500, 0)])
    assert (
        hashlib.sha256(text.encode()).hexdigest() == "5e4e445d7cb37c80ba36f0223634ad0269d745506a4fe46a8c450e41037fd215"
    )


def test_so_is_the_checkpoint_of_the_seed_model() -> None:
    weights = (ROOT / "conself" / "minipy" / "checkpoint" / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == "03bccdf56d2ec7648fe280689518597b909042e1edd991caeae797029af98b60"


def test_a_corpus_is_a_function_of_its_seed_and_its_parts_do_not_depend_on_one_another() -> None:
    assert turns(coder=10)[10:] == ROLES
    assert turns(seed=1)[CODER:] != ROLES


def test_the_coder_reads_its_own_corpus_and_a_quarter_of_its_problems_has_an_example() -> None:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        prompts = build(compose("pretrain_roles").prompts, PromptStyle)
    own = [coder_turn(example, prompts) for example in corpus(CODER, 0)]
    same = sum(asked(turn) == asked(other) for turn, other in zip(ALL, own, strict=False))
    assert [turn.completion for turn in ALL[:CODER]] == [turn.completion for turn in own]
    assert 0.67 * CODER <= same <= 0.83 * CODER
    for turn, other in zip(ALL, own, strict=False):
        if asked(turn) != asked(other):
            shown = re.sub(r"\n\nExample: f\(.*?\n(?=def)", "\n", asked(turn), flags=re.DOTALL)
            assert shown.replace("\n    ...\n", "") == asked(other)


def test_proposals_are_asked_for_by_topic() -> None:
    for turn in ROLES[:PROPOSALS]:
        assert asked(turn).removeprefix("Propose an exercise: ") in TOPICS
        task = read_proposal(turn.completion).task
        assert task is not None
        steps = read(task)
        assert steps is None or side(steps) == "corpus"


def test_a_skeleton_is_the_starter_code() -> None:
    for turn in ROLES[PROPOSALS : PROPOSALS + SKELETONS]:
        assert re.fullmatch(STARTER, turn.completion)
        assert asked(turn).endswith(f"\n{turn.completion}\nSkeleton")


def test_tests_are_asked_for_by_sort() -> None:
    pattern = re.compile(rf"([^\n]*)(\n\nExample: .*)?\n{STARTER}(\n    \.\.\.\n)?\nTest (\w+)", re.DOTALL)
    sorts = set()
    for turn in ROLES[PROPOSALS + SKELETONS :]:
        match = pattern.fullmatch(asked(turn))
        assert match is not None
        steps = read(match[1])
        assert steps is not None
        assert side(steps) == "corpus"
        assert 1 <= len(re.findall("^f", turn.completion, re.MULTILINE)) <= 4
        sorts.add(match[4])
    assert sorts == {"ordinary", "boundary", "empty", "large", "mixed"}
