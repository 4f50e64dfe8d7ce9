"""Settings out of range are refused by name."""

import pytest

from tests.training.training_world import runtime, settings


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("learning_rate", 0),
        ("learning_rate", -1e-3),
        ("learning_rate", float("nan")),
        ("gradient_clip", 0.0),
        ("gradient_clip", -1.0),
        ("gradient_clip", float("nan")),
        ("epochs", 0),
        ("batch_size", 0),
        ("max_length", 0),
        ("warmup_ratio", 1.5),
        ("weight_decay", -0.1),
        ("weight_decay", float("inf")),
        ("learning_rate", float("inf")),
    ],
)
def test_out_of_range(key: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"training\.{key} is {value}; it must"):
        settings(**{key: value})


@pytest.mark.parametrize("share", [0.0, -0.1, 1.5, float("nan")])
def test_checkpoints_take_a_share_of_the_time_or_are_null(share: float) -> None:
    assert runtime(checkpoint_share=None).checkpoint_share is None
    with pytest.raises(ValueError, match=rf"training\.runtime\.checkpoint_share is {share}; it must be above 0"):
        runtime(checkpoint_share=share)


def test_no_clipping_is_written_as_null() -> None:
    assert settings(gradient_clip=None).gradient_clip is None
    with pytest.raises(ValueError, match="or null: never clip"):
        settings(gradient_clip=0.0)
