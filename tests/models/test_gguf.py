"""Models in one GGUF file: the same weights, tokens and ends as the folder it was written from; and what is refused."""

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from conself.engines.vllm.start import check_served
from conself.losses.con_dpo import ConDPO
from conself.models.hub import check_place, local_place
from conself.models.transformers import (
    check_model,
    fingerprint,
    load_policy,
    load_tokenizer,
    skeleton,
    stop_token_ids,
    stop_token_ids_of,
)
from conself.prompts.prompts import render
from conself.prompts.turns import decode_response, encode_prompt, encode_responses
from conself.records import ModelRef, PreferencePair
from conself.training.fit import fit
from conself.training.layouts.padded import PairsLayout
from conself.training.policy.export import save_merged
from conself.training.policy.tuning import Full, Lora
from conself.training.settings import Runtime, Training
from conself.training.strategies.distributed import DDP
from tests.models.families import CODELLAMA, DEEPSEEK, QWEN, SHAPE, Family, save

pytest.importorskip("gguf")
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType
from gguf.quants import dequantize

from tests.models.gguf_writing import write

TEXT = "def solve(n, values):\n    return sum(v for v in values if v % 2024)  # café\n"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where unpacked folders are kept."""
    folder = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("huggingface_hub.constants.HF_HOME", str(folder))
        yield folder


def ref_of(path: Path, dtype: str = "float32") -> ModelRef:
    return ModelRef(str(path), None, None, dtype, "sdpa", None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(QWEN, tmp_path_factory.mktemp("qwen"))


@pytest.fixture(scope="module")
def file(folder: Path, home: Path) -> Path:  # noqa: ARG001
    return write(folder, folder.parent / "model.gguf")


def a_llama(folder: Path) -> Path:
    """Llama's architecture with Qwen's byte-level vocabulary, as SmolLM2 has it."""
    save(QWEN, folder)
    ends = load_tokenizer(ref_of(folder)).convert_tokens_to_ids(["<|endoftext|>", "<|im_end|>"])
    torch.manual_seed(1)
    config = LlamaConfig(**{**SHAPE, "num_key_value_heads": 2}, vocab_size=410, eos_token_id=ends[1], bos_token_id=None)
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


CASES = {
    "qwen2, bytes, untied": lambda folder: save(QWEN, folder),
    "qwen2, bytes, tied": lambda folder: save(QWEN, folder, tie_word_embeddings=True),
    "llama, bytes, untied": a_llama,
    "llama, pieces, untied": lambda folder: save(CODELLAMA, folder),
    "llama, pieces, tied, grouped": lambda folder: save(
        CODELLAMA, folder, tie_word_embeddings=True, num_key_value_heads=2
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_logits_tokens_and_ends_are_those_of_the_folder(case: str, tmp_path: Path, home: Path) -> None:  # noqa: ARG001
    folder = CASES[case](tmp_path / "folder")
    file = write(folder, tmp_path / "model.gguf")
    check_model(ref_of(file))
    theirs, ours = load_policy(ref_of(folder), "cpu"), load_policy(ref_of(file), "cpu")
    assert ours.config.tie_word_embeddings is ("untied" not in case)
    known, rebuilt = load_tokenizer(ref_of(folder)), load_tokenizer(ref_of(file))
    chat = [{"role": "user", "content": TEXT}]
    prompt = render(rebuilt, chat)
    assert prompt == render(known, chat)
    ids = encode_prompt(rebuilt, prompt)
    assert ids == encode_prompt(known, prompt)
    (response,) = encode_responses(rebuilt, [TEXT])
    assert [response] == encode_responses(known, [TEXT])
    assert decode_response(rebuilt, response) == TEXT
    with torch.no_grad():
        assert torch.equal(ours(torch.tensor([ids])).logits, theirs(torch.tensor([ids])).logits)
    family = CODELLAMA if "pieces" in case else QWEN
    stops = tuple(sorted(known.convert_tokens_to_ids(list(family.stops))))
    assert stop_token_ids(ours, rebuilt) == stop_token_ids_of(ref_of(file), rebuilt) == stops
    assert rebuilt.padding_side == "left"
    assert rebuilt.pad_token_id is not None


KINDS = ("Q4_1", "Q5_0", "Q8_0", "Q4_K", "Q6_K", "F16", "BF16")
"""Of tensors in the files that ``make weights`` fetches, but for float32; and two more."""
SCALES = {"Q4_1": [0, 2], "Q5_0": [0], "Q8_0": [0], "Q4_K": [0, 2], "Q6_K": [208]}
"""Where in a block a 16-bit float stands: random bytes there might mean infinity, or no number at all."""
PLACES = ("ffn_gate", "ffn_up", "ffn_down", "attn_q", "attn_k", "attn_v", "attn_output")
SIDE = 256


def random_rows(kind: GGMLQuantizationType, rows: int, draw: np.random.Generator) -> np.ndarray:
    if kind.name in ("F16", "BF16"):
        values = draw.normal(size=(rows, SIDE)).astype(np.float32)
        return values.astype(np.float16) if kind.name == "F16" else (values.view(np.uint32) >> 16).astype(np.uint16)
    elements, size = GGML_QUANT_SIZES[kind]
    blocks = draw.integers(0, 256, size=(rows, SIDE // elements, size), dtype=np.uint8)
    for start in SCALES[kind.name]:
        blocks[..., start : start + 2] = draw.normal(size=blocks.shape[:2]).astype(np.float16)[..., None].view(np.uint8)
    return blocks.reshape(rows, -1)


def by_hand(kind: str, block: bytes) -> list[float]:
    """The values of one block, one after another, as llama.cpp's ggml-quants.c defines the formats."""

    def half(start: int) -> float:
        return float(np.frombuffer(block, "<f2", 1, start)[0])

    if kind == "Q8_0":
        return [half(0) * q for q in np.frombuffer(block, np.int8, 32, 2).tolist()]
    if kind == "Q4_1":
        low, high = [b & 15 for b in block[4:]], [b >> 4 for b in block[4:]]
        return [half(0) * q + half(2) for q in low + high]
    if kind == "Q5_0":
        fifth, quarter = int.from_bytes(block[2:6], "little"), block[6:]
        nibbles = [b & 15 for b in quarter] + [b >> 4 for b in quarter]
        return [half(0) * ((q | (fifth >> j & 1) << 4) - 16) for j, q in enumerate(nibbles)]
    if kind == "Q4_K":
        s, values = block[4:16], []
        for j in range(8):
            scale = s[j] & 63 if j < 4 else s[j + 4] & 15 | s[j - 4] >> 6 << 4
            least = s[j + 4] & 63 if j < 4 else s[j + 4] >> 4 | s[j] >> 6 << 4
            for b in block[16 + 32 * (j // 2) :][:32]:
                values.append(half(0) * scale * (b >> 4 if j % 2 else b & 15) - half(2) * least)
        return values
    low, high, scales = block[:128], block[128:192], np.frombuffer(block, np.int8, 16, 192).tolist()
    values = []
    for i in range(256):
        part, rest = divmod(i, 128)
        quarter, j = divmod(rest, 32)
        nibble = low[64 * part + 32 * (quarter % 2) + j] >> (4 if quarter > 1 else 0) & 15
        two = high[32 * part + j] >> 2 * quarter & 3
        values.append(half(208) * scales[i // 16] * ((nibble | two << 4) - 32))
    return values


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory, home: Path) -> tuple[Path, dict[str, Any]]:  # noqa: ARG001
    """A file whose layer has a matrix of random bytes of every kind."""
    folder = save(
        QWEN,
        tmp_path_factory.mktemp("packed"),
        hidden_size=SIDE,
        intermediate_size=SIDE,
        num_hidden_layers=1,
        num_key_value_heads=4,
    )
    draw = np.random.default_rng(0)
    kinds = [GGMLQuantizationType[kind] for kind in KINDS]
    made = {
        f"blk.0.{place}.weight": (kind, random_rows(kind, SIDE, draw))
        for place, kind in zip(PLACES, kinds, strict=True)
    }
    return write(folder, folder.parent / "packed.gguf", made), made


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_blocks_of_every_kind_are_the_numbers_that_they_stand_for(packed: tuple[Path, Any], dtype: str) -> None:
    file, made = packed
    layer = load_policy(ref_of(file, dtype), "cpu").model.layers[0]
    read = [layer.mlp.gate_proj, layer.mlp.up_proj, layer.mlp.down_proj]
    read += [getattr(layer.self_attn, f"{name}_proj") for name in "qkvo"]
    for (kind, rows), module in zip(made.values(), read, strict=True):
        expected = torch.from_numpy(dequantize(rows if rows.dtype != np.uint16 else rows.view(np.uint8), kind).copy())
        assert torch.equal(module.weight.data, expected.to(getattr(torch, dtype))), kind.name
        assert expected.unique().numel() > 100, "random bytes are not all one number"


@pytest.mark.parametrize("kind", SCALES)
def test_the_packages_numbers_are_those_of_the_format(kind: str) -> None:
    rows = random_rows(GGMLQuantizationType[kind], 4, np.random.default_rng(1))
    size = GGML_QUANT_SIZES[GGMLQuantizationType[kind]][1]
    blocks = [bytes(row[start : start + size]) for row in rows for start in range(0, len(row), size)]
    hand = np.array([value for block in blocks for value in by_hand(kind, block)])
    assert dequantize(rows, GGMLQuantizationType[kind]).ravel() == pytest.approx(hand, rel=1e-5, abs=1e-4)


def test_identity_is_the_content(file: Path, tmp_path: Path) -> None:
    alone = tmp_path / "elsewhere"
    alone.mkdir()
    (alone / "another name.gguf").write_bytes(file.read_bytes())
    assert fingerprint(ref_of(alone)) == fingerprint(ref_of(file)) != fingerprint(ref_of(file, "bfloat16"))
    (alone / "another name.gguf").write_bytes(file.read_bytes()[:-1] + b"\x00")
    assert fingerprint(ref_of(alone)) != fingerprint(ref_of(file))


def test_a_folder_is_its_own_model_whatever_file_lies_in_it(folder: Path, file: Path, tmp_path: Path) -> None:
    """And of a file nothing beside it is read."""
    both = save(CODELLAMA, tmp_path / "both")
    before = fingerprint(ref_of(both))
    (both / "model.gguf").write_bytes(file.read_bytes())
    assert (local_place(ref_of(both)), fingerprint(ref_of(both))) == (both, before)
    inside = load_tokenizer(ref_of(both / "model.gguf"))
    assert inside.get_vocab() == load_tokenizer(ref_of(folder)).get_vocab() | {
        token: index for token, index in inside.get_vocab().items() if token.startswith("[PAD")
    }


def test_it_is_unpacked_once(file: Path, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    ref = ref_of(file, "float16")
    assert skeleton(ref).num_parameters() == load_policy(ref, "cpu").num_parameters()
    err = capfd.readouterr().err
    assert err.count("unpacking") == 1
    (made,) = (home / "conself" / "gguf").glob("*-float16-*[!k]")
    assert {path.stat().st_mode & 0o777 for path in made.iterdir()} == {(made / "config.json").stat().st_mode & 0o777}
    assert [path.name for path in made.parent.iterdir() if path.name.startswith(".")] == [], "nothing half-done is left"


def test_an_adapter_and_whole_weights_are_trained_and_saved(file: Path, tmp_path: Path) -> None:
    lora = Lora(r=4, alpha=8, target="all-linear", rslora=False, dora=False)
    runtime = Runtime(PairsLayout(512), "cpu", 1, 1, DDP(), False, checkpoint_share=None, progress=False)
    settings = Training(lora, "adapter", 5e-3, 0.0, 0.0, 1.0, 3, 2, False, 128, 1, runtime)
    pairs = [PreferencePair("p", "Say it.\n", "return n", text, 0, 1, 0.9) for text in ("no", " y", "x = 1")]
    curve = fit(pairs, ref_of(file), settings, ConDPO(beta=0.5), 0, tmp_path, tmp_path / "reference", None).curve
    assert curve[-1]["margin"] > 0.1
    tuned = load_policy(replace(ref_of(file), adapter=str(tmp_path / "adapter")), "cpu")
    save_merged(ref_of(file), tmp_path / "adapter", tmp_path / "merged")
    merged, ids = load_policy(ref_of(tmp_path / "merged"), "cpu"), torch.tensor([[1, 2, 3]])
    assert torch.allclose(merged(ids).logits, tuned(ids).logits, atol=1e-5)
    whole = replace(settings, tuning=Full(), export="merged")
    fit(pairs, ref_of(file), whole, ConDPO(beta=0.5), 0, tmp_path / "whole", tmp_path / "second", None)
    assert load_policy(ref_of(tmp_path / "whole" / "model"), "cpu").num_parameters() == merged.num_parameters()


def cut(file: Path, size: int) -> None:
    file.write_bytes(file.read_bytes()[:size])


REFUSED_EARLY = {
    "is not a GGUF file: it does not begin with GGUF": lambda file: file.write_bytes(b"GGML" + file.read_bytes()[4:]),
    "is of GGUF version 1; versions 2 and 3 can be read": lambda file: file.write_bytes(
        b"GGUF\x01" + file.read_bytes()[5:]
    ),
    "ends in the middle of its header; download or copy it again": lambda file: cut(file, 500),
    "bytes of [0-9]+; download or copy it again": lambda file: cut(file, file.stat().st_size - 1000),
}


@pytest.mark.parametrize("words", REFUSED_EARLY)
def test_a_damaged_file_is_one_line_before_any_work(words: str, file: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.gguf"
    copy.write_bytes(file.read_bytes())
    REFUSED_EARLY[words](copy)
    with pytest.raises(ValueError, match=words):
        check_model(ref_of(copy))


def test_what_is_not_read_is_refused_before_any_work(folder: Path, tmp_path: Path) -> None:
    file = write(folder, tmp_path / "scaled.gguf", qwen2__rope__scaling__type="yarn")
    with pytest.raises(ValueError, match=r"scales its positions \(yarn\), which transformers does not read"):
        check_model(ref_of(file))
    file = write(folder, tmp_path / "other.gguf", general__architecture="rwkv7")
    with pytest.raises(ValueError, match="architecture 'rwkv7'; of GGUF files llama and qwen2 can be read"):
        check_model(ref_of(file))
    with pytest.raises(ValueError, match=r"has 2 GGUF files; set model\.name to one of them"):
        check_model(ref_of(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"model file 'models/none\.gguf' does not exist"):
        check_model(ref_of(Path("models/none.gguf")))


def test_a_missing_package_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name, *rest: None if name == "gguf" else there(name, *rest))
    with pytest.raises(ValueError, match=r"needs gguf: pip install 'conself\[gguf\]'"):
        check_model(ref_of(file))


def test_its_base_is_not_quantised_anew(file: Path) -> None:
    with pytest.raises(ValueError, match=r"model\.quantization=nf4 would quantise it again; set model\.quantization"):
        check_place(replace(ref_of(file), quantization="nf4"))


def test_vllm_is_not_given_one(file: Path, folder: Path) -> None:
    with pytest.raises(ValueError, match=r"vLLM is not given GGUF files .*; choose engine=transformers"):
        check_served(ref_of(file))
    check_served(ref_of(folder))


@pytest.mark.parametrize(
    ("family", "changed", "words"),
    [
        (QWEN, {"tokenizer__ggml__pre": "unheard-of"}, "the tokenizer of .*pre 'unheard-of'.* is not one that"),
        (DEEPSEEK, {}, r"says that bos is token \d+, and transformers rebuilds it as \d+; set model\.name to the"),
    ],
)
def test_a_tokenizer_that_cannot_be_rebuilt_is_refused(
    family: Family, changed: dict[str, Any], words: str, tmp_path: Path, home: Path
) -> None:
    folder = save(family, tmp_path / "folder")
    file = write(folder, tmp_path / "model.gguf", **changed)
    with pytest.raises(ValueError, match=words):
        load_tokenizer(ref_of(file))
    assert not [path for path in (home / "conself" / "gguf").iterdir() if path.name.startswith(".")]
