"""A cluster of Ray: joined by its address, and only if its machines were started for this job's owner."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

_ADDRESS = re.compile(r"[^\s:/]+:[0-9]{1,5}")
_SECONDS = 5.0
"""For an answer from the head's port."""


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of a cluster: Ray's id of it, its name, and the cores and GPUs that Ray was told to use."""

    id: str
    host: str
    cores: int
    gpus: int


def check_address(address: str, cluster: str) -> None:
    """Refuse what does not name one cluster, before any work.

    Raises:
        ValueError: it is no HOST:PORT, or the name is empty.
    """
    if not _ADDRESS.fullmatch(address):
        raise ValueError(
            f"executor.address={address} names no cluster: give HOST:PORT, as `ray start --head` says it; "
            "what Ray finds by itself may be somebody else's"
        )
    if not cluster.isidentifier():
        raise ValueError(f"executor.cluster={cluster!r} must be a name, such as the one of its owner")


@dataclass
class Cluster:
    """The machines at ``address`` that carry ``cluster`` as a resource, once joined."""

    address: str
    cluster: str
    _joined: bool = field(default=False, init=False)

    def join(self) -> None:
        """Join the cluster, where this process has not; what it starts there ends with it.

        Raises:
            OSError: nobody answers, it is no cluster that this machine belongs to, or it is not this owner's.
        """
        import ray

        if self._joined:
            return
        if ray.is_initialized():
            raise OSError("this process has joined a cluster of Ray already, and can be in one alone")
        self._knock()
        try:
            quiet = {"log_to_driver": False, "configure_logging": False, "logging_level": "ERROR"}
            ray.init(self.address, namespace=self.cluster, **quiet)
        except Exception as error:  # Ray raises whatever its parts raise
            text = " ".join(str(error).split())[:300]
            raise OSError(
                f"the cluster at executor.address={self.address} cannot be joined ({text}); the job must run on one of "
                "its machines, with the same versions of Ray and Python"
            ) from error
        self._joined = True
        if not self.nodes():
            self.leave()
            raise OSError(
                f"the cluster at executor.address={self.address} is not executor.cluster={self.cluster}: none of its "
                f"machines was started with --resources='{{\"{self.cluster}\": 1}}'. Another user's is left alone"
            )

    def leave(self) -> None:
        """Leave it; its actors of this process end."""
        import ray

        if self._joined:
            self._joined = False
            ray.shutdown()

    def nodes(self) -> list[Node]:
        """The machines that are there now, in the order of their names."""
        import ray

        rows: list[dict[str, Any]] = ray.nodes()
        mine = [row for row in rows if row["Alive"] and row["Resources"].get(self.cluster, 0) > 0]
        nodes = [Node(row["NodeID"], row["NodeManagerHostname"], *_sizes(row["Resources"])) for row in mine]
        return sorted(nodes, key=lambda node: (node.host, node.id))

    def _knock(self) -> None:
        host, _, port = self.address.rpartition(":")
        try:
            socket.create_connection((host, int(port)), timeout=_SECONDS).close()
        except (OSError, OverflowError) as error:
            raise OSError(
                f"nobody answers at executor.address={self.address} ({error}); start the cluster (docs/scale.md), or "
                "give the address that `ray start --head` has printed"
            ) from error


def spread(nodes: Sequence[Node], workers: int, gpus: int) -> list[Node]:
    """The machine of each of at most so many workers: in turns, as long as a machine has ``gpus`` for one more."""
    room = {node.id: node.gpus // gpus if gpus else workers for node in nodes}
    found: list[Node] = []
    turns = cycle(nodes)
    while len(found) < workers and any(room.values()):
        node = next(turns)
        if room[node.id]:
            room[node.id] -= 1
            found.append(node)
    return found


def lanes(nodes: Sequence[Node], cores: int) -> list[Node]:
    """The machine of each worker where one takes so many cores; on a smaller machine there is one as well."""
    return [node for node in nodes for _ in range(max(1, node.cores // cores))]


def _sizes(resources: dict[str, float]) -> tuple[int, int]:
    return int(resources.get("CPU", 1)), int(resources.get("GPU", 0))
