"""Drop proposals that repeat another one or a benchmark's problem; computed exactly."""

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
    """Drops, in this order, problems of a benchmark, repetitions of earlier problems, and surplus ones.

    Args:
        near_duplicate: Jaccard similarity of two statements' word n-grams from which the later one is dropped.
        ngram_words: n. A shorter statement is one n-gram.
        shared_words: the number of consecutive words in common with a benchmark that makes a problem contaminated; a
            whole statement of a benchmark does so too.

    Raises:
        ValueError: ``near_duplicate`` is outside (0, 1], or a number of words below 1.
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
        """Return the proposals in order, dropped ones with a reason; at most ``most`` are kept.

        Args:
            proposals: in the order of the asks; of two equal ones the earlier is kept; existing reasons are kept.
            benchmarks: statements by the benchmark's name.
            most: the most problems to keep.
        """
        indexes = {name: Index.of(texts, self.shared_words) for name, texts in benchmarks.items()}
        theirs = {gram for texts in benchmarks.values() for gram in self._long_grams(texts)}
        earlier = _Earlier(self.near_duplicate, self.ngram_words)
        sifted, kept = [], 0
        for proposal in proposals:
            reason = proposal.reason
            if reason is None and proposal.problem is not None:
                statement = proposal.problem.statement
                # a short task that is a benchmark's is found by itself, not inside the statement, which has an example
                task = proposal.exercise.task if proposal.exercise is not None else statement
                shared = theirs and not theirs.isdisjoint(ngrams(statement, self.shared_words))
                if shared or any(stated_in(text, indexes) is not None for text in {statement, task}):
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
    """The problems kept so far, by their words and by their n-grams."""

    threshold: float
    n: int
    exact: set[tuple[str | None, str]] = field(default_factory=set)
    sizes: list[int] = field(default_factory=list)
    holders: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def repeats(self, problem: Problem) -> Dropped | None:
        """Return whether the problem equals or nearly equals one of these."""
        if (problem.entry_point, words(problem.statement)) in self.exact:
            return Dropped.DUPLICATE
        grams = ngrams(problem.statement, self.n)
        shared = Counter(holder for gram in grams for holder in self.holders.get(gram, ()))
        # Jaccard: |A and B| / |A or B|
        near = any(both / (len(grams) + self.sizes[holder] - both) >= self.threshold for holder, both in shared.items())
        return Dropped.NEAR_DUPLICATE if near else None

    def add(self, problem: Problem) -> None:
        """Add another kept problem."""
        self.exact.add((problem.entry_point, words(problem.statement)))
        grams = ngrams(problem.statement, self.n)
        for gram in grams:
            self.holders[gram].append(len(self.sizes))
        self.sizes.append(len(grams))


def ngrams(text: str, n: int) -> set[str]:
    """Return the n-grams of a text's words, lower-case and without punctuation; a shorter text is one n-gram."""
    parts = words(text).split()
    return {" ".join(parts[at : at + n]) for at in range(max(1, len(parts) - n + 1))}


def signatures_in(statements: Iterable[str]) -> set[Signature]:
    """Return names and parameters of the functions in statements that are Python code, like HumanEval's."""
    signatures: set[Signature] = set()
    for statement in statements:
        try:
            tree = parse(statement)
        except NOT_READ:
            continue
        nodes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        signatures |= {(node.name, tuple(a.arg for a in (*node.args.posonlyargs, *node.args.args))) for node in nodes}
    return signatures


def signature_of(problem: Problem) -> Signature | None:
    """Return name and parameters of the problem's function; None if the starter code lacks them."""
    shape = signature(problem)
    return None if shape is None else (str(problem.entry_point), tuple(shape.parameters))
