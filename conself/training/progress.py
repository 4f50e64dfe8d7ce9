"""Show the progress of training: Lightning's bar on a terminal, lines elsewhere."""

from contextlib import ExitStack

from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.callbacks import Callback, RichProgressBar
from lightning.pytorch.utilities.types import STEP_OUTPUT

from conself.runtime.console import new_console
from conself.runtime.progress import Meter
from conself.training.data import Example


def progress_of(wanted: bool, total: int, n_taken: int) -> Callback | None:
    """Return a callback that shows the steps, if ``wanted``; earlier runs took ``n_taken`` of ``total`` steps."""
    if not wanted:
        return None
    return RichProgressBar() if new_console().is_terminal else StepLines(total, n_taken)


class StepLines(Callback):
    """A line every few seconds with the steps taken, their rate and the time left, and one at the end."""

    def __init__(self, total: int, n_taken: int) -> None:
        self._total = total
        self._taken = n_taken
        self._open = ExitStack()
        self._meter: Meter | None = None

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Start counting, after the steps that an earlier run took."""
        self._meter = self._open.enter_context(Meter(new_console(), "training", self._total, "steps", "steps"))
        self._meter.skip(self._taken)

    def on_train_batch_end(
        self,
        trainer: Trainer,  # noqa: ARG002
        pl_module: LightningModule,  # noqa: ARG002
        outputs: STEP_OUTPUT,  # noqa: ARG002
        batch: list[Example],  # noqa: ARG002
        batch_idx: int,  # noqa: ARG002
    ) -> None:
        """Count a step."""
        if self._meter is not None:
            self._meter.add()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:  # noqa: ARG002
        """Print the last line."""
        self._open.close()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:  # noqa: ARG002
        """Print the steps taken before the error."""
        self._open.close()
