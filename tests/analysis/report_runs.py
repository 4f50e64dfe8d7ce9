"""Run folders by hand, with artifacts: a small pool of which every cluster, score and verdict is known."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from conself.agreement.traces import agreement_of
from conself.records import Candidate, Outcome, PreferencePair, Problem, Status, Trace, Uncertainty, Verdict
from conself.store.tables import write_agreement, write_json, write_records, write_traces, write_verdicts

HOSTILE = '</script><img src=x onerror="window.hacked=1"><script>window.hacked=1</script>&lt;\u2028\'"`${1}`'
K = 5
METRICS = ("entropy", "nll")


def ok(value: object) -> Outcome:
    return Outcome(Status.OK, json.dumps(value))


CRASH = Outcome(Status.EXCEPTION, "ZeroDivisionError")


def make_problem(number: int) -> Problem:
    """A call problem with two inputs; number 0 has a hostile statement and input."""
    if number == 0:
        return Problem("p/<b>0", HOSTILE, HOSTILE, "f", (f"({HOSTILE!r},)", "(2,)"), "hand", "easy")
    text = f"Add {number} to x.\nGive the sum."
    return Problem(f"p/{number:05d}", text, "def f(x):", "f", ("(1,)", "(2,)"), "hand", "own")


def make_candidates(problem: Problem, number: int) -> list[Candidate]:
    code = HOSTILE if number == 0 else f"def f(x):\n    # add\n    return x + {number}\n"
    return [
        Candidate(problem.id, i, "Think." if i else None, f"text {i}", code, "stop", 0.1 * (i + 1), 0.2, 15, 9)
        for i in range(K)
    ]


def make_traces(problem: Problem, number: int) -> list[Trace]:
    """Three candidates agree, one differs on the second input, one crashes; of number 0 the outputs are hostile."""
    first: object = HOSTILE if number == 0 else number + 1
    agree, other = (ok(first), ok(number + 2)), (ok(first), ok([1, 2]))
    rows = [agree, agree, other, (CRASH, CRASH), agree]
    return [Trace(problem.id, i, row) for i, row in enumerate(rows)]


def make_pool(store: Path, seed: int, size: int) -> dict[str, Path]:
    """The artifacts of one pool of ``size`` problems; entropy is the problem's number / size, the last is undefined."""
    key = f"{seed}".ljust(64, "0")
    at = {name: store / name / key for name in ("problems", "sample", "execute", "agree", "verify")}
    at |= {f"score/{label}": store / "score" / f"{seed}{i}".ljust(64, "0") for i, label in enumerate(METRICS)}
    for folder in at.values():
        folder.mkdir(parents=True)
        write_json(folder / "manifest.json", {})
    problems = [make_problem(n) for n in range(size)]
    candidates = [make_candidates(p, n) for n, p in enumerate(problems)]
    traces = [make_traces(p, n) for n, p in enumerate(problems)]
    keys = [[[o.value if o.status is Status.OK else None for o in t.outcomes] for t in group] for group in traces]
    agreed = {p.id: agreement_of(k) for p, k in zip(problems, keys, strict=True)}
    write_records(at["problems"] / "problems.parquet", Problem, problems)
    for start in range(0, size, 4):
        part = slice(start, start + 4)
        write_records(
            at["sample"] / f"candidates-{start:07d}-4.parquet",
            Candidate,
            [c for group in candidates[part] for c in group],
        )
        write_traces(at["execute"] / f"traces-{start:07d}-4.parquet", traces[part], {})
        ids = [p.id for p in problems[part]]
        write_agreement(at["agree"] / f"agreement-{start:07d}-4.parquet", {i: agreed[i] for i in ids})
    for label in METRICS:
        rows = [Uncertainty(p.id, label, (n + 1) / size, None) for n, p in enumerate(problems)]
        rows[-1] = Uncertainty(problems[-1].id, label, None, "fewer than 3 programs ran")
        write_records(at[f"score/{label}"] / "uncertainty-0000000-4.parquet", Uncertainty, rows)
    passed = ((False,) * K, (True, True, False, False, True))
    verdicts = [Verdict(p.id, "", passed[n % 2]) for n, p in enumerate(problems)]
    write_verdicts(at["verify"] / "verdicts.jsonl", verdicts)
    return at


