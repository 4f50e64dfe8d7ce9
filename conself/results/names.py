"""The names of results: in results.json, on the console, and among the links of a run folder."""

PROBLEMS, SAMPLE, EXECUTE, AGREE, VERIFY = "problems", "sample", "execute", "agree", "verify"
SELECT, PAIR, FIT, MERGE, DECONTAMINATE = "select", "pair", "fit", "merge", "decontaminate"
REINFORCE = "reinforce"
PROPOSE, TRY, AMPLIFY = "amplify/propose", "amplify/execute", "amplify/admit"
PASS = "pass"
"""Which candidate passes which generated test."""
WRITE_TESTS, READ_TESTS, RUN_TESTS = "tests/write", "tests/read", "tests/execute"
"""Tests that the model writes of the problems before its training."""
PROPOSALS = "propose"
"""Problems that the model wrote itself."""
DRIVER = "score/driver"
"""The metric that drives the curriculum."""


def own(name: str) -> str:
    """Name a result on the original inputs alone, if there are more."""
    return f"own/{name}"


def scored(metric: str) -> str:
    """Name one of the reported metrics."""
    return f"score/{metric}"


def matched(name: str) -> str:
    """Name a result of the curriculum whose number of pairs the job matches."""
    return f"matched/{name}"


def evaluated(benchmark: str, variant: str) -> str:
    """Name answers to a benchmark; ``variant`` is base, tuned, or :func:`voters` of one."""
    return f"evaluate/{benchmark}/{variant}"


def mutants(benchmark: str) -> str:
    """Reference solutions of a benchmark and their mutants."""
    return f"mutants/{benchmark}"


def written(benchmark: str, who: str) -> str:
    """Tests that a model wrote of a benchmark's problems."""
    return f"written_tests/{benchmark}/{who}"


def after_steps(steps: int) -> str:
    """Name the model after a number of steps of a continuing training run."""
    return f"step_{steps:06d}"


def voters(variant: str) -> str:
    """Name the voters of a model."""
    return f"{variant}_voters"


def vote(benchmark: str, variant: str) -> str:
    """Name the vote of a model's voters."""
    return f"vote/{benchmark}/{voters(variant)}"


def in_round(number: int, name: str) -> str:
    """Name a result of one of several rounds."""
    return f"round{number}/{name}"
