"""Methods, matched curricula, rounds and voters as one command each, and what their jobs share."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from conself.agreement.comparison import Comparison
from conself.agreement.traces import trace_keys
from conself.pipelines.pools import answered
from conself.rankings.consensus import consensus_scores
from conself.records import Pool, PreferencePair, Uncertainty
from conself.store.tables import read_records, read_verdicts
from tests.e2e.conftest import IN_TURN, ROOT, Job, command, environment, run, train

METHODS = ("conself", "wo_cw", "wo_cc", "self_dpo", "self_sft", "pfpo")
QUICK = ("tracking=none", "training.epochs=1", "~metrics.naive_semantic_entropy")


def jobs(folder: Path) -> list[dict[str, Any]]:
    """The figures of a sweep's jobs, in their order."""
    return [json.loads((folder / str(i) / "results.json").read_text()) for i in range(len(list(folder.glob("[0-9]*"))))]


def pairs(store: Path, key: str) -> list[PreferencePair]:
    return read_records(store / "pair" / key, PreferencePair, "pairs")


@pytest.fixture(scope="module")
def methods(whole: Job, store: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Every method of the paper, in one command."""
    assert whole.status == 0
    folder = tmp_path_factory.mktemp("methods")
    done = train(store, folder, "-m", f"experiment={','.join(METHODS)}", *QUICK)
    assert done.status == 0, done.output
    return dict(zip(METHODS, jobs(folder), strict=True))


@pytest.mark.slow
def test_methods_share_all_but_what_makes_them(methods: dict[str, dict[str, Any]], whole: Job) -> None:
    keys = {name: found["artifacts"] for name, found in methods.items()}
    for stage in ("problems", "sample", "execute", "agree", "verify", "score/driver", "evaluate/minipy/base"):
        assert {made[stage] for made in keys.values()} == {whole.results["artifacts"][stage]}
    assert keys["conself"]["pair"] == keys["wo_cw"]["pair"], "weighting is the loss's"
    assert keys["wo_cc"]["pair"] == keys["self_dpo"]["pair"]
    assert len({made["pair"] for made in keys.values()}) == 4
    assert len({made["fit"] for made in keys.values()}) == 6
    assert {name: found["method"] for name, found in methods.items()} == {name: name for name in METHODS}


@pytest.mark.slow
def test_methods_train_on_what_the_table_says(methods: dict[str, dict[str, Any]], store: Path) -> None:
    of = {name: pairs(store, found["artifacts"]["pair"]) for name, found in methods.items()}
    assert {p.problem_id for p in of["conself"]} < {p.problem_id for p in of["wo_cc"]}
    assert all(p.rejected is None for p in of["self_sft"])
    winners = {p.problem_id: p.chosen_index for p in of["wo_cc"]}
    assert winners.items() <= {p.problem_id: p.chosen_index for p in of["self_sft"]}.items()
    steps = {p.winner_weight * 12 % 1 for p in of["pfpo"]}
    assert steps == {0.0}, "a share of twelve pseudo tests"


@pytest.mark.slow
def test_ssd_trains_on_one_raw_answer_to_every_problem(store: Path, tmp_path: Path) -> None:
    """Whatever it does when it is run: those that crash are trained on as well."""
    words = command(store, tmp_path, IN_TURN, "experiment=ssd", *QUICK)
    done = Job(*run([word for word in words if not word.startswith("sampler.")]), tmp_path)
    assert done.status == 0, done.output
    found = done.results
    trained_on = pairs(store, found["artifacts"]["pair"])
    assert (found["method"], found["pairs"], len({p.problem_id for p in trained_on})) == ("ssd", 60, 60)
    assert {(p.chosen_index, p.rejected, p.winner_weight) for p in trained_on} == {(0, None, None)}
    assert 0 < found["winner_accuracy"] < 1, "wrong ones as well"


@pytest.mark.slow
def test_curricula_by_metric_are_as_large_as_conselfs(
    methods: dict[str, dict[str, Any]], store: Path, tmp_path: Path
) -> None:
    words = ("experiment=curriculum_by_metric", "metric=nll,crash_rate", "tau=0.7", "+training.extra=1")
    refused = train(store, tmp_path / "refused", "-m", *words, *QUICK)
    assert refused.status != 0
    done = train(store, tmp_path / "sweep", "-m", *words[:3], *QUICK)
    assert done.status == 0, done.output
    conself = train(store, tmp_path / "conself", "tau=0.7", *QUICK).results
    for found in jobs(tmp_path / "sweep"):
        assert found["pairs"] == found["matched_pairs"] == conself["pairs"] > 0
        assert found["artifacts"]["matched/pair"] == conself["artifacts"]["pair"]
        scores = read_records(store / "score" / found["artifacts"]["score/driver"], Uncertainty, "uncertainty")
        value = {u.problem_id: u.value for u in scores if u.value is not None}
        chosen = {p.problem_id for p in pairs(store, found["artifacts"]["pair"])}
        able = {p.problem_id for p in pairs(store, methods["wo_cc"]["artifacts"]["pair"])}
        highest = max(value[name] for name in chosen)
        assert all(value[name] >= highest for name in (able & value.keys()) - chosen), "lowest first"


@pytest.fixture(scope="module")
def rounds(whole: Job, store: Path, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """Two rounds, in a store where the first one is known."""
    assert whole.status == 0
    return train(store, tmp_path_factory.mktemp("rounds"), "rounds=2", "tracking=csv")


def test_a_round_starts_where_the_last_one_ended(rounds: Job, whole: Job, store: Path) -> None:
    results = rounds.results
    first, second = results["rounds"]
    assert {key: first["artifacts"][key] for key in whole.results["artifacts"]} == whole.results["artifacts"]
    assert first["benchmarks"] == whole.results["benchmarks"]
    assert second["benchmarks"]["minipy"]["base"] == first["benchmarks"]["minipy"]["tuned"]
    assert results["benchmarks"]["minipy"]["base"] == first["benchmarks"]["minipy"]["base"]
    assert results["benchmarks"]["minipy"]["tuned"] == second["benchmarks"]["minipy"]["tuned"]
    assert first["artifacts"]["problems"] == second["artifacts"]["problems"]
    for stage in ("sample", "execute", "agree", "score/naive_semantic_entropy", "select", "pair", "fit"):
        assert first["artifacts"][stage] != second["artifacts"][stage], "the new model's own pool"
    assert results["stopped"] is None
    for number, found in ((1, first), (2, second)):
        link = rounds.folder / "artifacts" / f"round{number}" / "fit"
        assert link.resolve() == (store / "fit" / found["artifacts"]["fit"]).resolve()
    assert "round2/train/loss" in (rounds.folder / "csv" / "metrics.csv").read_text().splitlines()[0]


@pytest.mark.slow
def test_killed_in_its_second_round_it_ends_with_the_same_figures(rounds: Job, tmp_path: Path) -> None:
    store = tmp_path / "store"
    words = command(store, tmp_path / "killed", "rounds=2", "tracking=none")
    job = subprocess.Popen(words, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while len(list(store.glob("sample/*"))) + len(list(store.glob("sample/.*.partial"))) < 3:  # a lock file, too
        assert job.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(job.pid, signal.SIGKILL)
    job.wait(timeout=60)
    again = train(store, tmp_path / "again", "rounds=2", "tracking=none").results
    kept = ("rounds", "benchmarks", "artifacts", "pairs", "metrics", "stopped")
    for name in kept[1:]:
        assert again[name] == rounds.results[name]


@pytest.mark.slow
def test_a_later_round_without_anything_to_learn_from_ends_the_rounds(store: Path, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    words = ("~curriculum.tau", "curriculum._target_=tests.e2e.once.Once", f"+curriculum.marker={marker}", *QUICK)
    done = train(store, tmp_path / "run", "rounds=3", *words)
    results = done.results
    assert len(results["rounds"]) == 1
    assert results["stopped"].startswith("round 2 has nothing to learn from: the curriculum keeps no problem")
    assert results["benchmarks"] == results["rounds"][0]["benchmarks"]
    pool = results["stopped_round"]
    assert pool["metrics"].keys() == results["rounds"][0]["metrics"].keys()
    assert pool["metrics"]["crash_rate"]["n"] == 60
    assert pool["metrics"] != results["rounds"][0]["metrics"], "of the second round's own pool"
    assert results["artifacts"]["round2/sample"] == pool["artifacts"]["sample"] != results["artifacts"]["round1/sample"]
    assert results["seconds"]["sample"] == results["rounds"][0]["seconds"]["sample"] + pool["seconds"]["sample"]


@pytest.mark.slow
def test_fewer_pairs_than_matched_asks_for_are_told(store: Path, tmp_path: Path) -> None:
    done = train(store, tmp_path / "run", "experiment=self_sft", "pipeline/matched=conself", *QUICK)
    found = done.results
    assert found["pairs"] < found["matched_pairs"]
    assert f"{found['pairs']} pairs, where matched asks for {found['matched_pairs']}: there are no more" in done.output


@pytest.mark.slow
def test_voters_answer_beside_greedy(store: Path, tmp_path: Path) -> None:
    results = train(store, tmp_path / "run", "voters.n=3", *QUICK).results
    for who in ("base", "tuned"):
        side = results["benchmarks"]["minipy"][who]
        folder = store / "evaluate" / results["artifacts"][f"evaluate/minipy/{who}_voters"]
        verdicts = {v.problem_id: v.passed for v in read_verdicts(folder / "verdicts.jsonl")}
        assert {len(passed) for passed in verdicts.values()} == {3}
        assert side["sampled"]["value"] == pytest.approx(sum(map(sum, verdicts.values())) / 180)
        assert side["pass@k"]["3"]["value"] == pytest.approx(sum(map(any, verdicts.values())) / 60)
        right = sum(by_hand(pool, verdicts[pool.problem.id]) for pool in answered(folder))
        assert side["consensus@k"]["3"]["value"] == pytest.approx(right / 60)
        assert side["sampled"]["value"] <= side["pass@k"]["3"]["value"]
    assert "consensus@3" in (output := train(store, tmp_path / "again", "voters.n=3", *QUICK).output), output


def by_hand(pool: Pool, passed: tuple[bool, ...]) -> bool:
    """Whether the first answer of highest consensus score is right."""
    scores = consensus_scores(trace_keys(pool, Comparison(True, "by_type", "digits", 6, True)))
    return max(scores) > 0 and passed[scores.index(max(scores))]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("rounds=0",), "rounds must be an int of at least 1, got 0"),
        (("rounds=2", "model.quantization=nf4"), "quantization"),
        (("voters.n=1",), "voters.n must be an int of 2 or more"),
        (("behaviour.constant_crashes_from=1",), "constant_crashes_from must be at least 2"),
    ],
)
def test_what_cannot_be_is_told_before_any_work(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    job = train(tmp_path / "store", tmp_path / "run", *words, "tracking=none")
    assert job.status == 2
    assert message in job.output
    assert not list((tmp_path / "store").glob("*/*"))
