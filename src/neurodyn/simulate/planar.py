"""What the planar worlds share: two numbers in steps of one millisecond, noise at every step, inputs that give different dynamics the same averages."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from neurodyn.config import check_choices, check_range, to_dict
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import PerTrialStreams, Randomness, TrialStreams, open_streams
from neurodyn.shapes import Array, Float
from neurodyn.simulate.base import Simulator
from neurodyn.simulate.drawn import drawn_as
from neurodyn.simulate.linear_nonlinear import LinearNonlinear, LinearNonlinearConfig
from neurodyn.simulate.perturbation import Perturbed, Pulse

STEP_S = 0.001
"""An integration step."""
_NODES = 20
"""Gauss-Hermite nodes in each coordinate, for averages over starts."""
_CALIBRATION_TRIALS = 200
"""Trials from which the readout's mean and scale are taken when each trial has a generator of its own."""


@dataclass(frozen=True)
class PlanarConfig:
    """What the options of all planar worlds have in common."""

    bins: int = 100
    """Bins in a trial."""
    bin_s: float = 0.01
    """Bin width in seconds, a multiple of 1 ms."""
    spikes: LinearNonlinearConfig = field(default_factory=LinearNonlinearConfig)
    """The units."""

    def __post_init__(self) -> None:
        check_choices(self, "planar")
        check_range("planar.bins", self.bins, 1)
        steps = self.bin_s / STEP_S
        if steps < 0.5 or abs(steps - round(steps)) > 1e-6:
            raise InvalidInput("planar.bin_s", self.bin_s, "a multiple of 0.001 s")


