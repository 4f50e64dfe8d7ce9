"""Choose the round to keep by a validation split; report the label-free choice by consensus on held-out problems."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from omegaconf import DictConfig

from conself.curricula.held_out import HELD_OUT
from conself.pipelines.preference.records import Measured, Round
from conself.rankings.ranked import Ranking, mean_weight
from conself.results.benchmarks import Answered, pass_figures, verdicts
from conself.runtime.parts import build
from conself.sandbox.jsonlines import Plain
from conself.store.artifacts import Artifact

_SUFFIX = "_validation"


@dataclass(frozen=True)
class Curve:
    """A figure before the first round and after each round; higher is better."""

    values: Sequence[float]

    @property
    def best(self) -> int:
        """The round with the best model, the first of equals; 0: the original model."""
        return max(range(len(self.values)), key=lambda number: (self.values[number], -number))

    def is_over(self, patience: int | None) -> bool:
        """Return whether the last ``patience`` rounds brought no gain; never for None."""
        return patience is not None and len(self.values) - 1 - self.best >= patience


def curve_of(validation: str, done: Sequence[Round]) -> Curve:
    """Compute pass@1 on the validation split, before the first round and after each."""
    return Curve([_pass_at_1(done[0].base[validation]), *(_pass_at_1(one.tuned[validation]) for one in done)])


def _pass_at_1(answered: Answered) -> float:
    figures = pass_figures(verdicts(answered.alone), [1])
    return float(str(figures["pass@1"]))


def why_over(config: DictConfig, done: Sequence[Round]) -> str | None:
    """Explain why no further round is worthwhile; None if one is, or if rounds are not compared."""
    if config.validation is None or not (curve := curve_of(config.validation, done)).is_over(config.patience):
        return None
    return f"no gain on {config.validation} since {best_of(curve)}, which is kept (patience={config.patience})"


def best_of(curve: Curve) -> str:
    """Describe the best round in words."""
    return f"round {curve.best}" if curve.best else "the model as it was given"


def kept_answers(config: DictConfig, done: Sequence[Round]) -> Mapping[str, Answered]:
    """Return the answers of the model that is kept: of the best round by validation, or else of the last."""
    best = len(done) if config.validation is None else curve_of(config.validation, done).best
    return done[best - 1].tuned if best else done[0].base


def kept_round(
    config: DictConfig, done: Sequence[Round], figures: Sequence[Mapping[str, Plain]], over: str | None
) -> dict[str, Plain]:
    """Return the entries of results.json on the choice of a round; empty if rounds are not compared.

    ``best_round`` has the highest pass@1 on ``validation`` (0: the original model). ``label_free`` is the choice by
    consensus on held-out problems, which each round measures on the model it starts from.
    """
    entries: dict[str, Plain] = {}
    if config.validation is not None:
        curve = curve_of(config.validation, done)
        entries |= {"best_round": curve.best, "validation": {"benchmark": config.validation, "pass@1": [*curve.values]}}
        entries |= {} if over is None else {"stopped": over}
    held = [float(str(row["held_out_consensus"])) for row in figures if "held_out_consensus" in row]
    if len(held) > 1:
        entries["label_free"] = {"held_out_consensus": held, "best_round": Curve(held).best}
    return entries


def held_out_consensus(config: DictConfig, measured: Measured, selection: Artifact) -> dict[str, Plain]:
    """Return the mean weight of the winner over held-out problems, for the model that the round starts from.

    A problem without a winner counts as 0. Empty if no problem is held out or the ranking gives no weight.
    """
    dropped = json.loads((selection.path / "selection.json").read_text())["dropped"]
    held = {name for name, reason in dropped.items() if reason == HELD_OUT}
    ranking = build(config.ranking, Ranking)
    if not held or not ranking.gives_weight:
        return {}
    ranked = [ranking(pool, agreed, agreed.passing) for pool, agreed in measured.agreed.of(held)]
    return {"held_out_consensus": mean_weight(ranked)}


def check_validation(config: DictConfig) -> None:
    """Validate ``validation`` and ``patience``: rounds must not be chosen by a benchmark.

    Raises:
        ValueError: ``patience`` is no int of at least 1, or is set without ``validation``; ``validation`` is no
            validation split among ``benchmark``, or there is one round.
    """
    validation, patience = config.validation, config.patience
    if patience is not None and (type(patience) is not int or patience < 1):
        raise ValueError(f"patience must be an int of at least 1, or null for all rounds, got {patience}")
    if validation is None and patience is not None:
        raise ValueError("patience needs validation=NAME: the split by which rounds are compared")
    if validation is None:
        return
    if type(validation) is not str or not validation.endswith(_SUFFIX) or validation not in config.benchmark:
        raise ValueError(
            f"validation={validation} must be one of benchmark=[{','.join(map(str, config.benchmark))}] whose name "
            f"ends with {_SUFFIX}: rounds are compared by a validation split, never by a benchmark"
        )
    if config.rounds == 1:
        raise ValueError(
            f"validation={validation} compares rounds, and there is one: set rounds=6, say, or leave it out"
        )
