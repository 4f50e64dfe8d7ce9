from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from conself.texts.encoders.policy import Runtime
from conself.texts.entailment import EntailmentModel, entailment_label
from tests.texts.second_model import write_judge

LABELS = ["CONTRADICTION", "NEUTRAL", "ENTAILMENT"]
LETTERS = "abcdefghij"
PAIRS = [(a * n, b) for a in LETTERS[:5] for b in LETTERS for n in (1, 4)]


def test_yes_is_that_entailment_is_the_likeliest_class(tmp_path: Path) -> None:
    model = write_judge(tmp_path, LABELS)
    found = EntailmentModel(model, 32, Runtime("cpu", 112))(PAIRS)
    network = AutoModelForSequenceClassification.from_pretrained(tmp_path).eval()
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    with torch.no_grad():
        expected = [int(network(**tokenizer(*pair, return_tensors="pt")).logits.argmax()) == 2 for pair in PAIRS]
    assert found == expected
    assert 0 < sum(found) < len(PAIRS)
    assert any(
        one != other
        for one, other in zip(
            found,
            EntailmentModel(model, 32, Runtime("cpu", 112))([(hypothesis, premise) for premise, hypothesis in PAIRS]),
            strict=True,
        )
    )  # a direction is a direction


def test_long_pairs_are_cut(tmp_path: Path) -> None:
    judge = EntailmentModel(write_judge(tmp_path, LABELS), 999, Runtime("cpu", 32))
    assert len(judge([("a" * 100, "b"), ("c" * 60, "d" * 60)])) == 2  # 32 positions
    assert judge([]) == []


@pytest.mark.parametrize(
    ("labels", "index"),
    [
        (LABELS, 2),
        (["contradiction", "entailment", "neutral"], 1),
        (["entailment", "not_entailment"], 0),
        (["neutral", "Entails"], 1),
    ],
)
def test_models_order_their_classes_differently(labels: list[str], index: int) -> None:
    assert entailment_label("m", dict(enumerate(labels))) == index


@pytest.mark.parametrize("labels", [["LABEL_0", "LABEL_1"], ["entailment", "ENTAILMENT"], ["not_entailment", "other"]])
def test_a_model_for_something_else_is_refused_by_its_classes(tmp_path: Path, labels: list[str]) -> None:
    judge = EntailmentModel(write_judge(tmp_path, labels), 32, Runtime("cpu", 32))
    with pytest.raises(ValueError, match=f"has the classes {', '.join(labels)}: not exactly one .*MNLI"):
        judge([("a", "b")])
