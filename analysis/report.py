"""``python -m analysis.report runs=DIR [out=DIR]``: tables, figures, ``report.html`` and a page per problem.

With ``parts=table1_methods,methods`` only these tables and figures, straight into ``out``.
"""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pyarrow.lib import ArrowException
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from analysis import page_stream
from analysis.figures import all_figures
from analysis.html import report_page
from analysis.lost import listed, lost_artifacts, lost_note, unreadable, without_verdicts
from analysis.page_answers import answers_of, write_answer_pages
from analysis.page_pools import PoolSource, pools_of, without_pages
from analysis.page_report import left_out, report_content
from analysis.parts import write_parts
from analysis.problem_pages import Advance, PoolPages, write_problem_pages
from analysis.runs import Run, broken, read_runs, unfinished
from analysis.table import Table
from analysis.tables import all_tables
from analysis.write import write_tables

USAGE = "usage: python -m analysis.report runs=DIR [out=DIR] [parts=NAME,NAME]"
_KEYS = ("runs", "out", "parts")
_OVER_PROBLEMS = ("comparisons", "table3_curricula", "table4_ablations")  # they need verdicts of single problems


@dataclass(frozen=True)
class Request:
    """Where the runs are, where the report goes, and which tables and figures alone are wanted (none: everything)."""

    runs: Path
    out: Path
    parts: tuple[str, ...] = ()


def parse(words: Sequence[str]) -> Request:
    """The words of a command line; ``out`` is ``<runs>/report`` unless given.

    Raises:
        ValueError: a word is no ``key=value``, names another key or one twice, or ``runs`` is missing or no folder.
    """
    given: dict[str, str] = {}
    for word in words:
        key, mark, value = word.partition("=")
        if key not in _KEYS or not mark or not value:
            raise ValueError(f"{word!r} is none of runs=DIR, out=DIR and parts=NAME,NAME; {USAGE}")
        if key in given:
            raise ValueError(f"{key}= is given twice; {USAGE}")
        given[key] = value
    if "runs" not in given:
        raise ValueError(f"runs= is missing: name a run folder, a multirun folder, or a folder of these; {USAGE}")
    runs = Path(given["runs"]).expanduser()
    if not runs.is_dir():
        raise ValueError(f"runs={runs} is no folder; jobs leave theirs in runs/ and multirun/")
    out = Path(given["out"]).expanduser() if "out" in given else runs / "report"
    if file := next((place for place in (out, *out.parents) if place.is_file()), None):
        raise ValueError(f"out={out}: {file} is a file; name a folder, which is made where there is none")
    return Request(runs, out, tuple(filter(None, given.get("parts", "").split(","))))


def make_report(request: Request, console: Console) -> Path:
    """Write everything into ``request.out``; returns the path of ``report.html``.

    Raises:
        FileNotFoundError: there is no finished run.
        ValueError: a run's files cannot be read; names the file.
    """
    runs, notes = _read(request, console)
    request.out.mkdir(parents=True, exist_ok=True)
    path = request.out / "report.html"
    path.unlink(missing_ok=True)  # an earlier one would stand beside tables that are not its own if this one fails
    lost = lost_artifacts(runs)
    tables = [_with_note(table, lost) for table in all_tables(runs)]
    write_tables(tables, request.out / "tables")
    with console.status("figures"):
        figures = all_figures(runs, request.out / "figures")
    pages = _problem_pages(pools_of(runs), request.out / "problems", console)
    answers = write_answer_pages(answers_of(runs), request.out / "answers")
    content = report_content(runs, tables, figures, pages, notes)
    path.write_text(report_page(content | {"lost": bool(lost), "answers": answers}), encoding="utf-8")
    missing = len(left_out([*tables, *figures]))
    console.print(
        f"{len(tables)} tables and {len(figures)} figures, {missing} of them left out for want of runs; "
        f"{sum(page.problems for page in pages):,} pages of problems",
        highlight=False,
        soft_wrap=True,
    )
    return path


def make_parts(request: Request, console: Console) -> list[Path]:
    """Write the tables and figures that ``request.parts`` names into ``request.out``; returns the files.

    Raises:
        FileNotFoundError: there is no finished run.
        ValueError: a run's files cannot be read, a part is unknown, or the runs hold nothing for it.
    """
    runs, _ = _read(request, console)
    return write_parts(runs, request.parts, request.out)


def _read(request: Request, console: Console) -> tuple[list[Run], list[str]]:
    """The runs, and what is to be said of those that are not there; both are told."""
    runs = read_runs(request.runs)
    notes = _notes(request, runs)
    console.print(f"{len(runs)} finished {'run' if len(runs) == 1 else 'runs'} in {request.runs}", highlight=False)
    for note in notes:
        console.print(f"- {note}", highlight=False, markup=False, soft_wrap=True)
    return runs, notes


def _notes(request: Request, runs: Sequence[Run]) -> list[str]:
    """What the reader should know of runs that are not there, or not in full."""
    notes = []
    if left := unfinished(request.runs):
        names = listed([str(job.relative_to(request.runs)) for job in left])
        notes.append(f"{len(left)} unfinished left out ({names}); run them again to have them here")
    lost = lost_artifacts(runs)
    if lost:
        notes.append(lost_note(lost))
    if bare := [run for run in without_pages(runs) if run.method and run.name not in lost]:
        names, where = listed([run.name for run in bare]), bare[0].folder / "artifacts"
        notes.append(
            f"no pages of problems for {names}: the artifacts are not where the run left them ({where}); "
            "give the commands of these runs again to have them there"
        )
    return notes


def _with_note(table: Table, lost: Mapping[str, Sequence[Path]]) -> Table:
    """A table of tests over problems says itself, in its files too, that it lacks those of runs with lost artifacts."""
    runs = without_verdicts(lost)
    if not runs or table.left_out or table.name not in _OVER_PROBLEMS:
        return table
    note = f"Tests and intervals over problems are missing where a run's artifacts are gone: {listed(runs)}."
    return replace(table, notes=(*table.notes, note))


def _problem_pages(pools: Sequence[PoolSource], out: Path, console: Console) -> list[PoolPages]:
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=30), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as bar:

        def advance(pool: PoolSource) -> Advance:
            task = bar.add_task(f"problems, {escape(pool.name)}", total=page_stream.count(pool.problems))
            return lambda done: bar.advance(task, done)

        return write_problem_pages(pools, out, advance)


def _made(request: Request, console: Console) -> list[Path]:
    try:
        return make_parts(request, console) if request.parts else [make_report(request, console)]
    except (ArrowException, OSError) as error:
        is_system = isinstance(error, OSError) and error.errno is not None  # these name their file
        path = None if is_system else unreadable(read_runs(request.runs))
        if path is None:
            raise
        raise broken(path, "a whole Parquet file", error) from error


def main() -> None:
    """Make one report; an error is one line, with exit status 2."""
    console = Console()
    try:
        request = parse(sys.argv[1:])
        made = _made(request, console)
    except (ValueError, OSError) as error:
        line = escape(" ".join(str(error).split()))
        console.print(f"[bold red]error:[/bold red] {line}", highlight=False, soft_wrap=True)
        raise SystemExit(2) from None
    except KeyboardInterrupt:
        console.print("[bold red]interrupted:[/bold red] give the same command again to go on", highlight=False)
        raise SystemExit(130) from None
    for path in made:
        console.print(f"{'written' if request.parts else 'report'}: {path}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    main()
