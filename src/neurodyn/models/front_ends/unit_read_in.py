"""Front end (b): every subject has linear maps of its own from its units and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from neurodyn.config import check_range
from neurodyn.data.spec import SessionSpec
from neurodyn.models.front_ends.base import FrontEnd


@dataclass(frozen=True)
class UnitReadInConfig:
    """Width of the shared features."""

    features: int = 64
    """Features that all subjects' units are mapped to."""

    def __post_init__(self) -> None:
        check_range("model.front_end.features", self.features, 1)


class UnitReadIn(FrontEnd):
    """A linear read-in and read-out a subject, trained with everything else.

    A subject that took no part in training cannot be encoded, unless it is calibrated on a few trials (`calibrate`) or maps
    of its own are trained while all else stays as it is (`adapt`).
    """

    Config: ClassVar = UnitReadInConfig
    subject_free: ClassVar[bool] = False
    config: UnitReadInConfig

    def __init__(self, config: UnitReadInConfig, parameters: int) -> None:
        super().__init__(config, parameters)
        self.read_in, self.read_out = nn.ModuleList(), nn.ModuleList()

    @property
    def width(self) -> int:
        return self.config.features

    def add(self, session: SessionSpec) -> None:
        into = nn.Linear(session.heldin, self.config.features)
        nn.init.normal_(into.weight, std=session.heldin**-0.5)
        self.read_in.append(into)
        self.read_out.append(nn.Linear(self.config.features, session.units * self.parameters_per_unit))

    def own(self, session: int) -> list[nn.Parameter]:
        return [*self.read_in[session].parameters(), *self.read_out[session].parameters()]

    def encode(self, activity: Tensor, known: Tensor | None, session: int) -> Tensor:
        return self.read_in[session](activity)  # type: ignore[no-any-return]

    def decode(self, features: Tensor, session: int) -> Tensor:
        found: Tensor = self.read_out[session](features)
        return found.reshape(*found.shape[:2], -1, self.parameters_per_unit)
