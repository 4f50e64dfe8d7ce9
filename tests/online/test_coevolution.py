"""Programs and tests of one tiny model in turn: what is learned, by whom, and what a stop leaves."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import ClassVar

import pytest
from lightning.pytorch.loggers import CSVLogger

from conself.agreement.passing_matrix import PassingMatrix
from conself.engines.decoding import Decoding
from conself.engines.transformers.ledger import Completion, Request
from conself.online import loop
from conself.online.loop import Report
from conself.online.rollouts import Runtime
from conself.online.settings import Method
from conself.online.sources import FromLearner, Source
from conself.online.testing import goes_by_b4, with_prior
from conself.online.updates.alternate import Alternate
from conself.online.updates.coder import Coder
from conself.online.updates.joint import Joint
from conself.rankings.b4 import B4
from conself.rankings.b4_calibration import USUAL, Prior
from conself.rankings.codet import CodeT
from conself.records import ModelRef, Pool, Problem
from conself.rewards.abstaining import Abstaining
from conself.rewards.all_passed import AllPassed
from conself.rewards.consensus import ConsensusReward
from conself.rewards.selected import Selected
from conself.store.curves import read_curve
from conself.training.learner import Learner
from tests.online.roles_world import (
    CRASH,
    DOUBLE,
    FALSE,
    MEANT,
    SAID,
    both,
    calibrated,
    speaking,
    train_both,
    with_testers,
)
from tests.online.test_loop import StopAt, facts, same, weights
from tests.online.test_sources import ENGINE
from tests.training.resume_world import StoppedError


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelRef:
    """One that can write right and wrong programs and tests."""
    return speaking(SAID, tmp_path_factory.mktemp("speaking"))


@pytest.fixture(scope="module")
def whole(model: ModelRef, tmp_path_factory: pytest.TempPathFactory) -> tuple[Report, Path]:
    """Twelve steps of both roles at once, stopped by nothing."""
    out = tmp_path_factory.mktemp("both") / "out"
    return train_both(model, out, both(12, update=Joint())), out


def test_both_roles_learn_their_own_form(whole: tuple[Report, Path]) -> None:
    """Programs run more often than before, and more replies are tests, though one set of weights writes both."""
    rows = read_curve(whole[1])
    first, last = rows[:3], rows[-3:]
    for name in ("without_code", "unparsable"):
        assert fmean(row[name] for row in last) < 0.8 * fmean(row[name] for row in first)
    assert fmean(row["tester_reward"] for row in last) > fmean(row["tester_reward"] for row in first)


def test_a_row_has_the_figures_of_both_roles(whole: tuple[Report, Path]) -> None:
    report, out = whole
    rows = read_curve(out)
    assert {"unparsable", "without_tests", "without_right", "matrix_rank", "tester_entropy", "tester_cut"} <= set(
        rows[-1]
    )
    right = [row for row in rows if "test_accuracy" in row]
    assert right
    for row in right:
        assert 0 < row["right_programs"] <= 1
        assert 0 < row["right_tests"] <= 1
        assert 0 <= row["test_accuracy"] <= 1
    assert any("mutation" in row for row in rows)
    assert sum(row["sampled_tokens"] for row in rows) == report.sampled_tokens <= 12 * 3 * 14 * 6
    assert report.trained_tokens > 0


@pytest.mark.parametrize("step", [0, 11])
def test_stopped_within_a_step_it_ends_with_the_same_bits(
    step: int, whole: tuple[Report, Path], model: ModelRef, tmp_path: Path
) -> None:
    chosen = both(12, update=Joint())
    with pytest.raises(StoppedError):
        train_both(model, tmp_path / "out", chosen, StopAt(step))
    report = train_both(model, tmp_path / "out", chosen, CSVLogger(str(tmp_path), name="curve", version="0"))
    assert facts(report) == facts(whole[0])
    assert (tmp_path / "out" / "steps.jsonl").read_bytes() == (whole[1] / "steps.jsonl").read_bytes()
    assert same(weights(tmp_path / "out"), weights(whole[1]))


def test_in_turn_the_coder_learns_first(model: ModelRef, tmp_path: Path) -> None:
    """One step of taking turns is one of coders alone; after two there is another one, of the tester."""
    for name, steps, update in (("turns", 1, Alternate()), ("coder", 1, Coder()), ("two", 2, Alternate())):
        train_both(model, tmp_path / name, both(steps, update=update))
    assert same(weights(tmp_path / "turns"), weights(tmp_path / "coder"))
    assert not same(weights(tmp_path / "turns"), weights(tmp_path / "two"))
    first, second = read_curve(tmp_path / "two")
    assert first["trained_tokens"] > 0
    assert second["trained_tokens"] > 0
    assert [update(step) for update in (Alternate(), Joint()) for step in (0, 1)] == [
        ("solver",),
        ("tester",),
        ("solver", "tester"),
        ("solver", "tester"),
    ]


@pytest.mark.parametrize(
    ("said", "figures"),
    [
        ([CRASH, DOUBLE, FALSE], {"without_right": 1.0, "unrewarded": 1.0, "tester_unrewarded": 1.0}),
        ([DOUBLE, "no idea", "[1, 2]"], {"unparsable": 1.0, "without_tests": 1.0, "without_right": 1.0}),
    ],
)
def test_where_nobody_passes_or_nobody_writes_tests_nothing_is_learned(
    said: list[str], figures: Mapping[str, float], tmp_path: Path
) -> None:
    """Programs double while every claim is false; or the tester never answers in the form asked for."""
    report = train_both(speaking(said, tmp_path / "model"), tmp_path / "out", both(2, update=Joint()))
    assert (report.steps, report.skipped, report.trained_tokens) == (2, 2, 0)
    for row in read_curve(tmp_path / "out"):
        assert {name: row[name] for name in figures} == figures


def test_a_reward_without_tests_goes_on_where_there_are_none(tmp_path: Path) -> None:
    said = [DOUBLE, CRASH, "no idea"]
    report = train_both(speaking(said, tmp_path / "model"), tmp_path / "out", both(2, ConsensusReward()))
    assert report.trained_tokens > 0


def test_a_problem_of_which_a_role_is_late_leaves_the_step(
    model: ModelRef, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of those asked for is late each time: one of programs, and of the others one of tests."""

    def late(method: Method, model: ModelRef, learner: Learner, *_: object) -> Source:  # noqa: ARG001
        own = FromLearner(learner, model, 64)

        def source(
            requests: Sequence[Request], how: Decoding, step: int, seconds: float | None
        ) -> list[list[Completion] | None]:
            assert seconds == 5
            return [None, *own(requests[1:], how, step, None)]

        return source

    monkeypatch.setattr(loop, "source_of", late)
    chosen = both(2, update=Joint())
    rollouts = replace(chosen.rollouts, engine=ENGINE, step_timeout=5.0, runtime=Runtime(64, 2))
    report = train_both(model, tmp_path / "out", replace(chosen, rollouts=rollouts))
    first, second = read_curve(tmp_path / "out")
    assert (first["late"], "reward" in first, "tester_length" in first) == (2, True, True)
    assert second == {"step": 1, "late": 2, "sampled_tokens": 0, "trained_tokens": 0, "skipped": 1}
    assert report.late == 4


