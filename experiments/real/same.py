"""How many texts two runs share: ``python -m experiments.real.same FOLDER FOLDER``, artifacts of sample or evaluate.

Both are of the same problems and settings, so that only rounding and the version of the code can tell them apart.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from conself.records import Candidate
from conself.store.tables import each_shard


def texts(folder: Path) -> dict[tuple[str, int], str]:
    """The text of each candidate, or answer, by problem id and index."""
    names = ("candidates", "answers")
    shards = (shard for name in names for shard in each_shard(folder, name, Candidate))
    return {(candidate.problem_id, candidate.index): candidate.text for shard in shards for candidate in shard}


def main(folders: Sequence[str]) -> None:
    """Print the number of texts that both have, and the share that is equal."""
    if len(folders) != 2:
        raise SystemExit("error: name two folders, such as artifacts/sample/KEY of two stores")
    first, second = (texts(Path(folder)) for folder in folders)
    both = first.keys() & second.keys()
    if not both:
        raise SystemExit("error: the two folders have no candidate of the same problem; name artifacts of one key")
    equal = sum(first[key] == second[key] for key in both)
    print(f"{equal} of {len(both)} texts are the same ({equal / len(both):.3f}); {len(first)} and {len(second)} there")


if __name__ == "__main__":
    main(sys.argv[1:])
