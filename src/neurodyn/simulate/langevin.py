"""A harmonic Langevin system seen through Poisson units: everything about it is known in closed form."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from neurodyn.config import check_choices, check_range, to_dict
from neurodyn.data.trials import Trials
from neurodyn.dynamics.integrators.baoab import BAOAB
from neurodyn.dynamics.integrators.base import Phase
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import Randomness, TrialStreams, open_streams
from neurodyn.shapes import Array, Float
from neurodyn.simulate.base import Simulator
from neurodyn.simulate.linear_nonlinear import LinearNonlinear, LinearNonlinearConfig


def _spikes() -> LinearNonlinearConfig:
    return LinearNonlinearConfig(
        units=40,
        projection="uniform",
        spread=0.8,
        projection_seed=None,
        standardise="none",
        offset=0.0,
        gain=0.35,
        max_rate=None,
        clip=None,
    )


@dataclass(frozen=True)
class LangevinConfig:
    """Options of the Langevin simulator."""

    stiffness: tuple[tuple[float, ...], ...] = ((100.0, 60.0), (60.0, 220.0))
    """A, in 1/s²: symmetric and positive definite; its size is the dimension of the position. √ of its eigenvalues over 2π are the frequencies, in Hz."""
    damping: float = 6.0
    """γ, in 1/s."""
    temperature: float = 100.0
    """𝒯, in squared units of position over s²."""
    bin_s: float = 0.02
    """Bin width, in seconds: one step of the integrator."""
    bins: int = 45
    """Bins in a trial."""
    spikes: LinearNonlinearConfig = field(default_factory=_spikes)
    """The units."""

    def __post_init__(self) -> None:
        check_choices(self, "langevin")
        check_range("langevin.bins", self.bins, 1)
        for name in ("damping", "temperature", "bin_s"):
            check_range(f"langevin.{name}", getattr(self, name), 0, open_low=True)
        rows = {len(row) for row in self.stiffness}
        expected = "the rows of a symmetric positive definite matrix"
        if rows != {len(self.stiffness)}:
            raise InvalidInput("langevin.stiffness", self.stiffness, expected)
        matrix = np.array(self.stiffness)
        if not np.isfinite(matrix).all() or not np.array_equal(matrix, matrix.T):
            raise InvalidInput("langevin.stiffness", self.stiffness, expected)
        eigenvalues = np.linalg.eigvalsh(matrix)
        if eigenvalues[0] <= 0:
            fix = "Without a well in every direction there is no stationary law."
            raise InvalidInput("langevin.stiffness", f"an eigenvalue of {eigenvalues[0]:.4g}", expected, fix)
        BAOAB().check(float(eigenvalues[-1]) ** 0.5, self.bin_s, where="langevin.bin_s")


class Langevin(Simulator):
    """Underdamped Langevin dynamics in a harmonic well, one BAOAB step a bin, started from its stationary law.

    dz = v dt, dv = −A z dt − γ v dt + √(2γ𝒯) dW. An input is added to the force. The state is (z, v) and the latents are z; the expected counts are
    gain exp(z W). Sampled so, the covariance of z is exactly 𝒯 A⁻¹ and that of v is 𝒯 (I − A Δ²/4), independent of each other.

    >>> Langevin().simulate(3, seed=1).truth["states"].shape
    (3, 45, 4)
    """

    Config: ClassVar = LangevinConfig

    def __init__(self, config: LangevinConfig = LangevinConfig()) -> None:
        self.config = config
        self.bin_s = config.bin_s
        self.stiffness: Array = np.array(config.stiffness)
        """A."""
        self.input_size = len(self.stiffness)
        self.state_size = 2 * self.input_size
        self.integrator = BAOAB()
        self._coefficients = self.integrator.coefficients(config.bin_s, config.damping, config.temperature)

    def covariance(self) -> Float[Array, "state state"]:
        """Stationary covariance of (z, v), of the steps as they are taken."""
        c = self.config
        return self.integrator.stationary(self.stiffness, c.bin_s, c.damping, c.temperature)

    def transition(self) -> Float[Array, "state state"]:
        """M: the expected state one bin later is M (z, v)."""
        c = self.config
        return self.integrator.linear_map(self.stiffness, c.bin_s, c.damping, c.temperature)[0]

    def draw_initial(self, streams: TrialStreams) -> Float[Array, "trial state"]:
        drawn: Array = streams.normal(1.0, self.state_size) @ np.linalg.cholesky(self.covariance()).T
        return drawn

    def step(
        self, state: Float[Array, "trial state"], inputs: Float[Array, "trial input"] | None = None
    ) -> Float[Array, "trial state"]:
        push = 0.0 if inputs is None else inputs
        still = np.zeros((self.integrator.noises, len(state), self.input_size))
        ended = self._stepped(self._phase(state, push), still, push)
        return np.concatenate([ended.position, ended.velocity], 1)

    def decode(self, state: Float[Array, "*axes state"]) -> Float[Array, "*axes latent"]:
        """The position."""
        return state[..., : self.input_size]

    def _phase(self, state: Array, push: Array | float) -> Phase:
        position, velocity = np.split(state, 2, -1)
        return Phase(position, velocity, push - position @ self.stiffness)

    def _stepped(self, phase: Phase, noise: Array, push: Array | float = 0.0) -> Phase:
        return self.integrator.step(phase, lambda position: push - position @ self.stiffness, noise, self._coefficients)

    def run(
        self, start: Float[Array, "trial state"], bins: int, streams: TrialStreams
    ) -> Float[Array, "trial time state"]:
        """States with noise from a start, which is the first bin."""
        states = np.empty((len(start), bins, self.state_size))
        states[:, 0] = start
        phase, size = self._phase(start, 0.0), self.input_size
        noises = streams.normal_steps(bins - 1, self.integrator.noises * size)
        for t, noise in enumerate(noises, start=1):
            phase = self._stepped(phase, noise.reshape(len(start), -1, size).swapaxes(0, 1))
            states[:, t, :size], states[:, t, size:] = phase.position, phase.velocity
        return states

    def simulate(self, trials: int, *, seed: int = 0, randomness: Randomness = "per_trial") -> Trials:
        c = self.config
        if randomness == "legacy":
            raise InvalidInput("randomness", "'legacy'", "'per_trial' or 'shared'", "Only two_area has a stored study.")
        streams = open_streams(randomness, trials, seed)
        states = self.run(self.draw_initial(streams), c.bins, streams)
        latents = self.decode(states)
        readout = LinearNonlinear(c.spikes, self.input_size, streams.dataset).fit(latents)
        rates = readout.rates(latents)
        return Trials.from_arrays(
            readout.sample(rates, streams),
            bin_s=c.bin_s,
            truth={"rates": rates, "latents": latents, "states": states},
            name="langevin",
            provenance={
                "simulator": to_dict(c),
                "seed": seed,
                "randomness": randomness,
                "readout": readout.described(),
            },
        )
