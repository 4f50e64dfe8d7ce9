"""Tiny BERTs with random weights, made as a user would find them in a folder."""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, BertModel, PreTrainedTokenizerFast

from conself.records import ModelRef

CONFIG = BertConfig(
    vocab_size=40,
    hidden_size=16,
    intermediate_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    max_position_embeddings=32,
    initializer_range=0.5,
)


def write_tokenizer(folder: Path) -> None:
    """Single letters between [CLS] and [SEP]."""
    vocabulary = {"[PAD]": 0, "[CLS]": 1, "[SEP]": 2, "[UNK]": 3} | {c: i + 4 for i, c in enumerate("abcdefghij")}
    letters = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    letters.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    letters.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    names = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]", "unk_token": "[UNK]"}
    PreTrainedTokenizerFast(tokenizer_object=letters, model_max_length=32, **names).save_pretrained(folder)


def ref(folder: Path) -> ModelRef:
    return ModelRef(str(folder), None, None, "float32", "eager", None)


def write_encoder(folder: Path) -> ModelRef:
    """A plain encoder."""
    write_tokenizer(folder)
    torch.manual_seed(0)
    BertModel(CONFIG).save_pretrained(folder)
    return ref(folder)


def write_judge(folder: Path, labels: list[str]) -> ModelRef:
    """A classifier of pairs of texts."""
    write_tokenizer(folder)
    torch.manual_seed(0)
    config = BertConfig(**CONFIG.to_diff_dict() | {"id2label": dict(enumerate(labels))})
    BertForSequenceClassification(config).save_pretrained(folder)
    return ref(folder)


def write_sentence_files(folder: Path, pooling: dict[str, object], *modules: str, limit: int | None = None) -> None:
    """The files that make a folder one of sentence-transformers."""
    paths = {"Transformer": "", "Pooling": "1_Pooling"}
    listed = [{"type": f"sentence_transformers.models.{m}", "path": paths.get(m, m)} for m in modules]
    (folder / "modules.json").write_text(json.dumps(listed))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    (folder / "sentence_bert_config.json").write_text(json.dumps({} if limit is None else {"max_seq_length": limit}))
