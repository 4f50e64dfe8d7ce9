"""Tables of facts, memory and hours: python -m experiments.paper_scale.estimate [--model ...] [--pairs ...] ..."""

import argparse
from collections.abc import Sequence
from dataclasses import fields, replace

from experiments.paper_scale.backbones import BACKBONES, Backbone
from experiments.paper_scale.hours import decode_rate, prefill_rate, stage_hours
from experiments.paper_scale.memory import largest_budget, sequences_at_once, total, training_bytes
from experiments.paper_scale.work import Machine, Work

CARDS = (24.0, 48.0, 80.0)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def facts(models: dict[str, Backbone], rank: int) -> str:
    """Shapes and what follows from them."""
    head = [
        "model",
        "hidden",
        "intermediate",
        "layers",
        "heads / KV",
        "vocabulary",
        "parameters",
        "LoRA",
        "KV per token",
    ]
    rows = [
        [
            name,
            str(m.hidden),
            str(m.intermediate),
            str(m.layers),
            f"{m.heads} / {m.kv_heads}",
            str(m.vocab),
            f"{m.parameters:,}",
            f"{m.lora(rank) / 1e6:.1f} M",
            f"{m.kv_bytes / 1024:.0f} KiB",
        ]
        for name, m in models.items()
    ]
    return table(head, rows)


def sampling_memory(models: dict[str, Backbone], work: Work, machine: Machine) -> str:
    """Weights, and how many samples decode together on each card."""
    head = ["model", "weights", *(f"samples at once, {card:.0f} GB" for card in CARDS)]
    rows = []
    for name, m in models.items():
        counts = [sequences_at_once(m, work, replace(machine, memory_gb=card)) for card in CARDS]
        rows.append([name, f"{m.weight_bytes(None) / 1e9:.1f} GB", *(str(n) if n else "does not fit" for n in counts)])
    return table(head, rows)


def training_memory(models: dict[str, Backbone], work: Work, machine: Machine, budget: int) -> str:
    """Memory by purpose at one token budget, and the largest budget of each card."""
    purposes = ("weights", "adapter", "activations", "head")
    head = ["model", "base", "recompute", *purposes, "total", *(f"budget, {card:.0f} GB" for card in CARDS)]
    rows = []
    for name, m in models.items():
        for base, recompute in ((None, False), (None, True), ("nf4", True)):
            parts = training_bytes(m, work, budget, recompute, base)
            budgets = [largest_budget(m, work, replace(machine, memory_gb=c), recompute, base) for c in CARDS]
            rows.append(
                [
                    name,
                    base or "bf16",
                    "yes" if recompute else "no",
                    *(f"{parts[purpose] / 1e9:.1f}" for purpose in purposes),
                    f"{total(parts) / 1e9:.1f} GB",
                    *(str(b) if b else "-" for b in budgets),
                ]
            )
    return table(head, rows)


def hours(models: dict[str, Backbone], work: Work, machine: Machine, decode: float | None, recompute: bool) -> str:
    """Hours per stage, a column per model."""
    fitting = {n: m for n, m in models.items() if decode is not None or decode_rate(m, work, machine) > 0}
    columns = {n: stage_hours(m, work, machine, decode, recompute) for n, m in fitting.items()}
    rates = {n: decode_rate(m, work, machine) if decode is None else decode for n, m in fitting.items()}
    rows = [["decoded tokens/s", *(f"{rate:,.0f}" for rate in rates.values())]]
    rows.append(["prompt tokens/s", *(f"{prefill_rate(m, machine):,.0f}" for m in fitting.values())])
    stages = next(iter(columns.values()), {})
    rows += [[stage, *(f"{column[stage]:.2f} h" for column in columns.values())] for stage in stages]
    run = [sum(h for s, h in column.items() if not s.startswith("select_tau")) for column in columns.values()]
    rows.append(["**one run** (without select_tau)", *(f"**{value:.1f} h**" for value in run)])
    return table(["", *fitting], rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--model", nargs="+", choices=BACKBONES, default=list(BACKBONES), help="files of conf/model")
    parser.add_argument("--decode", type=float, default=None, help="measured tokens/s, in place of the estimate")
    parser.add_argument("--token-budget", type=int, default=8192, help="training.runtime.layout.token_budget")
    parser.add_argument("--no-recompute", action="store_true", help="training.runtime.gradient_checkpointing=0")
    for cls in (Work, Machine):
        for field in fields(cls):
            default = field.default
            parser.add_argument(
                f"--{field.name.replace('_', '-')}", type=type(default), default=default, help=cls.__name__
            )
    options = vars(parser.parse_args(arguments))
    work = Work(**{field.name: options[field.name] for field in fields(Work)})
    machine = Machine(**{field.name: options[field.name] for field in fields(Machine)})
    models = {name: BACKBONES[name] for name in options["model"]}
    print(f"### Facts\n\n{facts(models, work.rank)}\n")
    print(f"### Memory: sampling\n\n{sampling_memory(models, work, machine)}\n")
    print(f"### Memory: training, GB\n\n{training_memory(models, work, machine, options['token_budget'])}\n")
    print(f"### Hours (estimate)\n\n{hours(models, work, machine, options['decode'], not options['no_recompute'])}")


if __name__ == "__main__":
    main()
