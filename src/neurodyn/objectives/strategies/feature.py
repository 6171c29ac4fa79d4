"""Feature distillation: hidden states, layer by layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.config import check_choices
from neurodyn.errors import InvalidInput
from neurodyn.objectives.strategies.base import Account, Strategy, mean_over


@dataclass(frozen=True)
class FeatureConfig:
    """Which hidden states are compared, and through what."""

    map: Literal["linear", "none"] = "linear"
    """`linear`: a map from the student's state to the teacher's, trained beside the student, one a layer; it starts at the identity where widths are equal. `none`: states as they are, which must be as wide."""
    layers: tuple[str, ...] = ()
    """Names in `Output.hidden`; by default all that both have in every bin."""

    def __post_init__(self) -> None:
        check_choices(self, "feature")


class Feature(Strategy):
    """Squared difference of log rates plus that of hidden states: hard + Σ_l mean (LN(A_l h_S,l) − LN(h_T,l))², over bins of the region and width.

    LN normalises each state to mean 0 and variance 1 over its width; A_l is trained beside the student and thrown away. In the published code the list of layers is
    empty, so that it equals `hard` (`release`). Source: Guo et al. 2025, arXiv:2410.13872.
    """

    Config: ClassVar = FeatureConfig
    uses_hidden: ClassVar[bool] = True

    def __init__(self, config: FeatureConfig | None = None, release: bool = False) -> None:
        super().__init__(config, release)
        self.maps = nn.ModuleDict()
        """The map of each layer that is compared; names hold no dots."""
        self._layers: tuple[str, ...] = ()

    def match(self, student: Mapping[str, Tensor], teacher: Mapping[str, Tensor]) -> None:
        """Chooses the layers and makes their maps.

        Raises:
            InvalidInput: no hidden states in common, a layer that one of the two lacks, or other widths without a map.
        """
        common = tuple(name for name in student if name in teacher)
        listed = [", ".join(hidden) or "none" for hidden in (student, teacher)]
        got = f"hidden states {listed[0]} of the student and {listed[1]} of the teacher"
        if not common:
            raise InvalidInput(
                "objective.strategy",
                f"feature with {got}",
                "hidden states of the same name and number of bins in both",
                "Choose hard, soft, correlation or poisson_kl, or a teacher of the same kind.",
            )
        missing = [name for name in self.config.layers if name not in common]
        if missing:
            raise InvalidInput(
                "objective.strategy.layers", missing[0], f"some of {', '.join(common)}", f"There are {got}."
            )
        self._layers = self.config.layers or common
        for name in self._layers:
            mine, theirs = student[name].shape[-1], teacher[name].shape[-1]
            if self.config.map == "none":
                if mine != theirs:
                    raise InvalidInput(
                        "objective.strategy.map",
                        f"none, with {name} of width {mine} in the student and {theirs} in the teacher",
                        "equal widths",
                        "Use map=linear.",
                    )
                continue
            linear = nn.Linear(mine, theirs)
            if mine == theirs:
                with torch.no_grad():
                    nn.init.eye_(linear.weight)
                    nn.init.zeros_(linear.bias)
            self.maps[_place(name)] = linear

    def forward(self, student: Account, teacher: Account, region: Tensor) -> Tensor:
        loss = mean_over((student.log_rates - teacher.log_rates).square(), region)
        bins = region.amax(2)
        for name in self._layers:
            mine, theirs = student.hidden[name], teacher.hidden[name]
            if self.config.map == "linear":
                mine = self.maps[_place(name)](mine)
            apart = F.layer_norm(mine, mine.shape[-1:]) - F.layer_norm(theirs, theirs.shape[-1:])
            loss = loss + mean_over(apart.square().mean(-1), bins)
        return loss


def _place(name: str) -> str:
    """Key of a layer's map; a module's name holds no dots."""
    return name.replace(".", "_")
