"""Comparisons with several methods at once, at the floor of a test, and of runs that lack a side."""

from pathlib import Path

import pytest

from analysis.tables.table import show
from tests.analysis.run_folders import write_run
from tests.analysis.tables.cells import row, table


def test_ps_against_conself_are_corrected_for_their_number_and_those_against_the_base_are_not(tmp_path: Path) -> None:
    # differences to ConSelf by seed, 2 degrees of freedom: wo_cw -.25 -.25 -.5 (t = -4), wo_cc 0 -.25 -.25 (t = -2)
    tuned = {"conself": ("1111",) * 3, "wo_cw": ("1110", "1110", "1100"), "wo_cc": ("1111", "1110", "1110")}
    for method, texts in tuned.items():
        for seed, text in enumerate(texts):
            write_run(tmp_path / f"{method}{seed}", method, seed, tuned=text, pool=False)
    found = table(tmp_path, "comparisons")
    ps = {m: (row(found, method=m, against="conself")) for m in ("wo_cw", "wo_cc")}
    assert [ps[m]["p over seeds"] for m in ("wo_cw", "wo_cc")] == [
        pytest.approx(0.0572, abs=1e-4),
        pytest.approx(0.1835, abs=1e-4),
    ]
    assert ps["wo_cw"]["p over seeds, Holm"] == pytest.approx(2 * 0.05719, abs=1e-4)
    assert ps["wo_cc"]["p over seeds, Holm"] == pytest.approx(0.1835, abs=1e-4)
    assert row(found, method="wo_cw", against="base")["p over seeds, Holm"] is None


def test_each_benchmark_is_a_family_of_its_own(tmp_path: Path) -> None:
    shares = {"conself": (0.5, 0.5), "wo_cw": (0.4, 0.2)}
    for method, values in shares.items():
        for seed, value in enumerate(values):
            entry = {"base": {"pass@1": 0.1, "n": 4}, "tuned": {"pass@1": value, "n": 4}}
            folder = tmp_path / f"{method}{seed}"
            write_run(folder, method, seed, pool=False, extra={"benchmarks": {"minipy": entry, "mbpp": entry}})
    found = table(tmp_path, "comparisons")
    for benchmark in ("minipy", "mbpp"):
        alone = row(found, method="wo_cw", against="conself", benchmark=benchmark)
        assert alone["p over seeds, Holm"] == alone["p over seeds"] == pytest.approx(0.2952, abs=1e-4)  # t = -2, 1 df


def test_the_least_p_of_the_bootstrap_is_given_as_a_bound(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_run(tmp_path / f"c{seed}", "conself", seed, base="0" * 20, tuned="1" * 20, pool=False)
        write_run(tmp_path / f"w{seed}", "wo_cw", seed, base="0" * 20, tuned="0" * 20, pool=False)
    for name, against in (("comparisons", {"against": "conself"}), ("table4_ablations", {})):
        p = row(table(tmp_path, name), method="wo_cw", **against)["p over problems"]
        assert (p, show(p, "p")) == (2 / 10_001, "≤0.0002"), name


def test_runs_without_a_base_have_no_rows_of_it(tmp_path: Path) -> None:
    for method in ("conself", "wo_cw"):
        tuned = {"minipy": {"tuned": {"pass@1": 0.5, "n": 4}}}
        write_run(tmp_path / method, method, pool=False, extra={"benchmarks": tuned})
    assert [line[1] for line in table(tmp_path, "table1_methods").rows] == ["wo_cw", "conself"]
    assert [line[2:5] for line in table(tmp_path, "comparisons").rows] == [("wo_cw", "conself", 1)]


def test_methods_that_share_no_seed_have_no_row(tmp_path: Path) -> None:
    write_run(tmp_path / "0", "conself", 0, pool=False)
    write_run(tmp_path / "1", "wo_cw", 1, pool=False)
    assert {line[3] for line in table(tmp_path, "comparisons").rows} == {"base"}
