"""Trainings on rollouts of the embedded model, one after the other in this process, with their held-out answers.

``python -m experiments.con_grpo.run --reward consensus --seeds 1 2 3 --out runs/con_grpo WORDS``; WORDS are those of
``conself.train experiment=con_grpo``. Each is made without a guard, with probes, and its weights are kept every few
steps; all of these answer held-out problems, greedily and by samples. What is in ``--out`` is not made again.
"""

import argparse
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig
from rich.console import Console

import conself.app.job  # noqa: F401  # registers what the YAMLs use
from conself.agreement.behaviour import Behaviour
from conself.agreement.comparison import Comparison
from conself.benchmarks.task import Benchmark, Task
from conself.datasets.dataset import Dataset
from conself.datasets.validation import sift
from conself.engines.decoding import sample_seed
from conself.engines.transformers.engine import Runtime, TransformersEngine
from conself.engines.transformers.ledger import Request
from conself.guards.guard import Guard
from conself.losses.output import Loss
from conself.online.groups import Grading
from conself.online.loop import reinforce
from conself.online.rollouts import Prompts, Rollouts
from conself.online.settings import Loop, Method
from conself.online.snapshots import snapshots
from conself.pipelines.pipeline import resolved
from conself.prompts.prompts import PromptStyle
from conself.records import ModelRef, Verdict
from conself.rewards.reward import Reward
from conself.runtime.parts import build
from conself.sandbox.jobs import Limits
from conself.statistics.pass_rates import pass_rates
from conself.store.artifacts import write_whole
from conself.store.curves import read_curve
from conself.training.settings import Training

CONF = Path(__file__).parents[2] / "conf"
CORES = 2
VOTERS = 15
ENGINE = TransformersEngine(Runtime(batch_size=256, device="cpu", processes=1, shards_per_task=1, threads=1))


def main() -> None:
    """Train and evaluate what is not there yet; a line and a file for each training."""
    args = _arguments()
    torch.set_num_threads(1)  # more are of no use to a model of this size
    for seed in args.seeds:
        path = args.out / f"{args.name or args.reward}-{seed}.json"
        if path.is_file():
            continue
        began = time.perf_counter()
        words = [
            f"reward={args.reward}",
            f"seed={seed}",
            f"guard.held_out={args.held_out}",
            f"guard.every={args.every}",
        ]
        config = _config([*words, f"loop.snapshot_every={args.every}", *args.words])
        found = _trained(config, args.out / "work" / path.stem, args.sampled, args.answers)
        found |= {"reward": args.reward, "seed": seed, "words": args.words, "seconds": time.perf_counter() - began}
        args.out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(found)
        write_whole(path, lambda temporary, text=text: temporary.write_text(text))  # type: ignore[misc]
        shutil.rmtree(args.out / "work" / path.stem)
        passed = [f"{point['pass@1']:.3f}" for point in found["points"]]
        print(f"{path.stem}: pass@1 {passed[:1]} -> {passed[-1:]}, {found['seconds']:.0f} s", flush=True)


def _config(words: Sequence[str]) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return resolved(compose("train", ["experiment=con_grpo", *words]))


def _trained(config: DictConfig, out: Path, sampled: Sequence[int], answers: bool) -> dict[str, Any]:
    """The rows of a training, and with ``answers`` how its weights answer by steps.

    They do so by samples as well at the ends and at ``sampled``.
    """
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    model, style = build(config.model, ModelRef), build(config.prompts, PromptStyle)
    method = _method(config)
    problems, _ = sift(build(config.dataset, Dataset)())
    report = reinforce(problems, model, style, method, out, Console(quiet=True), None)
    tokens = {name: getattr(report, f"{name}_tokens") for name in ("sampled", "trained", "probe")}
    found = {"rows": read_curve(out), "points": [], "tokens": tokens, "phases": report.phases}
    if not answers:
        return found
    (benchmark,) = (build(node, Benchmark) for node in config.benchmark.values())
    exam = Exam(benchmark(), model, style, method)
    last = report.steps
    places = {0: None, **{step: path / "adapter" for step, path in snapshots(out).items()}, last: out / "adapter"}
    points = [{"step": step, **exam(place, step in (0, last, *sampled))} for step, place in sorted(places.items())]
    return found | {"points": points}


def _method(config: DictConfig) -> Method:
    compared, counted = build(config.comparison, Comparison), build(config.behaviour, Behaviour)
    grading = Grading(build(config.sandbox, Limits), CORES, compared, counted, build(config.reward, Reward))
    parts = build(config.loop, Loop), build(config.rollouts, Rollouts), grading, build(config.guard, Guard)
    return Method(*parts, build(config.loss, Loss), build(config.training, Training), config.seed)


@dataclass(frozen=True)
class Exam:
    """A benchmark's problems, answered by the model with an adapter."""

    task: Task
    model: ModelRef
    style: PromptStyle
    method: Method

    def __call__(self, adapter: Path | None, sampled: bool) -> dict[str, float]:
        """Greedy pass@1, and of ``VOTERS`` samples pass@1 and pass@15."""
        ref = replace(self.model, adapter=None if adapter is None else str(adapter))
        greedy = self._verdicts(ref, 1, 0.0)
        found = {"pass@1": _mean(pass_rates(greedy, 1))}
        if sampled:
            drawn = self._verdicts(ref, VOTERS, 1.0)
            found |= {"sampled": _mean(pass_rates(drawn, 1)), f"pass@{VOTERS}": _mean(pass_rates(drawn, VOTERS))}
        return found

    def _verdicts(self, ref: ModelRef, n: int, temperature: float) -> list[Verdict]:
        problems = list(self.task.problems)
        prompts = Prompts.of(problems, self.model, self.style, 512)
        how = replace(self.method.rollouts.decoding(self.style.stop), temperature=temperature)
        asked = [Request(prompts.ids[p.id], tuple(sample_seed(0, "exam", p.id, k) for k in range(n))) for p in problems]
        drawn = ENGINE.tokens(asked, how, ref)
        rollouts = [
            [prompts.rollout(problem.id, index, completion) for index, completion in enumerate(group)]
            for problem, group in zip(problems, drawn, strict=True)
        ]
        with self.method.grading.ready() as grading:
            groups, _ = grading(problems, rollouts, 0.0)
        passed = self.task.judge([(group.pool.problem, group.pool.traces) for group in groups], CORES)
        return [Verdict(problem.id, problem.difficulty, tuple(passed[problem.id])) for problem in problems]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reward", choices=["consensus", "majority"], required=True)
    parser.add_argument("--seeds", type=int, nargs="+", required=True)
    parser.add_argument("--name", help="of the files, in place of the reward's")
    parser.add_argument("--held-out", type=int, default=40)
    parser.add_argument("--every", type=int, default=5, help="steps from one probe, and from one snapshot, to the next")
    parser.add_argument("--sampled", type=int, nargs="*", default=[], help="steps whose weights answer by samples, too")
    parser.add_argument("--no-answers", dest="answers", action="store_false", help="train and probe, do not evaluate")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("words", nargs="*", help="words of conself.train")
    return parser.parse_args()


if __name__ == "__main__":
    main()
