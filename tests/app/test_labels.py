"""Who goes by labels says so."""

import pytest
from omegaconf import DictConfig, OmegaConf

from conself.app.labels import check_labels
from conself.statistics.confidence import FEATURES

CONFIDENCE = {
    "_target_": "conself.statistics.confidence.Confidence",
    "intercept": 0.0,
    "weights": dict.fromkeys(FEATURES, 0.0),
}
RANKING = {"_target_": "conself.statistics.most_confident.MostConfident", "confidence": CONFIDENCE}
DOUBT = {"_target_": "conself.statistics.doubt.Doubt", "confidence": CONFIDENCE}


def config(**parts: object) -> DictConfig:
    return OmegaConf.create({"labels": None, **parts})


@pytest.mark.parametrize(
    ("parts", "key"),
    [
        ({"ranking": RANKING}, "ranking"),
        ({"metric": DOUBT}, "metric"),
        ({"voters": {"n": 3, "ranking": RANKING}}, r"voters\.ranking"),
        ({"matched": {"metric": DOUBT}}, r"matched\.metric"),
        ({"rankings": {"first": {"_target_": "nobody.Knows"}, "sure": RANKING}}, r"rankings\.sure"),
        ({"several": [{}, RANKING]}, r"several\[1\]"),
    ],
)
def test_a_part_that_goes_by_labels_is_refused_unless_the_job_says_so(parts: dict[str, object], key: str) -> None:
    with pytest.raises(ValueError, match=rf"^{key} uses a confidence .* Set labels=pools"):
        check_labels(config(**parts))
    check_labels(config(**parts, labels="pools"))


def test_looking_at_a_pool_needs_no_leave() -> None:
    check_labels(config(confidence=CONFIDENCE))
    check_labels(OmegaConf.create({}))


def test_another_word_is_refused() -> None:
    with pytest.raises(ValueError, match="labels must be pools, or null"):
        check_labels(config(labels="all"))
