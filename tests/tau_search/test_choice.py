"""Which tau is chosen from a sweep's folder, and what is left out."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from conself.records import Verdict
from conself.store.tables import write_verdicts
from conself.tau_search.callback import SelectTau, curve_lines, write
from conself.tau_search.choice import begin_job, begin_sweep, choose, read_jobs, validation_split

CONF = Path(__file__).parents[2] / "conf"
BASE = {"pass@1": 0.25, "n": 4, "ci95": [0.0, 0.75]}


def sweep(folder: Path) -> Path:
    """A sweep's folder without jobs."""
    begin_sweep(folder)
    return folder


def job(
    folder: Path, tau: float, passed: str | None, *words: str, seed: int = 0, bench: str = "toy_validation"
) -> Path:
    """What a job leaves behind: with one letter per problem (r is right), or None for one that failed."""
    path = folder / str(len(list(folder.glob("*/"))))
    begin_job(path, (folder / "sweep.txt").read_text())
    OmegaConf.save({"tau": tau, "seed": seed, "benchmark": {bench: {}}}, path / ".hydra" / "config.yaml")
    OmegaConf.save([f"tau={tau}", "experiment=select_tau", *words], path / ".hydra" / "overrides.yaml")
    if passed is not None:
        tuned = path / "artifacts" / "evaluate" / bench / "tuned"
        tuned.mkdir(parents=True)
        write_verdicts(tuned / "verdicts.jsonl", [Verdict(f"p{i}", "", (x == "r",)) for i, x in enumerate(passed)])
        figures = {"pairs": int(tau * 100), "golden_rate": 1 - tau, "benchmarks": {bench: {"base": BASE}}}
        (path / "results.json").write_text(json.dumps(figures))
    return path


def test_the_best_on_validation_is_chosen(tmp_path: Path) -> None:
    folder = sweep(tmp_path / "sweep")
    for tau, passed in ((0.1, "rwww"), (0.3, "rrrw"), (0.5, "rrww")):
        job(folder, tau, passed)
    choice = choose(read_jobs(folder))
    assert (choice.tau, choice.benchmark, choice.problems, choice.base) == (0.3, "toy_validation", 4, 0.25)
    assert [(p.tau, p.pass_at_1, p.pairs) for p in choice.curve] == [(0.1, 0.25, 10), (0.3, 0.75, 30), (0.5, 0.5, 50)]
    assert choice.curve[1].ci95[0] < 0.75 < choice.curve[1].ci95[1]
    assert choice.failed == ()


def test_of_equal_ones_the_smallest_wins(tmp_path: Path) -> None:
    folder = sweep(tmp_path / "sweep")
    for tau, passed in ((0.5, "rrww"), (0.3, "wrrw"), (0.1, "rwww")):
        job(folder, tau, passed)
    assert choose(read_jobs(folder)).tau == 0.3


def test_seeds_are_averaged_and_their_answers_resampled_together(tmp_path: Path) -> None:
    folder = sweep(tmp_path / "sweep")
    for tau, seed, passed in ((0.1, 0, "rrrr"), (0.1, 1, "wwww"), (0.3, 0, "rrrw"), (0.3, 1, "rwww")):
        job(folder, tau, passed, f"seed={seed}", seed=seed)
    choice = choose(read_jobs(folder))
    assert [(p.seeds, p.pass_at_1) for p in choice.curve] == [((0, 1), 0.5), ((0, 1), 0.5)]
    assert choice.curve[0].ci95 == (0.5, 0.5), "one of two answers to each problem is right"
    assert choice.curve[1].ci95[0] < 0.5 < choice.curve[1].ci95[1]


def test_failed_jobs_are_left_out_and_named(tmp_path: Path) -> None:
    folder = sweep(tmp_path / "sweep")
    job(folder, 0.1, None)
    job(folder, 0.3, "rwww")
    choice = choose(read_jobs(folder))
    assert choice.tau == 0.3
    assert choice.failed == ("job 0 (tau 0.1, seed 0)",)


def test_a_tau_that_lacks_a_seed_is_shown_but_not_chosen(tmp_path: Path) -> None:
    folder = sweep(tmp_path / "sweep")
    for tau, seed, passed in ((0.1, 0, "rrrr"), (0.1, 1, None), (0.3, 0, "rrww"), (0.3, 1, "rrww")):
        job(folder, tau, passed, f"seed={seed}", seed=seed)
    choice = choose(read_jobs(folder))
    assert [p.tau for p in choice.curve] == [0.1, 0.3]
    assert choice.tau == 0.3


def test_nothing_finished_is_an_error(tmp_path: Path) -> None:
    folder = sweep(tmp_path / "sweep")
    job(folder, 0.1, None)
    with pytest.raises(ValueError, match="none of the 1 jobs has finished"):
        choose(read_jobs(folder))


def test_jobs_that_differ_in_more_are_an_error(tmp_path: Path) -> None:
    folder = sweep(tmp_path / "sweep")
    job(folder, 0.1, "rrww", "loss=dpo")
    job(folder, 0.1, "rwww", "loss=con_dpo")
    with pytest.raises(ValueError, match=r"differ in \['loss=con_dpo', 'loss=dpo'\]"):
        choose(read_jobs(folder))


def test_what_an_earlier_sweep_left_is_not_read(tmp_path: Path) -> None:
    """Whatever the clocks of the machines say on which the jobs have run."""
    folder = sweep(tmp_path / "sweep")
    again, old = job(folder, 0.3, "rrrr"), job(folder, 0.1, "rrrr")
    later = begin_sweep(folder)
    os.utime(old / "results.json", (2**33, 2**33))
    begin_job(again, later)  # it now has failed
    os.utime(job(folder, 0.5, "rwww") / "results.json", (1, 1))
    choice = choose(read_jobs(folder))
    assert choice.tau == 0.5
    assert choice.failed == ("job 0 (tau 0.3, seed 0)",)


