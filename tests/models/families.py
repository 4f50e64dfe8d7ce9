"""Tiny models of the shapes of the three backbones' families, as folders in the form in which the hub has them.

Tokenizers are trained here on a few lines. Chat templates are our own and render a chat to the character as the
published ones do; shapes, special tokens and configuration keys are those of CodeLlama-7B-Instruct,
DeepSeek-Coder-6.7B-Instruct and Qwen2.5-Coder-7B-Instruct.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedModel, Qwen2Config, Qwen2ForCausalLM

LINES = [
    "def solve(n, values):",
    "    total = sum(v for v in values if v % 2 == 0)",
    "    return total + n - 1",
    "for i in range(len(values)): print(i, values[i])",
    "Write a function that returns the sum of the list. Here is the program in Python:",
    "```python import sys; n = int(input()) ```",
]
SHAPE: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "max_position_embeddings": 512,
    "initializer_range": 0.3,
}
EXTRA_ROWS = 7
"""Rows of the embedding that no token uses: real configurations round their vocabulary up."""


BEGIN, FINISH = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"  # noqa: RUF001  # as the model's vocabulary spells them


@dataclass(frozen=True)
class Family:
    """What is known of one family beforehand."""

    name: str
    bos: str | None
    end: str
    stops: tuple[str, ...]
    system: str | None  # what the template says to the model on its own where no system turn is given


CODELLAMA = Family("codellama", "<s>", "</s>", ("</s>",), None)
DEEPSEEK = Family(
    "deepseek",
    BEGIN,
    "<|EOT|>",
    ("<|EOT|>",),
    "You are an AI programming assistant, utilizing the Deepseek Coder model, developed by Deepseek Company, and you "
    "only answer questions related to computer science. For politically sensitive questions, security and privacy "
    "issues, and other non-computer science questions, you will refuse to answer",
)
QWEN = Family(
    "qwen",
    None,
    "<|im_end|>",
    ("<|endoftext|>", "<|im_end|>"),
    "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
)
FAMILIES = (CODELLAMA, DEEPSEEK, QWEN)

# The system turn stands inside the first instruction; roles must alternate; answers are set apart by spaces.
CODELLAMA_CHAT = """\
{%- set first = messages[0]['role'] == 'system' -%}
{%- for m in (messages[1:] if first else messages) -%}
{%- if (m['role'] == 'user') != (loop.index0 % 2 == 0) -%}{{ raise_exception('roles must alternate') }}{%- endif -%}
{%- if m['role'] == 'user' -%}
{{ bos_token + '[INST] ' }}
{%- if loop.first and first %}{{ '<<SYS>>\\n' + messages[0]['content'] + '\\n<</SYS>>\\n\\n' }}{% endif -%}
{{ m['content'] | trim + ' [/INST]' }}
{%- else -%}{{ ' ' + m['content'] | trim + ' ' + eos_token }}{%- endif -%}
{%- endfor -%}"""

DEEPSEEK_CHAT = """\
{{- bos_token -}}
{%- if messages[0]['role'] != 'system' -%}{{ 'ITS OWN\\n' }}{%- endif -%}
{%- for m in messages -%}
{%- if m['role'] == 'system' -%}{{ m['content'] }}
{%- elif m['role'] == 'user' -%}{{ '### Instruction:\\n' + m['content'] + '\\n' }}
{%- else -%}{{ '### Response:\\n' + m['content'] + '\\n<|EOT|>\\n' }}{%- endif -%}
{%- endfor -%}
{%- if add_generation_prompt -%}{{ '### Response:\\n' }}{%- endif -%}""".replace("ITS OWN", str(DEEPSEEK.system))

QWEN_CHAT = """\
{%- if messages[0]['role'] != 'system' -%}{{ '<|im_start|>system\\nITS OWN<|im_end|>\\n' }}{%- endif -%}
{%- for m in messages -%}{{ '<|im_start|>' + m['role'] + '\\n' + m['content'] + '<|im_end|>\\n' }}{%- endfor -%}
{%- if add_generation_prompt -%}{{ '<|im_start|>assistant\\n' }}{%- endif -%}""".replace("ITS OWN", str(QWEN.system))


def save(family: Family, folder: Path, **shape: Any) -> Path:
    """Write configuration (``SHAPE`` but for ``shape``), random weights, tokenizer and template into ``folder``."""
    tokenizer = _sentencepiece() if family is CODELLAMA else _byte_level(family)
    ids = {token: tokenizer.token_to_id(token) for token in (*family.stops, *([family.bos] if family.bos else []))}
    _model(family, tokenizer.get_vocab_size() + EXTRA_ROWS, ids, shape).save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    if family is DEEPSEEK:  # as older versions of transformers wrote it
        config |= {"rope_scaling": {"factor": 4.0, "type": "linear"}, "rope_theta": 100000}
        config.pop("rope_parameters", None)
    (folder / "config.json").write_text(json.dumps(config))
    ends = [ids[token] for token in family.stops]
    generation = {"eos_token_id": ends if len(ends) > 1 else ends[0], "bos_token_id": ids.get(family.bos or "")}
    (folder / "generation_config.json").write_text(json.dumps(generation))
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(_tokenizer_config(family)))
    return folder


def _model(family: Family, vocab_size: int, ids: dict[str, int], shape: dict[str, Any]) -> PreTrainedModel:
    shape = {**SHAPE, "num_key_value_heads": 2 if family is QWEN else 4, **shape}
    tokens = {"vocab_size": vocab_size, "bos_token_id": ids.get(family.bos or ""), "eos_token_id": ids[family.end]}
    with torch.random.fork_rng():
        torch.manual_seed(0)
        if family is QWEN:
            return Qwen2ForCausalLM(Qwen2Config(**shape, **tokens)).eval()
        return LlamaForCausalLM(LlamaConfig(**shape, **tokens)).eval()


def _tokenizer_config(family: Family) -> dict[str, Any]:
    common = {"eos_token": family.end, "bos_token": family.bos, "clean_up_tokenization_spaces": False}
    if family is CODELLAMA:
        fill = {"prefix_token": "▁<PRE>", "fill_token": "<FILL_ME>", "eot_token": "▁<EOT>", "pad_token": None}
        named = {"tokenizer_class": "CodeLlamaTokenizer", "add_bos_token": True, "unk_token": "<unk>", **fill}
        return {**common, **named, "chat_template": CODELLAMA_CHAT}
    if family is DEEPSEEK:
        named = {"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": True, "pad_token": FINISH}
        return {**common, **named, "chat_template": DEEPSEEK_CHAT}
    named = {"tokenizer_class": "Qwen2Tokenizer", "add_prefix_space": False, "pad_token": "<|endoftext|>"}
    return {**common, **named, "chat_template": QWEN_CHAT}


def _byte_level(family: Family) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC() if family is QWEN else None
    split = Regex(r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(split, "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(LINES, trainer)
    specials = {
        DEEPSEEK: [BEGIN, FINISH, "<|EOT|>"],
        QWEN: ["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
    }
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in specials[family]])
    return tokenizer


def _sentencepiece() -> Tokenizer:
    """Pieces with metaspaces and byte fallback; line feeds are bytes, as in the vocabulary of Llama 2."""
    learner = Tokenizer(models.BPE())
    learner.pre_tokenizer = pre_tokenizers.Metaspace()
    learner.train_from_iterator(LINES, trainers.BpeTrainer(vocab_size=260, show_progress=False))
    learned = json.loads(learner.to_str())["model"]
    first = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    vocab = {piece: index for index, piece in enumerate([*first, *learned["vocab"]])}
    merges = [tuple(pair) for pair in learned["merges"]]
    tokenizer = Tokenizer(models.BPE(vocab, merges, unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in first[:3]])
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return tokenizer
