"""The chain: what is asked, where it ends and why, and what comes of the answers."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conself.engines.engine import Reply
from conself.generated_tests.generated_test import Reason
from conself.prompts.few_shot import FewShot, Shots
from conself.proposers.briefs import drawn_briefs, read_material
from conself.proposers.drafts import id_of
from conself.proposers.proposal import Brief, Dropped, Proposal
from conself.proposers.texts import ProposerTexts
from conself.proposers.ucoder import UCoder
from tests.proposers.canned import ANSWERS, EXERCISE, TESTS, TEXTS, Canned, proposer

BRIEF = Brief("ask/000000", "primes", "numbers", None)


def proposed(part: UCoder, **answers: str) -> tuple[Proposal, list[str]]:
    """What comes of a brief, and the steps that were asked, when some answers are others."""
    engine = Canned(lambda text, _: (ANSWERS | answers)[text.split()[0]])
    (answered,) = part([BRIEF], engine.complete)
    return part.read(BRIEF, answered), [text.split()[0] for text in engine.asked]


def test_a_whole_chain_becomes_a_problem_without_outputs_and_tests_beside_it() -> None:
    proposal, asked = proposed(proposer())
    assert asked == ["propose", "rate", "skeleton", "tests", "tests"]
    assert (proposal.reason, proposal.rating) == (None, 8)
    problem = proposal.problem
    assert problem is not None
    assert problem.statement == "Return twice the number that is given as an argument.\n\nExample: double(2) == 4"
    assert problem.starter_code == 'def double(number: int) -> int:\n    """Twice a number."""\n    ...\n'
    assert (problem.entry_point, problem.difficulty, problem.source) == ("double", "easy", "generated")
    assert problem.inputs == ("(0,)", "(1,)", "(2,)", "(3,)"), "both replies have the same four"
    assert [(t.reply, t.input, t.expected) for t in proposal.tests[3:5]] == [(0, "(3,)", "6"), (1, "(0,)", "0")]
    assert problem.id == id_of(problem.statement, problem.starter_code)


def test_an_id_is_that_of_statement_and_skeleton() -> None:
    """By sha256sum of ``["s", "def f(): ..."]``."""
    assert id_of("s", "def f(): ...") == "generated/9e13c24fcde6"
    assert id_of("s", "def g(): ...") != id_of("s", "def f(): ...")


@pytest.mark.parametrize(
    ("answers", "settings", "reason", "steps"),
    [
        ({"propose": "No."}, {}, Dropped.UNPARSABLE, 1),
        ({"rate": "Fine."}, {}, Dropped.UNRATED, 2),
        ({"rate": "Quality: 5"}, {}, Dropped.LOW_RATING, 2),
        ({"skeleton": "def triple(n): ..."}, {}, Dropped.BAD_SKELETON, 3),
        ({"tests": "double(1) == 2\ndouble(2) == 4"}, {}, Dropped.TOO_FEW_INPUTS, 5),
        ({"tests": "I would test everything."}, {}, Dropped.TOO_FEW_INPUTS, 5),
        ({"propose": EXERCISE.replace("twice the", "\ud800 the")}, {}, Dropped.UNUSABLE, 5),
        ({"rate": "Quality: 1"}, {"min_rating": None}, None, 4),
        ({"rate": "Quality: 6"}, {}, None, 5),
        ({"tests": "\n".join(f"double({n}) == 0" for n in range(3))}, {}, None, 5),
    ],
)
def test_where_a_chain_ends(answers: dict[str, str], settings: dict[str, Any], reason: Dropped, steps: int) -> None:
    proposal, asked = proposed(proposer(**settings), **answers)
    assert (proposal.reason, len(asked)) == (reason, steps)


def test_inputs_are_literals_that_fit_the_signature_and_each_counts_once() -> None:
    tests = [
        "double(1) == 2",
        "double(0 + 1) == 2",  # no literal
        "double(len('a')) == 2",
        "double(1, 2) == 3",  # arity
        "double() == 0",
        "triple(1) == 3",  # another function: no line of a test
        f"double('{'x' * 5000}') == 1",
        "double(number=5) == 10",
        "double( 1 ) == 3",  # the same input, another claim
        "double(True) == 2",
        "double(2) == [2] * 2",
        "assert double(-3) == -6",
        "__import__('os').system('touch /tmp/executed')",
    ]
    proposal, _ = proposed(proposer(kinds={"all": "all"}), tests="\n".join(tests))
    assert proposal.problem is not None
    assert proposal.problem.inputs == ("(1,)", "(5,)", "(True,)", "(-3,)")
    assert proposal.rejected == {
        Reason.INPUT_NO_LITERAL: 2,
        Reason.ARITY: 2,
        Reason.TOO_LONG: 1,
        Reason.OUTPUT_NO_LITERAL: 1,
    }
    assert [t.expected for t in proposal.tests if t.input == "(1,)"] == ["2", "3"], "contradictions stay"


def test_the_first_inputs_are_kept_and_tests_of_others_go() -> None:
    proposal, _ = proposed(proposer(max_inputs=3, min_inputs=3))
    assert proposal.problem is not None
    assert proposal.problem.inputs == ("(0,)", "(1,)", "(2,)")
    assert {test.input for test in proposal.tests} == set(proposal.problem.inputs)


def test_a_chain_goes_on_where_another_ends_and_seeds_are_each_briefs_own() -> None:
    """Together or alone, a brief gets the same seeds: what is drawn beside it does not matter."""

    def answer(text: str, seed: int) -> str:
        drawn.append((text, seed))
        return "no" if text.startswith("propose words") else ANSWERS[text.split()[0]]

    drawn: list[tuple[str, int]] = []
    part, engine = proposer(), Canned(answer)
    briefs = [BRIEF, Brief("ask/000001", "words", "texts", None), Brief("ask/000002", "sums", "numbers", None)]
    together = list(part(briefs, engine.complete))
    assert [len(answered) for answered in together] == [5, 1, 5]
    first, drawn = sorted(drawn), []
    alone = [next(part([brief], engine.complete)) for brief in briefs]
    assert alone == together
    assert sorted(drawn) == first
    assert len({seed for _, seed in first}) == len(first)


def test_topics_and_material_are_drawn_by_number_and_seed_alone() -> None:
    topics = {"a": ["x", "y"], "b": ["z"]}
    all_at_once = drawn_briefs(topics, ["m", "n"], 3, 0, 300)
    assert drawn_briefs(topics, ["m", "n"], 3, 0, 10) + drawn_briefs(topics, ["m", "n"], 3, 10, 290) == all_at_once
    assert drawn_briefs(topics, ["m", "n"], 4, 0, 300) != all_at_once
    assert len({brief.id for brief in all_at_once}) == 300
    for topic in "xyz":  # each has 1/3 of 300: 100 +- 4 standard deviations of 8.2
        assert 67 < sum(brief.topic == topic for brief in all_at_once) < 133
    assert {(b.topic, b.category) for b in all_at_once} == {("x", "a"), ("y", "a"), ("z", "b")}
    assert {b.material for b in all_at_once} == {"m", "n"}


def test_material_goes_into_the_ask_and_its_content_into_the_key(tmp_path: Path) -> None:
    path = tmp_path / "material.jsonl"
    path.write_text('{"text": "a bank"}\n\n{"text": " a bank ", "id": 1}\n')
    part = proposer(grounding=str(path))
    (brief,) = part.briefs(5, 1)
    engine = Canned()
    list(part([brief], engine.complete))
    assert engine.asked[0] == f"propose {brief.topic} from a bank"
    before = part.fingerprint()
    path.write_text('{"text": "a shop"}')
    assert part.fingerprint() != before
    assert proposer().fingerprint() == ""


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("", "is empty; give it material"),
        ('{"text": ""}', "line 1 is no object with a text"),
        ('["a"]', "line 1 is no object with a text"),
        ('{"text": "a"}\n{', "line 2: no JSON"),
    ],
)
def test_material_that_cannot_be_used(content: str, line: str, tmp_path: Path) -> None:
    path = tmp_path / "material.jsonl"
    path.write_text(content)
    with pytest.raises(ValueError, match=rf"proposer\.grounding: .*{line}"):
        read_material(path)
    with pytest.raises(FileNotFoundError, match=r"proposer\.grounding: .* does not exist"):
        proposer(grounding=str(tmp_path / "none")).check()


FEWSHOT = FewShot(
    "### Problem",
    "{starter_code}",
    *[Shots("{statement}{n}", "{statement}", "{statement}{observation}", exemplars=[])] * 2,
)


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        ({"topics": {}}, "proposer.topics is empty"),
        ({"topics": {"a": []}}, "no topic, or an empty one, in a"),
        ({"topics": {"a": ["x", " "]}}, "no topic, or an empty one, in a"),
        ({"topics": {"a": ["x"], "b": ["x"]}}, "has x twice"),
        ({"kinds": {}}, "proposer.kinds is empty"),
        ({"problems": 0}, "proposer.problems must be at least 1"),
        ({"min_rating": 11}, "proposer.min_rating must be 1 to 10"),
        ({"min_inputs": 200}, "min_inputs=200 is above max_inputs=100"),
        ({"max_new_tokens": {"propose": 1}}, "proposer.max_new_tokens must have propose, rate, skeleton, tests"),
        ({"top_p": 0.0}, "top_p must lie in"),
        ({"prompts": FEWSHOT}, "proposer=ucoder_fewshot"),
        ({"grounding": "a.jsonl", "texts": replace(TEXTS, grounded="")}, "has no place for it"),
    ],
)
def test_settings_that_cannot_work(settings: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        proposer(**settings)


def test_a_base_model_goes_on_with_the_text_and_stops_at_the_next_heading() -> None:
    seen: list[Any] = []

    def complete(asks: Any, drawn: Any) -> Any:
        seen.extend((ask.messages, drawn.stop) for ask in asks)
        return [[Reply("no", "stop", None, None, 1)] for _ in asks]

    list(proposer(prompts=FEWSHOT, stop=["\n### "])([BRIEF], complete))
    assert seen == [([{"role": "plain", "content": "propose primes"}], ("\n### Problem\n", "\n### "))]


def test_answers_to_tests_are_read_without_reasoning() -> None:
    proposal, _ = proposed(proposer(), tests=f"<think>double(77) == 1</think>\n{TESTS}")
    assert proposal.problem is not None
    assert "(77,)" not in proposal.problem.inputs


def test_texts_that_lack_what_they_are_for() -> None:
    good = {
        "propose": "{topic}{material}",
        "grounded": "{material}",
        "exercise": "{task}{signature}{example}",
        "rate": "{exercise}",
        "skeleton": "{exercise}{name}",
        "tests": "{exercise}{skeleton}{name}{kind}{n}",
    }
    for change, line in (
        ({"propose": "one"}, r"proposer\.texts\.propose cannot be filled: it lacks \{topic\}"),
        ({"rate": "{exercise}{name}"}, r"texts\.rate .*no field \{name\}; it may use \{exercise\}"),
        ({"rate": "{exercise"}, r"texts\.rate cannot be filled: .*write \{\{ and \}\}"),
    ):
        with pytest.raises(ValueError, match=line):
            ProposerTexts(**(good | change))
