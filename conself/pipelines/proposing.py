"""The stage in which a model writes its own problems: asked in waves, each reply on disk as soon as it is there."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

from omegaconf import DictConfig

from conself.engines.engine import Complete, Demand, Engine, Reply
from conself.pipelines.contamination import Statements
from conself.pipelines.context import Context, give_back, tell
from conself.pipelines.sampling import sample_into
from conself.pipelines.shards import cut, write_shards
from conself.pipelines.stage import Summary, Work, stage
from conself.proposers.claims import write_claims
from conself.proposers.proposal import Answered, Brief, Dropped, Proposal, ProposalRow, row_of
from conself.proposers.proposer import Proposer
from conself.proposers.sieve import signature_of, signatures_in
from conself.records import Candidate, ModelRef, Problem
from conself.results import names
from conself.runtime.console import say
from conself.runtime.parts import build
from conself.samplers.sampler import Asking, Sampler
from conself.sandbox.jsonlines import Json
from conself.store.artifacts import Artifact
from conself.store.keys import Identified, located, plain
from conself.store.tables import read_records, write_records

_HOPELESS = 200
"""Asks without a problem after which there is no other wave: at a yield of 1 %, six of seven jobs would see one."""


@dataclass(frozen=True)
class Proposing(Identified):
    """A proposer with the engine that it asks, and the model that the engine draws from."""

    node: DictConfig
    engine: DictConfig
    part: Proposer
    asked: Engine
    model: ModelRef

    @classmethod
    def of(cls, config: DictConfig, model: ModelRef) -> Self:
        """Build the parts that a job's config names."""
        node, engine = config.proposer, config.engine
        return cls(node, engine, build(node, Proposer), build(engine, Engine), model)

    @property
    def identity(self) -> Json:
        """Settings of proposer and engine, and fingerprints of the files that the proposer reads and of the model."""
        return {
            "settings": located(self.node),
            "content": self.part.fingerprint(),
            "engine": plain(self.engine),
            "model": self.asked.fingerprint(self.model),
        }


@dataclass(frozen=True)
class _Chains(Sampler):
    """A proposer as a sampler: briefs are passed to an engine as problems, and answers returned as candidates."""

    proposer: Proposer

    @property
    def demand(self) -> Demand:
        """The proposer's demand."""
        return self.proposer.demand

    def __call__(self, problems: Sequence[Problem], complete: Complete) -> Iterator[list[Candidate]]:
        """Yield the answers to each brief; ``observation`` holds the step."""
        briefs = [_brief(problem) for problem in problems]
        for brief, answered in zip(briefs, self.proposer(briefs, complete), strict=True):
            yield [_candidate(brief, place, each) for place, each in enumerate(answered)]


def _asked(brief: Brief) -> Problem:
    """Convert a brief to a problem, the form that engines accept."""
    return Problem(brief.id, brief.topic, brief.material or "", None, (), brief.category, "")


def _brief(problem: Problem) -> Brief:
    return Brief(problem.id, problem.statement, problem.source, problem.starter_code or None)


def _candidate(brief: Brief, place: int, answered: Answered) -> Candidate:
    reply = answered.reply
    means = (reply.mean_nll, reply.mean_token_entropy, None)
    return Candidate(brief.id, place, answered.step, reply.text, None, reply.finish_reason, *means, reply.n_tokens)


def _answered(candidate: Candidate) -> Answered:
    means = (candidate.mean_nll, candidate.mean_token_entropy)
    reply = Reply(candidate.text, candidate.finish_reason, *means, candidate.n_tokens)
    return Answered(str(candidate.observation), reply)


def propose(context: Context, proposing: Proposing, statements: Statements) -> Artifact:
    """Let the model propose problems; any whose statement contains one of ``statements`` is dropped.

    Raises:
        ValueError: no problem is left; the message counts the reasons. The replies stay in the store.
    """
    proposals = _propose(context, names.PROPOSALS, proposing, statements)
    summary = proposals.summary()
    if proposals.reused:
        _show(context, summary)
    if not summary["problems"]:
        reasons = ", ".join(f"{n} {reason}" for reason, n in summary["dropped"].items())
        raise ValueError(
            f"none of {summary['asks']} asks gave a problem ({reasons}): read the replies in {proposals.path}; then "
            "choose a model that keeps to the form that it is asked for, another proposer (model=minipy_roles has its "
            "own: proposer=minipy), or proposer.min_rating=null"
        )
    return proposals


