"""What a round calls things; what it does is tested as a user sees it, in tests/e2e/test_methods.py."""

import pytest
from omegaconf import OmegaConf

from conself.rounds import driver_name

MASS = {"_target_": "conself.metrics.unseen_mass.UnseenMass"}


@pytest.mark.parametrize(
    ("metrics", "name"),
    [({}, "unseen_mass"), ({"nll": {}}, "unseen_mass"), ({"unseen_mass": {**MASS, "other": 1}}, "unseen_mass_driver")],
)
def test_a_driver_is_called_as_its_file(metrics: dict[str, dict[str, object]], name: str) -> None:
    assert driver_name(OmegaConf.create({"metric": MASS, "metrics": metrics})) == name
