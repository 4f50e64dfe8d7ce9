"""Have the model write tests before training, and find which candidates pass them, for a curriculum that uses it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from omegaconf import DictConfig, OmegaConf

from conself.agreement.comparison import Comparison
from conself.generated_tests.generated_test import GeneratedTest, ReadTests
from conself.generated_tests.passing import columns, distinct_inputs, passing_matrix
from conself.generated_tests.reader import TestReader, input_key
from conself.pipelines import stages
from conself.pipelines.context import Context, give_back, tell
from conself.pipelines.parts import Drawing
from conself.pipelines.pools import PassingRow, Pools, PoolShard, by_problem, row_of
from conself.pipelines.sampling import sample_into, without_room
from conself.pipelines.shards import cut, missing, write_shards
from conself.pipelines.stage import Summary, Work, stage
from conself.records import Candidate, ModelRef, Outcome, Problem
from conself.results import names
from conself.runtime.parts import build
from conself.store.artifacts import Artifact
from conself.store.tables import read_records, read_shard, write_records

CUT = "length"


def crossed(context: Context, config: DictConfig, model: ModelRef, pools: Pools) -> Artifact:
    """Find which candidates of ``pools`` pass which tests that ``model`` writes of their problems -> passing-*.parquet.

    ``config`` holds testing, rollouts, prompts, engine, sandbox, comparison and seed; replies are sampled with the
    settings of testers in a training step.
    """
    replies = write_tests(context, names.WRITE_TESTS, writer(config, model), pools.problems)
    tests = tested(context, names.READ_TESTS, config.testing.reader, pools.problems, replies)
    traces = stages.execute(context, names.RUN_TESTS, config.sandbox, tests, pools.candidates)
    return _cross(context, names.PASS, config.comparison, config.testing.column, pools, tests, traces)


def writer(config: DictConfig, model: ModelRef) -> Drawing:
    """Return the sampler of tests with the settings of testers and the job's engine."""
    testing, rollouts = config.testing, config.rollouts
    node = {
        "_target_": "conself.samplers.tester.Tester",
        "n": testing["n"],
        "temperature": rollouts.temperature,
        "top_p": rollouts.top_p,
        "max_new_tokens": testing.max_new_tokens,
        "entropy_top_k": 1,
        "seed": config.seed,
        "cases": testing.reader.max_cases,
        "texts": testing.prompts,
        "prompts": config.prompts,
    }
    return Drawing.of(OmegaConf.create(node), config.engine, model)


@stage("write_tests", version=1)
def write_tests(work: Work, sampler: Drawing, problems: Artifact) -> Summary:
    """Sample replies with tests of each problem -> replies-*.parquet; summary: replies, tokens, and cut replies."""
    give_back()
    loaded = read_records(problems.path, Problem, "problems")
    asked = (work.folder, "replies", "writing tests", sampler.part, sampler.model, loaded)
    resumed = sample_into(work.context, *asked)
    sampled = read_records(work.folder, Candidate, "replies")
    cut_off = sum(reply.finish_reason == CUT for reply in sampled)
    tokens = sum(reply.n_tokens for reply in sampled)
    counts = {"replies": len(sampled), "tokens": tokens, "cut_at_limit": cut_off, "no_room": without_room(sampled)}
    return counts | resumed


@stage("read_tests", version=2)
def tested(work: Work, reader: DictConfig, problems: Artifact, replies: Artifact) -> Summary:
    """Read the tests in each problem's replies -> tests-*.parquet, and problems-*.parquet with their new inputs only.

    Summary: replies without a test that has an expected output, tests, and rejected tests by reason.
    """
    part, unparsable, rejected = build(reader, TestReader), 0, Counter[str]()
    by_id = by_problem(read_records(replies.path, Candidate, "replies"))
    extended: list[Problem] = []
    tests: list[list[GeneratedTest]] = []
    for problem in read_records(problems.path, Problem, "problems"):
        read = read_all(part, problem, by_id.get(problem.id, ()))
        unparsable += sum(not claiming([each]) for each in read)
        for each in read:
            rejected.update({reason.value: n for reason, n in each.rejected.items()})
        tests.append(claiming(read))
        extended.append(_with_inputs(problem, tests[-1]))
    write_shards(work.folder, "problems", Problem, cut(extended))
    write_shards(work.folder, "tests", GeneratedTest, [[t for one in group for t in one] for group in cut(tests)])
    count = sum(map(len, tests))
    tell(work.context, f"{count} tests that the model wrote", {_NOTHING: unparsable} if unparsable else {})
    return {"tests": count, "unparsable": unparsable, "rejected": dict(rejected)}


_NOTHING = "replies in which no test can be read"


def read_all(reader: TestReader, problem: Problem, replies: Sequence[Candidate]) -> list[ReadTests]:
    """Return the tests of each reply; a reply cut off at the token limit has none."""
    return [
        ReadTests((), {}) if reply.finish_reason == CUT else reader.of_reply(problem, number, reply.text)
        for number, reply in enumerate(replies)
    ]


def claiming(read: Iterable[ReadTests]) -> list[GeneratedTest]:
    """Return the tests that have an expected output, reply by reply."""
    return [test for each in read for test in each.tests if test.expected is not None]


def _with_inputs(problem: Problem, tests: Sequence[GeneratedTest]) -> Problem:
    """Return the problem with only those inputs of its tests that are not its own inputs."""
    is_stdin = problem.entry_point is None
    own = {input_key(text, is_stdin) for text in problem.inputs}
    new = [text for text in distinct_inputs(tests, is_stdin) if input_key(text, is_stdin) not in own]
    return replace(problem, inputs=tuple(new))


@dataclass(frozen=True)
class _Ran:
    """A shard of pools on the problems' own inputs, and the same candidates on the new inputs of tests."""

    own: PoolShard
    more: PoolShard


@stage("cross", version=1)
def _cross(
    work: Work, comparison: DictConfig, column: str, pools: Pools, tested: Artifact, tested_traces: Artifact
) -> Summary:
    """Compare the outputs of candidates with the outputs that tests expect -> passing-*.parquet."""
    part, total = build(comparison, Comparison), 0
    more = Pools(tested, pools.candidates, tested_traces).shards()
    both = [_Ran(own, other) for own, other in zip(pools.shards(), more, strict=True)]
    for shard, path in missing(work.folder, "passing", both):
        name = shard.more.problems.name.replace("problems", "tests")
        tests = _by_problem(read_shard(tested.path / name, GeneratedTest))
        rows: list[PassingRow] = []
        for pool, other in zip(shard.own.read(), shard.more.read(), strict=True):
            problem, is_stdin = pool.problem, pool.problem.entry_point is None
            cases = columns(tests.get(problem.id, ()), column, is_stdin)
            ran: list[tuple[Outcome, ...]] = [
                (*one.outcomes, *two.outcomes) for one, two in zip(pool.traces, other.traces, strict=True)
            ]
            inputs = (*problem.inputs, *other.problem.inputs)
            rows.append(row_of(problem.id, passing_matrix(cases, inputs, ran, part, is_stdin)))
            total += len(cases)
        write_records(path, PassingRow, rows)
    return {"tests": total}


def _by_problem(tests: Iterable[GeneratedTest]) -> Mapping[str, list[GeneratedTest]]:
    grouped: dict[str, list[GeneratedTest]] = {}
    for test in tests:
        grouped.setdefault(test.problem_id, []).append(test)
    return grouped
