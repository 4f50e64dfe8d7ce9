"""The sandbox as a command: ``python -m conself.sandbox JOBS.jsonl OUT.jsonl``; see ``--help``."""

import argparse
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from conself.sandbox import LEVELS, IsolationError, Limits, Summary, isolation
from conself.sandbox.jobfile import JobFile
from conself.sandbox.jobs import check_limits
from conself.sandbox.journal import Journal
from conself.sandbox.jsonlines import Plain
from conself.sandbox.terminal import answer_interrupts, every

_RARE = {
    "recursion_errors": "too deep in recursion",
    "cut_outputs": "over --output-kb",
    "unreadable": "with values that cannot be read",
    "long_iterators": "with iterators that were not read to their end",
}
"""Descriptions of counts that are printed if they are not 0."""
_EVERY_SECONDS = 10.0  # between lines of progress where there is no terminal
_FORMS = """\
JOBS.jsonl (or .jsonl.gz) has one JSON object per line:
  {"id": "p", "entry_point": "f", "prefix": "import math\\n", "inputs": [[1, 2], {"py": "({3}, 4)"}],
   "candidates": [{"code": "def f(a, b): return a"}, {"code": null}]}
"entry_point" is a function, a method of class Solution, or null for programs that read standard input. "prefix", if
any, is put before each program. Call inputs are arrays of positional arguments, or the literal of their tuple under
"py"; inputs of stdin programs are texts. "code" is null where there is no program. Other fields are left alone.

OUT.jsonl gets one line per job, in the order of JOBS.jsonl:
  {"key": "...", "id": "p", "outcomes": [["ok", "1"], ["compile_error", ""]], "rows": [[0, 0], [1, 1]],
   "exact": [false, false], "audit": [null, null]}
The outcome (status and value) of program p on input i is outcomes[rows[p][i]]. OUT.summary.json gets the counts.

While it runs, OUT.jsonl grows by each job that is done. The same command goes on from there after a kill, and runs
again only jobs that are new or changed, or all when limits changed. Lines of other jobs are dropped at the end.

Exit code: 0 done; 2 bad input or a file that cannot be used; 1 the sandbox failed; 130 Ctrl-C.
"""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message} (--help tells more)\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit code. Errors are one line on standard error."""
    answer_interrupts()
    options = _parser().parse_args(arguments)
    try:
        return _run(options)
    except (ValueError, OSError, IsolationError) as error:
        code = 2
        message = f"error: {error}"
    except RuntimeError as error:
        code = 1
        message = f"error: {error}; finished jobs are in {options.out}: the same command goes on from there"
    except KeyboardInterrupt:
        code = 130
        message = f"interrupted; finished jobs are in {options.out}: the same command goes on from there"
    print(" ".join(message.split()), file=sys.stderr)
    return code


def _run(options: argparse.Namespace) -> int:
    packages = [name for name in options.packages.split(",") if name]
    names = ("cpu_seconds", "wall_seconds", "memory_mb", "output_kb", "max_timeouts", "audit", "require")
    limits = Limits(packages=packages, **{name: getattr(options, name) for name in names})
    check_limits(limits, options.workers)
    _check_out(options.out)
    jobs = JobFile(options.jobs)
    count, executions = jobs.check()
    walls = isolation(limits)
    start = time.monotonic()
    summary, resumed = Summary(), 0
    with Journal(options.out, limits) as journal, _Meter(executions) as meter:
        for result in journal.finished(jobs):
            resumed += 1
            summary += meter.count(Summary.of(result), is_new=False)
        for result in journal.run(jobs, options.workers):
            summary += meter.count(Summary.of(result), is_new=True)
    seconds = round(time.monotonic() - start, 3)
    report = {"jobs": count, "resumed": resumed, "seconds": seconds, "isolation": str(walls), **summary.as_dict()}
    options.out.with_suffix(".summary.json").write_text(json.dumps(report, indent=1) + "\n")
    print(f"isolation: {walls}")
    print(_told(report, summary.statuses))
    return 0


def _check_out(out: Path) -> None:
    """Check before any work that the results' file can be made; the journal reports other errors."""
    if out.is_dir():
        raise IsADirectoryError(f"{out} is a folder: name a file for the results")
    if not out.parent.is_dir():
        raise FileNotFoundError(f"{out}: there is no folder {out.parent}; make it, or name another file")


