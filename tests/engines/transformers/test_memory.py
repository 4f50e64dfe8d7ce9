"""How many processes and rows free memory holds: counted by hand for the shape of Qwen2.5-Coder-0.5B."""

from dataclasses import replace

import pytest
from transformers import GPT2Config, Qwen2Config

from conself.engines.engine import Demand
from conself.engines.transformers.engine import Runtime, TransformersEngine
from conself.engines.transformers.memory import footprint, within
from conself.records import ModelRef

CONFIG = Qwen2Config(
    vocab_size=151_936,
    hidden_size=896,
    intermediate_size=4864,
    num_hidden_layers=24,
    num_attention_heads=14,
    num_key_value_heads=2,
    tie_word_embeddings=True,
)
REF = ModelRef("a model", None, None, "float32", "sdpa", None)
ASKED = Runtime(batch_size=256, device="cpu", processes=2, shards_per_task=1, threads=1)


@pytest.fixture(autouse=True)
def config(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conself.engines.transformers.memory.load_config", lambda _: CONFIG)


def test_weights_keys_values_and_logits_are_counted() -> None:
    small, large = footprint(CONFIG, 4, 256), footprint(CONFIG, 4, 1280)
    assert small is not None
    assert large is not None
    # 494,032,768 parameters by its makers' count, of which the biases and norms, 0.07 million, are left out here;
    # the vocabulary is held once to embed and once packed
    assert small.fixed - 700_000_000 == pytest.approx((494_032_768 + 151_936 * 896) * 4, rel=2e-4)
    halves = footprint(CONFIG, 2, 256)
    assert halves is not None
    assert halves.fixed - 700_000_000 == pytest.approx((494_032_768 + 151_936 * 896) * 2, rel=2e-4)
    per_token = 24 * 2 * 2 * 64 * 4  # layers, keys and values, heads, their size, bytes
    assert large.row - small.row == 1024 * per_token * 1.5
    assert small.row == 1280 * per_token * 1.5 + 151_936 * 4 * 5
    assert footprint(GPT2Config(), 4, 256) is None, "another form is not guessed"


@pytest.mark.parametrize(
    ("free", "processes", "rows"),
    [(64e9, 2, 256), (24e9, 2, 127), (10e9, 2, 15), (8e9, 1, 63), (4.3e9, 1, 4)],
)
def test_rows_and_then_processes_are_given_up(free: float, processes: int, rows: int) -> None:
    # .8 of it, shared among processes, less 3.220 GB, in rows of 50.22 MB: (.8 * 24 / 2 - 3.220) / .05022 = 127.03
    got = within(ASKED, REF, 256, int(free), 2)
    assert (got.processes, got.batch_size) == (processes, rows)


def test_a_cpu_decodes_few_rows_of_a_large_model_unless_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    unasked = replace(ASKED, batch_size=None)
    assert within(unasked, REF, 256, int(64e9), 2).batch_size == 32
    assert within(unasked, REF, 256, int(10e9), 2).batch_size == 15, "no more than memory holds"
    assert within(unasked, replace(REF, dtype="bfloat16"), 256, int(64e9), 2).batch_size == 64
    one = replace(unasked, processes=1, threads=None)
    assert (within(one, REF, 256, int(64e9), 4).threads, within(one, REF, 256, int(64e9), 4).batch_size) == (4, 4 * 32)
    small = Qwen2Config(vocab_size=1000, hidden_size=64, intermediate_size=128, num_hidden_layers=2)
    monkeypatch.setattr("conself.engines.transformers.memory.load_config", lambda _: small)
    assert within(unasked, REF, 256, int(64e9), 2).batch_size == 256


def test_threads_share_the_cores_that_memory_leaves_over() -> None:
    free = replace(ASKED, threads=None, processes=4)
    # four processes would have (.8 * 20 / 4 - 3.220) / .05022 = 15.5 rows, of 12 / 4 GB less than none
    assert [(r.processes, r.threads) for r in (within(free, REF, 256, int(gb * 1e9), 4) for gb in (20, 12))] == [
        (4, 1),
        (2, 2),
    ]


def test_what_the_user_chooses_is_not_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conself.engines.transformers.engine.cpu_count", lambda: 8)
    monkeypatch.setattr("conself.engines.transformers.engine.free_bytes", lambda: int(200e9))

    def divided(**chosen: int | None) -> tuple[int | None, int | None, int | None]:
        asked = replace(Runtime(None, "cpu", None, 1, None), **chosen)  # type: ignore[arg-type]
        runtime = TransformersEngine(asked).settled(REF, Demand(1, 256)).runtime
        return runtime.processes, runtime.threads, runtime.batch_size

    assert divided(threads=4) == (2, 4, 4 * 32), "eight cores, no more"
    assert divided(batch_size=20) == (8, 1, 20)
    assert divided(processes=3) == (3, 1, 32)


def test_what_does_not_fit_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match=r"drawing from a model takes 3\.3 GB, and 2\.0 GB are free; choose a 16-bit"):
        within(ASKED, REF, 256, int(2e9), 2)
