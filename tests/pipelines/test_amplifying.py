"""Amplified pools as a user of ``conself.score`` sees them; programs run in the sandbox, verdicts are of own inputs."""

from pathlib import Path
from typing import Any

import pytest

from conself.pipelines.amplifying import joined
from conself.records import Candidate, Outcome, Pool, Problem, Status, Trace
from conself.sandbox.jobs import arguments
from tests.e2e.test_score_command import rows, scored, write

WORDS = ("amplification=mutations", "amplification.budget=12", "metrics={}", "rankings={}")
POOL: list[dict[str, Any]] = [
    {
        "id": "sharper",  # on the file's inputs x * x and x + x are the same
        "entry_point": "f",
        "inputs": [[0], [2]],
        "candidates": [
            {"code": "def f(x): return x * x", "passed": True},
            {"code": "def f(x): return x ** 2", "passed": True},
            {"code": "def f(x): return x + x", "passed": False},
            {"code": "def f(x): return {0: 0, 2: 4}[x]", "passed": False},
        ],
    },
    {
        "id": "agreed",
        "entry_point": "g",
        "inputs": [["abc"], ["b"]],
        "candidates": [{"code": "def g(s): return s[::-1]", "passed": True}] * 3,
    },
    {
        "id": "narrow",  # whatever is not in the file breaks all of them
        "entry_point": "h",
        "inputs": [[1], [5]],
        "candidates": [
            {"code": "def h(x): return {1: 2, 5: 6}[x]", "passed": True},
            {"code": "def h(x): return {1: 'a', 5: 'b'}[x]", "passed": False},
        ],
    },
    {
        "id": "lonely",
        "entry_point": "f",
        "inputs": [[1]],
        "candidates": [{"code": "def f(x): return x", "passed": True}, {"code": "def f(", "passed": False}],
    },
]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, dict[str, Any]]]:
    """Run folders ``none``, ``valid`` and ``splitting``, and their figures."""
    folder = tmp_path_factory.mktemp("amplified")
    pool, store = write(folder / "pool.jsonl", POOL), folder / "store"
    words = {
        "none": ("metrics={}", "rankings={}"),
        "valid": WORDS,
        "splitting": (*WORDS, "amplification.keep=splitting"),
    }
    return folder, {name: scored(folder / name, store, pool, *more) for name, more in words.items()}


Runs = tuple[Path, dict[str, dict[str, Any]]]


def test_more_inputs_tell_programs_apart_that_agreed(runs: Runs) -> None:
    folder, _ = runs
    clusters = {
        name: {row["id"]: row["clusters"] for row in rows(folder / name / "uncertainty.jsonl").values()}
        for name in ("none", "valid", "splitting")
    }
    assert clusters["none"]["sharper"] == [[0, 1, 2, 3]]
    assert clusters["valid"]["sharper"] == clusters["splitting"]["sharper"] == [[0, 1], [2], [3]]
    for name in ("agreed", "narrow", "lonely"):
        assert clusters["none"][name] == clusters["valid"][name] == clusters["splitting"][name]


def test_where_each_input_comes_from(runs: Runs) -> None:
    folder, figures = runs
    assert not (folder / "none" / "inputs.jsonl").exists()
    assert "amplification" not in figures["none"]
    for name in ("valid", "splitting"):
        found = {row["id"]: row["inputs"] for row in rows(folder / name / "inputs.jsonl").values()}
        assert [item["input"] for item in found["sharper"][:2]] == ["(0,)", "(2,)"]
        added = found["sharper"][2:]
        assert added
        for item in added:
            assert item["parent"] in (0, 1)
            assert item["operators"]
            (value,) = arguments(item["input"])
            assert type(value) is int
            assert value >= 0  # as the file's
        outcomes = rows(folder / name / "outcomes.jsonl")["sharper"]["rows"]
        expected = [arguments(item["input"])[0] ** 2 for item in found["sharper"]]
        assert outcomes[0] == [["ok", str(value)] for value in expected]
        assert {key: len(found[key]) for key in ("agreed", "narrow", "lonely")} == {
            "agreed": 2,
            "narrow": 2,
            "lonely": 1,
        }


