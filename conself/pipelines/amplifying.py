"""More inputs between two executions: proposed, run, and kept by agreement -> pools with the inputs that are kept.

A job without ``amplification`` never comes here: its stages and their keys are as if there were no such thing.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TypedDict

from omegaconf import DictConfig

from conself.agreement.comparison import Comparison
from conself.agreement.traces import trace_keys
from conself.amplifications.amplification import Amplification, NewInput
from conself.pipelines import stages
from conself.pipelines.context import Context
from conself.pipelines.pools import AgreedPools, Pools
from conself.pipelines.shards import SHARD, cut, write_shards
from conself.pipelines.stage import FromArtifacts, Summary, Work, stage
from conself.records import InputOrigin, Pool, Problem
from conself.results import names
from conself.runtime.console import say
from conself.runtime.parts import build
from conself.sandbox.jsonlines import Plain
from conself.store.artifacts import Artifact
from conself.store.tables import read_records, shard_ends, write_records, write_traces

ORIGINS = "origins"
"""Of a kept input: the own input that it was made from, and by which changes."""


def amplified(context: Context, config: DictConfig, pools: Pools) -> Pools:
    """The same candidates on their problems' own inputs and on those that ``config.amplification`` adds.

    The results take the names that pools have in a job; those on the own inputs alone are called ``own/...``.
    """
    own = stages.agree(context, names.own(names.AGREE), config.comparison, config.behaviour, pools)
    agreed = AgreedPools(pools, own)
    proposed = _propose(context, names.PROPOSE, config.amplification, agreed)
    traces = stages.execute(context, names.TRY, config.sandbox, proposed, pools.candidates)
    tried = Tried(proposed, traces)
    whole = _admit(context, names.AMPLIFY, config.amplification, config.comparison, agreed, tried)
    for name, first in ((names.PROBLEMS, pools.problems), (names.EXECUTE, pools.traces)):
        context.artifacts[names.own(name)] = first
        context.artifacts[name] = whole
    counts: AmplificationFigures = whole.summary()["amplification"]
    say(context.console, f"{counts['kept']} of {counts['proposed']} new inputs kept, {counts['own']} own ones")
    for reason, n in counts["left_out"].items():
        say(context.console, f"- {n} left out: {reason}")
    return Pools(whole, pools.candidates, whole)


class AmplificationFigures(TypedDict):
    """How many problems got new inputs, and how many inputs there are of each kind, by reason and by operator."""

    problems: int
    own: int
    proposed: int
    kept: int
    left_out: dict[str, int]
    operators: dict[str, int]


def amplification_figures(whole: Artifact) -> dict[str, Plain]:
    """What an amplification found and what it cost: ``amplification`` in results.json."""
    return dict(whole.summary()["amplification"])


def origins(whole: Artifact) -> dict[str, list[InputOrigin]]:
    """Problem id -> where each of its kept inputs comes from; own inputs are not among them."""
    found: dict[str, list[InputOrigin]] = {}
    for origin in read_records(whole.path, InputOrigin, ORIGINS):
        found.setdefault(origin.problem_id, []).append(origin)
    return found


@dataclass(frozen=True)
class Tried(FromArtifacts):
    """Proposed inputs, as problems that have no others, and what the candidates did on them."""

    proposed: Artifact
    traces: Artifact

    @property
    def artifacts(self) -> Mapping[str, Artifact]:
        """Both."""
        return {"proposed": self.proposed, "tried": self.traces}

    def pools(self, candidates: Artifact) -> Pools:
        """The candidates' pools on these inputs alone."""
        return Pools(self.proposed, candidates, self.traces)


