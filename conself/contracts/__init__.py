"""The contract of every part, with an example that a test runs and type-checks: read this after the README.

A part is a class with settings as its fields. To add one, write a file with the class, and a YAML in the group's folder
below ``conf/`` whose ``_target_`` names it; that is all. A part need not inherit from its protocol;
:func:`conself.runtime.parts.build` checks each class, and reports a misfit in one line. Each contract has a longer
docstring in its own folder. The examples share two candidates, one of which is right:

>>> from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
>>> from dataclasses import dataclass
>>> from statistics import fmean
>>> from typing import TYPE_CHECKING, ClassVar, Self
>>> from conself.contracts.names import *
>>> if TYPE_CHECKING:  # settings are checked before torch is imported
...     from transformers import PreTrainedModel
>>> problem = Problem("add", "Add two numbers.", "", "add", ("(1, 2)", "(2, 2)"), "mine", "easy")
>>> def sampled(index: int, code: str) -> Candidate:
...     return Candidate("add", index, None, f"```python\\n{code}\\n```", code, "stop", 0.5, None, None, len(code))
>>> def trace(index: int, *values: str) -> Trace:
...     return Trace("add", index, tuple(Outcome(Status.OK, value) for value in values))
>>> codes = "def add(a, b): return a + b", "def add(a, b): return a * b"
>>> pool = Pool(problem, [sampled(0, codes[0]), sampled(1, codes[1])], [trace(0, "3", "4"), trace(1, "2", "4")])
>>> agreement = agreement_of([["3", "4"], ["2", "4"]])

**Dataset** (``conf/dataset/``): problems, and oracles of those whose right outputs are known.

>>> class Doubling:
...     def __call__(self) -> Iterator[Problem | Rejected]:
...         yield Problem("double", "Double a number.", "", "double", ("(1,)", "(2,)"), "mine", "easy")
...     def oracles(self) -> Iterator[Oracle]:
...         yield Oracle("double", ("2", "4"))
...     def statements(self) -> Iterator[str]:
...         yield "Double a number."
...     def fingerprint(self) -> str:
...         return "doubling, version 1"
>>> dataset: Dataset = Doubling()

**Benchmark** (``conf/benchmark/``): problems to answer, with their judge. Any data set with oracles can be one.

>>> benchmark: Benchmark = DatasetBenchmark(dataset, Comparison(True, "by_value", "tolerance", 6, True))
>>> benchmark().judge([(benchmark().problems[0], [Trace("double", 0, trace(0, "2", "4").outcomes)])], workers=1)
{'double': [True]}

**PromptStyle** (``conf/prompts/``): the texts that present a problem to a model.

>>> class Terse:
...     stop = ("# end",)
...     def wording(self, problem: Problem) -> tuple[Texts, dict[str, str]]:
...         return Texts("{n} hints: {statement}", "{statement}", "{statement} {observation}"), {
...             "statement": problem.statement
...         }
...     def turns(self, text: str) -> list[Message]:
...         return [{"role": "user", "content": text}]
>>> prompts: PromptStyle = Terse()
>>> program_messages(prompts, problem, None)
[{'role': 'user', 'content': 'Add two numbers.'}]

**Sampler** (``conf/sampler/``): what to ask for each problem, and how replies become candidates.

>>> class Twice(Sampler):
...     @property
...     def demand(self) -> Demand:
...         return Demand(samples=2, tokens=512)
...     def __call__(self, problems: Sequence[Problem], complete: Complete) -> Iterator[list[Candidate]]:
...         asks = [Ask(program_messages(prompts, problem, None), (0, 1)) for problem in problems]
...         decoding = Decoding(1.0, 0.95, 512, 20, prompts.stop)
...         for problem, replies in zip(problems, complete(asks, decoding), strict=True):
...             yield [candidate(problem, k, None, reply, decoding) for k, reply in enumerate(replies)]
>>> sampler: Sampler = Twice()

**Engine** (``conf/engine/``): completes chats, wherever the model runs.

>>> class Canned(Engine):
...     loads_model = False
...     runtime = OneCall()
...     def fingerprint(self, model: ModelRef | None) -> str:
...         return "canned, version 1"
...     def draw(
...         self, problems: Iterable[Problem], flow: Flow, demand: Demand, model: ModelRef | None
...     ) -> Iterator[list[Candidate]]:
...         def complete(asks: Sequence[Ask], decoding: Decoding) -> list[list[Reply]]:
...             return [[Reply(pool.candidates[k].text, "stop", None, None, 9) for k in ask.seeds] for ask in asks]
...         yield from flow(list(problems), complete)
>>> engine: Engine = Canned()
>>> [[drawn.index for drawn in group] for group in Asking(sampler, engine)([problem], None)]
[[0, 1]]

**Proposer** (``conf/proposer/``): how a model is asked to write problems, and how its answers are read.

>>> class Sums(Proposer):
...     problems = 1
...     max_asks = 4
...     sieve = Sieve(near_duplicate=0.7, ngram_words=5, shared_words=10)
...     demand = Demand(samples=1, tokens=256)
...     def briefs(self, first: int, count: int) -> list[Brief]:
...         return [Brief(f"ask/{number}", "sums", "numbers", None) for number in range(first, first + count)]
...     def __call__(self, briefs: Sequence[Brief], complete: Complete) -> Iterator[list[Answered]]:
...         asks = [Ask(prompts.turns(f"Invent an exercise about {brief.topic}."), (0,)) for brief in briefs]
...         for (reply,) in complete(asks, Decoding(1.0, 0.95, 256, 20, prompts.stop)):
...             yield [Answered("propose", reply)]
...     def read(self, brief: Brief, answered: Sequence[Answered]) -> Proposal:
...         own = Problem(f"mine/{brief.id}", answered[0].reply.text, "", "total", ("([1],)",), "mine", "")
...         return Proposal(brief, problem=own)
>>> proposer: Proposer = Sums()
>>> proposer.read(proposer.briefs(0, 1)[0], [Answered("propose", Reply("Add.", "stop", None, None, 2))]).brief.id
'ask/0'

**Amplification** (``conf/amplification/``): proposes further inputs of a problem, and chooses those to keep.

>>> class OneMore:
...     def propose(self, problem: Problem) -> Sequence[NewInput]:
...         return [NewInput("(0, 0)", parent=0, operators=("zeros",))]
...     def admit(self, agreement: Agreement, tried: Keys) -> Sequence[str | None]:
...         return [None if all(column) else "some candidate crashes" for column in zip(*tried)]
>>> amplification: Amplification = OneMore()
>>> amplification.admit(agreement, [["0", None], ["0", "7"]])
[None, 'some candidate crashes']

**Metric** (``conf/metric/``): the model's uncertainty about a problem; higher is more uncertain.

>>> class MeanLength:
...     def __call__(self, pool: Pool, agreement: Agreement) -> float | Undefined:
...         lengths = [candidate.n_tokens for candidate in pool.candidates]
...         return fmean(lengths) if lengths else Undefined("no candidates")
>>> metric: Metric = MeanLength()
>>> metric(pool, agreement)
27.0

**Grouping** (``conf/texts/grouping/``), for metrics of texts: groups texts of equal meaning. ``over`` yields progress.

>>> class BySpelling:
...     def over(self, pools: Sequence[Sequence[str]]) -> Steps[list[list[int]]]:
...         yield sum(map(len, pools))
...         return [[sorted(set(texts)).index(text) for text in texts] for texts in pools]
>>> grouping: Grouping = BySpelling()
>>> finished(grouping.over([["b", "a", "b"]]))
[[1, 0, 1]]

**Curriculum** (``conf/curriculum/``): selects the problems to train on, by the metric that drives it.

>>> class Undecided:
...     def __call__(self, uncertainties: Sequence[Uncertainty]) -> Selection:
...         low, high, normalised = normalise(uncertainties)
...         dropped = {u.problem_id: "certain" for u in uncertainties if not u.value}
...         kept = tuple(u.problem_id for u in uncertainties if u.value)
...         return Selection(kept, False, dropped, low, high, normalised)
>>> curriculum: Curriculum = Undecided()
>>> curriculum([Uncertainty("add", "nll", 0.7, None), Uncertainty("double", "nll", 0.0, None)]).kept
('add',)

**Ranking** (``conf/ranking/``): orders candidates, without an oracle.

>>> class Shortest:
...     gives_weight: ClassVar[bool] = False
...     def __call__(self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None) -> Ranked:
...         size = len(pool.candidates)
...         order = by_score([-len(candidate.text) for candidate in pool.candidates], range(size))
...         return chosen(order, size, order[0], (), None) if order else nobody(size, "no candidates")
>>> ranking: Ranking = Shortest()
>>> ranking(pool, agreement, None).solutions  # both are equally short
(0, 1)

**Pairing** (``conf/pairing/``): pairs winners with losers, by indices alone.

>>> class WinnerAndLast:
...     gives_losers: ClassVar[bool] = True
...     def __call__(self, ranked: Ranked, programs: Sequence[Hashable]) -> list[IndexPair]:
...         return [] if ranked.winner is None or not ranked.losers else [(ranked.winner, ranked.losers[0])]
>>> pairing: Pairing = WinnerAndLast()
>>> pairing(chosen(((1,), (0,)), 2, (1,), (), None), codes)
[(1, 0)]

**Loss** (``conf/loss/``): losses from the log-probabilities of response tokens, and the units of their mean.

>>> class Unlikely:
...     needs_reference: ClassVar[bool] = False
...     needs_losers: ClassVar[bool] = False
...     needs_weight: ClassVar[bool] = False
...     needs_rollouts: ClassVar[bool] = False
...     mean_over: ClassVar[MeanOver] = "tokens"
...     def __call__(self, policy: LogProbs, reference: LogProbs | None, signal: Signal) -> LossOutput:
...         return LossOutput(losses=-policy.of(signal.rows.flatten()), diagnostics={})
>>> loss: Loss = Unlikely()

**Reward** (``conf/reward/``): the reward of each response sampled for a step of training, without an oracle.
**TesterReward** (``conf/tester_reward/``): the reward of each reply in which a model wrote tests of a problem.

>>> class Alive:
...     needs_tests: ClassVar[bool] = False
...     def __call__(
...         self, pool: Pool, agreement: Agreement, passing: PassingMatrix | None, progress: float
...     ) -> Sequence[float]:
...         return [0.0 if crashed else 1.0 for crashed in agreement.crashed]
>>> reward: Reward = Alive()
>>> reward(pool, agreement, None, progress=0.5)
[1.0, 1.0]
>>> class Kills:
...     needs_mutants: ClassVar[bool] = True
...     def __call__(self, evidence: Evidence, progress: float) -> Sequence[float]:
...         return [float(sum(row[test] for row in evidence.kills for test in reply)) for reply in evidence.replies]
>>> tester_reward: TesterReward = Kills()

**Update** (``conf/online/update/``): decides which role learns in which step of a training run with testers.

>>> class CoderFirst:
...     trains_testers: ClassVar[bool] = True
...     def __call__(self, step: int) -> list[str]:
...         return ["solver"] if step < 10 else ["solver", "tester"]
>>> update: Update = CoderFirst()

**Calibration** (``conf/calibration/``): B4's prior before each step, by verdicts on a few problems that it keeps.

>>> class Kept:
...     labels: ClassVar[str] = "calibration"
...     def fingerprint(self) -> str:
...         return "none"
...     def labelled(self, problems: Sequence[Problem], seed: int) -> list[Problem]:
...         return list(problems[:10])
...     def __call__(
...         self, pools: Sequence[Pool], matrices: Mapping[str, PassingMatrix], previous: Prior, workers: int
...     ) -> tuple[Prior, float]:
...         return previous, 0.0
>>> calibration: Calibration = Kept()

**Guard** (``conf/guard/``): decides when such a training run stops, by its policy's behaviour on held-out problems.

>>> @dataclass(frozen=True)
... class Enough:
...     held_out: int
...     every: int
...     consensus: float
...     def __call__(self, probes: Sequence[Probe]) -> Assessment:
...         done = probes[-1].winner_consensus >= self.consensus
...         return Assessment(len(probes) - 1, "the winners agree" if done else None)
>>> guard: Guard = Enough(held_out=20, every=10, consensus=0.9)
>>> guard([Probe(0, winner_consensus=0.5, distinct_traces=4.0, constant=0.0, code_chars=60.0, like_first=0.4)])
Assessment(best=0, why=None)

**Tuning** (``conf/training/``): which weights are trained, and how they are saved.

>>> class NormsOnly(Full):
...     def __call__(self, ref: ModelRef, device: str, seed: int) -> Policy:
...         policy = super().__call__(ref, device, seed)
...         for name, weights in policy.model.named_parameters():
...             weights.requires_grad_("norm" in name)
...         return policy
>>> tuning: Tuning = NormsOnly()
>>> tuning.folder, tuning.adapter()
('model', None)

**Layout** (``conf/training/layout/``): how examples become rows of tokens. It changes speed and memory, not numbers.

>>> @dataclass(frozen=True)
... class OneByOne:
...     token_budget: int
...     def prepare(self, model: PreTrainedModel, examples: Sequence[Example]) -> None: ...
...     def cut(self, examples: Sequence[Example]) -> list[list[Example]]:
...         return [[example] for example in examples]
...     def lay(self, examples: Sequence[Example]) -> MicroBatch:
...         return PairsLayout(self.token_budget).lay(examples)
>>> layout: Layout = OneByOne(token_budget=4096)

**Sharing** (``conf/training/strategy/``): how several devices share the work on a model.

>>> class AllReduce(DDP):
...     takes_quantized: ClassVar[bool] = False
>>> sharing: Sharing = AllReduce()

**Executor** (``conf/executor/``): runs the tasks of a job. It changes speed, not results.

>>> class InThisProcess(Here):
...     def __enter__(self) -> Self:
...         return self
...     def __exit__(self, *_: object) -> None: ...
...     def sized(self, workers: int, threads: int = 1) -> Self:
...         return self
...     def machines(self) -> Self:
...         return self
...     def warm(self, modules: Sequence[str]) -> None: ...
...     def release(self) -> None: ...
...     def release_others(self) -> None: ...
>>> executor: Executor = InThisProcess(threads=1)
>>> list(executor.run(range, [(2,), (3,)]))
[0, 1, 0, 1, 2]

**Tracker** (``conf/tracking/``): where curves and figures go.

>>> class Printed(NoTracker):
...     def summarise(self, figures: Mapping[str, float]) -> None:
...         print(dict(figures))
>>> tracker: Tracker = Printed()
>>> tracker.summarise({"metrics/nll/auc": 0.5})
{'metrics/nll/auc': 0.5}
"""

from __future__ import annotations  # of the examples, which run with this module's imports

from conself.contracts import names
from conself.contracts.names import *  # noqa: F403

__all__ = names.__all__
