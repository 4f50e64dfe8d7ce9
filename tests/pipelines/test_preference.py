"""What a round calls things; what it does is tested as a user sees it, in tests/e2e/test_methods.py."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from rich.console import Console

from conself.executors.local import LocalExecutor
from conself.oracles import Oracle
from conself.pipelines.context import Context
from conself.pipelines.pools import Pools
from conself.pipelines.preference.figures import driver_name
from conself.pipelines.preference.round import verify
from conself.pipelines.shards import SHARD, write_shards
from conself.records import Candidate, Outcome, Problem, Status, Trace
from conself.store.artifacts import Artifact
from conself.store.tables import read_verdicts, write_traces

MASS = {"_target_": "conself.metrics.unseen_mass.UnseenMass"}


@pytest.mark.parametrize(
    ("metrics", "name"),
    [({}, "unseen_mass"), ({"nll": {}}, "unseen_mass"), ({"unseen_mass": {**MASS, "other": 1}}, "unseen_mass_driver")],
)
def test_a_driver_is_called_as_its_file(metrics: dict[str, dict[str, object]], name: str) -> None:
    assert driver_name(OmegaConf.create({"metric": MASS, "metrics": metrics})) == name


@dataclass(frozen=True)
class Told:
    """A data set of a user's whose file holds what is right; reading its oracles is noted."""

    path: str

    def __call__(self) -> Iterator[Problem]:
        return iter(())

    def statements(self) -> Iterator[str]:
        return iter(())

    def fingerprint(self) -> str:
        return Path(self.path).read_text()

    def oracles(self) -> Iterator[Oracle]:
        with Path(f"{self.path}.read").open("a") as notes:
            notes.write("x")
        return (Oracle(name, (value,)) for name, value in json.loads(Path(self.path).read_text()).items())


def stored(folder: Path, problem: Problem, candidate: Candidate, trace: Trace) -> Pools:
    """One problem with one candidate, as three artifacts."""
    folder.mkdir()
    write_shards(folder, "problems", Problem, [[problem]])
    write_shards(folder, "candidates", Candidate, [[candidate]])
    write_traces(folder / f"traces-0000000-{SHARD}.parquet", [[trace]], {})
    return Pools(*(Artifact(stage, stage, folder, reused=False) for stage in ("problems", "sample", "execute")))


def test_verdicts_follow_what_is_right_and_are_made_once(tmp_path: Path) -> None:
    path = tmp_path / "right.json"
    config = OmegaConf.load(Path(__file__).parents[2] / "conf" / "base" / "agreement.yaml")
    config = OmegaConf.create({"comparison": config.comparison})
    config.dataset = {"_target_": f"{__name__}.Told", "path": str(path)}
    context = Context(tmp_path / "store", LocalExecutor(1), Console(quiet=True))
    problem = Problem("a", "", "", "f", ("(1,)",), "", "")
    candidate = Candidate("a", 0, None, "", "", "stop", None, None, None, 1)
    pools = stored(tmp_path / "pool", problem, candidate, Trace("a", 0, (Outcome(Status.OK, "1"),)))
    found = []
    for right in ("1", "1", "2"):
        path.write_text(json.dumps({"a": right, "of another file": "3"}))
        found.append(verify(config, context, pools))
    assert [artifact.reused for artifact in found] == [False, True, False]
    assert [read_verdicts(a.path / "verdicts.jsonl")[0].passed for a in found] == [(True,), (True,), (False,)]
    assert Path(f"{path}.read").read_text() == "xx", "what is in the store needs no oracle"
