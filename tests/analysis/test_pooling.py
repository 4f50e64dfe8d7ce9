"""What is one seed, one pool and one curve, where runs differ in odd ways; figures worked out by hand."""

import json
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from analysis.figures.all import all_figures
from analysis.figures.figure import styled
from analysis.figures.methods import methods
from analysis.figures.tau import improvements
from analysis.labels import text_of
from analysis.measures import over_seeds
from analysis.pools import pools_of
from analysis.runs import Run, read_runs
from analysis.spread import Spread, over_problems
from analysis.tables.all import all_tables
from analysis.tables.table import Table
from conself.records import Verdict
from conself.store.tables import write_json
from tests.analysis.run_folders import bits, write_hydra, write_run


def tables(folder: Path) -> dict[str, Table]:
    return {table.name: table for table in all_tables(read_runs(folder))}


def near(mean: float, sd: float, n: int) -> Any:
    approx: Any = pytest.approx
    return Spread(approx(mean), approx(sd), n)


def made(fit: str, **others: str) -> dict[str, Any]:
    return {"artifacts": {"fit": fit, "evaluate/minipy/tuned": fit, **others}}


def labels(runs: list[Run]) -> list[tuple[str, int]]:
    return [(run.label, run.seed) for run in runs]


def test_the_same_training_in_two_sweeps_is_one_seed(tmp_path: Path) -> None:
    """The second sweep was started with more metrics to report, which change neither model nor answers."""
    for seed, tuned in ((1, "1110"), (2, "1111")):
        write_run(tmp_path / "a" / str(seed), seed=seed, tuned=tuned, extra=made(f"f{seed}"), pool=False)
        more = {"metrics": {"nll": {"a": 1}}}
        write_run(tmp_path / "b" / str(seed), seed=seed, tuned=tuned, config=more, extra=made(f"f{seed}"), pool=False)
    assert [run.name for run in read_runs(tmp_path)] == ["b/1", "b/2"]
    base, conself = tables(tmp_path)["table1_methods"].rows
    assert conself[2:4] == (2, near(0.875, 0.125 * 2**0.5, 2))
    assert base[2:4] == (2, 0.5)


def test_a_label_of_two_trainings_of_one_seed_is_two_labels(tmp_path: Path) -> None:
    long = {"note": "x" * 100}
    write_run(tmp_path / "a" / "0", extra=made("f0"), pool=False)
    write_run(tmp_path / "b" / "0", extra=made("f1"), config=long, pool=False)
    assert labels(read_runs(tmp_path)) == [("conself (a/0)", 0), ("conself (b/0)", 0)]


def test_labels_read_as_the_words_of_the_command_line(tmp_path: Path) -> None:
    assert text_of(["q", None, [1, True]]) == "[q,null,[1,true]]"
    write_run(tmp_path / "0", words=["lora=[q,v]", "note=a"], config={"lora": ["q", "v"], "note": "a\n\nb"}, pool=False)
    write_run(tmp_path / "1", seed=1, words=["lora=[q]", "~gone"], config={"lora": ["q"], "note": "c"}, pool=False)
    assert labels(read_runs(tmp_path)) == [
        ("conself lora=[q,v] note=a b", 0),
        ("conself lora=[q] note=c gone=removed", 1),
    ]


def test_the_base_models_answers_count_once_per_seed(tmp_path: Path) -> None:
    """Three methods share them: consensus@5 of .5, .6 and .7 has n = 3 and a deviation of .1, not of nine runs."""
    assert over_seeds([(1, 0.5), (1, 0.5), (2, None), (3, 0.7)]) == near(0.6, 0.1 * 2**0.5, 2)
    for method in ("conself", "wo_cw", "wo_cc"):
        for seed in (1, 2, 3):
            folder = write_run(tmp_path / f"{method}{seed}", method, seed, pool=False)
            results = json.loads((folder / "results.json").read_text())
            for side in ("base", "tuned"):
                value = {"value": 0.4 + seed / 10, "ci95": [0, 1]}
                results["benchmarks"]["minipy"][side]["consensus@k"] = {"5": value}
            (folder / "results.json").write_text(json.dumps(results))
    found = tables(tmp_path)["ceilings"]
    at = found.columns.index("consensus@5")
    expected = near(0.6, 0.1, 3)
    assert [row[at] for row in found.rows] == [expected] * 4


def test_benchmarks_of_other_problems_are_not_compared(tmp_path: Path) -> None:
    write_run(tmp_path / "0", "conself", base="1100", tuned="1110", config={"size": 4}, pool=False)
    write_run(tmp_path / "1", "wo_cw", base="11001", tuned="11101", config={"size": 5}, pool=False)
    found = tables(tmp_path)
    assert [(row[2], row[3]) for row in found["comparisons"].rows] == [("wo_cw", "base"), ("conself", "base")]
    assert "RD" not in found["table4_ablations"].columns
    assert [row[1] for row in found["table4_ablations"].rows] == ["wo_cw", "conself"]
    one, other = {1: bits("10")}, {1: [Verdict("q7", "", (True,)), Verdict("q8", "", (True,))]}
    assert over_problems(one, other) is None
    assert over_problems(one, one) is not None


