"""A chaotic recurrent network whose units are recorded as Poisson spikes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neurodyn.config import check_range, to_dict
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import Randomness, TrialStreams, open_streams
from neurodyn.shapes import Array, Float
from neurodyn.simulate.base import Simulator


@dataclass(frozen=True)
class ChaoticRNNConfig:
    """Options of the chaotic network."""

    units: int = 50
    """Number of units, all recorded."""
    gain: float = 1.5
    """g: the network is chaotic above 1."""
    time_constant_s: float = 0.025
    """τ."""
    bin_s: float = 0.01
    """Bin width, and the step of Euler's method."""
    bins: int = 100
    """Bins in a trial."""
    max_rate_hz: float = 30.0
    """Rate of every unit at its highest in every trial; at its lowest it is 0."""
    weights_seed: int = 5
    """Seed of the weights (NumPy's legacy generator)."""
    conditions: int | None = None
    """Trial i starts where trial i modulo this number does, with spikes of its own; empty gives each its own start."""

    def __post_init__(self) -> None:
        for name in ("units", "bins"):
            check_range(f"chaotic_rnn.{name}", getattr(self, name), 1)
        for name in ("time_constant_s", "bin_s", "max_rate_hz"):
            check_range(f"chaotic_rnn.{name}", getattr(self, name), 0, open_low=True)
        check_range("chaotic_rnn.weights_seed", self.weights_seed, 0)
        if self.conditions is not None:
            check_range("chaotic_rnn.conditions", self.conditions, 1)


class ChaoticRNN(Simulator):
    """Random network of tanh units, x ← (1 − Δ/τ) x + (Δ/τ)(g W tanh x + u), W_ij ~ N(0, 1/N), from x ~ N(0, 1) in the first bin.

    Expected counts are max_rate Δ r, where r is a unit's tanh x stretched onto 0 … 1 within each trial. The set of the Neural Data Transformer,
    arXiv 2108.01210, after Sussillo & Abbott 2009, doi:10.1016/j.neuron.2009.07.018.

    >>> round(float(ChaoticRNN().weights[0, 0]), 8)
    0.06239899
    """

    Config: ClassVar = ChaoticRNNConfig

    def __init__(self, config: ChaoticRNNConfig = ChaoticRNNConfig()) -> None:
        self.config = config
        self.bin_s = config.bin_s
        self.state_size = self.input_size = config.units
        shape = (config.units, config.units)
        self.weights: Array = np.random.RandomState(config.weights_seed).randn(*shape) / np.sqrt(config.units)
        """W `(unit, unit)`, from columns to rows."""

    def draw_initial(self, streams: TrialStreams) -> Float[Array, "trial state"]:
        state = streams.normal(1.0, self.config.units)
        if self.config.conditions is not None:
            state = state[np.arange(streams.trials) % self.config.conditions]
        return state

    def step(
        self, state: Float[Array, "trial state"], inputs: Float[Array, "trial input"] | None = None
    ) -> Float[Array, "trial state"]:
        c = self.config
        share = c.bin_s / c.time_constant_s
        driven = c.gain * np.tanh(state) @ self.weights.T
        return (1 - share) * state + share * (driven if inputs is None else driven + inputs)

    def decode(self, state: Float[Array, "*axes state"]) -> Float[Array, "*axes latent"]:
        """The units' activity tanh x."""
        return np.tanh(state)

    def rates(self, latents: Float[Array, "trial time latent"]) -> Float[Array, "trial time unit"]:
        """Expected counts per bin of activity; a unit that is constant in a trial is silent in it."""
        low, high = latents.min(1, keepdims=True), latents.max(1, keepdims=True)
        stretched = (latents - low) / np.where(high > low, high - low, 1)
        return self.config.max_rate_hz * self.config.bin_s * stretched

    def simulate(self, trials: int, *, seed: int = 0, randomness: Randomness = "per_trial") -> Trials:
        c = self.config
        if randomness == "legacy":
            raise InvalidInput("randomness", "'legacy'", "'per_trial' or 'shared'", "Only two_area has a stored study.")
        streams = open_streams(randomness, trials, seed)
        states = np.empty((trials, c.bins, c.units))
        states[:, 0] = self.draw_initial(streams)
        for t in range(1, c.bins):
            states[:, t] = self.step(states[:, t - 1])
        latents = self.decode(states)
        rates = self.rates(latents)
        return Trials.from_arrays(
            streams.spikes(rates),
            bin_s=c.bin_s,
            conditions=None if c.conditions is None else np.arange(trials) % c.conditions,
            truth={"rates": rates, "latents": latents, "states": states},
            name="chaotic_rnn",
            provenance={"simulator": to_dict(c), "seed": seed, "randomness": randomness},
        )
