"""Curves of trainings on rollouts, of run folders made by hand."""

from pathlib import Path
from xml.etree import ElementTree

from analysis.figures.figure import styled
from analysis.figures.online import online
from analysis.runs import read_runs
from tests.analysis.run_folders import write_run, write_steps

ROWS = [
    {"step": 0.0, "reward": 0.25, "entropy": 1.0, "held_out_winner_consensus": 0.5},
    {"step": 1.0, "reward": 0.5, "entropy": 0.5},
    {"step": 2.0, "held_out_winner_consensus": 0.75},
]
POINTS = [{"step": step, "pass@1": 0.5, "pass@k": {"15": {"value": 0.5}}} for step in (0, 1, 2)]


def trained(folder: Path, seed: int) -> None:
    extra = {"by_steps": {"minipy": POINTS}}
    write_steps(write_run(folder, "con_grpo", seed=seed, extra=extra, pool=False), ROWS)


def test_it_has_a_panel_for_each_figure_that_some_run_has(tmp_path: Path) -> None:
    for seed in (1, 2):
        trained(tmp_path / "runs" / str(seed), seed)
    with styled():
        figure = online(read_runs(tmp_path / "runs"), tmp_path)
    assert figure.svg is not None, figure.left_out
    found = [text for node in ElementTree.parse(figure.svg).iter() if (text := (node.text or "").strip())]
    titles = ["reward", "entropy per token (nats)", "consensus, held-out problems", "minipy: pass@1", "minipy: pass@k"]
    assert [text for text in found if text in titles] == titles
    assert "distinct behaviours per problem" not in found
    assert found.count("con_grpo") == 1, "one label for all seeds"


def test_where_no_run_has_rollouts_it_says_so(tmp_path: Path) -> None:
    write_run(tmp_path / "runs" / "1", pool=False)
    assert online(read_runs(tmp_path / "runs"), tmp_path).left_out == "no run has trained on rollouts"