def test_the_command_keeps_what_the_sweep_was_asked_for(tmp_path: Path) -> None:
    folder = sweep(tmp_path / "sweep")
    job(folder, 0.3, "rrww", "dataset=taco", "benchmark.toy_validation.size=4", "sampler.stop=[a,b]", "seed=3")
    assert choose(read_jobs(folder)).command == "python -m conself.train tau=0.3 dataset=taco 'sampler.stop=[a,b]'"
    other = sweep(tmp_path / "other")
    path = job(other, 0.3, "rrww")
    OmegaConf.save(["tau=0.3", "experiment=[select_tau,wo_cw]"], path / ".hydra" / "overrides.yaml")
    assert choose(read_jobs(other)).command == "python -m conself.train tau=0.3 experiment=wo_cw"


def test_files_hold_the_choice(tmp_path: Path) -> None:
    folder = sweep(tmp_path / "sweep")
    for tau, passed in ((0.1, "rwww"), (0.3, "rrrw"), (0.5, None)):
        job(folder, tau, passed)
    choice = choose(read_jobs(folder))
    write(folder, choice)
    stored = json.loads((folder / "tau.json").read_text())
    assert stored["tau"] == 0.3
    assert [point["pass@1"] for point in stored["curve"]] == [0.25, 0.75]
    with (folder / "tau.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    assert [(row["tau"], row["pass@1"], row["chosen"]) for row in rows] == [
        ("0.1", "0.25", "False"),
        ("0.3", "0.75", "True"),
    ]
    text = (folder / "tau.md").read_text()
    for words in (
        "# tau = 0.3, chosen on toy_validation (4 problems)",
        "Left out, did not finish: job 2",
        choice.command,
    ):
        assert words in text


def test_the_curve_is_drawn_to_scale(tmp_path: Path) -> None:
    folder = sweep(tmp_path / "sweep")
    for tau, passed in ((0.1, "wwww"), (0.3, "rrrr")):
        job(folder, tau, passed)
    low, high = curve_lines(choose(read_jobs(folder)))[1:3]
    assert high.startswith("  0.3*")
    assert len(high) - high.index("|") == 30, "from .25 to 1, of 40 characters from 0 to 1"
    assert low.index("o") < low.index("|")


@pytest.mark.parametrize(
    "names", [["humaneval"], [], ["taco_validation", "humaneval"], ["a_validation", "b_validation"]]
)
def test_only_one_validation_split_may_choose(names: list[str]) -> None:
    with pytest.raises(ValueError, match="never by benchmarks"):
        validation_split(names)


def test_a_job_on_a_benchmark_is_refused_afterwards_as_well(tmp_path: Path) -> None:
    folder = sweep(tmp_path / "sweep")
    job(folder, 0.1, "rrww", bench="humaneval")
    with pytest.raises(ValueError, match=r"got benchmark=\[humaneval\]"):
        read_jobs(folder)


def composed(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", ["experiment=select_tau", *overrides], return_hydra_config=True)


def test_the_experiment_knows_the_validation_split_only() -> None:
    config = composed()
    assert list(config.benchmark) == ["minipy_validation"]
    assert config.benchmark.minipy_validation.split == "validation"
    assert list(composed("dataset=taco").benchmark) == ["taco_validation"]
    taus = [float(tau) for tau in config.hydra.sweeper.params.tau.split(",")]
    assert taus == sorted(set(taus))
    assert {0.3, 0.55} <= set(taus), "the paper's"
    assert 0 < taus[0] < taus[-1] == 1


def test_a_benchmark_is_refused_before_the_sweep(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path)}}, "benchmark": {"humaneval": {}}})
    with pytest.raises(SystemExit):
        SelectTau().on_multirun_start(config)
    assert "error: tau is chosen by one validation split" in capsys.readouterr().out


def test_a_job_on_a_benchmark_is_refused_before_it_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sweep over benchmarks shows each job another one than the sweep itself."""
    curriculum = {"_target_": "conself.curricula.entropy_band.EntropyBand", "tau": 0.3}
    config = OmegaConf.create(
        {
            "hydra": {"sweep": {"dir": str(tmp_path)}, "runtime": {"output_dir": str(tmp_path / "0")}},
            "benchmark": {"minipy_validation": {}},
            "curriculum": curriculum,
        }
    )
    SelectTau().on_job_start(config)
    del config.curriculum.tau
    with pytest.raises(SystemExit):
        SelectTau().on_job_start(config)
    assert "error: there is no tau to choose: conself.curricula.entropy_band" in capsys.readouterr().out
    config.curriculum = curriculum
    config.benchmark = {"minipy": {}}
    with pytest.raises(SystemExit):
        SelectTau().on_job_start(config)
    assert "error: tau is chosen by one validation split" in capsys.readouterr().out


def test_nothing_to_choose_from_is_one_line_even_at_exit(tmp_path: Path) -> None:
    """Hydra's logging shows everything once its jobs have ended, and Python what is raised at exit."""
    begin_sweep(tmp_path)
    program = f"""
import logging
from pathlib import Path
from conself.tau_search.callback import SelectTau
logging.basicConfig(level=logging.DEBUG)
logging.getLogger("conself").setLevel(logging.DEBUG)  # as a job leaves it
SelectTau()._choose_at_exit(Path({str(tmp_path)!r}))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "error: no tau can be chosen" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
