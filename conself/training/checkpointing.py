"""Less memory for activations, by computing layers twice."""

from transformers import PreTrainedModel
from transformers.modeling_layers import GradientCheckpointingLayer


def checkpoint_layers(model: PreTrainedModel, share: float = 1.0) -> None:
    """Let a share of the decoder layers, from the first on, keep their input only, and compute the rest again later.

    The last layer never does. The way back begins with it: what it would give up it would want again at once, and at no other time is
    so much of it held. transformers recomputes in training mode alone. That mode is set on the layers themselves and on
    nothing inside them: dropout stays off, so that values and gradients are those without.

    Raises:
        ValueError: the model's layers cannot do it.
    """
    layers = [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]
    if not layers:
        raise ValueError(
            f"{type(model).__name__} cannot recompute its layers; set training.runtime.gradient_checkpointing=false"
        )
    model.gradient_checkpointing_enable({"use_reentrant": False, "preserve_rng_state": False})
    for layer in layers[: min(round(share * len(layers)), len(layers) - 1)]:
        layer.training = True
