"""Tests that a model writes before its training, from replies to a rank; the sandbox runs, the replies are given."""

from dataclasses import dataclass
from pathlib import Path

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from conself.agreement.passing_matrix import PassingMatrix
from conself.engines.decoding import sample_seed
from conself.pipelines import stages
from conself.pipelines.context import Context
from conself.pipelines.pools import AgreedPools, Pools
from conself.pipelines.shards import write_shards
from conself.pipelines.testing import crossed
from conself.records import Candidate, ModelRef, Problem, Uncertainty
from conself.store.artifacts import Artifact
from conself.store.tables import read_records
from tests.proposers.canned import Answer, Canned, InThisProcess

CONF = Path(__file__).parents[2] / "conf"
PROGRAMS = (
    "def f(x): return 2 * x",
    "def f(x): return x + x",
    "def f(x): return 2 * x if x < 3 else 0",
    "no program (",
)
REPLIES = {
    "a": ["f(1) == 2", "assert f(5) == 10", "assert f(5) == 0\nassert f(2) == 4"],
    "b": ["I cannot", "f(7) == f(6)", "nothing"],
}
"""Of a: what all, the first two, and the third give; of b no test."""


def answer(text: str, seed: int) -> str:
    """Reply k of a problem to whoever asks with its k-th seed."""
    name = next(name for name in REPLIES if f"problem {name}" in text)
    return REPLIES[name][[sample_seed(0, "test", name, k) for k in range(3)].index(seed)]


@dataclass(frozen=True)
class Writing(Canned):
    """Writes these replies."""

    answer: Answer = answer


def config() -> DictConfig:
    agreement = OmegaConf.load(CONF / "base" / "agreement.yaml")
    prompts = OmegaConf.load(CONF / "prompts" / "minipy.yaml")
    texts = {"_target_": "conself.prompts.tester.TesterTexts", "starter": "{starter_code}"}
    reader = {"_target_": "conself.generated_tests.reader.TestReader", "max_cases": 5, "max_literal_bytes": 4096}
    ask = {"function": "test {statement}", "stdin": "test {statement}"}
    testing = {"n": 3, "max_new_tokens": 9, "reader": reader, "column": "reply", "prompts": texts | ask}
    return OmegaConf.create(
        {
            "testing": testing,
            "rollouts": {"temperature": 1.0, "top_p": 1.0},
            "prompts": prompts,
            "engine": {"_target_": "tests.pipelines.test_testing.Writing"},
            "sandbox": OmegaConf.load(CONF / "sandbox" / "default.yaml"),
            "comparison": agreement.comparison,
            "behaviour": agreement.behaviour,
            "seed": 0,
        }
    )


def test_from_replies_to_the_rank_of_each_problem(tmp_path: Path) -> None:
    """Of a rows 110, 110, 101 and a program that runs on nothing: rank 2. Of b there is no matrix."""
    context, settings = Context(tmp_path / "store", InThisProcess(1), Console(quiet=True)), config()
    folder = tmp_path / "pool"
    folder.mkdir()
    problems = [Problem(name, f"problem {name}", "", "f", ("(1,)", "(2,)"), "", "") for name in REPLIES]
    drawn = [
        Candidate(p.id, k, None, "", c, "stop", None, None, None, 1) for p in problems for k, c in enumerate(PROGRAMS)
    ]
    write_shards(folder, "problems", Problem, [problems])
    write_shards(folder, "candidates", Candidate, [drawn])
    found, candidates = (Artifact(name, name, folder, reused=False) for name in ("problems", "sample"))
    pools = Pools(found, candidates, stages.execute(context, "execute", settings.sandbox, found, candidates))
    agreement = stages.agree(context, "agree", settings.comparison, settings.behaviour, pools)
    model = ModelRef("nobody", None, None, "float32", "sdpa", None)
    passing = crossed(context, settings, model, pools)
    assert passing.summary() == {"tests": 3}
    assert context.artifacts["tests/read"].summary() == {
        "tests": 4,
        "unparsable": 3,
        "rejected": {"no test in the reply": 2, "a claimed output that is no literal": 1},
    }
    agreed = AgreedPools(pools, agreement, passing)
    matrices = {pool.problem.id: known.passing for pool, known in agreed}
    row = (True, True, False)
    assert matrices == {"a": PassingMatrix((row, row, (True, False, True), (None, None, None))), "b": None}
    metric = OmegaConf.load(CONF / "metric" / "matrix_rank.yaml")
    assert isinstance(metric, DictConfig)
    ranks = read_records(stages.score(context, "score", metric, agreed).path, Uncertainty, "uncertainty")
    assert [(u.problem_id, u.value, u.reason) for u in ranks] == [("a", 2, None), ("b", None, "no generated tests")]
