"""A cluster of two machines on this one, started once for all tests that want it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ray.cluster_utils import Cluster

NAME = "tester"
MEMORY = 80 * 2**20


@dataclass(frozen=True)
class ClusterForTests:
    """Its machines have two cores each by what Ray is told, the first also a GPU, and belong to ``NAME``."""

    ray: "Cluster"

    @property
    def address(self) -> str:
        return str(self.ray.address)

    def add(self) -> Any:
        """One more machine, to be killed."""
        return self.ray.add_node(num_cpus=2, object_store_memory=MEMORY, resources={NAME: 1})


@pytest.fixture(scope="session")
def cluster() -> Iterator[ClusterForTests]:
    pytest.importorskip("ray", reason="pip install 'conself[ray]'")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    head = {"num_cpus": 2, "num_gpus": 1, "include_dashboard": False, "resources": {NAME: 1}}
    head["object_store_memory"] = MEMORY
    found = ClusterForTests(Cluster(initialize_head=True, connect=False, head_node_args=head))
    found.add()
    yield found
    found.ray.shutdown()
