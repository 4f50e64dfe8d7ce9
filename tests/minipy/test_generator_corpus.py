"""The corpus: its mix, its noise at the planned rates, and observations that condition the code."""

import re
from collections import Counter
from math import sqrt

import pytest

from conself.minipy.compositions import Step, Steps, program, starter_code
from conself.minipy.corpus import corpus
from conself.minipy.execution import function
from conself.minipy.noise import write_program
from conself.minipy.observations import Observation, draw_observations, topics
from conself.minipy.primitives import KNOWN
from conself.minipy.primitives.base import Form, Primitive, Style
from conself.minipy.randomness import generator
from tests.minipy.reading import read

SAMPLE = 4000
EXAMPLES = list(corpus(12_000, 7))
PRIMITIVES = {p.name: p for p in KNOWN}


def near(count: int, share: float, total: int) -> bool:
    """Within 4.5 standard deviations of the binomial distribution."""
    return abs(count - share * total) <= 4.5 * sqrt(max(share * (1 - share), 1e-4) * total)


def one_step(primitive: Primitive) -> Steps:
    return (Step(primitive, primitive.ks[0] if primitive.ks else None),)


def written(steps: Steps, form: Form) -> str:
    return program(starter_code(steps), [(form, steps[0].k, steps[0].primitive.signature.gives)])


def sample(steps: Steps, observation: Observation | None, count: int = SAMPLE) -> Counter[str]:
    rng = generator("test noise")
    return Counter(write_program(steps, observation, rng) for _ in range(count))


def test_corpora_are_functions_of_their_seed_and_prefixes_of_longer_ones() -> None:
    assert list(corpus(300, 7)) == EXAMPLES[:300]
    assert list(corpus(300, 8)) != EXAMPLES[:300]


def test_the_mix_of_examples() -> None:
    kinds = Counter(example.kind for example in EXAMPLES)
    assert set(kinds) == {"observations", "direct", "guided"}
    assert near(kinds["observations"], 0.12, len(EXAMPLES))
    assert near(kinds["direct"], 0.44, len(EXAMPLES))
    lengths = Counter(len(read(example.problem.statement)) for example in EXAMPLES)
    assert all(near(lengths[n], share, len(EXAMPLES)) for n, share in {1: 0.2, 2: 0.5, 3: 0.3}.items())


def test_every_known_primitive_is_taught_in_chains_and_no_other() -> None:
    chains = [read(example.problem.statement) for example in EXAMPLES]
    assert {step.primitive.name for steps in chains if len(steps) > 1 for step in steps} == set(PRIMITIVES)
    drawn = Counter(step.primitive.noise.label for steps in chains for step in steps)
    assert drawn["rare"] < 0.08 * drawn.total()


def test_completions_have_the_form_that_a_model_should_write() -> None:
    for example in EXAMPLES:
        if example.kind == "observations":
            assert re.fullmatch(r"1\. .+\n2\. .+\n3\. .+", example.completion)
        else:
            code = re.fullmatch(r"```python\n(def f\(.*)\n```", example.completion, re.DOTALL)
            assert code is not None
            assert code[1].startswith(example.problem.starter_code.removesuffix(":"))
        assert (example.observation is not None) == (example.kind == "guided")


@pytest.mark.parametrize("primitive", KNOWN, ids=lambda p: p.name)
def test_noise_rates(primitive: Primitive) -> None:
    steps = one_step(primitive)
    texts = sample(steps, None, 1500)
    right = sum(texts[written(steps, form)] for form in primitive.correct)
    whole = 1500 * 0.994
    assert near(right, primitive.noise.right, round(whole))
    assert near(texts[written(steps, primitive.bugs[0])], primitive.noise.dominant, round(whole))
    others = sum(texts[written(steps, form)] for form in primitive.bugs[1:])
    rest = 1 - primitive.noise.right - primitive.noise.dominant
    assert near(others, 0.0 if primitive.noise.confused else rest, round(whole))


def test_right_forms_of_a_trap_are_equally_likely() -> None:
    primitive = PRIMITIVES["deduplicate"]
    texts = sample(one_step(primitive), None)
    assert all(near(texts[written(one_step(primitive), form)], 0.52 / 3, SAMPLE) for form in primitive.correct)


def test_a_few_programs_are_broken() -> None:
    broken = 0
    texts = sample(one_step(PRIMITIVES["double"]), None, 20_000)
    for text, count in texts.items():
        try:
            function(text)(1)
        except (SyntaxError, NameError, IndexError, TypeError):
            broken += count
    assert near(broken, 0.006, 20_000)


@pytest.mark.parametrize("name", ["keep_even", "sum", "add_each", "remove_vowels"])
def test_a_named_style_is_followed_four_times_in_five(name: str) -> None:
    primitive = PRIMITIVES[name]
    steps = one_step(primitive)
    texts = sample(steps, Observation("Use a loop.", Style.LOOP, None))
    right = {form: texts[written(steps, form)] for form in primitive.correct}
    loops = [form for form in primitive.correct if form.style is Style.LOOP]
    share = 0.8 + 0.2 * len(loops) / len(primitive.correct)
    assert near(sum(right[form] for form in loops), share, sum(right.values()))
    assert near(sum(right.values()), 0.95, SAMPLE)


def test_a_style_that_no_form_has_changes_nothing() -> None:
    steps = one_step(PRIMITIVES["text"])
    assert sample(steps, Observation("Use a loop.", Style.LOOP, None)) == sample(steps, None)


def test_a_named_pitfall_halves_the_bugs_of_its_primitive() -> None:
    steps = one_step(PRIMITIVES["deduplicate"])
    bug = written(steps, steps[0].primitive.bugs[0])
    warned = Observation("Note: a set loses the order.", None, "a set loses the order")
    unrelated = Observation("Note: zero counts as even.", None, "zero counts as even")
    assert near(sample(steps, warned)[bug], 0.19, SAMPLE)
    assert near(sample(steps, unrelated)[bug], 0.38, SAMPLE)


def test_observations_are_short_and_about_the_problem() -> None:
    rng = generator("test observations")
    for primitive in KNOWN:
        steps = one_step(primitive)
        drawn = draw_observations(steps, 3, rng)
        styles, pitfalls = topics(steps)
        assert len({(o.style, o.pitfall) for o in drawn}) == 3
        for observation in drawn:
            assert len(observation.text.split()) <= 12
            assert observation.style in styles or observation.pitfall in pitfalls
            assert "{" not in observation.text
