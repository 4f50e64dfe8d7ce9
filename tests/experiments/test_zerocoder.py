"""The rows of the table are jobs that can be run, in the order that is said; a line says what was known."""

import json
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from conself.app.labels import check_labels
from conself.pipelines.pipeline import Job
from conself.pipelines.reinforcement.checks import check
from conself.records import Problem
from experiments.zerocoder.__main__ import table
from experiments.zerocoder.cost import programs_of
from experiments.zerocoder.rows import FURTHER, ROWS
from experiments.zerocoder.run import ends_of, in_turn, line_of, words_of

CONF = Path(__file__).parents[2] / "conf"


@pytest.mark.parametrize("row", [*ROWS, *FURTHER])
def test_every_row_is_a_job(row: str) -> None:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = Job(compose("train", [*(ROWS | FURTHER)[row], "seed=1"]), Path(), in_sweep=False).config
    check_labels(config)
    check(config)
    assert (config.testing is None) == row.startswith("con_grpo")


def test_one_seed_of_all_rows_comes_before_the_second_of_any() -> None:
    assert list(in_turn(["a", "b"], [0, 1])) == [(0, "a"), (0, "b"), (1, "a"), (1, "b")]
    assert list(ROWS) == [
        "con_grpo",
        "codet",
        "max_pass",
        "tests_times_consensus",
        "b4",
        "oracle",
        "online_tests",
        "dynamic_b4",
        "offline_tests",
        "without_mutation",
    ]


def test_a_line_and_the_table_say_which_labels_were_used(tmp_path: Path) -> None:
    """Two steps, of which one has no figure of tests; the table has means over two seeds."""
    made = tmp_path / "artifacts" / "reinforce"
    made.mkdir(parents=True)
    steps = [{"sampled_tokens": 4, "reward": 0.5, "test_accuracy": 0.25}, {"sampled_tokens": 4, "reward": 1.0}]
    (made / "steps.jsonl").write_text("".join(json.dumps(step) + "\n" for step in [*steps, {"step": 2}]))
    training = {"steps": 2, "skipped": 0, "stopped": None, "sampled_tokens": 8, "trained_tokens": 4}
    answers = {"minipy": {"base": {"pass@1": 0.25}, "tuned": {"pass@1": 0.5, "ci95": [0.4, 0.6], "n": 9}}}
    results = {"labels": 10, "problems": {"kept": 7}, "training": training, "benchmarks": answers}
    (tmp_path / "results.json").write_text(json.dumps(results))
    line = line_of("dynamic_b4", 0, ["loop.steps=2"], tmp_path)
    assert (line["labels"], line["problems"], line["tokens"]) == (10, 7, {"sampled": 8, "trained": 4})
    assert line["first"] == line["last"] == {"reward": 0.75, "test_accuracy": 0.25}
    assert line["benchmarks"]["minipy"]["tuned"] == {"pass@1": 0.5, "ci95": [0.4, 0.6]}
    other = {**line, "seed": 1, "benchmarks": {"minipy": {"base": {"pass@1": 0.25}, "tuned": {"pass@1": 0.75}}}}
    other["tests"] = {"base": {"minipy": {"accuracy": 0.125}}, "tuned": {"minipy": {"accuracy": 0.25}}}
    other["benchmarks"]["minipy"]["tuned"]["pass@k"] = {"15": {"value": 0.875}}
    rows = table([line, other], "minipy").splitlines()
    cells = ["dynamic_b4", "10", "2", "7", "0.250", "0.625", "-", "0.875", "0.125", "0.250", *"--", "0.250", *"---"]
    assert rows[2:] == [f"| {' | '.join(cells)} |"]
    assert ends_of([]) == {}


def test_the_cost_is_that_of_a_models_programs_or_of_mutants() -> None:
    problem = Problem("a", "", "", "f", ("(1,)",), "", "")
    right = "def f(x):\n    return x + 1\n"
    assert programs_of(problem, right, 3, {"a": ["one", "two", "three"]}) == (right, "one", "two")
    assert programs_of(problem, right, 3, {}) == (right,)
    first, *others = programs_of(problem, right, 3, None)
    assert first == right
    assert len({right, *others}) == 3


def test_words_about_the_tester_are_for_rows_that_have_one() -> None:
    words = ["model=minipy_roles", "prompts/tester@testing.prompts=minipy", "testing.n=4", "loop.steps=60"]
    assert words_of("con_grpo", words) == ["model=minipy_roles", "loop.steps=60", "experiment=con_grpo"]
    assert words_of("codet", words) == [*words, "experiment=zerocoder", "ranking=codet"]


def test_a_rows_own_words_come_last_so_that_they_win() -> None:
    words = words_of("reply_columns", ["testing.column=case"])
    assert words.index("testing.column=reply") > words.index("testing.column=case")
