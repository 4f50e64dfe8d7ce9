import ast
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from conself.minipy import splits
from conself.minipy.pretrain import main, pretrain
from conself.minipy.pretraining.data import Row, batches, collate, seed_of
from conself.minipy.pretraining.loop import rate, token_losses
from conself.minipy.pretraining.write import new_folder
from conself.prompts.prompts import Prompts, program_messages, render
from conself.samplers.code_blocks import extract_code

ROOT = Path(__file__).parents[2]
CHECKPOINT = ROOT / "conself" / "minipy" / "checkpoint"
TINY = [
    "corpus.size=300",
    "vocab_size=300",
    "model.hidden_size=32",
    "model.intermediate_size=64",
    "model.layers=2",
    "batch_tokens=512",
    "optimisation.warmup=10",
    "threads=1",
]


def tiny(*overrides: str) -> DictConfig:
    with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
        return compose("pretrain", [*TINY, *overrides])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pretrain")
    call = [sys.executable, "-m", "conself.minipy.pretrain", f"out={folder / 'model'}", *TINY]
    done = subprocess.run(call, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.e2e
def test_the_command_writes_one_folder_that_transformers_loads(made: Path) -> None:
    assert [path.name for path in made.iterdir()] == ["model"]
    model = AutoModelForCausalLM.from_pretrained(made / "model")
    tokenizer = AutoTokenizer.from_pretrained(made / "model")
    assert model.config.model_type == "qwen2"
    assert model.dtype == torch.float32
    assert model.config.vocab_size == len(tokenizer) == 300
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id
    out = model.generate(**tokenizer("<|user|>Sort.<|end|><|assistant|>", return_tensors="pt"), max_new_tokens=3)
    assert out.shape[1] > 1


@pytest.mark.e2e
def test_training_json_says_how_it_was_made(made: Path) -> None:
    record = json.loads((made / "model" / "training.json").read_text())
    assert record["command"] == " ".join(["python -m conself.minipy.pretrain", *TINY])
    assert (record["seed"], record["corpus_seed"], record["examples"]) == (0, 0, 300)
    assert record["settings"]["model"]["layers"] == 2
    assert record["versions"]["torch"] == torch.__version__
    # an untrained model is near a uniform guess over 300 tokens; 300 examples take at least 1 nat off
    assert record["first_code_loss"] == pytest.approx(math.log(300), abs=0.5)
    assert record["code_loss"] < record["first_code_loss"] - 1.0


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights_and_another_seed_others(made: Path) -> None:
    saved = load_file(made / "model" / "model.safetensors")
    again, tokenizer, _ = pretrain(tiny())
    assert tokenizer.get_vocab() == AutoTokenizer.from_pretrained(made / "model").get_vocab()
    parameters = dict(again.named_parameters())
    assert parameters.keys() == saved.keys()
    assert all(torch.equal(parameters[name], saved[name]) for name in saved)
    other, _, _ = pretrain(tiny("seed=1", "corpus.seed=0"))
    assert not torch.equal(
        dict(other.named_parameters())["model.embed_tokens.weight"], saved["model.embed_tokens.weight"]
    )


@pytest.mark.e2e
def test_an_existing_folder_is_refused_before_any_work(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (made / "model" / "training.json").read_bytes()
    monkeypatch.setattr(sys, "argv", ["pretrain", f"out={made / 'model'}", "corpus.size=100000000"])
    with pytest.raises(SystemExit, match="exists; choose another out=FOLDER, or overwrite=true"):
        main()
    assert (made / "model" / "training.json").read_bytes() == before


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("vocab_size=100", "use at least 261"),
        ("max_length=8", "raise max_length"),
        ("model.heads=3", "each must divide the one before it"),
    ],
)
def test_settings_that_cannot_work_are_refused(override: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        pretrain(tiny("corpus.size=30", override))


@pytest.mark.e2e
def test_padding_changes_no_loss(made: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(made / "model")
    long, short = Row(tuple(range(5, 25)), 4, True), Row((9, 8, 7, 6, 5), 2, True)
    batch = collate([long, short], pad_id=0)
    with torch.no_grad():
        padded = token_losses(model, batch.ids)
        alone = token_losses(model, torch.tensor([short.ids]))
        logits = model(torch.tensor([short.ids])).logits
    torch.testing.assert_close(padded[1, :4], alone[0])
    expected = -logits[0, torch.arange(4)].log_softmax(-1)[torch.arange(4), torch.tensor(short.ids[1:])]
    torch.testing.assert_close(alone[0], expected)


def test_collate_by_hand() -> None:
    batch = collate([Row((7, 8, 9, 4), 2, True), Row((5, 6, 4), 1, False)], pad_id=0)
    assert batch.ids.tolist() == [[7, 8, 9, 4], [5, 6, 4, 0]]
    assert batch.in_text.tolist() == [[True, True, True], [True, True, False]]
    assert batch.in_completion.tolist() == [[False, True, True], [True, True, False]]
    assert batch.in_program.tolist() == [[False, True, True], [False, False, False]]


@settings(max_examples=30)
@given(st.lists(st.integers(1, 40), min_size=1, max_size=80), st.integers(8, 200), st.integers(0, 5))
def test_an_epoch_holds_every_row_once_within_the_budget(lengths: list[int], budget: int, seed: int) -> None:
    rows = [Row((index + 1,) * length, 0, True) for index, length in enumerate(lengths)]
    epoch = batches(rows, budget, pad_id=0, seed=seed)
    seen = [tuple(i for i in line if i) for batch in epoch for line in batch.ids.tolist()]
    assert sorted(seen) == sorted(row.ids for row in rows)
    assert all(batch.ids.numel() <= budget or len(batch.ids) == 1 for batch in epoch)
    assert [b.ids.tolist() for b in batches(rows, budget, 0, seed)] == [b.ids.tolist() for b in epoch]


def test_the_rate_warms_up_and_falls_as_a_cosine() -> None:
    assert [rate(step, 12, 4) for step in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert rate(8, 12, 4) == pytest.approx(0.5)
    assert rate(6, 12, 4) == pytest.approx((1 + math.sqrt(0.5)) / 2)
    assert rate(12, 12, 4) == pytest.approx(0.0)


def test_seeds_differ_by_use_and_are_stable() -> None:
    assert seed_of(0, "weights") != seed_of(0, "order")
    # first 8 bytes of SHA-256("0/weights"), halved
    assert seed_of(0, "weights") == 133_441_691_874_178_746


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "model"
    with new_folder(target, overwrite=False) as folder:
        (folder / "a").write_text("first")
        assert not target.exists()
    with pytest.raises(FileNotFoundError), new_folder(target, overwrite=True) as folder:
        (folder / "b").write_text((folder / "never written").read_text())
    assert [(p.name, p.read_text()) for p in target.iterdir()] == [("a", "first")]
    with new_folder(target, overwrite=True) as folder:
        (folder / "b").write_text("second")
    assert [(p.name, p.read_text()) for p in target.iterdir()] == [("b", "second")]
    assert list(target.parent.iterdir()) == [target]
    with pytest.raises(FileExistsError, match="overwrite=true"), new_folder(target, overwrite=False):
        pass


def test_the_committed_checkpoint_is_small_and_answers_with_a_program() -> None:
    assert sum(path.stat().st_size for path in CHECKPOINT.iterdir()) <= 5_000_000
    model = AutoModelForCausalLM.from_pretrained(CHECKPOINT).eval()
    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINT)
    settings = json.loads((CHECKPOINT / "training.json").read_text())["settings"]["prompts"]
    prompts = Prompts(**{key: value for key, value in settings.items() if key != "_target_"})
    problem = min((problem for problem, _ in splits.split("test", 40, 0)), key=lambda problem: len(problem.statement))
    inputs = tokenizer(render(tokenizer, program_messages(prompts, problem, None)), return_tensors="pt")
    ids = model.generate(**inputs, max_new_tokens=200, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    assert ids[-1] == tokenizer.eos_token_id
    code = extract_code(tokenizer.decode(ids, skip_special_tokens=True), problem.entry_point)
    assert code is not None
    functions = [node.name for node in ast.parse(code).body if isinstance(node, ast.FunctionDef)]
    assert problem.entry_point in functions
