"""Answers to the direct prompt, as used by benchmarks, with any engine."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from conself.engines.decoding import Decoding, sample_seed
from conself.engines.engine import Ask, Complete, Demand
from conself.prompts.prompts import PromptStyle, opening_of, program_ask
from conself.records import Candidate, Problem
from conself.samplers.guided import candidate
from conself.samplers.sampler import Sampler


@dataclass(frozen=True)
class Direct(Sampler):
    """Draws ``n`` completions of the direct prompt, as for benchmarks. Temperature 0 with n = 1 is greedy.

    Raises:
        ValueError: a setting out of range, or several completions at temperature 0, which would all be the same.
    """

    n: int
    temperature: float
    top_p: float
    max_new_tokens: int
    entropy_top_k: int
    seed: int
    prompts: PromptStyle

    def __post_init__(self) -> None:
        check_answers(self.n, self.temperature)
        self.drawn()  # wrong settings are reported before any work

    @property
    def demand(self) -> Demand:
        """Draw all answers to a problem at once."""
        return Demand(self.n, self.max_new_tokens)

    def __call__(self, problems: Sequence[Problem], complete: Complete) -> Iterator[list[Candidate]]:
        """Draw ``n`` candidates per problem: :func:`direct_candidates`."""
        return direct_candidates(problems, self.n, self.seed, self.prompts, self.drawn(), complete)

    def drawn(self) -> Decoding:
        """Return how completions are drawn."""
        return Decoding(self.temperature, self.top_p, self.max_new_tokens, self.entropy_top_k, self.prompts.stop)


def direct_candidates(
    problems: Sequence[Problem], n: int, seed: int, prompts: PromptStyle, decoding: Decoding, complete: Complete
) -> Iterator[list[Candidate]]:
    """Yield ``n`` candidates per problem, in order, as soon as they are drawn.

    Answer k of a problem has its own seed, independent of other draws.
    """
    asks = [
        Ask(
            program_ask(prompts, problem, None),
            tuple(sample_seed(seed, "answer", problem.id, k) for k in range(n)),
        )
        for problem in problems
    ]
    for problem, group in zip(problems, complete(asks, decoding), strict=True):
        opening = opening_of(prompts, problem)
        yield [candidate(problem, k, None, reply, decoding, opening=opening) for k, reply in enumerate(group)]


def check_answers(n: int, temperature: float) -> None:
    """Validate the number of answers and the temperature.

    Raises:
        ValueError: n below 1, or several answers at temperature 0, which would all be the same.
    """
    if n < 1:
        raise ValueError(f"decoder.n must be at least 1, got {n}")
    if n > 1 and temperature == 0:
        raise ValueError(
            f"decoder.n={n} greedy answers would all be the same; set decoder.temperature (0.8, say) or decoder.n=1"
        )
