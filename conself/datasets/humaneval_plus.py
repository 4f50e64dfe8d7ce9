"""HumanEval+ of EvalPlus: HumanEval's problems with many more tests, in the same form."""

from dataclasses import dataclass
from typing import ClassVar

from conself.datasets.humaneval import HumanEval


@dataclass(frozen=True)
class HumanEvalPlus(HumanEval):
    """As :class:`HumanEval`, whose ids it keeps; its tests compare floats with a tolerance and import numpy."""

    source: ClassVar[str] = "HumanEval+"
