"""EvalPlus's own verdicts, sample by sample: ``python -m experiments.evalplus_agreement.official``.

    HUMANEVAL_OVERRIDE_PATH=HumanEvalPlus.jsonl.gz MBPP_OVERRIDE_PATH=MbppPlus.jsonl.gz \
      ... official humaneval|mbpp SAMPLES OUT [SECONDS]

Calls what ``evalplus.evaluate`` calls, with a limit of at least ``SECONDS`` (its default: 1) per input, and appends a
line ``{"task_id", "index", "base", "plus"}`` to ``OUT`` per sample, so that it can be stopped and goes on where it was.
The first samples of all problems come first.
"""

import json
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

WORKERS = 2


def numbered(samples: Path) -> list[tuple[int, str, str]]:
    """(index among the problem's samples, task id, program), all first ones first."""
    counts: Counter[str] = Counter()
    found = []
    for line in samples.read_text().splitlines():
        row = json.loads(line)
        found.append((counts[row["task_id"]], row["task_id"], row["solution"]))
        counts[row["task_id"]] += 1
    return sorted(found, key=lambda item: item[0])


def main() -> None:
    """Judge the samples that ``OUT`` lacks."""
    from evalplus import evaluate

    kind, samples, out = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    seconds = float(sys.argv[4]) if len(sys.argv) > 4 else 1.0
    load, digest, presence = {
        "humaneval": (evaluate.get_human_eval_plus, evaluate.get_human_eval_plus_hash, []),
        "mbpp": (evaluate.get_mbpp_plus, evaluate.get_mbpp_plus_hash, evaluate.MBPP_OUTPUT_NOT_NONE_TASKS),
    }[kind]
    problems = load()
    expected = evaluate.get_groundtruth(problems, digest(), presence)
    done = (
        {(r["task_id"], r["index"]) for r in map(json.loads, out.read_text().splitlines())} if out.exists() else set()
    )

    def judged(item: tuple[int, str, str]) -> dict[str, Any]:
        index, name, program = item
        found = evaluate.check_correctness(
            kind, index, problems[name], program, expected[name], False, True, None, seconds
        )
        return {"task_id": name, "index": index, "base": found["base"][0], "plus": found["plus"][0]}

    todo = [item for item in numbered(samples) if (item[1], item[0]) not in done]
    with ThreadPoolExecutor(WORKERS) as pool, out.open("a") as file:
        for row in pool.map(judged, todo):
            file.write(json.dumps(row) + "\n")
            file.flush()


if __name__ == "__main__":
    main()
