"""A world small enough to train in: 61 words, a tiny random model, and pairs whose winners say one word."""

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from torch import Tensor
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from conself.records import PreferencePair
from conself.training.data import Response, TokenPair
from conself.training.layouts import PairsLayout
from conself.training.settings import Runtime, Training

PAD, END, UNKNOWN = 0, 1, 2
SHAPE = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "eos_token_id": END,
    "pad_token_id": PAD,
    "initializer_range": 0.2,
}


def word_tokenizer() -> PreTrainedTokenizerFast:
    """Word ``x<i>`` has id i (3..63). A class of its own, or AutoTokenizer takes any Qwen2's to be byte-level BPE."""
    words = {"<pad>": PAD, "<end>": END, "<unk>": UNKNOWN, **{f"x{i}": i for i in range(3, 64)}}
    tokenizer = Tokenizer(WordLevel(words, unk_token="<unk>"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="<end>",
        unk_token="<unk>",
        chat_template="{% for m in messages %}{{ m['content'] }} {% endfor %}",
        auto_map={"AutoTokenizer": [None, "none.None"]},
    )


def tiny_qwen() -> PreTrainedModel:
    return build(Qwen2ForCausalLM, Qwen2Config(**SHAPE, tie_word_embeddings=True))


def build(cls: type[PreTrainedModel], config: PreTrainedConfig) -> PreTrainedModel:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return cls(config).eval()


def settings(layout: PairsLayout | None = None, **changes: object) -> Training:
    values = {
        "lora_r": 4,
        "lora_alpha": 8,
        "lora_target": "all-linear",
        "learning_rate": 5e-3,
        "warmup_ratio": 0.1,
        "weight_decay": 0.0,
        "gradient_clip": 1.0,
        "threads": 1,
        "epochs": 2,
        "batch_size": 4,
        "by_problem": True,
        "max_length": 32,
        "runtime": Runtime(
            layout=layout or PairsLayout(token_budget=512), device="cpu", gradient_checkpointing=False, progress=False
        ),
    }
    return Training(**{**values, **changes})  # type: ignore[arg-type]  # one dict, many types


def words(*ids: int) -> str:
    return " ".join(f"x{i}" for i in ids)


def text_pair(problem: int, loser: int, chosen: str, rejected: str | None) -> PreferencePair:
    return PreferencePair(
        problem_id=f"p{problem}",
        prompt=words(10 + problem, 5, 6),
        chosen=chosen,
        rejected=rejected,
        chosen_index=0,
        rejected_index=None if rejected is None else loser,
        chosen_consensus=0.5,
        rejected_consensus=None if rejected is None else 0.1,
    )


def toy_pairs(problems: int = 4, losers: int = 2) -> list[PreferencePair]:
    """The winner of every problem says x20, its losers x30, x31, ... in answers of different lengths."""
    return [
        text_pair(p, loser, words(20, *range(40, 40 + p)), words(29 + loser, *range(50, 52 + p)))
        for p in range(problems)
        for loser in range(1, losers + 1)
    ]


def token_pairs(shape: Sequence[int], seed: int = 0) -> list[TokenPair]:
    """Random ids: problem p has ``shape[p]`` losers beside one winner, all lengths and weights random."""
    generator = torch.Generator().manual_seed(seed)

    def ids(low: int, high: int) -> tuple[int, ...]:
        n = int(torch.randint(low, high, (1,), generator=generator))
        return tuple(torch.randint(3, 64, (n,), generator=generator).tolist())

    pairs = []
    for p, n_losers in enumerate(shape):
        prompt = ids(1, 7)
        winner = Response(prompt, (*ids(0, 9), END))
        for i in range(n_losers):
            weight = float(torch.rand(1, generator=generator))
            pairs.append(TokenPair(f"p{p}", f"p{p}/0/{i}", winner, Response(prompt, (*ids(0, 9), END)), weight))
    return pairs


def naive(model: PreTrainedModel, response: Response) -> Tensor:
    """One sequence, full logits, token by token."""
    ids = torch.tensor([[*response.prompt, *response.tokens]])
    table = model(input_ids=ids).logits[0].float().log_softmax(-1)
    start = len(response.prompt)
    terms = [table[start + i - 1, token] for i, token in enumerate(response.tokens)]
    return torch.stack(terms).sum()
