"""Inputs of the estimate: the work to be done, and the machine that does it. Each is an option of the command."""

from dataclasses import dataclass

GIB = 2**30


@dataclass(frozen=True)
class Work:
    """Counts and mean lengths. The paper's are marked P, those of this repository's configuration C, measured ones M.

    The rest are assumptions (A): put in what the manifests of the stages say after a first small run.
    """

    problems: int = 19_764  # P
    observations: int = 3  # P
    programs: int = 5  # P, for each observation
    prompt_tokens: int = (
        600  # A: 200 TACO statements have 1,984 characters in the mean (M); 3.7 per token, and the rest
    )
    observation_tokens: int = 250  # A: the whole list
    program_tokens: int = 400  # A: explanation and code
    inputs: int = 20  # A: at most 30 are kept (docs/method.md#taco)
    execution_ms: float = 0.80  # M: CPU time, stdin programs (experiments/sandbox_speed)
    slow_share: float = 0.04  # M: programs near the time limit, 8 of 200 reference solutions; sampled ones may be worse
    slow_ms: float = 2512.0  # M: CPU time of such a program
    pairs: int = 6_372  # P for DeepSeek-Coder at tau 0.3
    pairs_per_problem: float = 2.0  # A: 1 to 3, which share a prompt and a winner
    epochs: int = 3  # C
    batch: int = 16  # C
    rank: int = 16  # C
    validation: int = 1_000  # problems of the TACO test split
    taus: int = 8  # C: experiment=select_tau
    select_pairs: int = 160_000  # A: over these taus, on straight lines through 0, 6,372 at 0.3 and 46,734 at 1.0 (P)
    max_length: int = 2_048  # P
    benchmark_problems: int = 2_013  # HumanEval 164, MBPP 427, their plus versions 164 and 378, LiveCodeBench v5 880


@dataclass(frozen=True)
class Machine:
    """One GPU, as its data sheet has it, the shares of that which programs reach (A), and the CPU beside it."""

    memory_gb: float = 80.0
    bandwidth_tb: float = 2.04  # A100 80 GB SXM; the paper's A800 has the same
    tflops: float = 312.0  # dense bfloat16
    bandwidth_share: float = 0.6
    compute_share: float = 0.5  # inference
    training_share: float = 0.35
    overhead: float = 1.3  # log-probabilities of the top 15, scheduling, the last samples of a shard alone in the batch
    cores: int = 16
    sequences: int = 256  # C: max_num_seqs
    utilization: float = 0.9  # C: gpu_memory_utilization
