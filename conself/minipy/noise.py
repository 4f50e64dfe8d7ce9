"""Write the corpus's programs: right in many styles, wrong in human ways, and sometimes broken."""

import random

from conself.minipy.compositions import KNOWN_OPERATIONS, Step, Steps, program, starter_code
from conself.minipy.observations import Observation
from conself.minipy.primitives.base import Form, Kind, Primitive, fill

ADHERENCE = 0.8  # share of right steps that follow a named style where they can
PITFALL_FACTOR = 0.5  # a named pitfall multiplies its primitive's own bugs by this
CRASH_RATE = 0.006  # share of programs that are broken
_SYNTAX_SHARE = 0.2  # of the broken programs


def write_program(steps: Steps, observation: Observation | None, rng: random.Random) -> str:
    """Write a program for the steps with the corpus's noise, conditioned on the observation if there is one."""
    written = [_write_step(step, observation, rng) for step in steps]
    text = program(starter_code(steps), written)
    return _break(text, rng) if rng.random() < CRASH_RATE else text


def _write_step(step: Step, observation: Observation | None, rng: random.Random) -> tuple[Form, int | None, Kind]:
    primitive, noise = step.primitive, step.primitive.noise
    warned = observation is not None and observation.pitfall in [fill(p, step.k) for p in primitive.pitfalls]
    factor = PITFALL_FACTOR if warned else 1.0
    confused = 1 - noise.right - noise.dominant if noise.confused else 0.0
    own_bugs = (1 - noise.right - confused) * factor
    dominant = noise.dominant * factor
    position = rng.random()
    gives = primitive.signature.gives
    if position < dominant:
        return primitive.bugs[0], step.k, gives
    if position < own_bugs:
        return rng.choice(primitive.bugs[1:]), step.k, gives
    if position < own_bugs + confused:
        other = _lookalike(primitive, rng)
        return rng.choice(other.correct), rng.choice(other.ks) if other.ks else None, gives
    return _right_form(primitive, observation, rng), step.k, gives


def _right_form(primitive: Primitive, observation: Observation | None, rng: random.Random) -> Form:
    styled = [form for form in primitive.correct if observation is not None and form.style is observation.style]
    if styled and rng.random() < ADHERENCE:
        return rng.choice(styled)
    return rng.choice(primitive.correct)


def _lookalike(primitive: Primitive, rng: random.Random) -> Primitive:
    """Choose another known primitive of the same signature."""
    choices, _ = KNOWN_OPERATIONS.by_input[primitive.signature.takes]
    return rng.choice([p for p in choices if p.signature == primitive.signature and p is not primitive])


def _break(text: str, rng: random.Random) -> str:
    """Break a program: it does not parse, or its return statement raises."""
    if rng.random() < _SYNTAX_SHARE:
        return text.replace("):", ")", 1)
    head, _, value = text.rpartition("return ")
    return f"{head}return {rng.choice(['res', '[][0]', 'int(None)', f'{value} + y'])}"
