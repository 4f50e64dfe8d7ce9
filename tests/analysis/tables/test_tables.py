"""Figures of tables worked out by hand from ``run_folders``: base 1100 is .5, 1110 .75, 1111 1, 0100 .25."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from analysis.runs import read_runs
from analysis.tables.all import TABLES, all_tables
from analysis.tables.table import Table
from tests.analysis.run_folders import write_run
from tests.analysis.tables.cells import near, row, table

HALF = pytest.approx(0.5)


@pytest.fixture(scope="module")
def sweep(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three methods, two seeds each: conself .75 and 1, w/o CW .75 and .75, w/o CC .5 and .25."""
    root = tmp_path_factory.mktemp("sweep")
    tuned = {"conself": ("1110", "1111"), "wo_cw": ("1110", "1101"), "wo_cc": ("1001", "0100")}
    for method, texts in tuned.items():
        for seed, text in enumerate(texts):
            write_run(root / f"{method}{seed}", method, seed, tuned=text)
    return root


def test_table_1_has_means_over_seeds_and_the_papers_improvement(sweep: Path) -> None:
    found = table(sweep, "table1_methods")
    assert [line[1] for line in found.rows] == ["base", "wo_cc", "wo_cw", "conself"]
    assert row(found, method="base") | {"model": "tiny", "seeds": 2, "minipy": 0.5, "RI": None} == row(
        found, method="base"
    )
    conself = row(found, method="conself")
    assert conself["minipy"] == near(0.875, 0.1767767, 2)  # .75 and 1: sd .25 / sqrt 2
    assert conself["RI"] == near(0.75, 0.3535534, 2)  # .75 / .5 - 1 and 1 / .5 - 1
    assert conself["RI, paper: Qwen2.5-Coder-7B"] == 0.0395
    assert "average" not in found.columns  # of one benchmark
    assert "Seeds: 2 per row" in found.notes[0]
    assert "minipy 4" in found.notes[1]


def test_the_average_is_over_the_benchmarks_that_every_run_has(tmp_path: Path) -> None:
    both = {"base": {"pass@1": 0.2, "n": 5}, "tuned": {"pass@1": 0.3, "n": 5}}
    one = {"base": {"pass@1": 0.6, "n": 4}, "tuned": {"pass@1": 0.7, "n": 4}}
    write_run(tmp_path / "0", pool=False, extra={"benchmarks": {"minipy": one, "humaneval": both}})
    found = table(tmp_path, "table1_methods")
    conself = row(found, method="conself", model="tiny")
    assert conself["average"] == near(0.5, None, 1)
    assert conself["RI"] == near(0.25, None, 1)  # (.3 + .7) / (.2 + .6) - 1
    assert row(found, model="paper: CodeLlama-7B", method="pfpo")["humaneval"] == 0.3455
    write_run(tmp_path / "1", "self_dpo", pool=False, extra={"benchmarks": {"minipy": one}})
    found = table(tmp_path, "table1_methods")
    assert row(found, method="conself", model="tiny")["average"] == near(0.7, None, 1)
    assert any("every run has: minipy" in note for note in found.notes)


def test_a_model_of_the_paper_stands_beside_its_own_figures_alone(tmp_path: Path) -> None:
    entry = {"base": {"pass@1": 0.88, "n": 164}, "tuned": {"pass@1": 0.91, "n": 164}}
    model = {"choices": {"model": "qwen2_5_coder_7b"}, "extra": {"benchmarks": {"humaneval": entry}}}
    write_run(tmp_path, pool=False, **model)  # type: ignore[arg-type]
    models = {line[0] for line in table(tmp_path, "table1_methods").rows}
    assert models == {"qwen2_5_coder_7b", "paper: Qwen2.5-Coder-7B"}


