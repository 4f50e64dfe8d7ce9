"""Rollouts by workers: the tokens of one engine, what a kill leaves, and steps that do not wait for whom is late."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from conself.engines.engine import Engine
from conself.engines.transformers.engine import TransformersEngine
from conself.executors.local import LocalExecutor
from conself.online import workers
from conself.online.settings import Method
from conself.online.steps import problems_of
from conself.records import ModelRef
from conself.store.curves import read_curve
from tests.online.loop_world import method, train
from tests.online.online_world import problems
from tests.online.test_loop import same, weights
from tests.online.worker_engines import RUNTIME, Bare, Dying, Stalling, time_of

pytestmark = pytest.mark.e2e

ENGINE = TransformersEngine(RUNTIME)


def by(engine: Engine, count: int | None, steps: int = 3, seconds: float | None = None) -> Method:
    """Trainings whose parts are of one problem each, if there are workers."""
    chosen = method(steps)
    runtime = replace(chosen.rollouts.runtime, batch_size=chosen.rollouts.n, workers=count)
    return replace(chosen, rollouts=replace(chosen.rollouts, engine=engine, step_timeout=seconds, runtime=runtime))


@pytest.fixture(scope="module")
def executor() -> Iterator[LocalExecutor]:
    with LocalExecutor(1) as executor:
        yield executor


@pytest.fixture(scope="module")
def here(model_ref: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A training whose rollouts an engine in this process draws; test_sources holds them against the learner's."""
    out = tmp_path_factory.mktemp("here") / "out"
    train(model_ref, out, by(ENGINE, None))
    return out


def test_a_worker_draws_what_an_engine_in_this_process_draws(
    here: Path, executor: LocalExecutor, model_ref: ModelRef, tmp_path: Path
) -> None:
    """Each part of its own, which is another batch; figures and weights have the same bits."""
    out = tmp_path / "out"
    train(model_ref, out, by(ENGINE, 1), executor=executor)
    assert (out / "steps.jsonl").read_bytes() == (here / "steps.jsonl").read_bytes()
    assert same(weights(out), weights(here))
    assert sorted(path.name for path in out.iterdir()) == ["adapter", "steps.jsonl"]


def test_a_worker_whose_engine_wears_nothing_is_told(
    executor: LocalExecutor, model_ref: ModelRef, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"^Bare draws by other weights .* at step 1: .*runtime\.workers"):
        train(model_ref, tmp_path / "out", by(Bare(RUNTIME), 1), executor=executor)


def test_a_worker_killed_within_a_step_ends_the_run_which_goes_on_with_the_same_bits(
    here: Path, executor: LocalExecutor, model_ref: ModelRef, tmp_path: Path
) -> None:
    """By two workers, who share each step: their number is not part of what a training is."""
    out, engine = tmp_path / "out", Dying(RUNTIME, str(tmp_path / "died"))
    with pytest.raises(ChildProcessError, match="run the same command again"):
        train(model_ref, out, by(engine, 1), executor=executor)
    assert len(read_curve(out)) == 1
    train(model_ref, out, by(engine, 2), executor=executor)
    assert (out / "steps.jsonl").read_bytes() == (here / "steps.jsonl").read_bytes()
    assert same(weights(out), weights(here))
    executor.release_others()


def test_a_problem_that_is_late_leaves_the_step_and_is_counted(
    executor: LocalExecutor, model_ref: ModelRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last problem of the first step is late; in the second, by a new worker, the first one, and with it the other.

    The time is over whenever the engine stalls, and at no other time.
    """
    stalls = tmp_path / "stalls"
    stalls.mkdir()
    monkeypatch.setattr(workers, "now", lambda: time_of(stalls))
    first, second = (problems_of(step, problems(5), 2, 0) for step in range(2))
    slow = frozenset(int(problem.statement.split()[0][1:]) for problem in (first[1], second[0]))
    began = time.monotonic()
    report = train(model_ref, tmp_path / "out", by(Stalling(RUNTIME, str(stalls), slow), 1, 2, 30.0), executor=executor)
    assert time.monotonic() - began < 300, "a stall takes five minutes"
    learned, skipped = read_curve(tmp_path / "out")
    assert learned.pop("late") == 1
    assert skipped == {"step": 1, "late": 2, "sampled_tokens": 0, "trained_tokens": 0, "skipped": 1}
    assert (report.late, report.skipped, report.steps) == (3, 1, 2)
    alone = by(ENGINE, None, 1)
    train(model_ref, tmp_path / "alone", replace(alone, loop=replace(alone.loop, problems=1)))
    assert [learned] == read_curve(tmp_path / "alone"), "the step of the other problem alone"
    assert same(weights(tmp_path / "out"), weights(tmp_path / "alone"))


def test_no_executor_no_workers(model_ref: ModelRef, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^rollouts\.runtime\.workers=2, and no executor runs them"):
        train(model_ref, tmp_path / "out", by(ENGINE, 2))
