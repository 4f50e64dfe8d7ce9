"""UCoder's proposer (arXiv 2512.17385, stages 1 to 4): propose, rate, skeleton, tests; conf/proposer/ has the texts."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from conself.datasets.validation import fault
from conself.engines.decoding import Decoding, sample_seed
from conself.engines.engine import Ask, Complete, Demand
from conself.generated_tests.generated_test import GeneratedTest, Reason
from conself.generated_tests.passing import distinct_inputs
from conself.generated_tests.reader import TestReader, input_key
from conself.prompts.prompts import PLAIN, PromptStyle
from conself.proposers.briefs import check_topics, drawn_briefs, material_fingerprint, read_material
from conself.proposers.drafts import PROPOSE, RATE, SKELETON, TESTS, Draft, draft_of, id_of, statement_of
from conself.proposers.proposal import Answered, Brief, Dropped, Exercise, Proposal
from conself.proposers.proposer import Proposer
from conself.proposers.sieve import Sieve
from conself.proposers.texts import ProposerTexts
from conself.records import Problem
from conself.samplers.code_blocks import answer_of

SOURCE = "generated"
"""``Problem.source`` of proposed problems."""
_STEPS = (PROPOSE, RATE, SKELETON, TESTS)
_COUNTS = ("problems", "asks_per_problem", "min_inputs", "max_inputs", "tests_per_ask", "max_literal_bytes")


@dataclass(frozen=True)
class UCoder(Proposer):
    """Asks for a problem on a topic, the model's rating of it, a function without a body, and tests of several kinds.

    Args:
        problems: the number of problems wanted.
        asks_per_problem: the most briefs per problem, on average.
        min_rating: a lower rating ends a chain; None: no rating is asked for.
        tests_per_ask: the number of tests requested of each kind.
        min_inputs, max_inputs: of a problem; with fewer it is dropped, the first ``max_inputs`` are kept.
        max_literal_bytes: of an input, and of a claimed output.
        temperature, top_p: of proposals and tests; ratings and skeletons are greedy.
        max_new_tokens: of a reply, by step.
        entropy_top_k: as in samplers.
        seed: of topics, material and replies.
        grounding: a file of material, one piece per ask; None: none.
        prefix: code put before every program when it is executed.
        stop: strings that end a reply, besides those of ``prompts``.
        prompts: how a text is presented to the model.
        texts: the wording of asks.
        kinds: the kinds of tests, one ask each: name -> how the ask describes it.
        topics: category -> topics.
        sieve: drops duplicates and benchmark problems.

    Raises:
        ValueError: a setting is out of range, or ``prompts`` are for base models and ``stop`` is not.
    """

    places: ClassVar[tuple[str, ...]] = ("grounding",)

    problems: int
    asks_per_problem: int
    min_rating: int | None
    tests_per_ask: int
    min_inputs: int
    max_inputs: int
    max_literal_bytes: int
    temperature: float
    top_p: float
    max_new_tokens: Mapping[str, int]
    entropy_top_k: int
    seed: int
    grounding: str | None
    prefix: str
    stop: list[str]
    prompts: PromptStyle
    texts: ProposerTexts
    kinds: Mapping[str, str]
    topics: Mapping[str, Sequence[str]]
    sieve: Sieve

    def __post_init__(self) -> None:
        for name in _COUNTS:
            if getattr(self, name) < 1:
                raise ValueError(f"proposer.{name} must be at least 1, got {getattr(self, name)}")
        if self.min_inputs > self.max_inputs:
            raise ValueError(f"proposer.min_inputs={self.min_inputs} is above max_inputs={self.max_inputs}")
        if self.min_rating is not None and not 1 <= self.min_rating <= 10:
            raise ValueError(f"proposer.min_rating must be 1 to 10, or null for no rating, got {self.min_rating}")
        if set(self.max_new_tokens) != set(_STEPS):
            raise ValueError(
                f"proposer.max_new_tokens must have {', '.join(_STEPS)}, got {', '.join(self.max_new_tokens)}"
            )
        if not self.kinds:
            raise ValueError("proposer.kinds is empty: without tests there are no inputs to run programs on")
        if self.grounding is not None and not self.texts.takes_material:
            raise ValueError(
                "proposer.grounding names material, and proposer.texts has no place for it: set it to null"
            )
        check_topics(self.topics)
        for step in _STEPS:
            self._drawn(step)  # wrong settings are reported before any work
        if self.prompts.turns("")[0]["role"] == PLAIN and not self.stop:
            raise ValueError(
                "prompts are for a base model, and this proposer asks in a chat; set proposer=ucoder_fewshot"
            )

    @property
    def max_asks(self) -> int:
        """``asks_per_problem`` for each problem wanted."""
        return self.problems * self.asks_per_problem

    @property
    def demand(self) -> Demand:
        """Draw the tests of all kinds at once."""
        return Demand(len(self.kinds), max(self.max_new_tokens.values()))

    def check(self) -> None:
        """Read the material; raises as :func:`conself.proposers.briefs.read_material`."""
        self._material()

    def fingerprint(self) -> str:
        """Return the fingerprint of the material."""
        return "" if self.grounding is None else material_fingerprint(Path(self.grounding).expanduser())

    def briefs(self, first: int, count: int) -> list[Brief]:
        """Draw a topic for each brief, and a piece of the material if there is any."""
        return drawn_briefs(self.topics, self._material(), self.seed, first, count)

    def __call__(self, briefs: Sequence[Brief], complete: Complete) -> Iterator[list[Answered]]:
        """Yield the answers to each step of the chain until it ends; those to tests last, as soon as they arrive."""
        answered: dict[str, list[Answered]] = {brief.id: [] for brief in briefs}
        for step in (PROPOSE, *([] if self.min_rating is None else [RATE]), SKELETON):
            going = [(brief, draft) for brief, draft in self._drafts(briefs, answered) if draft.reason is None]
            asks = [self._ask(brief, step, self._text(step, brief, draft)) for brief, draft in going]
            replies = complete(asks, self._drawn(step)) if asks else []
            for (brief, _), (reply,) in zip(going, replies, strict=True):
                answered[brief.id].append(Answered(step, reply))
        drafts = self._drafts(briefs, answered)
        asks = [ask for brief, draft in drafts if draft.reason is None for ask in self._tests(brief, draft)]
        written = iter(complete(asks, self._drawn(TESTS)) if asks else [])
        for brief, draft in drafts:
            if draft.reason is None:
                answered[brief.id] += [Answered(f"{TESTS}/{kind}", next(written)[0]) for kind in self.kinds]
            yield answered[brief.id]

    def read(self, brief: Brief, answered: Sequence[Answered]) -> Proposal:
        """Read the problem of a complete chain, with the tests of its inputs."""
        draft = draft_of(answered, self.min_rating)
        if draft.reason is not None or draft.exercise is None or draft.skeleton is None:
            return Proposal(brief, draft.exercise, draft.rating, reason=draft.reason or Dropped.UNPARSABLE)
        bare = self._problem(draft.exercise, draft.skeleton, draft.difficulty)
        tests, rejected = self._read_tests(bare, answered)
        inputs = distinct_inputs(tests, is_stdin=False)[: self.max_inputs]
        kept = {input_key(text, is_stdin=False) for text in inputs}
        problem = replace(bare, inputs=inputs)
        reason = (
            Dropped.TOO_FEW_INPUTS if len(inputs) < self.min_inputs else Dropped.UNUSABLE if fault(problem) else None
        )
        those = tuple(test for test in tests if input_key(test.input, is_stdin=False) in kept)
        return Proposal(brief, draft.exercise, draft.rating, problem, those, rejected, reason)

    def _read_tests(
        self, problem: Problem, answered: Sequence[Answered]
    ) -> tuple[list[GeneratedTest], Mapping[Reason, int]]:
        """Read the tests of all replies, in order, and count unusable ones by reason."""
        reader = TestReader(self.tests_per_ask, self.max_literal_bytes)
        tests: list[GeneratedTest] = []
        rejected = Counter[Reason]()
        texts = [answer_of(each.reply.text) for each in answered if each.step.startswith(TESTS)]
        for number, text in enumerate(texts):
            read = reader.of_reply(problem, number, text)
            tests += read.tests
            rejected.update(read.rejected)
        return tests, dict(rejected)

    def _problem(self, exercise: Exercise, skeleton: str, difficulty: str) -> Problem:
        """Build the problem, still without inputs."""
        statement = statement_of(exercise)
        name = id_of(statement, skeleton)
        return Problem(name, statement, skeleton, exercise.name, (), SOURCE, difficulty, self.prefix)

    def _drafts(self, briefs: Sequence[Brief], answered: Mapping[str, list[Answered]]) -> list[tuple[Brief, Draft]]:
        return [(brief, draft_of(answered[brief.id], self.min_rating)) for brief in briefs]

    def _text(self, step: str, brief: Brief, draft: Draft) -> str:
        """Write the ask of one of the first steps."""
        if draft.exercise is None:
            return self.texts.proposing(brief.topic, brief.material)
        template = self.texts.rate if step == RATE else self.texts.skeleton
        return template.format(exercise=self.texts.shown(draft.exercise), name=draft.exercise.name)

    def _tests(self, brief: Brief, draft: Draft) -> Iterator[Ask]:
        """Build the asks for tests, as one group because they differ only at the end."""
        assert draft.exercise is not None
        fields = {"exercise": self.texts.shown(draft.exercise), "skeleton": draft.skeleton, "name": draft.exercise.name}
        for kind, described in self.kinds.items():
            text = self.texts.tests.format(kind=described, n=self.tests_per_ask, **fields)
            yield replace(self._ask(brief, f"{TESTS}/{kind}", text), group=brief.id)

    def _ask(self, brief: Brief, step: str, text: str) -> Ask:
        return Ask(self.prompts.turns(text), (sample_seed(self.seed, step, brief.id, 0),))

    def _drawn(self, step: str) -> Decoding:
        """Return the decoding of replies to a step."""
        temperature, top_p = (0.0, 1.0) if step in (RATE, SKELETON) else (self.temperature, self.top_p)
        stop = (*self.prompts.stop, *self.stop)
        return Decoding(temperature, top_p, self.max_new_tokens[step], self.entropy_top_k, stop)

    def _material(self) -> list[str]:
        return [] if self.grounding is None else read_material(Path(self.grounding).expanduser())
