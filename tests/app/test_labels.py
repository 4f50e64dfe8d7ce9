"""Who uses labels says so."""

import pytest
from omegaconf import DictConfig, OmegaConf

from conself.app.labels import check_labels, words_of
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


CALIBRATION = {"_target_": "conself.calibration.dynamic_b4.DynamicB4", "problems": 10}
ORACLE = {"_target_": "conself.calibration.oracle.OracleReward"}


@pytest.mark.parametrize(
    ("parts", "said", "others", "message"),
    [
        (
            {"testing": {"calibration": CALIBRATION}},
            10,
            ["pools", "all"],
            r"testing\.calibration uses .* Set labels=10",
        ),
        ({"reward": ORACLE}, "all", ["pools", 10], "reward uses .* Set labels=all"),
        ({"reward": {"ranking": ORACLE}}, "all", [10], r"reward\.ranking uses "),
    ],
)
def test_what_is_right_of_trained_problems_is_said_by_its_own_word(
    parts: dict[str, object], said: object, others: list[object], message: str
) -> None:
    check_labels(config(**parts, labels=said))
    for other in [None, *others]:
        with pytest.raises(ValueError, match=message):
            check_labels(config(**parts, labels=other))


SUPERVISED = {"_target_": "conself.calibration.supervised.SupervisedReward", "problems": 10}


def test_the_labels_of_all_parts_add_up_to_those_of_the_job() -> None:
    both = {"reward": SUPERVISED, "testing": {"calibration": CALIBRATION}}
    check_labels(config(**both, labels=20))
    check_labels(config(reward=SUPERVISED, labels=10))
    both_named = r"labels=10 must be .* reward\.problems=10 and testing\.calibration\.problems=10"
    with pytest.raises(ValueError, match=both_named):
        check_labels(config(**both, labels=10))
    with pytest.raises(ValueError, match=r"labels=10 must be .* reward\.problems=700"):
        check_labels(config(reward={**SUPERVISED, "problems": 700}, labels=10))


@pytest.mark.parametrize("word", ["some", 0, -3, 2.5, True])
def test_another_word_is_refused(word: object) -> None:
    with pytest.raises(ValueError, match="labels must be pools, all, a number of problems, or null"):
        check_labels(config(labels=word))


def test_a_job_tells_what_it_used() -> None:
    assert words_of(10) == "parts of this job go by what is right of 10 problems"
    assert "other pools" in words_of("pools")
