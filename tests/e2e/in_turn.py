"""An executor for whom no process is started: all tasks in turn, in the process of the job."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

import torch


@dataclass(frozen=True)
class InTurn:
    """``workers`` it says only because samplers and machines are cut by them."""

    workers: int
    threads: int

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """There is nothing to end."""

    def run(self, function: Callable[..., Iterable[Any]], tasks: Iterable[tuple[Any, ...]]) -> Iterator[Any]:
        before = torch.get_num_threads()
        torch.set_num_threads(self.threads)
        try:
            for task in tasks:
                yield from function(*task)
        finally:
            torch.set_num_threads(before)

    def sized(self, workers: int, threads: int = 1) -> Self:
        return replace(self, workers=workers, threads=threads)

    def machines(self) -> Self:
        return replace(self, workers=2, threads=1)

    def warm(self, modules: Sequence[str]) -> None:
        """There is nobody to be warmed."""

    def release(self) -> None:
        """There is nothing to give back."""

    def release_others(self) -> None:
        """Nor here."""
