"""The Lorenz system seen through Poisson units."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar

import numpy as np

from neurodyn.config import check_choices, check_range, to_dict
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import PerTrialStreams, Randomness, TrialStreams, open_streams
from neurodyn.shapes import Array, Float
from neurodyn.simulate.base import Simulator
from neurodyn.simulate.spikes import LinearNonlinearPoisson, LinearNonlinearPoissonConfig

_CALIBRATION_TRIALS = 200
"""Trials from which mean and s.d. of the attractor are taken."""


def _spikes() -> LinearNonlinearPoissonConfig:
    return LinearNonlinearPoissonConfig(
        units=40,
        projection="normal",
        spread=0.7,
        projection_seed=None,
        standardise="none",
        offset=0.0,
        gain=0.25,
        max_rate=5.0,
        clip=None,
    )


@dataclass(frozen=True)
class LorenzConfig:
    """Options of the Lorenz simulator."""

    sigma: float = 10.0
    """σ."""
    rho: float = 28.0
    """ρ."""
    beta: float = 8 / 3
    """β."""
    time_per_bin: float = 0.03
    """Time units of the equations that pass in a bin: how fast the dynamics look."""
    bin_s: float = 0.02
    """Bin width, in seconds."""
    bins: int = 45
    """Bins in a trial."""
    burn_in_bins: int = 300
    """Bins left out before a trial begins, so that it begins on the attractor."""
    start_mean: tuple[float, float, float] = (0.0, 0.0, 25.0)
    """Mean of the states before burn-in."""
    start_sd: float = 5.0
    """S.d. of the states before burn-in, in each coordinate."""
    conditions: int | None = None
    """Trial i starts where trial i modulo this number does, with spikes of its own (65 in the LFADS form); empty gives each its own start."""
    spikes: LinearNonlinearPoissonConfig = field(default_factory=_spikes)
    """The units."""

    def __post_init__(self) -> None:
        check_choices(self, "lorenz")
        check_range("lorenz.bins", self.bins, 1)
        check_range("lorenz.burn_in_bins", self.burn_in_bins, 0)
        check_range("lorenz.time_per_bin", self.time_per_bin, 0, 0.1, open_low=True)
        check_range("lorenz.start_sd", self.start_sd, 0)
        if self.conditions is not None:
            check_range("lorenz.conditions", self.conditions, 1)


class Lorenz(Simulator):
    """Lorenz 1963 (10.1175/1520-0469(1963)020<0130:DNF>2.0.CO;2), one Runge-Kutta 4 step a bin.

    dx = σ (y - x), dy = x (ρ - z) - y, dz = x y - β z. An input is added to the derivative. The latents are the three
    coordinates, each standardised; the expected counts are min(gain exp(latents W), max_rate).

    >>> Lorenz().simulate(3, seed=1).truth["latents"].shape
    (3, 45, 3)
    """

    Config: ClassVar = LorenzConfig
    state_size = 3
    input_size = 3

    def __init__(self, config: LorenzConfig = LorenzConfig()) -> None:
        self.config = config
        self.bin_s = config.bin_s

    def drift(self, state: Float[Array, "trial state"]) -> Float[Array, "trial state"]:
        """Derivative of the state, per time unit of the equations."""
        c, (x, y, z) = self.config, state.T
        return np.stack([c.sigma * (y - x), x * (c.rho - z) - y, x * y - c.beta * z], 1)

    def draw_initial(self, streams: TrialStreams) -> Float[Array, "trial state"]:
        c = self.config
        state = streams.normal(c.start_sd, 3) + np.array(c.start_mean)
        if c.conditions is not None:
            state = state[np.arange(streams.trials) % c.conditions]
        for _ in range(c.burn_in_bins):
            state = self.step(state)
        return state

    def step(
        self, state: Float[Array, "trial state"], inputs: Float[Array, "trial input"] | None = None
    ) -> Float[Array, "trial state"]:
        h = self.config.time_per_bin
        push = np.zeros(3) if inputs is None else inputs

        def slope(at: Array) -> Array:
            change: Array = self.drift(at) + push
            return change

        k1 = slope(state)
        k2 = slope(state + h / 2 * k1)
        k3 = slope(state + h / 2 * k2)
        k4 = slope(state + h * k3)
        return state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    def decode(self, state: Float[Array, "*axes state"]) -> Float[Array, "*axes latent"]:
        """The standardised coordinates, by mean and s.d. of the attractor."""
        mean, sd = self.attractor
        return (state - mean) / sd

    @property
    def attractor(self) -> tuple[Array, Array]:
        """Mean and s.d. of each coordinate, from 200 trials of fixed seeds; they do not depend on the data set."""
        return _attractor(self.config)

    def run(self, start: Float[Array, "trial state"], bins: int) -> Float[Array, "trial time state"]:
        """States from a start, which is the first bin."""
        states = np.empty((len(start), bins, 3))
        states[:, 0] = start
        for t in range(1, bins):
            states[:, t] = self.step(states[:, t - 1])
        return states

    def simulate(self, trials: int, *, seed: int = 0, randomness: Randomness = "per_trial") -> Trials:
        c = self.config
        if randomness == "legacy":
            raise InvalidInput("randomness", "'legacy'", "'per_trial' or 'shared'", "Only two_area has a stored study.")
        streams = open_streams(randomness, trials, seed)
        states = self.run(self.draw_initial(streams), c.bins)
        mean, sd = self.attractor if randomness == "per_trial" else (states.mean((0, 1)), states.std((0, 1)))
        latents = (states - mean) / sd
        readout = LinearNonlinearPoisson(c.spikes, 3, streams.dataset).fit(latents)
        rates = readout.rates(latents)
        return Trials.from_arrays(
            readout.sample(rates, streams),
            bin_s=c.bin_s,
            conditions=None if c.conditions is None else np.arange(trials) % c.conditions,
            truth={"rates": rates, "latents": latents, "states": states},
            name="lorenz",
            provenance={
                "simulator": to_dict(c),
                "seed": seed,
                "randomness": randomness,
                "readout": readout.described(),
                "latent_mean": mean.tolist(),
                "latent_sd": sd.tolist(),
            },
        )


@cache
def _attractor(config: LorenzConfig) -> tuple[Array, Array]:
    lorenz = Lorenz(dataclasses.replace(config, conditions=None))
    states = lorenz.run(lorenz.draw_initial(PerTrialStreams(_CALIBRATION_TRIALS, 0)), 200)
    return states.mean((0, 1)), states.std((0, 1))
