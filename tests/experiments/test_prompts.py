"""Figures of wordings worked out by hand, and the experiment from its command to its table on the embedded model."""

import json
import sys
from pathlib import Path

import pytest

from conself.agreement.comparison import Comparison
from conself.benchmarks.task import Judge
from conself.records import Candidate, Outcome, Pool, Problem, Status, Trace, Verdict
from experiments.prompts import __main__ as experiment
from experiments.prompts import observations
from experiments.prompts.compare import lines
from experiments.prompts.compare import main as compare
from experiments.prompts.figures import Answered, differences, equal_and_echoed, figures, table

BY_VALUE = Comparison(True, "by_value", "tolerance", 6, True)
OK = [Outcome(Status.OK, str(value)) for value in range(3)]
EOF = Outcome(Status.EXCEPTION, "EOFError")
SLOW = Outcome(Status.TIMEOUT, "")


def answered(name: str, *rows: tuple[str | None, list[Outcome], bool], tokens: int = 10) -> Answered:
    """A problem with two answers to each observation; a row holds observation, outcomes, and whether it passed."""
    problem = Problem(name, "s", "", "f", ("(1,)", "(2,)"), "test", "")
    candidates = [
        Candidate(
            name, i, hint, "t", None if outcomes[0].status is Status.COMPILE_ERROR else "c", "stop", *[None] * 3, tokens
        )
        for i, (hint, outcomes, _) in enumerate(rows)
    ]
    traces = [Trace(name, i, tuple(outcomes)) for i, (_, outcomes, _) in enumerate(rows)]
    return Answered(Pool(problem, candidates, traces), tuple(passed for _, _, passed in rows))


NO_CODE = [Outcome(Status.COMPILE_ERROR, "")] * 2
FIRST = answered(
    "p",
    ("Pitfall: none", [OK[0], OK[1]], True),
    ("Pitfall: none", [OK[0], EOF], False),
    ("The list is short.", [EOF, SLOW], False),
    ("The list is short.", [OK[0], OK[1]], True),
)
SECOND = answered(
    "q",
    ("Same  words.", NO_CODE, False),
    ("Same  words.", [SLOW, SLOW], False),
    ("same words", [OK[2], OK[1]], False),
    ("same words", [OK[2], OK[2]], False),
    tokens=30,
)


def test_figures_by_hand() -> None:
    """Of 8 answers 2 pass, both on p; three programs fail first by EOFError (2) or time (1); one answer has no code."""
    found = figures([FIRST, SECOND], BY_VALUE, programs=2)
    assert (found["problems"], found["answers"], found["solved"]) == (2, 8, 0.5)
    assert found["pass_rate"]["mean"] == 0.25
    assert found["failures"] == {"EOFError": 2 / 8, "timeout": 1 / 8}
    assert found["without_code"] == 1 / 8
    assert found["crashed"] == 3 / 8, "on all inputs: one on p, and on q the one without code and the slow one"
    assert found["behaviours"] == (2 + 2) / 2
    assert found["tokens"] == 20
    assert found["equal_observations"] == 0.5, "those of q, but for case, spaces and the full stop"
    assert found["echoes"] == 0.5


def test_without_observations_nothing_is_said_of_them() -> None:
    found = figures([answered("p", (None, [OK[0], OK[1]], True))], BY_VALUE, programs=1)
    assert (found["equal_observations"], found["echoes"]) == (None, None)
    assert "echo" not in table({"one": found}, {})


def test_differences_are_paired_by_problem() -> None:
    better = answered("q", (None, [OK[0], OK[1]], True), (None, [OK[0], OK[1]], False))
    found = differences([FIRST.verdict, SECOND.verdict], [FIRST.verdict, better.verdict])
    assert (found["fixed"], found["broken"], found["difference"]["mean"]) == (1, 0, 0.25)


