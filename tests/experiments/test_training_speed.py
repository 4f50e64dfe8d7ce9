"""The benchmark of the training step: its formulas by hand, and that its command runs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import Qwen2Config, Qwen2ForCausalLM

from conself.training.data import Response, pair_example

pytest.importorskip("trl", reason="TRL is not installed: pip install -c constraints.txt -e '.[trl]'")
from experiments.training_speed import flops, settings

ROOT = Path(__file__).parents[2]
TINY = settings.Shape(layers=2, hidden=8, heads=4, kv_heads=2, feed=6, words=10)


def test_weights_are_those_of_the_model() -> None:
    model = Qwen2ForCausalLM(Qwen2Config(**TINY.config()))
    linear = {name: p.numel() for name, p in model.named_parameters() if "_proj.weight" in name}
    assert TINY.body == sum(linear.values()) == 2 * 8 * (2 * 8 + 2 * 4 + 3 * 6)
    assert TINY.head == model.lm_head.weight.numel() == 80


def test_a_7b_models_proportions() -> None:
    """28 layers of 3584 x (2 x 3584 + 2 x 512 + 3 x 18944) and a head of 3584 x 152064, by a calculator."""
    assert settings.CODER_7B.body == 6_525_288_448
    assert pytest.approx(0.08352, abs=1e-5) == settings.HEAD_TO_BODY
    assert settings.small(settings.WORDS).head / settings.small(0).body == pytest.approx(
        settings.HEAD_TO_BODY, rel=1e-3
    )


def test_operations_by_hand() -> None:
    """Prompt 2, winner 1, losers 3 and 1 tokens: 2 + 0 + 2 + 0 inputs, 5 scored, seen 2 + 2.5 + 10.5 + 2.5."""
    winner = Response((3, 4), (1,))
    pairs = [
        pair_example("p", f"p/0/{i}", winner, Response((3, 4), loser), 1.0) for i, loser in enumerate([(5, 6, 1), (7,)])
    ]
    lora = 2 * 16 * (4 * 8 + 2 * (8 + 4) + 3 * (8 + 6))
    assert flops.lora_weights(TINY) == lora
    assert flops.model_flops(TINY, pairs) == 4 * (4 * TINY.body + 6 * lora) + 4 * 5 * 80 + 12 * 2 * 8 * 17.5
    assert flops.token_ratio(pairs) == (3 + 5 + 3 + 3) / (2 + 1 + 3 + 1)


def test_rows_hold_what_they_say() -> None:
    for row in (settings.CENTRAL, *settings.ROWS[1:3]):
        pairs = settings.pairs(row, seed=0)
        assert len(pairs) == row.batch
        assert len({pair.problem_id for pair in pairs}) == row.batch // row.pairs
        lengths = [len(response.tokens) for pair in pairs for response in pair.responses]
        assert min(lengths) >= 60
        assert max(lengths) <= 200
        assert sum(len(pair.prompt) for pair in pairs) / row.batch == pytest.approx(350, abs=1)


@pytest.mark.slow
def test_the_command_writes_its_figures(tmp_path: Path) -> None:
    """It also compares losses and gradients of all contenders, and fails where they differ."""
    command = [sys.executable, "-m", "experiments.training_speed", "--quick", "--out", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, timeout=300)
    found = json.loads((tmp_path / "results.json").read_text())
    assert found["speed_vs_trl_best"] > 0
    assert found["memory_vs_trl_best"] > 0
    assert found["rows"][0]["row"] == "quick"
    assert set(found["rows"][0]["contenders"]) >= {"shared", "distinct", "pairs", "TRL, batch 1", "plain loop, batch 1"}
    assert "TRL, batch 1" in (tmp_path / "table.md").read_text()
