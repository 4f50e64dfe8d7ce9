"""Join a Ray cluster by its address, but only if its machines were started for this job's owner."""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

_ADDRESS = re.compile(r"[^\s:/]+:[0-9]{1,5}")
_SECONDS = 5.0
"""Timeout for a connection to the head's port."""


@dataclass(frozen=True, slots=True)
class Node:
    """A machine of a cluster: its Ray node id, its host name, and the cores and GPUs that Ray may use."""

    id: str
    host: str
    cores: int
    gpus: int


def check_address(address: str, cluster: str) -> None:
    """Check that the address and the name identify one cluster, before any work.

    Raises:
        ValueError: the address is not HOST:PORT, or the name is not an identifier.
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
    """The machines at ``address`` that have ``cluster`` as a resource, available once joined."""

    address: str
    cluster: str
    _joined: bool = field(default=False, init=False)

    def join(self) -> None:
        """Join the cluster unless this process has joined it; actors that it starts there end with it.

        Raises:
            OSError: nothing answers at the address, the cluster does not include this machine, or it has another owner.
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
        except Exception as error:  # Ray passes on any exception of its components
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
        """Leave the cluster; the actors that this process started end."""
        import ray

        if self._joined:
            self._joined = False
            ray.shutdown()

    def nodes(self) -> list[Node]:
        """Return the machines that are alive now, sorted by name."""
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
    """Return the machine of each of at most ``workers`` workers, round-robin over machines with ``gpus`` left."""
    room = {node.id: node.gpus // gpus if gpus else workers for node in nodes}
    placed: list[Node] = []
    turns = cycle(nodes)
    while len(placed) < workers and any(room.values()):
        node = next(turns)
        if room[node.id]:
            room[node.id] -= 1
            placed.append(node)
    return placed


def lanes(nodes: Sequence[Node], cores: int) -> list[Node]:
    """Return the machine of each worker if a worker takes ``cores`` cores; a smaller machine has one worker, too."""
    return [node for node in nodes for _ in range(max(1, node.cores // cores))]


def _sizes(resources: dict[str, float]) -> tuple[int, int]:
    return int(resources.get("CPU", 1)), int(resources.get("GPU", 0))
