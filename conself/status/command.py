"""Show the status of the jobs of a store.

The command reads the store and its locks and writes nothing, so it works during a job, after a kill, or on a copy.
"""

import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table

from conself.runtime.console import new_console, say, show_table
from conself.store.status import Making, StoreStatus, status_of

USAGE = "usage: conself status [artifacts=DIR]"


def parse(words: Sequence[str]) -> Path:
    """Return the folder that the arguments of the command name; ``artifacts`` if there are none.

    Raises:
        ValueError: there are several arguments, or the argument is not ``artifacts=DIR``.
    """
    if not words:
        return Path("artifacts")
    key, _, value = words[0].partition("=")
    if len(words) > 1 or key != "artifacts" or not value:
        raise ValueError(f"{' '.join(words)!r} is not artifacts=DIR; {USAGE}")
    return Path(value).expanduser()


def show(console: Console, root: Path, status: StoreStatus, now: float) -> None:
    """Print unfinished artifacts, with machines and waiting jobs, and counts of finished ones; ``now``: time.time()."""
    if status.making:
        table = Table(title=f"Not finished in {root}")
        for column in ("stage", "key", "state", "by", "on disk", "last change"):
            table.add_column(column, no_wrap=True)
        for row in status.making:
            ago = "-" if row.changed is None else _ago(row.changed, now)
            table.add_row(row.stage, row.key[:12], row.state, str(row.owner or "-"), row.done, ago)
        show_table(console, table)
    for row in status.making:
        _tell(console, row, now)
    total = ", ".join(f"{number} {name}" for name, number in status.finished.items())
    say(console, f"finished: {total or 'nothing'}")


def _tell(console: Console, made: Making, now: float) -> None:
    name = f"{made.stage} {made.key[:12]}"
    for tally, when in made.machines:
        say(console, f"{name}, {_ago(when, now)}: {tally}")
    for other in made.waiting:
        say(console, f"{name}: {other} waits for it")
    if made.error is not None:
        say(console, f"{name} failed: {made.error.splitlines()[0]}")


def _ago(when: float, now: float) -> str:
    return f"{timedelta(seconds=round(max(now - when, 0)))} ago"


def main() -> None:
    """Show the status of one store; raise SystemExit(2) if there is no store, or the arguments are invalid."""
    if {"-h", "--help"} & set(sys.argv[1:]):
        print(USAGE)
        return
    try:
        root = parse(sys.argv[1:])
        status = status_of(root)
    except (ValueError, OSError) as error:
        say(new_console(stderr=True), str(error), "error:", "bold red")
        raise SystemExit(2) from None
    show(new_console(), root, status, time.time())
