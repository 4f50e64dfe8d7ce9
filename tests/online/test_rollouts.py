"""How rollouts are drawn: what is refused, and what seeds hang on."""

import hashlib
import json
import math
from dataclasses import replace

import pytest

from conself.engines.decoding import sample_seed
from conself.online.rollouts import Rollouts, Runtime, candidate_of
from tests.online.online_world import problem, rollout

PLAIN = Rollouts(
    n=4,
    max_new_tokens=8,
    temperature=1.0,
    top_p=1.0,
    truncation="refused",
    step_timeout=None,
    engine=None,
    runtime=Runtime(8, None),
)


@pytest.mark.parametrize("change", [{"top_p": 0.8}, {"temperature": 0.7}, {"temperature": 0.7, "top_p": 0.8}])
def test_another_distribution_than_the_trained_one_has_to_be_acknowledged(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"^rollouts\.temperature is .* rollouts\.truncation=acknowledged$"):
        replace(PLAIN, **change)  # type: ignore[arg-type]
    made = replace(PLAIN, truncation="acknowledged", **change)  # type: ignore[arg-type]
    assert (made.decoding(()).temperature, made.decoding(()).top_p) == (made.temperature, made.top_p)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n": 1}, "rollouts.n must be at least 2"),
        ({"truncation": "yes"}, "rollouts.truncation must be refused or acknowledged, got 'yes'"),
        ({"temperature": 0.0, "truncation": "acknowledged"}, "rollouts.temperature must be above 0"),
        ({"max_new_tokens": 0}, "max_new_tokens must be at least 1"),
        (
            {"runtime": Runtime(8, 2)},
            r"the learner itself draws; choose engine@rollouts\.engine=",
        ),
        ({"step_timeout": 60.0}, r"set rollouts\.runtime\.workers, or rollouts\.step_timeout=null"),
        ({"step_timeout": 0.0}, r"rollouts\.step_timeout must be above 0 seconds, or null: no limit; got 0"),
        ({"step_timeout": math.nan}, r"rollouts\.step_timeout must be above 0"),
    ],
)
def test_settings_that_mean_nothing_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(PLAIN, **change)  # type: ignore[arg-type]


def test_a_seed_hangs_on_run_step_problem_and_index() -> None:
    digest = hashlib.sha256(json.dumps([3, "rollout/7", "p", 2]).encode()).digest()
    assert sample_seed(3, "rollout/7", "p", 2) == int.from_bytes(digest[:8], "little")


def test_a_rollout_is_a_candidate_with_its_program() -> None:
    drawn = candidate_of(problem("p"), rollout(2, "def f(x): return x", tokens=(7, 8, 1)))
    assert (drawn.index, drawn.code, drawn.n_tokens, drawn.mean_nll) == (2, "def f(x): return x\n", 3, 1.0)


def test_no_workers_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match=r"rollouts\.runtime\.workers must be at least 1, or null"):
        Runtime(8, 0)