@pytest.mark.parametrize("observations", [pytest.param("0", marks=pytest.mark.slow), "2"])
def test_the_command_on_the_embedded_model(observations: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own wording against one that it never saw, on the first two problems of the data set."""
    words = ["--wordings", "minipy", "brief", "--problems", "2", "--answers", "2", "--observations", observations]
    settings = [
        "dataset.size=2",
        "sampler.max_new_tokens=48",
        "sampler.max_observation_tokens=24",
        "executor.workers=1",
    ]
    monkeypatch.setattr(sys, "argv", ["experiments.prompts", *words, "--out", str(tmp_path), "--", *settings])
    experiment.main()
    found = json.loads((tmp_path / "results.json").read_text())
    each = 2 * max(1, int(observations))
    for name in ("minipy", "brief"):
        row = found["wordings"][name]
        assert (row["problems"], row["answers"]) == (2, 2 * each)
        own = json.loads((tmp_path / "wordings" / f"{name}.json").read_text())["answers"]
        assert len(own) == 2 * each
        assert len({problem for problem, _, _ in own}) == 2
        assert 0 < row["tokens"] <= 48
    assert found["wordings"]["minipy"]["without_code"] == 0
    assert list(found["against_the_first"]) == ["brief"]
    lines = (tmp_path / "table.md").read_text().splitlines()
    assert [line.split(" | ")[0] for line in lines[2:4]] == ["| minipy", "| brief"]
    assert ("equal observations" in lines[-1]) == (observations != "0")
    monkeypatch.setattr(experiment, "answer", None)  # nothing is drawn again
    (tmp_path / "table.md").unlink()
    experiment.main()
    assert (tmp_path / "table.md").read_text().splitlines() == lines
    assert json.loads((tmp_path / "results.json").read_text()) == found


def test_an_unknown_wording_lists_those_there_are() -> None:
    names = "advice, before, brief, complete, declared, default, fewshot, in_class, minipy, opened, script, signature, "
    names += "signature_opened, tested, tested_opened, whole_function"
    with pytest.raises(SystemExit, match=f"no wording 'shrot'; choose of {names}"):
        experiment.configured([], "shrot")


def test_problems_of_a_file_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "known.jsonl").write_text('{"task_id": "b"}\n\n')
    problems = [
        Problem(name, "s", "", "f", inputs, "t", "") for name, inputs in (("a", ()), ("b", ("()",)), ("c", ("()",)))
    ]
    task = experiment.Task(problems, Judge({}, BY_VALUE), {})
    assert [problem.id for problem in experiment.chosen(task, 5, tmp_path / "known.jsonl")] == ["c"]
    assert [problem.id for problem in experiment.chosen(task, 1, None)] == ["b"]


def test_lists_of_observations_alone_on_the_embedded_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "requests.yaml").write_text('one: "{statement} {n}"\ntwo: "{n} of {statement}{starter}"\n')
    words = ["--requests", str(tmp_path / "requests.yaml"), "--problems", "2", "--", "dataset.size=2"]
    monkeypatch.setattr(sys, "argv", ["observations", *words, "sampler.max_observation_tokens=24"])
    observations.main()
    said = "no observation on any of 2 problems"  # the embedded model knows its own request alone
    assert capsys.readouterr().out == f"one: {said}\ntwo: {said}\n"


def test_shares_of_lists_by_hand() -> None:
    """Of two lists that are not empty one has two equal texts; the other one begins with a kind."""
    lists = [["Sort it.", "sort  it"], [], ["Edge cases: none", "Two pointers: from both ends"]]
    assert equal_and_echoed(lists) == {"equal_observations": 0.5, "echoes": 0.5}
    said = "equal 0.500, a kind as heading 0.500, any heading 0.50, 4 observations on 3 problems"
    assert observations.line(lists) == said


def test_two_sets_of_answers_are_compared_where_both_have_the_problem() -> None:
    first = {name: Verdict(name, "", passed) for name, passed in {"a": (True, False), "b": (False, False)}.items()}
    second = {name: Verdict(name, "", (True, True)) for name in ("b", "a", "c")}
    told = lines(("old", "new"), (first, second), ({}, {"a": 1, "b": 4, "c": 9}))
    assert told[:3] == [
        "2 problems in both",
        "old: 0.250 of the answers right, 0.500 of the problems solved",
        "new: 1.000 of the answers right, 1.000 of the problems solved, 2.50 behaviours per problem",
    ]
    assert told[3].startswith("answers right, second less first: +0.750 (+0.500 ... +1.000)")
    assert told[4].startswith("problems solved, second less first: +0.500 (+0.000 ... +1.000)")


def test_what_cannot_be_compared_is_told(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text("[]")
    for words, text in [
        ([], "usage"),
        (["nothing", "nothing"], "nothing"),
        ([str(tmp_path / "one.json")] * 2, "no wording's file"),
    ]:
        with pytest.raises(SystemExit, match=text):
            compare(words)