def make_selection(store: Path, name: str, ids: Sequence[str], kept: Sequence[str]) -> dict[str, Path]:
    """A selection that keeps ``kept``, and one pair (0 over 2) of each problem kept."""
    at = {stage: store / stage / f"{name:0>64}" for stage in ("select", "pair")}
    for folder in at.values():
        folder.mkdir(parents=True, exist_ok=True)
    dropped = {i: "certain" for i in ids if i not in kept}
    normalised = {i: n / len(ids) for n, i in enumerate(ids)}
    selection = {"kept": list(kept), "dropped": dropped, "minimum": 0.0, "maximum": 1.0, "normalised": normalised}
    write_json(at["select"] / "selection.json", selection)
    pairs = [PreferencePair(i, HOSTILE, HOSTILE, HOSTILE, 0, 2, 1.0) for i in kept]
    write_records(at["pair"] / "pairs.parquet", PreferencePair, pairs)
    return at


def make_run(folder: Path, links: Mapping[str, Path], method: str, seed: int, tuned: float, **config: Any) -> None:
    """A finished job: results.json, config.yaml (JSON is YAML), overrides, links to artifacts."""
    (folder / ".hydra").mkdir(parents=True)
    words = [f"experiment={method}", f"seed={seed}", *(f"{key}={value}" for key, value in config.items())]
    write_json(folder / ".hydra" / "overrides.yaml", words)
    settings = {"method": method, "seed": seed, "metrics": {"entropy": {"a": 1}, "nll": {"a": 2}}, "metric": {"a": 1}}
    model = {"model": {"name": "tiny"}, "dataset": {"_target_": "conself.datasets.minipy.MiniPy"}}
    write_json(folder / "config.yaml", settings | model | config)
    write_json(folder / "results.json", results(method, tuned, links))
    for name, target in links.items():
        link = folder / "artifacts" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(target, target_is_directory=True)


def results(method: str, tuned: float, links: Mapping[str, Path]) -> dict[str, Any]:
    base = {"pass@1": 0.4, "n": 100, "ci95": [0.3, 0.5]}
    both = {"base": base, "tuned": base | {"pass@1": tuned}, "relative_improvement": tuned / 0.4 - 1, "p": 0.03}
    figures = {"n": 8, "auc": 0.8, "pearson": [-0.5, 0.01], "spearman": [-0.4, 0.02], "kendall": [-0.3, 0.03]}
    return {
        "method": method,
        "problems": {"total": 8, "eligible": 7, "kept": 3, "dropped": {}},
        "pairs": 3,
        "golden_rate": 0.5,
        "tau": 0.3,
        "entropy_range": [0.0, 1.0],
        "metrics": {"entropy": figures, "nll": figures | {"auc": 0.6}},
        "benchmarks": {"minipy": both | {"fixed": 5, "broken": 1}},
        "seconds": {"sample": 1.0},
        "artifacts": {name: target.name for name, target in links.items()},
        "versions": {"python": "3.11"},
    }


def make_sweep(root: Path, size: int = 8) -> Path:
    """Two methods with two seeds each: runs of one seed share a pool, the methods differ in what they keep."""
    sweep, store = root / "multirun", root / "store"
    for seed in (1, 2):
        pool = make_pool(store, seed, size)
        ids = [make_problem(n).id for n in range(size)]
        for job, (method, kept, gain) in enumerate((("conself", ids[1:4], 0.1), ("self_dpo", ids, -0.05))):
            chosen = make_selection(store, f"{seed}{job}", ids, kept)
            make_run(sweep / f"{2 * (seed - 1) + job}", pool | chosen, method, seed, 0.4 + gain + seed / 100)
    write_json(sweep / "multirun.yaml", {})
    return sweep
