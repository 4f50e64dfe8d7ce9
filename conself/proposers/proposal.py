"""The records of proposing: briefs, answers and proposals."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from conself.engines.engine import Reply
from conself.generated_tests.generated_test import GeneratedTest, Reason
from conself.records import Problem


@dataclass(frozen=True, slots=True)
class Brief:
    """One ask for a problem: its id, the topic, the topic's category, and the material given with it, or None."""

    id: str
    topic: str
    category: str
    material: str | None


@dataclass(frozen=True, slots=True)
class Answered:
    """A reply of the model, and the step of the chain that it answers."""

    step: str
    reply: Reply


class Dropped(StrEnum):
    """The reasons why a brief gives no problem, in the order of the checks."""

    UNPARSABLE = "unparsable"
    UNRATED = "unrated"
    LOW_RATING = "low_rating"
    BAD_SKELETON = "bad_skeleton"
    TOO_FEW_INPUTS = "too_few_inputs"
    UNUSABLE = "unusable"
    CONTAMINATED = "contaminated"
    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near_duplicate"
    SURPLUS = "surplus"


@dataclass(frozen=True, slots=True)
class Exercise:
    """A model's exercise: its texts, stripped of white space.

    ``name`` is the name of the function in ``signature``.
    """

    title: str
    task: str
    signature: str
    example: str
    hint: str
    name: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """The result of one brief.

    Attributes:
        brief: the brief.
        exercise: the exercise, if it could be read.
        rating: the model's own rating, from 1 to 10, if it was asked for and could be read.
        problem: the problem, if the chain was completed; without claimed outputs.
        tests: the model's inputs with claimed outputs, only those of ``problem.inputs``.
        rejected: the number of unusable tests, by reason.
        reason: why the problem is dropped; None if it is kept.
    """

    brief: Brief
    exercise: Exercise | None = None
    rating: int | None = None
    problem: Problem | None = None
    tests: tuple[GeneratedTest, ...] = ()
    rejected: Mapping[Reason, int] = field(default_factory=dict)
    reason: Dropped | None = None


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """A proposal in the table of all asks: one row per brief, in their order; ``reason`` None if it is kept.

    ``same_signature`` is 1 if a benchmark has a function of the same name and parameters; such a problem is kept.
    """

    ask: str
    topic: str
    category: str
    material: str | None
    reason: str | None
    title: str | None
    hint: str | None
    entry_point: str | None
    rating: int | None
    problem_id: str | None
    inputs: int
    claims: int
    same_signature: int


def row_of(proposal: Proposal, same_signature: bool) -> ProposalRow:
    """Convert a proposal to its row."""
    exercise, problem = proposal.exercise, proposal.problem
    return ProposalRow(
        ask=proposal.brief.id,
        topic=proposal.brief.topic,
        category=proposal.brief.category,
        material=proposal.brief.material,
        reason=proposal.reason,
        title=None if exercise is None else exercise.title,
        hint=None if exercise is None else exercise.hint,
        entry_point=None if exercise is None else exercise.name,
        rating=proposal.rating,
        problem_id=None if problem is None else problem.id,
        inputs=0 if problem is None else len(problem.inputs),
        claims=sum(test.expected is not None for test in proposal.tests),
        same_signature=int(same_signature),
    )
