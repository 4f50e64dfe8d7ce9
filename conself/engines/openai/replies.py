"""Parse the JSON of a completion (of a chat or a text) into replies: text, NLL, top-k entropy, tokens."""

import json
import math
from collections.abc import Sequence
from typing import TypedDict

from conself.engines.engine import Reply

# The value that OpenAI-compatible servers write for an unknown log-probability.
_UNKNOWN = -9999.0


class Top(TypedDict):
    """One of the likeliest tokens at a position."""

    logprob: float


class Token(TypedDict, total=False):
    """A token of a choice, in the format of chats."""

    logprob: float
    top_logprobs: list[Top] | None


class LogProbs(TypedDict, total=False):
    """Log-probs: a chat's in ``content``; a text completion has a list for each field of its tokens."""

    content: list[Token] | None
    token_logprobs: list[float]
    top_logprobs: list[dict[str, float] | None] | None


class Message(TypedDict, total=False):
    """The message of a choice."""

    content: str | None


class Choice(TypedDict, total=False):
    """One sample: the ``text`` of a completion, or the ``message`` of a chat."""

    index: int | None
    text: str | None
    message: Message
    finish_reason: str | None
    logprobs: LogProbs | None


class Usage(TypedDict, total=False):
    """The tokens of all choices together."""

    completion_tokens: int | None


class Completion(TypedDict, total=False):
    """A server's answer, in the documented format, none of which is guaranteed."""

    choices: list[Choice]
    usage: Usage | None


def replies(text: str, top_k: int) -> list[Reply]:
    """Convert the choices of a completion, at least one, in order. A choice without content is an empty text.

    ``top_k`` is as in :func:`uncertainty`.

    Raises:
        ValueError: it is no completion, or has no choices.
    """
    try:
        return _read(json.loads(text), top_k)
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}; the answer begins {text[:100]!r}") from None


def _read(body: Completion, top_k: int) -> list[Reply]:
    choices = body["choices"]
    if not isinstance(choices, list) or not choices:
        raise ValueError("no choices")
    ordered = sorted(choices, key=lambda choice: int(choice.get("index") or 0))
    usage = body.get("usage")
    total = int(usage.get("completion_tokens") or 0) if isinstance(usage, dict) else 0
    return [_reply(choice, count, top_k) for choice, count in zip(ordered, _shares(total, len(choices)), strict=True)]


def _reply(choice: Choice, count: int, top_k: int) -> Reply:
    content = choice["text"] if "text" in choice else choice["message"].get("content")
    tokens = _tokens(choice.get("logprobs") or {})
    nll, entropy = uncertainty(tokens, top_k)
    return Reply(
        text="" if content is None else _storable(str(content)),
        finish_reason=str(choice.get("finish_reason") or "unknown"),
        mean_nll=nll,
        mean_token_entropy=entropy,
        n_tokens=len(tokens) or count,
    )


def _tokens(logprobs: LogProbs) -> Sequence[Token]:
    """Convert tokens to the format of chats; text completions have a list for each of their fields."""
    if "token_logprobs" not in logprobs:
        return logprobs.get("content") or []
    own = logprobs["token_logprobs"]
    tops = logprobs.get("top_logprobs") or [{}] * len(own)
    return [
        {"logprob": value, "top_logprobs": [{"logprob": top} for top in (likeliest or {}).values()]}
        for value, likeliest in zip(own, tops, strict=True)
    ]


def _storable(text: str) -> str:
    return text.encode(errors="replace").decode()  # half an emoji is no text that a file can hold


def uncertainty(tokens: Sequence[Token], top_k: int) -> tuple[float | None, float | None]:
    """Compute mean NLL and mean entropy, in nats per token, of tokens with ``logprob`` and ``top_logprobs``.

    A token's entropy is taken over the ``top_k`` likeliest of its ``top_logprobs``, renormalised. None if a token lacks
    the figure.
    """
    own = [float(token["logprob"]) for token in tokens]
    tops = [_likeliest(token, top_k) for token in tokens]
    all_known = own and all(_UNKNOWN < value < math.inf for value in own)
    nll = -math.fsum(own) / len(own) if all_known else None
    entropy = math.fsum(map(_entropy, tops)) / len(tops) if tops and all(map(_usable, tops)) else None
    return nll, entropy


def _likeliest(token: Token, top_k: int) -> list[float]:
    return sorted((float(top["logprob"]) for top in token.get("top_logprobs") or []), reverse=True)[:top_k]


def _usable(logprobs: Sequence[float]) -> bool:
    return bool(logprobs) and not any(map(math.isnan, logprobs)) and -math.inf < max(logprobs) < math.inf


def _entropy(logprobs: Sequence[float]) -> float:
    weights = [math.exp(value - max(logprobs)) for value in logprobs]
    total = math.fsum(weights)
    return -math.fsum(w / total * math.log(w / total) for w in weights if w > 0)


def _shares(total: int, count: int) -> list[int]:
    """Divide ``total`` tokens among ``count`` choices as evenly as possible, as only the sum is known."""
    return [total // count + (place < total % count) for place in range(count)]
