"""Requests to an OpenAI-compatible chat endpoint: with timeouts, retries where useful, and no secrets in errors."""

import asyncio
import email.utils
import json
import os
import random
import threading
import time
from collections.abc import Mapping
from concurrent.futures import CancelledError
from typing import Any

from conself.engines.decoding import Decoding
from conself.engines.engine import Ask, Reply
from conself.engines.openai.replies import replies
from conself.engines.openai.settings import Endpoint, Runtime, request_body
from conself.sandbox.jsonlines import Json

_AGAIN = frozenset({408, 409, 425, 429})
_CLOSED = "is closed: another request failed, or the answer is no longer needed"
_LONGEST_BACKOFF = 60.0
_LONGEST_WAIT = 3600.0  # the longest Retry-After that is honoured


class RefusedError(ValueError):
    """A request failed permanently; the message gives cause and remedy."""


class _TryAgainError(Exception):
    """A temporary failure; ``wait`` is the number of seconds that the endpoint asks for, if any."""

    def __init__(self, reason: str, wait: float | None) -> None:
        super().__init__(reason)
        self.wait = wait


class Client:
    """Completes chats and plain texts through one endpoint; may be called from many threads.

    The requests run in one event loop, where they can be cancelled when they are no longer needed.

    Raises:
        ValueError: the package or the key is missing, with the remedy.
    """

    def __init__(self, endpoint: Endpoint, runtime: Runtime) -> None:
        self._endpoint, self._runtime = endpoint, runtime
        self._key = _key(runtime.api_key_env)
        self._openai = _package()
        self._stop = threading.Event()
        self._sending = threading.Lock()
        self._client = self._openai.AsyncOpenAI(
            base_url=endpoint.base_url, api_key=self._key or "none", timeout=runtime.timeout_s, max_retries=0
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Cancel waits and running requests; they raise in their threads."""
        with self._sending:  # no request slips in behind
            self._stop.set()
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _end(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.close()

    def complete(self, ask: Ask, decoding: Decoding) -> list[Reply]:
        """Return one reply per seed, in order. If the endpoint gives too few choices it is asked for the rest.

        Raises:
            RefusedError: the endpoint refuses, or still fails after all retries.
        """
        received: list[Reply] = []
        while len(received) < len(ask.seeds):
            count = min(self._endpoint.choices_per_request, len(ask.seeds) - len(received))
            body = request_body(self._endpoint, ask.messages, decoding, count, ask.seeds[len(received)])
            received += self._ask(body, decoding.entropy_top_k)[:count]
        return received

    def _ask(self, body: dict[str, Json], top_k: int) -> list[Reply]:
        tries = self._runtime.retries + 1
        for attempt in range(tries):
            try:
                return self._once(body, top_k)
            except _TryAgainError as error:
                reason, wait = str(error), error.wait
            if attempt + 1 < tries:
                backoff = min(self._runtime.backoff_s * 2**attempt, _LONGEST_BACKOFF) * random.uniform(0.75, 1)
                self._stop.wait(backoff if wait is None else min(wait, _LONGEST_WAIT))
        raise RefusedError(f"failed {tries} times, last with {reason}; see to the endpoint, or raise runtime.retries")

    def _once(self, body: dict[str, Json], top_k: int) -> list[Reply]:
        package = self._openai
        try:
            answer = self._send(body)
        except package.APIStatusError as error:
            raise self._judged(error.status_code, error.response.text, error.response.headers) from None
        except package.APITimeoutError:
            raise _TryAgainError(f"no answer within runtime.timeout_s={self._runtime.timeout_s}", None) from None
        except package.APIConnectionError as error:
            cause = error.__cause__ or error
            raise _TryAgainError(self._shown(f"no connection ({type(cause).__name__}: {cause})"), None) from None
        try:
            return replies(answer, top_k)
        except ValueError as error:
            raise _TryAgainError(self._shown(f"an answer that is no completion ({error})"), None) from None

    def _send(self, body: dict[str, Json]) -> str:
        with self._sending:
            if self._stop.is_set():
                raise RefusedError(_CLOSED)
            service = self._client.completions if "prompt" in body else self._client.chat.completions
            answer = service.with_raw_response.create(**body)
            future = asyncio.run_coroutine_threadsafe(answer, self._loop)
        try:
            return str(future.result().text)
        except CancelledError:
            raise RefusedError(_CLOSED) from None

    def _judged(self, status: int, text: str, headers: Mapping[str, str]) -> Exception:
        message = self._shown(_message(text))
        if status in _AGAIN or status >= 500:
            return _TryAgainError(f"HTTP {status}: {message}", retry_after(headers.get("retry-after"), time.time()))
        if status in (401, 403):
            key = self._runtime.api_key_env
            which = f"the key in environment variable {key}" if key else "requests without key: set runtime.api_key_env"
            return RefusedError(f"refuses {which} (HTTP {status}: {message})")
        if status == 404:
            return RefusedError(
                f"HTTP 404: {message}; check endpoint.base_url (most end in /v1) and endpoint.model_name"
            )
        return RefusedError(
            f"refuses the request (HTTP {status}: {message}); adapt the endpoint's keys to what it takes: "
            "choices_per_request=1, send_seed=false, logprobs=false, max_tokens_name=max_completion_tokens; "
            "if it is this problem that it refuses, leave it out of the data set"
        )

    def _shown(self, text: str) -> str:
        """Shorten a text for a message: one line, without the key, which some endpoints repeat."""
        clean = text.replace(self._key, "***") if self._key else text
        return " ".join(clean.split())[:300]


def retry_after(value: str | None, now: float) -> float | None:
    """Return the seconds to wait by a Retry-After header (seconds or HTTP date; ``now`` in Unix time); None without."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(value).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _message(text: str) -> str:
    """Extract the message from an error's body, in any of the usual formats."""
    try:
        body = json.loads(text)
    except ValueError:
        return text
    inner = body.get("error", body) if isinstance(body, dict) else body
    return str(inner.get("message", inner)) if isinstance(inner, dict) else str(inner)


def _key(name: str | None) -> str:
    if name is None:
        return ""
    key = os.environ.get(name, "").strip()
    if not key:
        raise ValueError(
            f"environment variable {name} holds no key: export it, "
            "or set runtime.api_key_env=null for an endpoint that asks for none"
        )
    return key


def _package() -> Any:
    try:
        import openai
    except ImportError:
        raise ValueError("engine=openai needs the package openai: pip install 'conself[openai]'") from None
    return openai
