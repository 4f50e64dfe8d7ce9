"""How tests are asked for: the words of a problem in a template, and templates that could not be filled."""

from pathlib import Path

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from conself.generated_tests.reader import TestReader
from conself.prompts.prompts import Prompts
from conself.prompts.tester import TesterTexts
from conself.records import Problem

STYLE = Prompts("Be brief.", "{n} {statement}", "{statement}", "{statement} {observation}")
TEXTS = TesterTexts(
    starter=" with {starter_code}", function="{n} of {entry_point}: {statement}{starter}", stdin="{n}: {statement}"
)
FUNCTION = Problem("p", " Add one. ", "def f(x):\n", "f", ("(1,)",), "", "")
STDIN = Problem("q", "Print it.", "", None, ("1",), "", "")


def test_the_problem_stands_in_the_template_of_its_kind() -> None:
    system = {"role": "system", "content": "Be brief."}
    assert TEXTS.messages(STYLE, FUNCTION, 5) == [
        system,
        {"role": "user", "content": "5 of f: Add one. with def f(x):"},
    ]
    assert TEXTS.messages(STYLE, STDIN, 3) == [system, {"role": "user", "content": "3: Print it."}]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"function": "{statement} {what}"}, r"prompts\.tester\.function has no field \{what\}"),
        ({"stdin": "{statement} {entry_point}"}, r"prompts\.tester\.stdin has no field \{entry_point\}"),
        ({"function": "write tests"}, r"prompts\.tester\.function lacks \{statement\}"),
        ({"starter": ""}, r"prompts\.tester\.starter lacks \{starter_code\}"),
    ],
)
def test_templates_that_cannot_be_filled_are_refused(change: dict[str, str], message: str) -> None:
    words = {"starter": TEXTS.starter, "function": TEXTS.function, "stdin": TEXTS.stdin}
    with pytest.raises(ValueError, match=message):
        TesterTexts(**(words | change))


def test_an_answer_in_the_form_that_is_asked_for_can_be_read() -> None:
    """The example of the form at the end of the default wording, with values in the place of words."""
    texts = instantiate(OmegaConf.load(Path(__file__).parents[2] / "conf" / "prompts" / "tester" / "default.yaml"))
    ((_, asked), (_, printed)) = (texts.messages(STYLE, problem, 5) for problem in (FUNCTION, STDIN))
    form = asked["content"].splitlines()[-1].replace("argument, ...", "1").replace("value}, ...", "2}")
    assert [(t.input, t.expected) for t in TestReader(5, 99).of_reply(FUNCTION, 0, form).tests] == [("(1,)", "2")]
    form = printed["content"].splitlines()[-1].replace("}, ...]", "}]")
    (test,) = TestReader(5, 99).of_reply(STDIN, 0, form).tests
    assert (test.input, test.expected) == ("text on standard input", '"text that is printed"')
