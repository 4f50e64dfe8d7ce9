"""Verdicts of two harnesses, sample by sample: ``python -m experiments.evalplus_agreement.compare``.

    ... compare OFFICIAL VERDICTS BENCHMARK SAMPLES [OUT]

``OFFICIAL`` is of :mod:`experiments.evalplus_agreement.official`, ``VERDICTS`` the ``verdicts.jsonl`` of
``python -m conself.evaluate samples=SAMPLES benchmark=[BENCHMARK]``. Samples that only one has judged are not counted.
Prints counts as JSON; ``OUT`` gets a line per difference, with the program.
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from experiments.evalplus_agreement.official import numbered

Sample = tuple[str, int]


@dataclass(frozen=True)
class Difference:
    """A sample on which base or plus verdicts differ: (EvalPlus's, ours) of each."""

    sample: Sample
    base: tuple[bool, bool]
    plus: tuple[bool, bool]


def official(path: Path) -> dict[Sample, tuple[bool, bool]]:
    """Sample -> whether EvalPlus passes it on base inputs, and on base and plus inputs."""
    rows = map(json.loads, path.read_text().splitlines())
    return {
        (row["task_id"], row["index"]): (row["base"] == "pass", row["base"] == row["plus"] == "pass") for row in rows
    }


def ours(path: Path, benchmark: str) -> dict[Sample, tuple[bool, bool]]:
    """Sample -> the same by our verdicts."""
    rows: list[Mapping[str, Any]] = [json.loads(line) for line in path.read_text().splitlines()]
    return {
        (row["id"], index): (base, plus)
        for row in rows
        if row["benchmark"] == benchmark
        for index, (base, plus) in enumerate(zip(row["base"], row["passed"], strict=True))
    }


def differences(
    theirs: Mapping[Sample, tuple[bool, bool]], own: Mapping[Sample, tuple[bool, bool]]
) -> Iterator[Difference]:
    """The samples that both have judged, and not alike."""
    for sample, (base, plus) in theirs.items():
        if sample in own and own[sample] != (base, plus):
            yield Difference(sample, (base, own[sample][0]), (plus, own[sample][1]))


def main() -> None:
    """Print the counts, and write the differences."""
    theirs, own = official(Path(sys.argv[1])), ours(Path(sys.argv[2]), sys.argv[3])
    programs = {(name, index): code for index, name, code in numbered(Path(sys.argv[4]))}
    found = list(differences(theirs, own))
    both = [sample for sample in theirs if sample in own]
    counts = {
        "samples": len(both),
        "pass base (EvalPlus, ours)": [sum(side[s][0] for s in both) for side in (theirs, own)],
        "pass plus (EvalPlus, ours)": [sum(side[s][1] for s in both) for side in (theirs, own)],
        "differences": len(found),
        "of problems": Counter(difference.sample[0] for difference in found),
    }
    print(json.dumps(counts, indent=1))
    if len(sys.argv) > 5:
        rows = [{"sample": d.sample, "base": d.base, "plus": d.plus, "program": programs[d.sample]} for d in found]
        Path(sys.argv[5]).write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    main()