class Planar(Simulator):
    """Two latents x with x' = x + Δ (drift + u_t) + noise each Δ = 1 ms, in two conditions s = ±1 that mirror each other through the origin.

    The recorded state is that at the end of a bin; latents are the state. `inputs` in the truth is the mean of u over each bin.
    """

    Config: ClassVar[type[Any]]
    state_size = input_size = 2
    name: ClassVar[str]
    """Of the world: its file's."""
    driven: bool
    """Whether there are inputs."""
    noise_variance: float
    """Of the noise added to each coordinate at each step."""
    start_mean: Array
    """Mean of x_0 in condition s = 1, `(2,)`."""
    start_sd: Array
    """S.d. of x_0, `(2,)`."""

    def __init__(self, config: PlanarConfig) -> None:
        self.config: Any = config
        self.bin_s = config.bin_s
        self.steps = round(config.bin_s / STEP_S)

    # -- dynamics ---------------------------------------------------------------------------------------------------

    @abstractmethod
    def advance(self, state: Float[Array, "trial state"]) -> Float[Array, "trial state"]:
        """States 1 ms later, without noise and input."""

    @abstractmethod
    def step_jacobian(self, state: Float[Array, "trial state"]) -> Float[Array, "trial out in"]:
        """∂(state 1 ms later)/∂state, exactly."""

    @abstractmethod
    def course(self, steps: int) -> Float[Array, "time input"]:
        """Inputs u_t per second in condition s = 1, one a step; those of s = −1 are their negatives."""

    def draw_initial(self, streams: TrialStreams) -> Float[Array, "trial state"]:
        """Starts around those of each trial's condition; the same in all kinds of a world."""
        return self._start(streams)[1]

    def step(
        self, state: Float[Array, "trial state"], inputs: Float[Array, "trial input"] | None = None
    ) -> Float[Array, "trial state"]:
        push = np.zeros(2) if inputs is None else STEP_S * inputs
        for _ in range(self.steps):
            state = self.advance(state) + push
        return state

    def decode(self, state: Float[Array, "*axes state"]) -> Float[Array, "*axes latent"]:
        """The state itself."""
        return np.array(state)

    def latent_jacobian(self, state: Array, inputs: Array | None = None) -> Array:
        """The product of the steps' exact Jacobians over a bin, along the path without noise."""
        push = np.zeros(2) if inputs is None else STEP_S * inputs
        found = np.broadcast_to(np.eye(2), (len(state), 2, 2))
        for _ in range(self.steps):
            found = self.step_jacobian(state) @ found
            state = self.advance(state) + push
        return np.asarray(found)

    def average(self, steps: int) -> Float[Array, "time state"]:
        """Average over starts of the paths without noise in condition s = 1, at 0 ... `steps`, by quadrature."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
        grid = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), -1).reshape(-1, 2)
        share = np.outer(weights, weights).ravel() / weights.sum() ** 2
        state, push = self.start_mean + self.start_sd * grid, self.course(steps)
        found = np.empty((steps + 1, 2))
        for t in range(steps + 1):
            found[t] = share @ state
            if t < steps:
                state = self.advance(state) + STEP_S * push[t]
        return found

    def run(
        self,
        start: Float[Array, "trial state"],
        sign: Array,
        noise: Iterator[Array] | None = None,
        extra: Float[Array, "step trial input"] | None = None,
    ) -> Float[Array, "trial time state"]:
        """States at the end of each bin.

        Args:
            start: x_0.
            sign: s of each trial, `(trial,)`.
            noise: standard normal numbers `(trial, 2)`, one array a step; none is no noise.
            extra: a further input per second in each step; it may be the same for all trials.
        """
        bins, scale = self.config.bins, np.sqrt(self.noise_variance)
        states, state = np.empty((len(start), bins, 2)), start
        push = STEP_S * self.course(bins * self.steps) if self.driven else None
        for t in range(bins * self.steps):
            state = self.advance(state)
            if push is not None:
                state = state + sign[:, None] * push[t]
            if extra is not None:
                state = state + STEP_S * extra[t]
            if noise is not None:
                state = state + scale * next(noise)
            if (t + 1) % self.steps == 0:
                states[:, t // self.steps] = state
        return states

    def perturbed_by(self, trials: Trials, pulses: Sequence[Pulse]) -> list[Perturbed]:
        """The trials run again with each pulse, which adds to u per second, and the same start, course and noise; its area is not looked at. There is no choice to flip: it is the condition."""
        streams, rows = self._streams(*drawn_as(trials.provenance)), trials.table["latent_trial"].to_numpy(int)
        sign, start = self._start(streams)
        steps = self.config.bins * self.steps
        noise = (np.tile(each[rows], (len(pulses), 1)) for each in streams.normal_steps(steps, 2))
        shares = [pulse.shares(self.config.bins, self.bin_s, self.steps).reshape(-1, 1) for pulse in pulses]
        extra = np.stack([share * pulse.vector(2) for share, pulse in zip(shares, pulses)], 1)
        signs = np.tile(sign[rows], len(pulses))
        states = self.run(np.tile(start[rows], (len(pulses), 1)), signs, noise, np.repeat(extra, len(rows), 1))
        return [Perturbed(each, each, None) for each in states.reshape(len(pulses), len(rows), -1, 2)]

    # -- data -------------------------------------------------------------------------------------------------------

    def paths(
        self, trials: int, *, seed: int = 0, randomness: Randomness = "per_trial"
    ) -> tuple[Float[Array, "trial time state"], Array]:
        """States at the end of each bin and the condition s = ±1 of each trial `(trial,)`, without spikes."""
        return self._paths(self._streams(trials, randomness, seed))

    def simulate(self, trials: int, *, seed: int = 0, randomness: Randomness = "per_trial") -> Trials:
        streams = self._streams(trials, randomness, seed)
        states, sign = self._paths(streams)
        readout = LinearNonlinear(self.config.spikes, 2, streams.dataset)
        readout.fit(self._calibration if randomness == "per_trial" else states)
        rates = readout.rates(states)
        truth = {"rates": rates, "latents": states, "states": states}
        if self.driven:
            course = self.course(self.config.bins * self.steps).reshape(self.config.bins, self.steps, 2).mean(1)
            truth["inputs"] = sign[:, None, None] * course
        return Trials.from_arrays(
            readout.sample(rates, streams),
            bin_s=self.bin_s,
            conditions=(sign > 0).astype(int),
            table=pd.DataFrame({"latent_trial": np.arange(trials)}),
            truth=truth,
            name=self.name,
            provenance={
                "simulator": to_dict(self.config),
                "trials": trials,
                "seed": seed,
                "randomness": randomness,
                "readout": readout.described(),
            },
        )

    def _streams(self, trials: int, randomness: Randomness, seed: int) -> TrialStreams:
        if randomness == "legacy":
            raise InvalidInput("randomness", "'legacy'", "'per_trial' or 'shared'", "Only two_area has a stored study.")
        return open_streams(randomness, trials, seed)

    def _start(self, streams: TrialStreams) -> tuple[Array, Array]:
        sign = 2.0 * streams.choice(2) - 1
        return sign, sign[:, None] * self.start_mean + self.start_sd * streams.normal(1.0, 2)

    def _paths(self, streams: TrialStreams) -> tuple[Array, Array]:
        sign, start = self._start(streams)
        return self.run(start, sign, streams.normal_steps(self.config.bins * self.steps, 2)), sign

    @cached_property
    def _calibration(self) -> Array:
        """Paths of fixed seeds: a readout fitted to them does not depend on how many trials are drawn."""
        return self._paths(PerTrialStreams(_CALIBRATION_TRIALS, 0))[0]


def linear_course(average: Float[Array, "later state"], matrix: Float[Array, "out in"]) -> Float[Array, "time input"]:
    """Inputs under which x' = A x + u has a given average M: u_t = (M_{t+1} − M_t)/Δ − A M_t."""
    return np.asarray(np.diff(average, axis=0) / STEP_S - average[:-1] @ matrix.T)
