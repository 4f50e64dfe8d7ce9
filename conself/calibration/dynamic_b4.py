"""Dynamic B4: before each step, choose the prior with which B4 does best on a few labelled problems."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import ClassVar

from conself.agreement.comparison import Comparison
from conself.agreement.passing_matrix import PassingMatrix
from conself.calibration.verdicts import Verdicts, drawn
from conself.datasets.dataset import Dataset
from conself.rankings.b4_calibration import Prior, calibrate, share_right
from conself.records import Pool, Problem


@dataclass(frozen=True)
class DynamicB4:
    """Calibrate B4 on ``problems`` labelled problems, which are never trained on (arXiv 2604.07864, 3.3).

    The grid and the tie-breaking are those of :func:`conself.rankings.b4_calibration.calibrate`. Where none of the
    problems has a test, the previous step's prior is kept.

    Args:
        dataset: holds the oracles of the training problems.
        comparison: decides when a value equals the expected one.
        problems: the number of labelled problems; a job has to set ``labels`` to the same number.

    Raises:
        ValueError: ``problems`` is below 1.
    """

    labels: ClassVar[str] = "calibration"

    dataset: Dataset
    comparison: Comparison
    problems: int

    def __post_init__(self) -> None:
        if self.problems < 1:
            raise ValueError(f"testing.calibration.problems must be at least 1, got {self.problems}; the paper has 10")

    @cached_property
    def _verdicts(self) -> Verdicts:
        return Verdicts(self.dataset, self.comparison)

    def fingerprint(self) -> str:
        """Return the fingerprint of the data set whose files hold the oracles."""
        return self.dataset.fingerprint()

    def labelled(self, problems: Sequence[Problem], seed: int) -> list[Problem]:
        """Return the first ``self.problems`` problems that have an oracle, ordered by SHA-256 of (seed, id).

        Raises:
            ValueError: too few problems have an oracle.
        """
        judged = {problem.id: problem for problem in problems if problem.id in self._verdicts.known}
        if len(judged) < self.problems:
            raise ValueError(
                f"testing.calibration.problems={self.problems}, and of {len(problems)} problems the data set knows of "
                f"{len(judged)} what is right; lower labels, or choose another data set"
            )
        return [judged[name] for name in drawn(judged, "labelled", seed, self.problems)]

    def __call__(
        self, pools: Sequence[Pool], matrices: Mapping[str, PassingMatrix], previous: Prior, workers: int
    ) -> tuple[Prior, float]:
        """Return the best prior, and the mean share in [0, 1] of the programs it chooses that are right."""
        if not matrices:
            return previous, 0.0
        correct = self._verdicts(pools, workers)
        prior = calibrate(matrices, correct, previous)
        return prior, fmean(float(share_right(matrix, correct[name], prior)) for name, matrix in matrices.items())
