"""What is timed: rows of the table, each a shape of the data and a vocabulary, and the model that goes with it."""

import random
from dataclasses import dataclass
from typing import Any

from conself.training.data import Example, Response, pair_example

END = 1  # id of the end of turn; 0 fills up rows
LORA_R, LORA_ALPHA = 16, 32
BETA = 0.1
RATE = 1e-5
# Qwen2.5-Coder-7B: 28 layers of 3584, 28 heads and 4 key-value heads of 128, feed-forward 18944, 152064 words
LAYERS_7B, HIDDEN_7B, HEADS_7B, KV_7B, FEED_7B, WORDS_7B = 28, 3584, 28, 4, 18944, 152_064
SMALL = (4, 384, 6, 1, 2032)  # layers, hidden, heads, key-value heads, feed-forward: a 7B model's proportions


@dataclass(frozen=True, slots=True)
class Shape:
    """A decoder: ``words`` is the size of its vocabulary; heads are hidden / heads wide."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    feed: int
    words: int

    @property
    def body(self) -> int:
        """Weights of all linear maps of the layers."""
        kv = self.hidden * self.kv_heads // self.heads
        return self.layers * self.hidden * (2 * self.hidden + 2 * kv + 3 * self.feed)

    @property
    def head(self) -> int:
        """Weights of the output head."""
        return self.hidden * self.words

    def config(self) -> dict[str, Any]:
        """The same as keyword arguments of ``Qwen2Config``."""
        return {
            "vocab_size": self.words,
            "hidden_size": self.hidden,
            "intermediate_size": self.feed,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.kv_heads,
            "max_position_embeddings": 4096,
            "tie_word_embeddings": False,
            "eos_token_id": END,
            "pad_token_id": 0,
        }


CODER_7B = Shape(LAYERS_7B, HIDDEN_7B, HEADS_7B, KV_7B, FEED_7B, WORDS_7B)
HEAD_TO_BODY = CODER_7B.head / CODER_7B.body
WORDS = round(HEAD_TO_BODY * Shape(*SMALL, words=0).body / SMALL[1])  # the small model's head weighs as the 7B's does


def small(words: int) -> Shape:
    """The model of the CPU's rows with a vocabulary of ``words``."""
    return Shape(*SMALL, words=words)


@dataclass(frozen=True, slots=True)
class Row:
    """One global batch: ``pairs`` per problem, lengths in tokens as (least, most), all of them in equal steps."""

    name: str
    pairs: int = 3
    prompt: tuple[int, int] = (200, 500)
    response: tuple[int, int] = (60, 200)
    words: int = WORDS
    batch: int = 6


CENTRAL = Row("central", batch=12)
ROWS = (
    CENTRAL,
    *(Row(f"{n} pair{'s' * (n > 1)} per problem", pairs=n) for n in (1, 2)),
    *(Row(f"prompt {n}", prompt=(n, n)) for n in (100, 200, 500, 800)),
    *(Row(f"response {n}", response=(n, n)) for n in (60, 150, 300)),
    *(Row(f"vocabulary {n}", words=n) for n in (1_500, 32_000)),
    Row("vocabulary 152000", words=152_000, batch=3),
)
QUICK = Row("quick", prompt=(40, 80), response=(10, 30), batch=6)


def pairs(row: Row, seed: int) -> list[Example]:
    """The pairs of one global batch, random ids, all of weight 1; ``row.pairs`` must divide ``row.batch``."""
    draw = random.Random(seed)
    n_problems = row.batch // row.pairs
    prompts = _spread(*row.prompt, n_problems, draw)
    responses = iter(_spread(*row.response, n_problems * (row.pairs + 1), draw))

    def ids(length: int) -> tuple[int, ...]:
        return tuple(draw.randrange(2, row.words) for _ in range(length))

    found = []
    for number, length in enumerate(prompts):
        prompt = ids(length)
        chosen, *losers = [Response(prompt, (*ids(next(responses) - 1), END)) for _ in range(row.pairs + 1)]
        for place, loser in enumerate(losers):
            found.append(pair_example(f"p{number}", f"p{number}/0/{place + 1}", chosen, loser, 1.0))
    return found


def _spread(low: int, high: int, count: int, draw: random.Random) -> list[int]:
    """``count`` lengths from ``low`` to ``high`` in equal steps, shuffled: their mean is no matter of luck."""
    values = [low + round((high - low) * (i + 0.5) / count) for i in range(count)]
    draw.shuffle(values)
    return values
