"""The contract of calibrations: the one way in which a training may learn what is right of a few problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol

from conself.agreement.passing_matrix import PassingMatrix
from conself.rankings.b4_calibration import Prior
from conself.records import Pool, Problem


class Calibration(Protocol):
    """Chooses B4's prior before each step, by verdicts on the programs of a few problems that are never trained on.

    ``labels`` is what a job has to say to use it (:mod:`conself.app.labels`); the verdicts themselves do not leave it.
    """

    labels: ClassVar[str]

    def fingerprint(self) -> str:
        """What is known to be right, and of which data set."""
        ...

    def labelled(self, problems: Sequence[Problem], seed: int) -> list[Problem]:
        """The problems that it goes by, chosen among those of the training by ``seed``.

        Raises:
            ValueError: there are too few of which it is known what is right.
        """
        ...

    def __call__(
        self, pools: Sequence[Pool], matrices: Mapping[str, PassingMatrix], previous: Prior, workers: int
    ) -> tuple[Prior, float]:
        """The prior, and the mean share of the programs chosen by it that are right, in [0, 1].

        Args:
            pools: programs of the labelled problems, with traces.
            matrices: problem id -> which of its programs passes which generated test; without those that have no tests.
            previous: the prior of the step before.
            workers: processes of the sandbox where judging takes some.
        """
        ...
