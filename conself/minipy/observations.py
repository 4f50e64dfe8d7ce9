"""Observations: short hints that name a style or a pitfall of a problem's steps."""

import random
from dataclasses import dataclass

from conself.minipy.compositions import Steps
from conself.minipy.primitives.base import Style, fill

PER_PROBLEM = 3

_STYLE_TEXTS = {
    Style.COMPREHENSION: ("Use a comprehension.", "A comprehension does it in one line."),
    Style.LOOP: ("Use a loop.", "Write a plain loop step by step."),
    Style.BUILTIN: ("Use a builtin function.", "A builtin does the work."),
    Style.SLICING: ("Use slicing.", "A slice or an index is enough."),
    Style.ARITHMETIC: ("Use plain arithmetic.", "Operators are enough."),
}
_PITFALL_TEXTS = ("Remember that {clause}.", "Note: {clause}.")


@dataclass(frozen=True, slots=True)
class Observation:
    """A hint: exactly one of ``style`` and ``pitfall`` (the clause as written) is not None."""

    text: str
    style: Style | None
    pitfall: str | None


def topics(steps: Steps) -> tuple[list[Style], list[str]]:
    """Return the styles of correct forms of the steps, and the pitfalls of the steps; both without repetition."""
    styles = dict.fromkeys(form.style for step in steps for form in step.primitive.correct)
    pitfalls = dict.fromkeys(fill(pitfall, step.k) for step in steps for pitfall in step.primitive.pitfalls)
    return list(styles), list(pitfalls)


def draw_observations(steps: Steps, count: int, rng: random.Random) -> list[Observation]:
    """Draw observations about different topics (``count`` at most the number of topics, 3 for every primitive)."""
    styles, pitfalls = topics(steps)
    return [_worded(topic, rng) for topic in rng.sample([*styles, *pitfalls], count)]


def _worded(topic: Style | str, rng: random.Random) -> Observation:
    if isinstance(topic, Style):
        return Observation(rng.choice(_STYLE_TEXTS[topic]), topic, None)
    return Observation(rng.choice(_PITFALL_TEXTS).format(clause=topic), None, topic)
