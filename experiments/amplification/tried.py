"""A pool whose candidates ran on own and on proposed inputs: what any rule of admission makes of it, run no more."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from conself.agreement.comparison import Comparison
from conself.agreement.traces import Keys, agreement_of, trace_keys
from conself.amplifications.admission import unsplit, valid
from conself.pipelines.pools import shards_of
from conself.store.tables import read_verdicts
from experiments.metric_pools.judged import Judged


@dataclass(frozen=True)
class Rule:
    """An amplification: how many inputs are tried, which are valid and which are kept; ``budget`` 0 is none."""

    budget: int
    crash_share: float
    only_splitting: bool

    @property
    def name(self) -> str:
        """As tables have it."""
        if not self.budget:
            return "own inputs"
        return f"{'splitting' if self.only_splitting else 'valid'}, {self.budget} tried, below {self.crash_share:g}"


@dataclass(frozen=True)
class Tried:
    """A problem on its own inputs, with the comparison keys [K][N] of all N inputs that were proposed."""

    own: Judged
    inputs: tuple[str, ...]
    tried: Keys

    def under(self, rule: Rule) -> tuple[Judged, int]:
        """The problem with the inputs that a rule admits, and how many these are."""
        agreement = self.own.agreed
        keys = [row[: rule.budget] for row in self.tried]
        reasons = valid(agreement, keys, rule.crash_share)
        places = [
            j for j, reason in enumerate(unsplit(agreement, keys, reasons, rule.only_splitting)) if reason is None
        ]
        both = zip(agreement.keys, self.tried, strict=True)
        whole = [(*own, *(new[j] for j in places)) for own, new in both]
        return replace(self.own, agreed=agreement_of(whole)), len(places)


def tried_pool(run: Path, comparison: Comparison) -> list[Tried]:
    """The problems of a finished job with ``amplification=mutations`` whose verdicts are known.

    Raises:
        FileNotFoundError: the folder is of no such job.
    """
    base = run / "artifacts"
    if not (base / "own" / "agree").exists() or not (base / "verify" / "verdicts.jsonl").is_file():
        raise FileNotFoundError(
            f"{run} is no finished job with amplification=mutations and verdicts: name its run folder"
        )
    passed = {v.problem_id: v.passed for v in read_verdicts(base / "verify" / "verdicts.jsonl")}
    own = shards_of(
        base / "own" / "problems", "candidates", base / "sample", base / "own" / "execute", base / "own" / "agree"
    )
    new = shards_of(base / "amplify" / "propose", "candidates", base / "sample", base / "amplify" / "execute")
    found = []
    for one, other in zip(own, new, strict=True):
        for pool, proposed in zip(one.read(), other.read(), strict=True):
            if (right := passed.get(pool.problem.id)) is not None:
                judged = Judged(pool, one.agreed()[pool.problem.id], right)
                found.append(Tried(judged, proposed.problem.inputs, trace_keys(proposed, comparison)))
    return found


def under(problems: Sequence[Tried], rule: Rule) -> tuple[list[Judged], float]:
    """All problems under a rule, and the mean number of inputs that it adds."""
    found = [problem.under(rule) for problem in problems]
    return [judged for judged, _ in found], sum(n for _, n in found) / len(found)
