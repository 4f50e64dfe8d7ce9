"""The same model, adapter and state for every contender."""

import zlib
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from experiments.training_speed.settings import Shape


@dataclass(frozen=True, slots=True)
class Place:
    """Where contenders run: ``device`` cpu or cuda, and whether layers are computed again on the way back."""

    device: str
    checkpointing: bool

    @property
    def dtype(self) -> torch.dtype:
        """Of the frozen weights: float32 on a CPU, bfloat16 on a GPU."""
        return torch.float32 if self.device == "cpu" else torch.bfloat16


def base_model(shape: Shape, place: Place, seed: int) -> PreTrainedModel:
    """A Qwen2 of random weights, drawn from ``seed``."""
    torch.manual_seed(seed)
    config = Qwen2Config(**shape.config())
    with torch.device(place.device):
        model = Qwen2ForCausalLM._from_config(config, dtype=place.dtype, attn_implementation="sdpa")
    return model.eval()  # type: ignore[no-any-return]  # transformers wraps it


def adapter(model: nn.Module) -> dict[str, nn.Parameter]:
    """The trainable parameters by their names from the layers on, in one order whatever wraps the model."""
    named = {name[name.index("layers.") :]: p for name, p in model.named_parameters() if p.requires_grad}
    return dict(sorted(named.items()))


@torch.no_grad()
def set_adapter(model: nn.Module, seed: int) -> None:
    """Give each matrix of the adapter values that depend on its name only; with B = 0 every loss would be log 2."""
    for name, parameter in adapter(model).items():
        generator = torch.Generator().manual_seed(seed + zlib.crc32(name.encode()))
        scale = 0.02 if "lora_B" in name else parameter.shape[1] ** -0.5
        parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))


def gradients(model: nn.Module) -> Tensor:
    """All gradients of the adapter in one vector, float32, on the CPU."""
    grads = [p.grad for p in adapter(model).values() if p.grad is not None]
    return torch.cat([grad.detach().float().flatten().cpu() for grad in grads])


def tokenizer() -> PreTrainedTokenizerFast:
    """Enough of a tokenizer for a trainer that insists on one; data come in token ids."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel

    words = Tokenizer(WordLevel({"<pad>": 0, "<end>": 1, "<unk>": 2}, unk_token="<unk>"))
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="<pad>", eos_token="<end>", unk_token="<unk>")
