"""UCoder as one job: problems by a canned model, and what the embedded model learns from its own answers to them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import open_dict

from conself.app.job import run
from conself.proposers.claims import read_claims
from conself.proposers.proposal import ProposalRow
from conself.records import PreferencePair, Problem
from conself.store.tables import read_records
from tests.e2e.conftest import ROOT

WORDS = [
    "experiment=ucoder",
    "tracking=none",
    "executor.workers=1",
    "training.epochs=1",
    "proposer.problems=6",
    "proposer.min_inputs=3",
    "sampler.n=6",
    "benchmark=[minipy_validation]",
    "benchmark.minipy_validation.size=10",
    "validation=minipy_validation",
    "rounds=3",
    "patience=1",
    "curriculum=held_out",
    "curriculum.n=2",
    "~metrics.naive_semantic_entropy",
]


def job(folder: Path, *words: str) -> dict[str, Any]:
    """One job in this process; its results."""
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        config = compose("train", [*WORDS, *words, f"artifacts={folder}/store"])
    with open_dict(config):
        config.engine = {
            "_target_": "tests.proposers.canned.Writing",
            "runtime": {"_target_": "conself.engines.nobody.OneCall"},
        }
    folder.mkdir(exist_ok=True)
    run(config, folder, in_sweep=False)
    found: dict[str, Any] = json.loads((folder / "results.json").read_text())
    return found


@pytest.mark.slow
def test_one_job_from_topics_to_a_model(tmp_path: Path) -> None:
    results = job(tmp_path)
    keys, store = results["artifacts"], tmp_path / "store"
    proposed = store / "propose" / keys["propose"]
    rows = read_records(proposed, ProposalRow, "proposals")
    assert results["proposed"]["asks"] == len(rows) == 6 + sum(results["proposed"]["dropped"].values())
    problems = {p.id for p in read_records(proposed, Problem, "problems")}
    assert {test.problem_id for test in read_claims(proposed)} == problems
    pairs = read_records(store / "pair" / keys["round1/pair"], PreferencePair, "pairs")
    assert {pair.problem_id for pair in pairs} < problems
    assert len(pairs) == 4, "two of six are held out"
    assert all("number * 2" in pair.chosen and pair.rejected is None for pair in pairs), "two in three say so"
    assert results["validation"] == {"benchmark": "minipy_validation", "pass@1": [0.0, 0.0]}
    assert (results["best_round"], len(results["rounds"])) == (0, 1)
    assert results["stopped"].startswith("no gain on minipy_validation since the model as it was given")
    assert results["held_out_consensus"] > 0.3
    assert {"propose", "pass", "fit"} <= set(results["seconds"])
