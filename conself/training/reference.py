"""Reference log-probs: computed once, stored per token on disk, and reused by later training runs.

A tau sweep, another seed or loss, a second epoch all need the same numbers. Each problem is laid out separately, so
that its values depend on nothing else: neither on the curriculum nor on the content of the store.
"""

import hashlib
import json
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch import Tensor

from conself.runtime.console import new_console
from conself.runtime.locks import locked
from conself.runtime.progress import Meter
from conself.store.artifacts import write_whole
from conself.training.data import Example, Response
from conself.training.layouts.padded import Layout
from conself.training.micro_batches import MicroBatch, distinct, grouped
from conself.training.policy.tuning import Policy
from conself.training.scorer.log_probs import is_frozen
from conself.training.strategies.distributed import Sharing
from conself.training.strategies.ranks import ALONE, Ranks

log = logging.getLogger(__name__)

Values = NDArray[np.float32]
Reference = Callable[[MicroBatch], Tensor]
"""The reference's log-probs of a micro-batch's response tokens, response after response: [S], float32, in nats."""
_SCHEMA = pa.schema({"piece": pa.string(), "log_probs": pa.list_(pa.float32())})
_PIECES_PER_FILE = 256
_MANIFEST = "manifest.json"
_TOLERANCE = {torch.float32: 1e-3, torch.bfloat16: 0.1, torch.float16: 0.02}
"""Nats per square root of the number of tokens, by which a sum may differ from its own repetition."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Everything that reference log-probs depend on besides the tokens; ``model`` is a content fingerprint.

    ``weights`` is the dtype of the stored weights, ``dtype`` that of computation: full fine-tuning stores more
    precision than it computes with, and operations other than products (norms, sums) stay more precise than in a model
    of ``dtype``. ``head`` distinguishes frozen heads from others, whose sums have another order, so that the tables of
    one tuning change no bit of another's training run.
    """

    model: str
    weights: str
    dtype: str
    layout: str
    attention: str
    head: str
    device: str
    threads: int
    torch: str

    @property
    def key(self) -> str:
        """The name of the table's folder."""
        return hashlib.sha256(json.dumps(self.facts()).encode()).hexdigest()

    def facts(self) -> dict[str, str | int]:
        """Return the fields by name."""
        return {name: getattr(self, name) for name in self.__slots__}


def identity(policy: Policy, layout: Layout, fingerprint: str) -> Identity:
    """Build the identity of a policy's reference in a layout, on this machine."""
    device = policy.model.device
    on_gpu = device.type == "cuda"
    return Identity(
        model=fingerprint,
        weights=str(policy.model.dtype).removeprefix("torch."),
        dtype=str(policy.dtype).removeprefix("torch."),
        layout=type(layout).__name__,
        attention=str(policy.model.config._attn_implementation),
        head="frozen" if is_frozen(policy.model.get_output_embeddings()) else "other",
        device=torch.cuda.get_device_name(device) if on_gpu else device.type,
        threads=0 if on_gpu else torch.get_num_threads(),  # they decide the order in which a CPU adds up
        torch=torch.__version__,
    )


@torch.no_grad()
def reference_log_probs(
    policy: Policy,
    layout: Layout,
    examples: Sequence[Example],
    owner: Identity,
    root: Path,
    progress: bool,
    ranks: Ranks = ALONE,
) -> dict[Response, Values]:
    """Return the log-probs of every response's tokens, in nats, from the table of ``owner`` under ``root``.

    Missing entries are computed and added, file by file, so that a killed run can resume. One existing entry is
    recomputed; if it differs, a warning is logged and the table is rebuilt. Processes that want the same table take
    turns; those that train together share the work, and the first of them reads and writes.
    """
    problems = grouped(examples, lambda example: example.prompt)
    pieces = {_name(piece): piece for problem in problems for piece in layout.cut(problem)}
    folder = root / owner.key
    folder.mkdir(parents=True, exist_ok=True)
    lock = locked(root / f".{owner.key}.lock", f"reference {owner.key[:12]}") if ranks.first else nullcontext()
    with lock, policy.reference():
        if ranks.first:
            _introduce(root, folder, owner)
        table = ranks.agreed(_read(folder) if ranks.first else {})
        if not ranks.agreed(_still_true(policy, layout, pieces, table)):
            if ranks.first:
                for path in folder.glob("*.parquet"):
                    path.unlink()
            table = {}
        missing = [name for name in pieces if name not in table]
        shown = progress and bool(missing)
        with Meter(new_console(quiet=not shown), "reference", len(missing), "pieces", "pieces") as meter:
            for part in _files(missing):
                share = ranks.share(part)
                added = ranks.united({name: _values(policy, layout, pieces[name]) for name in meter.each(share)})
                meter.add(len(part) - len(share))  # the others' share
                if ranks.first:
                    _write(folder, {name: added[name] for name in part})
                table |= added
    return {
        response: value
        for name, piece in pieces.items()
        for response, value in _split(distinct(piece), table[name]).items()
    }


