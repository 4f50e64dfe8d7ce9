"""Reference log-probs: worked out once, found again, never wrong in silence."""

import json
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from conself.training import reference
from conself.training.data import Example, Response
from conself.training.layouts.padded import Layout
from conself.training.layouts.shared import SharedLayout
from conself.training.policy.tuning import Policy
from conself.training.reference import Identity, Values, identity, reference_log_probs
from tests.training.training_world import layouts, lora_policy, naive, scored, tiny_qwen, token_pairs

SHAPE = [3, 1, 2, 3, 1, 2]
PAIRS = token_pairs(SHAPE)
SHARED = SharedLayout(200, None)
RESPONSES = {response for pair in PAIRS for response in pair.responses}


class Interrupted(BaseException):
    """As a signal would."""


@contextmanager
def counted(policy: Policy, stop_after: int = 10**9) -> Iterator[list[int]]:
    """Forward passes through the model, one entry each; the one after ``stop_after`` is interrupted."""
    calls: list[int] = []

    def note(*_: object) -> None:
        if len(calls) == stop_after:
            raise Interrupted
        calls.append(1)

    hook = policy.model.get_decoder().register_forward_pre_hook(note)
    try:
        yield calls
    finally:
        hook.remove()


def table_of(
    root: Path, pairs: list[Example] = PAIRS, layout: Layout = SHARED, who: Identity | None = None, seed: int = 0
) -> tuple[dict[Response, float], int]:
    """The log-probs of ``pairs``, and how many forward passes they took."""
    policy = lora_policy(tiny_qwen(), seed, lora_b=0.1)
    with counted(policy) as calls:
        values = reference_log_probs(policy, layout, pairs, who or identity(policy, layout, "base"), root, False)
    return sums(values), len(calls)


def sums(values: dict[Response, Values]) -> dict[Response, float]:
    assert all(len(each) == len(response.tokens) for response, each in values.items())
    return {response: float(each.sum(dtype=np.float64)) for response, each in values.items()}


def stored(root: Path) -> list[Path]:
    return sorted(root.glob("*/*.parquet"))


@pytest.mark.parametrize("layout", layouts(0))
def test_the_model_without_its_adapter(layout: str, tmp_path: Path) -> None:
    values, _ = table_of(tmp_path, layout=layouts(200)[layout])
    assert values.keys() == RESPONSES
    for response, value in values.items():
        assert value == pytest.approx(naive(tiny_qwen(), response).item(), abs=1e-5)


def test_worked_out_once_and_found_again(tmp_path: Path) -> None:
    """One pass per problem; then one, which looks whether the table still holds. Another seed: another adapter only."""
    first, passes = table_of(tmp_path)
    assert passes == len(SHAPE)
    again, passes = table_of(tmp_path, seed=5)
    assert (again, passes) == (first, 1)


