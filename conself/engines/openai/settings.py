"""Settings of an OpenAI-compatible endpoint: address and model, content of requests, and how they are sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

from conself.engines.decoding import Decoding, check_cut
from conself.prompts.prompts import PLAIN, Message
from conself.sandbox.jsonlines import Json


@dataclass(frozen=True)
class Endpoint:
    """The address, the model and the content of requests: everything that results can depend on.

    ``choices_per_request`` is the most completions of one request (``n``). ``logprobs`` requests as many log-probs as
    token entropies are taken over. ``max_tokens_name`` is the endpoint's name for the limit; ``extra_body`` is added to
    every request.

    Raises:
        ValueError: a setting out of range, or a URL with a secret in it.
    """

    base_url: str
    model_name: str
    choices_per_request: int
    send_seed: bool
    logprobs: bool
    max_tokens_name: str
    extra_body: Mapping[str, Json]

    def __post_init__(self) -> None:
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"endpoint.base_url must be like http://localhost:8000/v1, got {self.base_url!r}")
        if "@" in parts.netloc or parts.query:
            raise ValueError(
                "endpoint.base_url holds a password or a query, which artifacts would keep; "
                "put the key into the environment variable that runtime.api_key_env names"
            )
        if self.choices_per_request < 1:
            raise ValueError(f"endpoint.choices_per_request must be at least 1, got {self.choices_per_request}")

    def fingerprint(self) -> str:
        """Return the model's name and the address."""
        return f"{self.model_name} at {self.base_url}"


@dataclass(frozen=True)
class Runtime:
    """Settings that change speed, not results, and the NAME of the environment variable with the key (None: no key).

    ``concurrency`` requests run at once, each with a timeout of ``timeout_s`` seconds; a failed one is retried up to
    ``retries`` times, after ``backoff_s``, twice that, ... up to a minute, or as long as the endpoint asks.
    """

    threads: ClassVar[int] = 1  # that compute

    processes: int | None
    shards_per_task: int
    concurrency: int
    timeout_s: float
    retries: int
    backoff_s: float
    api_key_env: str | None

    def __post_init__(self) -> None:
        check_cut(self.processes, self.shards_per_task)
        if self.concurrency < 1 or self.retries < 0 or not self.timeout_s > 0 or not self.backoff_s > 0:
            raise ValueError(
                "runtime.concurrency must be at least 1, retries at least 0, timeout_s and backoff_s above 0, got "
                f"{self.concurrency}, {self.retries}, {self.timeout_s} and {self.backoff_s}"
            )


def request_body(
    endpoint: Endpoint, messages: list[Message], decoding: Decoding, count: int, seed: int
) -> dict[str, Json]:
    """Build the arguments of one request for ``count`` completions; the seed is cut to the 31 bits all servers take.

    A plain text is the ``prompt`` of a text completion, to which the server adds the tokenizer's opening tokens. An
    answer that is opened already is marked as to be continued, as vLLM and SGLang have it.
    """
    continued = {"continue_final_message": True, "add_generation_prompt": False}
    plain = messages[0]["role"] == PLAIN
    body: dict[str, Json] = {
        "model": endpoint.model_name,
        **({"prompt": messages[0]["content"]} if plain else {"messages": [{**message} for message in messages]}),
        "temperature": decoding.temperature,
        "top_p": decoding.top_p,
        "n": count,
        "extra_body": {
            endpoint.max_tokens_name: decoding.max_new_tokens,
            **(continued if messages[-1]["role"] == "assistant" else {}),
            **endpoint.extra_body,
        },
    }
    if endpoint.send_seed:
        body["seed"] = seed % 2**31
    if decoding.stop:
        body["stop"] = [*decoding.stop]
    if endpoint.logprobs:  # one more: some servers put the drawn token in the place of the last
        count = decoding.entropy_top_k + 1
        body |= {"logprobs": count} if plain else {"logprobs": True, "top_logprobs": count}
    return body
