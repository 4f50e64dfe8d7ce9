"""The learner of one process: log-probs of its share of a global batch, its loss, and one optimiser step."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor

from conself.engines.decoding import Decoding
from conself.engines.transformers.ledger import Completion, Request
from conself.losses.output import LogProbs, Loss, LossOutput, MeanOver, Signal
from conself.models.transformers import device_of, fingerprint
from conself.records import ModelRef
from conself.training.checkpoints import restore, state, trainable, write
from conself.training.data import Example, deal
from conself.training.micro_batches import MicroBatch
from conself.training.policy.drawing import draw
from conself.training.policy.recompute import checkpoint_layers
from conself.training.policy.tuning import Policy
from conself.training.reference import Reference, computed, identity, reference_log_probs, stored
from conself.training.schedules import Schedule
from conself.training.settings import Training, sharing_of
from conself.training.strategies.ranks import ALONE, Ranks
from conself.training.suitability import check_policy, check_rows

_STEPS = "steps_taken"
"""The key in a state's header for the number of steps, which the schedule depends on."""


class DeviceLearner:
    """Trains the parameters of ``policy`` that require gradients: a :class:`~conself.training.learner.Learner`.

    ``ranks`` identifies this process among those that train together; all of them make the same calls with the same
    arguments, in the same order.
    """

    def __init__(
        self,
        policy: Policy,
        loss: Loss,
        settings: Training,
        schedule: Schedule,
        reference: Reference | None,
        ranks: Ranks = ALONE,
    ) -> None:
        self.policy = policy
        self.loss = loss
        self.settings = settings
        self.schedule = schedule
        self.reference = reference
        self.ranks = ranks
        self.layout = settings.runtime.layout
        self.sharing = sharing_of(settings.runtime, ranks)
        self.parameters = list(trainable(policy.model).values())
        rate, decay = settings.learning_rate, settings.weight_decay
        self.optimizer = torch.optim.AdamW(self.parameters, rate, weight_decay=decay, fused=True)
        self.steps_taken = 0

    def step(self, examples: Sequence[Example]) -> dict[str, float]:
        """Take one optimiser step on the exact mean loss of a global batch, however it is cut into micro-batches."""
        if not examples:
            raise ValueError("there is nothing to learn from in this step; leave it out")
        units = units_of(examples, self.loss.mean_over)
        check_rows(self.policy, self.layout, units)
        rate = self.settings.learning_rate * self.schedule(self.steps_taken)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        sums, most = self._backward(units)
        means = self.ranks.totals(sums, self.policy.model.device)
        highest = self.ranks.greatest(most, self.policy.model.device)
        self.sharing.add_gradients(self.parameters)
        norm = _whole(torch.nn.utils.get_total_norm([p.grad for p in self.parameters if p.grad is not None]))
        _require_finite("gradient norm", norm, examples, self.steps_taken)
        if self.settings.gradient_clip is not None:
            torch.nn.utils.clip_grads_with_norm_(self.parameters, self.settings.gradient_clip, norm)
        self.optimizer.step()
        self.steps_taken += 1
        return {**means, **highest, "learning_rate": rate, "grad_norm": norm.item()}

    def draw(
        self, model: ModelRef, requests: Sequence[Request], how: Decoding, batch_size: int
    ) -> list[list[Completion]]:
        """Draw completions from the current weights."""
        if self.ranks.count > 1:
            raise ValueError("responses are drawn from a model on one device; set training.runtime.devices=1")
        return draw(self.policy, model, requests, how, batch_size)

    def save(self, folder: Path) -> None:
        """Write the trained weights, in the first process."""
        weights = self.sharing.weights(self.policy.model)
        if self.ranks.first:
            self.policy.save(folder, weights)

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the trained parameters, by name."""
        return {name: tuple(parameter.shape) for name, parameter in trainable(self.policy.model).items()}

    def save_state(self, path: Path, facts: Mapping[str, str]) -> None:
        """Gather the state from all processes; the first one writes."""
        tensors = state(self.policy.model, self.optimizer, keep=self.ranks.first)
        if self.ranks.first:
            write(path, tensors, {**facts, _STEPS: str(self.steps_taken)})

    def load_state(self, path: Path) -> None:
        """Load the state; every process reads its own part."""
        facts = restore(path, self.policy.model, self.optimizer)
        self.steps_taken = int(facts[_STEPS])

    def _backward(self, units: Sequence[Example]) -> tuple[Mapping[str, float], Mapping[str, float]]:
        """Compute gradients on this process's share; return its part of the means, and its maxima."""
        means: dict[str, float] = defaultdict(float)
        highest: dict[str, float] = {}
        count = number_of(units, self.loss.mean_over)
        for piece, counted in self._share(units):
            micro_batch = self.layout.lay(piece)
            output = self._loss(micro_batch)
            loss = output.losses.sum() * (counted / count)
            _require_finite("loss", loss, micro_batch.examples, self.steps_taken)
            loss.backward()
            means["loss"] += loss.item()
            for name, values in output.diagnostics.items():
                means[name] += values.sum().item() * (counted / count)
            for name, values in output.highest.items():
                highest[name] = max(highest.get(name, -math.inf), values.max().item())
        return means, highest

    def _share(self, units: Sequence[Example]) -> list[tuple[list[Example], int]]:
        """Cut this process's share of a global batch into pieces, each with weight 1.

        Processes with fewer pieces than others add a shortest example with weight 0, because FSDP gathers weights and
        sums gradients in every pass, which takes all processes.
        """
        cuts = [self.layout.cut(share) for share in deal(units, self.ranks.count)]
        mine = [(piece, 1) for piece in cuts[self.ranks.index]]
        shortest = min(units, key=lambda example: sum(map(len, example.responses)))
        return mine + [([shortest], 0)] * (max(map(len, cuts)) - len(mine))

    def _loss(self, micro_batch: MicroBatch) -> LossOutput:
        reference = None
        if self.reference is not None:
            tokens = self.reference(micro_batch).to(self.policy.model.device)
            reference = LogProbs(tokens, micro_batch.lengths)
        policy = LogProbs(self.policy.scorer(micro_batch), micro_batch.lengths)
        return self.loss(policy, reference, signal_of(micro_batch).to(policy.tokens.device))


