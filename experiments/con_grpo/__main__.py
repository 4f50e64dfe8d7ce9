"""What trainings on rollouts say: ``python -m experiments.con_grpo runs/con_grpo --out experiments/con_grpo``.

Runs are made without a guard, with probes, and with weights kept on the way; what a guard would have done follows from
the probes, for it only stops: the weights that it keeps are among those that answered the benchmark.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from conself.guards.collapse import CollapseGuard
from conself.guards.guard import Probe
from conself.online.curve import probes_of


@dataclass(frozen=True)
class Training:
    """One run: its name, its rows, and pass@1 and pass@k by steps."""

    name: str
    reward: str
    seed: int
    rows: list[dict[str, float]]
    points: list[dict[str, Any]]
    tokens: dict[str, int]

    @classmethod
    def of(cls, path: Path) -> "Training":
        """The run in a file that ``experiments.con_grpo.run`` has written."""
        found = json.loads(path.read_text())
        return cls(path.stem, found["reward"], found["seed"], found["rows"], found["points"], found["tokens"])

    def at(self, step: int) -> dict[str, Any]:
        """How the weights after so many steps, or the last that were kept before, answer."""
        return [point for point in self.points if point["step"] <= step][-1]

    @property
    def last(self) -> int:
        """The number of steps of the last weights."""
        return int(self.points[-1]["step"])


def guarded(training: Training, guard: CollapseGuard) -> tuple[int, int | None, str | None]:
    """The step whose weights are kept, the step at which the guard stops (None: it does not), and why."""
    probes: list[Probe] = []
    for probe in probes_of(training.rows):
        probes.append(probe)
        found = guard(probes)
        if found.why is not None:
            return probes[found.best].step, probe.step, found.why
    return training.last, None, None


def line(training: Training, guard: CollapseGuard) -> dict[str, Any]:
    """One row of the table: before, at the peak, at the end, and with the guard."""
    kept, stopped, why = guarded(training, guard)
    peak = max(training.points, key=lambda point: point["pass@1"])
    probes = probes_of(training.rows)
    return {
        "run": training.name,
        "reward": training.reward,
        "seed": training.seed,
        "steps": training.last,
        "base": _pass(training.points[0]),
        "peak": {"step": peak["step"], **_pass(peak)},
        "last": _pass(training.points[-1]),
        "guarded": {"step": kept, "stopped": stopped, "why": why, **_pass(training.at(kept))},
        "when_stopped": None if stopped is None else _pass(training.at(stopped)),
        "traces": [probes[0].distinct_traces, probes[-1].distinct_traces],
        "consensus": [probes[0].winner_consensus, probes[-1].winner_consensus],
        "code_chars": [probes[0].code_chars, probes[-1].code_chars],
        "constant": [probes[0].constant, probes[-1].constant],
        "tokens": training.tokens,
    }


def _pass(point: dict[str, Any]) -> dict[str, float]:
    """pass@1 of the greedy answer; where samples were drawn, of one of them (``sampled``) and of any (pass@15)."""
    return {name: value for name, value in point.items() if name != "step"}


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as Markdown."""
    heads = ["run", "reward", "steps", "pass@1 base", "peak (step)", "last", "stopped at", "kept (step)"]
    heads += ["sampled pass@1 base", "last", "pass@15 base", "last", "traces first", "last"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in rows:
        kept, stopped = row["guarded"], row["guarded"]["stopped"]
        cells = [
            row["run"], row["reward"], str(row["steps"]), f"{row['base']['pass@1']:.3f}",
            f"{row['peak']['pass@1']:.3f} ({row['peak']['step']})", f"{row['last']['pass@1']:.3f}",
            "-" if stopped is None else str(stopped), f"{kept['pass@1']:.3f} ({kept['step']})",
            *(_number(row[side].get(name)) for name in ("sampled", "pass@15") for side in ("base", "last")),
            *(f"{value:.2f}" for value in row["traces"]),
        ]  # fmt: skip
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def main() -> None:
    """Read the runs, print the table, and write it with all its numbers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path, help="the folder that experiments.con_grpo.run wrote to")
    parser.add_argument("--out", type=Path, required=True, help="a folder for guard.json and guard.md")
    args = parser.parse_args()
    found = sorted(args.runs.glob("*.json"))
    if not found:
        raise SystemExit(f"no finished run in {args.runs}; make some with python -m experiments.con_grpo.run")
    settings = OmegaConf.to_container(OmegaConf.load(Path(__file__).parents[2] / "conf" / "guard" / "collapse.yaml"))
    assert isinstance(settings, dict)
    guard = CollapseGuard(**{str(key): value for key, value in settings.items() if key != "_target_"})
    rows = [line(Training.of(path), guard) for path in found]
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "guard.json").write_text(json.dumps(rows, indent=1) + "\n")
    (args.out / "guard.md").write_text(table(rows))
    print(table(rows))


if __name__ == "__main__":
    main()
