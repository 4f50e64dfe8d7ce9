"""Where the paper's figures stand: beside the method as it defines it, and beside no other setting."""

from pathlib import Path
from typing import Any

import pytest

from analysis.runs import read_runs
from analysis.tables.paper import method_of
from analysis.tables.table import Cell, show
from tests.analysis.run_folders import write_run
from tests.analysis.tables.cells import row, table

DEEPSEEK = "RI, paper: DeepSeek-Coder-6.7B"


def add(folder: Path, method: str = "conself", words: tuple[str, ...] = (), **config: Any) -> None:
    """One more run of a sweep."""
    name = str(len(list(folder.glob("*"))))
    write_run(folder / name, method, words=words, config=config, pool=False)


def beside(folder: Path) -> dict[str, str]:
    """Label -> the method of the paper whose figures belong beside it."""
    runs = read_runs(folder)
    return {run.label: method_of(run, runs) for run in runs}


@pytest.mark.parametrize(
    ("method", "words", "config", "found"),
    [
        ("conself", (), {}, "conself"),
        ("conself", ("rounds=1", "voters.n=15", "model=other", "benchmark=[mbpp]"), {"rounds": 1}, "conself"),
        ("conself", ("training.learning_rate=1e-4",), {}, "conself"),
        ("conself", ("metric@metrics.mine=nll",), {}, "conself"),
        ("conself", ("rounds=3",), {"rounds": 3}, ""),
        ("conself", ("loss=dpo",), {}, ""),
        ("conself", ("metric=nll",), {}, ""),
        ("conself", ("behaviour.silent_crashes=true",), {"behaviour": {"silent_crashes": True}}, ""),
        ("self_dpo", ("matched=conself",), {"matched": "conself"}, ""),
        ("self_dpo", ("pipeline/matched=conself",), {"matched": "conself"}, ""),
        ("wo_cc", ("matched=none",), {"matched": None}, "wo_cc"),
        ("wo_cc", ("max_pairs=100",), {"max_pairs": 100}, ""),
        ("curriculum_by_metric", ("metric=nll",), {"matched": "conself"}, "curriculum_by_metric"),
    ],
)
def test_the_settings_of_a_run_say_whether_it_is_the_papers_method(
    tmp_path: Path, method: str, words: tuple[str, ...], config: dict[str, Any], found: str
) -> None:
    add(tmp_path, method, words, **config)
    assert list(beside(tmp_path).values()) == [found]


def test_of_several_taus_the_one_that_no_run_was_asked_for_is_the_papers(tmp_path: Path) -> None:
    for tau in (0.3, 0.6, 0.9):
        add(tmp_path, words=(f"tau={tau}",), tau=tau)
    add(tmp_path, "wo_cc", tau=0.6)
    assert beside(tmp_path) == {
        "conself tau=0.3": "",
        "conself tau=0.6": "conself",
        "conself tau=0.9": "",
        "wo_cc": "wo_cc",
    }
    found = table(tmp_path, "table1_methods")
    assert [row(found, method=f"conself tau={tau}")[DEEPSEEK] for tau in (0.3, 0.6, 0.9)] == [None, 0.0273, None]


def test_where_every_run_was_asked_for_its_tau_the_recipes_counts(tmp_path: Path) -> None:
    for tau in (0.1, 0.3):  # conf/model/hub.yaml has .3, and there is no file for x/tiny
        add(tmp_path, words=(f"tau={tau}",), tau=tau)
    assert beside(tmp_path) == {"conself tau=0.1": "", "conself tau=0.3": "conself"}


def test_one_tau_alone_is_the_methods(tmp_path: Path) -> None:
    add(tmp_path, words=("tau=0.6", "rounds=1"), tau=0.6, rounds=1)
    add(tmp_path, words=("tau=0.6", "rounds=3"), tau=0.6, rounds=3)
    assert beside(tmp_path) == {"conself rounds=1": "conself", "conself rounds=3": ""}


def test_a_sweep_over_another_setting_has_the_figure_at_its_usual_value_only(tmp_path: Path) -> None:
    add(tmp_path, beta=0.1)
    add(tmp_path, words=("beta=0.5",), beta=0.5)
    assert beside(tmp_path) == {"conself beta=0.1": "conself", "conself beta=0.5": ""}


def test_the_papers_figures_keep_its_decimals_and_ours_have_one(tmp_path: Path) -> None:
    entry = {"base": {"pass@1": 0.2, "n": 5}, "tuned": {"pass@1": 0.3195, "n": 5}}
    for method in ("conself", "wo_cw"):
        write_run(tmp_path / method, method, pool=False, extra={"benchmarks": {"humaneval": entry}})
    methods, ablations = (table(tmp_path, name) for name in ("table1_methods", "table4_ablations"))
    texts: dict[tuple[Cell, str], str] = {}
    for found, line in (
        (methods, row(methods, method="conself", model="tiny")),
        (methods, row(methods, method="pfpo", model="paper: CodeLlama-7B")),
        (ablations, row(ablations, method="wo_cw")),
    ):
        forms = dict(zip(found.columns, found.formats, strict=True))
        texts |= {(line["method"], key): show(cell, forms[key]) for key, cell in line.items()}
    assert texts["conself", "humaneval"] == "31.9%"  # .3195 lies just below
    assert texts["conself", DEEPSEEK] == "+2.73%"
    assert (texts["pfpo", "humaneval"], texts["pfpo", "RI"]) == ("34.55%", "-1.54%")
    assert texts["wo_cw", "RD, paper: CodeLlama-7B"] == "-2.55%"


def test_a_table_without_a_figure_of_the_paper_does_not_say_where_they_are_from(tmp_path: Path) -> None:
    add(tmp_path / "rounds", words=("rounds=3",), rounds=3)
    add(tmp_path / "plain")
    said = [any("TACO" in n for n in table(tmp_path / k, "table1_methods").notes) for k in ("rounds", "plain")]
    assert said == [False, True]
