"""What chaotic flows in three dimensions share: steps, standardised latents, embeddings, units."""

from __future__ import annotations

import dataclasses
from abc import abstractmethod
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Annotated, Any, ClassVar

import numpy as np

from neurodyn.config import Part, check_choices, check_range, resolve_parts, to_dict
from neurodyn.data.trials import Trials
from neurodyn.dynamics.discrete_map import DiscreteMap
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import PerTrialStreams, Randomness, TrialStreams, open_streams
from neurodyn.registry import name_of
from neurodyn.shapes import Array, Float
from neurodyn.simulate.base import Simulator
from neurodyn.simulate.embeddings.base import Embedding, embedding_of
from neurodyn.simulate.linear_nonlinear import LinearNonlinear, LinearNonlinearConfig

_CALIBRATION_TRIALS = 200
"""Trials from which mean and s.d. of the attractor are taken."""


def chaotic_units() -> LinearNonlinearConfig:
    """Units of a chaotic flow: log rates are a projection of standardised coordinates."""
    return LinearNonlinearConfig(
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
class ChaoticFlowConfig:
    """Options of every chaotic flow."""

    time_per_bin: float | None = None
    """Time units of the equations that pass in a bin: how fast the dynamics look. Empty takes `points_per_period`."""
    points_per_period: float = 50.0
    """Bins in a period of the system, the mean time between two maxima of a coordinate, where `time_per_bin` is empty."""
    substeps: int = 1
    """Runge-Kutta 4 steps in a bin."""
    bin_s: float = 0.02
    """Bin width, in seconds."""
    bins: int = 45
    """Bins in a trial."""
    burn_in_bins: int = 300
    """Bins left out before a trial begins, so that it begins on the attractor."""
    start_mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Mean of the states before burn-in."""
    start_sd: float = 1.0
    """S.d. of the states before burn-in, in each coordinate."""
    conditions: int | None = None
    """Trial i starts where trial i modulo this number does, with spikes of its own (65 in the LFADS form); empty gives each its own start."""
    embedding: Annotated[Any, Part("embeddings", optional=True)] = None
    """Where the standardised coordinates lie before units read them; empty leaves them as they are."""
    spikes: LinearNonlinearConfig = field(default_factory=chaotic_units)
    """The units."""

    def __post_init__(self) -> None:
        where = name_of(type(self))
        resolve_parts(self, where)
        check_choices(self, where)
        check_range(f"{where}.bins", self.bins, 1)
        check_range(f"{where}.burn_in_bins", self.burn_in_bins, 0)
        check_range(f"{where}.substeps", self.substeps, 1)
        if self.time_per_bin is not None:
            check_range(f"{where}.time_per_bin", self.time_per_bin, 0, open_low=True)
        check_range(f"{where}.points_per_period", self.points_per_period, 1, open_low=True)
        check_range(f"{where}.start_sd", self.start_sd, 0)
        if self.conditions is not None:
            check_range(f"{where}.conditions", self.conditions, 1)


class ChaoticFlow(Simulator):
    """An autonomous flow in three dimensions, seen through units. An input is added to the derivative.

    The latents are the three coordinates, each standardised, and embedded where asked; expected counts are min(gain exp(latents W), max_rate).
    """

    state_size = 3
    input_size = 3
    period: ClassVar[float]
    """Mean time between two maxima of a coordinate, in time units of the equations."""
    longest_step: ClassVar[float]
    """Above it, a Runge-Kutta 4 step may leave the attractor."""

    def __init__(self, config: Any = None) -> None:
        """A flow with its options.

        Raises:
            InvalidInput: integration steps too long for the system.
        """
        self.config: Any = self.Config() if config is None else config
        c, where = self.config, name_of(type(self))
        self.bin_s = c.bin_s
        self.time_per_bin: float = self.period / c.points_per_period if c.time_per_bin is None else c.time_per_bin
        if self.time_per_bin / c.substeps > self.longest_step:
            got = f"{self.time_per_bin:g} in {c.substeps} steps"
            fix = "Give more substeps or points_per_period, or a shorter time_per_bin."
            raise InvalidInput(f"{where}.time_per_bin", got, f"steps of at most {self.longest_step:g}", fix)

    @abstractmethod
    def drift(self, state: Float[Array, "trial state"]) -> Float[Array, "trial state"]:
        """Derivative of the state, per time unit of the equations."""

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
        h = self.time_per_bin / self.config.substeps
        push = np.zeros(3) if inputs is None else inputs

        def slope(at: Array) -> Array:
            change: Array = self.drift(at) + push
            return change

        for _ in range(self.config.substeps):
            k1 = slope(state)
            k2 = slope(state + h / 2 * k1)
            k3 = slope(state + h / 2 * k2)
            k4 = slope(state + h * k3)
            state = state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        return state

    def decode(self, state: Float[Array, "*axes state"]) -> Float[Array, "*axes latent"]:
        """The standardised coordinates, by mean and s.d. of the attractor, embedded where asked."""
        mean, sd = self.attractor
        latents = (state - mean) / sd
        return latents if self.embedding is None else self.embedding(latents)

    def latent_jacobian(
        self, state: Float[Array, "row state"], inputs: Float[Array, "row input"] | None = None
    ) -> Float[Array, "row latent latent"]:
        """∂(latents a bin later)/∂(latents), along the sheet that the embedded latents lie on and zero across it; by central differences.

        Of coordinates that an embedding leaves out, the deviation is the least that moves the latents so.
        """
        drive = np.zeros((len(state), 3)) if inputs is None else inputs
        inner = DiscreteMap.of_arrays(lambda x, u: self.step(x, u)).jacobian(state, drive)
        after, before = self._tangent(self.step(state, drive)), self._tangent(state)
        return np.asarray(after @ inner @ np.linalg.pinv(before))

    def _tangent(self, state: Array) -> Array:
        """∂(latents)/∂(state) `(row, latent, state)`."""
        steps = np.diag(1e-5 * self.attractor[1])
        return np.stack([(self.decode(state + h) - self.decode(state - h)) / (2 * h.sum()) for h in steps], -1)

    @property
    def attractor(self) -> tuple[Array, Array]:
        """Mean and s.d. of each coordinate, from 200 trials of fixed seeds; they do not depend on the data set."""
        states = _calibration(type(self), self.config)
        return states.mean((0, 1)), states.std((0, 1))

    @cached_property
    def embedding(self) -> Embedding | None:
        """The embedding, fitted to the same 200 trials; None without."""
        if self.config.embedding is None:
            return None
        mean, sd = self.attractor
        return embedding_of(self.config.embedding).fit((_calibration(type(self), self.config) - mean) / sd)

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
        if self.embedding is not None:
            latents = self.embedding(latents)
        readout = LinearNonlinear(c.spikes, latents.shape[-1], streams.dataset).fit(latents)
        rates = readout.rates(latents)
        embedded = {} if self.embedding is None else {"embedding": self.embedding.described()}
        return Trials.from_arrays(
            **readout.recorded(rates, streams),
            bin_s=c.bin_s,
            conditions=None if c.conditions is None else np.arange(trials) % c.conditions,
            truth={"rates": rates, "latents": latents, "states": states},
            name=name_of(type(self)),
            provenance={
                "simulator": to_dict(c),
                "seed": seed,
                "randomness": randomness,
                "readout": readout.described(),
                "latent_mean": mean.tolist(),
                "latent_sd": sd.tolist(),
                **embedded,
            },
        )


def _calibration(kind: type[ChaoticFlow], config: Any) -> Array:
    """States of 200 trials of 200 bins on the attractor."""
    alone = dataclasses.replace(config, conditions=None, embedding=None, spikes=LinearNonlinearConfig())
    states: Array = _states(kind, alone)
    return states


@cache
def _states(kind: type[ChaoticFlow], config: Any) -> Array:
    flow = kind(config)
    states: Array = flow.run(flow.draw_initial(PerTrialStreams(_CALIBRATION_TRIALS, 0)), 200)
    if not np.isfinite(states).all():
        fix = "Give more substeps, or a start nearer to the attractor."
        raise InvalidInput(f"{name_of(kind)}.start_sd", "states that leave the attractor", "ones that stay", fix)
    return states
