"""Verdicts by EvalPlus's rules on outputs that the sandbox recorded, without the program under test.

EvalPlus compares live values; here the values are read from their canonical form, in separate jobs
(:mod:`conself.benchmarks.evalplus_rules`). Verdicts are those of EvalPlus, except for programs that return an
iterator, a view of a dict, or an object of a class that is neither builtin nor known to the sandbox: such an output
equals nothing here.
``experiments/evalplus_agreement`` lists all differences on real programs.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from conself.benchmarks import evalplus_rules
from conself.harness import standin
from conself.harness.replay import LIMITS, Answers, Parts
from conself.oracles import EvalPlusOracle
from conself.records import Outcome, Problem, Status, Trace
from conself.sandbox import Job, execute

Values = tuple[str, ...]

_JUDGE = """
def judge(outputs):
    return accepts({name!r}, {atol!r}, {inputs!r}, _values(outputs), _values({expected!r}))


def _values(texts):
    return [decode(json.loads(text)) for text in texts]
"""


def by_evalplus(
    answers: Answers, oracles: Mapping[str, EvalPlusOracle], workers: int, advance: Callable[[int], object]
) -> Parts:
    """Judge each trace on base and on plus inputs, per problem; equal outputs are judged once.

    ``advance`` is called with the number of problems done since the last call. Base and plus inputs are judged
    separately, as in EvalPlus: the tolerance of one does not carry over to the other.

    Raises:
        ValueError: a trace has another number of outcomes than its problem has inputs.
    """
    todo: dict[tuple[str, int], list[Values]] = {}
    for problem, traces in answers:
        for trace in traces:
            for place, values in enumerate(_parts(problem, trace, oracles[problem.id])):
                if values is not None:
                    todo.setdefault((problem.id, place), []).append(values)
    distinct = {key: list(dict.fromkeys(rows)) for key, rows in todo.items()}
    accepted = _accepted(answers, oracles, distinct, workers, advance)

    def verdicts(problem: Problem, trace: Trace) -> tuple[bool, ...]:
        parts = _parts(problem, trace, oracles[problem.id])
        return tuple(v is not None and (problem.id, place, v) in accepted for place, v in enumerate(parts))

    return {problem.id: [verdicts(problem, trace) for trace in traces] for problem, traces in answers}


def _slices(oracle: EvalPlusOracle) -> tuple[slice, ...]:
    return slice(0, oracle.base), slice(oracle.base, None)


def _parts(problem: Problem, trace: Trace, oracle: EvalPlusOracle) -> list[Values | None]:
    """Return the values of a trace on base and on plus inputs; None for a part on which the program failed."""
    if not len(trace.outcomes) == len(problem.inputs) == len(oracle.expected):
        raise ValueError(
            f"problem {problem.id}: {len(trace.outcomes)} outcomes against {len(problem.inputs)} inputs and "
            f"{len(oracle.expected)} expected outputs; run the program on all inputs of the oracle's data set"
        )
    return [_values(trace.outcomes[part]) for part in _slices(oracle)]


def _values(outcomes: Sequence[Outcome]) -> Values | None:
    if any(outcome.status is not Status.OK for outcome in outcomes):
        return None
    return tuple(outcome.value for outcome in outcomes)


def _accepted(
    answers: Answers,
    oracles: Mapping[str, EvalPlusOracle],
    distinct: Mapping[tuple[str, int], list[Values]],
    workers: int,
    advance: Callable[[int], object],
) -> set[tuple[str, int, Values]]:
    source = standin.source() + "\n\n" + Path(evalplus_rules.__file__).read_text()
    problems = {problem.id: problem for problem, _ in answers}

    def jobs() -> Iterator[Job]:
        for (name, place), rows in distinct.items():
            oracle, part = oracles[name], _slices(oracles[name])[place]
            call = {"inputs": list(problems[name].inputs[part]), "expected": list(oracle.expected[part])}
            program = source + _JUDGE.format(name=oracle.name, atol=oracle.atol, **call)
            yield Job(f"{place} {name}", (program,), "judge", tuple(repr((list(row),)) for row in rows))

    waiting = Counter(name for name, _ in distinct)
    if done := sum(problem.id not in waiting for problem, _ in answers):
        advance(done)  # no trace ended well on either part: nothing is to be run
    accepted = set()
    for result in execute(jobs(), LIMITS, workers):
        place, _, name = result.job.id.partition(" ")
        rows = distinct[name, int(place)]
        accepted |= {
            (name, int(place), values)
            for values, outcome in zip(rows, result.rows[0], strict=True)
            if outcome.status is Status.OK and outcome.value == "true"
        }
        waiting[name] -= 1
        if not waiting[name]:
            advance(1)
    return accepted
