"""Which round is kept, and when rounds end."""

from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import pytest
from omegaconf import OmegaConf

from conself.agreement.traces import agreement_of
from conself.pipelines.preference.records import Measured, Round
from conself.pipelines.preference.validation import (
    Curve,
    check_validation,
    held_out_consensus,
    kept_answers,
    kept_round,
    why_over,
)
from conself.pipelines.stage import FromArtifacts
from conself.records import Candidate, Pool, Problem, Verdict
from conself.results.benchmarks import Answered
from conself.store.artifacts import Artifact
from conself.store.tables import write_json, write_verdicts
from tests.test_conf import composed


@pytest.mark.parametrize(
    ("values", "best", "over"),
    [
        ([0.5], 0, False),
        ([0.5, 0.6], 1, False),
        ([0.5, 0.6, 0.6], 1, False),  # no gain, one round ago
        ([0.5, 0.6, 0.6, 0.55], 1, True),
        ([0.5, 0.4, 0.5], 0, True),
        ([0.5, 0.4, 0.7, 0.6], 2, False),
    ],
)
def test_the_first_of_the_best_rounds_is_kept_and_two_without_a_gain_end_it(
    values: list[float], best: int, over: bool
) -> None:
    assert (Curve(values).best, Curve(values).is_over(2), Curve(values).is_over(None)) == (best, over, False)


def answered(folder: Path, name: str, right: int) -> dict[str, Answered]:
    """Four answers to the split's problems, of which some are right."""
    path = folder / name
    path.mkdir()
    write_verdicts(path / "verdicts.jsonl", [Verdict(f"p{n}", "", (n < right,)) for n in range(4)])
    return {"minipy_validation": Answered(Artifact("evaluate", name, path, reused=False))}


def rounds(folder: Path, *right: int) -> list[Round]:
    """Rounds whose models get so many of four right; the first number is the model as it was given."""
    models = [answered(folder, str(number), each) for number, each in enumerate(right)]
    nothing = cast(Any, None)
    pairs = pairwise(models)
    return [Round(nothing, nothing, nothing, base, tuned, nothing) for base, tuned in pairs]


CONFIG = OmegaConf.create({"validation": "minipy_validation", "patience": 1})


def test_the_best_round_is_reported_and_its_answers_stand_for_the_job(tmp_path: Path) -> None:
    done = rounds(tmp_path, 1, 3, 2)
    why = why_over(CONFIG, done)
    assert why == "no gain on minipy_validation since round 1, which is kept (patience=1)"
    assert kept_answers(CONFIG, done) is done[0].tuned
    assert kept_round(CONFIG, done, [{}, {}], why) == {
        "best_round": 1,
        "validation": {"benchmark": "minipy_validation", "pass@1": [0.25, 0.75, 0.5]},
        "stopped": why,
    }
    assert why_over(CONFIG, done[:1]) is None


def test_a_job_that_makes_the_model_worse_keeps_what_was_given(tmp_path: Path) -> None:
    done = rounds(tmp_path, 3, 2)
    line = "no gain on minipy_validation since the model as it was given, which is kept (patience=1)"
    assert why_over(CONFIG, done) == line
    assert kept_answers(CONFIG, done) is done[0].base


def test_without_a_validation_split_the_last_round_counts_and_nothing_is_added(tmp_path: Path) -> None:
    done, config = rounds(tmp_path, 3, 1, 0), OmegaConf.create({"validation": None, "patience": None})
    assert why_over(config, done) is None
    assert kept_answers(config, done) is done[-1].tuned
    assert kept_round(config, done, [{}, {}], None) == {}


def test_what_the_held_out_consensus_would_choose_stands_beside(tmp_path: Path) -> None:
    done = rounds(tmp_path, 1, 2, 3)
    figures: list[dict[str, Any]] = [{"held_out_consensus": 0.5}, {"held_out_consensus": 0.4}]
    found = kept_round(CONFIG, done, figures, None)
    assert found["label_free"] == {"held_out_consensus": [0.5, 0.4], "best_round": 0}
    assert found["best_round"] == 2


class Pools(FromArtifacts):
    """Two problems: a cluster of 3 of 4 candidates, and no two candidates alike."""

    artifacts: Any = None

    def of(self, names: Any) -> Any:
        for name, keys in (("a", ["1", "1", "1", "2"]), ("b", ["1", "2", "3", "4"]), ("c", ["1", "1", "1", "1"])):
            if name in names:
                candidates = [Candidate(name, n, None, "", "x", "stop", 0.1, None, None, 1) for n in range(4)]
                problem = Problem(name, "s", "", "f", ("(1,)",), "", "")
                yield Pool(problem, candidates, []), agreement_of([[key] for key in keys])


@pytest.mark.parametrize(
    ("ranking", "wanted"),
    [
        ("reliable_cluster", {"held_out_consensus": 0.375}),  # (3/4 + none) / 2
        ("first", {}),  # gives no weight
    ],
)
def test_the_held_out_consensus_by_hand(ranking: str, wanted: dict[str, float], tmp_path: Path) -> None:
    config = composed(f"ranking={ranking}")
    measured = cast(Measured, type("Known", (), {"agreed": Pools()})())
    write_json(tmp_path / "selection.json", {"dropped": {"a": "held out", "b": "held out", "c": "too uncertain"}})
    assert held_out_consensus(config, measured, Artifact("select", "k", tmp_path, reused=False)) == wanted
    write_json(tmp_path / "selection.json", {"dropped": {"c": "too uncertain"}})
    assert held_out_consensus(config, measured, Artifact("select", "k", tmp_path, reused=False)) == {}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("patience=2", "patience needs validation="),
        ("patience=0 rounds=3 validation=minipy_validation benchmark=[minipy_validation]", "patience must be an int"),
        ("validation=minipy rounds=3", "never by a benchmark"),
        ("validation=minipy_validation rounds=3", r"must be one of benchmark=\[minipy\]"),
        ("validation=minipy_validation benchmark=[minipy_validation]", "there is one: set rounds=6"),
    ],
)
def test_choices_that_mean_nothing_or_go_by_a_benchmark(words: str, line: str) -> None:
    with pytest.raises(ValueError, match=line):
        check_validation(composed(*words.split()))


def test_choices_that_can_be_made() -> None:
    check_validation(
        composed("rounds=3", "patience=2", "validation=minipy_validation", "benchmark=[minipy_validation]")
    )
    check_validation(composed())
