"""``experiment=select_tau``: Hydra's callback around the sweep, and the files that report the choice."""

import atexit
import contextlib
import csv
import logging
from dataclasses import asdict
from pathlib import Path
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from conself.app.job import one_line_errors
from conself.results.show import number
from conself.runtime.console import new_console, say
from conself.store.tables import write_json
from conself.tau_search.choice import Choice, begin_job, begin_sweep, choose, read_jobs, validation_split

_WIDTH = 40  # characters of the curve


def curve_lines(choice: Choice) -> list[str]:
    """Draw the curve as text: per tau its figures and, to scale, the interval (-) and the mean (o); * is chosen."""
    low = min(choice.base, *(p.ci95[0] for p in choice.curve))
    high = max(choice.base, *(p.ci95[1] for p in choice.curve))

    def column(value: float) -> int:
        return round((value - low) / (high - low) * (_WIDTH - 1)) if high > low else 0

    lines = [f"{'tau':>6}  {'pass@1':<22} {'pairs':>7} {'golden':>7}"]
    for p in choice.curve:
        row = [" "] * _WIDTH
        row[column(p.ci95[0]) : column(p.ci95[1]) + 1] = "-" * (column(p.ci95[1]) + 1 - column(p.ci95[0]))
        row[column(choice.base)] = "|"
        row[column(p.pass_at_1)] = "o"
        mark = "*" if p.tau == choice.tau else " "
        figures = f"{p.pass_at_1:.3f} [{p.ci95[0]:.3f}, {p.ci95[1]:.3f}]"
        line = f"{p.tau:>5g}{mark}  {figures:<22} {p.pairs:>7.0f} {number(p.golden_rate, '.1%'):>7}  {''.join(row)}"
        lines.append(line.rstrip())
    return [*lines, f"  base  {choice.base:.3f} (| in the picture)"]


def write(sweep: Path, choice: Choice) -> None:
    """Write tau.json, tau.csv and tau.md into the sweep's folder."""
    curve = [{"pass@1" if key == "pass_at_1" else key: v for key, v in asdict(p).items()} for p in choice.curve]
    write_json(sweep / "tau.json", {**asdict(choice), "curve": curve})
    with (sweep / "tau.csv").open("w", newline="") as handle:
        rows = csv.writer(handle)
        rows.writerow(["tau", "seeds", "pass@1", "low", "high", "pairs", "golden_rate", "chosen"])
        for p in choice.curve:
            seeds = " ".join(map(str, p.seeds))
            rows.writerow([p.tau, seeds, p.pass_at_1, *p.ci95, p.pairs, p.golden_rate, p.tau == choice.tau])
    text = [f"# tau = {choice.tau:g}, chosen on {choice.benchmark} ({choice.problems} problems)", ""]
    text += [f"Rule: {choice.rule}. Intervals: 95 %, over problems.", ""]
    text += ["```", *curve_lines(choice), "```", "", *(f"Left out, did not finish: {job}." for job in choice.failed)]
    (sweep / "tau.md").write_text("\n".join([*text, "", f"    {choice.command}", ""]))


class SelectTau(Callback):
    """Hydra's callback: checks the benchmark before a sweep, and chooses tau when its jobs have ended.

    It travels with the jobs, wherever a launcher runs them.
    """

    _sweep: str = ""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Check the benchmark, and ensure that the choice is made in any case.

        Raises:
            SystemExit: status 2, when tau would be chosen by anything but a validation split.
        """
        folder = Path(config.hydra.sweep.dir)
        with one_line_errors(new_console(), folder, in_sweep=False):
            validation_split([str(name) for name in config.benchmark])
        self._sweep = begin_sweep(folder)
        atexit.register(self._choose_at_exit, folder)  # Hydra does not call on_multirun_end when a job has failed

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        """Check each job's benchmark as well, because a sweep may be over benchmarks; and that tau has an effect.

        Raises:
            SystemExit: as on_multirun_start.
        """
        with one_line_errors(new_console(), Path(config.hydra.sweep.dir), in_sweep=False):
            try:
                validation_split([str(name) for name in config.benchmark])
                if "tau" not in config.curriculum:
                    raise ValueError(
                        f"there is no tau to choose: {config.curriculum['_target_']} has none; "
                        "set curriculum=entropy_band, or leave the method without a filter out"
                    )
            except ValueError:
                atexit.unregister(self._choose_at_exit)
                raise
        begin_job(Path(config.hydra.runtime.output_dir), self._sweep)

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        """Choose, write and print."""
        atexit.unregister(self._choose_at_exit)
        self._choose(Path(config.hydra.sweep.dir))

    def _choose_at_exit(self, folder: Path) -> None:
        with contextlib.suppress(SystemExit):  # the status says already that a job has failed
            self._choose(folder)

    def _choose(self, folder: Path) -> None:
        console = new_console()
        logging.getLogger("conself").setLevel(logging.INFO)  # the jobs' logs are closed: tracebacks would be shown
        with one_line_errors(console, folder, in_sweep=False):
            choice = choose(read_jobs(folder))
            write(folder, choice)
            for line in [*curve_lines(choice), *(f"left out, did not finish: {job}" for job in choice.failed)]:
                say(console, line)
            say(console, f"tau = {choice.tau:g} ({choice.benchmark}; {choice.rule}): {folder / 'tau.json'}")
            say(console, f"train with it: {choice.command}")