def test_frozen_tests_are_written_once_and_kept(model: ModelRef, tmp_path: Path) -> None:
    """One greedy reply to each of five problems; a run that goes on reads what the first has written."""
    chosen = both(3, AllPassed(), frozen=True, update=Coder())
    train_both(model, tmp_path / "whole", chosen)
    written = (tmp_path / "whole" / "written_tests.jsonl").read_text()
    assert [len(json.loads(line)["replies"]) for line in written.splitlines()] == [1] * 5
    with pytest.raises(StoppedError):
        train_both(model, tmp_path / "out", chosen, StopAt(1))
    kept = tmp_path / "out" / "written_tests.jsonl"
    assert kept.read_text() == written
    train_both(model, tmp_path / "out", chosen)
    assert same(weights(tmp_path / "out"), weights(tmp_path / "whole"))
    kept.write_text("".join(json.dumps({"problem_id": f"p{k}", "replies": [["stop", MEANT]]}) + "\n" for k in range(5)))
    train_both(model, tmp_path / "out", chosen)
    rows = read_curve(tmp_path / "out")
    assert all((row["unparsable"], row["without_tests"]) == (0, 0) for row in rows)
    assert "tester_reward" not in rows[0]


@dataclass(frozen=True)
class Known:
    """Knows that programs are right that double; says each prior in turn."""

    labels: ClassVar[str] = "calibration"

    previous: list[Prior] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)

    def fingerprint(self) -> str:
        return "doubling"

    def labelled(self, problems: Sequence[Problem], seed: int) -> list[Problem]:  # noqa: ARG002
        return list(problems[:2])

    def __call__(
        self,
        pools: Sequence[Pool],
        matrices: Mapping[str, PassingMatrix],  # noqa: ARG002
        previous: Prior,
        workers: int,  # noqa: ARG002
    ) -> tuple[Prior, float]:
        self.previous.append(previous)
        self.seen.extend(pool.problem.id for pool in pools)
        return Prior(previous.log10_beta0 + 1, 0), 0.5


