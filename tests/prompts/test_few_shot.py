"""Prompts for base models: exemplars that are right, in the form of the answer that is wanted; no chat template."""

import ast
import io
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf
from tokenizers import Tokenizer, models, processors
from transformers import PreTrainedTokenizerFast

from conself.prompts.few_shot import Exemplar, FewShot, Shots
from conself.prompts.prompts import observation_messages, program_messages, render
from conself.records import Problem
from conself.samplers.code_blocks import extract_code
from conself.samplers.observations import parse_observations

OURS: FewShot = instantiate(
    OmegaConf.load(Path(__file__).parents[2] / "conf" / "prompts" / "fewshot.yaml"), _convert_="all"
)
SHOWN = Exemplar("Double n.", "", "double", ["Twice {n}.", "Any n."], "def double(n):\n    return {n: 2 * n}[n]\n")
SHOTS = Shots(
    "{statement}{starter}\nSee {n}:\n", "{statement}{starter}\nDo:\n", "{statement}\n{observation}\n", exemplars=[SHOWN]
)
SMALL = FewShot("# Task", "\n{starter_code}", SHOTS, replace(SHOTS, exemplars=[]))
PROBLEM = Problem("p", "Add {one}.", "def f(n):", "f", (), "test", "")


def test_a_prompt_by_hand() -> None:
    """An exemplar with its answer, then the problem in the same form, and the answer is to follow."""
    code = "```python\ndef double(n):\n    return {n: 2 * n}[n]\n```"
    assert program_messages(SMALL, PROBLEM, None)[0]["content"] == (
        f"# Task\nDouble n.\nDo:\n{code}\n\n# Task\nAdd {{one}}.\ndef f(n):\nDo:\n"
    )
    assert program_messages(SMALL, PROBLEM, "{n} + 1")[0]["content"] == (
        f"# Task\nDouble n.\nTwice {{n}}.\n{code}\n\n# Task\nAdd {{one}}.\n{{n}} + 1\n"
    )
    assert observation_messages(SMALL, PROBLEM, 3)[0]["content"] == (
        "# Task\nDouble n.\nSee 2:\n1. Twice {n}.\n2. Any n.\n\n# Task\nAdd {one}.\ndef f(n):\nSee 3:\n"
    )


def test_an_answer_ends_where_the_next_exemplar_would_begin() -> None:
    assert SMALL.stop == ("\n# Task\n",)
    for problem in (PROBLEM, Problem("s", "Print.", "", None, (), "test", "")):
        (stop,) = OURS.stop
        text = program_messages(OURS, problem, None)[0]["content"]
        assert ("\n" + text).count(stop) == 4, "three exemplars and the problem, and no answer holds it"


@pytest.mark.parametrize(
    "shown", OURS.function.exemplars + OURS.stdin.exemplars, ids=lambda shown: shown.statement[:20]
)
def test_answers_of_exemplars_are_read_as_answers_are(shown: Exemplar) -> None:
    kind = OURS.stdin if shown.entry_point is None else OURS.function
    assert len(kind.exemplars) == 3
    assert len(set(shown.observations)) == 3
    problem = Problem("p", "Any.", "", shown.entry_point, (), "test", "")
    answers = program_messages(OURS, problem, None)[0]["content"].split(OURS.heading)
    own = next(text for text in answers if shown.statement.strip() in text)
    assert extract_code(own, shown.entry_point) == shown.program
    lists = observation_messages(OURS, problem, 3)[0]["content"].split(OURS.heading)
    listed = next(text for text in lists if shown.statement.strip() in text).partition("about it\n")[2]
    assert parse_observations(listed, 3) == shown.observations


@pytest.mark.parametrize(
    ("place", "calls"),
    [
        (0, {"second_largest([3, 1, 3, 2])": 2, "second_largest([5, 5])": None, "second_largest([])": None}),
        (1, {"word_counts('The cat\\n the')": {"the": 2, "cat": 1}, "word_counts('')": {}}),
        (2, {"Solution().longestClimb([1, 2, 2, 3, 4])": 3, "Solution().longestClimb([])": 0}),
    ],
)
def test_exemplar_functions_are_right(place: int, calls: dict[str, object]) -> None:
    names: dict[str, object] = {}
    exec(compile(ast.parse(OURS.function.exemplars[place].program), "shown", "exec"), names)
    assert {call: eval(call, names) for call in calls} == calls


@pytest.mark.parametrize(
    ("place", "given", "printed"),
    [(0, "4\n7 -2 5 0\n", "9\n"), (1, "level \n", "YES\n"), (1, "ab\n", "NO\n"), (2, "2\n1 9\n4 5\n", "3\n0\n")],
)
def test_exemplar_programs_are_right(place: int, given: str, printed: str) -> None:
    with patch("sys.stdin", io.StringIO(given)), redirect_stdout(io.StringIO()) as out:
        exec(compile(OURS.stdin.exemplars[place].program, "shown", "exec"), {})
    assert out.getvalue() == printed


def test_no_chat_template_is_needed_and_the_text_opens_as_the_tokenizer_opens_texts() -> None:
    messages = program_messages(SMALL, PROBLEM, None)
    bare = Tokenizer(models.WordLevel({"<s>": 0, "x": 1}, unk_token="x"))
    plain = PreTrainedTokenizerFast(tokenizer_object=bare, bos_token="<s>")
    assert render(plain, messages) == messages[0]["content"], "it has a beginning of text, and does not use it"
    bare.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
    opened = PreTrainedTokenizerFast(tokenizer_object=bare, bos_token="<s>")
    assert render(opened, messages) == "<s>" + messages[0]["content"]


def test_exemplars_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(ValueError, match=r"prompts\.heading must not be empty"):
        FewShot(" ", "{starter_code}", SHOTS, SHOTS)
    with pytest.raises(ValueError, match=r"an exemplar of prompts\.stdin has an entry_point"):
        FewShot("#", "{starter_code}", SHOTS, SHOTS)
    with pytest.raises(ValueError, match=r"'Double n\.' in prompts needs an observation"):
        Exemplar("Double n.", "", "double", [], "pass")
