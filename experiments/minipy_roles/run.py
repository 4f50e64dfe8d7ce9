"""The checkpoint with roles, role by role: ``python -m experiments.minipy_roles.run``; see README.md.

Proposals and tests are drawn at temperature 1, programs greedily; on one thread figures repeat to the last digit.
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.utils import instantiate
from omegaconf import DictConfig

import conself.app.job  # noqa: F401  # its resolvers are named in conf/
from conself.benchmarks.minipy import MiniPyBenchmark
from conself.engines.decoding import Decoding, sample_seed
from conself.engines.engine import Ask
from conself.engines.transformers.engine import Runtime, complete_chats
from conself.minipy.compositions import Steps, identity, starter_code, statement
from conself.minipy.pretraining.turns import Turn
from conself.minipy.randomness import generator
from conself.minipy.roles.corpus import Asks
from conself.minipy.roles.inputs import MIXED, SORTS
from conself.minipy.roles.proposals import TOPICS, read_proposal
from conself.minipy.roles.reading import read
from conself.minipy.splits import split
from conself.prompts.prompts import PromptStyle, program_messages
from conself.records import ModelRef, Trace
from conself.runtime.parts import build
from conself.samplers.code_blocks import extract_code
from conself.sandbox import Job, Limits, execute
from experiments.minipy_roles.figures import Written, of_proposals, of_tests, share

HERE = Path(__file__).parent
CONF = HERE.parents[1] / "conf"
SPLITS = {"train": 800, "validation": 600, "test": 1000}
PER_LENGTH = 100
RUNTIME = Runtime(batch_size=256, device="cpu", processes=1, shards_per_task=1, threads=1)
SAMPLED, GREEDY = Decoding(1.0, 1.0, 320, 1), Decoding(0.0, 1.0, 320, 1)


def configured(name: str, *words: str) -> DictConfig:
    """One of the configs of conf/."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(name, list(words))


def said(model: ModelRef, asks: Sequence[Ask], drawn: Decoding) -> list[str]:
    """The first reply to each ask."""
    return [replies[0].text for replies in complete_chats(model, RUNTIME, asks, drawn)]


def given(turns: Sequence[Turn]) -> set[str]:
    """The identities of all chains of the splits and of the pre-training corpus, in whatever role."""
    tasks = [problem.statement for name, size in SPLITS.items() for problem, _ in split(name, size, 0)]
    for turn in turns:
        tasks.append(turn.messages[-1]["content"].split("\n")[0])
        tasks.append(read_proposal(turn.completion).task or "")
    return {identity(steps) for steps in map(read, tasks) if steps is not None}


def proposals(model: ModelRef, count: int, asks: Asks, prompts: PromptStyle) -> list[tuple[str, str]]:
    """``count`` proposals with their topics, each topic in its turn."""
    topics = [TOPICS[index % len(TOPICS)] for index in range(count)]
    chats = [
        Ask(prompts.turns(asks.propose.format(topic=topic)), (sample_seed(0, "propose", str(index), 0),))
        for index, topic in enumerate(topics)
    ]
    return list(zip(topics, said(model, chats, SAMPLED), strict=True))


def held_out() -> list[Steps]:
    """``PER_LENGTH`` chains of one, two and three known steps each, of the validation split."""
    chains = [read(problem.statement) for problem, _ in split("validation", 3000, 0) if problem.difficulty == "own"]
    return [
        steps
        for length in (1, 2, 3)
        for steps in [steps for steps in chains if steps is not None and len(steps) == length][:PER_LENGTH]
    ]


def tests(model: ModelRef, asks: Asks, prompts: PromptStyle, drawn: Decoding) -> list[Written]:
    """A reply of each sort for each chain of :func:`held_out`."""
    rng, chats, wanted = generator("minipy roles measured"), list[Ask](), list[tuple[Steps, str]]()
    for number, steps in enumerate(held_out()):
        text = statement(steps, rng)
        for sort in (*SORTS, MIXED):
            ask = asks.tests.format(statement=text, starter_code=starter_code(steps), sort=sort)
            chats.append(Ask(prompts.turns(ask), (sample_seed(0, sort, str(number), 0),)))
            wanted.append((steps, sort))
    return [Written(steps, sort, reply) for (steps, sort), reply in zip(wanted, said(model, chats, drawn), strict=True)]


def pass_at_1(model: ModelRef, name: str, limits: Limits, prompts: PromptStyle, config: DictConfig) -> float:
    """The greedy pass@1 on a split."""
    task = MiniPyBenchmark(name, SPLITS[name], 0, instantiate(config.comparison))()
    replies = said(model, [Ask(program_messages(prompts, p, None), (0,)) for p in task.problems], GREEDY)
    codes = {p.id: extract_code(text, p.entry_point) for p, text in zip(task.problems, replies, strict=True)}
    jobs = [Job(p.id, (codes[p.id],), p.entry_point, p.inputs) for p in task.problems]
    traces = {result.job.id: Trace(result.job.id, 0, result.rows[0]) for result in execute(jobs, limits, workers=2)}
    verdicts = task.judge([(problem, [traces[problem.id]]) for problem in task.problems], workers=1)
    return share(sum(right for (right,) in verdicts.values()), len(verdicts))


def measured(folder: Path, count: int) -> Iterator[tuple[str, object]]:
    """Name and figures of each role, as they are there."""
    model = ModelRef(str(folder), None, None, "float32", "sdpa", None)
    roles, train = configured("pretrain_roles"), configured("train", "model=minipy_roles")
    prompts, asks = build(roles.prompts, PromptStyle), build(roles.corpus.asks, Asks)
    limits = instantiate(train.sandbox, _convert_="all")
    for name in ("validation", "test"):
        yield f"pass@1 {name}", pass_at_1(model, name, limits, prompts, train)
    yield "tests, sampled", of_tests(tests(model, asks, prompts, SAMPLED))
    yield "tests, greedy", of_tests(tests(model, asks, prompts, GREEDY))
    drawn = proposals(model, count, asks, prompts)
    turns = list(instantiate(roles.corpus, _convert_="all")(prompts=prompts))
    yield "proposals", of_proposals(drawn, given(turns))
    yield "first proposals", [reply for _, reply in drawn[:8]]


def main() -> None:
    """Measure, show and write results.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=CONF.parent / "conself" / "minipy" / "roles" / "checkpoint")
    parser.add_argument("--proposals", type=int, default=300)
    parser.add_argument("--out", type=Path, default=HERE / "results.json")
    arguments = parser.parse_args()
    if not (arguments.model / "config.json").is_file():
        parser.error(f"--model: {arguments.model} holds no checkpoint")
    results: dict[str, object] = {}
    for name, figures in measured(arguments.model, arguments.proposals):
        results[name] = figures
        print(name, json.dumps(figures, indent=1), flush=True)
        arguments.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
