"""The backbones' shapes, as their config.json on the hub has them, and what follows from shapes alone."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Backbone:
    """A decoder of the Llama kind: SwiGLU, RMSNorm, rotary positions; ``qkv_bias`` and ``tied`` as Qwen2 has them."""

    hub_id: str
    hidden: int
    intermediate: int
    layers: int
    heads: int
    kv_heads: int
    vocab: int
    tied: bool
    qkv_bias: bool
    context: int

    @property
    def kv_width(self) -> int:
        """Width of the keys (or values) of one token in one layer."""
        return self.hidden // self.heads * self.kv_heads

    @property
    def linear(self) -> int:
        """Weights of the layers' seven matrices: what is read and multiplied for every token."""
        attention = 2 * self.hidden * self.hidden + 2 * self.hidden * self.kv_width
        return self.layers * (attention + 3 * self.hidden * self.intermediate)

    @property
    def head(self) -> int:
        """Weights of the output matrix (the input embedding is as large; the two are one where tied)."""
        return self.hidden * self.vocab

    @property
    def parameters(self) -> int:
        """All weights, counted as transformers counts them."""
        norms = (2 * self.layers + 1) * self.hidden
        biases = self.layers * (self.hidden + 2 * self.kv_width) if self.qkv_bias else 0
        return self.linear + norms + biases + self.head * (1 if self.tied else 2)

    @property
    def kv_bytes(self) -> int:
        """Keys and values of one token in 16 bits, all layers."""
        return 2 * 2 * self.layers * self.kv_width

    def lora(self, rank: int) -> int:
        """Weights of a LoRA adapter on all seven matrices of each layer."""
        attention = 2 * (2 * self.hidden) + 2 * (self.hidden + self.kv_width)
        return self.layers * rank * (attention + 3 * (self.hidden + self.intermediate))

    def weight_bytes(self, quantization: str | None) -> float:
        """Bytes of the weights: 16 bits, or the layers' matrices in 8 (int8) or 4 (nf4), the rest in 16.

        4-bit blocks of 64 share a scale, and 256 scales share one: 4.127 bits per weight.
        """
        bits = {None: 16.0, "int8": 8.0, "nf4": 4 + 8 / 64 + 32 / (64 * 256)}[quantization]
        return self.linear * bits / 8 + (self.parameters - self.linear) * 2


def _qwen(size: str, hidden: int, intermediate: int, layers: int, heads: int, kv_heads: int, small: bool) -> Backbone:
    """Sizes up to 3B share embedding and head; the others round the vocabulary up further."""
    vocab = 151_936 if small else 152_064
    name = f"Qwen/Qwen2.5-Coder-{size}-Instruct"
    return Backbone(name, hidden, intermediate, layers, heads, kv_heads, vocab, small, True, 32_768)


BACKBONES = {
    "codellama_7b": Backbone(
        "codellama/CodeLlama-7b-Instruct-hf", 4096, 11_008, 32, 32, 32, 32_016, False, False, 16_384
    ),
    "deepseek_coder_6_7b": Backbone(
        "deepseek-ai/deepseek-coder-6.7b-instruct", 4096, 11_008, 32, 32, 32, 32_256, False, False, 16_384
    ),
    "qwen2_5_coder_0_5b": _qwen("0.5B", 896, 4864, 24, 14, 2, True),
    "qwen2_5_coder_1_5b": _qwen("1.5B", 1536, 8960, 28, 12, 2, True),
    "qwen2_5_coder_3b": _qwen("3B", 2048, 11_008, 36, 16, 2, True),
    "qwen2_5_coder_7b": _qwen("7B", 3584, 18_944, 28, 28, 4, False),
    "qwen2_5_coder_14b": _qwen("14B", 5120, 13_824, 48, 40, 8, False),
    "qwen2_5_coder_32b": _qwen("32B", 5120, 27_648, 64, 40, 8, False),
}
"""By the name of their file in conf/model/."""
