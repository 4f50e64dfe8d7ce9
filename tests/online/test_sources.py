"""Engines that draw instead of the learner: their tokens count, and a canary tells whose weights they draw by."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import copytree
from typing import Any, ClassVar

import pytest

from conself.engines.decoding import Decoding
from conself.engines.engine import Demand, Engine, Flow
from conself.engines.transformers.engine import Runtime, TransformersEngine
from conself.engines.transformers.ledger import Completion, Request
from conself.online.settings import Method
from conself.records import Candidate, ModelRef, Problem
from conself.store.curves import read_curve
from tests.online.loop_world import method, train

ENGINE = TransformersEngine(Runtime(batch_size=64, device="cpu", processes=1, shards_per_task=1, threads=1))


@dataclass
class Stale(Engine):
    """Goes on with the first weights that it has seen; or, ``bare``, with none."""

    bare: bool = False
    first: list[ModelRef] = field(default_factory=list)
    runtime: Any = None

    loads_model: ClassVar[bool] = True

    def fingerprint(self, model: ModelRef | None) -> str:
        raise NotImplementedError

    def draw(
        self, problems: Iterable[Problem], flow: Flow, demand: Demand, model: ModelRef | None
    ) -> Iterator[list[Candidate]]:
        raise NotImplementedError

    def tokens(self, requests: Sequence[Request], how: Decoding, model: ModelRef) -> list[list[Completion]]:
        if not self.first:
            kept = copytree(
                str(model.adapter), Path(str(model.adapter)).parents[2] / "kept"
            )  # that of the step goes with it
            self.first = [replace(model, adapter=None if self.bare else str(kept))]
        return ENGINE.tokens(requests, how, self.first[0])


def with_engine(engine: Engine, steps: int, learning_rate: float = 2e-2) -> Method:
    chosen = method(steps)
    training = replace(chosen.training, learning_rate=learning_rate)
    return replace(chosen, rollouts=replace(chosen.rollouts, engine=engine), training=training)


def test_an_engine_draws_by_the_weights_of_each_step(model_ref: ModelRef, tmp_path: Path) -> None:
    """It takes the adapter into the weights, so that log-probs differ by rounding alone."""
    train(model_ref, tmp_path / "own", method(3))
    train(model_ref, tmp_path / "engine", with_engine(ENGINE, 3))
    own, engine = (read_curve(tmp_path / name) for name in ("own", "engine"))
    assert [row["sampled_tokens"] for row in own] == [row["sampled_tokens"] for row in engine]
    for row, other in zip(own, engine, strict=True):
        assert other["reward"] == pytest.approx(row["reward"])
        assert other["behaviour_kl"] < 1e-9
    assert not (tmp_path / "engine" / "worn").exists()


def test_an_engine_that_goes_on_with_an_old_adapter_is_told(model_ref: ModelRef, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^Stale draws by other weights .* at step 1: log-probs differ by"):
        train(model_ref, tmp_path / "out", with_engine(Stale(), 3))


def test_also_where_a_step_changes_less_than_two_engines_may_differ_by(model_ref: ModelRef, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^Stale draws by other weights .* at step 1: it has not changed since"):
        train(model_ref, tmp_path / "out", with_engine(Stale(), 3, learning_rate=1e-6))


def test_an_engine_that_wears_nothing_is_told_once_there_is_something(model_ref: ModelRef, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"draws by other weights .* at step 1: "):
        train(model_ref, tmp_path / "out", with_engine(Stale(bare=True), 3))
