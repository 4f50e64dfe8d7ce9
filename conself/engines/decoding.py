"""Settings for drawing tokens, and the seed of every draw; without torch, so that any sampler can use it."""

import hashlib
import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Decoding:
    """The settings for drawing completions.

    ``temperature`` 0 is greedy. ``top_p`` keeps the smallest set of likeliest tokens whose (tempered) mass reaches it.
    ``max_new_tokens`` includes the end-of-turn token. ``entropy_top_k`` is the number of likeliest tokens over which
    the token entropy is taken, renormalised. ``stop`` holds strings that end a completion like the end-of-turn token:
    the text is cut before them, but their tokens count.

    Raises:
        ValueError: a value is out of range.
    """

    temperature: float
    top_p: float
    max_new_tokens: int
    entropy_top_k: int
    stop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.temperature >= 0:
            raise ValueError(f"temperature must be 0 (greedy) or more, got {self.temperature}")
        if not 0 < self.top_p <= 1:
            raise ValueError(f"top_p must lie in (0, 1], got {self.top_p}; 1 keeps every token")
        if self.max_new_tokens < 1:
            raise ValueError(f"max_new_tokens must be at least 1, got {self.max_new_tokens}")
        if self.entropy_top_k < 1:
            raise ValueError(f"entropy_top_k must be at least 1, got {self.entropy_top_k}")
        if not all(self.stop):
            raise ValueError("a stop string must not be empty: it would end every completion at once")


def check_cut(processes: int | None, shards_per_task: int) -> None:
    """Check that the settings for dividing the work are positive.

    Raises:
        ValueError: one of them is below 1.
    """
    if (processes is not None and processes < 1) or shards_per_task < 1:
        raise ValueError(
            f"runtime.processes and runtime.shards_per_task must be at least 1, got {processes} and {shards_per_task}"
        )


def sample_seed(seed: int, purpose: str, problem_id: str, index: int) -> int:
    """Derive a 64-bit seed from SHA-256 of the arguments, independent of order, batches and processes."""
    digest = hashlib.sha256(json.dumps([seed, purpose, problem_id, index]).encode()).digest()
    return int.from_bytes(digest[:8], "little")