def test_a_curve_over_tau_is_of_runs_that_differ_in_tau_alone(tmp_path: Path) -> None:
    number = 0
    for tau in (0.3, 0.6):
        for beta in (0.1, 0.5):
            for seed in (1, 2):
                words, config = [f"tau={tau}", f"beta={beta}"], {"tau": tau, "beta": beta}
                write_run(tmp_path / str(number), seed=seed, words=words, config=config, pool=False)
                number += 1
    with styled():
        figure = improvements(read_runs(tmp_path), tmp_path)
    assert figure.notes[0].startswith("Seeds per point: 2;")
    assert figure.svg is not None
    text = figure.svg.read_text()
    assert "tiny beta=0.1" in text
    assert "tiny beta=0.5" in text


def test_pools_that_differ_in_behaviour_or_prompts_are_no_seeds_of_one_another(tmp_path: Path) -> None:
    for number, (agree, config) in enumerate((("a0", {"behaviour": {"x": 0}}), ("a1", {"behaviour": {"x": 1}}))):
        extra = {"artifacts": {"execute": "e", "agree": agree}}
        write_run(tmp_path / "behaviour" / str(number), config=config, words=[f"behaviour.x={number}"], extra=extra)
    assert [pool.group for pool in pools_of(read_runs(tmp_path / "behaviour"))] == [
        "tiny behaviour.x=0",
        "tiny behaviour.x=1",
    ]
    for number in range(2):
        extra = {"artifacts": {"execute": f"e{number}", "agree": f"a{number}"}}
        prompts = {"prompts": {"text": f"p{number}"}}
        write_run(tmp_path / "prompts" / str(number), config=prompts, words=[f"prompts.text=p{number}"], extra=extra)
    groups = [pool.group for pool in pools_of(read_runs(tmp_path / "prompts"))]
    assert groups == ["tiny, conself prompts.text=p0", "tiny, conself prompts.text=p1"]


def test_a_metric_of_other_settings_is_a_metric_of_its_own(tmp_path: Path) -> None:
    for number in range(2):
        extra = {"artifacts": {"execute": "e", "agree": "a"}, "metrics": {"nll": {"n": 6, "auc": 0.5 + number / 10}}}
        words = [f"metrics.nll.x={number}"]
        config = {"metrics": {"nll": {"x": number}}}
        write_run(tmp_path / str(number), config=config, words=words, extra=extra, pool=False)
    (pool,) = pools_of(read_runs(tmp_path))
    found = {label: figures["auc"] for label, figures in pool.metrics.items()}
    assert found == {"nll": 0.5, "nll (conself metrics.nll.x=1)": 0.6}


def test_a_dollar_in_a_label_is_a_dollar(tmp_path: Path) -> None:
    write_run(tmp_path / "0", words=["note=x"], config={"note": "a$b_$c^{"}, pool=False)
    write_run(tmp_path / "1", words=["note=y"], config={"note": "y"}, pool=False)
    with styled():
        figure = methods(read_runs(tmp_path), tmp_path)
    assert figure.svg is not None
    assert ">a$b_$c^{<" in figure.svg.read_text()


def test_figures_of_an_earlier_report_are_removed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    for name in ("rounds.png", "rounds.svg", "mine.svg"):
        (tmp_path / "out" / name).write_text("earlier")
    write_run(tmp_path / "runs" / "0", pool=False)
    found = {figure.name: figure for figure in all_figures(read_runs(tmp_path / "runs"), tmp_path / "out")}
    assert found["rounds"].left_out
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert "mine.svg" in left
    assert not left & {"rounds.png", "rounds.svg"}


def test_a_scored_file_is_named_by_its_name(tmp_path: Path) -> None:
    for place, file in (("0", "pools/qwen.jsonl.gz"), ("1", "llama.jsonl")):
        write_hydra(tmp_path / place, {"pool": file, "metrics": {}}, [f"pool={file}"], {})
        OmegaConf.save(OmegaConf.create({"pool": file}), tmp_path / place / "config.yaml")
        (tmp_path / place / "summary.json").write_text(json.dumps({"metrics": {"nll": {"n": 6, "auc": 0.5}}}))
        write_json(tmp_path / place / "results.json", {"metrics": {"nll": {"n": 6, "auc": 0.5}}})
    assert [pool.group for pool in pools_of(read_runs(tmp_path))] == ["qwen", "llama"]