def _told(report: Mapping[str, Plain], statuses: Mapping[str, int]) -> str:
    counts = {name: f"{value:,}" for name, value in report.items() if isinstance(value, int)}
    each = ", ".join(f"{name} {count:,}" for name, count in statuses.items())
    told = (
        "{jobs} jobs ({resumed} of them done before), {programs} programs, {executions} executions "
        "({statuses}; {skipped} skipped); programs: {exact} run exactly, {audited} audited, {leaked} leaked, "
        "{nondeterministic} nondeterministic, {missing_modules} without a module"
    ).format(**counts, statuses=each)
    return told + "".join(f", {counts[name]} {what}" for name, what in _RARE.items() if report[name])


class _Meter:
    """Progress of a run, on standard error: a bar on a terminal, elsewhere a line every few seconds."""

    def __init__(self, total: int) -> None:
        self._total, self._done, self._new = total, 0, 0
        self._start = time.monotonic()
        console = Console(stderr=True)
        self._bar = Progress(
            BarColumn(bar_width=30),
            TextColumn("{task.description}", markup=False),
            TimeElapsedColumn(),
            console=console,
        )
        self._line = self._bar.add_task("", total=total)
        self._shown = self._bar if console.is_terminal else every(_EVERY_SECONDS, self._say)

    def __enter__(self) -> Self:
        self._shown.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._shown.__exit__(kind, error, tb)

    def count(self, summary: Summary, is_new: bool) -> Summary:
        """Count a job that was executed now (``is_new``) or read back; return its summary."""
        self._done += summary.executions
        if is_new:
            self._new += summary.executions
        else:
            self._start = time.monotonic()
        self._bar.update(self._line, completed=self._done, description=self._text())
        return summary

    def _text(self) -> str:
        rate = self._new / max(time.monotonic() - self._start, 1e-3)
        left = timedelta(seconds=round((self._total - self._done) / rate)) if rate else "?"
        return f"{self._done:,}/{self._total:,} executions, {rate:,.0f} executions/s, {left} left"

    def _say(self) -> None:
        print(self._text(), file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="python -m conself.sandbox",
        description="Run untrusted programs on inputs, behind walls, and write down what each one gave.",
        epilog=_FORMS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    cores = len(os.sched_getaffinity(0))
    parser.add_argument("jobs", type=Path, metavar="JOBS.jsonl", help="programs and their inputs")
    parser.add_argument("out", type=Path, metavar="OUT.jsonl", help="outcomes; what is there already is not run again")
    parser.add_argument("--workers", type=int, default=cores, metavar="N", help=f"programs at a time ({cores})")
    parser.add_argument("--cpu-seconds", type=float, default=1.0, metavar="S", help="CPU time per input (1)")
    parser.add_argument("--wall-seconds", type=float, default=5.0, metavar="S", help="time per input, for sleepers (5)")
    parser.add_argument("--memory-mb", type=int, default=1024, metavar="N", help="memory per program, in MiB (1024)")
    parser.add_argument("--output-kb", type=int, default=1024, metavar="N", help="longest value or output, KiB (1024)")
    parser.add_argument(
        "--max-timeouts",
        type=int,
        default=2,
        metavar="N",
        help="time-outs until a program is given up (2)",
    )
    parser.add_argument("--packages", default="", metavar="A,B", help="what programs may import, e.g. numpy (nothing)")
    parser.add_argument("--audit", type=float, default=0.02, metavar="P", help="share of programs run twice (0.02)")
    parser.add_argument("--require", default="standard", choices=LEVELS, help="least isolation to run with (standard)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
