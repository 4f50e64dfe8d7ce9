"""Amplify pools: propose further inputs, run the candidates on them, and keep those that the agreement admits.

A job without ``amplification`` does not call this module: its stages and keys are unaffected.
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
    """Extend pools by the inputs that ``config.amplification`` adds; the candidates stay the same.

    The results take the usual names of a job's pools; results on the original inputs alone are named ``own/...``.
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
    """Counts of problems with new inputs, and of inputs by kind, by reason for leaving them out and by operator."""

    problems: int
    own: int
    proposed: int
    kept: int
    left_out: dict[str, int]
    operators: dict[str, int]


def amplification_figures(whole: Artifact) -> dict[str, Plain]:
    """Return the ``amplification`` entry of results.json: counts of inputs, and executions spent."""
    return dict(whole.summary()["amplification"])


def origins(whole: Artifact) -> dict[str, list[InputOrigin]]:
    """Map each problem id to the origins of its added inputs; original inputs are not listed."""
    by_problem: dict[str, list[InputOrigin]] = {}
    for origin in read_records(whole.path, InputOrigin, ORIGINS):
        by_problem.setdefault(origin.problem_id, []).append(origin)
    return by_problem


@dataclass(frozen=True)
class Tried(FromArtifacts):
    """Proposed inputs, as problems with these inputs alone, and the candidates' traces on them."""

    proposed: Artifact
    traces: Artifact

    @property
    def artifacts(self) -> Mapping[str, Artifact]:
        """Both."""
        return {"proposed": self.proposed, "tried": self.traces}

    def pools(self, candidates: Artifact) -> Pools:
        """Return the candidates' pools on the proposed inputs alone."""
        return Pools(self.proposed, candidates, self.traces)


@stage("propose", version=1)
def _propose(work: Work, amplification: DictConfig, agreed: AgreedPools) -> Summary:
    """Propose new inputs -> problems-*.parquet, each problem with its new inputs alone; origins-*.parquet.

    A problem with fewer than two live candidates gets none: there is nothing to distinguish.
    """
    part = build(amplification, Amplification)
    problems: list[Problem] = []
    input_origins: list[InputOrigin] = []
    counts = Counter[str]()
    for pool, agreement in agreed:
        new = part.propose(pool.problem) if agreement.n_alive > 1 else []
        counts["proposed"] += len(new)
        counts["problems"] += bool(new)
        problems.append(replace(pool.problem, inputs=tuple(each.text for each in new)))
        input_origins += _origins(pool.problem, new)
    write_shards(work.folder, "problems", Problem, cut(problems))
    write_records(work.folder / f"{ORIGINS}.parquet", InputOrigin, input_origins)
    return dict(counts)


def _origins(problem: Problem, new: Sequence[NewInput]) -> Iterator[InputOrigin]:
    return (InputOrigin(problem.id, index, each.parent, each.operators) for index, each in enumerate(new))


@stage("amplify", version=1)
def _admit(work: Work, amplification: DictConfig, comparison: DictConfig, agreed: AgreedPools, tried: Tried) -> Summary:
    """Join original and admitted inputs -> problems-*.parquet, traces-*.parquet, origins.parquet.

    Summary: that of the problems, and ``amplification``: counts of original, proposed and kept inputs, of rejections
    by reason, of kept inputs by first operator, and of executions on all proposed inputs.
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
    """Append the inputs of ``new`` at ``places``, with the candidates' outcomes on them, to a pool."""
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
        """Count one problem's inputs: the reason against each new one (None: kept), and the kept ones' origins."""
        self.problems += bool(sources)
        self.inputs += Counter({"own": len(pool.problem.inputs), "proposed": len(reasons), "kept": len(sources)})
        self.left_out.update(reason for reason in reasons if reason is not None)
        self.operators.update(source.operators[0] for source in sources)

    def figures(self) -> AmplificationFigures:
        """Return all counts as plain data."""
        return {
            "problems": self.problems,
            "own": self.inputs["own"],
            "proposed": self.inputs["proposed"],
            "kept": self.inputs["kept"],
            "left_out": dict(self.left_out.most_common()),
            "operators": dict(self.operators.most_common()),
        }
