"""The embedded world's held-out problems as a benchmark."""

from collections.abc import Iterator
from dataclasses import dataclass

from conself.agreement.comparison import Comparison
from conself.benchmarks.task import Judge, Task
from conself.minipy.splits import fingerprint, split


@dataclass(frozen=True)
class MiniPyBenchmark:
    """``size`` problems of a split, the same for the same ``seed``; judged on all inputs of each problem.

    Raises:
        ValueError: unknown split, or a size below 1.
    """

    split: str
    size: int
    seed: int
    comparison: Comparison

    def __call__(self) -> Task:
        """The problems and their judge."""
        pairs = split(self.split, self.size, self.seed)
        return Task([problem for problem, _ in pairs], Judge({o.problem_id: o for _, o in pairs}, self.comparison), {})

    def statements(self) -> Iterator[str]:
        """None: a split shares no composition with another, but a longer composition may contain a shorter one's."""
        return iter(())

    def fingerprint(self) -> str:
        """Identity of the content of problems and oracles: it follows the generator's code, not only these settings."""
        return fingerprint(split(self.split, self.size, self.seed))
