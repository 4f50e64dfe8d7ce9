"""The draft of a chain of asks: its answers so far, or why it ends."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from conself.proposers.proposal import Answered, Dropped, Exercise
from conself.proposers.replies import read_difficulty, read_exercise, read_rating, read_skeleton

PROPOSE, RATE, SKELETON, TESTS = "propose", "rate", "skeleton", "tests"
"""The steps; of tests there is one for each kind, ``tests/KIND``."""


@dataclass(frozen=True, slots=True)
class Draft:
    """The answers so far; ``reason`` says why the chain ends, None if it continues."""

    exercise: Exercise | None = None
    rating: int | None = None
    difficulty: str = ""
    skeleton: str | None = None
    reason: Dropped | None = None


def draft_of(answered: Sequence[Answered], min_rating: int | None) -> Draft:
    """Build the draft from the answers to the first steps; those to tests are not read.

    A rating below ``min_rating`` ends the chain; None: no rating is asked for.
    """
    texts = {each.step: each.reply.text for each in answered}
    if PROPOSE not in texts:
        return Draft()
    exercise = read_exercise(texts[PROPOSE])
    if exercise is None:
        return Draft(reason=Dropped.UNPARSABLE)
    rating, difficulty = None, ""
    if RATE in texts:
        rating, difficulty = read_rating(texts[RATE]), read_difficulty(texts[RATE])
        if rating is None:
            return Draft(exercise, reason=Dropped.UNRATED)
        if min_rating is not None and rating < min_rating:
            return Draft(exercise, rating, difficulty, reason=Dropped.LOW_RATING)
    skeleton = read_skeleton(texts[SKELETON], exercise.name) if SKELETON in texts else None
    reason = Dropped.BAD_SKELETON if SKELETON in texts and skeleton is None else None
    return Draft(exercise, rating, difficulty, skeleton, reason)


def statement_of(exercise: Exercise) -> str:
    """Return a problem's statement: the task and its example, without title and hint."""
    return f"{exercise.task}\n\nExample: {exercise.example}"


def id_of(statement: str, skeleton: str) -> str:
    """Return ``generated/`` and 12 hex digits of SHA-256(statement, skeleton): the same in every round and run."""
    return f"generated/{hashlib.sha256(json.dumps([statement, skeleton]).encode()).hexdigest()[:12]}"
