"""Lightning's strategy for processes that add their gradients up themselves."""

from lightning.pytorch.strategies import DDPStrategy


class Unwrapped(DDPStrategy):
    """Without DistributedDataParallel around the module: its reducer takes a second copy of all gradients, averages
    what is to be added up, and wants every process to go backward as often as the others.
    """

    def configure_ddp(self) -> None:
        """Leave the module as it is."""
