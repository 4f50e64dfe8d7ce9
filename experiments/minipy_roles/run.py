"""The checkpoint with roles, role by role: ``python -m experiments.minipy_roles.run``; see README.md.

Proposals and tests are drawn at temperature 1, programs greedily; on one thread figures repeat to the last digit.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
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
from conself.sandbox import Job, execute
from experiments.minipy_roles.figures import Figures, Written, of_proposals, of_tests, share

HERE = Path(__file__).parent
CONF = HERE.parents[1] / "conf"
SPLITS = {"train": 800, "validation": 600, "test": 1000}
PER_LENGTH = 60
RUNTIME = Runtime(batch_size=256, device="cpu", processes=1, shards_per_task=1, threads=1)
SAMPLED, GREEDY = Decoding(1.0, 1.0, 320, 1), Decoding(0.0, 1.0, 320, 1)


def configured(name: str, *words: str) -> DictConfig:
    """One of the configs of conf/."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose(name, list(words))


@dataclass(frozen=True)
class Subject:
    """A checkpoint, how it is asked, and how many proposals are wanted."""

    model: ModelRef
    roles: DictConfig
    proposals: int

    @property
    def prompts(self) -> PromptStyle:
        """The coder's prompts."""
        return build(self.roles.prompts, PromptStyle)

    @property
    def asks(self) -> Asks:
        """The texts that ask for the other roles."""
        return build(self.roles.corpus.asks, Asks)

    def said(self, asks: Sequence[Ask], drawn: Decoding) -> list[str]:
        """The first reply to each ask."""
        return [replies[0].text for replies in complete_chats(self.model, RUNTIME, asks, drawn)]


def given(turns: Sequence[Turn]) -> set[str]:
    """The identities of all chains of the splits and of the pre-training corpus, in whatever role."""
    tasks = [problem.statement for name, size in SPLITS.items() for problem, _ in split(name, size, 0)]
    for turn in turns:
        tasks.append(turn.messages[-1]["content"].split("\n")[0])
        tasks.append(read_proposal(turn.completion).task or "")
    return {identity(steps) for steps in map(read, tasks) if steps is not None}


def proposer(subject: Subject) -> Figures:
    """Proposals, each topic in its turn."""
    prompts, propose = subject.prompts, subject.asks.propose
    topics = [TOPICS[index % len(TOPICS)] for index in range(subject.proposals)]
    chats = [
        Ask(prompts.turns(propose.format(topic=topic)), (sample_seed(0, "propose", str(index), 0),))
        for index, topic in enumerate(topics)
    ]
    replies = subject.said(chats, SAMPLED)
    turns = list(instantiate(subject.roles.corpus, _convert_="all")(prompts=prompts))
    return {**of_proposals(list(zip(topics, replies, strict=True)), given(turns)), "first": [*replies[:8]]}


def held_out() -> list[Steps]:
    """``PER_LENGTH`` chains of one, two and three known steps each, of the validation split."""
    chains = [read(problem.statement) for problem, _ in split("validation", 3000, 0) if problem.difficulty == "own"]
    return [
        steps
        for length in (1, 2, 3)
        for steps in [steps for steps in chains if steps is not None and len(steps) == length][:PER_LENGTH]
    ]


def tester(drawn: Decoding, subject: Subject) -> Figures:
    """A reply of each sort for each chain of :func:`held_out`."""
    rng, chats, wanted = generator("minipy roles measured"), list[Ask](), list[tuple[Steps, str]]()
    prompts, template = subject.prompts, subject.asks.tests
    for number, steps in enumerate(held_out()):
        text = statement(steps, rng)
        for sort in (*SORTS, MIXED):
            ask = template.format(statement=text, starter_code=starter_code(steps), sort=sort)
            chats.append(Ask(prompts.turns(ask), (sample_seed(0, sort, str(number), 0),)))
            wanted.append((steps, sort))
    replies = subject.said(chats, drawn)
    return of_tests([Written(*of, reply) for of, reply in zip(wanted, replies, strict=True)])


def coder(subject: Subject) -> Figures:
    """The greedy pass@1 on validation and test."""
    config = configured("train", "model=minipy_roles")
    limits, comparison = instantiate(config.sandbox, _convert_="all"), instantiate(config.comparison)
    figures, prompts = Figures(), subject.prompts
    for name in ("validation", "test"):
        task = MiniPyBenchmark(name, SPLITS[name], 0, comparison)()
        chats = [Ask(program_messages(prompts, problem, None), (0,)) for problem in task.problems]
        replies = subject.said(chats, GREEDY)
        codes = [extract_code(text, p.entry_point) for p, text in zip(task.problems, replies, strict=True)]
        jobs = [Job(p.id, (code,), p.entry_point, p.inputs) for p, code in zip(task.problems, codes, strict=True)]
        traces = {ran.job.id: Trace(ran.job.id, 0, ran.rows[0]) for ran in execute(jobs, limits, workers=2)}
        verdicts = task.judge([(problem, [traces[problem.id]]) for problem in task.problems], workers=1)
        figures[name] = share(sum(right for (right,) in verdicts.values()), len(verdicts))
    return figures


PARTS: dict[str, Callable[[Subject], Figures]] = {
    "coder": coder,
    "tests": partial(tester, SAMPLED),
    "tests_greedy": partial(tester, GREEDY),
    "proposals": proposer,
}


def main() -> None:
    """Measure, show and write results.json; parts that are not asked for stay in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=CONF.parent / "conself" / "minipy" / "roles" / "checkpoint")
    parser.add_argument("--parts", nargs="+", choices=tuple(PARTS), default=tuple(PARTS))
    parser.add_argument("--proposals", type=int, default=300)
    parser.add_argument("--out", type=Path, default=HERE / "results.json")
    arguments = parser.parse_args()
    if not (arguments.model / "config.json").is_file():
        parser.error(f"--model: {arguments.model} holds no checkpoint")
    results = json.loads(arguments.out.read_text()) if arguments.out.is_file() else {}
    model = ModelRef(str(arguments.model), None, None, "float32", "sdpa", None)
    subject = Subject(model, configured("pretrain_roles"), arguments.proposals)
    for part in arguments.parts:
        results[part] = PARTS[part](subject)
        print(part, json.dumps(results[part], indent=1), flush=True)
        arguments.out.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
