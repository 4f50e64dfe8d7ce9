"""The endpoint sampler against real HTTP servers, well-behaved and otherwise."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hydra.utils import instantiate
from omegaconf import OmegaConf

from conself.engines.decoding import Decoding, sample_seed
from conself.engines.openai.client import retry_after
from conself.engines.openai.engine import OpenAIEngine
from conself.engines.openai.settings import Endpoint, Runtime, request_body
from conself.prompts.few_shot import FewShot, Shots
from conself.prompts.prompts import Prompts
from conself.records import Candidate, ModelRef, Problem
from conself.samplers.direct import Direct
from conself.samplers.guided import Guided
from conself.samplers.sampler import Asking, Sampler
from tests.engines.openai.chat_server import Answer, Server, chat, serving

pytest.importorskip("openai", reason="the extra [openai] is not installed")

KEY = "sk-very-secret-0123456789"
PROMPTS = Prompts(system="Be brief.", observe="observe {n} {statement}", program="{statement}", guided="{observation}")
RUNTIME = Runtime(1, 20, 4, 10.0, 3, 0.01, "CONSELF_TEST_KEY")


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSELF_TEST_KEY", KEY)


def endpoint(server: Server, **changes: Any) -> Endpoint:
    return replace(Endpoint(server.url, "the-model", 8, True, False, "max_tokens", {}), **changes)


def asking(server: Server, part: Sampler, **changes: Any) -> Asking:
    """The sampler over the server; ``endpoint`` and ``runtime`` among the changes are the engine's."""
    engine = {"endpoint": endpoint(server), "runtime": RUNTIME}
    engine |= {key: changes.pop(key) for key in engine if key in changes}
    return Asking(replace(part, **changes), OpenAIEngine(**engine))


def sampler(server: Server, **changes: Any) -> Asking:
    return asking(server, Guided(3, 5, 0.7, 0.8, 1.0, 0.9, 100, 50, 15, 3, PROMPTS), **changes)


def decoder(server: Server, **changes: Any) -> Asking:
    return asking(server, Direct(1, 0.0, 1.0, 100, 15, 3, PROMPTS), **changes)


def problems(count: int) -> list[Problem]:
    return [Problem(f"p{i}", f"statement {i}", "", "f", ("(1,)",), "test", "easy") for i in range(count)]


def user(request: dict[str, Any]) -> str:
    return str(request["messages"][-1]["content"])


def echo(request: dict[str, Any], _: int) -> Answer:
    """Three observations on request, else n programs that repeat the prompt and count."""
    asked = user(request)
    if asked.startswith("observe"):
        return chat(f"1. {asked[-1]}a\n2. {asked[-1]}b\n3. {asked[-1]}c", tokens=9)
    return chat(*(f"```python\n# {asked} {i}\n```" for i in range(request["n"])), tokens=7 * request["n"])


def codes(pools: Iterator[list[Candidate]]) -> list[list[str | None]]:
    return [[c.code for c in pool] for pool in pools]


def test_candidates_in_order_with_one_request_per_observation() -> None:
    with serving(echo) as server:
        pools = list(sampler(server)(problems(10), None))
    assert [[c.problem_id for c in pool] for pool in pools] == [[f"p{i}"] * 15 for i in range(10)]
    assert [c.index for c in pools[7]] == list(range(15))
    assert [c.observation for c in pools[7]] == ["7a"] * 5 + ["7b"] * 5 + ["7c"] * 5
    assert [c.code for c in pools[7]][4:6] == ["# 7a 4\n", "# 7b 0\n"]
    assert {(c.n_tokens, c.finish_reason, c.observation_asks) for c in pools[7]} == {(7, "stop", 1)}
    assert {(c.mean_nll, c.mean_token_entropy, c.entropy_top_k) for c in pools[7]} == {(None, None, None)}
    assert len(server.requests) == 10 * (1 + 3)


