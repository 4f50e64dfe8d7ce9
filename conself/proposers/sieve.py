"""Which proposals are left out because they repeat another, or stand in a benchmark; worked out exactly."""

import ast
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from conself.datasets.decontamination import Index, readings, stated_in, words
from conself.generated_tests.literals import NOT_READ
from conself.generated_tests.signatures import signature
from conself.proposers.proposal import Dropped, Proposal
from conself.records import Problem
from conself.sandbox.sources import parse

Signature = tuple[str, tuple[str, ...]]
"""Name and parameters of a function."""


@dataclass(frozen=True)
class Sieve:
    """Leaves out, in this order, what is in a benchmark, what repeats an earlier problem, and what is too many.

    Args:
        near_duplicate: Jaccard similarity of two statements' word n-grams from which the later one leaves.
        ngram_words: n. A shorter statement is one n-gram.
        shared_words: so many words in a row that a benchmark has as well make a problem contaminated; so does one of
            its statements as a whole.

    Raises:
        ValueError: ``near_duplicate`` is outside of (0, 1], or a number of words below 1.
    """

    near_duplicate: float
    ngram_words: int
    shared_words: int

    def __post_init__(self) -> None:
        if not 0 < self.near_duplicate <= 1:
            raise ValueError(f"proposer.sieve.near_duplicate must lie in (0, 1], got {self.near_duplicate}")
        for name in ("ngram_words", "shared_words"):
            if getattr(self, name) < 1:
                raise ValueError(f"proposer.sieve.{name} must be at least 1, got {getattr(self, name)}")

    def __call__(
        self, proposals: Iterable[Proposal], benchmarks: Mapping[str, Sequence[str]], most: int
    ) -> list[Proposal]:
        """The proposals in order, with the reason of each that is left out; at most ``most`` stay.

        Args:
            proposals: in the order of the asks, of which the earlier of two counts; those with a reason keep it.
            benchmarks: statements by the benchmark's name.
            most: problems that stay at most.
        """
        indexes = {name: Index.of(texts, self.shared_words) for name, texts in benchmarks.items()}
        theirs = {gram for texts in benchmarks.values() for gram in self._long_grams(texts)}
        earlier = _Earlier(self.near_duplicate, self.ngram_words)
        sifted, kept = [], 0
        for proposal in proposals:
            reason = proposal.reason
            if reason is None and proposal.problem is not None:
                statement = proposal.problem.statement
                shared = theirs and not theirs.isdisjoint(ngrams(statement, self.shared_words))
                if shared or stated_in(statement, indexes) is not None:
                    reason = Dropped.CONTAMINATED
                elif (repeated := earlier.repeats(proposal.problem)) is not None:
                    reason = repeated
                elif kept >= most:
                    reason = Dropped.SURPLUS
                else:
                    kept += 1
                    earlier.add(proposal.problem)
            sifted.append(replace(proposal, reason=reason))
        return sifted

    def _long_grams(self, statements: Iterable[str]) -> Iterator[str]:
        for statement in statements:
            for text in readings(statement):
                if len(words(text).split()) >= self.shared_words:
                    yield from ngrams(text, self.shared_words)


@dataclass
class _Earlier:
    """The problems that stay so far, by their words and by their n-grams."""

    threshold: float
    n: int
    exact: set[tuple[str | None, str]] = field(default_factory=set)
    sizes: list[int] = field(default_factory=list)
    holders: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def repeats(self, problem: Problem) -> Dropped | None:
        """Whether the problem is one of these, or nearly so."""
        if (problem.entry_point, words(problem.statement)) in self.exact:
            return Dropped.DUPLICATE
        grams = ngrams(problem.statement, self.n)
        shared = Counter(holder for gram in grams for holder in self.holders.get(gram, ()))
        # Jaccard: |A and B| / |A or B|
        near = any(both / (len(grams) + self.sizes[holder] - both) >= self.threshold for holder, both in shared.items())
        return Dropped.NEAR_DUPLICATE if near else None

    def add(self, problem: Problem) -> None:
        """Another problem that stays."""
        self.exact.add((problem.entry_point, words(problem.statement)))
        grams = ngrams(problem.statement, self.n)
        for gram in grams:
            self.holders[gram].append(len(self.sizes))
        self.sizes.append(len(grams))


def ngrams(text: str, n: int) -> set[str]:
    """The runs of ``n`` words of a text, lower-case and without punctuation; of a shorter text all of it, as one."""
    parts = words(text).split()
    return {" ".join(parts[at : at + n]) for at in range(max(1, len(parts) - n + 1))}


def signatures_in(statements: Iterable[str]) -> set[Signature]:
    """Names and parameters of the functions in statements that are Python code, as HumanEval's are."""
    found: set[Signature] = set()
    for statement in statements:
        try:
            tree = parse(statement)
        except NOT_READ:
            continue
        nodes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        found |= {(node.name, tuple(a.arg for a in (*node.args.posonlyargs, *node.args.args))) for node in nodes}
    return found


def signature_of(problem: Problem) -> Signature | None:
    """Name and parameters of the problem's function; None where the starter code does not show them."""
    shape = signature(problem)
    return None if shape is None else (str(problem.entry_point), tuple(shape.parameters))
