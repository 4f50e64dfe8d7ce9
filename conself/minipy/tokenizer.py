"""The seed model's tokenizer: byte-level BPE that merges words in prose and whole lines in code.

Sampling time is proportional to tokens, and the embedded world's programs are regular, so merges in code are bounded by
lines and digits rather than by words: ``"```python"`` or ``"\\n    return r"`` become one token each.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from tokenizers import Regex, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split
from tokenizers.trainers import BpeTrainer

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

PAD, USER, ASSISTANT, SYSTEM, END = "<|pad|>", "<|user|>", "<|assistant|>", "<|system|>", "<|end|>"
SPECIAL_TOKENS = (PAD, USER, ASSISTANT, SYSTEM, END)

# Merges stay inside a piece. The pieces, tried in this order: one digit, so that a number reads the same wherever it
# stands; a line break with its line up to a digit (code, and the prompt's own keywords); a mark that ends a clause; a
# word with the space before it (prose); the rest of the line up to a digit or such a mark.
_PIECE = r"\p{N}|\n[^\p{N}\n]*|[,;.](?=[ \n]|$)| ?\p{L}+|(?:(?![,;.](?:[ \n]|$))[^\p{N}\n])+"

# AutoTokenizer overrules the saved class and pre-tokenizer of whatever calls itself Qwen2 by its own Qwen2Tokenizer,
# in silence, unless the folder claims a class of its own. The class named here is never loaded: without remote code
# the library takes the plain backend, which reads tokenizer.json as it stands.
_AUTO_MAP = {"AutoTokenizer": [None, "tokenization_minipy.MiniPyTokenizer"]}

CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- if message['role'] not in ['system', 'user', 'assistant'] -%}"
    "{{- raise_exception('unknown role ' + message['role'] + '; use system, user or assistant') -}}"
    "{%- endif -%}"
    "{{- '<|' + message['role'] + '|>' + message['content'] + '<|end|>' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)


def train_tokenizer(texts: Iterable[str], vocab_size: int, max_length: int) -> PreTrainedTokenizerFast:
    """Train byte-level BPE on ``texts`` (turn contents, without special tokens), with a chat template.

    Every text survives encoding and decoding unchanged, whatever its characters: all 256 bytes are in the vocabulary.
    The result has at most ``vocab_size`` tokens (fewer if the texts have fewer merges) and sets ``max_length``
    tokens as the model's limit. The end-of-sequence token closes every turn.

    Raises:
        ValueError: ``vocab_size`` leaves no room besides the 256 bytes and the special tokens.
    """
    from transformers import PreTrainedTokenizerFast

    smallest = 256 + len(SPECIAL_TOKENS)
    if vocab_size < smallest:
        raise ValueError(f"vocab_size={vocab_size} cannot hold all bytes and special tokens; use at least {smallest}")
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = Sequence(
        [Split(Regex(_PIECE), "isolated"), ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        padding_side="left",  # what batched generation needs; pre-training pads by its own rule
        model_max_length=max_length,
        clean_up_tokenization_spaces=False,
        chat_template=CHAT_TEMPLATE,
        auto_map=_AUTO_MAP,
    )
