"""Hours per stage. GPU rates are ESTIMATES from bandwidth and FLOPs; CPU times of executions are measured."""

from experiments.paper_scale.backbones import Backbone
from experiments.paper_scale.memory import sequences_at_once
from experiments.paper_scale.work import Machine, Work


def decode_rate(model: Backbone, work: Work, machine: Machine) -> float:
    """Sampled tokens per second: B per step, a step being the slower of reading weights and KV, and of multiplying.

    0 where not one sample fits.
    """
    batch = sequences_at_once(model, work, machine)
    if batch == 0:
        return 0.0
    mean_context = work.prompt_tokens + work.program_tokens / 2
    read = model.weight_bytes(None) + batch * mean_context * model.kv_bytes
    reading = read / (machine.bandwidth_tb * 1e12 * machine.bandwidth_share)
    multiplying = 2 * (model.linear + model.head) * batch / (machine.tflops * 1e12 * machine.compute_share)
    return batch / max(reading, multiplying) / machine.overhead


def prefill_rate(model: Backbone, machine: Machine) -> float:
    """Prompt tokens per second."""
    return machine.tflops * 1e12 * machine.compute_share / (2 * model.linear)


def tokens_and_positions(work: Work) -> tuple[float, float]:
    """Per pair, where the m pairs of a problem share its prompt and winner: tokens, and pairs of positions that see.

    A row of the shared layout holds the prompt of p tokens and m + 1 responses of a tokens.
    """
    p, a, m = work.prompt_tokens, work.program_tokens, work.pairs_per_problem
    return (p + (m + 1) * a) / m, (p * p / 2 + (m + 1) * a * (p + a / 2)) / m


def training_flops(model: Backbone, work: Work, checkpointing: bool) -> float:
    """FLOPs of one pass over one pair, in the shared layout.

    A frozen matrix is multiplied forward (2 FLOPs per weight and token) and back to its input (2), with checkpointing
    forward once more; a pair of positions in attention takes 4 H forward and twice that back; the head sees responses
    only. The adapter's own share is below 1 %.
    """
    tokens, positions = tokens_and_positions(work)
    passes = 3 if checkpointing else 2
    linear = 2.0 * model.linear * tokens * passes
    attention = 4.0 * model.layers * model.hidden * positions * (passes + 1)
    return linear + attention + 4.0 * model.head * scored(work)


def reference_flops(model: Backbone, work: Work) -> float:
    """FLOPs of the reference's log-probs of one pair, forward only, in the shared layout."""
    tokens, positions = tokens_and_positions(work)
    attention = 4.0 * model.layers * model.hidden * positions
    return 2.0 * model.linear * tokens + attention + 2.0 * model.head * scored(work)


def scored(work: Work) -> float:
    """Response tokens per pair."""
    return (work.pairs_per_problem + 1) * work.program_tokens / work.pairs_per_problem


def stage_hours(
    model: Backbone, work: Work, machine: Machine, decode: float | None, checkpointing: bool
) -> dict[str, float]:
    """Hours of each stage; ``decode`` replaces the estimated tokens per second where it was measured."""
    rate = decode_rate(model, work, machine) if decode is None else decode
    samples = work.problems * work.observations * work.programs
    drawn = work.problems * work.observation_tokens + samples * work.program_tokens
    # The statement opens the guided prompts, so that its keys and values are shared by them; the list asks otherwise.
    observation = work.observation_tokens / work.observations
    read = work.problems * (2 * work.prompt_tokens + work.observations * observation)
    step = machine.tflops * 1e12 * machine.training_share
    encode = samples * work.program_tokens * 2.0 * model.linear / (machine.tflops * 1e12 * machine.compute_share)
    fit = work.pairs * (reference_flops(model, work) + work.epochs * training_flops(model, work, checkpointing)) / step
    answer = work.program_tokens / rate + work.prompt_tokens / prefill_rate(model, machine)
    seconds = {
        "sample: programs and observations": drawn / rate,
        "sample: prompts": read / prefill_rate(model, machine),
        "execute (CPU)": samples * program_seconds(work) / machine.cores,
        "score: naive semantic entropy": encode,
        "fit": fit,
        "evaluate, base and tuned": 2 * work.benchmark_problems * answer,
        "select_tau: fits": fit * work.select_pairs / work.pairs,
        "select_tau: validation": (work.taus + 1) * work.validation * answer,
    }
    return {name: value / 3600 for name, value in seconds.items()}


def program_seconds(work: Work) -> float:
    """CPU seconds of one program on all its inputs: most are quick, a few run into the limits."""
    quick = work.inputs * work.execution_ms
    return ((1 - work.slow_share) * quick + work.slow_share * work.slow_ms) / 1000
