"""Which voters a benchmark may be answered by."""

from typing import Any

import pytest
from omegaconf import OmegaConf

from conself.pipelines.answering import check_voters, voting


def test_voters_differ_from_the_decoder_in_number_and_temperature() -> None:
    config = OmegaConf.create(
        {"decoder": {"n": 1, "temperature": 0.0, "top_p": 0.9}, "voters": {"n": 15, "temperature": 1.0}, "tau": 0.3}
    )
    check_voters(config)
    assert OmegaConf.to_container(voting(config).decoder) == {"n": 15, "temperature": 1.0, "top_p": 0.9}
    assert config.decoder.n == 1


@pytest.mark.parametrize(
    ("voters", "decoder", "message"),
    [
        ({"n": 1, "temperature": 1.0}, {"n": 1}, "voters.n must be an int of 2 or more, or 0 for none, got 1"),
        ({"n": 15, "temperature": 0.0}, {"n": 1}, "voters.temperature must be above 0"),
        ({"n": 15, "temperature": True}, {"n": 1}, "voters.temperature must be a number, got True"),
        ({"n": 10, "temperature": 1.0}, {"n": 10}, "decoder.n=10 and voters.n=10 both draw answers"),
        ({"n": 15, "temperature": 1.0}, {"_target_": "a.Recorded"}, "a.Recorded draws no samples to vote with"),
    ],
)
def test_voters_that_cannot_vote_are_refused(voters: dict[str, Any], decoder: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_voters(OmegaConf.create({"voters": voters, "decoder": decoder}))