def test_what_a_request_says() -> None:
    with serving(echo) as server:
        list(sampler(server, endpoint=endpoint(server, extra_body={"top_k": 20}))(problems(1), None))
    first, second = server.requests[:2]
    assert first["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "observe 3 statement 0"},
    ]
    shared = {"model": "the-model", "top_k": 20}
    rest = {"temperature": 0.7, "top_p": 0.8, "n": 1, "max_tokens": 50}
    assert {k: v for k, v in first.items() if k not in ("messages", "seed")} == {**shared, **rest}
    rest = {"temperature": 1.0, "top_p": 0.9, "n": 5, "max_tokens": 100}
    assert {k: v for k, v in second.items() if k not in ("messages", "seed")} == {**shared, **rest}
    assert first["seed"] == sample_seed(3, "observe", "p0", 0) % 2**31
    assert [r["seed"] for r in server.requests[1:]] == [sample_seed(3, "sample", "p0", i) % 2**31 for i in (0, 5, 10)]
    assert set(server.paths) == {"/v1/chat/completions"}


def test_exemplars_are_asked_for_as_a_text_that_ends_at_the_next_one() -> None:
    """A base model has no chat: the request goes to /completions, with the stop string, and log-probs as one number."""
    shots = Shots("{statement}, {n}:\n", "{statement}:\n", "{statement} {observation}:\n", exemplars=[])

    def complete(request: dict[str, Any], _: int) -> Answer:
        said = "1. a\n2. b\n3. c" if "3:" in request["prompt"] else "```python\npass\n```"
        choices = [{"index": i, "text": said, "finish_reason": "stop"} for i in range(request["n"])]
        return Answer({"id": "x", "object": "text_completion", "created": 0, "model": "m", "choices": choices})

    with serving(complete) as server:
        few = FewShot("# Task", "{starter_code}", shots, shots)
        (pool,) = sampler(server, prompts=few, entropy_top_k=4, endpoint=endpoint(server, logprobs=True))(
            problems(1), None
        )
    assert [c.code for c in pool] == ["pass\n"] * 15
    assert [c.observation for c in pool[::5]] == ["a", "b", "c"]
    assert [r["prompt"] for r in server.requests] == [
        "# Task\nstatement 0, 3:\n",
        *(f"# Task\nstatement 0 {hint}:\n" for hint in "abc"),
    ]
    assert {(tuple(r["stop"]), r["logprobs"], "messages" in r) for r in server.requests} == {
        (("\n# Task\n",), 5, False)
    }
    assert set(server.paths) == {"/v1/completions"}


def test_an_opened_answer_is_asked_for_as_one_to_be_continued() -> None:
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "```python\n"}]
    with serving(echo) as server:
        given = endpoint(server, extra_body={"add_generation_prompt": None})
        bodies = [request_body(given, asked, Decoding(1.0, 1.0, 9, 15), 1, 0) for asked in (messages[:1], messages)]
    limit = {"max_tokens": 9, "add_generation_prompt": None}  # a setting of the endpoint's own is kept
    assert [body["extra_body"] for body in bodies] == [limit, {**limit, "continue_final_message": True}]


def test_settings_for_endpoints_that_differ() -> None:
    with serving(echo) as server:
        other = endpoint(server, choices_per_request=2, send_seed=False, max_tokens_name="max_completion_tokens")
        (pool,) = sampler(server, endpoint=other)(problems(1), None)
    assert len(pool) == 15
    assert [r["n"] for r in server.requests] == [1] + [2, 2, 1] * 3
    assert all("seed" not in r and "max_tokens" not in r for r in server.requests)
    assert server.requests[1]["max_completion_tokens"] == 100


def test_an_endpoint_that_ignores_n_is_asked_for_the_rest() -> None:
    def single(request: dict[str, Any], _: int) -> Answer:
        return chat(f"```python\n# {request['seed']}\n```") if user(request)[0] != "o" else echo(request, 0)

    with serving(single) as server:
        (pool,) = sampler(server)(problems(1), None)
    # every completion by the seed of its own candidate
    assert [c.code for c in pool] == [f"# {sample_seed(3, 'sample', 'p0', i) % 2**31}\n" for i in range(15)]
    assert [r["n"] for r in server.requests] == [1] + [5, 4, 3, 2, 1] * 3


def test_more_choices_than_asked_for_are_cut() -> None:
    with serving(lambda *_: chat("a", "b", "c")) as server:
        (pool,) = decoder(server)(problems(1), None)
    assert [c.text for c in pool] == ["a"]