def test_a_calibration_chooses_the_prior_of_each_step(model: ModelRef, tmp_path: Path) -> None:
    """It is told the prior of the step before, also by a run that goes on; its problems are not trained on."""
    known = Known()
    report = train_both(model, tmp_path / "whole", calibrated(3, known))
    assert known.previous == [USUAL, Prior(5, 0), Prior(6, 0)]
    assert known.seen == ["p0", "p1"] * 3
    assert (report.n_labelled, report.n_problems) == (2, 3)
    rows = read_curve(tmp_path / "whole")
    assert [(row["log10_beta0"], row["log10_alpha"]) for row in rows] == [(5, 0), (6, 0), (7, 0)]
    assert all(row["calibration_tokens"] > 0 for row in rows)
    with pytest.raises(StoppedError):
        train_both(model, tmp_path / "out", calibrated(3, Known()), StopAt(1))
    train_both(model, tmp_path / "out", calibrated(3, Known()))
    assert (tmp_path / "out" / "steps.jsonl").read_bytes() == (tmp_path / "whole" / "steps.jsonl").read_bytes()
    assert same(weights(tmp_path / "out"), weights(tmp_path / "whole"))


def test_a_prior_reaches_b4_wherever_it_stands() -> None:
    part = Abstaining(Selected(B4(4, 3)), B4(4, 3), 0.25)
    assert with_prior(part, Prior(1, 0)) == Abstaining(Selected(B4(1, 0)), B4(1, 0), 0.25)
    assert with_prior(CodeT(0.5), Prior(1, 0)) == CodeT(0.5)
    assert (goes_by_b4(part), goes_by_b4(Selected(B4(0, 0))), goes_by_b4(CodeT(0.5))) == (True, True, False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n": 1}, r"testing\.n must be at least 2, got 1"),
        ({"n_mutants": -1}, r"testing\.n_mutants must be 0"),
        ({"frozen": True}, r"set online/update@testing\.update=coder"),
        ({"frozen": True, "update": Coder(), "calibration": Known()}, r"set testing\.frozen=false"),
        ({"calibration": Known()}, r"testing\.ranking is CodeT; set ranking=b4"),
    ],
)
def test_settings_that_exclude_one_another_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        with_testers(**change)


def test_the_method_of_one_role_has_no_testers() -> None:
    assert Method.__dataclass_fields__["testing"].default is None
