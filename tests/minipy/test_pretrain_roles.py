"""The model of three roles: the command that makes it, and the committed checkpoint."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_dir
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase, Qwen2ForCausalLM

from conself.generated_tests.reader import TestReader
from conself.minipy import splits
from conself.minipy.pretrain_roles import asks_of
from conself.prompts.prompts import Message, program_messages, render
from conself.proposers.replies import read_exercise, read_skeleton
from conself.runtime.config_folder import CONF
from conself.samplers.code_blocks import extract_code

ROOT = Path(__file__).parents[2]
CHECKPOINTS = ROOT / "conself" / "minipy"
CHECKPOINT = CHECKPOINTS / "checkpoint_roles"
with initialize_config_dir(CONF, version_base="1.3"):
    ASKS = asks_of(compose("pretrain_roles"))
FEW = [
    "batch_tokens=20000",  # all examples at once: programs are among them
    "corpus.size=20",
    *(f"roles.{r}=10" for r in ("proposals", "skeletons", "kind_tests", "mixed_tests", "programs")),
]


def grown(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "conself.minipy.pretrain_roles", f"out={folder}", *FEW, *words]
    return subprocess.run(call, cwd=folder.parent, capture_output=True, text=True, check=False)


@pytest.mark.e2e
def test_the_command_trains_the_embedded_model_further(tmp_path: Path) -> None:
    done = grown(tmp_path / "model")
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "model" / "training.json").read_text())
    assert record["command"] == " ".join(["python -m conself.minipy.pretrain_roles", *FEW])
    assert (record["seed"], record["examples"], record["settings"]["roles"]["proposals"]) == (0, 20, 10)
    assert record["first_code_loss"] < 0.6  # nats per token, where an untrained model has 6.9
    before, after = (AutoTokenizer.from_pretrained(f) for f in (CHECKPOINTS / "checkpoint", tmp_path / "model"))
    assert before.get_vocab() == after.get_vocab()


@pytest.mark.e2e
def test_an_unknown_role_is_refused(tmp_path: Path) -> None:
    done = grown(tmp_path / "model", "+roles.raters=3")
    assert done.returncode == 1
    assert "pretrain_roles: roles has no raters; choose from proposals" in done.stderr
    assert not (tmp_path / "model").exists()


@pytest.fixture(scope="module")
def loaded() -> tuple[Qwen2ForCausalLM, PreTrainedTokenizerBase]:
    return AutoModelForCausalLM.from_pretrained(CHECKPOINT).eval(), AutoTokenizer.from_pretrained(CHECKPOINT)


def answer(loaded: tuple[Qwen2ForCausalLM, PreTrainedTokenizerBase], messages: list[Message]) -> str:
    model, tokenizer = loaded
    inputs = tokenizer(render(tokenizer, messages), return_tensors="pt")
    ids = model.generate(**inputs, max_new_tokens=160, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    assert ids[-1] == tokenizer.eos_token_id
    return str(tokenizer.decode(ids, skip_special_tokens=True))


def test_the_committed_checkpoint_is_small() -> None:
    assert sum(path.stat().st_size for path in CHECKPOINT.iterdir()) <= 5_000_000


def test_the_committed_checkpoint_answers_in_every_role(
    loaded: tuple[Qwen2ForCausalLM, PreTrainedTokenizerBase],
) -> None:
    proposal = read_exercise(answer(loaded, ASKS.style.turns(ASKS.propose.format(topic="sort", material=""))))
    assert proposal is not None
    shown = ASKS.exercise.format(task=proposal.task, example=proposal.example, signature=proposal.signature)
    skeleton = read_skeleton(answer(loaded, ASKS.style.turns(ASKS.skeleton.format(exercise=shown))), proposal.name)
    assert skeleton == f"{proposal.signature}:\n    ...\n"
    problem = min((problem for problem, _ in splits.split("test", 40, 0)), key=lambda problem: len(problem.statement))
    found = TestReader(5, 4096).of_reply(problem, 0, answer(loaded, ASKS.tester.messages(ASKS.style, problem, 5)))
    assert any(test.expected is not None for test in found.tests)
    assert extract_code(answer(loaded, program_messages(ASKS.style, problem, None)), problem.entry_point) is not None