@pytest.mark.parametrize(
    "trouble",
    [
        Answer({"error": {"message": "slow down"}}, 429, {"Retry-After": "0"}),
        Answer("busy", 503),
        Answer({"error": "boom"}, 500),
        Answer(status=408),
        Answer(drop=True),
        Answer('{"choices": [{"mess'),
        Answer("<html>proxy</html>", headers={"Content-Type": "text/html"}),
        Answer({"error": {"message": "upstream", "code": 502}}),
        Answer({"choices": []}),
        Answer({"choices": None}),
        Answer({"choices": ["a"]}),
        Answer({"choices": [{"index": 0}]}),
        Answer([1, 2]),
        Answer("null"),
    ],
    ids=lambda answer: f"{answer.status}-{answer.body!r:.30}-{answer.drop}",
)
def test_trouble_that_passes_leaves_no_trace(trouble: Answer) -> None:
    with serving(echo) as server:
        expected = codes(sampler(server)(problems(3), None))
    with serving(lambda request, attempt: trouble if attempt < 2 else echo(request, attempt)) as server:
        assert codes(sampler(server)(problems(3), None)) == expected
    assert len(server.requests) == 3 * 3 * (1 + 3)


def test_retry_after_is_honoured() -> None:
    times: list[float] = []

    def limited(request: dict[str, Any], attempt: int) -> Answer:
        times.append(time.monotonic())
        return echo(request, 0) if attempt else Answer({"error": {"message": "wait"}}, 429, {"Retry-After": "0.7"})

    with serving(limited) as server:
        list(decoder(server)(problems(1), None))
    assert times[1] - times[0] >= 0.7


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("3", 3.0),
        ("0.5", 0.5),
        ("-1", 0.0),
        ("Thu, 01 Jan 1970 00:01:40 GMT", 90.0),
        ("Thu, 01 Jan 1970 00:00:01 GMT", 0.0),
        ("soon", None),
    ],
)
def test_retry_after_in_its_two_forms(header: str | None, seconds: float | None) -> None:
    assert retry_after(header, now=10.0) == seconds


@pytest.mark.parametrize("content", [None, ""])
def test_an_empty_answer_is_a_candidate_without_code(content: str | None) -> None:
    with serving(lambda *_: chat(content, tokens=4, finish="length")) as server:
        ((answer,),) = decoder(server)(problems(1), None)
    assert (answer.text, answer.code, answer.finish_reason, answer.n_tokens) == ("", None, "length", 4)


def test_tokens_of_several_choices_add_up_to_what_was_used() -> None:
    with serving(lambda *_: chat("a", "b", "c", tokens=11)) as server:
        (pool,) = decoder(server, n=3, temperature=0.5)(problems(1), None)
    assert [c.n_tokens for c in pool] == [4, 4, 3]


def test_requests_under_way_are_bounded_and_used() -> None:
    def slow(request: dict[str, Any], _: int) -> Answer:
        time.sleep(0.05)
        return echo(request, 0)

    with serving(slow) as server:
        pools = list(sampler(server)(problems(12), None))
    assert [pool[0].problem_id for pool in pools] == [f"p{i}" for i in range(12)]
    assert server.most_busy == RUNTIME.concurrency


def test_a_slow_problem_keeps_its_place() -> None:
    def first_is_slow(request: dict[str, Any], _: int) -> Answer:
        if user(request).endswith("statement 0"):
            time.sleep(0.5)
        return echo(request, 0)

    with serving(first_is_slow) as server:
        pools = list(decoder(server)(problems(12), None))
    assert [pool[0].code for pool in pools] == [f"# statement {i} 0\n" for i in range(12)]
    assert user(server.requests[-1]) != "statement 0"


def test_problems_are_read_as_needed() -> None:
    read: list[str] = []

    def stream() -> Iterator[Problem]:
        for problem in problems(200):
            read.append(problem.id)
            yield problem

    with serving(echo) as server:
        pools = decoder(server)(stream(), None)
        assert isinstance(pools, Iterator)
        next(pools)
        assert len(read) <= 4 * RUNTIME.concurrency
        pools.close()  # type: ignore[attr-defined]