def test_table_2_counts_a_pool_once(sweep: Path) -> None:
    found = table(sweep, "table2_metrics")
    entropy = row(found, model="tiny", metric="code_semantic_entropy")
    assert (entropy["pools"], entropy["n"]) == (2, 5)  # two seeds; p5 is undefined
    assert entropy["AUC"] == near(1.0, 0.0, 2)
    nll = row(found, model="tiny", metric="nll")
    assert nll["n"] == 6
    assert nll["AUC"] == near(8 / 9, 0.0, 2)  # of 9 pairs only p1 (.3) against p4 (.25) is the wrong way round
    assert entropy["Kendall"] == near(-0.9486833, 0.0, 2)  # p3 and p4 tie: -9 / sqrt(10 * 9)
    assert row(found, model="paper: Qwen2.5-Coder-7B", metric="code_semantic_entropy")["Spearman"] == -0.624


def test_table_3_compares_curricula_by_metric(sweep: Path, tmp_path: Path) -> None:
    shutil.copytree(sweep, tmp_path / "sweep", symlinks=True)
    entropy = {"metric": "code_semantic_entropy"}
    for seed in (0, 1):
        (tmp_path / "sweep" / f"conself{seed}" / ".hydra" / "hydra.yaml").write_text(_choices(entropy))
        folder = tmp_path / "sweep" / f"nll{seed}"
        write_run(folder, "curriculum_by_metric", seed, tuned="1100", choices={"metric": "nll"}, words=["metric=nll"])
    found = table(tmp_path, "table3_curricula")
    nll = row(found, metric="nll")
    assert nll["pass@1, minipy"] == near(0.5, 0.0, 2)
    assert nll["difference"] == near(-0.375, 0.1767767, 2)  # .5 - .75 and .5 - 1
    assert nll["seeds ahead"] == "0 of 2"
    assert nll["paper: DeepSeek-Coder-6.7B"] == 0.6062
    assert row(found, metric="code_semantic_entropy")["difference"] is None
    assert (nll["pairs"], nll["steps"]) == (near(6, 0, 2), near(4, 0, 2))


def _choices(choices: dict[str, str]) -> str:
    lines = "".join(f"      {key}: {value}\n" for key, value in choices.items())
    return f"hydra:\n  runtime:\n    choices:\n{lines}"


def test_table_4_is_against_conself_seed_by_seed(sweep: Path) -> None:
    found = table(sweep, "table4_ablations")
    cw, cc = row(found, method="wo_cw"), row(found, method="wo_cc")
    assert cw["RD"] == near(-0.125, 0.1767767, 2)  # .75 / .75 - 1 and .75 / 1 - 1
    assert cw["difference"] == near(-0.125, 0.1767767, 2)
    assert cw["p over seeds"] == HALF  # t = -1 with 1 degree of freedom
    assert cc["RD"] == near((0.5 / 0.75 + 0.25) / 2 - 1, 0.2946278, 2)
    assert cc["RD, paper: CodeLlama-7B"] == -0.0496
    assert row(found, method="conself")["RD"] is None
    # p1 gives a golden pair; p3 two and p5 three, of which none is
    assert (cw["pairs"], cw["steps"], cw["golden rate"]) == (near(6, 0, 2), near(4, 0, 2), near(1 / 6, 0, 2))


def test_comparisons_say_which_test_and_how_many_seeds(sweep: Path) -> None:
    found = table(sweep, "comparisons")
    against_base = row(found, method="conself", against="base")
    assert against_base["difference"] == near(0.375, 0.1767767, 2)
    assert (against_base["seeds"], against_base["seeds ahead"]) == (2, "2 of 2")
    assert against_base["test over problems"] == "paired bootstrap"
    assert against_base["McNemar's p per seed"] == "1, 0.5"  # one fixed; two fixed
    assert row(found, method="wo_cc", against="conself")["seeds ahead"] == "0 of 2"


