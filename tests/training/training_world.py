"""A world small enough to train in: 61 words, a tiny random model, and pairs whose winners say one word."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from torch import Tensor
from transformers import PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from conself.models.transformers import with_lora
from conself.records import PreferencePair
from conself.training.data import Example, Response, pair_example
from conself.training.layouts.padded import DistinctLayout, Layout, PairsLayout
from conself.training.layouts.shared import SharedLayout
from conself.training.policy.tuning import Lora, Policy
from conself.training.scorer.log_probs import response_log_probs, token_log_probs
from conself.training.settings import Runtime, Training
from conself.training.strategies.distributed import DDP

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


LORA = Lora(r=4, alpha=8, target="all-linear", rslora=False, dora=False)


def layouts(budget: int) -> dict[str, Layout]:
    """All there are."""
    return {
        "pairs": PairsLayout(budget),
        "distinct": DistinctLayout(budget),
        "shared": SharedLayout(budget, flex_above=None),
    }


def lora_policy(model: PreTrainedModel, seed: int = 0, lora_b: float | None = None) -> Policy:
    """A model with the adapter LORA; ``lora_b`` fills its second factors, which begin at 0 and stop gradients."""
    adapted = with_lora(model, LORA.config(), seed)
    if lora_b is not None:
        with torch.no_grad():
            for name, parameter in adapted.named_parameters():
                if "lora_B" in name:
                    parameter.fill_(lora_b)
    return Policy(model, torch.float32, adapted.disable_adapter, True, _unsaved)


def _unsaved(folder: Path, weights: Mapping[str, Tensor] | None) -> None:
    raise AssertionError(f"nothing is saved to {folder} here ({weights})")


def runtime(layout: Layout | None = None, **changes: object) -> Runtime:
    values = {
        "device": "cpu",
        "devices": 1,
        "nodes": 1,
        "strategy": DDP(),
        "gradient_checkpointing": 0.0,
        "checkpoint_share": 1.0,
        "progress": False,
    }
    return Runtime(layout=layout or SharedLayout(512, flex_above=None), **{**values, **changes})  # type: ignore[arg-type]


def settings(layout: Layout | None = None, **changes: object) -> Training:
    values = {
        "tuning": LORA,
        "export": "adapter",
        "learning_rate": 5e-3,
        "warmup_ratio": 0.1,
        "weight_decay": 0.0,
        "gradient_clip": 1.0,
        "threads": 1,
        "epochs": 2,
        "batch_size": 4,
        "by_problem": True,
        "max_length": 32,
        "runtime": runtime(layout),
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
        winner_weight=0.5,
    )


def toy_pairs(problems: int = 4, losers: int = 2) -> list[PreferencePair]:
    """The winner of every problem says x20, its losers x30, x31, ... in answers of different lengths."""
    return [
        text_pair(p, loser, words(20, *range(40, 40 + p)), words(29 + loser, *range(50, 52 + p)))
        for p in range(problems)
        for loser in range(1, losers + 1)
    ]


def token_pairs(shape: Sequence[int], seed: int = 0) -> list[Example]:
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
            pairs.append(pair_example(f"p{p}", f"p{p}/0/{i}", winner, Response(prompt, (*ids(0, 9), END)), weight))
    return pairs


def winner_of(pair: Example) -> Example:
    """The pair without its loser."""
    return pair.apart()[0]


def response(prompt: Sequence[int], *tokens: int) -> Response:
    return Response(tuple(prompt), tokens)


def row_of_four(changed: tuple[int, ...] = (8, 9, 1)) -> list[Example]:
    """A winner and three losers, of which ``changed`` is the middle one."""
    losers = [response([3, 4, 5], 10, 1), response([3, 4, 5], *changed), response([3, 4, 5], 11, 12, 13, 1)]
    return [pair_example("p", f"p/0/{i}", response([3, 4, 5], 6, 7, 1), lost, 1.0) for i, lost in enumerate(losers)]


def scored(model: PreTrainedModel, layout: Layout, pairs: Sequence[Example]) -> dict[Response, Tensor]:
    """Log-probs of every response by a layout, all micro-batches of it."""
    values: dict[Response, Tensor] = {}
    for piece in layout.cut(pairs):
        batch = layout.lay(piece)
        values |= dict(zip(batch.responses, response_log_probs(model, batch, torch.float32), strict=True))
    return values


def per_token(model: PreTrainedModel, layout: Layout, pairs: Sequence[Example]) -> dict[Response, Tensor]:
    """The same, token by token: float32."""
    values: dict[Response, Tensor] = {}
    for piece in layout.cut(pairs):
        batch = layout.lay(piece)
        parts = token_log_probs(model, batch, torch.float32).split(list(batch.lengths))
        values |= dict(zip(batch.responses, parts, strict=True))
    return values


def naive(model: PreTrainedModel, response: Response) -> Tensor:
    """One sequence, full logits, token by token."""
    ids = torch.tensor([[*response.prompt, *response.tokens]])
    table = model(input_ids=ids).logits[0].float().log_softmax(-1)
    start = len(response.prompt)
    terms = [table[start + i - 1, token] for i, token in enumerate(response.tokens)]
    return torch.stack(terms).sum()
