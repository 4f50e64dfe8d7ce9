"""One row: everybody's first step is checked, then the best of each kind take turns."""

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from experiments.training_speed.contenders import ONLINE, PLAIN, TRL, Job
from experiments.training_speed.models import Place
from experiments.training_speed.settings import CENTRAL, Row, Shape
from experiments.training_speed.turns import Contender, First, Spent

LOSS_TOLERANCE = {"cpu": 1e-4, "cuda": 2e-2}  # relative; bfloat16 rounds differently in every layout
GRADIENT_TOLERANCE = {"cpu": 1e-4, "cuda": 0.2}


@dataclass(frozen=True, slots=True)
class Measured:
    """A contender's first step, with its time, and the rounds in which it took its turn."""

    first: First
    rounds: tuple[Spent, ...]


def measure(
    row: Row, shape: Shape, place: Place, names: list[str], rounds: int, seed: int, say: Callable[[str], None]
) -> dict[str, Measured]:
    """First steps of all, one after the other; then ``rounds`` rounds of those that are the best of their kind.

    On a CPU all contenders are alive and take turns step by step. On a GPU, which is one's own, they come one by one.

    Raises:
        RuntimeError: losses or gradients do not agree; no time counts then.
    """
    if place.device == "cpu":
        return _in_turns(row, shape, place, names, rounds, seed, say)
    found = {}
    for name in names:
        contender = Contender(Job(name, row, shape, place, seed), place.device)
        first = contender.first()
        contender.step()  # the first step of a kind tunes and compiles kernels
        found[name] = Measured(first, tuple(contender.step() for _ in range(rounds)))
        contender.close()
        say(f"{row.name}: {name}: {statistics.median(s.wall for s in found[name].rounds):.2f} s")
    _check(row, {name: measured.first for name, measured in found.items()}, place)
    return found


def _in_turns(
    row: Row, shape: Shape, place: Place, names: list[str], rounds: int, seed: int, say: Callable[[str], None]
) -> dict[str, Measured]:
    everybody = {name: Contender(Job(name, row, shape, place, seed), place.device) for name in names}
    try:
        for contender in everybody.values():
            contender.ready()
        firsts = {}
        for name, contender in everybody.items():
            firsts[name] = contender.first()
            say(f"{row.name}: {name}: first step {firsts[name].spent.cpu:.2f} s, {firsts[name].extra_bytes >> 20} MiB")
        _check(row, firsts, place)
        turns: dict[str, list[Spent]] = {name: [] for name in names}
        for number in range(rounds):
            order = _order(names, firsts, turns, number, row.name == CENTRAL.name)
            for name in order:
                turns[name].append(everybody[name].step())
            say(f"{row.name}: round {number + 1} of {rounds}")
        return {name: Measured(firsts[name], tuple(turns[name])) for name in names}
    finally:
        for contender in everybody.values():
            contender.close()


def _order(
    names: list[str], firsts: Mapping[str, First], turns: Mapping[str, list[Spent]], number: int, is_central: bool
) -> list[str]:
    """Whose turn it is in round ``number``, from 0, beginning with another contender each time.

    Everybody's in the first round of the central row; afterwards, and in other rows, TRL's best batch size and the
    plain loop's, which outside the central row takes one turn only.
    """
    if number == 0 and is_central:
        return names
    spent = {name: turns[name][0].cpu if turns[name] else firsts[name].spent.cpu for name in names}
    left = [name for name in names if not name.startswith((TRL, PLAIN)) and name != ONLINE]
    left.append(fastest(spent, TRL))
    if number == 0 or is_central:
        left.append(fastest(spent, PLAIN))
    shift = number % len(left)
    return left[shift:] + left[:shift]


def fastest(spent: Mapping[str, float], kind: str) -> str:
    """The name of that kind with the least seconds."""
    return min((name for name in spent if name.startswith(kind)), key=lambda name: spent[name])


def _check(row: Row, firsts: Mapping[str, First], place: Place) -> None:
    reference = next(first for name, first in firsts.items() if name.startswith(TRL))
    for name, first in firsts.items():
        off = abs(first.loss - reference.loss) / reference.loss
        norm = torch.linalg.vector_norm
        turned = float(norm(first.gradients - reference.gradients) / norm(reference.gradients))
        if off > LOSS_TOLERANCE[place.device] or turned > GRADIENT_TOLERANCE[place.device]:
            raise RuntimeError(
                f"{row.name}: {name} has loss {first.loss:.7g}, TRL {reference.loss:.7g}; its gradients differ by "
                f"{turned:.2g} (relative): they do not compute the same, and no time is compared"
            )
