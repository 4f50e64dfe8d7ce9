"""A proposer with short texts, and an engine that answers by the step that a text shows."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

from conself.engines.decoding import Decoding
from conself.engines.engine import Ask, Demand, Engine, Flow, Reply
from conself.engines.nobody import OneCall
from conself.executors.executor import Here
from conself.prompts.prompts import Prompts
from conself.proposers.sieve import Sieve
from conself.proposers.texts import ProposerTexts
from conself.proposers.ucoder import UCoder
from conself.records import Candidate, ModelRef, Problem

EXERCISE = """<exercise>
Title: Doubling
Task: Return twice the number that is given as an argument.
Signature: def double(number: int) -> int
Example: double(2) == 4
Hint: Multiply.
</exercise>"""
RATING = "Quality: 8\nReason: It is clear.\nDifficulty: easy"
SKELETON = '```python\ndef double(number: int) -> int:\n    """Twice a number."""\n    ...\n```'
TESTS = "\n".join(f"double({n}) == {2 * n}" for n in range(4))
ANSWERS = {"propose": EXERCISE, "rate": RATING, "skeleton": SKELETON, "tests": TESTS}

TEXTS = ProposerTexts(
    propose="propose {topic}{material}",
    grounded=" from {material}",
    exercise="{task} {signature} {example}",
    rate="rate {exercise}",
    skeleton="skeleton {name} {exercise}",
    tests="tests {kind} {n} {name} {exercise} {skeleton}",
)
SETTINGS: dict[str, Any] = {
    "problems": 1,
    "asks_per_problem": 4,
    "min_rating": 6,
    "tests_per_ask": 25,
    "min_inputs": 3,
    "max_inputs": 100,
    "max_literal_bytes": 4096,
    "temperature": 1.0,
    "top_p": 0.95,
    "max_new_tokens": {"propose": 9, "rate": 9, "skeleton": 9, "tests": 9},
    "entropy_top_k": 2,
    "seed": 0,
    "grounding": None,
    "prefix": "",
    "stop": [],
    "prompts": Prompts(None, "{n} {statement}", "{statement}", "{statement} {observation}"),
    "texts": TEXTS,
    "kinds": {"ordinary": "plain ones", "large": "large ones"},
    "topics": {"numbers": ["primes", "sums"], "texts": ["words"]},
    "sieve": Sieve(0.7, 5, 10),
}


def proposer(**settings: Any) -> UCoder:
    """UCoder's proposer with the short texts."""
    return UCoder(**(SETTINGS | settings))


Answer = Callable[[str, int], str]
"""From what is asked and its seed to the reply."""


def answering(text: str, seed: int) -> str:  # noqa: ARG001
    """The same good chain for every brief."""
    return ANSWERS[text.split()[0]]


class InThisProcess(Here):
    """Runs all tasks here, so that an engine can note what it is asked."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None: ...

    def sized(self, workers: int, threads: int = 1) -> Self:  # noqa: ARG002
        return self

    def machines(self) -> Self:
        return self

    def warm(self, modules: Sequence[str]) -> None: ...

    def release(self) -> None: ...

    def release_others(self) -> None: ...


@dataclass(frozen=True)
class Canned(Engine):
    """Answers as it is told; all asks are noted."""

    answer: Answer = answering
    asked: list[str] = field(default_factory=list)
    runtime: OneCall = field(default_factory=OneCall)

    loads_model: ClassVar[bool] = True

    def fingerprint(self, model: ModelRef | None) -> str:  # noqa: ARG002
        return "canned"

    def complete(self, asks: Sequence[Ask], drawn: Decoding) -> Iterator[list[Reply]]:  # noqa: ARG002
        for ask in asks:
            text = ask.messages[-1]["content"]
            self.asked.append(text)
            yield [Reply(self.answer(text, seed), "stop", None, None, 5) for seed in ask.seeds]

    def draw(
        self,
        problems: Iterable[Problem],
        flow: Flow,
        demand: Demand,  # noqa: ARG002
        model: ModelRef | None,  # noqa: ARG002
    ) -> Iterator[list[Candidate]]:
        """One brief at a time, as vLLM and endpoints do."""
        for problem in problems:
            yield from flow([problem], self.complete)


def writing(text: str, seed: int) -> str:
    """Answers to conf/proposer/ucoder.yaml, and programs of which two in three double a number."""
    for start, step in (("Judge", "rate"), ("Write calls", "tests"), ("Write the beginning", "skeleton")):
        if start in text:
            return ANSWERS[step]
    if "Invent one small exercise" in text:
        own = " ".join(f"w{seed % 10**9}{n}" for n in range(6))
        return "no" if seed % 5 == 0 else EXERCISE.replace("twice the number", own)
    return f"```python\ndef double(number):\n    return number * {2 if seed % 3 else 3}\n```"


@dataclass(frozen=True)
class Writing(Canned):
    """Answers all that ``experiment=ucoder`` asks."""

    answer: Answer = writing
