"""``python -m conself.score`` on small pools whose every figure can be worked out by hand."""

import gzip
import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig

from conself.app.job import JobFailed, run
from tests.e2e.conftest import IN_TURN, ROOT, environment

SUM = "a, b = map(int, input().split())\nprint(a + b)"
POOL: list[dict[str, Any]] = [
    {
        "id": "call",
        "entry_point": "f",
        "inputs": [[1], [2]],
        "candidates": [
            {"code": "def f(x): return x + 1", "passed": True, "mean_nll": 0.1},
            {"code": "def f(x): return 1 + x", "passed": True, "mean_nll": 0.3},
            {"code": "def f(x): return x * 2", "passed": False, "token_logprobs": [-0.5, -0.7]},
            {"code": "def f(", "passed": False, "mean_nll": 1.0},
        ],
    },
    {
        "id": "stdin",
        "entry_point": None,
        "inputs": ["1 2\n", "3 4\n"],
        "candidates": [
            {"code": SUM, "passed": False},
            {"code": SUM + "\nprint('  ')", "passed": False},
            {"code": None, "passed": False},
            {"code": SUM.replace("+", "*"), "passed": True},
            {"code": SUM + "\nassert a == 1", "passed": False},
        ],
    },
    {
        "id": "root",
        "entry_point": "g",
        "prefix": "import math",
        "inputs": [[4]],
        "candidates": [
            {"code": "def g(x): return math.isqrt(x)", "passed": True},
            {"code": "def g(x): return cmath.sqrt(x)", "passed": False},
        ],
    },
    {
        "id": "hopeless",
        "entry_point": None,
        "inputs": [""],
        "candidates": [{"code": "input()", "passed": False}, {"code": None, "passed": False}],
    },
    {
        "id": "strange",
        "entry_point": "f",
        "inputs": [{"py": "({1, 2},)"}],
        "candidates": [{"code": "def f(s): return [len(s), float('nan'), '\\ud800']"}] * 3,
    },
]


def composed(*words: str) -> DictConfig:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("score", list(words))


def scored(folder: Path, store: Path, pool: Path, *words: str) -> dict[str, Any]:
    """The figures of one job, run in this process to spare its start."""
    folder.mkdir(exist_ok=True)
    config = composed(f"pool={pool}", f"artifacts={store}", "executor.workers=1", IN_TURN, *words)
    run(config, folder, in_sweep=False)
    return dict(json.loads((folder / "results.json").read_text()))


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def refuse(text: str) -> None:
    raise AssertionError(f"{text} is no JSON")


