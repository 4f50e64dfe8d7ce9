"""Problems and programs that rollouts can be made of; no torch."""

from collections.abc import Sequence

from conself.agreement.behaviour import Behaviour
from conself.agreement.comparison import Comparison
from conself.online.groups import Grading
from conself.online.rollouts import Rollout
from conself.prompts.prompts import Prompts
from conself.records import Problem
from conself.rewards.consensus import ConsensusReward
from conself.rewards.reward import Reward
from conself.sandbox import Limits

LIMITS = Limits(cpu_seconds=0.5, wall_seconds=5.0, memory_mb=256, output_kb=64, max_timeouts=1, audit=0.0)
EQUALITY = Comparison(True, "by_value", "tolerance", 6, True)
WORDS = Prompts(system=None, observe="{statement} {n}", program="{statement}", guided="{statement} {observation}")


def problem(name: str, statement: str = "x5") -> Problem:
    return Problem(name, statement, "", "f", ("(1,)", "(2,)"), "", "")


def problems(count: int) -> list[Problem]:
    """Their statements are different words of the tiny model's."""
    return [problem(f"p{k}", f"x{10 + k} x5") for k in range(count)]


def grading(reward: Reward | None = None) -> Grading:
    return Grading(LIMITS, 1, EQUALITY, Behaviour(False, None), reward or ConsensusReward())


def rollout(index: int, code: str, tokens: Sequence[int] = (7, 1), finish_reason: str = "stop") -> Rollout:
    """A response that the sandbox runs; its tokens are any."""
    text = f"```python\n{code}\n```"
    return Rollout("p", "solver", index, (3, 4), tuple(tokens), (-1.0,) * len(tokens), finish_reason, text)
