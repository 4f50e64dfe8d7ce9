"""The stages that answer benchmarks: greedily or by voters, before training and after."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig

from conself.models.transformers import fingerprint, tuned_model
from conself.pipelines.context import Context, changed, give_back, tell
from conself.pipelines.per_pool import voted
from conself.pipelines.shards import execute_into, pools_answered, sample_into, without_room
from conself.records import ModelRef, Problem, Verdict
from conself.results.shortfalls import tell_losses
from conself.runtime.console import say
from conself.runtime.progress import Meter
from conself.samplers.recorded import MISSING
from conself.sandbox.jobs import MOST_OUTPUT_KB, Limits
from conself.store.artifacts import Artifact
from conself.store.keys import located, plain
from conself.store.tables import read_traces, read_verdicts, write_records, write_verdicts

_GROWTH = 12


def evaluate(
    context: Context, label: str, config: DictConfig, model: ModelRef | None, tuned: Artifact | None
) -> Artifact:
    """Answers to one benchmark, run and judged -> problems, answers-*, traces-*.parquet, verdicts.jsonl.

    ``label`` is ``benchmark/who``. ``config`` holds benchmark (by name), decoder and judging (the sandbox's limits).
    ``model`` is not read by a decoder that loads none; ``tuned`` is the fit that made another of it, None for the model
    as it is.
    """
    name, who = label.split("/")
    slices = {"benchmark": config.benchmark[name], **{k: config[k] for k in ("decoder", "judging")}}
    policy = model if model is None or tuned is None else tuned_model(model, tuned.path)
    parts = {part: instantiate(node, _convert_="all") for part, node in slices.items()}

    def make(folder: Path) -> dict[str, Any]:
        give_back()
        task = parts["benchmark"]()
        tell(context, f"{name}: {len(task.problems)} problems", task.dropped)
        answers = sample_into(context, folder, "answers", f"answering ({who})", parts["decoder"], policy, task.problems)
        limits = with_room(parts["judging"], task.judge.longest())
        counts = execute_into(context, folder, f"judging ({who})", limits, task.problems, answers)
        write_records(folder / "problems.parquet", Problem, task.problems)
        traces = read_traces(folder, "traces")
        ran = [(p, traces[p.id]) for p in task.problems]
        with Meter(context.console, f"verdicts ({who})", len(ran), "problems", "problems") as meter:
            judged = task.judge.parts(ran, context.workers.count, meter.add)
        verdicts = [_verdict(problem, judged[problem.id]) for problem in task.problems]
        write_verdicts(folder / "verdicts.jsonl", verdicts)
        unanswered = sum(a.finish_reason == MISSING for a in answers)
        if unanswered:
            say(context.console, f"- {unanswered} without an answer: they count as wrong")
        answered = [v.passed for v in verdicts]
        totals = {
            "unanswered": unanswered,
            "no_room": without_room(answers),
            "passed": sum(map(sum, answered)),
            "answers": sum(map(len, answered)),
        }
        return {**totals, "dropped": dict(task.dropped), "execution": counts}

    # A tuned model is known by its content, not by the fit it comes from: conself.evaluate finds what a training made.
    decoder = parts["decoder"]
    answers_by = fingerprint(policy) if decoder.loads_model and policy is not None else decoder.fingerprint()
    key = {part: plain(node) for part, node in slices.items()} | {"benchmark": located(slices["benchmark"])}
    key |= {"content": parts["benchmark"].fingerprint(), "model": answers_by}
    return tell_losses(context.console, context.build(f"evaluate/{label}", key, {}, make), config.judging)


def _verdict(problem: Problem, judged: Sequence[tuple[bool, ...]]) -> Verdict:
    """The verdicts on a problem's answers; ``base`` where base and plus inputs were judged apart."""
    base = tuple(row[0] for row in judged) if judged and len(judged[0]) == 2 else None
    return Verdict(problem.id, problem.difficulty, tuple(map(all, judged)), base)


def with_room(limits: Limits, longest: int) -> Limits:
    """Limits under which an answer may be as long as the ``longest`` expected text, and ``output_kb`` more.

    ``longest`` is in characters. A value of another type (floats for ints) is written at up to ``_GROWTH`` times that.
    """
    room = limits.output_kb + -(-_GROWTH * longest // 1024)
    return replace(limits, output_kb=max(limits.output_kb, min(room, MOST_OUTPUT_KB)))


def vote(context: Context, label: str, config: DictConfig, answered: Artifact) -> Artifact:
    """Of several answers to each problem the one whose behaviour most agree on, as judged -> verdicts.jsonl.

    ``config`` holds comparison and behaviour; ``answered`` is an ``evaluate`` artifact, ``label`` that one's.
    """

    def make(folder: Path) -> dict[str, Any]:
        parts = instantiate(config, _convert_="all")
        pools = pools_answered(answered.path)
        judged = read_verdicts(answered.path / "verdicts.jsonl")
        with Meter(context.console, "voting", len(pools), "problems", "problems") as meter:
            found = voted(meter.each(pools), judged, parts["comparison"], parts["behaviour"])
        write_verdicts(folder / "verdicts.jsonl", found)
        return {"problems": len(found), "passed": sum(v.passed[0] for v in found)}

    return context.build(f"vote/{label}", plain(config), {"answers": answered}, make)


def voting(config: DictConfig) -> DictConfig:
    """The config in which a benchmark is answered by ``voters``: so many answers, sampled."""
    voters = {"n": config.voters.n, "temperature": config.voters.temperature}
    return changed(config, {"decoder": voters})


def check_voters(config: DictConfig) -> None:
    """Refuse voters that can't vote.

    Raises:
        ValueError: fewer than 0, only one, or the decoder draws no samples; or they would all be the same.
    """
    voters = config.voters
    if type(voters.n) is not int or voters.n < 0 or voters.n == 1:
        raise ValueError(f"voters.n must be an int of 2 or more, or 0 for none, got {voters.n}")
    if voters.n and "n" not in config.decoder:
        raise ValueError(f"{config.decoder['_target_']} draws no samples to vote with; leave out voters.n, or samples")
    if voters.n and config.decoder.n > 1:
        raise ValueError(
            f"decoder.n={config.decoder.n} and voters.n={voters.n} both draw answers, each with a pass@k; "
            "set decoder.n=1, or voters.n=0"
        )
    if type(voters.temperature) not in (int, float):
        raise ValueError(f"voters.temperature must be a number, got {voters.temperature!r}")
    if voters.n and voters.temperature <= 0:
        raise ValueError(f"voters.temperature must be above 0, or all answers are one, got {voters.temperature}")
