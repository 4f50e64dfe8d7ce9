"""Every loss is counted, and named with what would change it."""

import io
import json
from pathlib import Path

from omegaconf import OmegaConf
from rich.console import Console

from conself.results.shortfalls import losses, tell_losses, with_remedies
from conself.store.artifacts import Artifact


def test_each_loss_names_the_setting_of_its_own_stage() -> None:
    counts = {
        "missing_modules": 3,
        "modules": {"numpy": 1, "scipy": 2},
        "recursion_errors": 1,
        "cut_outputs": 1,
        "unreadable": 1,
        "long_iterators": 1,
        "no_room": 1,
    }
    lost = {"execute": counts, "round2/evaluate/mbpp/base": counts | {"unanswered": 1, "malformed": 1, "unmatched": 2}}
    stages = dict(zip(lost, ("execute", "evaluate"), strict=True))
    found = with_remedies(lost, {name: Artifact(stage, "", Path(), False) for name, stage in stages.items()})
    assert found["losses"] == lost
    trained, judged = found["remedies"].values()
    assert list(found["remedies"]) == list(lost)
    assert trained["missing_modules"] == (
        "programs lack a module (scipy 2, numpy 1): grant it by sandbox.packages=[scipy,numpy] where it is installed"
    )
    assert "raise sandbox.output_kb" in trained["cut_outputs"]
    assert "sys.setrecursionlimit" in trained["recursion_errors"]
    assert "docs/equality.md" in trained["unreadable"]
    assert "docs/equality.md" in trained["long_iterators"]
    assert "raise judging.output_kb" in judged["cut_outputs"]
    assert "recorded.strict=true" in judged["malformed"]
    assert "benchmark=" in judged["unmatched"]
    assert set(judged) == {*trained, "unanswered", "malformed", "unmatched"}


def test_what_is_left_out_has_its_words_and_nothing_lost_has_none() -> None:
    lost = {"problems": {"left_out": {"malformed record": 2}}}
    made = {"problems": Artifact("problems", "", Path(), False)}
    assert "strict=true" in with_remedies(lost, made)["remedies"]["problems"]["left_out"]
    assert with_remedies({}, made) == {"losses": {}, "remedies": {}}


def test_empty_answers_of_sampling_are_told_and_kept(tmp_path: Path) -> None:
    console = Console(file=io.StringIO(), width=200)
    (tmp_path / "manifest.json").write_text(json.dumps({"summary": {"candidates": 30, "no_room": 15}}))
    made = Artifact("sample", "key", tmp_path, False)
    assert tell_losses(console, made, OmegaConf.create({"seed": 1})) is made
    assert isinstance(console.file, io.StringIO)
    assert console.file.getvalue().startswith("- 15 answers are empty, for their prompts fill the model's context")
    assert losses({"sample": made}) == {"sample": {"no_room": 15}}
