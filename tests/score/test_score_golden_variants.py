"""The golden pool under another comparison and other rules of behaviour: the same executions, agreed upon anew."""

import json
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir

from conself.app.job import run
from tests.e2e.conftest import ROOT
from tests.score.conftest import LIMITS, PRINTED, found, lines, moved

pytestmark = pytest.mark.slow

STRICT = ("comparison.list_equals_tuple=false", "comparison.float_digits=17")
NONE = ("behaviour.silent_crashes=true",)
CONST5 = (*NONE, "behaviour.constant_crashes_from=5")


def rescored(out: Path, folder: Path, *words: str) -> Path:
    """The folder of the results under other settings, which run no program."""
    places = (f"pool={out}/pool.jsonl", f"artifacts={out}/store", "executor.workers=1")
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        run(compose("score", [*places, *LIMITS, *words]), folder, in_sweep=False)
    before, after = (json.loads((f / "results.json").read_text())["artifacts"] for f in (out / "run", folder))
    assert after["execute"] == before["execute"]
    assert after["agree"] != before["agree"]
    return folder


def test_the_strict_comparison(out: Path, tmp_path: Path) -> None:
    """Lists are no tuples, and floats compare by all their digits. The reference lists what differs from ``loose``."""
    mine = found(rescored(out, tmp_path, *STRICT), "uncertainty")
    golden, left_out = lines("codegen16b.metrics"), moved(out)
    assert sum("strict" in row for row in golden.values()) > 0
    for name, row in mine.items():
        if name in left_out:
            continue
        block = golden[name]["loose"] | golden[name].get("strict", {})
        assert (row["crashed"], row["clusters"], row["winner"]) == (
            block["crashed"],
            block["clusters"],
            block["winner"],
        )
        assert row["losers"][:3] == block["losers3"], name
        assert row["R"] == pytest.approx(block["R"], abs=PRINTED, rel=0), name
        assert row["metrics"]["code_semantic_entropy"] == pytest.approx(block["H"], abs=PRINTED, rel=0), name


@pytest.mark.parametrize(("rule", "words"), [("none", NONE), ("const5", CONST5)])
def test_rules_of_behaviour(rule: str, words: tuple[str, ...], out: Path, tmp_path: Path) -> None:
    mine = found(rescored(out, tmp_path, *words), "uncertainty")
    golden, left_out = lines("codegen16b.metrics"), moved(out)
    for name, row in mine.items():
        if name not in left_out:
            block = golden[name]["improved"][rule]
            assert (row["winner"], row["n_alive"]) == (block["winner"], block["n_alive"]), name
            assert bool(row["winner_passed"]) == bool(block["winner_correct"]), name