def test_an_ablation_is_compared_with_the_conself_most_like_it(tmp_path: Path) -> None:
    for number, (method, tau, tuned) in enumerate(
        [("conself", 0.3, "1111"), ("conself", 0.6, "1110"), ("wo_cw", 0.6, "1100")]
    ):
        write_run(tmp_path / str(number), method, tuned=tuned, config={"tau": tau}, words=[f"tau={tau}"], pool=False)
    assert row(table(tmp_path, "table4_ablations"), method="wo_cw")["difference"] == near(-0.25, None, 1)
    assert row(table(tmp_path, "comparisons"), method="wo_cw", against="conself tau=0.6")["difference"] == near(
        -0.25, None, 1
    )


def test_golden_rates_by_metric_and_tau(sweep: Path) -> None:
    found = table(sweep, "metrics_by_tau")
    entropy = row(found, metric="code_semantic_entropy")
    # H_norm of p1 is .41, of p2 .5 (all score alike: no loser), of p3 .75; p1 gives a golden pair, p3 two others
    assert entropy["tau 0.5"] == near(1.0, 0.0, 2)
    assert entropy["tau 0.8"] == near(1 / 3, 0.0, 2)
    assert "tau 0.4" not in found.columns or entropy["tau 0.4"] is None
    assert row(table(sweep, "selectors"), selector="consensus")["accuracy"] == near(0.5, 0.0, 2)


def test_ceilings_are_there_where_there_are_voters(tmp_path: Path) -> None:
    voters = {"sampled": {"value": 0.4}, "pass@k": {"15": {"value": 0.9}}, "consensus@k": {"15": {"value": 0.6}}}
    entry = {"base": {"pass@1": 0.5, "n": 4, **voters}, "tuned": {"pass@1": 0.7, "n": 4}}
    write_run(tmp_path, pool=False, extra={"benchmarks": {"minipy": entry}})
    found = table(tmp_path, "ceilings")
    assert found.rows == (("tiny", "base", "minipy", 1, 0.5, 0.4, 0.6, 0.9),)
    assert found.columns[-2:] == ("consensus@15", "pass@15")


def test_ceilings_count_the_seeds_that_voted(tmp_path: Path) -> None:
    voters = {"sampled": {"value": 0.4}, "pass@k": {"15": {"value": 0.9}}, "consensus@k": {"15": {"value": 0.6}}}
    for seed in (0, 1, 2):
        side = {"pass@1": 0.5 + seed / 10, "n": 4, **(voters if seed == 0 else {})}
        entry = {"minipy": {"base": side, "tuned": side}}
        write_run(tmp_path / str(seed), seed=seed, pool=False, extra={"benchmarks": entry})
    found = table(tmp_path, "ceilings")
    assert row(found, method="base")["seeds"] == 1
    conself = row(found, method="conself")
    assert (conself["seeds"], conself["greedy pass@1"], conself["pass@15"]) == (
        1,
        near(0.5, None, 1),
        near(0.9, None, 1),
    )
    assert "Seeds: 1 per row." in found.notes


def test_rounds_go_from_the_base_to_the_last_model(tmp_path: Path) -> None:
    def done(pairs: int, base: float, tuned: float) -> dict[str, Any]:
        figures = {"minipy": {"base": {"pass@1": base}, "tuned": {"pass@1": tuned}}}
        return {"pairs": pairs, "golden_rate": 0.5, "training": {"steps": pairs}, "benchmarks": figures}

    rounds = [done(10, 0.5, 0.75), done(30, 0.75, 0.8)]
    write_run(tmp_path, pool=False, extra={"rounds": rounds, "stopped": "round 3 has nothing to learn from"})
    found = table(tmp_path, "rounds")
    assert [line[2] for line in found.rows] == [1, 2]
    assert row(found, method="conself", round=2)["minipy, after"] == near(0.8, None, 1)  # type: ignore[arg-type]
    assert any("seed 0: round 3 has nothing" in note for note in found.notes)
    assert row(table(tmp_path, "runs"), run="conself")["pairs"] == 40  # of both rounds


