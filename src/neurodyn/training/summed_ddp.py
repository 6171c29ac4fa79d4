"""Lightning's strategy for several processes, as far as training here uses it."""

from __future__ import annotations

from pytorch_lightning.strategies import DDPStrategy


class SummedDDP(DDPStrategy):  # type: ignore[misc]  # Lightning is untyped to mypy here
    """Lightning's ranks, devices and barriers, without its wrapper: that averages the gradients of one backward pass, where rules may run many; they are summed in the training step."""

    def configure_ddp(self) -> None:
        """Leaves the module as it is."""
