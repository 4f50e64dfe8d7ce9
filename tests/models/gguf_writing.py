"""GGUF files of tiny models, written as llama.cpp's converter writes them, from folders of transformers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, TokenType
from safetensors.numpy import load_file

PLAIN = {
    "model.embed_tokens": "token_embd",
    "model.norm": "output_norm",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
PAIRED = ("attn_q", "attn_k")
"""Of Llama models llama.cpp has the two halves of each head's rows, which rotate together, side by side."""


def write(
    folder: Path, file: Path, packed: dict[str, tuple[GGMLQuantizationType, np.ndarray]] | None = None, **changed: Any
) -> Path:
    """The model of ``folder`` as ``file``: float32, but for tensors in ``packed`` (their kind, and rows of bytes).

    ``changed`` settings (dots as double underscores) are added or put in the place of what would be written.
    """
    config = json.loads((folder / "config.json").read_text())
    writer = GGUFWriter(str(file), config["model_type"])
    settings = _settings(config) | {name.replace("__", "."): value for name, value in changed.items()}
    settings |= _vocabulary(folder, config["vocab_size"])
    pre = changed.get("tokenizer__ggml__pre")
    if pre is not None:
        settings["tokenizer.ggml.pre"] = pre
    for name, value in settings.items():
        _add(writer, name, value)
    for name, values in load_file(folder / "model.safetensors").items():
        named = _named(name)
        if config["model_type"] == "llama" and named.split(".")[-2] in PAIRED:
            heads = config["num_attention_heads" if ".attn_q." in named else "num_key_value_heads"]
            values = values.reshape(heads, 2, -1, values.shape[1]).swapaxes(1, 2).reshape(values.shape)
        if packed and named in packed:
            kind, rows = packed[named]
            writer.add_tensor(named, rows, raw_dtype=kind)
        else:
            writer.add_tensor(named, np.ascontiguousarray(values))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return file


def _named(name: str) -> str:
    stem, _, end = name.rpartition(".")
    if stem.startswith("model.layers."):
        _, _, layer, part = stem.split(".", 3)
        return f"blk.{layer}.{PLAIN[part]}.{end}"
    return f"{PLAIN[stem]}.{end}"


def _settings(config: dict[str, Any]) -> dict[str, Any]:
    kind, head = config["model_type"], config["hidden_size"] // config["num_attention_heads"]
    return {
        f"{kind}.context_length": config["max_position_embeddings"],
        f"{kind}.embedding_length": config["hidden_size"],
        f"{kind}.block_count": config["num_hidden_layers"],
        f"{kind}.feed_forward_length": config["intermediate_size"],
        f"{kind}.attention.head_count": config["num_attention_heads"],
        f"{kind}.attention.head_count_kv": config["num_key_value_heads"],
        f"{kind}.attention.layer_norm_rms_epsilon": float(config["rms_norm_eps"]),
        f"{kind}.rope.freq_base": float(config.get("rope_parameters", config)["rope_theta"]),
        f"{kind}.vocab_size": config["vocab_size"],
        **({f"{kind}.rope.dimension_count": head} if kind == "llama" else {}),
    }


def _vocabulary(folder: Path, rows: int) -> dict[str, Any]:
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    config = json.loads((folder / "tokenizer_config.json").read_text())
    ids = dict(tokenizer["model"]["vocab"]) | {token["content"]: token["id"] for token in tokenizer["added_tokens"]}
    special = {token["content"] for token in tokenizer["added_tokens"]}
    merges = [" ".join(pair) for pair in tokenizer["model"]["merges"]]
    tokens = sorted(ids, key=ids.__getitem__)
    by_pieces = bool(tokenizer["model"]["byte_fallback"])
    kinds = [_kind(token, token in special) for token in tokens]
    unused = rows - len(tokens)
    made = {"".join(pair.split(" ")): -float(rank) for rank, pair in enumerate(merges)}
    listed: dict[str, Any] = {
        "model": "llama" if by_pieces else "gpt2",
        "pre": "default" if by_pieces else "qwen2",
        "tokens": [*tokens, *(f"[PAD{i}]" for i in range(unused))],
        "token_type": [*kinds, *[int(TokenType.UNUSED)] * unused],
        # A vocabulary of pieces has scores, of which the merges' order follows; one of bytes has the merges themselves.
        **({"scores": [made.get(t, -1e6) for t in tokens] + [-1e6] * unused} if by_pieces else {"merges": merges}),
    }
    roles = {"bos": "bos_token", "eos": "eos_token", "padding": "pad_token", "unknown": "unk_token"}
    listed |= {f"{role}_token_id": ids[config[key]] for role, key in roles.items() if config.get(key)}
    return {f"tokenizer.ggml.{name}": value for name, value in listed.items()} | {
        "tokenizer.chat_template": config["chat_template"]
    }


def _kind(token: str, special: bool) -> int:
    if token == "<unk>":
        return int(TokenType.UNKNOWN)
    if special:
        return int(TokenType.CONTROL)
    return int(TokenType.BYTE if token.startswith("<0x") and token.endswith(">") else TokenType.NORMAL)


def _add(writer: GGUFWriter, name: str, value: Any) -> None:
    if isinstance(value, list):
        writer.add_array(name, value)
    elif isinstance(value, str):
        writer.add_string(name, value)
    elif isinstance(value, float):
        writer.add_float32(name, value)
    else:
        writer.add_uint32(name, value)
