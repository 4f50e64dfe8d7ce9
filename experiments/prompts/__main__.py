"""Several wordings of the prompts on the same problems with one model: see README.md.

``python -m experiments.prompts --wordings NAME NAME ... [--problems N] ... [key=value ...]``: the words without dashes
are those of ``conself.train``, and choose model and data set. Writes results.json, table.md, and a file per wording.
"""

import argparse
import gzip
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from joblib import cpu_count
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

import conself.app.job  # noqa: F401  # its resolvers are named in conf/
from conself.agreement.jobs import job_of
from conself.benchmarks.dataset import DatasetBenchmark
from conself.benchmarks.task import Task
from conself.executors.executor import Executor
from conself.executors.local import LocalExecutor
from conself.models.dtypes import with_dtypes
from conself.pipelines.sampling import sample_into
from conself.records import Candidate, Pool, Problem, Trace
from conself.runtime.console import new_console
from conself.runtime.places import make_folder
from conself.samplers.sampler import Asking
from conself.sandbox import execute
from conself.sandbox.terminal import answer_interrupts
from conself.store.tables import each_shard
from experiments.prompts.figures import Answered, differences, figures, table
from experiments.prompts.kept import Measured, read, write

HERE = Path(__file__).parent
CONF = HERE.parents[1] / "conf"


def configured(words: Sequence[str], wording: str) -> DictConfig:
    """A run's config with the prompts of one wording: of ``wordings/``, on top of the default, or of conf/prompts.

    Raises:
        SystemExit: there is no such wording.
    """
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", list(words))
    own, default = HERE / "wordings" / f"{wording}.yaml", CONF / "prompts" / f"{wording}.yaml"
    if not (own if own.is_file() else default).is_file():
        names = sorted(path.stem for folder in (own.parent, default.parent) for path in folder.glob("*.yaml"))
        raise SystemExit(f"error: there is no wording {wording!r}; choose of {', '.join(names)}")
    prompts = OmegaConf.load(own if own.is_file() else default)
    if "_target_" not in prompts:
        prompts = OmegaConf.merge(OmegaConf.load(CONF / "prompts" / "default.yaml"), prompts)
    OmegaConf.set_struct(config, False)
    config.prompts = prompts
    return with_dtypes(config)[0]


def chosen(task: Task, count: int, without: Path | None) -> list[Problem]:
    """The first ``count`` problems that have inputs and whose ids are not among the ``task_id`` of ``without``."""
    seen: set[str] = set()
    if without is not None:
        with gzip.open(without, "rt") if without.suffix == ".gz" else without.open() as file:
            seen = {str(json.loads(line)["task_id"]) for line in file if line.strip()}
    return [problem for problem in task.problems if problem.id not in seen and problem.inputs][:count]


@dataclass(frozen=True)
class Drawing:
    """What draws, and where it shows how far it is."""

    executor: Executor
    console: Console


def answer(
    config: DictConfig, problems: Sequence[Problem], answers: int, observations: int, bench: Drawing, drawn_in: Path
) -> tuple[list[list[Candidate]], int]:
    """``answers`` to the direct prompt, or with observations so many to each of them, at the sampler's temperature.

    They lie in a folder of ``drawn_in`` as they are drawn. Also returned: how many problems a killed command had drawn.
    """
    model, sampler = instantiate(config.model), instantiate(config.sampler, _convert_="all")
    if observations:
        drawn = replace(sampler, n_observations=observations, programs_per_observation=answers)
    else:
        heat = sampler.program_temperature
        decoder = instantiate(config.decoder, _convert_="all")
        drawn = replace(
            decoder, n=answers, temperature=heat, top_p=sampler.program_top_p, max_new_tokens=sampler.max_new_tokens
        )
    asking = Asking.of(drawn, instantiate(config.engine, _convert_="all"))
    facts = [repr(drawn), asking.engine.fingerprint(model), [problem.id for problem in problems]]
    folder = drawn_in / sha256(json.dumps(facts).encode()).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    resumed = sample_into(bench, folder, "candidates", drawn_in.name, asking, model, problems)
    rows = (candidate for shard in each_shard(folder, "candidates", Candidate) for candidate in shard)
    groups = [list(group) for _, group in groupby(rows, key=attrgetter("problem_id"))]
    return groups, resumed.get("drawn_before", 0)