def open_here(
    model: ModelRef,
    settings: Training,
    loss: Loss,
    seed: int,
    schedule: Schedule,
    examples: Sequence[Example],
    references: Path | None,
    ranks: Ranks = ALONE,
) -> DeviceLearner:
    """Build the learner in each of the processes that train together; arguments as for ``open_learner``."""
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    if not examples:
        raise ValueError("a learner is opened with examples to try out, got none; give some like those to come")
    units = units_of(examples, loss.mean_over)
    policy = settings.tuning(model, str(ranks.device(device_of(settings.runtime.device))), seed)
    checkpoint_layers(policy.model, settings.runtime.gradient_checkpointing)
    check_policy(policy, settings, units)
    sharing = sharing_of(settings.runtime, ranks)
    sharing.spread(policy.scorer, policy.model.device)
    reference = None
    if loss.needs_reference and references is None:
        reference = computed(policy, sharing)
    elif loss.needs_reference and references is not None:
        layout, progress = settings.runtime.layout, settings.runtime.progress and ranks.first
        reference_identity = identity(policy, layout, fingerprint(model))
        reference = stored(reference_log_probs(policy, layout, units, reference_identity, references, progress, ranks))
    sharing.settle(policy.scorer)
    return DeviceLearner(policy, loss, settings, schedule, reference, ranks)


def units_of(examples: Sequence[Example], mean_over: MeanOver) -> list[Example]:
    """Split examples into units that a loss can treat separately: whole pairs, or else single responses.

    So a group of rollouts that exceeds the token budget can be cut, and only as far as necessary.
    """
    if mean_over == "pairs":
        return list(examples)
    return [one for example in examples for one in example.apart()]


def number_of(units: Sequence[Example], mean_over: MeanOver) -> int:
    """Count the pairs, responses or tokens in ``units`` that the loss is averaged over."""
    if mean_over == "tokens":
        return sum(len(response.tokens) for example in units for response in example.responses)
    return len(units)


def signal_of(micro_batch: MicroBatch) -> Signal:
    """Convert the signals of a micro-batch's examples to tensors."""
    examples = micro_batch.examples
    values = torch.tensor([example.signal for example in examples], dtype=torch.float64)
    noted = [values for example in examples if example.behaviour is not None for values in example.behaviour]
    whole = len(noted) == micro_batch.places.numel()
    behaviour = torch.tensor([value for each in noted for value in each], dtype=torch.float64) if whole else None
    return Signal(micro_batch.places, values, behaviour)


def _whole(value: Tensor) -> Tensor:
    return value.full_tensor() if isinstance(value, DTensor) else value


def _require_finite(what: str, value: Tensor, examples: Sequence[Example], step: int) -> None:
    if not bool(torch.isfinite(value)):
        problems = ", ".join(dict.fromkeys(example.problem_id for example in examples))
        raise FloatingPointError(
            f"{what} is {value.item()} at step {step} (problems: {problems}); "
            "lower training.learning_rate, or inspect these problems' responses"
        )
