"""Show the progress of a job: a bar on a terminal; elsewhere, in a log or a pipe, a line every few seconds.

Stages may be nested: the innermost one is shown. A thread prints the current counts, so that a line appears on time
even during one long task.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import timedelta
from types import TracebackType
from typing import Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from conself.runtime.console import say
from conself.sandbox.terminal import every

SECONDS = 20.0
"""From one line to the next."""

Item = TypeVar("Item")
_under_way: list[Callable[[], object]] = []  # from the outermost to the innermost


@contextmanager
def repeated(act: Callable[[], object]) -> Iterator[None]:
    """Call ``act`` every ``SECONDS`` until the block ends, except while an inner block has its own."""
    _under_way.append(act)
    try:
        with every(SECONDS, _innermost) if len(_under_way) == 1 else nullcontext():
            yield
    finally:
        _under_way.remove(act)


def _innermost() -> None:
    for act in _under_way[-1:]:
        act()


@contextmanager
def working(console: Console, label: str) -> Iterator[None]:
    """Without a terminal, print every ``SECONDS`` that ``label`` is running, for work without counts."""
    start = time.monotonic()
    with nullcontext() if console.is_terminal else repeated(lambda: say(console, f"{label}: {_since(start)} so far")):
        yield


class Meter:
    """Counts up to ``total`` of ``noun``, and the ``unit`` per second; shown while a ``with`` block runs.

    Without a terminal the last line is printed when the block ends, unless nothing was counted.
    """

    def __init__(self, console: Console, label: str, total: int, noun: str, unit: str) -> None:
        self.note = ""
        """Free text that goes with the rate."""
        self._console, self._label, self._total, self._noun, self._unit = console, label, total, noun, unit
        self._done, self._skipped, self._amount = 0, 0, 0.0
        self._start = time.monotonic()
        self._bar = _bar(console) if console.is_terminal else None
        self._task = None if self._bar is None else self._bar.add_task(label, total=total, rate="")
        self._telling: AbstractContextManager[None] = (
            nullcontext() if self._bar is not None or console.quiet else repeated(self._say)
        )

    def __enter__(self) -> Self:
        self._start = time.monotonic()
        if self._bar is not None:
            self._bar.start()
        self._telling.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._telling.__exit__(kind, error, tb)
        if self._bar is not None:
            self._bar.stop()
        elif self._done:
            self._say()

    def add(self, done: int = 1, amount: float | None = None) -> None:
        """Count ``done`` more, with ``amount`` of the unit (by default the same number)."""
        self._done += done
        self._amount += done if amount is None else amount
        self._show()

    def skip(self, done: int) -> None:
        """Count ``done`` more that existed already: they do not affect the rate and the time left."""
        self._skipped += done
        self._done += done
        self._show()

    def each(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield the items, counting each when the next is requested."""
        for item in items:
            yield item
            self.add()

    def text(self) -> str:
        """Return the line: label, count, rate, time so far and time left; no rate before the first one is done."""
        seconds, new = time.monotonic() - self._start, self._done - self._skipped
        count = f"{self._label}: {self._done:,}/{self._total:,} {self._noun}"
        if not new:
            return ", ".join(filter(None, [count, "none done yet", self.note, f"{_since(self._start)} so far"]))
        left = timedelta(seconds=round((self._total - self._done) * seconds / new))
        return f"{count}, {self._rate()}, {_since(self._start)} so far, {left} left"

    def _rate(self) -> str:
        rate = self._amount / max(time.monotonic() - self._start, 1e-3)
        number = f"{rate:,.0f}" if rate >= 10 or rate == 0 else f"{rate:.2g}"
        return " ".join(filter(None, [f"{number} {self._unit}/s", self.note]))

    def _show(self) -> None:
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=self._done, rate=self._rate())

    def _say(self) -> None:
        say(self._console, self.text())


def _since(start: float) -> str:
    return str(timedelta(seconds=round(time.monotonic() - start)))


def _bar(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<22}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:>16}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
    )
