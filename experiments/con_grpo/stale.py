"""vLLM that goes on with the first adapter it was given: what Con-GRPO's canary must tell.

``rollouts.engine._target_=experiments.con_grpo.stale.StaleVllm`` after ``engine@rollouts.engine=vllm``: the job must
end at step 1, before anything is drawn by the wrong weights.
"""

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from conself.engines.decoding import Decoding
from conself.engines.transformers.ledger import Completion, Request
from conself.engines.vllm.engine import VllmEngine
from conself.records import ModelRef


class StaleVllm(VllmEngine):
    """Draws by the adapter of step 0, whatever adapter it is asked for."""

    def tokens(self, requests: Sequence[Request], how: Decoding, model: ModelRef) -> list[list[Completion]]:
        """Return completions by the first adapter."""
        return super().tokens(requests, how, replace(model, adapter=_first(str(Path(str(model.adapter)).parents[1]))))


@cache
def _first(worn: str) -> str:
    """A copy of the one adapter that is there when step 0 begins; each goes when the next is made."""
    (adapter,) = Path(worn).glob("step-*/*")
    kept = Path(tempfile.mkdtemp(prefix="stale-")) / adapter.name
    return str(shutil.copytree(adapter, kept))
