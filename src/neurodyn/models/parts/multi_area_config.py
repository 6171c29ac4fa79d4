"""The settings of multi-area LFADS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from neurodyn.config import check_choices, check_range
from neurodyn.errors import InvalidInput


@dataclass(frozen=True)
class MultiAreaLFADSConfig:
    """Sizes, messages, priors and regularisation of multi-area LFADS. Sizes are those of each area."""

    messages: Literal["all", "none"] = "all"
    """Whether areas send each other messages: every area to every other one, or none."""
    private: bool = True
    """Whether every area has private inputs, inferred bin by bin."""
    message_rank: int = 2
    """Channels of a message from one area to another."""
    max_delay: int = 3
    """Longest delay of a message, in bins. The delay is learned: a weighted mean over 1 … `max_delay` bins."""
    generator: int = 32
    """Units of an area's generator, a clipped GRU."""
    factors: int = 4
    """Factors read from an area's generator: its latents, which it is read out from and which it sends messages of."""
    private_inputs: int = 2
    """Private inputs of an area."""
    initial_condition: int = 16
    """Dimensions of the posterior of an area's initial condition."""
    encoder: int = 32
    """Units, each way, of the two encoders of an area: of its initial condition, and of what its controller sees."""
    controller: int = 32
    """Units of an area's controller."""
    lag: int = 1
    """Bins between what a controller sees and the bin it acts on: encodings up to t − lag and from t + lag."""
    dropout: float = 0.1
    """Dropout of the encoders' input and final state, of the controllers' input, and of the generators on their way to the factors."""
    coordinated_dropout: float = 0.3
    """Share of the input hidden from the encoders in training; only the hidden part trains the reconstruction."""
    cell_clip: float = 5.0
    """Largest absolute value of any recurrent state."""
    input_prior: Literal["autoregressive", "normal"] = "autoregressive"
    """Prior of the private inputs: an AR(1) process with trained time constant and variance, or independent N(m, v)."""
    input_prior_time_constant: float = 10.0
    """τ of the AR(1) prior at the start, in bins."""
    input_prior_variance: float = 0.1
    """Innovation variance of the AR(1) prior at the start, or v of the normal prior."""
    initial_condition_prior_variance: float = 0.1
    """Fixed variance of the initial conditions' prior; its mean is trained."""
    posterior_variance_floor: float = 1e-4
    """Smallest variance of an initial condition's posterior."""
    l2_generator: float = 1e-2
    """Weight of the generators' recurrent matrices in the L2 penalty."""
    l2_controller: float = 1e-2
    """Weight of the controllers' recurrent matrices in the L2 penalty."""

    def __post_init__(self) -> None:
        check_choices(self, "model")
        sizes = ("message_rank", "max_delay", "generator", "factors", "private_inputs", "initial_condition")
        for name in (*sizes, "encoder", "controller"):
            check_range(f"model.{name}", getattr(self, name), 1)
        for name in ("lag", "l2_generator", "l2_controller", "posterior_variance_floor"):
            check_range(f"model.{name}", getattr(self, name), 0)
        check_range("model.dropout", self.dropout, 0, 0.99)
        check_range("model.coordinated_dropout", self.coordinated_dropout, 0, 0.99)
        for name in ("cell_clip", "input_prior_time_constant", "input_prior_variance"):
            check_range(f"model.{name}", getattr(self, name), 0, open_low=True)
        check_range("model.initial_condition_prior_variance", self.initial_condition_prior_variance, 0, open_low=True)
        if self.factors < self.message_rank and self.messages == "all":
            fix = "Lower model.message_rank, or raise model.factors."
            what = f"at most {self.factors}, the factors it is made of"
            raise InvalidInput("model.message_rank", self.message_rank, what, fix)
