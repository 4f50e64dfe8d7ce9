"""The rank of a process among those that train together, and their communication."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import torch

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Ranks:
    """The rank of this process among ``count`` processes that train together, each on its own device.

    ``local`` is its number among those of its own node. The methods return the same in all processes, and all must call
    them in the same order.
    """

    index: int
    count: int
    local: int

    @property
    def first(self) -> bool:
        """Whether this process writes files and logs."""
        return self.index == 0

    def device(self, place: torch.device) -> torch.device:
        """Return the device of this process: ``place`` if it is alone, else the ``local``-th of that kind."""
        return type(place)(place.type, self.local) if self.count > 1 and place.type != "cpu" else place

    def agreed(self, value: Value) -> Value:
        """Return the first process's value."""
        box = [value]
        if self.count > 1:
            import torch.distributed as dist

            dist.broadcast_object_list(box)
        return box[0]

    def united(self, part: Mapping[str, Value]) -> dict[str, Value]:
        """Merge the mappings of all processes."""
        parts = [part] * self.count
        if self.count > 1:
            import torch.distributed as dist

            dist.all_gather_object(parts, part)
        return {name: value for each in parts for name, value in each.items()}

    def share(self, items: Sequence[Value]) -> list[Value]:
        """Return this process's part of ``items``. Parts have equal lengths, so some items are assigned twice."""
        rounds = -(-len(items) // self.count)
        return [items[(turn * self.count + self.index) % len(items)] for turn in range(rounds)]

    def totals(self, part: Mapping[str, float], device: torch.device) -> dict[str, float]:
        """Sum values by name over all processes; the names are the same everywhere."""
        if self.count == 1:
            return dict(part)
        import torch
        import torch.distributed as dist

        values = torch.tensor(list(part.values()), dtype=torch.float64, device=device)
        dist.all_reduce(values)
        return dict(zip(part, values.tolist(), strict=True))

    def greatest(self, part: Mapping[str, float], device: torch.device) -> dict[str, float]:
        """Return the maximum over all processes of values by name; the names are the same everywhere."""
        if self.count == 1 or not part:
            return dict(part)
        import torch
        import torch.distributed as dist

        values = torch.tensor(list(part.values()), dtype=torch.float64, device=device)
        dist.all_reduce(values, op=dist.ReduceOp.MAX)
        return dict(zip(part, values.tolist(), strict=True))


ALONE = Ranks(index=0, count=1, local=0)
