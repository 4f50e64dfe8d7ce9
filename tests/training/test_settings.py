"""Settings out of range are refused by name."""

import pytest
from training_world import settings


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
    ],
)
def test_out_of_range(key: str, value: float) -> None:
    with pytest.raises(ValueError, match=rf"training\.{key} is {value}; it must"):
        settings(**{key: value})


def test_no_clipping_is_written_as_null() -> None:
    assert settings(gradient_clip=None).gradient_clip is None
    with pytest.raises(ValueError, match="or null: never clip"):
        settings(gradient_clip=0.0)
