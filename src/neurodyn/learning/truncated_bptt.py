"""Back-propagation through time within windows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from neurodyn.config import check_range
from neurodyn.learning._credit import CreditRule
from neurodyn.models.parts.leaky_credit import Surrogate
from neurodyn.models.task_rnn import TaskRNN


@dataclass(frozen=True)
class TruncatedBPTTConfig:
    """Where credit ends."""

    window: int = 20
    """Bins of a window. They are counted from the last bin, so that the first window is the one that may be shorter."""
    leaks: bool = False
    """Whether credit crosses boundaries through the leak. True is the release's form (with windows of 10), which is neither truncated nor e-prop."""

    def __post_init__(self) -> None:
        check_range("rule.window", self.window, 1)


class TruncatedBPTT(CreditRule):
    """Back-propagation through time that is exact within windows; no credit crosses their boundaries, neither through recurrent connections nor through the leak.

    Activity itself goes on from window to window. Source: Williams & Peng 1990, doi:10.1162/neco.1990.2.4.490.
    """

    Config: ClassVar = TruncatedBPTTConfig

    def surrogate(self, model: TaskRNN) -> Surrogate:
        return Surrogate(model.weights, window=self.config.window, leaks=self.config.leaks)