def stored(table: Mapping[Response, Values]) -> Reference:
    """Return a reference that looks up responses in ``table``, which must have them all."""

    def log_probs(micro_batch: MicroBatch) -> Tensor:
        return torch.from_numpy(np.concatenate([table[response] for response in micro_batch.responses]))

    return log_probs


def computed(policy: Policy, sharing: Sharing) -> Reference:
    """Return a reference for responses that are new in each step: another pass of the model, without the adapter.

    Raises:
        ValueError: the policy no longer has its reference after a step.
    """
    if not policy.reference_stays:
        raise ValueError(
            "all weights are trained, so that nothing is left to be the reference of new responses; choose "
            "training=lora, or a loss without reference (loss.beta=0)"
        )

    @torch.no_grad()
    def log_probs(micro_batch: MicroBatch) -> Tensor:
        with policy.reference():
            values: Tensor = policy.scorer(micro_batch)
        sharing.settle(policy.scorer)
        return values

    return log_probs


def _values(policy: Policy, layout: Layout, piece: Sequence[Example]) -> Values:
    """Compute the log-probs of every distinct response, in the examples' order, whatever the layout's."""
    batch = layout.lay(piece)
    parts = _split(batch.responses, policy.scorer(batch).cpu().numpy())
    return np.concatenate([parts[response] for response in distinct(piece)])


def _split(responses: Sequence[Response], values: Values) -> dict[Response, Values]:
    ends = np.cumsum([len(response.tokens) for response in responses])[:-1]
    return dict(zip(responses, np.split(values, ends), strict=True))


def _sums(piece: Sequence[Example], values: Values) -> dict[Response, float]:
    parts = _split(distinct(piece), values)
    return {response: float(part.sum(dtype=np.float64)) for response, part in parts.items()}


def _name(piece: Sequence[Example]) -> str:
    tokens = [[example.prompt, *(response.tokens for response in example.responses)] for example in piece]
    return hashlib.sha256(json.dumps(tokens).encode()).hexdigest()


def _files(names: Sequence[str]) -> Iterator[Sequence[str]]:
    return (names[start : start + _PIECES_PER_FILE] for start in range(0, len(names), _PIECES_PER_FILE))


def _introduce(root: Path, folder: Path, owner: Identity) -> None:
    """Write a new table's manifest; if there are others, log why they cannot be used."""
    if (folder / _MANIFEST).is_file():
        return
    others = [json.loads(path.read_text()) for path in sorted(root.glob(f"*/{_MANIFEST}"))]
    changes = [
        [
            f"{name} is {value}, not {other.get(name)}"
            for name, value in owner.facts().items()
            if other.get(name) != value
        ]
        for other in others
        if other["model"] == owner.model
    ]
    if changes:
        nearest = min(changes, key=len)
        log.warning("reference log-probs are recomputed: %s", ", ".join(nearest))
    write_whole(folder / _MANIFEST, lambda path: path.write_text(json.dumps(owner.facts(), indent=1)))


def _still_true(
    policy: Policy, layout: Layout, pieces: Mapping[str, Sequence[Example]], table: Mapping[str, Values]
) -> bool:
    name = next((name for name in pieces if name in table), None)
    if name is None:
        return True
    piece = pieces[name]
    old, new = _sums(piece, table[name]), _sums(piece, _values(policy, layout, piece))
    off = {response: abs(old[response] - new[response]) for response in old}
    if all(off[response] <= _TOLERANCE[policy.dtype] * math.sqrt(len(response.tokens)) for response in off):
        return True
    log.warning("stored reference log-probs are off by %.3g nats: they are recomputed", max(off.values()))
    return False


def _write(folder: Path, values: Mapping[str, Values]) -> None:
    table = pa.table({"piece": list(values), "log_probs": list(values.values())}, schema=_SCHEMA)
    name = hashlib.sha256("".join(values).encode()).hexdigest()[:32]
    write_whole(
        folder / f"{name}.parquet",
        lambda path: pq.write_table(table, path, compression="zstd", write_page_checksum=True),
    )


def _read(folder: Path) -> dict[str, Values]:
    values_by_piece: dict[str, Values] = {}
    for path in sorted(folder.glob("*.parquet")):
        try:
            table = pq.read_table(path, page_checksum_verification=True).cast(_SCHEMA)
        except (OSError, ValueError, pa.ArrowException) as error:
            log.warning("%s cannot be read (%s): its reference log-probs are recomputed", path, error)
            path.unlink()
            continue
        for name, values in zip(table["piece"].to_pylist(), table["log_probs"], strict=True):
            values_by_piece[str(name)] = values.values.to_numpy()
    return values_by_piece