def rows(path: Path) -> dict[str, dict[str, Any]]:
    """The lines of a file by their id, if it is strict JSON."""
    assert path.read_bytes().isascii()
    found = [json.loads(line, parse_constant=refuse) for line in path.read_text().splitlines()]
    return {row["id"]: row for row in found}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    """Run folder (with ``out`` below it), figures and output of one job from the command line."""
    folder = tmp_path_factory.mktemp("score")
    pool = write(folder / "pool.jsonl", POOL)
    words = [f"pool={pool}", f"out={folder}/new/out", f"artifacts={folder}/store", f"hydra.run.dir={folder}/run"]
    done = subprocess.run(
        [sys.executable, "-m", "conself.score", *words, "executor.workers=1"],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return folder, json.loads((folder / "run" / "results.json").read_text(), parse_constant=refuse), done.stdout


First = tuple[Path, dict[str, Any], str]


def test_outcomes(first: First) -> None:
    found = {name: row["rows"] for name, row in rows(first[0] / "new" / "out" / "outcomes.jsonl").items()}
    assert list(found) == [row["id"] for row in POOL]
    plus = [["ok", "2"], ["ok", "3"]]
    assert found["call"] == [plus, plus, [["ok", "2"], ["ok", "4"]], [["compile_error", "SyntaxError"]] * 2]
    assert found["stdin"][0] == [["ok", '"3\\n"'], ["ok", '"7\\n"']]
    assert found["stdin"][1] == [["ok", '"3\\n  \\n"'], ["ok", '"7\\n  \\n"']]
    assert found["stdin"][2] == [["compile_error", ""]] * 2
    assert found["stdin"][4] == [["ok", '"3\\n"'], ["exception", "AssertionError"]]
    assert found["root"] == [[["ok", "2"]], [["exception", "NameError"]]]
    assert found["hopeless"] == [[["exception", "EOFError"]], [["compile_error", ""]]]
    assert found["strange"] == [[["ok", '[2,{"f":"nan"},"\\ud800"]']]] * 3


def test_each_problem(first: First) -> None:
    found = rows(first[0] / "new" / "out" / "uncertainty.jsonl")
    call = found["call"]
    assert call["clusters"] == [[0, 1], [2]]
    assert call["R"] == pytest.approx([5 / 6, 5 / 6, 2 / 3, 0])  # 3 of 3 agree on the first input, 2 to 1 on the second
    assert (call["winner"], call["losers"], call["pairs"]) == (0, [2, 3], [[0, 2]])
    assert (call["candidates"], call["n_alive"], call["crash_rate"]) == (4, 3, 0.25)
    assert call["crashed"] == [False, False, False, True]
    assert (call["pass_rate"], call["winner_passed"]) == (0.5, True)
    entropy = -(2 / 3 * math.log(2 / 3) + 1 / 3 * math.log(1 / 3))
    assert call["metrics"]["code_semantic_entropy"] == pytest.approx(entropy)
    assert call["metrics"]["crash_rate"] == 0.25
    assert call["metrics"]["nll"] == pytest.approx((0.1 + 0.3 + 0.6 + 1.0) / 4)
    assert call["metrics"]["token_entropy"] is None
    assert call["undefined"]["token_entropy"] == "candidates without token entropies"

    stdin = found["stdin"]
    assert stdin["clusters"] == [[0, 1], [3], [4]], "trailing blanks are no difference"
    assert stdin["R"] == pytest.approx([17 / 24, 17 / 24, 0, 7 / 24, 9 / 24])  # 3:1 of 4, then 2:1 of 3
    assert (stdin["winner"], stdin["losers"], stdin["pairs"]) == (0, [3, 4, 2], [[0, 3], [0, 4]])
    assert (stdin["n_alive"], stdin["crash_rate"], stdin["pass_rate"], stdin["winner_passed"]) == (4, 0.2, 0.2, False)
    assert stdin["metrics"]["code_semantic_entropy"] == pytest.approx(1.5 * math.log(2))

    assert found["root"]["metrics"]["code_semantic_entropy"] is None
    assert found["root"]["undefined"]["code_semantic_entropy"] == "fewer than 3 live candidates"
    assert (found["root"]["winner"], found["root"]["pairs"]) == (0, [[0, 1]]), (
        "crashed losers where there are no others"
    )
    hopeless = found["hopeless"]
    assert (hopeless["winner"], hopeless["losers"], hopeless["pairs"], hopeless["clusters"]) == (None, [], [], [])
    assert (hopeless["crash_rate"], hopeless["pass_rate"], hopeless["winner_passed"]) == (1.0, 0.0, None)
    assert (found["strange"]["pass_rate"], found["strange"]["metrics"]["code_semantic_entropy"]) == (None, 0.0)


def test_the_summary(first: First) -> None:
    folder, results, _ = first
    summary = json.loads((folder / "new" / "out" / "summary.json").read_text(), parse_constant=refuse)
    assert {key: results[key] for key in summary} == summary
    assert {"seconds", "artifacts", "versions"} <= set(results)
    assert summary["pool"] == {"problems": 5, "candidates": 16, "judged": 4, "solvable": 3}
    assert summary["executions"]["executions"] == 4 * 2 + 5 * 2 + 2 + 2 + 3
    assert summary["winner_accuracy"] == 0.5, "of the hopeless problem there is no winner: wrong"
    nobody = {"every candidate crashed": 1}  # the hopeless problem
    assert summary["selectors"]["consensus"] == {"accuracy": 0.5, "n": 4, "no_winner": nobody}
    silent = {"candidates without log-probabilities": 3}
    assert summary["selectors"]["likeliest"] == {"accuracy": 1.0, "n": 1, "no_winner": silent}, "one has likelihoods"
    assert summary["selectors"]["random"]["n"] == 4
    assert summary["selectors"]["random"]["accuracy"] == pytest.approx((0.5 + 0.2 + 0.5 + 0) / 4)
    crash, entropy = summary["metrics"]["crash_rate"], summary["metrics"]["code_semantic_entropy"]
    # crash rates .25 .2 .5 1 against pass rates .5 .2 .5 0: the one unsolvable problem crashes most
    assert (crash["n"], crash["defined"], crash["auc"]) == (4, 5, 1.0)
    assert crash["pearson"][0] == pytest.approx(-0.17 / math.sqrt(0.401875 * 0.18))
    assert crash["kendall"][0] == pytest.approx(-1 / math.sqrt(30)), "2 concordant, 3 discordant, 1 tie of 6"
    assert crash["mean"] == pytest.approx((0.25 + 0.2 + 0.5 + 1 + 0) / 5)
    assert crash["range"] == [0, 1]
    assert (entropy["n"], entropy["auc"], entropy["pearson"]) == (2, None, None)
    assert entropy["undefined"] == {"fewer than 3 live candidates": 2}


def test_golden_rate_by_tau(first: First) -> None:
    by_tau = first[1]["golden_by_tau"]
    crash = {row["tau"]: row for row in by_tau["crash_rate"]}
    assert sorted(crash) == pytest.approx([k / 10 for k in range(1, 11)])
    # crash rates are .25 .2 .5 1 and, without verdicts, 0: normalised they are the same
    assert crash[0.2] == {"tau": 0.2, "problems": 0, "pairs": 0, "golden": 0, "golden_rate": None}
    assert crash[0.3] == {"tau": 0.3, "problems": 2, "pairs": 3, "golden": 1, "golden_rate": pytest.approx(1 / 3)}
    assert crash[1.0] == {"tau": 1.0, "problems": 3, "pairs": 4, "golden": 2, "golden_rate": 0.5}
    entropy = {row["tau"]: row["pairs"] for row in by_tau["code_semantic_entropy"]}
    assert [entropy[tau] for tau in (0.6, 0.7, 1.0)] == [0, 1, 1], "H_norm is .612 and 1, and tau 1 is strict"


def test_the_tables_show_the_figures(first: First) -> None:
    _, results, shown = first
    assert f"{results['metrics']['crash_rate']['pearson'][0]:.3f}" in shown
    assert "nll has no value on 4 problems: candidates without log-probabilities" in shown
    assert "exec/s" in shown
    assert f"{first[0]}/new/out" in shown


def test_the_same_file_again_runs_nothing(first: First, tmp_path: Path) -> None:
    folder, results, _ = first
    again = scored(tmp_path / "run", folder / "store", write(tmp_path / "pool.jsonl.gz", POOL))
    assert again["artifacts"] == results["artifacts"]
    for name in ("outcomes.jsonl", "uncertainty.jsonl", "summary.json"):
        assert (tmp_path / "run" / name).read_bytes() == (folder / "new" / "out" / name).read_bytes()
    known = [{**row, "candidates": [{**c, "passed": True} for c in row["candidates"]]} for row in POOL]
    judged = scored(tmp_path / "judged", folder / "store", write(tmp_path / "known.jsonl", known))
    assert {name for name, key in judged["artifacts"].items() if key != results["artifacts"][name]} == {"verify"}
    assert judged["pool"]["solvable"] == 5


def test_without_verdicts(first: First, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pool = write(tmp_path / "pool.jsonl", [POOL[-1]])
    results = scored(tmp_path / "run", first[0] / "store", pool)
    assert results["winner_accuracy"] is None
    assert results["selectors"] == {}
    assert results["metrics"]["crash_rate"]["auc"] is None
    assert "verify" not in results["artifacts"]
    assert "Uncertainty" in capsys.readouterr().out


def test_behaviour_and_metrics_are_overrides(first: First, tmp_path: Path) -> None:
    silent = {"code": "def f(x): pass", "passed": False}
    pool = write(tmp_path / "pool.jsonl", [{**POOL[0], "candidates": [*POOL[0]["candidates"], *[silent] * 5]}])
    words = ("behaviour.silent_crashes=true", "~metrics.nll", "+metric@metrics.mine=crash_rate")
    results = scored(tmp_path / "run", first[0] / "store", pool, *words)
    assert set(results["metrics"]) == (set(composed("pool=x").metrics) - {"nll"}) | {"mine"}
    row = rows(tmp_path / "run" / "uncertainty.jsonl")["call"]
    assert (row["winner"], row["n_alive"], row["metrics"]["mine"]) == (0, 3, pytest.approx(6 / 9))


def test_a_metric_with_a_model_composes() -> None:
    words = ("+metric@metrics.naive_semantic_entropy=naive_semantic_entropy", "+model=minipy")
    assert instantiate(composed("pool=x", *words).metrics.naive_semantic_entropy)


def test_the_metrics_are_those_of_training_that_need_no_model() -> None:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        train = compose("train")
    wanted = {name: node for name, node in train.metrics.items() if "model" not in str(node)}
    assert composed("pool=x").metrics == wanted


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "there is nothing to score: give pool=FILE"),
        (("pool=no/such.jsonl",), "there is no file 'no/such.jsonl'"),
        (("pool={bad}",), "bad.jsonl, line 2: id 'call' is that of line 1 too"),
        (
            ("pool={good}", "out={good}/below"),
            "good.jsonl is a file; name a folder, which is created if it does not exist",
        ),
        (("pool={good}", "out=3"), "out must be the path of a folder"),
        (("pool={good}", "sandbox.packages=[no_such_package]"), "no_such_package cannot be imported"),
    ],
)
def test_what_is_refused(words: tuple[str, ...], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    places = {"bad": write(tmp_path / "bad.jsonl", [POOL[0]] * 2), "good": write(tmp_path / "good.jsonl", POOL)}
    config = composed(f"artifacts={tmp_path / 'store'}", *(word.format(**places) for word in words))
    with pytest.raises(SystemExit) as ended:
        run(config, tmp_path / "run", in_sweep=False)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().out.replace("\n", " ").split("error: ")[1:]
    assert told in line
    assert {path.name for path in tmp_path.iterdir()} <= {"bad.jsonl", "good.jsonl"}, "nothing is half written"


def test_jobs_of_a_sweep_do_not_share_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pool = write(tmp_path / "pool.jsonl", POOL)
    with pytest.raises(JobFailed):
        run(composed(f"pool={pool}", f"out={tmp_path}/out"), tmp_path / "run", in_sweep=True)
    assert "each job of a sweep needs its own" in " ".join(capsys.readouterr().out.split())
