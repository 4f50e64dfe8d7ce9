"""Replies in which tests of a problem are written, over any way of completing chats."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from conself.engines.decoding import Decoding, sample_seed
from conself.engines.engine import Ask, Complete, Demand
from conself.prompts.prompts import PromptStyle
from conself.prompts.tester import TesterTexts
from conself.records import Candidate, Problem
from conself.samplers.direct import check_answers
from conself.samplers.guided import candidate
from conself.samplers.sampler import Sampler


@dataclass(frozen=True)
class Tester(Sampler):
    """``n`` replies to the tester's prompt, each asked for at most ``cases`` tests, as candidates without a program.

    Raises:
        ValueError: a setting out of range, or several replies at temperature 0, which would all be the same.
    """

    n: int
    temperature: float
    top_p: float
    max_new_tokens: int
    entropy_top_k: int
    seed: int
    cases: int
    texts: TesterTexts
    prompts: PromptStyle

    def __post_init__(self) -> None:
        check_answers(self.n, self.temperature)
        if self.cases < 1:
            raise ValueError(f"a tester is asked for at least 1 test, got cases={self.cases}")
        self.drawn()  # wrong settings are told before any work

    @property
    def demand(self) -> Demand:
        """All replies to a problem at once."""
        return Demand(self.n, self.max_new_tokens)

    def __call__(self, problems: Sequence[Problem], complete: Complete) -> Iterator[list[Candidate]]:
        """``n`` replies per problem, in order, each as they are there; a reply's seed hangs on nothing beside it."""
        asks = [
            Ask(
                self.texts.messages(self.prompts, problem, self.cases),
                tuple(sample_seed(self.seed, "test", problem.id, k) for k in range(self.n)),
            )
            for problem in problems
        ]
        drawn = self.drawn()
        for problem, group in zip(problems, complete(asks, drawn), strict=True):
            yield [replace(candidate(problem, k, None, reply, drawn), code=None) for k, reply in enumerate(group)]

    def drawn(self) -> Decoding:
        """How a reply is drawn."""
        return Decoding(self.temperature, self.top_p, self.max_new_tokens, self.entropy_top_k, self.prompts.stop)
