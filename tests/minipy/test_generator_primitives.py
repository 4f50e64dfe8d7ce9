"""The tables of operations: what every primitive promises."""

import re
from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from conself.minipy.compositions import program
from conself.minipy.execution import form_function
from conself.minipy.inputs import Value, draw_inputs
from conself.minipy.primitives import KNOWN, UNSEEN
from conself.minipy.primitives.base import Form, Primitive, Style, fill
from conself.minipy.randomness import generator

EVERYTHING = (*KNOWN, *UNSEEN)
DRAWS = 8

by_name = pytest.mark.parametrize("primitive", EVERYTHING, ids=lambda p: p.name)
known_by_name = pytest.mark.parametrize("primitive", KNOWN, ids=lambda p: p.name)
biased = [p for p in KNOWN if p.noise.label in ("trap", "systematic")]
biased_by_name = pytest.mark.parametrize("primitive", biased, ids=lambda p: p.name)


def cases(primitive: Primitive) -> list[tuple[int | None, list[Value]]]:
    rng = generator(f"test {primitive.name}")
    ks = [rng.choice(primitive.ks) if primitive.ks else None for _ in range(DRAWS)]
    return [(k, draw_inputs(primitive.signature.takes, [k] if k else [], rng)) for k in ks]


def outputs(primitive: Primitive, form: Form, k: int | None, inputs: list[Value]) -> list[str]:
    function = form_function(form, k, primitive.signature.takes, primitive.signature.gives)
    results = []
    for value in inputs:
        try:
            results.append(repr(function(list(value) if isinstance(value, list) else value)))
        except (ValueError, IndexError) as error:
            results.append(type(error).__name__)
    return results


def test_the_world_has_the_planned_size() -> None:
    assert Counter(p.noise.label for p in KNOWN) == {"easy": 50, "trap": 12, "rare": 8, "systematic": 2}
    assert len(UNSEEN) == 39
    assert all(p.unseen for p in UNSEEN)
    assert not any(p.unseen for p in KNOWN)
    assert len({p.name for p in EVERYTHING}) == 111


def test_a_phrase_names_one_operation_and_one_parameter() -> None:
    phrases = [fill(text, k) for p in EVERYTHING for k in p.ks or (None,) for text in p.paraphrases]
    assert len(set(phrases)) == len(phrases)
    assert not [phrase for phrase in phrases if re.search(r"then|[.;{}]", phrase)]


@known_by_name
def test_known_primitives_have_choices(primitive: Primitive) -> None:
    assert 2 <= len(primitive.paraphrases) <= 3
    assert 3 <= len(primitive.correct) <= 4
    assert 2 <= len(primitive.bugs) <= 4
    assert len(primitive.pitfalls) >= 2
    assert len({form.code for form in primitive.correct + primitive.bugs}) == len(primitive.correct + primitive.bugs)


@by_name
def test_correct_forms_agree_and_never_raise(primitive: Primitive) -> None:
    for k, inputs in cases(primitive):
        results = [outputs(primitive, form, k, inputs) for form in primitive.correct]
        assert not [text for text in results[0] if text.endswith("Error")]
        assert all(a == b for a, b in pairwise(results))


@known_by_name
def test_buggy_forms_behave_differently(primitive: Primitive) -> None:
    for bug in primitive.bugs:
        differing = []
        for k, inputs in cases(primitive):
            right, wrong = (outputs(primitive, form, k, inputs) for form in (primitive.correct[0], bug))
            differing.append(sum(a != b for a, b in zip(right, wrong, strict=True)))
        assert sum(count > 0 for count in differing) >= DRAWS - 2, bug.code
    if primitive in biased:
        code = primitive.bugs[0]
        assert (
            sum(
                a != b
                for k, inputs in cases(primitive)
                for a, b in zip(
                    outputs(primitive, primitive.correct[0], k, inputs),
                    outputs(primitive, code, k, inputs),
                    strict=True,
                )
            )
            >= 0.15 * 12 * DRAWS
        )


@by_name
def test_forms_have_the_style_that_they_claim(primitive: Primitive) -> None:
    for form in primitive.correct + primitive.bugs:
        *setup, value = form.code.split("\n")
        has_statement = any(re.match(r"\s*(for|while) ", line) for line in setup)
        assert (form.style is Style.LOOP) == has_statement, form.code
        if form.style is Style.COMPREHENSION:
            assert " for " in value, form.code


@biased_by_name
def test_the_likeliest_text_of_a_trap_is_its_bug(primitive: Primitive) -> None:
    """Greedy choice token by token, over the corpus's own frequencies, ends in the dominant bug."""
    noise = primitive.noise
    k = primitive.ks[0] if primitive.ks else None
    shares = {form: noise.right / len(primitive.correct) for form in primitive.correct}
    shares |= {f: (1 - noise.right - noise.dominant) / (len(primitive.bugs) - 1) for f in primitive.bugs[1:]}
    shares[primitive.bugs[0]] = noise.dominant
    texts = {form: program("def f(x):", [(form, k, primitive.signature.gives)]) for form in shares}
    alive = {form: [*re.findall(r"\w+|\s+|[^\w\s]", text), "end"] for form, text in texts.items()}
    position = 0
    while len(alive) > 1:
        mass = defaultdict[str, float](float)
        for form, tokens in alive.items():
            mass[tokens[position]] += shares[form]
        alive = {
            form: tokens
            for form, tokens in alive.items()
            if tokens[position] == max(mass, key=lambda token: mass[token])
        }
        position += 1
    assert list(alive) == [primitive.bugs[0]]


@pytest.mark.parametrize("primitive", [p for p in biased if p.noise.label == "trap"], ids=lambda p: p.name)
def test_the_plurality_behaviour_of_a_trap_is_right(primitive: Primitive) -> None:
    noise = primitive.noise
    assert 0.50 <= noise.right <= 0.64
    assert 0.26 <= noise.dominant <= 0.40
    assert noise.right > noise.dominant > noise.right / len(primitive.correct)
