"""The artifacts of one round, as records; what each is called stands in :mod:`conself.results.names`."""

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
    """A pool and what is known of it: agreement, the metric that drives the curriculum, the reported metrics.

    ``own`` is the pool on its problems' own inputs, of which alone it may be known what is right; ``pools``, to which
    all else belongs, has more of them where the job amplifies. ``passing`` is there where the problems have generated
    tests.
    """

    own: Pools
    pools: Pools
    agreement: Artifact
    driver: Artifact
    scores: Mapping[str, Artifact]
    passing: Artifact | None = None

    @property
    def agreed(self) -> AgreedPools:
        """The pools with what their candidates agree on."""
        return AgreedPools(self.pools, self.agreement, self.passing)

    def named(self) -> dict[str, Artifact]:
        """The artifacts by name."""
        found = {
            names.PROBLEMS: self.pools.problems,
            names.SAMPLE: self.pools.candidates,
            names.EXECUTE: self.pools.traces,
            names.AGREE: self.agreement,
            names.DRIVER: self.driver,
        }
        if self.passing is not None:
            found[names.PASS] = self.passing
        if self.own is not self.pools:
            found |= {names.own(names.PROBLEMS): self.own.problems, names.own(names.EXECUTE): self.own.traces}
        return found | {names.scored(metric): artifact for metric, artifact in self.scores.items()}


@dataclass(frozen=True)
class Paired:
    """What is trained on: the kept problems and their pairs; the pairs whose number was taken over, where one was."""

    selection: Artifact
    pairs: Artifact
    matched: Artifact | None

    def named(self) -> dict[str, Artifact]:
        """The artifacts by name."""
        found = {names.SELECT: self.selection, names.PAIR: self.pairs}
        return found | ({} if self.matched is None else {names.matched(names.PAIR): self.matched})


@dataclass(frozen=True)
class Round:
    """A whole round: what it measured, paired and fitted, and how the model answers benchmarks before and after."""

    measured: Measured
    paired: Paired
    fitted: Artifact
    base: Mapping[str, Answered]
    tuned: Mapping[str, Answered]
    verified: Artifact

    def named(self) -> dict[str, Artifact]:
        """The artifacts by name."""
        found = {**self.measured.named(), **self.paired.named(), names.FIT: self.fitted, names.VERIFY: self.verified}
        for who, answers in (("base", self.base), ("tuned", self.tuned)):
            for benchmark, answered in answers.items():
                found |= answered.named(benchmark, who)
        return found


def scores_of(scored: Artifact) -> list[Uncertainty]:
    """The values of a ``score`` artifact, in the order of the problems."""
    return read_records(scored.path, Uncertainty, "uncertainty")
