"""The embedded world's held-out problems as a benchmark."""

from collections.abc import Iterator
from dataclasses import dataclass

from conself.agreement.comparison import Comparison
from conself.benchmarks.task import Judge, Task
from conself.minipy.compositions import reference_program
from conself.minipy.reading import chain_of, wordings
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
        """Load the problems and their judge."""
        pairs = split(self.split, self.size, self.seed)
        programs = {problem.id: reference_program(chain_of(problem)) for problem, _ in pairs}
        judge = Judge({oracle.problem_id: oracle for _, oracle in pairs}, self.comparison)
        return Task([problem for problem, _ in pairs], judge, {}, programs)

    def statements(self) -> Iterator[str]:
        """Yield nothing: splits share no composition, though a longer composition may contain a shorter one's."""
        return iter(())

    def wordings(self) -> Iterator[str]:
        """Yield all statements of each problem's chain, so that a model's own problem is recognised by its words."""
        for problem, _ in split(self.split, self.size, self.seed):
            yield from wordings(chain_of(problem))

    def fingerprint(self) -> str:
        """Return the identity of the content of problems and oracles, which depends on the generator's code as well."""
        return fingerprint(split(self.split, self.size, self.seed))
