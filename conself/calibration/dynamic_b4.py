"""Dynamic B4: B4's prior anew before each step, by which it chooses best on a few labelled problems."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import fmean
from typing import ClassVar

from conself.agreement.comparison import Comparison
from conself.agreement.passing_matrix import PassingMatrix
from conself.calibration.verdicts import Verdicts
from conself.datasets.dataset import Dataset
from conself.rankings.b4_calibration import Prior, calibrate, share_right
from conself.records import Pool, Problem


@dataclass(frozen=True)
class DynamicB4:
    """Calibrates on ``problems`` labelled problems, which are never trained on (arXiv 2604.07864, 3.3).

    Grid and ties are those of :func:`conself.rankings.b4_calibration.calibrate`. Where none of the problems has a test
    the prior of the step before stays.

    Args:
        dataset: what is right of the problems that are trained on.
        comparison: when a value is the one that is expected.
        problems: how many labels are used; a job has to say the same number as ``labels``.

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
        """The data set's, of whose files the oracles are."""
        return self.dataset.fingerprint()

    def labelled(self, problems: Sequence[Problem], seed: int) -> list[Problem]:
        """The first by SHA-256 of (seed, id) among the problems of which it is known what is right.

        Raises:
            ValueError: there are too few.
        """
        known = [problem for problem in problems if problem.id in self._verdicts.known]
        if len(known) < self.problems:
            raise ValueError(
                f"testing.calibration.problems={self.problems}, and of {len(problems)} problems the data set knows of "
                f"{len(known)} what is right; lower labels, or choose another data set"
            )
        order = sorted(known, key=lambda p: hashlib.sha256(json.dumps(["labelled", seed, p.id]).encode()).digest())
        return order[: self.problems]

    def __call__(
        self, pools: Sequence[Pool], matrices: Mapping[str, PassingMatrix], previous: Prior, workers: int
    ) -> tuple[Prior, float]:
        """The best prior, and the mean share of its choices that are right."""
        if not matrices:
            return previous, 0.0
        correct = self._verdicts(pools, workers)
        prior = calibrate(matrices, correct, previous)
        return prior, fmean(float(share_right(matrix, correct[name], prior)) for name, matrix in matrices.items())
