"""Models of a hub, seen from a process of its own: identity, cache, and one line for each thing that can go wrong."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from conself.models.hub import source
from conself.records import ModelRef
from tests.models.families import QWEN, save
from tests.models.local_hub import LocalHub, serve

ROOT = Path(__file__).parents[2]
SCRIPT = """
import json, sys, time
import huggingface_hub, peft, torch, transformers  # what is measured is the waiting for a hub
import conself.models.hub
from conself.models.transformers import fingerprint, load_policy, load_tokenizer
from conself.records import ModelRef
conself.models.hub._TIMEOUT = 2.0
for name, revision in json.load(sys.stdin):
    ref, start, report = ModelRef(name, revision, None, "float32", "sdpa", None), time.perf_counter(), {}
    try:
        report["fingerprint"] = [fingerprint(ref), fingerprint(ref)]
        tokenizer, policy = load_tokenizer(ref), load_policy(ref, "cpu")
        report["ids"] = tokenizer("def solve(n):")["input_ids"]
        report["parameters"] = policy.num_parameters()
    except Exception as error:
        report["error"] = f"{type(error).__name__}: {error}"
    report["seconds"] = time.perf_counter() - start
    print(json.dumps(report))
"""


def ask(names: list[tuple[str, str]], url: str, cache: Path, **environment: str) -> list[dict]:
    known = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    known |= {"HF_ENDPOINT": url, "HF_HOME": str(cache), "OMP_NUM_THREADS": "1", "no_proxy": "127.0.0.1", **environment}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps(names),
        env=known,
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(QWEN, tmp_path_factory.mktemp("good"))


@pytest.mark.slow
def test_a_model_of_the_hub_its_identity_and_its_cache(folder: Path, tmp_path: Path) -> None:
    good = [("owner/good", "main")]
    with serve(LocalHub(folder, "a" * 40)) as hub:
        (first,) = ask(good, hub.url, tmp_path)
        assert first["parameters"] > 0
        assert sum("/api/models/owner/good/revision/main" in line for line in hub.asked) == 1, "asked once per process"
        hub.asked.clear()
        pinned, wrong = ask([("owner/good", "a" * 40), ("owner/good", "v9")], hub.url, tmp_path)
        assert pinned["fingerprint"] == first["fingerprint"], "main is what it points to"
        assert not [line for line in hub.asked if "resolve" in line], "what the cache has is not asked for again"
        assert wrong["error"] == "OSError: model 'owner/good' has no revision 'v9'; set model.revision"
    (unplugged,) = ask(good, "http://127.0.0.1:9", tmp_path)
    assert (unplugged["fingerprint"], unplugged["ids"]) == (first["fingerprint"], first["ids"])
    assert unplugged["seconds"] < 30


@pytest.mark.slow
def test_a_branch_that_moves_is_another_model_and_offline_the_cached_one_is_read(folder: Path, tmp_path: Path) -> None:
    good = [("owner/good", "main")]
    with serve(LocalHub(folder, "a" * 40)) as hub:
        (first,) = ask(good, hub.url, tmp_path)
    with serve(LocalHub(folder, "b" * 40)) as hub:
        (moved,) = ask(good, hub.url, tmp_path / "new")
    assert moved["fingerprint"] != first["fingerprint"], "main moved"
    (offline,) = ask(good, "http://127.0.0.1:9", tmp_path, HF_HUB_OFFLINE="1")
    assert (offline["fingerprint"], offline["ids"]) == (first["fingerprint"], first["ids"])
    assert offline["seconds"] < 30


def test_each_refusal_is_one_line_with_its_remedy_and_comes_soon(folder: Path, tmp_path: Path) -> None:
    expected = {
        "owner/gated": r"OSError: model 'owner/gated' is gated: ask for access at https\S+, then log in with `hf auth",
        "owner/private": r"OSError: there is no model 'owner/private' on the hub, or it is private: check model\.name",
        "owner/missing": r"OSError: there is no model 'owner/missing' on the hub, or it is private: check model\.name",
        "owner/broken": r"OSError: model 'owner/broken' .* hub is out of reach \(it answers HTTP 503\); download it",
        "owner/busy": r"OSError: the hub refuses model 'owner/busy' \(HTTP 429\); .*try again later",
        "no hub id": r"OSError: 'no hub id' is neither a folder nor a hub id \(OWNER/NAME\); set model\.name",
    }
    with serve(LocalHub(folder, "a" * 40)) as hub:
        reports = ask([(name, "main") for name in expected], hub.url, tmp_path)
    for report, pattern in zip(reports, expected.values(), strict=True):
        assert re.match(pattern, report["error"]), report["error"]
        assert "\n" not in report["error"]
        assert report["seconds"] < 30


@pytest.mark.parametrize(
    "how", ["refused", *(pytest.param(how, marks=pytest.mark.slow) for how in ("offline", "silent"))]
)
def test_out_of_reach_and_not_cached(how: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and never says a word
        port = silent.getsockname()[1] if how == "silent" else 9
        environment = {"HF_HUB_OFFLINE": "1"} if how == "offline" else {}
        (report,) = ask([("owner/name", "main")], f"http://127.0.0.1:{port}", tmp_path, **environment)
    assert re.match(
        r"OSError: model 'owner/name' \(revision main\) is not in the local cache and the hub is out of reach \(.+\); "
        r"download it where there is a network \(`hf download owner/name`\), or set model.name to a folder$",
        report["error"],
    ), report["error"]
    assert report["seconds"] < 30


def test_a_hub_id_wants_a_revision() -> None:
    with pytest.raises(ValueError, match=r"'owner/name' is no folder; set model\.revision=main"):
        source(ModelRef("owner/name", None, None, "float32", "sdpa", None))
