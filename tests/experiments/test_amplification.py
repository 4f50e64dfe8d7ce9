"""What experiments/amplification and experiments/confidence work out, on pools made by hand."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from conself.agreement.behaviour import Behaviour
from conself.agreement.traces import agreement_of
from conself.amplifications.admission import KEEP
from conself.metrics.code_semantic_entropy import CodeSemanticEntropy
from conself.pairings.winner_and_losers import WinnerAndLosers
from conself.rankings.consensus import Consensus
from conself.records import Candidate, Pool, Problem, Status
from conself.sandbox import Job, Limits, execute
from conself.statistics.confidence import FEATURES, Confidence
from experiments.amplification.__main__ import grid, means
from experiments.amplification.ceiling import with_inputs
from experiments.amplification.figures import CEILING, OWN, pool_figures, quick_figures
from experiments.amplification.pools import first, second
from experiments.amplification.table import markdown
from experiments.amplification.tried import Rule, Tried, under
from experiments.amplification.validity import contract_program
from experiments.amplification.verdicts import judged, samples
from experiments.confidence.figures import held
from experiments.confidence.scorers import likelihoods, similarities
from experiments.metric_pools.figures import PAPER, Parts
from experiments.metric_pools.judged import Judged

RANKING = Consensus(Behaviour(False, None))
PARTS = Parts({PAPER: CodeSemanticEntropy(min_alive=3)}, {"consensus": RANKING}, RANKING, WinnerAndLosers(3, True))
LIMITS = Limits(cpu_seconds=1, wall_seconds=5, memory_mb=512, output_kb=64, max_timeouts=2)


def tried(name: str, own: list[str], new: list[list[str | None]], passed: list[bool]) -> Tried:
    """A problem with one own input."""
    candidates = [Candidate(name, k, None, str(k), str(k), "stop", None, None, None, 1) for k in range(len(own))]
    pool = Pool(Problem(name, "", "", "f", ("(1,)",), "", ""), candidates, [])
    judged = Judged(pool, agreement_of([[value] for value in own]), tuple(passed))
    return Tried(judged, tuple(f"({j},)" for j in range(len(new[0]))), new)


# on its one input a wrong program is with the right ones, first; a new input tells it apart, another crashes all
PROBLEMS = [
    tried("a", ["x", "x", "x", "y"], [["1", None], ["2", None], ["2", None], ["2", None]], [False, True, True, False]),
    tried("b", ["x", "x", "y", "z"], [["1", "1"], ["1", "1"], ["1", "2"], ["1", "3"]], [False, False, False, False]),
    tried("c", ["x", "x", "x", "x"], [["1", "1"], ["1", "1"], ["1", "1"], ["1", "1"]], [True, True, True, True]),
]


def test_a_rule_admits_as_the_part_does() -> None:
    judged, added = under(PROBLEMS, Rule(2, 0.5, only_splitting=False))
    assert [problem.agreed.clusters for problem in judged] == [
        ((1, 2), (0,), (3,)),
        ((0, 1), (2,), (3,)),
        ((0, 1, 2, 3),),
    ]
    assert added == (1 + 2 + 0) / 3
    judged, added = under(PROBLEMS, Rule(2, 0.5, only_splitting=True))
    assert added == (1 + 0 + 0) / 3
    assert under(PROBLEMS, OWN) == ([problem.own for problem in PROBLEMS], 0.0)
    assert under(PROBLEMS, Rule(1, 0.5, only_splitting=False))[1] == (1 + 1 + 0) / 3


def test_figures_of_a_rule_are_beside_those_on_own_inputs() -> None:
    rule = Rule(2, 0.5, only_splitting=False)
    found = pool_figures(PROBLEMS, [OWN, rule], PARTS, seed=0)
    assert found["bounds"] == {"random": (0.5 + 0 + 1) / 3, "any": 2 / 3}
    assert found[OWN.name]["winners"]["consensus"]["accuracy"][0] == 1 / 3
    assert found[rule.name]["winners"]["consensus"]["accuracy"][0] == 2 / 3
    assert found[rule.name]["winners"]["consensus"]["ahead"][0] == pytest.approx(1 / 3)
    assert found[OWN.name]["winners"]["consensus"]["ahead"] == [0, 0, 0]
    assert found[rule.name]["inputs"] == (2 + 3 + 1) / 3
    assert (found[OWN.name]["clusters"], found[rule.name]["clusters"]) == ((2 + 3 + 1) / 3, (3 + 3 + 1) / 3)
    assert means([quick_figures(PROBLEMS, rule, PARTS), quick_figures(PROBLEMS, OWN, PARTS)])[0] == (2 / 3 + 1 / 3) / 2
    table = markdown({"rule": rule.name, "scores": {}, "chosen_on": {}, "read": {"pool": found}})
    assert "| valid, 2 tried, below 0.5 | 2.0 | 2.33 | 0.667, +0.333" in table


def test_a_ceiling_has_its_own_clusters_and_the_verdicts_of_the_pool() -> None:
    """In problem a it puts the two right programs first; its own verdicts (all wrong) do not count."""
    finer = [["1", "2", "2", "3"], ["1", "1", "2", "3"], ["1", "1", "1", "1"]]
    ceiling = [
        Judged(problem.own.pool, agreement_of([[key] for key in keys]), (False,) * 4)
        for problem, keys in zip(PROBLEMS, finer, strict=True)
    ]
    found = pool_figures(PROBLEMS, [OWN], PARTS, seed=0, ceiling=ceiling[::-1])
    assert found[CEILING]["winners"]["consensus"]["accuracy"][0] == 2 / 3
    assert found[CEILING]["winners"]["consensus"]["ahead"][0] == pytest.approx(1 / 3)
    assert "| EvalPlus's inputs | 1.0 | 2.33 |" in markdown(
        {"rule": "-", "scores": {}, "chosen_on": {}, "read": {"pool": found}}
    )
    with pytest.raises(ValueError, match="lacks 1 problems of the pool, b for one"):
        pool_figures(PROBLEMS, [OWN], PARTS, seed=0, ceiling=[ceiling[0], ceiling[2]])


def test_the_grid_holds_both_variants_of_every_rule() -> None:
    rules = grid()
    assert rules[0] == OWN
    assert len({rule.name for rule in rules}) == len(rules) == 1 + 2 * len(rules[1:]) // len(KEEP)


def rows(path: Path, *each: dict[str, Any]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in each))


def test_recorded_candidates_become_pools_by_task_whatever_their_order(tmp_path: Path) -> None:
    a, b = {"task_id": "A", "entry_point": "f"}, {"task_id": "B", "entry_point": "g"}
    rows(tmp_path / "inputs.jsonl", {**a, "inputs": [{"json": [[1]]}]}, {**b, "inputs": [{"py": "[(1, 2), {3}]"}]})
    drawn = {"unique": [" 0", " 1"], "candidates": [0, 1, 0]}
    rows(
        tmp_path / "codegen16b.candidates.jsonl",
        {"task_id": "B", "prompt": "b:", **drawn},
        {"task_id": "A", "prompt": "a:", **drawn},
    )
    rows(tmp_path / "codegen16b.metrics.jsonl", {**a, "passed": [1, 0, 1]}, {**b, "passed": [0, 0, 0]})
    rows(tmp_path / "selectors.jsonl", {**b, "correct": [0] * 30 + [1] * 20}, {**a, "correct": [0] * 15 + [1] * 35})
    found = list(first(tmp_path))
    assert [row["id"] for row in found] == ["B", "A"]
    assert found[0]["inputs"] == [{"py": "((1, 2), {3})"}]
    assert found[1]["candidates"][:2] == [{"code": "a: 0", "passed": True}, {"code": "a: 1", "passed": False}]
    samples = [f" {k}\nprint({k})" for k in range(100)]
    rows(tmp_path / "solutions.jsonl", {"prompt": "a:", "samples": samples}, {"prompt": "b:", "samples": samples})
    found = list(second(tmp_path, tmp_path / "solutions.jsonl"))
    assert [row["candidates"][0] for row in found] == [
        {"code": "a: 15", "passed": True},
        {"code": "b: 15", "passed": False},
    ]
    assert len(found[0]["candidates"]) == 15


def test_a_contract_runs_alone() -> None:
    row = {
        "task_id": "A",
        "prompt": "from typing import List\ndef f(x: List[int], n: int = 2):\n    '''Doc.'''\n",
        "canonical_solution": "    raise ValueError\n",
        "contract": "\n  assert isinstance(x, list), 'no' # $_CONTRACT_$\n  assert all(v > n for v in x)\n",
        "entry_point": "f",
    }
    (result,) = execute([Job("A", (contract_program(row),), "f", ("([3],)", "([3], 3)", "((3,),)"))], LIMITS, 1)
    assert [outcome.status for outcome in result.rows[0]] == [Status.OK, Status.EXCEPTION, Status.EXCEPTION]
    with pytest.raises(ValueError, match="A defines no g"):
        contract_program(row | {"entry_point": "g"})


def test_further_inputs_are_others_and_short() -> None:
    row = {"id": "a", "inputs": [[1, [2]], {"py": "({3},)"}]}
    texts = ("(1, [2])", "({3},)", "('" + "x" * 3000 + "',)", *(f"({k},)" for k in range(60)))
    found = with_inputs(row, texts)["inputs"]
    assert found == [*row["inputs"], *({"py": f"({k},)"} for k in range(50))]


def test_held_out_figures_against_scikit_learn() -> None:
    part = Confidence(-1.0, {**dict.fromkeys(FEATURES, 0.0), "agreement": 2.0, "cluster": 1.0})
    problems = [problem.own for problem in PROBLEMS]
    found = held(problems, part, 0.25, RANKING, seed=0)
    said = [p for problem in problems for p in part(problem.pool, problem.agreed)]
    right = [flag for problem in problems for flag in problem.passed]
    assert found["brier"]["confidence"][0] == pytest.approx(np.mean((np.array(said) - right) ** 2))
    assert found["brier"]["constant"][0] == pytest.approx(0.5 * 0.25**2 + 0.5 * 0.75**2)  # six of twelve are right
    assert found["auroc"]["confidence"][0] == pytest.approx(roc_auc_score(right, said))
    assert found["base_rate"] == 0.5
    assert found["abstention"]["1.0"] == [1.0, 1 / 3]
    assert found["abstention"]["0.1"] == [1 / 3, 1.0]  # the surest is the problem whose programs all agree


def test_verdicts_go_to_all_copies_of_a_program_and_answers_without_code_are_wrong() -> None:
    codes = ["def f(): return 1", "", "def f(): return 2", "def f(): return 1"]
    row = {"id": "a", "prefix": "import math\n", "candidates": [{"code": code, "passed": True} for code in codes]}
    rows = [row, {"id": "unknown", "candidates": [{"code": "x = 1", "passed": True}]}]
    assert list(samples(rows)) == [
        {"task_id": "a", "solution": "import math\ndef f(): return 1"},
        {"task_id": "a", "solution": "import math\ndef f(): return 2"},
        {"task_id": "unknown", "solution": "x = 1"},
    ]
    (found,) = judged(rows, {"a": [True, False]})
    assert [candidate["passed"] for candidate in found["candidates"]] == [True, False, False, True]
    assert [candidate["code"] for candidate in found["candidates"]] == codes
    with pytest.raises(ValueError, match="a has 2 distinct programs and 3 verdicts"):
        list(judged(rows, {"a": [True, False, True]}))


def test_scores_of_texts_are_uqlms() -> None:
    """Similarity here: the share of the longer text; program b of three is alike to a by 2/4, to c by 2/3."""
    candidates = [
        Candidate("p", k, None, t, t, "stop", None, None, None, 1) for k, t in enumerate(["aaaa", "bb", "ccc"])
    ]
    problem = replace(PROBLEMS[0].own, pool=replace(PROBLEMS[0].own.pool, candidates=candidates))

    def shorter(one: str, other: str) -> float:
        return min(len(one), len(other)) / max(len(one), len(other))

    assert similarities(problem, shorter) == pytest.approx(
        [(2 / 4 + 3 / 4) / 2, (2 / 4 + 2 / 3) / 2, (3 / 4 + 2 / 3) / 2]
    )
    assert likelihoods(problem) is None
    known = [replace(candidate, mean_nll=nll) for candidate, nll in zip(candidates, (0.0, 1.0, 2.0), strict=True)]
    sure = replace(problem, pool=replace(problem.pool, candidates=known))
    assert likelihoods(sure) == pytest.approx([1, 0.36787944, 0.13533528])


def test_an_answer_without_a_program_is_like_no_other() -> None:
    candidates = [Candidate("p", k, None, "", t, "stop", None, None, None, 1) for k, t in enumerate(["a", "", "b"])]
    problem = replace(PROBLEMS[0].own, pool=replace(PROBLEMS[0].own.pool, candidates=candidates))
    assert similarities(problem, lambda _, __: 0.5) == [0.5, 0.0, 0.5]
