"""The committed checkpoint with roles: small, made as it says, and it answers in every role."""

import json
import re
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf
from transformers import AutoModelForCausalLM, AutoTokenizer

from conself.generated_tests.reader import TestReader
from conself.minipy.roles.proposals import chain_of, read_proposal
from conself.minipy.splits import split
from conself.prompts.prompts import PromptStyle, program_messages, render
from conself.records import Problem
from conself.runtime.parts import build
from conself.samplers.code_blocks import extract_code

ROOT = Path(__file__).parents[3]
CHECKPOINT = ROOT / "conself" / "minipy" / "roles" / "checkpoint"
PROBLEM = next(p for p, _ in split("test", 40, 0) if p.starter_code == "def f(xs):" and p.difficulty == "own")

with initialize_config_dir(str(ROOT / "conf"), version_base="1.3"):
    CONFIG = compose("pretrain_roles")
PROMPTS = build(CONFIG.prompts, PromptStyle)


def answer(messages: list[dict[str, str]]) -> str:
    inputs = TOKENIZER(render(TOKENIZER, messages), return_tensors="pt")
    with torch.inference_mode():
        ids = MODEL.generate(**inputs, max_new_tokens=300, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    assert ids[-1] == TOKENIZER.eos_token_id
    return str(TOKENIZER.decode(ids, skip_special_tokens=True))


MODEL = AutoModelForCausalLM.from_pretrained(CHECKPOINT).eval()
TOKENIZER = AutoTokenizer.from_pretrained(CHECKPOINT)


def test_it_is_small_and_made_with_the_settings_of_its_config() -> None:
    assert sum(path.stat().st_size for path in CHECKPOINT.iterdir()) <= 5_000_000
    record = json.loads((CHECKPOINT / "training.json").read_text())
    assert record["command"] == "python -m conself.minipy.pretrain --config-name pretrain_roles"
    parts = CONFIG.corpus
    assert record["examples"] == parts.size + parts.proposals.size + parts.skeletons.size + parts.tests.size
    for key in ("corpus", "model", "optimisation", "prompts", "batch_tokens", "vocab_size"):
        assert record["settings"][key] == json.loads(json.dumps(OmegaConf.to_container(CONFIG[key], resolve=True)))


def test_it_writes_a_program() -> None:
    code = extract_code(answer(program_messages(PROMPTS, PROBLEM, None)), "f")
    assert code is not None
    assert callable(compiled(code))


def compiled(code: str) -> object:
    namespace: dict[str, object] = {}
    exec(code, namespace)
    return namespace["f"]


@pytest.mark.parametrize("topic", ["sort", "count words", "numbers"])
def test_it_proposes_a_problem(topic: str) -> None:
    proposal = read_proposal(answer(PROMPTS.turns(CONFIG.corpus.asks.propose.format(topic=topic))))
    assert chain_of(proposal) is not None


def test_it_writes_a_skeleton() -> None:
    assert answer(PROMPTS.turns(filled(CONFIG.corpus.asks.skeleton))) == PROBLEM.starter_code


@pytest.mark.parametrize("sort", ["ordinary", "boundary", "empty", "large", "mixed"])
def test_it_writes_tests_that_can_be_read(sort: str) -> None:
    reply = answer(PROMPTS.turns(filled(CONFIG.corpus.asks.tests, sort=sort)))
    read = TestReader(max_cases=20, max_literal_bytes=4096).of_reply(PROBLEM, 0, reply)
    assert 1 <= len(read.tests) <= 4
    assert all(re.fullmatch(r"\(\[[-\d, ]*\],\)", test.input) for test in read.tests)


def filled(ask: str, **fields: str) -> str:
    return ask.format(statement=PROBLEM.statement, starter_code=PROBLEM.starter_code, **fields)


def test_what_it_makes_of_a_problem_that_was_proposed() -> None:
    """The statement with an example behind it, and a starter code with a body, as a proposer's problems have them."""
    problem = Problem(
        "p", "Sum the squares.\n\nExample: f([1,2]) == 5", "def f(xs):\n    ...\n", "f", (), "generated", "easy"
    )
    code = extract_code(answer(program_messages(PROMPTS, problem, None)), "f")
    assert code is not None
    assert callable(compiled(code))
