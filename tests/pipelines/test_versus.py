"""Whose verdicts ``versus=RUN`` names: those of the model that the run kept."""

import json
from pathlib import Path

import pytest

from conself.pipelines.evaluation import other_verdicts
from conself.records import Verdict

PLACES = ("base", "tuned")


def verdicts(file: Path, name: str) -> None:
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"id": name, "difficulty": "", "passed": [True]}) + "\n")


def whose(run: Path) -> str:
    (verdict,) = other_verdicts(run, "b")
    assert verdict == Verdict(verdict.problem_id, "", (True,))
    return verdict.problem_id


def rounds(run: Path, number: int) -> None:
    for each in range(1, number + 1):
        for who in PLACES:
            folder = run / "artifacts" / f"round{each}" / "evaluate" / "b" / who
            verdicts(folder / "verdicts.jsonl", f"round {each}, {who}")


def test_of_one_round_it_is_the_tuned_model(tmp_path: Path) -> None:
    for who in PLACES:
        verdicts(tmp_path / "artifacts" / "evaluate" / "b" / who / "verdicts.jsonl", who)
    assert whose(tmp_path) == "tuned"


@pytest.mark.parametrize("results", [None, "{}", "no JSON", "[]"])
def test_of_several_it_is_the_last_ones_where_none_was_chosen(results: str | None, tmp_path: Path) -> None:
    rounds(tmp_path, 11)
    if results is not None:
        (tmp_path / "results.json").write_text(results)
    assert whose(tmp_path) == "round 11, tuned"


@pytest.mark.parametrize(("best", "name"), [(2, "round 2, tuned"), (0, "round 1, base")])
def test_of_rounds_that_were_compared_it_is_the_best_ones(best: int, name: str, tmp_path: Path) -> None:
    rounds(tmp_path, 3)
    (tmp_path / "results.json").write_text(json.dumps({"best_round": best}))
    assert whose(tmp_path) == name


def test_another_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"there is no verdicts\.jsonl; name a run folder or such a file"):
        other_verdicts(tmp_path, "b")
