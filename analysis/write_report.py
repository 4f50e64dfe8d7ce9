"""Write a report: tables, figures, ``report.html`` and a page per problem; or single tables and figures."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pyarrow.lib import ArrowException
from rich.console import Console

from conself.runtime.console import say
from conself.runtime.progress import Meter, working

from .figures.all import all_figures
from .lost import listed, lost_artifacts, lost_note, unreadable, without_verdicts
from .pages import stream
from .pages.answers import answers_of, without_answers, write_answer_pages
from .pages.html import report_page
from .pages.pools import PoolSource, pools_of, without_pages
from .pages.report import left_out, report_content
from .pages.write import PoolPages, write_problem_pages
from .parts import write_parts
from .request import Request
from .runs import Run, broken, read_runs, unfinished
from .tables.all import all_tables
from .tables.table import Table
from .write import write_tables

_OVER_PROBLEMS = ("comparisons", "table3_curricula", "table4_ablations")  # they need verdicts of single problems


def make_report(request: Request, console: Console) -> Path:
    """Write everything into ``request.out``; return the path of ``report.html``.

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
    with console.status("figures"), working(console, "figures"):
        figures = all_figures(runs, request.out / "figures")
    pages = _problem_pages(pools_of(runs), request.out / "problems", console)
    answers = write_answer_pages(answers_of(runs), request.out / "answers")
    content = report_content(runs, tables, figures, pages, notes)
    path.write_text(report_page(content | {"lost": bool(lost), "answers": answers}), encoding="utf-8")
    missing = len(left_out([*tables, *figures]))
    say(
        console,
        f"{len(tables)} tables and {len(figures)} figures, {missing} of them left out for want of runs; "
        f"{sum(page.problems for page in pages):,} pages of problems",
    )
    return path


def make_parts(request: Request, console: Console) -> list[Path]:
    """Write the tables and figures that ``request.parts`` names into ``request.out``; return the files.

    Raises:
        FileNotFoundError: there is no finished run.
        ValueError: a run's files cannot be read, a part is unknown, or the runs hold nothing for it.
    """
    runs, _ = _read(request, console)
    return write_parts(runs, request.parts, request.out)


def _read(request: Request, console: Console) -> tuple[list[Run], list[str]]:
    """Read the runs, with notes on those that are missing; both are reported."""
    runs = read_runs(request.runs)
    notes = _notes(request, runs)
    say(console, f"{len(runs)} finished {'run' if len(runs) == 1 else 'runs'} in {request.runs}")
    for note in notes:
        say(console, f"- {note}")
    return runs, notes


def _notes(request: Request, runs: Sequence[Run]) -> list[str]:
    """Return notes on runs that are missing or incomplete."""
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
    if alone := without_answers(runs):
        names = listed([run.name for run in alone])
        notes.append(
            f"no pages of answers for {names}: there are none behind versus={alone[0].results['versus']}; name the run "
            "folder of that evaluation, and make the report from the folder that its path starts from"
        )
    return notes


def _with_note(table: Table, lost: Mapping[str, Sequence[Path]]) -> Table:
    """Return a table of tests over problems with a note, in its files too, on runs with lost artifacts."""
    runs = without_verdicts(lost)
    if not runs or table.left_out or table.name not in _OVER_PROBLEMS:
        return table
    note = f"Tests and intervals over problems are missing where a run's artifacts are gone: {listed(runs)}."
    return replace(table, notes=(*table.notes, note))


def _problem_pages(pools: Sequence[PoolSource], out: Path, console: Console) -> list[PoolPages]:
    total = sum(stream.count(pool.problems) for pool in pools)
    with Meter(console, "pages of problems", total, "problems", "problems") as meter:
        return write_problem_pages(pools, out, lambda _: meter.add)


def make(request: Request, console: Console) -> list[Path]:
    """Write the outputs of ``request``; return ``report.html``, or the files of its parts.

    Raises:
        FileNotFoundError: there is no finished run.
        ValueError: a run's files cannot be read (names the file), a part is unknown, or the runs hold nothing for it.
        OSError: ``request.out`` cannot be written.
    """
    try:
        return make_parts(request, console) if request.parts else [make_report(request, console)]
    except (ArrowException, OSError) as error:
        is_system = isinstance(error, OSError) and error.errno is not None  # these name their file
        path = None if is_system else unreadable(read_runs(request.runs))
        if path is None:
            raise
        raise broken(path, "a whole Parquet file", error) from error