@stage("propose", version=1)
def _propose(work: Work, amplification: DictConfig, agreed: AgreedPools) -> Summary:
    """New inputs -> problems-*.parquet, each problem with them alone; origins-*.parquet.

    A problem with fewer than two live candidates is left with none: nothing there could be told apart.
    """
    part = build(amplification, Amplification)
    problems: list[Problem] = []
    found: list[InputOrigin] = []
    counts = Counter[str]()
    for pool, agreement in agreed:
        new = part.propose(pool.problem) if agreement.n_alive > 1 else []
        counts["proposed"] += len(new)
        counts["problems"] += bool(new)
        problems.append(replace(pool.problem, inputs=tuple(each.text for each in new)))
        found += _origins(pool.problem, new)
    write_shards(work.folder, "problems", Problem, cut(problems))
    write_records(work.folder / f"{ORIGINS}.parquet", InputOrigin, found)
    return dict(counts)


def _origins(problem: Problem, new: Sequence[NewInput]) -> Iterator[InputOrigin]:
    return (InputOrigin(problem.id, index, each.parent, each.operators) for index, each in enumerate(new))


@stage("amplify", version=1)
def _admit(work: Work, amplification: DictConfig, comparison: DictConfig, agreed: AgreedPools, tried: Tried) -> Summary:
    """Own and kept inputs -> problems-*.parquet, traces-*.parquet, origins.parquet, as one pool has them.

    Summary: that of the problems, and ``amplification``: how many inputs there were, were proposed and are kept, why
    others are left out, kept ones by their first operator, and executions on all that were proposed.
    """
    part, rule = build(amplification, Amplification), build(comparison, Comparison)
    proposed, counts = origins(tried.proposed), _Counts()
    kept: list[InputOrigin] = []
    both = zip(agreed, tried.pools(agreed.pools.candidates), strict=True)
    for end in shard_ends(agreed.pools.problems.path, "problems"):
        problems, traces = [], []
        for (pool, agreement), new in islice(both, SHARD):
            reasons = part.admit(agreement, trace_keys(new, rule)) if new.problem.inputs else []
            places = [place for place, reason in enumerate(reasons) if reason is None]
            whole = joined(pool, new, places)
            problems.append(whole.problem)
            traces.append(list(whole.traces))
            first = len(pool.problem.inputs)
            sources = [proposed[pool.problem.id][place] for place in places]
            kept += [replace(source, index=first + number) for number, source in enumerate(sources)]
            counts.add(pool, reasons, sources)
        write_records(work.folder / f"problems{end}", Problem, problems)
        write_traces(work.folder / f"traces{end}", traces, {})
    write_records(work.folder / f"{ORIGINS}.parquet", InputOrigin, kept)
    executions = tried.traces.summary()["executions"]
    return {**agreed.pools.problems.summary(), "amplification": {**counts.figures(), "executions": executions}}


def joined(pool: Pool, new: Pool, places: Sequence[int]) -> Pool:
    """A pool with some of another pool's inputs after its own, and what the candidates did on them."""
    inputs = (*pool.problem.inputs, *(new.problem.inputs[place] for place in places))
    traces = [
        replace(own, outcomes=(*own.outcomes, *(other.outcomes[place] for place in places)))
        for own, other in zip(pool.traces, new.traces, strict=True)
    ]
    return Pool(replace(pool.problem, inputs=inputs), pool.candidates, traces)


@dataclass
class _Counts:
    """Counts of inputs over problems."""

    problems: int = 0
    inputs: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    operators: Counter[str] = field(default_factory=Counter)

    def add(self, pool: Pool, reasons: Sequence[str | None], sources: Sequence[InputOrigin]) -> None:
        """Count one problem's inputs: why each new one is left out, and where the kept ones come from."""
        self.problems += bool(sources)
        self.inputs += Counter({"own": len(pool.problem.inputs), "proposed": len(reasons), "kept": len(sources)})
        self.left_out.update(reason for reason in reasons if reason is not None)
        self.operators.update(source.operators[0] for source in sources)

    def figures(self) -> AmplificationFigures:
        """All of them as plain data."""
        return {
            "problems": self.problems,
            "own": self.inputs["own"],
            "proposed": self.inputs["proposed"],
            "kept": self.inputs["kept"],
            "left_out": dict(self.left_out.most_common()),
            "operators": dict(self.operators.most_common()),
        }
