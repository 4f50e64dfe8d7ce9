"""The figures of the embedded model's other roles: what counts as a chain, and as a right claim."""

import pytest
from hydra import compose, initialize_config_dir

from conself.datasets.decontamination import words
from conself.engines.decoding import Decoding
from conself.engines.engine import Ask, Reply
from conself.minipy import splits
from conself.minipy.compositions import identity
from conself.minipy.corpus import corpus
from conself.minipy.pretrain_roles import asks_of
from conself.minipy.reading import read_chain, wordings
from conself.minipy.roles.exercises import typed_signature
from conself.proposers.proposal import Exercise
from conself.proposers.proposer import Proposer
from conself.runtime.config_folder import CONF
from conself.runtime.parts import build
from experiments.minipy_roles.__main__ import configured
from experiments.minipy_roles.chains import generated
from experiments.minipy_roles.figures import SPLITS, AskingTests, claimed, fitting_chain, proposed

PROPOSAL = """<exercise>
Task: {task}
Signature: def f(xs: list[int]) -> list[int]
Example: f([2, 1]) == [1, 2]
Hint: Use a loop.
</exercise>"""
TESTS, LARGE = "f([]) == []\nf([1]) == [1]\nf([2, 1]) == [1, 2]\nf([0]) == [0]", "f([5, 4, 3]) == [9, 16, 25]"


def reply(text: str) -> Reply:
    return Reply(text, "stop", None, None, 1)


def test_a_signature_must_fit_the_chain() -> None:
    fits = Exercise("", "Sort the list.", "def f(xs: list[int]) -> list[int]", "f([]) == []", "", "f")
    other = Exercise("", "Sort the list.", "def f(n: int) -> int", "f(1) == 1", "", "f")
    assert fitting_chain(fits) is not None
    assert fitting_chain(other) is None


def test_proposals_are_counted() -> None:
    tasks = iter(["Sort the list, then take the squares.", "Sort the list, then take the squares.", "Dance.", ""])

    def complete(asks: list[Ask], _: Decoding) -> list[list[Reply]]:
        texts = [ask.messages[0]["content"] for ask in asks]
        made = []
        for text in texts:
            if text.startswith("Propose"):
                made.append(PROPOSAL.format(task=next(tasks)))
            elif text.endswith("Skeleton"):
                made.append("```python\ndef f(xs: list[int]) -> list[int]:\n    ...\n```")
            else:
                made.append(LARGE if text.endswith("large") else TESTS)
        return [[reply(text)] for text in made]

    proposer = build(configured([]).proposer, Proposer)
    found = proposed(proposer, complete, 4, {"train": {"sort | square_each"}})  # type: ignore[arg-type]
    assert found["valid"] == 0.5
    assert found["dropped"] == {"duplicate": 1, "unparsable": 1}
    assert (found["chains"], found["in no split"], found["by place"]) == (0.5, 0.0, {"train": 0.5})
    assert found["inputs"] == 5


def test_claims_are_compared_with_the_reference() -> None:
    with initialize_config_dir(CONF, version_base="1.3"):
        asks = asks_of(compose("pretrain_roles"))
    problems = [problem for problem, _ in splits.split("test", SPLITS["test"], 0)][:3]

    def complete(*_: object) -> list[list[Reply]]:
        right = {problem.id: oracle for problem, oracle in splits.split("test", SPLITS["test"], 0)}
        wrong = "f(1, 2) == 3"
        first = f"f({problems[0].inputs[0][1:-2]}) == {right[problems[0].id].expected[0]}"
        return [[reply(first)], [reply(wrong)], [reply(f"f({problems[2].inputs[0][1:-2]}) == 'no'")]]

    found = claimed(AskingTests(asks.style, asks.tester, 160, 0), complete, 3, 0.0)
    assert found["parsed"] == pytest.approx(2 / 3)
    assert found["whole replies right"] == pytest.approx(1 / 3)
    assert found["right"] == 0.5


def test_a_chain_of_a_held_out_split_is_contaminated_in_any_wording() -> None:
    held_out, _ = next(
        pair for pair in splits.split("validation", SPLITS["validation"], 0) if pair[0].difficulty == "own"
    )
    steps = read_chain(held_out.statement)
    assert steps is not None
    other = next(text for text in wordings(steps) if words(text) != words(held_out.statement))

    def complete(asks: list[Ask], _: Decoding) -> list[list[Reply]]:
        signature = typed_signature(steps)
        forms = {"Skeleton": f"```python\n{signature}:\n    ...\n```", "large": LARGE}
        text = PROPOSAL.format(task=other).replace("def f(xs: list[int]) -> list[int]", signature)
        ends = [ask.messages[0]["content"].rsplit(maxsplit=1)[-1] for ask in asks]
        first = [ask.messages[0]["content"].startswith("Propose") for ask in asks]
        return [[reply(text if is_first else forms.get(end, TESTS))] for is_first, end in zip(first, ends, strict=True)]

    proposer = build(configured([]).proposer, Proposer)
    found = proposed(proposer, complete, 1, {})  # type: ignore[arg-type]
    assert found["dropped"] == {"contaminated": 1}


def test_the_chains_of_the_world_are_collected_by_place() -> None:
    with initialize_config_dir(CONF, version_base="1.3"):
        asks = asks_of(compose("pretrain_roles"))
    chains = generated(asks, 10, 10, {"proposals": 5, "mixed_tests": 5}, coder_size=30)
    assert set(chains) == {"corpora", *SPLITS}
    first = read_chain(next(corpus(30, 0)).problem.statement)
    assert first is not None
    assert identity(first) in chains["corpora"]
    assert [len(chains[name]) for name in SPLITS] == [800, 600, 1000]