def test_a_subset_of_the_problems_takes_nothing_new_and_has_the_same_bits(tmp_path: Path) -> None:
    """A tau sweep in both directions; and what else the store holds does not matter."""
    few = [pair for pair in PAIRS if pair.problem_id in ("p1", "p3")]
    small, passes = table_of(tmp_path / "a", few)
    assert passes == 2
    grown, passes = table_of(tmp_path / "a")
    assert passes == 1 + 4
    whole, _ = table_of(tmp_path / "b")
    assert grown == whole
    less, passes = table_of(tmp_path / "b", few)
    assert passes == 1
    assert less == small == {response: whole[response] for response in small}
    turned, _ = table_of(tmp_path / "c", PAIRS[::-1])
    assert turned.keys() == whole.keys()
    assert turned == pytest.approx(whole, abs=1e-5)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dtype": "bfloat16"}, "dtype is bfloat16, not float32"),
        ({"layout": "PairsLayout"}, "layout is PairsLayout, not SharedLayout"),
        ({"attention": "eager"}, "attention is eager, not sdpa"),
        ({"threads": 77, "torch": "9.9"}, "threads is 77, not 1, torch is 9.9, not "),
    ],
)
def test_another_table_for_other_numbers_and_why(
    changes: dict[str, str], words: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    policy = lora_policy(tiny_qwen())
    who = replace(identity(policy, SHARED, "base"), threads=1)
    table_of(tmp_path, who=who)
    with caplog.at_level(logging.WARNING):
        _, passes = table_of(tmp_path, who=replace(who, **changes))  # type: ignore[arg-type]  # by name
    assert passes == len(SHAPE)
    assert f"reference log-probs are recomputed: {words}" in caplog.text
    assert len(list(tmp_path.glob("*/manifest.json"))) == 2
    caplog.clear()
    _, passes = table_of(tmp_path, who=who)
    assert (passes, caplog.text) == (1, "")


def test_the_reason_is_told_from_the_nearest_table(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    policy = lora_policy(tiny_qwen())
    who = replace(identity(policy, SHARED, "base"), threads=1)
    far = [replace(who, threads=n, torch="9.9", attention="eager") for n in range(2, 8)]
    for other in [*far, replace(who, threads=9)]:
        table_of(tmp_path, PAIRS[:1], who=other)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        table_of(tmp_path, PAIRS[:1], who=who)
    assert [record.getMessage() for record in caplog.records] == [
        "reference log-probs are recomputed: threads is 1, not 9"
    ]


def test_another_model_has_a_table_of_its_own(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    who = identity(lora_policy(tiny_qwen()), SHARED, "base")
    table_of(tmp_path, who=who)
    _, passes = table_of(tmp_path, who=replace(who, model="another"))
    assert (passes, caplog.text) == (len(SHAPE), "")


def test_the_identity_names_what_the_numbers_depend_on() -> None:
    policy = lora_policy(tiny_qwen())
    who = identity(policy, SHARED, "weights")
    assert who.facts() == {
        "model": "weights",
        "dtype": "float32",
        "weights": "float32",
        "layout": "SharedLayout",
        "attention": "sdpa",
        "head": "frozen",
        "device": "cpu",
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    assert who == identity(policy, SharedLayout(7, 9), "weights"), "not the budget: each problem is laid out by itself"
    assert len({replace(who, **{name: "x"}).key for name in who.facts()} | {who.key}) == 10  # type: ignore[arg-type]


@pytest.mark.parametrize("damage", ["truncated", "empty", "one byte", "not parquet", "other columns"])
def test_a_broken_file_is_named_and_its_values_made_again(
    damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(reference, "_PIECES_PER_FILE", 2)
    whole, _ = table_of(tmp_path)
    files = stored(tmp_path)
    assert len(files) == 3
    content = bytearray(files[1].read_bytes())
    if damage == "one byte":
        content[len(content) // 4] ^= 0xFF
    broken = {"truncated": content[:-9], "empty": b"", "one byte": content, "not parquet": b"what?" * 50}
    if damage in broken:
        files[1].write_bytes(broken[damage])
    else:
        pq.write_table(pa.table({"something": [1, 2]}), files[1])
    again, passes = table_of(tmp_path)
    assert again == whole
    assert passes == 1 + 2, "the look at one value, and the two problems of the file"
    assert f"{files[1]} cannot be read" in caplog.text
    caplog.clear()
    assert table_of(tmp_path) == (whole, 1)
    assert caplog.text == ""


def test_values_that_are_not_the_models_are_said_and_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As when other weights came to the same place under the same identity."""
    whole, _ = table_of(tmp_path)
    (path,) = stored(tmp_path)
    table = pq.read_table(path)
    off = [(np.array(row) - 0.5).tolist() for row in table["log_probs"].to_pylist()]
    pq.write_table(table.set_column(1, "log_probs", pa.array(off, pa.list_(pa.float32()))), path)
    again, passes = table_of(tmp_path)
    assert (again, passes) == (whole, 1 + len(SHAPE))
    assert "stored reference log-probs are off by" in caplog.text
    assert table_of(tmp_path) == (whole, 1)


def test_a_killed_run_goes_on_from_its_finished_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed in the fifth of six problems, two to a file: two files are there, and nothing half written."""
    monkeypatch.setattr(reference, "_PIECES_PER_FILE", 2)
    policy = lora_policy(tiny_qwen(), lora_b=0.1)
    who = identity(policy, SHARED, "base")
    with counted(policy, stop_after=4), pytest.raises(Interrupted):
        reference_log_probs(policy, SHARED, PAIRS, who, tmp_path, False)
    names = {path.name for path in (tmp_path / who.key).iterdir()}
    assert len(stored(tmp_path)) == 2
    assert names == {"manifest.json", *(path.name for path in stored(tmp_path))}
    rest, passes = table_of(tmp_path)
    assert passes == 1 + 2
    assert rest == table_of(tmp_path / "undisturbed")[0]


def test_three_that_want_the_same_table_take_turns(tmp_path: Path) -> None:
    """The lock is a file's, so that it holds between threads as between processes."""
    policies = [lora_policy(tiny_qwen(), lora_b=0.1) for _ in range(3)]
    who = identity(policies[0], SHARED, "base")

    def want(policy: Policy) -> tuple[int, dict[Response, float]]:
        with counted(policy) as calls:
            values = reference_log_probs(policy, SHARED, PAIRS, who, tmp_path, False)
        return len(calls), sums(values)

    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(want, policies))
    assert sorted(passes for passes, _ in results) == [1, 1, len(SHAPE)]
    assert results[0][1] == results[1][1] == results[2][1]


@pytest.mark.parametrize("layout", layouts(0))
def test_at_the_first_step_policy_and_reference_are_one(layout: str, tmp_path: Path) -> None:
    """A fresh adapter changes nothing: within 1e-6 per token, though batches pack other problems side by side."""
    chosen, policy = layouts(200)[layout], lora_policy(tiny_qwen())
    start, _ = table_of(tmp_path, layout=chosen)
    with torch.no_grad():
        for response, value in scored(policy.model, chosen, PAIRS).items():
            assert abs(value.item() - start[response]) <= 1e-6 * len(response.tokens)


def test_problems_of_one_prompt_and_pairs_that_come_twice(tmp_path: Path) -> None:
    pairs = [*PAIRS[:3], *(replace(pair, problem_id="twin", name=f"twin{pair.name}") for pair in PAIRS[:3]), PAIRS[0]]
    values, passes = table_of(tmp_path, pairs)
    assert values.keys() == {response for pair in PAIRS[:3] for response in pair.responses}
    assert passes == 1


def test_a_problem_above_the_budget_is_worked_out_in_parts(tmp_path: Path) -> None:
    whole, one = table_of(tmp_path / "a", PAIRS[:3])
    width = SHARED.lay(PAIRS[:3]).inputs["input_ids"].shape[1]
    parts, more = table_of(tmp_path / "b", PAIRS[:3], SharedLayout(width - 1, None))
    assert (one, more > 1) == (1, True)
    assert parts == pytest.approx(whole, abs=1e-5)


def test_the_store_is_plain_parquet_with_a_manifest(tmp_path: Path) -> None:
    whole, _ = table_of(tmp_path)
    (path,) = stored(tmp_path)
    table = pq.read_table(path)
    assert table.schema.equals(pa.schema({"piece": pa.string(), "log_probs": pa.list_(pa.float32())}))
    assert len(table) == len(SHAPE)
    assert sum(len(row) for row in table["log_probs"].to_pylist()) == sum(len(r.tokens) for r in RESPONSES)
    assert sum(sum(row) for row in table["log_probs"].to_pylist()) == pytest.approx(sum(whole.values()))
    manifest = json.loads((path.parent / "manifest.json").read_text())
    assert manifest == identity(lora_policy(tiny_qwen()), SHARED, "base").facts()
