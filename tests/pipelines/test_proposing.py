"""Stage propose: waves, tables, keys, what a kill costs, and what is said when nothing is left."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf
from rich.console import Console

from conself.datasets.generated import Generated
from conself.pipelines.contamination import Statements
from conself.pipelines.context import Context
from conself.pipelines.pipeline import Job
from conself.pipelines.preference.pipeline import Preference
from conself.pipelines.proposed import Proposed, check_proposing, with_problems
from conself.pipelines.proposing import Proposing, next_wave, propose
from conself.proposers.claims import read_claims
from conself.proposers.proposal import Brief, Dropped, Proposal, ProposalRow
from conself.records import ModelRef
from conself.store.artifacts import Artifact
from conself.store.tables import read_records
from tests.proposers.canned import ANSWERS, EXERCISE, Canned, InThisProcess, proposer
from tests.test_conf import composed

MODEL = ModelRef("m", None, None, "float32", "sdpa", None)
NONE = Statements({})


def numbered(text: str, seed: int) -> str:
    """A chain whose task has words of its own, by the seed of the proposal; every fifth is no exercise."""
    if not text.startswith("propose"):
        return ANSWERS[text.split()[0]]
    own = " ".join(f"w{seed % 10**9}{n}" for n in range(6))
    return "no" if seed % 5 == 0 else EXERCISE.replace("twice the number", own)


def proposing(engine: Canned, **settings: Any) -> Proposing:
    """A proposer and an engine; nodes stand in the key."""
    plain = {name: value for name, value in settings.items() if name != "sieve"}
    node = OmegaConf.create({"_target_": "conself.proposers.ucoder.UCoder", **plain})
    return Proposing(
        node, OmegaConf.create({"_target_": "tests.proposers.canned.Canned"}), proposer(**settings), engine, MODEL
    )


class Bench:
    """A store, and what was said."""

    def __init__(self, folder: Path) -> None:
        self.console = Console(file=io.StringIO(), width=400)
        self.context = Context(folder, InThisProcess(1), self.console)

    def propose(self, engine: Canned, statements: Statements = NONE, **settings: Any) -> Artifact:
        return propose(self.context, proposing(engine, **settings), statements)

    @property
    def said(self) -> str:
        assert isinstance(self.console.file, io.StringIO)
        return self.console.file.getvalue()


def rows(artifact: Artifact) -> list[ProposalRow]:
    return read_records(artifact.path, ProposalRow, "proposals")


def test_there_are_as_many_problems_as_wanted_and_every_ask_is_accounted_for(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    made = bench.propose(Canned(numbered), problems=8)
    problems = list(Generated(str(made.path))())
    summary = made.summary()
    assert len(problems) == summary["problems"] == 8
    assert summary["asks"] == len(rows(made)) == 8 + sum(summary["dropped"].values())
    assert [row.problem_id for row in rows(made) if row.reason is None] == [problem.id for problem in problems]
    assert summary["dropped"]["unparsable"] == sum(row.reason == "unparsable" for row in rows(made)) > 0
    assert f"8 problems from {summary['asks']} asks" in bench.said
    assert f"{summary['dropped']['unparsable']} left out: unparsable" in bench.said
    assert {(row.topic, row.category) for row in rows(made)} <= {
        ("primes", "numbers"),
        ("sums", "numbers"),
        ("words", "texts"),
    }
    claims = read_claims(made.path)
    assert {claim.problem_id for claim in claims} == {problem.id for problem in problems}
    assert all("expected" not in name for path in made.path.glob("problems*") for name in columns(path))
    assert bench.propose(Canned(numbered), problems=8).reused


def columns(path: Path) -> list[str]:
    import pyarrow.parquet as pq

    return list(pq.read_schema(path).names)


def test_waves_ask_for_what_is_missing_at_the_rate_so_far() -> None:
    brief = Brief("ask", "", "", None)
    good, bad = Proposal(brief), Proposal(brief, reason=Dropped.UNPARSABLE)
    part = proposer(problems=10, asks_per_problem=3)
    assert next_wave(part, []) == 10
    assert next_wave(part, [bad] * 10) == 10
    assert next_wave(part, [good] * 4 + [bad] * 6) == 15, "6 are missing, of which 4 in 10 come"
    assert next_wave(part, [good] * 4 + [bad] * 21) == 5, "30 in all"
    assert next_wave(part, [good] * 9 + [bad] * 21) == 0
    assert next_wave(part, [good] * 10) == 0
    many = proposer(problems=200, asks_per_problem=4)
    assert next_wave(many, []) == 200
    assert next_wave(many, [bad] * 199) == 200
    assert next_wave(many, [bad] * 200) == 0, "two hundred gave nothing"
    assert next_wave(many, [bad] * 199 + [good]) == 600


def test_an_ask_that_was_answered_before_a_kill_is_not_asked_again(tmp_path: Path) -> None:
    """What is on disk when the process ends is what is there when it comes back: the same as without the kill."""
    whole = Bench(tmp_path / "whole").propose(Canned(numbered), problems=8)

    def dies(text: str, seed: int) -> str:
        if len(engine.asked) > 23:
            raise KeyboardInterrupt  # as little is done at the end as by SIGKILL
        return numbered(text, seed)

    engine = Canned(dies)
    with pytest.raises(KeyboardInterrupt):
        Bench(tmp_path / "killed").propose(engine, problems=8)
    again = Canned(numbered)
    resumed = Bench(tmp_path / "killed").propose(again, problems=8)
    assert resumed.key == whole.key
    assert Generated(str(resumed.path)).fingerprint() == Generated(str(whole.path)).fingerprint()
    summary = dict(resumed.summary())
    assert summary.pop("drawn_before") > 0
    assert summary == whole.summary()
    alone = Canned(numbered)
    Bench(tmp_path / "alone").propose(alone, problems=8)
    under_way = 5  # of the one brief that was being answered
    assert len(again.asked) <= len(alone.asked) - len(engine.asked) + under_way


def test_a_model_that_never_keeps_to_the_form_ends_in_a_line_and_is_not_asked_again(tmp_path: Path) -> None:
    bench, engine = Bench(tmp_path), Canned(lambda *_: "As an AI I like exercises.")
    line = r"none of 8 asks gave a problem \(8 unparsable\): read the replies in .*propose/.*min_rating=null"
    for _ in range(2):
        with pytest.raises(ValueError, match=line):
            bench.propose(engine, problems=2)
    assert len(engine.asked) == 8
    (folder,) = tmp_path.glob("propose/*/")
    assert [row.reason for row in read_records(folder, ProposalRow, "proposals")] == ["unparsable"] * 8


def test_the_same_problem_every_time_is_one_problem(tmp_path: Path) -> None:
    made = Bench(tmp_path).propose(Canned(), problems=2)
    assert made.summary()["dropped"] == {"duplicate": 7}
    assert (made.summary()["asks"], made.summary()["problems"]) == (8, 1)


def test_recitations_are_counted_as_a_rate_and_removed(tmp_path: Path) -> None:
    known = Statements({"mine": ["return twice the number that is given as an argument"]})
    bench = Bench(tmp_path)

    def recites(text: str, seed: int) -> str:
        return numbered(text, seed) if seed % 3 else ANSWERS[text.split()[0]]

    made = bench.propose(Canned(recites), known, problems=6, asks_per_problem=9)
    summary = made.summary()
    contaminated = [row for row in rows(made) if row.reason == "contaminated"]
    assert len(contaminated) == summary["dropped"]["contaminated"] > 0
    whole = summary["problems"] + sum(n for why, n in summary["dropped"].items() if why not in ("unparsable",))
    assert summary["contamination_rate"] == len(contaminated) / whole
    assert f"contaminated: {len(contaminated) / whole:.1%}" in bench.said
    assert "Return twice the number that is" not in " ".join(Generated(str(made.path)).statements())


def test_a_benchmarks_signature_is_flagged_and_kept(tmp_path: Path) -> None:
    code = Statements({"mine": ['def double(number: int) -> int:\n    """Twice."""\n']})
    made = Bench(tmp_path).propose(Canned(numbered), code, problems=2)
    assert (made.summary()["problems"], made.summary()["same_signature"]) == (2, 2)


def test_the_key_follows_settings_model_material_and_benchmarks(tmp_path: Path) -> None:
    path, other = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    path.write_text('{"text": "a"}')
    other.write_text('{"text": "a"}')
    bench = Bench(tmp_path / "store")
    base = bench.propose(Canned(numbered), problems=1, grounding=str(path))
    moved = bench.propose(Canned(numbered), problems=1, grounding=str(other))
    assert moved.key == base.key, "the same material elsewhere"
    other.write_text('{"text": "b"}')
    changes = [
        bench.propose(Canned(numbered), problems=1, grounding=str(other)),
        bench.propose(Canned(numbered), problems=1, seed=1),
        bench.propose(Canned(numbered), problems=1),
        bench.propose(Canned(numbered), Statements({"b": ["some text"]}), problems=1),
    ]
    assert len({made.key for made in [base, *changes]}) == 5


def test_the_artifact_is_a_data_set_and_so_is_each_of_its_tables(tmp_path: Path) -> None:
    made = Bench(tmp_path / "store").propose(Canned(numbered), problems=3)
    data = Generated(str(made.path))
    assert list(data.oracles()) == []
    assert list(data.statements()) == [problem.statement for problem in data()]
    (table,) = made.path.glob("problems*.parquet")
    assert list(Generated(str(table))()) == list(data())
    assert Generated(str(table)).fingerprint() == data.fingerprint()
    for path, kind, line in (
        (None, ValueError, "pipeline=proposed"),
        (str(tmp_path / "nothing"), FileNotFoundError, "there is no table of problems"),
        (str(tmp_path), FileNotFoundError, "there is no table of problems"),
        (str(made.path / "proposals.parquet"), ValueError, "is no table of problems"),
        (str(made.path / "manifest.json"), FileNotFoundError, "there is no table of problems"),
    ):
        with pytest.raises(kind, match=line):
            list(Generated(path)())


def test_the_experiment_composes_and_is_checked_before_any_work() -> None:
    config = composed("experiment=ucoder", "benchmark=[none]")
    assert (config.proposer.seed, config.dataset.path, config.sampler.n) == (0, None, 16)
    check_proposing(config)
    assert len({topic for group in config.proposer.topics.values() for topic in group}) >= 120
    assert len(config.proposer.topics) == 7
    Proposed().check(Job(config, Path(), in_sweep=False))


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("dataset=minipy", "set dataset=generated without dataset.path"),
        ("dataset.path=somewhere", "pipeline=preference"),
        ("engine=openai engine@answering=transformers", "this engine loads none"),
        ("proposer.grounding=nowhere.jsonl", "proposer.grounding: nowhere.jsonl does not exist"),
    ],
)
def test_a_job_that_cannot_propose(words: str, line: str) -> None:
    config = composed("experiment=ucoder", "benchmark=[none]", *words.split())
    with pytest.raises((ValueError, OSError), match=line):
        Proposed().check(Job(config, Path(), in_sweep=False))


def test_a_proposer_that_nobody_would_ask_is_refused() -> None:
    job = Job(composed("proposer=ucoder"), Path(), in_sweep=False)
    with pytest.raises(ValueError, match="pipeline=preference asks no proposer: set pipeline=proposed"):
        Preference().check(job)


def test_the_job_learns_from_what_was_proposed_in_every_round(tmp_path: Path) -> None:
    job = Job(composed("experiment=ucoder", "benchmark=[none]"), tmp_path, in_sweep=False)
    given = with_problems(job, tmp_path)
    assert given.config.dataset.path == str(tmp_path)
    assert given.with_model(replace(MODEL, name="other")).config.dataset.path == str(tmp_path)
    assert job.config.dataset.path is None
