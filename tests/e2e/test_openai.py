"""A round of training on candidates of an endpoint: a server of this test that knows four programs."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from conself.records import Candidate, Uncertainty
from conself.store.tables import read_records
from tests.e2e.conftest import train
from tests.engines.openai.chat_server import Answer, chat, serving

pytest.importorskip("openai", reason="the extra [openai] is not installed")

KEY = "sk-very-secret-0123456789"
BODIES = ("return 0", "return 0", "return 0", "return str(args[0])", "return args[0]", "raise ValueError")


def answered(request: dict[str, Any], attempt: int) -> Answer:
    """Two observations, one short of three; programs at odds with one another; each thing fails the first time."""
    if attempt == 0:
        return Answer({"error": {"message": "slow down"}}, 429, {"Retry-After": "0"})
    prompt = str(request["messages"][-1]["content"])
    if "Observe" in prompt:
        return chat("1. It is a number.\n2. Mind zero.", tokens=9)
    place = sha256(f"{prompt}{request['seed']}".encode()).digest()[0]
    bodies = [BODIES[(place + i) % len(BODIES)] for i in range(request["n"])]
    return chat(*(f"```python\ndef f(*args):\n    {body}\n```" for body in bodies), tokens=20 * request["n"])


@pytest.mark.slow
def test_a_round_with_an_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSELF_TEST_KEY", KEY)
    with serving(answered) as server:
        words = ["engine=openai", "engine@answering=transformers", f"engine.endpoint.base_url={server.url}"]
        words += ["engine.runtime.api_key_env=CONSELF_TEST_KEY", "engine.runtime.backoff_s=0.01", "tracking=none"]
        words += ["training.epochs=1"]
        job = train(tmp_path / "store", tmp_path / "run", *words, "dataset.size=12", "benchmark.minipy.size=4")
        asked = len(server.requests)
        results = job.results
        candidates = read_records(tmp_path / "run" / "artifacts" / "sample", Candidate, "candidates")
        again = train(tmp_path / "store", tmp_path / "again", *words, "dataset.size=12", "benchmark.minipy.size=4")
    assert results["pairs"] > 0
    assert len(candidates) == 12 * 3 * 2
    # 12 problems: two questions for observations and three for programs, each asked twice
    assert asked == 12 * (2 + 3) * 2
    assert {c.observation for c in candidates} == {"It is a number.", "Mind zero.", None}
    assert {c.observation_asks for c in candidates} == {2}
    for metric in ("nll", "token_entropy"):
        assert results["metrics"][metric]["n"] == 0
        values = read_records(tmp_path / "run" / "artifacts" / "score" / metric, Uncertainty, "uncertainty")
        assert {(u.value, (u.reason or "").split()[0]) for u in values} == {(None, "candidates")}
    assert results["metrics"]["code_semantic_entropy"]["n"] > 0
    assert again.results["artifacts"] == results["artifacts"]
    assert len(server.requests) == asked  # everything was in the store
    assert KEY not in job.output
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
    manifest = json.loads((tmp_path / "run" / "artifacts" / "sample" / "manifest.json").read_text())
    assert manifest["config"]["sampler"]["engine"]["endpoint"]["base_url"] == server.url


def test_a_wrong_key_ends_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSELF_TEST_KEY", KEY)
    with serving(lambda *_: Answer({"error": {"message": f"no such key: {KEY}"}}, 401)) as server:
        words = ["engine=openai", "engine@answering=transformers", f"engine.endpoint.base_url={server.url}"]
        words += ["engine.runtime.api_key_env=CONSELF_TEST_KEY", "tracking=none", "dataset.size=12"]
        job = train(tmp_path / "store", tmp_path / "run", *words)
    assert job.status != 0
    (line,) = [line for line in job.output.splitlines() if line.startswith("error:")]
    assert "refuses the key in environment variable CONSELF_TEST_KEY (HTTP 401: no such key: ***)" in line
    assert "Traceback" not in job.output
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path
