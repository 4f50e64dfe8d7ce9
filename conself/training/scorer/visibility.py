"""Attention where responses share a prompt: part by part, as a dense mask, or as FlexAttention's block mask."""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask
from transformers import PreTrainedModel

from conself.training.micro_batches import Branches
from conself.training.scorer.branch_attention import BY_BRANCH

FLEX = "flex_attention"
_MASKED = ("sdpa", "eager", BY_BRANCH, FLEX)


def attention_mask(model: PreTrainedModel, branches: Branches, dtype: torch.dtype) -> Tensor | BlockMask:
    """Build the decoder's ``attention_mask``: never None, or transformers would look for packed documents itself.

    A BlockMask for FlexAttention; otherwise [B, 1, T, T] in ``dtype``: 0 where the column is visible, minus infinity
    elsewhere. Every token sees itself, padding too, so that no row of attention is empty.
    """
    if model.config._attn_implementation == FLEX:
        rows, width = branches.prompt.shape
        return create_block_mask(sees(branches), rows, None, width, width, device=str(branches.prompt.device))
    line = torch.arange(branches.prompt.shape[1], device=branches.prompt.device)
    row = torch.arange(branches.prompt.shape[0], device=branches.prompt.device)
    is_visible = sees(branches)(row[:, None, None], row.new_zeros(()), line[:, None], line[None, :])
    mask = torch.zeros(is_visible.shape, dtype=dtype, device=is_visible.device).masked_fill_(~is_visible, -torch.inf)
    return mask[:, None]


def sees(branches: Branches) -> Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]:
    """Build FlexAttention's ``mask_mod(row, head, query, key)``: whether ``query``'s token sees ``key``'s."""
    prompt, response = branches.prompt, branches.response

    def mask_mod(row: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:  # noqa: ARG001  # FlexAttention's face
        same_prompt = prompt[row, query] == prompt[row, key]
        same_branch = (response[row, key] == 0) | (response[row, query] == response[row, key])
        return (key <= query) & same_prompt & same_branch

    return mask_mod


def use_attention(model: PreTrainedModel, longest_row: int, flex_above: int | None) -> None:
    """Choose FlexAttention for long rows on a GPU, SDPA by branches on a CPU; check that the model takes our masks.

    Raises:
        ValueError: its attention takes no masks, or it has a sliding window shorter than the rows.
    """
    if flex_above is not None and longest_row > flex_above and model.device.type == "cuda":
        try:
            model.set_attn_implementation(FLEX)
        except (ValueError, ImportError) as error:
            remedy = "set training.runtime.layout.flex_above=null, or training/layout=distinct"
            raise ValueError(f"{error}; {remedy}") from error
    if model.device.type == "cpu" and model.config._attn_implementation == "sdpa":
        model.set_attn_implementation(BY_BRANCH)
    used = model.config._attn_implementation
    if used not in _MASKED:
        raise ValueError(
            f"training/layout=shared needs model.attention to be one of {', '.join(_MASKED)}, got {used!r}; "
            "set training/layout=distinct"
        )
    window = getattr(model.config.get_text_config(), "sliding_window", None)
    if window and window < longest_row:  # 0, as None: it could, and does not
        raise ValueError(
            f"{type(model).__name__} slides a window of {window} tokens over rows of {longest_row}; "
            "set training/layout=distinct"
        )
