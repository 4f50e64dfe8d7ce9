"""The interface of calibrations: the only way for a training run to use the oracles of a few problems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol

from conself.agreement.passing_matrix import PassingMatrix
from conself.rankings.b4_calibration import Prior
from conself.records import Pool, Problem


class Calibration(Protocol):
    """Choose B4's prior before each step, by verdicts on programs of a few problems that are never trained on.

    ``labels`` is what a job has to set to use it (:mod:`conself.app.labels`); the verdicts themselves stay inside.
    """

    labels: ClassVar[str]

    def fingerprint(self) -> str:
        """Return the identity of the oracles and of their data set."""
        ...

    def labelled(self, problems: Sequence[Problem], seed: int) -> list[Problem]:
        """Return the problems to calibrate on, chosen by ``seed`` among those of the training run.

        Raises:
            ValueError: too few problems have an oracle.
        """
        ...

    def __call__(
        self, pools: Sequence[Pool], matrices: Mapping[str, PassingMatrix], previous: Prior, workers: int
    ) -> tuple[Prior, float]:
        """Return the prior, and the mean share of the programs it chooses that are right, in [0, 1].

        Args:
            pools: programs of the labelled problems, with traces.
            matrices: problem id -> which of its programs passes which generated test; only problems with tests.
            previous: the prior of the previous step.
            workers: the number of sandbox processes, where judging needs them.
        """
        ...
