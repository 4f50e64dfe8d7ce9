"""Sample replies with tests of a problem, through any function that completes chats."""

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
    """``n`` replies to the tester's prompt, each with at most ``cases`` tests, as candidates without a program.

    Raises:
        ValueError: a setting is out of range, or there are several replies at temperature 0, which would be equal.
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
        self.drawn()  # raises for wrong settings before any work

    @property
    def demand(self) -> Demand:
        """Return the demand of all replies to one problem at once."""
        return Demand(self.n, self.max_new_tokens)

    def __call__(self, problems: Sequence[Problem], complete: Complete) -> Iterator[list[Candidate]]:
        """Yield the ``n`` replies of each problem, in order, as they arrive; a seed depends on no other reply."""
        asks = [
            Ask(
                self.texts.messages(self.prompts, problem, self.cases),
                tuple(sample_seed(self.seed, "test", problem.id, k) for k in range(self.n)),
            )
            for problem in problems
        ]
        decoding = self.drawn()
        for problem, group in zip(problems, complete(asks, decoding), strict=True):
            yield [replace(candidate(problem, k, None, reply, decoding), code=None) for k, reply in enumerate(group)]

    def drawn(self) -> Decoding:
        """Return the decoding settings of a reply."""
        return Decoding(self.temperature, self.top_p, self.max_new_tokens, self.entropy_top_k, self.prompts.stop)
