"""Three problems that a run trained on: pool, clusters, pairs, and the greedy answer before and after.

``python -m experiments.real_backbone.case_study RUN --out FILE.md``; RUN is the folder of a finished run whose store is
still there. Every problem it has pairs of is answered by the base and by the tuned model. The first three problems of
different kinds are shown, in the order of the data set: one whose winner is right and every loser wrong, one whose
winner is wrong, and one whose answer changed sides. Statements are left out: ids name them.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

import conself.app.job  # noqa: F401  # its resolvers are named in conf/
from conself.agreement.traces import Agreement
from conself.curricula.selection import normalise
from conself.models.transformers import tuned_model
from conself.pipelines.answering import answering_engine
from conself.pipelines.parts import asking
from conself.pipelines.pools import shards_of
from conself.rankings.consensus import consensus_scores
from conself.records import Candidate, ModelRef, Pool, PreferencePair, Uncertainty
from conself.runtime.parts import build
from conself.store.tables import read_records, read_verdicts
from experiments.real_backbone.pool import verdicts

LONGEST = 60
"""Lines of a program that are shown."""


@dataclass(frozen=True)
class Case:
    """A problem that was trained on; ``passed`` is per candidate, ``before`` and ``after`` are greedy answers."""

    pool: Pool
    agreement: Agreement
    passed: Sequence[bool]
    entropy: float | None
    pairs: Sequence[PreferencePair]
    before: tuple[Candidate, bool]
    after: tuple[Candidate, bool]

    @property
    def winner(self) -> int:
        """The candidate that the pairs prefer."""
        return self.pairs[0].chosen_index


KINDS: dict[str, Callable[[Case], bool]] = {
    "the winner is right and every loser wrong": lambda case: (
        case.passed[case.winner]
        and all(p.rejected_index is not None and not case.passed[p.rejected_index] for p in case.pairs)
    ),
    "the winner is wrong": lambda case: not case.passed[case.winner],
    "the greedy answer changed sides": lambda case: case.before[1] != case.after[1],
}


def cases_of(run: Path) -> list[Case]:
    """Return every problem that a run has pairs of, answered anew by both models, in the order of the data set."""
    config, made = OmegaConf.load(run / "config.yaml"), run / "artifacts"
    assert isinstance(config, DictConfig)
    if not (made / "pair").is_dir():
        raise SystemExit(f"error: {made} has no pairs: give the folder of a finished run of one round, with its store")
    pairs: dict[str, list[PreferencePair]] = {}
    for pair in read_records(made / "pair", PreferencePair, "pairs"):
        pairs.setdefault(pair.problem_id, []).append(pair)
    passed = {verdict.problem_id: verdict.passed for verdict in read_verdicts(made / "verify" / "verdicts.jsonl")}
    _, _, entropies = normalise(read_records(made / "score/driver", Uncertainty, "uncertainty"))
    found: list[tuple[Pool, Agreement]] = []
    for shard in shards_of(made / "problems", "candidates", made / "sample", made / "execute", made / "agree"):
        agreed = shard.agreed()
        found += [(pool, agreed[pool.problem.id]) for pool in shard.read() if pool.problem.id in pairs]
    base = build(config.model, ModelRef)
    sides = [answered(config, [pool for pool, _ in found], m) for m in (base, tuned_model(base, made / "fit"))]
    return [
        Case(
            pool,
            agreement,
            passed[pool.problem.id],
            entropies.get(pool.problem.id),
            pairs[pool.problem.id],
            *(side[pool.problem.id] for side in sides),
        )
        for pool, agreement in found
    ]


def answered(config: DictConfig, pools: Sequence[Pool], model: ModelRef) -> dict[str, tuple[Candidate, bool]]:
    """Return each problem's greedy answer and whether it passes the data set's tests."""
    asked = asking(config.decoder, answering_engine(config)).settled(model)
    problems = [pool.problem for pool in pools]
    answers = [group[0] for group in asked(problems, model)]
    right = verdicts(config, [Pool(problem, [answer], []) for problem, answer in zip(problems, answers, strict=True)])
    return {answer.problem_id: (answer, right[answer.problem_id][0]) for answer in answers}


def chosen(cases: Sequence[Case]) -> list[tuple[str, Case]]:
    """Return the first problem of each kind that no earlier kind has taken."""
    taken: list[tuple[str, Case]] = []
    for kind, fits in KINDS.items():
        free = (case for case in cases if fits(case) and case not in [c for _, c in taken])
        taken += [(kind, case) for case in [next(free, None)] if case is not None]
    return taken


def page(cases: Sequence[Case]) -> Iterator[str]:
    """Yield the lines of the page."""
    before, after = (
        sum(side[1] for side in sides) for sides in zip(*((c.before, c.after) for c in cases), strict=True)
    )
    fixed = sum(case.after[1] and not case.before[1] for case in cases)
    yield "# Three problems that were trained on\n"
    yield f"{len(cases)} problems have pairs. Greedy answers to these that are right: {before} before training, {after}"
    yield f"after ({fixed} fixed, {before - after + fixed} broken). The data set's tests say so; training had none."
    for kind, case in chosen(cases):
        yield f"\n## {case.pool.problem.id}: {kind}\n"
        yield from _of_case(case)


def _of_case(case: Case) -> Iterator[str]:
    right, scores = sum(case.passed), consensus_scores(case.agreement.keys)
    yield f"{right} of {len(case.passed)} programs are right; {sum(case.agreement.crashed)} crash on all inputs,"
    entropy = "undefined" if case.entropy is None else f"{case.entropy:.3f}"
    yield f"{len(case.pool.problem.inputs)} of them. H_norm = {entropy}.\n"
    yield "| cluster | programs | right | R | winner | loser in pairs |"
    yield "|---|---|---|---|---|---|"
    losers = [pair.rejected_index for pair in case.pairs]
    for number, members in enumerate(case.agreement.clusters, 1):
        here = ", ".join(str(loser) for loser in losers if loser in members)
        yield (
            f"| {number} | {', '.join(map(str, members))} | {sum(case.passed[i] for i in members)} "
            f"| {scores[members[0]]:.3f} | {case.winner if case.winner in members else ''} | {here} |"
        )
    loser = case.pairs[0].rejected_index
    crashed = [loser for loser in losers if loser is not None and case.agreement.crashed[loser]]
    if crashed:
        yield f"\nLosers that crash: {', '.join(map(str, crashed))}."
    yield from _program(f"Winner ({_word(case.passed[case.winner])})", case.pool.candidates[case.winner])
    if loser is not None:
        yield from _program(f"First loser ({_word(case.passed[loser])})", case.pool.candidates[loser])
    yield from _program(f"Greedy answer before ({_word(case.before[1])})", case.before[0])
    if case.after[0].code == case.before[0].code:
        yield "\nAfter: the same program."
    else:
        yield from _program(f"Greedy answer after ({_word(case.after[1])})", case.after[0])


def _word(is_right: bool) -> str:
    return "right" if is_right else "wrong"


def _program(title: str, answer: Candidate) -> Iterator[str]:
    yield f"\n{title}:\n"
    lines = (answer.code or answer.text).splitlines()
    fence = "````" if any("```" in line for line in lines) else "```"  # a reply without a program is shown as it is
    yield "\n".join([f"{fence}python", *lines[:LONGEST], *(["# ..."] if len(lines) > LONGEST else []), fence])


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(prog="python -m experiments.real_backbone.case_study", description=__doc__)
    parser.add_argument("run", type=Path, metavar="RUN")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE.md")
    asked = parser.parse_args()
    asked.out.write_text("\n".join(page(cases_of(asked.run))) + "\n", encoding="utf-8")
    print(asked.out)


if __name__ == "__main__":
    main()
