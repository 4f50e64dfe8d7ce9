"""A data set with oracles as a benchmark."""

from collections.abc import Iterator
from dataclasses import dataclass

from conself.agreement.comparison import Comparison
from conself.benchmarks.task import Judge, Task
from conself.datasets.dataset import Dataset
from conself.datasets.validation import sift


@dataclass(frozen=True)
class DatasetBenchmark:
    """The usable problems of ``dataset``, judged by its oracles, with values compared under ``comparison``."""

    dataset: Dataset
    comparison: Comparison

    def __call__(self) -> Task:
        """Load the problems and their judge.

        Raises:
            ValueError: no problem is usable, or one has no oracle.
        """
        problems, dropped = sift(self.dataset())
        oracles = {oracle.problem_id: oracle for oracle in self.dataset.oracles()}
        missing = [problem.id for problem in problems if problem.id not in oracles]
        if missing:
            raise ValueError(
                f"{len(missing)} problems of the benchmark cannot be judged, {missing[0]} first: it has no oracle for "
                "all its inputs; take a data set with expected outputs or tests, and no cap on inputs (max_inputs)"
            )
        return Task(problems, Judge(oracles, self.comparison), dropped)

    def statements(self) -> Iterator[str]:
        """Yield the texts of the problems, which must not be trained on."""
        return self.dataset.statements()

    def wordings(self) -> Iterator[str]:
        """Yield the statements: other wordings of them are unknown."""
        return self.statements()

    def fingerprint(self) -> str:
        """Return the identity of the content of problems and oracles, which come from the same files."""
        return self.dataset.fingerprint()
