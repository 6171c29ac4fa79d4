"""Options of `TaskRNN`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from neurodyn.config import check_choices, check_range
from neurodyn.errors import InvalidInput
from neurodyn.models.parts.leaky_recurrence import Form
from neurodyn.models.parts.nonlinearities import nonlinearity


@dataclass(frozen=True)
class TaskRNNConfig:
    """Size, dynamics and constraints of a task-trained network."""

    mode: Literal["default", "release"] = "default"
    """`default`: as documented here. `release`: as released: one time constant of ten bins, gain 1, and a readout that starts 1.01 times as large, as in every initial checkpoint that was published."""
    units: int = 200
    """Units of the network, N."""
    form: Form = "potential"
    """What leaks: `potential`, a ← (1−α) a + α (W φ(a) + W_in x + b); or `rate`, r ← (1−α) r + α φ(W r + W_in x + b). Two different networks."""
    nonlinearity: str = "retanh"
    """φ: retanh, linear, logistic, softplus, relu, swish, mish, gelu, elu, tanh, scaled_tanh, hard_tanh or sign."""
    time_constants_s: tuple[float, ...] = ()
    """Time constants in seconds, dealt out to units in turn. Empty takes 5, 10, 20, 50, 100 and 200 bins (released: 10 for all): the leak of slow units then bridges delays, which matters most for rules that see credit through the leak alone."""
    gain: float | None = None
    """g0: recurrent weights start as 1.5 g0 N(0, 1/N), of spectral radius about 1.5 g0. Empty takes 0.5 (released: 1)."""
    density: float = 1.0
    """Part of the recurrent connections that exist, drawn once."""
    dale: bool = False
    """Whether a unit's outgoing weights have one sign: 80 % of the units excite, the others inhibit, and none connects to itself."""
    cell_types: int = 0
    """With `dale`, cell types of each sign: half of the pairs of types are connected, and the weights onto a unit start with an absolute sum of 1. 0 has none."""
    activity_noise: float = 0.0
    """Standard deviation of the noise that is added to activity in training."""
    released_seed: int | None = None
    """Start from the weights that the release of the learning-rule study draws for this seed; empty draws by the run's seed."""

    def __post_init__(self) -> None:
        check_choices(self, "model")
        check_range("model.units", self.units, 1)
        nonlinearity(self.nonlinearity)
        for value in self.time_constants_s:
            check_range("model.time_constants_s", value, 0, open_low=True)
        if len(self.time_constants_s) > self.units:
            raise InvalidInput(
                "model.time_constants_s", f"{len(self.time_constants_s)} values", f"at most {self.units}"
            )
        if self.gain is not None:
            check_range("model.gain", self.gain, 0)
        check_range("model.density", self.density, 0, 1, open_low=True)
        check_range("model.cell_types", self.cell_types, 0)
        check_range("model.activity_noise", self.activity_noise, 0)
        if self.cell_types and not self.dale:
            raise InvalidInput("model.cell_types", self.cell_types, "0 without dale", "Set model.dale=true.")
        if self.cell_types > self.units - int(0.8 * self.units):
            fix = "Give fewer cell types, or more units."
            raise InvalidInput("model.cell_types", self.cell_types, "at most one for every inhibitory unit", fix)
        if self.released_seed is not None:
            check_range("model.released_seed", self.released_seed, 0)
            if self.dale or self.density < 1:
                fix = "Leave model.released_seed out."
                raise InvalidInput("model.released_seed", self.released_seed, "nothing with constraints", fix)