def judged(config: DictConfig, task: Task, problems: Sequence[Problem], drawn: Sequence[list[Candidate]]) -> Any:
    """The answers run on the problems' inputs, and judged."""
    jobs = [job_of(p, (c.code for c in group)) for p, group in zip(problems, drawn, strict=True)]
    limits = instantiate(config.sandbox, _convert_="all")
    rows = {result.job.id: result.rows for result in execute(jobs, limits, config.executor.workers)}
    ran = [(p, [Trace(p.id, index, row) for index, row in enumerate(rows[p.id])]) for p in problems]
    passed = task.judge(ran, config.executor.workers)
    return [
        Answered(Pool(problem, group, traces), tuple(passed[problem.id]))
        for (problem, traces), group in zip(ran, drawn, strict=True)
    ]


def main() -> None:
    """Sample, run, judge and compare; a killed command goes on from the last problem that was drawn."""
    args = _arguments()
    answer_interrupts()
    try:
        out = make_folder(args.out, "--out")
    except OSError as error:
        raise SystemExit(f"error: {error}") from None
    configs = {name: configured(args.words, name) for name in args.wordings}  # a wrong one is told before any work
    first = next(iter(configs.values()))
    task = DatasetBenchmark(instantiate(first.dataset, _convert_="all"), instantiate(first.comparison))()
    problems = chosen(task, args.problems, args.without)
    if not problems:
        raise SystemExit("error: no problem is left; ask for more, or leave out --without")
    with LocalExecutor(cpu_count()) as executor:
        measure(args, out, configs, problems, task, Drawing(executor, new_console(stderr=True)))
    print((out / "table.md").read_text(), end="")


def measure(
    args: argparse.Namespace,
    out: Path,
    configs: Mapping[str, DictConfig],
    problems: Sequence[Problem],
    task: Task,
    bench: Drawing,
) -> None:
    """Take the figures of each wording, in turn; the table is written after each."""
    found: dict[str, Measured] = {}
    for name, config in configs.items():
        asked = {
            "prompts": OmegaConf.to_container(config.prompts, resolve=True),
            "words": args.words,
            "problems": [problem.id for problem in problems],
            "drawn": [args.observations, args.answers],
        }
        path = out / "wordings" / f"{name}.json"
        measured = read(path, asked)
        if measured is None:
            started = time.perf_counter()
            drawn_in = out / "drawn" / name
            drawn, before = answer(config, problems, args.answers, args.observations, bench, drawn_in)
            answered = judged(config, task, problems, drawn)
            took = {"seconds": None if before else time.perf_counter() - started, "drawn_before": before}
            comparison = instantiate(config.comparison)
            measured = Measured.of(answered, {**figures(answered, comparison, args.answers), **took})
            write(path, asked, measured)
        found[name] = measured
        seconds = measured.figures["seconds"]
        print(f"{name}: {'resumed' if seconds is None else f'{seconds:.0f} s'}", file=sys.stderr, flush=True)
        tell(out, args.words, found)


def tell(out: Path, words: Sequence[str], found: Mapping[str, Measured]) -> None:
    """Write results.json and table.md of the wordings that are there, all but the first beside the first."""
    first, *others = found
    against = {name: differences(found[first].verdicts, found[name].verdicts) for name in others}
    rows = {name: measured.figures for name, measured in found.items()}
    results = {"words": [*words], "wordings": rows, "against_the_first": against}
    (out / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    (out / "table.md").write_text(table(rows, against))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m experiments.prompts", description=__doc__)
    parser.add_argument("--wordings", nargs="+", required=True, metavar="NAME", help="the first is compared with")
    parser.add_argument("--problems", type=int, default=60, metavar="N")
    parser.add_argument("--answers", type=int, default=2, metavar="K", help="to each problem, or to each observation")
    parser.add_argument("--observations", type=int, default=0, metavar="O", help="0: the direct prompt")
    parser.add_argument("--without", type=Path, metavar="FILE", help="JSON lines whose task_id are left out")
    parser.add_argument("--out", type=Path, default=HERE, metavar="DIR")
    parser.add_argument("words", nargs="*", metavar="key=value", help="of conself.train, after --")
    return parser.parse_args()


if __name__ == "__main__":
    main()
