"""The estimate's formulas: against the models themselves, and by hand."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from peft import LoraConfig
from transformers import AutoModelForCausalLM, LlamaConfig, Qwen2Config

from conself.models.transformers import with_lora
from experiments.paper_scale.backbones import BACKBONES, Backbone
from experiments.paper_scale.hours import decode_rate, program_seconds, stage_hours, training_flops
from experiments.paper_scale.memory import activation_bytes, largest_budget, sequences_at_once, total, training_bytes
from experiments.paper_scale.nodes import Node, Rates, plan
from experiments.paper_scale.nodes import main as main_of_nodes
from experiments.paper_scale.work import Machine, Work

ROOT = Path(__file__).parents[2]
LORA = LoraConfig(r=16, lora_alpha=32, target_modules="all-linear")
# Two layers, hidden 4 in 2 heads, 1 KV head (so 2 wide), intermediate 6, vocabulary 10.
TINY = Backbone("tiny", 4, 6, 2, 2, 1, 10, False, True, 32)


def test_a_tiny_backbone_by_hand() -> None:
    assert TINY.kv_width == 2
    assert TINY.linear == 2 * (4 * 4 + 4 * 2 + 4 * 2 + 4 * 4 + 3 * 4 * 6) == 240
    assert TINY.parameters == 240 + 5 * 4 + 2 * (4 + 2 + 2) + 2 * 40 == 356
    assert TINY.kv_bytes == 2 * 2 * 2 * 2  # keys and values, 2 bytes, 2 layers, 2 wide
    assert TINY.weight_bytes(None) == 2 * 356
    assert TINY.weight_bytes("int8") == 240 + 2 * 116


@pytest.mark.parametrize(
    "name",
    [
        name if name in ("codellama_7b", "qwen2_5_coder_0_5b") else pytest.param(name, marks=pytest.mark.slow)
        for name in BACKBONES
    ],
)
def test_weights_and_adapters_are_those_that_the_libraries_make(name: str) -> None:
    """On the meta device: shapes only."""
    m = BACKBONES[name]
    config = (Qwen2Config if m.qkv_bias else LlamaConfig)(
        hidden_size=m.hidden,
        intermediate_size=m.intermediate,
        num_hidden_layers=m.layers,
        num_attention_heads=m.heads,
        num_key_value_heads=m.kv_heads,
        vocab_size=m.vocab,
        tie_word_embeddings=m.tied,
    )
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
        assert model.num_parameters() == m.parameters
        policy = with_lora(model, LORA, 0)
    assert sum(p.numel() for p in policy.parameters() if p.requires_grad) == m.lora(16)


def test_the_backbones_are_those_of_the_configuration() -> None:
    for name, backbone in BACKBONES.items():
        assert OmegaConf.load(ROOT / "conf" / "model" / f"{name}.yaml").model.name == backbone.hub_id


@pytest.mark.parametrize(
    ("hidden", "intermediate", "heads", "kv_heads"), [(64, 128, 4, 4), (128, 256, 4, 1), (192, 512, 6, 2)]
)
def test_activations_are_what_autograd_keeps(hidden: int, intermediate: int, heads: int, kv_heads: int) -> None:
    """Per token and layer: the difference between 3 layers and 1, and between 128 tokens and 64."""

    def kept(layers: int, tokens: int) -> int:
        config = Qwen2Config(
            vocab_size=64,
            hidden_size=hidden,
            intermediate_size=intermediate,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            num_key_value_heads=kv_heads,
        )
        model = AutoModelForCausalLM.from_config(config).to(torch.bfloat16).eval()
        policy = with_lora(model, LORA, 0).get_base_model()
        weights = {t.untyped_storage().data_ptr() for t in (*policy.parameters(), *policy.buffers())}
        storages: dict[int, torch.UntypedStorage] = {}

        def note(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in weights:
                storages[storage.data_ptr()] = storage
            return tensor

        hooks = torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor)
        with hooks, torch.autocast("cpu", dtype=torch.bfloat16):
            policy.get_decoder()(input_ids=torch.zeros(1, tokens, dtype=torch.int64), use_cache=False)
        return sum(storage.nbytes() for storage in storages.values())

    measured = (kept(3, 128) - kept(3, 64) - kept(1, 128) + kept(1, 64)) / 2 / 64
    formula = activation_bytes(Backbone("", hidden, intermediate, 1, heads, kv_heads, 64, True, True, 1), 16)
    assert measured == pytest.approx(formula, rel=0.01)


def test_memory_by_hand() -> None:
    parts = training_bytes(TINY, Work(prompt_tokens=512, rank=2), 1024, checkpointing=False)
    assert parts["adapter"] == 16 * 2 * 2 * (2 * 8 + 2 * 6 + 3 * 10)
    assert parts["activations"] == 1024 * 2 * (24 * 4 + 8 * 6 + 4 * 2 + 28)
    assert parts["head"] == 6 * 1024 * 10 + 2 * 1024 * 4
    recomputed = training_bytes(TINY, Work(prompt_tokens=512, rank=2), 1024, checkpointing=True)
    assert recomputed["activations"] == 1024 * (2 * 2 * 4 + 24 * 4 + 8 * 6 + 4 * 2 + 28)


@pytest.mark.parametrize("name", BACKBONES)
def test_the_largest_budget_fits_and_the_next_does_not(name: str) -> None:
    model, work, machine = BACKBONES[name], Work(), Machine(memory_gb=48.0)
    budget = largest_budget(model, work, machine, checkpointing=True)
    if budget:
        assert total(training_bytes(model, work, budget, True)) <= 48e9
    if budget < 65_536:
        assert total(training_bytes(model, work, budget + 1024, True)) > 48e9


def test_hours_by_hand() -> None:
    work = Work(
        problems=10, program_tokens=100, observation_tokens=60, inputs=10, execution_ms=1, slow_share=0.5, slow_ms=90
    )
    assert program_seconds(work) == pytest.approx(0.05)
    found = stage_hours(TINY, work, Machine(cores=2), decode=10.0, checkpointing=False)
    assert found["sample: programs and observations"] == pytest.approx((10 * 60 + 150 * 100) / 10 / 3600)
    assert found["execute (CPU)"] == pytest.approx(150 * 0.05 / 2 / 3600)
    # Two pairs of one problem: a prompt of 1, three responses of 1; 4 tokens, and 1/2 + 3 x 3/2 pairs of positions.
    assert training_flops(TINY, Work(prompt_tokens=1, program_tokens=1, pairs_per_problem=2), False) == pytest.approx(
        (2 * 240 * 4 * 2 + 4 * 2 * 4 * 5 * 3 + 4 * 40 * 3) / 2
    )


def test_more_memory_more_samples_more_speed() -> None:
    model, work = BACKBONES["codellama_7b"], Work()
    counts = [sequences_at_once(model, work, Machine(memory_gb=card)) for card in (8.0, 24.0, 80.0)]
    rates = [decode_rate(model, work, Machine(memory_gb=card)) for card in (8.0, 24.0, 80.0)]
    assert counts[0] == 0 == rates[0]
    assert counts[1] < counts[2]
    assert rates[1] < rates[2]


def test_the_command_prints_its_tables() -> None:
    words = [
        "-m",
        "experiments.paper_scale.estimate",
        "--model",
        "qwen2_5_coder_7b",
        "--decode",
        "5000",
        "--pairs",
        "100",
    ]
    done = subprocess.run([sys.executable, *words], cwd=ROOT, text=True, capture_output=True, check=True)
    assert "7,615,616,512" in done.stdout
    assert "| decoded tokens/s | 5,000 |" in done.stdout
    assert done.stdout.count("### ") == 4


RATES = Rates(decode=1000.0, execute=10.0, fit=2.0, overhead=1.0)
PAIR = Node(engines=2, cores=9, lane=4)
SMALL = Work(problems=170, observations=1, programs=2, observation_tokens=40, program_tokens=100, inputs=4, pairs=7200)


def test_nodes_by_hand() -> None:
    """Four shards of 50 x 2 samples, of 12,000 tokens and 400 executions: 13 s each of an engine, 11 s of 4 cores."""
    one = plan(1, SMALL, RATES, PAIR)
    assert (one.sample, one.execute, one.fit, one.total) == (2 * 13.0, 2 * 11.0, 3600.0, 3648.0)
    two = plan(2, SMALL, RATES, PAIR)
    assert (two.sample, two.execute, two.fit) == (13.0, 11.0, 3600.0)
    assert plan(9, SMALL, RATES, PAIR).sample == 13.0, "a shard is not cut"
    assert two.node_hours(held=True) == pytest.approx(2 * 3624 / 3600)
    assert two.node_hours(held=False) == pytest.approx((2 * 24 + 3600) / 3600)


def test_a_price_has_no_default_and_neither_has_a_rate(capsys: pytest.CaptureFixture[str]) -> None:
    named = {"decode": 1000, "execute": 10, "fit": 2, "overhead": 1, "engines": 2, "cores": 9, "lane": 4}
    rates = [word for name, value in named.items() for word in (f"--{name}", f"{value}")]
    main_of_nodes(["--nodes", "1", "2", "--price", "3", *rates, "--pairs", "7200", "--problems", "170"])
    rows = capsys.readouterr().out.splitlines()[2:]
    assert [row.split(" | ")[0] for row in rows] == ["| 1", "| 2"]
    with pytest.raises(SystemExit):
        main_of_nodes(["--nodes", "1", *rates])
    assert "required: --price" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main_of_nodes(["--nodes", "1", "--price", "3", *rates[2:]])
    assert "required: --decode" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main_of_nodes(["--nodes", "1", "--price", "3", *rates[2:], "--decode", "0"])
    assert "--decode must be above 0: give what was measured" in capsys.readouterr().err
