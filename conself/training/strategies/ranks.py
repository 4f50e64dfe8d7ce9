"""Which one a process is among those that train together, and how they agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Ranks:
    """Which one this is of the ``count`` processes that train together, each on a device of its own.

    What the methods give is the same in all processes; all have to call them, in the same order.
    """

    index: int
    count: int

    @property
    def first(self) -> bool:
        """Whether this process writes the files and says the words."""
        return self.index == 0

    def device(self, place: torch.device) -> torch.device:
        """The device of this process: alone ``place``, else one of its kind each."""
        return type(place)(place.type, self.index) if self.count > 1 and place.type != "cpu" else place

    def agreed(self, value: Value) -> Value:
        """The first process's value."""
        box = [value]
        if self.count > 1:
            import torch.distributed as dist

            dist.broadcast_object_list(box)
        return box[0]

    def united(self, part: Mapping[str, Value]) -> dict[str, Value]:
        """The mappings of all processes in one."""
        parts = [part] * self.count
        if self.count > 1:
            import torch.distributed as dist

            dist.all_gather_object(parts, part)
        return {name: value for each in parts for name, value in each.items()}

    def share(self, items: Sequence[Value]) -> list[Value]:
        """The part of ``items`` for this process. Parts are of one length, for which some are given out twice."""
        rounds = -(-len(items) // self.count)
        return [items[(turn * self.count + self.index) % len(items)] for turn in range(rounds)]

    def totals(self, part: Mapping[str, float], device: torch.device) -> dict[str, float]:
        """The sums over all processes of values by name; the names are the same everywhere."""
        if self.count == 1:
            return dict(part)
        import torch
        import torch.distributed as dist

        values = torch.tensor(list(part.values()), dtype=torch.float64, device=device)
        dist.all_reduce(values)
        return dict(zip(part, values.tolist(), strict=True))

    def greatest(self, part: Mapping[str, float], device: torch.device) -> dict[str, float]:
        """The greatest of all processes' values by name; the names are the same everywhere."""
        if self.count == 1 or not part:
            return dict(part)
        import torch
        import torch.distributed as dist

        values = torch.tensor(list(part.values()), dtype=torch.float64, device=device)
        dist.all_reduce(values, op=dist.ReduceOp.MAX)
        return dict(zip(part, values.tolist(), strict=True))


ALONE = Ranks(index=0, count=1)
