"""Run folders as the pipeline leaves them, made by hand: figures by conself's own functions, tables as real Parquet."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from conself.agreement.behaviour import Behaviour
from conself.agreement.traces import Agreement, agreement_of
from conself.pairings.build import pairs_of
from conself.pairings.winner_and_losers import WinnerAndLosers
from conself.rankings.consensus import Consensus
from conself.records import Candidate, Outcome, Pool, PreferencePair, Problem, Status, Trace, Uncertainty, Verdict
from conself.results.benchmarks import benchmark_figures
from conself.results.pool_figures import golden_by_tau, judged_pairs, metric_figures, pair_figures
from conself.store.tables import write_agreement, write_json, write_records, write_traces, write_verdicts

# Six problems, four candidates each: (its output on both inputs, - for a crash; which are right; entropy; nll).
# Entropies: 4 alike 0; 3 + 1 .562; 2 + 2 .693; 2 + 1 + 1 1.040; all apart 1.386; one alive: undefined.
PROBLEMS: dict[str, tuple[str, str, float | None, float]] = {
    "p0": ("aaaa", "1111", 0.0, 0.1),
    "p1": ("aaab", "1110", 0.5623351446188083, 0.3),
    "p2": ("aabb", "1100", 0.6931471805599453, 0.2),
    "p3": ("aabc", "0000", 1.0397207708399179, 0.4),
    "p4": ("abcd", "0000", 1.3862943611198906, 0.25),
    "p5": ("a---", "0000", None, 0.5),
}
STEPS = 4
PARTS = Consensus(Behaviour(False, None)), WinnerAndLosers(max_losers=3, crashed_fill=True)


def bits(text: str, start: int = 0) -> list[Verdict]:
    """``"101"`` as verdicts on q0, q1, q2, one answer each."""
    return [Verdict(f"q{start + i}", "", (bit == "1",)) for i, bit in enumerate(text)]


def write_run(
    folder: Path,
    method: str = "conself",
    seed: int = 0,
    base: str = "1100",
    tuned: str = "1110",
    words: Sequence[str] = (),
    config: Mapping[str, Any] | None = None,
    choices: Mapping[str, str] | None = None,
    extra: Mapping[str, Any] | None = None,
    pool: bool = True,
) -> Path:
    """One finished run: results.json, config.yaml, .hydra, and artifacts (a pool only if ``pool``)."""
    settings = {"model": {"name": "x/tiny"}, "sampler": {"seed": seed}, "tau": 0.6, "seed": seed, **(config or {})}
    write_hydra(folder, settings, [f"experiment={method}", f"seed={seed}", *words], choices or {})
    OmegaConf.save(OmegaConf.create({"method": method, **settings}), folder / "config.yaml")
    results: dict[str, Any] = {
        "method": method,
        "pairs": 10,
        "golden_rate": 0.5,
        "tau": settings["tau"] if method != "wo_cc" else None,
        "training": {"steps": STEPS},
        "problems": {"total": 6, "eligible": 5, "kept": 3, "dropped": {}},
        "benchmarks": {"minipy": benchmark_figures(bits(base), bits(tuned))},
        "seconds": {"fit": 2.0},
        "artifacts": {"execute": f"execute-{seed}"},
        "metrics": {},
    }
    for side, text in (("base", base), ("tuned", tuned)):
        place = folder / "artifacts" / "evaluate" / "minipy" / side
        place.mkdir(parents=True)
        write_verdicts(place / "verdicts.jsonl", bits(text))
    if pool:
        results |= write_pool(folder / "artifacts")
    write_json(folder / "results.json", {**results, **(extra or {})})
    return folder


def write_steps(folder: Path, rows: Sequence[Mapping[str, float]]) -> None:
    """What a training on rollouts leaves in the artifacts of a run folder: a line for each step."""
    place = folder / "artifacts" / "reinforce"
    place.mkdir(parents=True)
    (place / "steps.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def write_hydra(folder: Path, settings: Mapping[str, Any], words: Sequence[str], choices: Mapping[str, str]) -> None:
    """What Hydra leaves when a job starts; alone it is an unfinished job."""
    place = folder / ".hydra"
    place.mkdir(parents=True)
    OmegaConf.save(OmegaConf.create(dict(settings)), place / "config.yaml")
    OmegaConf.save(OmegaConf.create(list(words)), place / "overrides.yaml")
    OmegaConf.save(OmegaConf.create({"hydra": {"runtime": {"choices": dict(choices)}}}), place / "hydra.yaml")


def write_pool(artifacts: Path) -> dict[str, Any]:
    """The artifacts of a pool of ``PROBLEMS`` and of a training on it; returns its part of results.json."""
    pools = [_pool(name, outputs) for name, (outputs, _, _, _) in PROBLEMS.items()]
    agreed = {pool.problem.id: agreement_of(_keys(PROBLEMS[pool.problem.id][0])) for pool in pools}
    passed = {name: tuple(bit == "1" for bit in right) for name, (_, right, _, _) in PROBLEMS.items()}
    pairs = [pair for pool in pools for pair in _pairs(pool, agreed[pool.problem.id])]
    judged = judged_pairs(((pool, agreed[pool.problem.id]) for pool in pools), *PARTS, passed)
    entropy = [_value(name, "code_semantic_entropy", row[2]) for name, row in PROBLEMS.items()]
    scores = {
        "code_semantic_entropy": entropy,
        "nll": [_value(name, "nll", row[3]) for name, row in PROBLEMS.items()],
    }
    for stage in ("problems", "sample", "execute", "agree", "verify", "select", "pair", "fit", "score/driver"):
        (artifacts / stage).mkdir(parents=True)
    write_records(artifacts / "problems" / "problems.parquet", Problem, [pool.problem for pool in pools])
    candidates = [candidate for pool in pools for candidate in pool.candidates]
    write_records(artifacts / "sample" / "candidates-0.parquet", Candidate, candidates)
    write_traces(artifacts / "execute" / "traces-0.parquet", [pool.traces for pool in pools], {})
    write_agreement(artifacts / "agree" / "agreement-0.parquet", agreed)
    write_verdicts(artifacts / "verify" / "verdicts.jsonl", [Verdict(i, "", p) for i, p in passed.items()])
    write_records(artifacts / "score" / "driver" / "uncertainty-0.parquet", Uncertainty, entropy)
    for name, rows in scores.items():
        (artifacts / "score" / name).mkdir()
        write_records(artifacts / "score" / name / "uncertainty-0.parquet", Uncertainty, rows)
    write_records(artifacts / "pair" / "pairs.parquet", PreferencePair, pairs)
    write_json(artifacts / "select" / "selection.json", {"kept": ["p1"], "dropped": {}, "minimum": 0.0})
    steps = [{"loss": 1.0 / (i + 1), "margin": float(i), "accuracy": i / STEPS} for i in range(STEPS)]
    (artifacts / "fit" / "steps.json").write_text(json.dumps(steps))
    return {
        **pair_figures(pairs, passed),
        "metrics": {name: metric_figures(rows, passed) for name, rows in scores.items()},
        "golden_by_tau": golden_by_tau(scores, judged, passed),
        "selectors": {"consensus": {"accuracy": 0.5, "n": 6}, "random": {"accuracy": 0.375, "n": 6}},
        "entropy_range": [0.0, 1.3862943611198906],
    }


def _pairs(pool: Pool, agreement: Agreement) -> list[PreferencePair]:
    found, texts = pairs_of(pool, agreement, *PARTS), [candidate.text for candidate in pool.candidates]
    return [
        PreferencePair(
            pool.problem.id, "prompt", texts[winner], texts[loser], winner, loser, found.ranked.winner_weight
        )
        for winner, loser in found.pairs
        if loser is not None
    ]


def _keys(outputs: str) -> list[list[str | None]]:
    return [[None if output == "-" else output] * 2 for output in outputs]


def _pool(name: str, outputs: str) -> Pool:
    problem = Problem(name, f"Say {name}.", "", "f", ("(1,)", "(2,)"), "hand", "")
    candidates = [
        Candidate(name, i, None, f"text {i} of {output}", f"code {i}", "stop", 0.1, 0.1, 15, 3)
        for i, output in enumerate(outputs)
    ]
    outcomes = [Outcome(Status.EXCEPTION, "") if o == "-" else Outcome(Status.OK, repr(o)) for o in outputs]
    return Pool(problem, candidates, [Trace(name, i, (outcome, outcome)) for i, outcome in enumerate(outcomes)])


def _value(name: str, metric: str, value: float | None) -> Uncertainty:
    return Uncertainty(name, metric, value, None if value is not None else "fewer than 3 live candidates")
