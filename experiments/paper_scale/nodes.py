"""Hours and price of a run on several nodes, from measured rates: python -m experiments.paper_scale.nodes."""

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

from conself.pipelines.shards import SHARD
from experiments.paper_scale.estimate import table
from experiments.paper_scale.work import Work


@dataclass(frozen=True)
class Rates:
    """What was measured on one of the nodes, all of which are alike; nothing here has a default.

    ``decode``: sampled tokens per second of one engine, prompts included. ``execute``: executions per second of one
    core. ``fit``: pairs per second of training, all epochs, on the node that trains. ``overhead``: seconds of an actor
    per shard that are not its work.
    """

    decode: float
    execute: float
    fit: float
    overhead: float


@dataclass(frozen=True)
class Node:
    """What a node has: ``engines`` that draw at once, and sandbox actors of ``lane`` ``cores`` each."""

    engines: int
    cores: int
    lane: int


@dataclass(frozen=True)
class Plan:
    """Seconds on so many nodes. Sampling and execution are cut into shards, of which an actor does one after the other.

    ``sample`` and ``execute`` one after the other; training keeps one node.
    """

    nodes: int
    sample: float
    execute: float
    fit: float

    @property
    def total(self) -> float:
        """Seconds of the run."""
        return self.sample + self.execute + self.fit

    def node_hours(self, held: bool) -> float:
        """Node hours paid for: of all nodes to the end, or of one alone while it trains."""
        together = self.nodes * (self.sample + self.execute)
        return (together + (self.nodes if held else 1) * self.fit) / 3600


def plan(nodes: int, work: Work, rates: Rates, node: Node) -> Plan:
    """The best that indivisible shards allow: every actor as many as the others, or one more."""
    shards = math.ceil(work.problems / SHARD)
    samples = SHARD * work.observations * work.programs
    tokens = SHARD * work.observation_tokens + samples * work.program_tokens
    lanes = nodes * max(1, node.cores // node.lane)
    drawing = tokens / rates.decode + rates.overhead
    running = samples * work.inputs / (rates.execute * node.lane) + rates.overhead
    return Plan(
        nodes=nodes,
        sample=math.ceil(shards / (nodes * node.engines)) * drawing,
        execute=math.ceil(shards / lanes) * running,
        fit=work.pairs / rates.fit,
    )


def shown(plans: Sequence[Plan], price: float) -> str:
    """A row for each number of nodes; ``price`` is that of a node and hour."""
    head = ["nodes", "sample", "execute", "fit", "run", "node hours", "price", "price, others given back to train"]
    rows = []
    for each in plans:
        hours = [f"{seconds / 3600:.2f} h" for seconds in (each.sample, each.execute, each.fit, each.total)]
        held, given_back = each.node_hours(held=True), each.node_hours(held=False)
        rows.append([str(each.nodes), *hours, f"{held:.1f}", f"{price * held:,.2f}", f"{price * given_back:,.2f}"])
    return table(head, rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, nargs="+", required=True, help="numbers of nodes")
    parser.add_argument("--price", type=float, required=True, help="of a node and hour, in any currency")
    for cls, kind in ((Rates, float), (Node, int)):
        for field in fields(cls):
            parser.add_argument(f"--{field.name}", type=kind, required=True, help=cls.__name__)
    for field in fields(Work):
        name = f"--{field.name.replace('_', '-')}"
        parser.add_argument(name, type=type(field.default), default=field.default, help=f"Work: {field.default}")
    options = vars(parser.parse_args(arguments))
    for name in ("decode", "execute", "fit", "engines", "cores", "lane"):
        if options[name] <= 0:
            parser.error(f"--{name} must be above 0: give what was measured")
    if min(options["nodes"]) < 1:
        parser.error("--nodes must be at least 1")
    work = Work(**{field.name: options[field.name] for field in fields(Work)})
    rates = Rates(**{field.name: options[field.name] for field in fields(Rates)})
    node = Node(**{field.name: options[field.name] for field in fields(Node)})
    print(shown([plan(number, work, rates, node) for number in options["nodes"]], options["price"]))


if __name__ == "__main__":
    main()