def test_costs_and_reasons_are_told(runs: Runs) -> None:
    _, figures = runs
    found = figures["valid"]["amplification"]
    assert found["own"] == 7
    assert found["problems"] == 1
    assert found["proposed"] == found["kept"] + sum(found["left_out"].values())
    assert set(found["left_out"]) <= {"most behaviours crash", "all candidates agree on everything"}
    assert sum(found["operators"].values()) == found["kept"]
    assert figures["splitting"]["amplification"]["kept"] < found["kept"]
    assert figures["splitting"]["amplification"]["executions"] == found["executions"]
    assert {"amplify/propose", "amplify/execute", "amplify/admit"} <= set(figures["valid"]["seconds"])


def test_keys_of_own_inputs_and_verdicts_stay(runs: Runs) -> None:
    _, figures = runs
    none, valid, splitting = (figures[name]["artifacts"] for name in ("none", "valid", "splitting"))
    assert valid["own/execute"] == splitting["own/execute"] == none["execute"]
    assert valid["own/problems"] == none["problems"]
    assert valid["own/agree"] == none["agree"]
    assert valid["verify"] == splitting["verify"] == none["verify"]
    assert len({none["execute"], valid["execute"], splitting["execute"]}) == 3
    assert figures["none"]["pool"] == figures["valid"]["pool"]


def test_joined_pools_have_own_inputs_first() -> None:
    def pool(inputs: tuple[str, ...], *values: str) -> Pool:
        problem = Problem("p", "", "", "f", inputs, "", "")
        outcomes = tuple(Outcome(Status.OK, value) for value in values)
        candidate = Candidate("p", 0, None, "", "", "stop", None, None, None, 1)
        return Pool(problem, [candidate], [Trace("p", 0, outcomes)])

    whole = joined(pool(("(1,)",), "a"), pool(("(2,)", "(3,)", "(4,)"), "b", "c", "d"), [0, 2])
    assert whole.problem.inputs == ("(1,)", "(2,)", "(4,)")
    assert [outcome.value for outcome in whole.traces[0].outcomes] == ["a", "b", "d"]


def test_confidence_goes_with_the_pool_and_needs_no_leave(tmp_path: Path) -> None:
    pool = write(tmp_path / "pool.jsonl", POOL)
    words = ("statistics/confidence=pools", "metrics={}", "rankings={}", "confidence.fitted_on=[here]")
    figures = scored(tmp_path / "run", tmp_path / "store", pool, *words)
    found = figures["confidence"]
    assert (found["labels"], found["fitted_on"]) == ("pools", ["here"])
    assert found["base_rate"] == 7 / 11
    lines = rows(tmp_path / "run" / "uncertainty.jsonl")
    assert [len(row["confidence"]) for row in lines.values()] == [4, 3, 2, 2]
    assert lines["lonely"]["confidence"][1] == 0.0
    p = [value for row in lines.values() for value in row["confidence"]]
    right = [c["passed"] for problem in POOL for c in problem["candidates"]]
    assert found["brier"] == pytest.approx(sum((a - b) ** 2 for a, b in zip(p, right, strict=True)) / 11)
    assert found["abstention"][-1]["coverage"] == 1.0
    assert found["abstention"][-1]["accuracy"] == 1.0  # the winners: the first of each problem
    assert "labels" not in figures


def test_a_ranking_by_confidence_is_refused_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pool = write(tmp_path / "pool.jsonl", POOL)
    words = ("ranking=most_confident", "metrics={}", "rankings={}")
    with pytest.raises(SystemExit):
        scored(tmp_path / "refused", tmp_path / "store", pool, *words)
    assert "Set labels=pools" in " ".join(capsys.readouterr().out.split())
    figures = scored(tmp_path / "run", tmp_path / "store", pool, *words, "labels=pools")
    assert figures["labels"] == "pools"
    assert "labels: pools" in capsys.readouterr().out
