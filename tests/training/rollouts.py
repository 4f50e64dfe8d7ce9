"""Groups of rollouts: random responses to one prompt each, as if a sampler a little off the model had drawn them."""

from collections.abc import Sequence

import torch
from transformers import PreTrainedModel

from conself.training.data import Example, Response
from tests.training.training_world import END


def groups(shape: Sequence[int], seed: int = 0) -> list[Example]:
    """Problem p has ``shape[p]`` rollouts of 1 to 8 tokens; advantages and behaviour log-probs are random."""
    generator = torch.Generator().manual_seed(seed)

    def ids(low: int, high: int) -> tuple[int, ...]:
        n = int(torch.randint(low, high, (1,), generator=generator))
        return tuple(torch.randint(3, 64, (n,), generator=generator).tolist())

    made = []
    for p, size in enumerate(shape):
        prompt = ids(2, 7)
        responses = tuple(Response(prompt, (*ids(0, 8), END)) for _ in range(size))
        advantages = torch.randn(size, generator=generator)
        drawn = [-5 * torch.rand(len(r.tokens), generator=generator) for r in responses]
        signal, behaviour = tuple(advantages.tolist()), tuple(tuple(each.tolist()) for each in drawn)
        made.append(Example(f"p{p}", f"p{p}", responses, signal, behaviour))
    return made


def near_policy(examples: Sequence[Example], model: PreTrainedModel, off: float, seed: int = 0) -> list[Example]:
    """The same, drawn by ``model`` give or take ``off`` nats per token: ratios are around 1, some of them clipped."""
    generator = torch.Generator().manual_seed(seed)
    made = []
    for example in examples:
        behaviour = []
        for response in example.responses:
            with torch.no_grad():
                logits = model(input_ids=torch.tensor([[*response.prompt, *response.tokens]])).logits[0]
            start = len(response.prompt) - 1
            places = range(start, start + len(response.tokens))
            own = logits.log_softmax(-1)[list(places), list(response.tokens)]
            behaviour.append(tuple((own + off * torch.randn(len(own), generator=generator)).tolist()))
        made.append(Example(example.problem_id, example.name, example.responses, example.signal, tuple(behaviour)))
    return made
