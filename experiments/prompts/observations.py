"""Requests for observations alone, without programs: ``python -m experiments.prompts.observations --requests F ...``.

The file is YAML, texts by name with the fields of ``observe`` in conf/prompts/default.yaml; words after ``--`` are
those of ``conself.train``. For each it prints the shares of README.md, on the first ``--problems`` of the data set.
"""

import argparse
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import OmegaConf

from conself.benchmarks.dataset import DatasetBenchmark
from conself.engines.engine import Complete, Demand, Engine
from conself.records import Candidate, ModelRef, Problem
from conself.samplers.guided import Guided, observe
from conself.sandbox.terminal import answer_interrupts
from experiments.prompts.__main__ import chosen, configured
from experiments.prompts.figures import equal_and_echoed

HEADING = re.compile(r"[^.:`]{3,40}:")
"""How an observation begins that has a title, of whatever words."""


def main() -> None:
    """Draw the lists of each request, and print a line for each as it is done."""
    args = _arguments()
    answer_interrupts()
    config = configured(args.words, "default")
    model, sampler = instantiate(config.model), instantiate(config.sampler, _convert_="all")
    engine = instantiate(config.engine, _convert_="all")
    task = DatasetBenchmark(instantiate(config.dataset, _convert_="all"), instantiate(config.comparison))()
    problems = chosen(task, args.problems, None)
    requests: Any = OmegaConf.to_container(OmegaConf.load(args.requests))
    for name, text in requests.items():
        kinds = {kind: replace(getattr(sampler.prompts, kind), observe=text) for kind in ("function", "stdin")}
        lists = drawn(replace(sampler, prompts=replace(sampler.prompts, **kinds)), engine, problems, model)
        print(f"{name}: {line(lists)}", flush=True)


def line(lists: Sequence[Sequence[str]]) -> str:
    """The shares of the observations on each problem, in words."""
    texts = [text for listed in lists for text in listed]
    if not texts:
        return f"no observation on any of {len(lists)} problems"
    equal, kinds = equal_and_echoed(lists).values()
    headed = sum(HEADING.match(text) is not None for text in texts) / len(texts)
    return (
        f"equal {equal:.3f}, a kind as heading {kinds:.3f}, any heading {headed:.2f}, {len(texts)} observations on "
        f"{len(lists)} problems"
    )


def drawn(sampler: Guided, engine: Engine, problems: Sequence[Problem], model: ModelRef) -> list[list[str]]:
    """The observations on each problem, as sampling would draw them."""
    found: list[list[str]] = []

    def flow(window: Sequence[Problem], complete: Complete) -> Iterator[list[Candidate]]:
        for listed in observe(window, sampler.plan(), complete):
            found.append([hint for hint in listed.hints if hint is not None])
            yield []

    list(engine.draw(problems, flow, Demand(1, sampler.max_observation_tokens), model))
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m experiments.prompts.observations", description=__doc__)
    parser.add_argument("--requests", type=Path, required=True, metavar="FILE")
    parser.add_argument("--problems", type=int, default=60, metavar="N")
    parser.add_argument("words", nargs="*", metavar="key=value", help="of conself.train, after --")
    return parser.parse_args()


if __name__ == "__main__":
    main()
