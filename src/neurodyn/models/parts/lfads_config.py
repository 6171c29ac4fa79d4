"""The settings of LFADS."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from neurodyn.config import Part, check_choices, check_range, resolve_parts
from neurodyn.data.spec import DataSpec, SessionSpec
from neurodyn.errors import InvalidInput
from neurodyn.models.generators.gru import GRUConfig
from neurodyn.models.parts.behaviour_encoder import BehaviourConfig
from neurodyn.models.readouts.linear import LinearConfig


@dataclass(frozen=True)
class LFADSConfig:
    """Sizes, priors and regularisation of LFADS."""

    mode: Literal["default", "release", "paper"] = "default"
    """`default`: as documented here. `release`: as lfads-torch runs it (raw counts in, readout bias at zero, one-sample KL, no window shift). `paper`: as in 2018 (the same, without coordinated dropout)."""
    generator: Annotated[Any, Part("generators", number="size")] = field(default_factory=GRUConfig)
    """The latent dynamics: gru, low_rank, neural_ode or frozen_gru, with its options; a number is its size."""
    factors: int | None = None
    """Factors read from the generator; the latents. By default 20 for fewer than 64 held-in units, else 60. 0: the generator's own states, without a map."""
    readout: Annotated[Any, Part("readouts")] = field(default_factory=LinearConfig)
    """From factors to rates: linear, or flow (invertible; with the generator neural_ode it makes ODIN)."""
    observation: Annotated[Any, Part("observations", optional=True)] = None
    """Likelihood of the population, with its options: by default poisson for spikes, gaussian for anything else; for fluorescence also gamma or zero_inflated_gamma."""
    inferred_inputs: int | None = None
    """Inputs inferred by the controller; by default 2 or 8, likewise. 0 makes the generator autonomous."""
    initial_condition: int = 64
    """Dimensions of the initial condition's posterior."""
    initial_condition_encoder: int | None = None
    """Units, each way, of the encoder of the initial condition; by default 64 or 100, likewise."""
    input_encoder: int | None = None
    """Units, each way, of the encoder that feeds the controller; by default 64 or 100, likewise. With the size of the other encoder both run as one loop."""
    controller: int | None = None
    """Units of the controller; by default 64 or 100, likewise."""
    lag: int = 1
    """Bins between what the controller sees and the bin it acts on: encodings up to t − lag and from t + lag."""
    causal: bool = False
    """Leave out the encoding of the future: the controller sees bins up to t − lag only (the initial condition still sees all)."""
    known_inputs: bool = False
    """Give the trials' signals of role `input` to the generator."""
    dropout: float = 0.3
    """Dropout of the encoder's input and final state, of the controller's input, and of the generator on its way to the factors."""
    coordinated_dropout: float = 0.3
    """Share of the input hidden from the encoder in training; only the hidden part trains the reconstruction."""
    cell_clip: float = 5.0
    """Largest absolute value of any recurrent state."""
    input_prior: Literal["autoregressive", "normal"] = "autoregressive"
    """Prior of the inferred inputs: an AR(1) process with trained time constant and variance, or independent N(m, v)."""
    input_prior_time_constant: float = 10.0
    """τ of the AR(1) prior at the start, in bins."""
    input_prior_variance: float = 0.1
    """Innovation variance of the AR(1) prior at the start, or v of the normal prior."""
    initial_condition_prior_variance: float = 0.1
    """Fixed variance of the initial condition's prior; its mean is trained."""
    posterior_variance_floor: float = 1e-4
    """Smallest variance of the initial condition's posterior."""
    l2_generator: float = 1e-2
    """Weight of the generator's recurrent matrix in the L2 penalty."""
    l2_controller: float = 1e-2
    """Weight of the controller's recurrent matrix in the L2 penalty."""
    stitch: int | None = None
    """Channels into which the units of several sessions are read before the shared encoders; by default as many as factors, which lets the readouts start aligned. 0: the units of the first session are these channels."""

    behaviour: BehaviourConfig = field(default_factory=BehaviourConfig)
    """Behaviour as privileged input of the encoders, over observed bins: makes it a teacher. Only by fusion `add`."""

    def __post_init__(self) -> None:
        resolve_parts(self, "model")
        check_choices(self, "model")
        for name in ("initial_condition", "initial_condition_encoder"):
            self._check_size(name, 1)
        for name in ("factors", "inferred_inputs", "lag", "l2_generator", "l2_controller", "stitch"):
            self._check_size(name, 0)
        for name in ("input_encoder", "controller"):
            self._check_size(name, 0 if self.inferred_inputs == 0 else 1)
        if self.behaviour.fusion == "concatenate":
            raise InvalidInput("model.behaviour.fusion", "concatenate", "add: LFADS' encoders keep their width")
        check_range("model.dropout", self.dropout, 0, 0.99)
        check_range("model.coordinated_dropout", self.coordinated_dropout, 0, 0.99)
        for name in (
            "cell_clip",
            "input_prior_time_constant",
            "input_prior_variance",
            "initial_condition_prior_variance",
        ):
            check_range(f"model.{name}", getattr(self, name), 0, open_low=True)
        check_range("model.posterior_variance_floor", self.posterior_variance_floor, 0)

    def _check_size(self, name: str, least: int) -> None:
        if (value := getattr(self, name)) is not None:
            check_range(f"model.{name}", value, least)

    def for_sessions(self, sessions: Sequence[SessionSpec]) -> LFADSConfig:
        """With every size that was left out chosen by the number of held-in units.

        Raises:
            InvalidInput: more factors than units.
        """
        heldin, units = max(s.heldin for s in sessions), min(s.units for s in sessions)
        most = max(s.units for s in sessions)
        if self.factors is not None and self.factors > most:
            fix = "Lower model.factors, or leave it out."
            raise InvalidInput("model.factors", self.factors, f"at most {most}, the units to read out", fix)
        sizes = _SMALL if heldin < 64 else _LARGE
        sizes = {**sizes, "factors": min(sizes["factors"], units)}
        missing: dict[str, Any] = {name: size for name, size in sizes.items() if getattr(self, name) is None}
        return dataclasses.replace(self, **missing)


_SIZES = ("factors", "inferred_inputs", "initial_condition_encoder", "input_encoder", "controller")
_SMALL = dict(zip(_SIZES, (20, 2, 64, 64, 64)))
_LARGE = dict(zip(_SIZES, (60, 8, 100, 100, 100)))


def known_width(spec: DataSpec) -> int:
    """Channels of the known inputs, which every session must have.

    Raises:
        InvalidInput: none, or not as many in every session.
    """
    widths = {session.width("input") for session in spec.sessions}
    if len(widths) > 1 or not max(widths):
        expected = "trials with a series of role `input`, equally wide in every session"
        raise InvalidInput("model.known_inputs", True, expected, "Set it to false.")
    return widths.pop()
