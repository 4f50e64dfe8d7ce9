"""The artifacts of one round, as records; :mod:`conself.results.names` has their names."""

from collections.abc import Mapping
from dataclasses import dataclass

from conself.pipelines.pools import AgreedPools, Pools
from conself.records import Uncertainty
from conself.results import names
from conself.results.benchmarks import Answered
from conself.store.artifacts import Artifact
from conself.store.tables import read_records


@dataclass(frozen=True)
class Measured:
    """Pools with their agreement, the scores of the driving metric, and those of the reported metrics.

    ``own`` holds the pools on the problems' original inputs, the only ones with known outputs. Everything else belongs
    to ``pools``, which has further inputs if the job amplifies. ``passing`` is set if problems have generated tests.
    """

    own: Pools
    pools: Pools
    agreement: Artifact
    driver: Artifact
    scores: Mapping[str, Artifact]
    passing: Artifact | None = None

    @property
    def agreed(self) -> AgreedPools:
        """The pools with the agreement of their candidates."""
        return AgreedPools(self.pools, self.agreement, self.passing)

    def named(self) -> dict[str, Artifact]:
        """Return the artifacts by name."""
        artifacts = {
            names.PROBLEMS: self.pools.problems,
            names.SAMPLE: self.pools.candidates,
            names.EXECUTE: self.pools.traces,
            names.AGREE: self.agreement,
            names.DRIVER: self.driver,
        }
        if self.passing is not None:
            artifacts[names.PASS] = self.passing
        if self.own is not self.pools:
            artifacts |= {names.own(names.PROBLEMS): self.own.problems, names.own(names.EXECUTE): self.own.traces}
        return artifacts | {names.scored(metric): artifact for metric, artifact in self.scores.items()}


@dataclass(frozen=True)
class Paired:
    """The kept problems and their pairs; ``matched`` holds the pairs whose number was to be met, if any."""

    selection: Artifact
    pairs: Artifact
    matched: Artifact | None

    def named(self) -> dict[str, Artifact]:
        """Return the artifacts by name."""
        artifacts = {names.SELECT: self.selection, names.PAIR: self.pairs}
        return artifacts | ({} if self.matched is None else {names.matched(names.PAIR): self.matched})


@dataclass(frozen=True)
class Round:
    """A finished round: measurements, pairs, fit, and the answers to benchmarks before and after training."""

    measured: Measured
    paired: Paired
    fitted: Artifact
    base: Mapping[str, Answered]
    tuned: Mapping[str, Answered]
    verified: Artifact

    def named(self) -> dict[str, Artifact]:
        """Return the artifacts by name."""
        artifacts = {
            **self.measured.named(),
            **self.paired.named(),
            names.FIT: self.fitted,
            names.VERIFY: self.verified,
        }
        for variant, answers in (("base", self.base), ("tuned", self.tuned)):
            for benchmark, answered in answers.items():
                artifacts |= answered.named(benchmark, variant)
        return artifacts


def scores_of(scored: Artifact) -> list[Uncertainty]:
    """Read the values of a ``score`` artifact, in the order of the problems."""
    return read_records(scored.path, Uncertainty, "uncertainty")
