"""The settings of LangevinFlow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from neurodyn import registry
from neurodyn.config import Part, check_choices, check_range, resolve_parts
from neurodyn.errors import InvalidInput, UnknownName
from neurodyn.models.parts.behaviour_encoder import BehaviourConfig
from neurodyn.models.parts.published_langevin import PublishedConfig
from neurodyn.models.potentials.oscillator import OscillatorConfig


@dataclass(frozen=True)
class LangevinFlowConfig:
    """Physics, sizes and regularisation of LangevinFlow."""

    mode: Literal["default", "release", "paper"] = "default"
    """`default`: as documented here. `release`: as the public code runs it. `paper`: the same with the alignment and the KL that the paper states. Both take `size`, `coordinated_dropout` and `published`, and nothing else of what follows."""
    size: int | None = None
    """D: dimensions of the position, and of the velocity; with `oscillator` a multiple of its channels. By default 48 for fewer than 64 held-in units, else 64; published 280."""
    potential: Annotated[Any, Part("potentials")] = field(default_factory=OscillatorConfig)
    """The energy landscape: oscillator, mlp, double_well or oscillator_release, with its options."""
    integrator: str = "baoab"
    """Discretisation of the dynamics: baoab, obabo, velocity_verlet (no friction, no noise, no inputs), euler_maruyama or release."""
    time_unit_s: float = 0.2
    """Seconds in one unit of the dynamics' own time, at unit mass and temperature: a bin is a step of bin_s / time_unit_s."""
    damping: float = 5.0
    """γ at the start, per second: velocities are forgotten in 1/γ."""
    temperature: float = 1.0
    """𝒯 at the start, in units of the mean square velocity at rest."""
    learn_damping: bool = True
    """Train γ, one for each dimension; else it stays."""
    learn_temperature: bool = False
    """Train 𝒯, one for all dimensions; else it stays."""
    inferred_inputs: bool = True
    """Let the posterior drive the path: the inferred inputs a. Without, a trial is known by its start alone, as published."""
    feedback: bool = True
    """Let the inferred inputs depend on where the path is, linearly, besides on the encoding."""
    encoder: int | None = None
    """Units of the encoder, each way; by default 64 for fewer than 64 held-in units, else 100."""
    causal: bool = False
    """Leave out the encoder's backward half: every bin is inferred from the bins up to it, so that the model can run online."""
    decoder: Literal["mlp", "linear", "transformer"] = "mlp"
    """From a path to log rates: a perceptron with a residual, bin by bin; a linear map; or one transformer layer over the whole trial, as published."""
    decoder_inputs: Literal["z", "zv", "zvh", "h"] = "zv"
    """What the decoder sees: the position alone, so that physics can be recovered; position and velocity; the encoding too, as published, which lets it bypass them; or the encoding alone, without physics."""
    decoder_hidden: int = 128
    """Hidden units of the decoder `mlp`, and of the transformer's feed-forward map."""
    positional: Literal["none", "sinusoidal"] = "none"
    """Positions added to what the transformer sees."""
    dropout: float = 0.3
    """Dropout of the encoder's input and output and of the path on its way to the decoder."""
    coordinated_dropout: float = 0.3
    """Share of the input's entries hidden from the encoder in training; only these train the reconstruction of held-in units. Hidden entries stand at the unit's mean (published modes: at 0 counts)."""
    observation: Annotated[Any, Part("observations", optional=True)] = None
    """Likelihood of the population, with its options: by default poisson for spikes, gaussian for anything else."""
    behaviour: BehaviourConfig = field(default_factory=BehaviourConfig)
    """Behaviour as privileged input of the encoder, over observed bins: makes it a teacher. Only by fusion `add`."""
    published: PublishedConfig = field(default_factory=PublishedConfig)
    """What only the modes `release` and `paper` use."""

    def __post_init__(self) -> None:
        resolve_parts(self, "model")
        check_choices(self, "model")
        if self.integrator not in registry.names("integrators"):
            raise UnknownName("integrator", self.integrator, registry.names("integrators"))
        for name in ("size", "encoder", "decoder_hidden"):
            if (value := getattr(self, name)) is not None:
                check_range(f"model.{name}", value, 1)
        for name in ("time_unit_s", "damping", "temperature"):
            check_range(f"model.{name}", getattr(self, name), 0, open_low=True)
        for name in ("dropout", "coordinated_dropout"):
            check_range(f"model.{name}", getattr(self, name), 0, 0.99)
        if self.behaviour.fusion == "concatenate":
            raise InvalidInput("model.behaviour.fusion", "concatenate", "add: the encoder keeps its width")
        if self.positional != "none" and self.decoder != "transformer":
            fix = "Set model.positional=none, or model.decoder=transformer."
            raise InvalidInput("model.positional", self.positional, f"none with the decoder {self.decoder}", fix)
        if self.mode != "default" and (self.causal or self.behaviour.fusion != "none"):
            raise InvalidInput("model.mode", self.mode, "default for causal inference and for teachers")