@stage("propose", version=3)
def _propose(work: Work, proposer: Proposing, statements: Statements) -> Summary:
    """Ask in waves until there are enough problems, or no asks left -> replies*-*.parquet and problems-*.parquet.

    Also written: proposals.parquet (every ask, and why it gave no problem), generated_tests.parquet (claimed outputs).
    """
    give_back()
    part = proposer.part
    read: list[Proposal] = []
    sifted: list[Proposal] = []
    tokens, wave, resumed = 0, 0, Counter[str]()
    while (size := next_wave(part, sifted)) > 0:
        briefs = part.briefs(len(read), size)
        name = f"replies{wave:03d}"
        sampler = Asking(_Chains(part), proposer.asked)
        asked = (work.folder, name, "proposing", sampler, proposer.model, [_asked(brief) for brief in briefs])
        resumed.update(sample_into(work.context, *asked))
        replies = read_records(work.folder, Candidate, name)
        tokens += sum(reply.n_tokens for reply in replies)
        read += _read(part, briefs, replies)
        sifted = part.sieve(read, statements.texts, part.problems)
        wave += 1
    summary = _write(work, sifted, statements)
    _show(work.context, {**summary, "tokens": tokens})
    return {**summary, "tokens": tokens, "waves": wave, **resumed}


def next_wave(proposer: Proposer, sifted: Sequence[Proposal]) -> int:
    """Return the number of asks in the next wave: enough at the yield so far, at most ``max_asks`` in all.

    0 if the waves so far gave nothing in two hundred asks or more: the next ones would not either. The number depends
    only on the asks so far, so that a job resumed after a kill asks the same.
    """
    kept = sum(proposal.reason is None for proposal in sifted)
    if not kept and len(sifted) >= _HOPELESS:
        return 0
    missing = proposer.problems - kept
    wanted = missing if not kept else -(-missing * len(sifted) // kept)
    return min(max(wanted, 0), proposer.max_asks - len(sifted))


def _read(proposer: Proposer, briefs: Sequence[Brief], replies: Sequence[Candidate]) -> list[Proposal]:
    """Read the proposal of each brief from the replies."""
    by_brief: dict[str, list[Answered]] = {brief.id: [] for brief in briefs}
    for reply in replies:
        by_brief[reply.problem_id].append(_answered(reply))
    return [proposer.read(brief, by_brief[brief.id]) for brief in briefs]


def _write(work: Work, proposals: Sequence[Proposal], statements: Statements) -> dict[str, Json]:
    """Write the tables; return their part of the summary."""
    theirs = signatures_in(text for texts in statements.texts.values() for text in texts)
    rows = [row_of(p, p.problem is not None and signature_of(p.problem) in theirs) for p in proposals]
    kept = [p for p in proposals if p.reason is None and p.problem is not None]
    problems = [p.problem for p in kept if p.problem is not None]
    write_records(work.folder / "proposals.parquet", ProposalRow, rows)
    write_claims(work.folder, (test for p in kept for test in p.tests))
    write_shards(work.folder, "problems", Problem, cut(problems))
    rejected = Counter[str]()
    for proposal in proposals:
        rejected.update({reason.value: n for reason, n in proposal.rejected.items()})
    dropped = Counter(p.reason.value for p in proposals if p.reason is not None)
    whole = sum(p.problem is not None and p.reason not in _BEFORE for p in proposals)
    return {
        "asks": len(proposals),
        "problems": len(problems),
        "dropped": {reason.value: dropped[reason.value] for reason in Dropped if dropped[reason.value]},
        "contamination_rate": dropped[Dropped.CONTAMINATED.value] / whole if whole else None,
        "same_signature": sum(row.same_signature for row in rows if row.reason is None),
        "inputs": sum(len(problem.inputs) for problem in problems),
        "tests_rejected": dict(rejected),
    }


_BEFORE = (Dropped.TOO_FEW_INPUTS, Dropped.UNUSABLE)
"""Reasons for dropping problems before they are compared with benchmarks."""


def _show(context: Context, summary: Mapping[str, Any]) -> None:
    tell(context, f"{summary['problems']} problems from {summary['asks']} asks", summary["dropped"])
    rate, same = summary["contamination_rate"], summary["same_signature"]
    if rate is not None:
        say(
            context.console,
            f"contaminated: {rate:.1%} of whole problems; with a benchmark's signature, and kept: {same}",
        )