def test_the_key_is_sent_as_bearer_and_appears_nowhere_else(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")

    def leaky(request: dict[str, Any], attempt: int) -> Answer:
        return echo(request, 0) if attempt else Answer({"error": {"message": f"oops {KEY}"}}, 500)

    with serving(leaky) as server:
        part = sampler(server)
        pools = list(part(problems(2), None))
    assert {h["authorization"] for h in server.headers} == {f"Bearer {KEY}"}
    for place in (repr(part), repr(pools), repr(server.requests), repr(server.paths), caplog.text):
        assert KEY not in place
    assert not any(KEY in value for h in server.headers for name, value in h.items() if name != "authorization")


def failure(run: Callable[[], object]) -> str:
    with pytest.raises(ValueError, match=r"problem|environment") as caught:
        run()
    message = str(caught.value)
    assert "\n" not in message
    assert KEY not in message
    assert caught.value.__suppress_context__
    return message


def test_a_wrong_key_ends_at_once() -> None:
    refusal = Answer({"error": {"message": f"Incorrect API key provided: {KEY}.\nFind it elsewhere."}}, 401)
    with serving(lambda *_: refusal) as server:
        message = failure(lambda: list(sampler(server)(problems(50), None)))
    assert len(server.requests) <= 2 * RUNTIME.concurrency
    assert "the key in environment variable CONSELF_TEST_KEY" in message
    assert "HTTP 401: Incorrect API key provided: ***. Find it elsewhere." in message


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer({"detail": "Not Found"}, 404), ["HTTP 404", "check endpoint.base_url", "endpoint.model_name"]),
        (Answer({"error": {"message": "n is not supported"}}, 400), ["n is not supported", "choices_per_request=1"]),
        (Answer({"message": "bad"}, 422), ["HTTP 422: bad"]),
    ],
)
def test_a_refusal_is_not_repeated_and_names_the_remedy(answer: Answer, words: list[str]) -> None:
    with serving(lambda *_: answer) as server:
        message = failure(lambda: list(decoder(server)(problems(1), None)))
    assert len(server.requests) == 1
    for word in (*words, "problem 'p0'", server.url, "'the-model'"):
        assert word in message


def test_a_problem_that_fails_for_good_is_named_and_earlier_ones_are_delivered() -> None:
    def bad_ninth(request: dict[str, Any], _: int) -> Answer:
        return Answer({"error": {"message": "boom"}}, 500) if user(request) == "statement 8" else echo(request, 0)

    delivered: list[str] = []
    with serving(bad_ninth) as server:

        def run() -> None:
            for pool in decoder(server)(problems(40), None):
                delivered.append(pool[0].problem_id)

        message = failure(run)
    assert delivered == [f"p{i}" for i in range(8)]
    assert "problem 'p8'" in message
    assert "failed 4 times, last with HTTP 500: boom" in message
    assert "run the same command again: finished shards are kept" in message
    assert sum(user(r) == "statement 8" for r in server.requests) == 1 + RUNTIME.retries


def test_after_a_failure_nobody_waits_for_slow_requests() -> None:
    release = threading.Event()

    def stuck(request: dict[str, Any], _: int) -> Answer:
        if user(request) == "statement 0":
            return Answer("no", 401)
        release.wait(30)
        return echo(request, 0)

    with serving(stuck) as server:
        start = time.monotonic()
        failure(lambda: list(decoder(server)(problems(10), None)))
        seconds = time.monotonic() - start
        release.set()
    assert seconds < 8  # not the request's time limit of 10 s, nor the server's 30 s


def test_a_request_without_answer_in_time_is_given_up() -> None:
    release = threading.Event()

    def silent(request: dict[str, Any], attempt: int) -> Answer:
        if not attempt:
            release.wait(20)
        return echo(request, 0)

    with serving(silent) as server:
        pools = list(decoder(server, runtime=replace(RUNTIME, timeout_s=0.3))(problems(1), None))
        release.set()
    assert pools[0][0].code == "# statement 0 0\n"


