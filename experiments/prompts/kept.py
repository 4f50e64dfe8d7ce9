"""What a wording came to, on disk: an experiment that was stopped goes on from the wordings that are done."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from conself.records import Verdict
from conself.store.artifacts import write_whole
from experiments.prompts.figures import Answered


@dataclass(frozen=True)
class Measured:
    """A wording's figures, the verdicts by problem, and all answers as (problem, observation, text)."""

    figures: dict[str, Any]
    verdicts: tuple[Verdict, ...]
    answers: tuple[tuple[str, str | None, str], ...]

    @classmethod
    def of(cls, answered: Sequence[Answered], figures: dict[str, Any]) -> "Measured":
        """The answers with the figures that were worked out from them."""
        drawn = (candidate for each in answered for candidate in each.pool.candidates)
        texts = tuple((c.problem_id, c.observation, c.text) for c in drawn)
        return cls(figures, tuple(each.verdict for each in answered), texts)


def read(path: Path, asked: Mapping[str, Any]) -> Measured | None:
    """What was written for exactly this prompt, model, problems and number of answers; else None."""
    if not path.is_file():
        return None
    found = json.loads(path.read_text())
    if found["asked"] != asked:
        return None
    verdicts = (Verdict(v["problem_id"], v["difficulty"], tuple(v["passed"])) for v in found["verdicts"])
    return Measured(found["figures"], tuple(verdicts), tuple((a, b, c) for a, b, c in found["answers"]))


def write(path: Path, asked: Mapping[str, Any], measured: Measured) -> None:
    """Write it, whole or not at all."""
    verdicts = [asdict(verdict) for verdict in measured.verdicts]
    found = {"asked": asked, "figures": measured.figures, "verdicts": verdicts, "answers": measured.answers}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, lambda temporary: temporary.write_text(json.dumps(found) + "\n"))
