"""The rows of the table are jobs that can be run, in the order that is said; a line says what was known."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from conself.agreement.passing_matrix import PassingMatrix
from conself.agreement.traces import agreement_of
from conself.app.labels import check_labels
from conself.online.snapshots import snapshot
from conself.pipelines.pipeline import Job
from conself.pipelines.reinforcement.checks import check
from conself.rankings.max_pass import MaxPass
from conself.records import Candidate, Pool, Problem
from experiments.zerocoder.__main__ import table
from experiments.zerocoder.cost import programs_of
from experiments.zerocoder.drift import shares, trained
from experiments.zerocoder.rows import FURTHER, ROWS
from experiments.zerocoder.run import ends_of, in_turn, line_of, words_of

CONF = Path(__file__).parents[2] / "conf"


@pytest.mark.no_cover  # Hydra composes at half the speed while lines are counted
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
    grades = {"accuracy": 0.125, "unparsable": 0.0, "mutation_score": None, "n_replies": 9, "problems": 9}
    answers = {"minipy": {"base": {"pass@1": 0.25}, "tuned": {"pass@1": 0.5, "ci95": [0.4, 0.6], "n": 9}}}
    answers["minipy"]["written_tests"] = {"base": grades, "tuned": {**grades, "accuracy": 0.25}}
    results = {"labels": 10, "problems": {"kept": 7}, "training": training, "benchmarks": answers}
    (tmp_path / "results.json").write_text(json.dumps(results))
    line = line_of("dynamic_b4", 0, ["loop.steps=2"], tmp_path)
    assert (line["labels"], line["problems"], line["tokens"]) == (10, 7, {"sampled": 8, "trained": 4})
    assert line["first"] == line["last"] == {"reward": 0.75, "test_accuracy": 0.25}
    assert line["benchmarks"]["minipy"]["tuned"] == {"pass@1": 0.5, "ci95": [0.4, 0.6]}
    other = {**line, "seed": 1, "benchmarks": {"minipy": {"base": {"pass@1": 0.25}, "tuned": {"pass@1": 0.75}}}}
    assert line["tests"]["tuned"]["minipy"] == {
        "accuracy": 0.25,
        "unparsable": 0.0,
        "mutation_score": None,
        "n_replies": 9,
    }
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


def test_the_shares_of_wrong_programs_by_hand() -> None:
    """Of problem a both chosen programs are wrong, of b the chosen one is right, and c has no tests."""
    rows = {"a": ("11", "11", "00", "00"), "b": ("10", "00"), "c": ()}
    right = {"a": [False, False, True, False], "b": [True, False], "c": [True, False]}
    pools = []
    for name, passed in rows.items():
        drawn = [Candidate(name, k, None, "", "", "stop", None, None, None, 1) for k in range(len(right[name]))]
        agreed = agreement_of([(str(k),) for k in range(len(drawn))])
        matrix = PassingMatrix(tuple(tuple(cell == "1" for cell in row) for row in passed)) if passed else None
        pools.append((Pool(Problem(name, "", "", "f", ("(1,)",), "", ""), drawn, []), replace(agreed, passing=matrix)))
    found = shares(pools, right, MaxPass())
    assert found == {"undecided": 1, "chosen": 0.5, "drawn": pytest.approx((3 / 4 + 1 / 2 + 1 / 2) / 3)}
    assert shares(pools[2:], right, MaxPass()) == {"undecided": 1, "chosen": None, "drawn": 0.5}


def test_the_weights_of_a_run_by_steps(tmp_path: Path) -> None:
    """Those that a guard kept stand at their own step."""
    made = tmp_path / "artifacts" / "reinforce"
    for step in (20, 40):
        snapshot(made, step).mkdir(parents=True)
    (tmp_path / "results.json").write_text(json.dumps({"training": {"steps": 50, "kept_step": 40}}))
    assert trained(tmp_path) == {0: None, 20: snapshot(made, 20), 40: made}