def test_nobody_at_home() -> None:
    with serving(echo) as server:
        pass
    message = failure(lambda: list(decoder(server, runtime=replace(RUNTIME, retries=1))(problems(3), None)))
    assert "failed 2 times, last with no connection" in message


def test_a_missing_key_is_told_before_any_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONSELF_TEST_KEY")
    with serving(echo) as server:
        with pytest.raises(ValueError, match=r"CONSELF_TEST_KEY holds no key: export it, or .*api_key_env=null"):
            list(decoder(server)(problems(1), None))
        assert server.requests == []
        assert list(decoder(server, runtime=replace(RUNTIME, api_key_env=None))(problems(1), None))


def with_logprobs(request: dict[str, Any], _: int) -> Answer:
    answer = chat("xy")
    tokens = [
        {
            "token": "x",
            "logprob": -0.5,
            "top_logprobs": [{"token": "x", "logprob": -1.0}, {"token": "z", "logprob": -1.0}],
        },
        {"token": "y", "logprob": -1.5, "top_logprobs": [{"token": "y", "logprob": -0.0}]},
    ]
    answer.body["choices"][0]["logprobs"] = {"content": tokens[: 2 if request["logprobs"] else 0]}
    return answer


def test_log_probs_where_the_endpoint_gives_them() -> None:
    with serving(with_logprobs) as server:
        ((answer,),) = decoder(server, entropy_top_k=2, endpoint=endpoint(server, logprobs=True))(problems(1), None)
    assert server.requests[0]["top_logprobs"] == 3
    assert answer.mean_nll == pytest.approx(1.0)  # (0.5 + 1.5) / 2
    assert answer.mean_token_entropy == pytest.approx(0.34657359)  # (ln 2 + 0) / 2
    assert (answer.entropy_top_k, answer.n_tokens) == (2, 2)


def test_log_probs_that_do_not_come_are_none() -> None:
    def unknown(request: dict[str, Any], _: int) -> Answer:
        answer = chat("x", tokens=1)
        token = {"token": "x", "logprob": -9999.0, "top_logprobs": []}
        answer.body["choices"][0]["logprobs"] = {"content": [token]} if user(request) == "statement 1" else None
        return answer

    with serving(unknown) as server:
        pools = decoder(server, entropy_top_k=2, endpoint=endpoint(server, logprobs=True))(problems(2), None)
        assert [(c.mean_nll, c.mean_token_entropy, c.entropy_top_k) for (c,) in pools] == [(None, None, None)] * 2


def test_an_adapter_is_refused() -> None:
    tuned = ModelRef("m", None, "adapter", "float32", "sdpa", None)
    with (
        serving(echo) as server,
        pytest.raises(ValueError, match=r"cannot load the trained adapter.*engine=transformers"),
    ):
        list(decoder(server)(problems(1), tuned))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("localhost:8000", "must be like http://localhost:8000/v1"),
        ("https://user:secret@host/v1", "holds a password"),
        ("https://host/v1?api_key=secret", "holds a password or a query"),
    ],
)
def test_urls_that_cannot_be(url: str, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        Endpoint(url, "m", 8, True, False, "max_tokens", {})
    assert "secret" not in str(caught.value)


def test_settings_out_of_range_are_named() -> None:
    with pytest.raises(ValueError, match="concurrency must be at least 1"):
        replace(RUNTIME, concurrency=0)
    with pytest.raises(ValueError, match="choices_per_request must be at least 1"):
        Endpoint("http://h/v1", "m", 0, True, False, "max_tokens", {})


def test_yaml_builds_the_engine() -> None:
    node = OmegaConf.load(Path(__file__).parents[3] / "conf" / "engine" / "openai.yaml")
    config = OmegaConf.create({"model": {"name": "owner/name"}, "engine": node})
    engine = instantiate(config.engine, _convert_="all")
    assert engine == OpenAIEngine(
        Endpoint("http://localhost:8000/v1", "owner/name", 8, True, False, "max_tokens", {}),
        Runtime(1, 20, 16, 600.0, 8, 1.0, "OPENAI_API_KEY"),
    )
    assert engine.fingerprint(None) == "owner/name at http://localhost:8000/v1"
