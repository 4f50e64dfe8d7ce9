"""One training step: log-probs of a global batch, its loss, one optimiser step."""

import math
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence

import torch
from lightning.pytorch import LightningModule
from torch import Tensor
from torch.distributed.tensor import DTensor

from conself.losses.output import LogProbs, Loss, LossOutput
from conself.training.data import Response, TokenPair, deal
from conself.training.devices.ranks import ALONE, Ranks
from conself.training.micro_batches import MicroBatch
from conself.training.policy.tuning import Policy
from conself.training.scorer.log_probs import response_sums
from conself.training.settings import Training, sharing_of


def learning_rate_factor(step: int, total: int, warmup_ratio: float) -> float:
    """Share of the peak learning rate at ``step`` (from 0) of ``total``: linear warm-up, then half a cosine to 0.

    Warm-up takes the first w = ceil(warmup_ratio * total) steps: (step + 1) / w, so that no step is without effect.
    """
    warmup = math.ceil(warmup_ratio * total)
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1.0 + math.cos(math.pi * (step - warmup) / (total - warmup)))


class PreferenceModule(LightningModule):
    """Trains the parameters of ``policy`` that require gradients; ``reference`` holds nats per response, or is empty.

    ``curve`` collects one row per step: loss, learning_rate, grad_norm, mean_weight and the loss's diagnostics,
    each a mean over the pairs of the global batch; grad_norm is the norm before clipping. ``n_tokens`` counts the
    response tokens of the pairs trained on, each time that they are. Loggers get all this as ``train/NAME``, and
    ``train/tokens_per_second``, which no curve keeps: a training that was resumed has the same curve to the last bit.
    """

    def __init__(
        self,
        policy: Policy,
        loss: Loss,
        reference: Mapping[Response, float],
        settings: Training,
        total_steps: int,
        ranks: Ranks = ALONE,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.model = policy.model
        self.scorer = policy.scorer
        self.layout = settings.runtime.layout
        self.loss = loss
        self.reference = reference
        self.settings = settings
        self.total_steps = total_steps
        self.ranks = ranks
        self.sharing = sharing_of(settings.runtime, ranks)
        self.trainable = [parameter for parameter in policy.model.parameters() if parameter.requires_grad]
        self.curve: list[dict[str, float]] = []
        self.n_tokens = 0

    def configure_model(self) -> None:
        """Nothing: devices share the model from before its reference was worked out."""

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """AdamW over the trainable parameters only."""
        rate, decay = self.settings.learning_rate, self.settings.weight_decay
        return torch.optim.AdamW(self.trainable, rate, weight_decay=decay, fused=True)

    def training_step(self, batch: Sequence[TokenPair], batch_idx: int) -> None:  # noqa: ARG002
        """One optimiser step on the exact mean loss of a global batch, however it is cut into micro-batches.

        Raises:
            FloatingPointError: loss or gradient is not finite; names the problems at hand.
        """
        began = time.perf_counter()
        optimizer = self.optimizers()
        if isinstance(optimizer, list):
            raise TypeError("expected one optimiser")
        rate = self.settings.learning_rate * learning_rate_factor(
            len(self.curve), self.total_steps, self.settings.warmup_ratio
        )
        for group in optimizer.param_groups:
            group["lr"] = rate
        optimizer.zero_grad()
        means: dict[str, float] = defaultdict(float)
        for piece, counted in self._share(batch):
            micro_batch = self.layout.lay(piece)
            output = self._loss(micro_batch)
            loss = output.losses.sum() * (counted / len(batch))
            _require_finite("loss", loss, micro_batch.pairs, len(self.curve))
            loss.backward()
            means["loss"] += loss.item()
            for name, values in output.diagnostics.items():
                means[name] += values.sum().item() * (counted / len(batch))
        means = self.ranks.totals(means, self.device)
        self.sharing.add_gradients(self.trainable)
        norm = _whole(torch.nn.utils.get_total_norm([p.grad for p in self.trainable if p.grad is not None]))
        _require_finite("gradient norm", norm, batch, len(self.curve))
        if self.settings.gradient_clip is not None:
            torch.nn.utils.clip_grads_with_norm_(self.trainable, self.settings.gradient_clip, norm)
        optimizer.step()
        mean = sum(pair.winner_weight for pair in batch) / len(batch)
        row = {**means, "learning_rate": rate, "grad_norm": norm.item(), "mean_weight": mean}
        n_tokens = sum(len(response.tokens) for pair in batch for response in pair.responses)
        self.n_tokens += n_tokens
        self._record(row, n_tokens / (time.perf_counter() - began), len(batch))

    def _share(self, batch: Sequence[TokenPair]) -> list[tuple[list[TokenPair], int]]:
        """The pieces of a global batch for this process, each with 1: it counts.

        Those with fewer pieces than others go on with a shortest pair that counts 0, for FSDP gathers weights and adds
        up gradients in every pass, which takes all processes; they would wait for the others anyway.
        """
        cuts = [self.layout.cut(share) for share in deal(batch, self.ranks.count)]
        mine = [(piece, 1) for piece in cuts[self.ranks.index]]
        shortest = min(batch, key=lambda pair: sum(map(len, pair.responses)))
        return mine + [([shortest], 0)] * (max(map(len, cuts)) - len(mine))

    def _loss(self, micro_batch: MicroBatch) -> LossOutput:
        policy = response_sums(self.scorer(micro_batch), micro_batch)
        reference = None
        if self.loss.needs_reference:
            sums = [self.reference[response] for response in micro_batch.responses]
            reference = _per_pair(torch.tensor(sums, dtype=policy.dtype, device=policy.device), micro_batch)
        values = [pair.winner_weight for pair in micro_batch.pairs]
        winner_weight = torch.tensor(values, dtype=policy.dtype, device=policy.device)
        return self.loss(_per_pair(policy, micro_batch), reference, winner_weight)

    def _record(self, row: dict[str, float], speed: float, batch_size: int) -> None:
        self.log("step", float(len(self.curve)))  # what loggers count by; Lightning counts from a resumption on
        self.curve.append(row)
        for name, value in {**row, "tokens_per_second": speed}.items():  # all devices', without what is between steps
            self.log(f"train/{name}", value, prog_bar=name == "loss", batch_size=batch_size)  # more is a second line


def _per_pair(values: Tensor, micro_batch: MicroBatch) -> LogProbs:
    """Log-probs of responses [n_responses] as those of the pairs [N] that refer to them."""
    return LogProbs(
        chosen=values[micro_batch.chosen.to(values.device)],
        rejected=None if micro_batch.rejected is None else values[micro_batch.rejected.to(values.device)],
        chosen_tokens=torch.tensor([len(pair.chosen.tokens) for pair in micro_batch.pairs], device=values.device),
    )


def _whole(value: Tensor) -> Tensor:
    return value.full_tensor() if isinstance(value, DTensor) else value


def _require_finite(what: str, value: Tensor, pairs: Sequence[TokenPair], step: int) -> None:
    if not bool(torch.isfinite(value)):
        problems = ", ".join(dict.fromkeys(pair.problem_id for pair in pairs))
        raise FloatingPointError(
            f"{what} is {value.item()} at step {step} (problems: {problems}); "
            "lower training.learning_rate, or look at these problems' pairs"
        )
