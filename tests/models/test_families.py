"""The three backbones' families, tiny: prompts, ends of turn, exact text, sampling, training, adapters, fewer bits."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest
import torch
from hydra.utils import instantiate
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from safetensors.torch import load_file
from tokenizers import Tokenizer, models
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.pre_tokenizers import ByteLevel
from transformers import AutoTokenizer, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from conself.engines.transformers.engine import Runtime as SamplingRuntime
from conself.engines.transformers.engine import TransformersEngine
from conself.losses.con_dpo import ConDPO
from conself.models.transformers import load_policy, load_tokenizer, stop_token_ids, stop_token_ids_of, with_lora
from conself.prompts.prompts import Prompts, program_messages, render
from conself.prompts.turns import decode_response, encode_prompt, encode_responses, end_of_turn_id
from conself.records import Candidate, ModelRef, PreferencePair, Problem
from conself.samplers.guided import Guided
from conself.samplers.sampler import Asking
from conself.training.data import encode
from conself.training.fit import fit
from conself.training.layouts.padded import PairsLayout
from conself.training.policy.recompute import checkpoint_layers
from conself.training.policy.tuning import Lora
from conself.training.settings import Runtime, Training
from conself.training.strategies.distributed import DDP
from tests.models.families import DEEPSEEK, FAMILIES, QWEN, Family, save

USER = [{"role": "user", "content": "Add <b>two</b> numbers."}]
BRIEF = {"role": "system", "content": "Be brief."}
TEXTS = [
    "Here is it:\n```python\ndef solve(n):\n    return  n\n```",
    " Here",
    "\n\n\tx = 1\n",
    "   three",
    "",
    ") closes",
    "<s>struck</s> <|im_end|> <|EOT|>",
    "é 漢字 😀\r\n",
]
families = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


@cache
def model_ref(family: Family) -> ModelRef:
    return ModelRef(str(save(family, Path(mkdtemp()))), None, None, "float32", "sdpa", None)


@cache
def tokenizer_of(family: Family) -> PreTrainedTokenizerBase:
    return load_tokenizer(model_ref(family))


def pair(prompt: str, chosen: str, rejected: str) -> PreferencePair:
    return PreferencePair("p", prompt, chosen, rejected, 0, 1, 0.9)


@families
def test_the_tokenizer_is_the_file_whatever_class_the_model_names(family: Family) -> None:
    tokenizer, file = tokenizer_of(family), Tokenizer.from_file(str(Path(model_ref(family).name) / "tokenizer.json"))
    for text in (*TEXTS, render(tokenizer, USER)):
        assert encode_prompt(tokenizer, text) == file.encode(text, add_special_tokens=False).ids


def test_the_class_that_deepseek_names_would_lose_every_space() -> None:
    """Why the file is taken: when this fails, transformers reads it, and ``load_tokenizer`` may be simpler."""
    named = AutoTokenizer.from_pretrained(model_ref(DEEPSEEK).name)
    assert named.decode(named("a b", add_special_tokens=False)["input_ids"]) == "ab"


@families
def test_prompts_open_once_and_say_what_the_template_says(family: Family) -> None:
    tokenizer = tokenizer_of(family)
    prompt = render(tokenizer, USER)
    tokens = tokenizer.convert_ids_to_tokens(encode_prompt(tokenizer, prompt))
    assert tokens.count(family.bos) == (0 if family.bos is None else 1)
    assert family.bos in (None, tokens[0])
    assert family.system is None or family.system in prompt, "without a system turn the template's own stands"
    briefed = render(tokenizer, [BRIEF, *USER])
    assert "Be brief." in briefed
    assert family.system is None or family.system not in briefed
    assert (tokenizer.padding_side, tokenizer.pad_token is None) == ("left", False)


ASKED = (
    "Solve this problem in Python.\n\nAdd.\n\nThe solution completes this code and keeps its signature:\n\n"
    "```python\ndef f(a, b):\n```\n\n"
    "Answer with one ```python code block that holds the finished code, with `f` and the imports it needs.\n"
    "Write nothing else: no example calls, no input(), no explanation."
)
PUBLISHED = {
    "codellama": (f"<s>[INST] {ASKED} [/INST]", f"<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\n{ASKED} [/INST]"),
    "deepseek": (
        "<｜begin▁of▁sentence｜>You are an AI programming assistant, utilizing the Deepseek Coder model, developed by "  # noqa: RUF001
        "Deepseek Company, and you only answer questions related to computer science. For politically sensitive "
        "questions, security and privacy issues, and other non-computer science questions, you will refuse to answer\n"
        f"### Instruction:\n{ASKED}\n### Response:\n",
        f"<｜begin▁of▁sentence｜>Be brief.### Instruction:\n{ASKED}\n### Response:\n",  # noqa: RUF001
    ),
    "qwen": (
        "<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n"
        f"<|im_start|>user\n{ASKED}<|im_end|>\n<|im_start|>assistant\n",
        f"<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n{ASKED}<|im_end|>\n<|im_start|>assistant\n",
    ),
}
"""What each model reads of the direct prompt by its published format: without a system turn of ours, and with one."""


@families
def test_a_prompt_is_to_the_character_what_the_models_makers_publish(family: Family) -> None:
    node = OmegaConf.load(Path(__file__).parents[2] / "conf" / "prompts" / "default.yaml")
    problem = Problem("p", "Add.\n", "def f(a, b):\n", "f", (), "test", "")
    rendered = [
        render(tokenizer_of(family), program_messages(instantiate({**node, "system": system}), problem, None))
        for system in (None, "Be brief.")
    ]
    assert tuple(rendered) == PUBLISHED[family.name]


@families
def test_the_end_that_is_trained_is_one_at_which_sampling_stops(family: Family) -> None:
    tokenizer, ref = tokenizer_of(family), model_ref(family)
    stops = stop_token_ids(load_policy(ref, "cpu"), tokenizer)
    assert sorted(tokenizer.convert_ids_to_tokens(list(stops))) == sorted(family.stops)
    assert stop_token_ids_of(ref, tokenizer) == stops
    (encoded,), _ = encode([pair(render(tokenizer, USER), "yes", "no")], tokenizer, 512)
    for response in encoded.responses:
        assert tokenizer.convert_ids_to_tokens(response.tokens[-1]) == family.end
        assert response.tokens[-1] in stops


def test_the_template_ends_the_turn_where_the_tokenizer_is_a_base_models() -> None:
    tokenizer = load_tokenizer(model_ref(QWEN))
    tokenizer.eos_token = "<|endoftext|>"
    assert tokenizer.convert_ids_to_tokens(end_of_turn_id(tokenizer)) == "<|im_end|>"
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'] }}\n\n{% endfor %}"
    assert tokenizer.convert_ids_to_tokens(end_of_turn_id(tokenizer)) == "<|endoftext|>", "it marks no end"
    tokenizer.eos_token = None
    with pytest.raises(ValueError, match="names no end of text; set its eos_token"):
        end_of_turn_id(tokenizer)


@families
def test_a_response_is_cut_as_it_stands_behind_its_prompt(family: Family) -> None:
    """The ids of prompt and text in one go begin with the prompt's; the rest are the response's."""
    tokenizer = tokenizer_of(family)
    prompt = render(tokenizer, USER)
    start = encode_prompt(tokenizer, prompt)
    plain = [text for text in TEXTS if "<s>" not in text and not text.startswith(")")]  # "])" is one piece
    for text, ids in zip(plain, encode_responses(tokenizer, plain), strict=True):
        assert encode_prompt(tokenizer, prompt + text) == [*start, *ids], text


@families
@given(st.sampled_from(TEXTS) | st.text(alphabet="ab <s>/|\n\té漢", max_size=12))
def test_text_comes_back_exactly(family: Family, text: str) -> None:
    tokenizer = tokenizer_of(family)
    (ids,) = encode_responses(tokenizer, [text])
    assert decode_response(tokenizer, ids) == text
    assert not {tokenizer.convert_tokens_to_ids(stop) for stop in family.stops} & set(ids), "spelled-out ends stay text"


def test_deepseeks_scaled_positions_are_read_from_an_old_configuration() -> None:
    found = load_policy(model_ref(DEEPSEEK), "cpu").config.rope_parameters
    assert (found["rope_type"], found["factor"], found["rope_theta"]) == ("linear", 4.0, 100000)


def sampled(ref: ModelRef) -> list[Candidate]:
    prompts = Prompts("Be brief.", "{statement} {n}", "{statement}{starter_code}", "{statement} {observation}")
    runtime = SamplingRuntime(batch_size=8, device="cpu", processes=1, shards_per_task=1, threads=1)
    sampler = Asking(Guided(2, 2, 0.7, 0.8, 1.0, 1.0, 24, 8, 15, 0, prompts), TransformersEngine(runtime))
    problems = [Problem("p", "Add.", "", "f", ("(1,)",), "test", ""), Problem("q", "Sort.", "", "f", (), "test", "")]
    return [candidate for group in sampler(problems, ref) for candidate in group]


LORA = Lora(r=4, alpha=8, target="all-linear", rslora=False, dora=False)


def training(**runtime: bool) -> Training:
    changes = {"gradient_checkpointing": 0.0, **runtime}
    return Training(
        tuning=LORA,
        export="adapter",
        learning_rate=5e-3,
        warmup_ratio=0.0,
        weight_decay=0.0,
        gradient_clip=1.0,
        epochs=2,
        batch_size=2,
        by_problem=False,
        max_length=512,
        threads=1,
        runtime=Runtime(
            layout=PairsLayout(1024),
            device="cpu",
            devices=1,
            nodes=1,
            strategy=DDP(),
            checkpoint_share=None,
            progress=False,
            **changes,
        ),
    )


def learn(ref: ModelRef, out: Path, **runtime: bool) -> list[dict[str, float]]:
    prompt = render(load_tokenizer(ref), USER)
    pairs = [pair(prompt, TEXTS[0], "no"), pair(prompt, "\nx", " y"), pair(prompt, " Here", ") closes")]
    return list(fit(pairs, ref, training(**runtime), ConDPO(beta=0.5), 0, out, out / "reference", None).curve)


@families
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_sample_train_and_sample_again(family: Family, dtype: str, tmp_path: Path) -> None:
    ref = replace(model_ref(family), dtype=dtype)
    before = sampled(ref)
    assert len(before) == 8
    assert all(0 < c.n_tokens <= 24 and c.mean_nll is not None and c.mean_nll > 0 for c in before)
    curve = learn(ref, tmp_path)
    assert curve[0]["loss"] == pytest.approx(0.9 * torch.log(torch.tensor(2.0)).item(), abs=1e-6), "policy = reference"
    assert curve[-1]["margin"] > curve[0]["margin"]
    after = sampled(replace(ref, adapter=str(tmp_path / "adapter")))
    assert [c.text for c in after] != [c.text for c in before], "the adapter is on"


def test_a_16_bit_base_is_not_rounded_with_its_adapter(tmp_path: Path) -> None:
    """An update of a hundredth of what was trained here (lr 5e-3; the paper's is 5e-6) is lost next to a weight."""
    ref = replace(model_ref(QWEN), dtype="bfloat16")
    learn(ref, tmp_path)
    tuned_ref = replace(ref, adapter=str(tmp_path / "adapter"))
    base, tuned = (dict(load_policy(r, "cpu").named_modules()) for r in (ref, tuned_ref))
    name = "model.layers.0.mlp.up_proj"
    layer, weight = tuned[name], base[name].weight
    assert torch.equal(layer.base_layer.weight, weight)
    update = layer.get_delta_weight("default").float() / 100
    rounded = (weight.float() + update).bfloat16().float() - weight.float()
    assert (rounded - update).norm() > 0.5 * update.norm() > 0
    exact = dict(load_policy(replace(tuned_ref, dtype="float32"), "cpu").named_modules())[name]
    assert not hasattr(exact, "base_layer"), "float32 takes the update in"


@families
def test_the_adapter_on_a_16_bit_base_is_float32(family: Family, tmp_path: Path) -> None:
    ref = replace(model_ref(family), dtype="bfloat16")
    policy = with_lora(load_policy(ref, "cpu"), LORA.config(), 0)
    assert {p.dtype for p in policy.parameters() if p.requires_grad} == {torch.float32}
    assert {p.dtype for p in policy.parameters() if not p.requires_grad} == {torch.bfloat16}
    learn(ref, tmp_path)
    saved = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    assert {tensor.dtype for tensor in saved.values()} == {torch.float32}


@families
def test_recomputing_layers_changes_no_bit(family: Family, tmp_path: Path) -> None:
    plain = learn(model_ref(family), tmp_path / "plain")
    again = learn(model_ref(family), tmp_path / "again", gradient_checkpointing=1.0)
    assert again == plain
    adapters = [(tmp_path / name / "adapter" / "adapter_model.safetensors").read_bytes() for name in ("plain", "again")]
    assert adapters[0] == adapters[1]


def test_recomputing_layers_keeps_less() -> None:
    """What autograd keeps for one response of 400 tokens, in numbers, with and without."""
    kept = {}
    for share in (0.0, 1.0):
        policy = with_lora(load_policy(model_ref(QWEN), "cpu"), LORA.config(), 0).get_base_model()
        checkpoint_layers(policy, share)
        sizes: dict[int, int] = {}
        ids = torch.arange(400).remainder(300)[None]
        with torch.autograd.graph.saved_tensors_hooks(
            lambda t, sizes=sizes: sizes.__setitem__(t.data_ptr(), t.numel()) or t, lambda t: t
        ):
            policy.get_decoder()(input_ids=ids, use_cache=False)
        kept[share] = sum(sizes.values())
    assert kept[1.0] < 0.6 * kept[0.0]


def test_a_model_whose_layers_cannot_be_computed_again_is_named() -> None:
    with pytest.raises(ValueError, match=r"Linear cannot recompute its layers; set .*gradient_checkpointing=0"):
        checkpoint_layers(torch.nn.Linear(1, 1), 1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["x", " x", "\n\nx", "Here:\n```python\nx = 1\n```\n", ""])
def test_a_byte_level_tokenizer_that_opens_with_a_space_opens_no_response_so(text: str) -> None:
    plain = Tokenizer(models.BPE(vocab={c: i for i, c in enumerate(sorted(ByteLevel.alphabet()))}, merges=[]))
    plain.pre_tokenizer, plain.decoder = ByteLevel(add_prefix_space=True), ByteLevelDecoder()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=plain)
    (ids,) = encode_responses(tokenizer, [text])
    assert len(ids) == len(text)
    assert decode_response(tokenizer, ids) == text