def test_settings_that_differ_are_listed_and_seeds_are_no_difference(sweep: Path) -> None:
    found = table(sweep, "config_differences")
    assert found.columns == ("setting", "wo_cc", "wo_cw", "conself")
    assert found.rows == (("seed", "0, 1", "0, 1", "0, 1"), ("method", "wo_cc", "wo_cw", "conself"))


def test_every_run_is_listed(sweep: Path) -> None:
    found = table(sweep, "runs")
    assert len(found.rows) == 6
    assert found.formats[0] == ""


def test_what_a_run_lacks_is_said_and_never_a_crash(tmp_path: Path) -> None:
    (tmp_path / "pool").mkdir()
    (tmp_path / "pool" / "summary.json").write_text('{"metrics": {"nll": {"n": 0, "auc": null}}}')
    left_out = {found.name: found.left_out for found in all_tables(read_runs(tmp_path)) if found.left_out}
    assert len(left_out) == len(TABLES) - 1  # the runs are listed
    assert "no oracle" in left_out["table2_metrics"]
    assert "rounds=3" in left_out["rounds"]


def test_an_evaluation_alone_has_its_row(tmp_path: Path) -> None:
    write_run(tmp_path, "", pool=False, extra={"benchmarks": {"minipy": {"pass@1": 0.5, "n": 4}}})
    found = table(tmp_path, "table1_methods")
    assert [(line[1], line[3]) for line in found.rows] == [("evaluated", near(0.5, None, 1))]


def test_a_run_without_artifacts_still_has_figures(tmp_path: Path) -> None:
    for method in ("conself", "wo_cc"):
        write_run(tmp_path / method, method, tuned="1110")
        shutil.rmtree(tmp_path / method / "artifacts")
    found = table(tmp_path, "table4_ablations")
    assert row(found, method="wo_cc")["difference"] == near(0.0, None, 1)
    assert "p over problems" not in found.columns


@pytest.mark.parametrize(
    "key", ["benchmarks", "metrics", "golden_by_tau", "selectors", "training", "pairs", "problems"]
)
def test_figures_that_one_of_the_runs_lacks_are_no_crash(tmp_path: Path, key: str) -> None:
    write_run(tmp_path / "0")
    write_run(tmp_path / "1", "wo_cw", 1)
    for folder, value in (("0", None), ("1", {})):
        path = tmp_path / folder / "results.json"
        results = json.loads(path.read_text())
        del results[key]
        if key in ("benchmarks", "metrics"):
            results[key] = value
        path.write_text(json.dumps(results))
    assert len(all_tables(read_runs(tmp_path))) == len(TABLES)


def test_one_run_alone_is_enough(tmp_path: Path) -> None:
    write_run(tmp_path)
    assert row(table(tmp_path, "table1_methods"), method="conself")["minipy"] == near(0.75, None, 1)
    assert table(tmp_path, "config_differences").left_out


def test_runs_of_one_seed_that_differ_in_secret_are_no_seeds_of_one_row(tmp_path: Path) -> None:
    write_run(tmp_path / "0", tuned="1110", config={"beta": 0.1}, pool=False)
    write_run(tmp_path / "1", tuned="1111", config={"beta": 0.5}, pool=False)
    found = table(tmp_path, "table1_methods")
    assert [r[1:4] for r in found.rows[1:]] == [
        ("conself beta=0.1", 1, near(0.75, None, 1)),
        ("conself beta=0.5", 1, near(1, None, 1)),
    ]
    assert found.notes[0] == "Seeds: 1 per row."
    assert table(tmp_path, "config_differences").rows[-1] == ("beta", "0.1", "0.5")


def test_a_table_needs_whole_rows() -> None:
    with pytest.raises(ValueError, match="each row"):
        Table("t", "c", ("a", "b"), ("", ""), (("x",),))
    with pytest.raises(ValueError, match="left_out"):
        Table("t", "c", ("a",), ("",))
