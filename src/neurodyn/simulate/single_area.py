"""One decision circuit on its own, driven by a task and recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from neurodyn import registry
from neurodyn.config import check_choices, check_range, from_dict, to_dict
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import PerTrialStreams, Randomness, TrialStreams, open_streams
from neurodyn.shapes import Array, Float
from neurodyn.simulate.base import Simulator
from neurodyn.simulate.bin_jacobian import bin_jacobian
from neurodyn.simulate.decision_circuit import DecisionCircuit, DecisionCircuitConfig, mirrored_block
from neurodyn.simulate.drawn import Drawn, drawn_as
from neurodyn.simulate.linear_nonlinear import LinearNonlinear, LinearNonlinearConfig
from neurodyn.simulate.noise import NoiseConfig, noise_currents
from neurodyn.simulate.perturbation import Perturbed, Pulse
from neurodyn.tasks.base import Task
from neurodyn.tasks.pulse_discrimination import PulseDiscrimination

_CALIBRATION_TRIALS = 200
"""Trials from which the readout's mean and scale are taken when each trial has a generator of its own."""


@dataclass(frozen=True)
class SingleAreaConfig:
    """Options of the single-area simulator."""

    structure: float = 0.35
    """J_S in nA: acts on the difference of the two populations. Up to 0.34 there is rest alone; from 0.49 rest is not stable."""
    tone: float = 0.28387
    """J_T in nA: acts on their sum."""
    circuit: DecisionCircuitConfig = field(default_factory=DecisionCircuitConfig)
    """Constants of the populations."""
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    """Private noise current of each population."""
    start_mean: float = 0.04
    """Mean of the exponential distribution of the initial gating values."""
    integrator: Literal["euler", "rk4"] = "euler"
    """Explicit Euler or Runge-Kutta 4."""
    substeps: int = 10
    """Integration steps in a bin: 1 ms each by default."""
    record: Literal["end", "mean"] = "end"
    """States at the end of each bin, and rates at the start of its last substep; or means over the substeps of both."""
    spikes: LinearNonlinearConfig = field(default_factory=LinearNonlinearConfig)
    """The units."""

    def __post_init__(self) -> None:
        check_choices(self, "single_area")
        check_range("single_area.substeps", self.substeps, 1)
        check_range("single_area.start_mean", self.start_mean, 0)
        for name in ("structure", "tone"):
            check_range(f"single_area.{name}", getattr(self, name), -10, 10)


class SingleArea(Simulator):
    """The two-population circuit of Wong & Wang 2006 (10.1523/JNEUROSCI.3733-05.2006) doing a task.

    States and latents are the gating values S; inputs are the task's currents in nA into the two populations, the only input but for private noise.

    >>> trials = SingleArea().simulate(4, seed=1)
    >>> trials.truth["inputs"].shape, trials.counts.shape
    ((4, 100, 2), (4, 100, 30))
    """

    Config: ClassVar = SingleAreaConfig
    state_size = 2
    input_size = 2

    def __init__(self, config: SingleAreaConfig = SingleAreaConfig(), task: Task | None = None) -> None:
        """A circuit with its task (by default `PulseDiscrimination` with its default options).

        Raises:
            InvalidInput: a task without two stimulus channels.
        """
        self.config = config
        self.task = task or PulseDiscrimination()
        if self.task.channels != 2:
            raise InvalidInput("task", f"{self.task.channels} channels", "2, one for each population")
        self.bin_s = self.task.bin_s
        self.circuit = DecisionCircuit(mirrored_block(config.structure, config.tone), config.circuit)

    @classmethod
    def from_provenance(cls, provenance: Mapping[str, Any]) -> SingleArea:
        drawn = dict(provenance["task"])
        task: Any = registry.load("tasks", drawn.pop("name"))
        config = from_dict(SingleAreaConfig, provenance["simulator"], "simulator")
        return cls(config, task(from_dict(task.Config, drawn, "task")))

    # -- dynamics ---------------------------------------------------------------------------------------------------

    def draw_initial(self, streams: TrialStreams) -> Float[Array, "trial state"]:
        return streams.exponential(self.config.start_mean, 2)

    def step(
        self, state: Float[Array, "trial state"], inputs: Float[Array, "trial input"] | None = None
    ) -> Float[Array, "trial state"]:
        drive = np.zeros(state.shape) if inputs is None else inputs
        return self._bin(state, drive, np.zeros((len(state), 1, 2)))[0][-1]

    def decode(self, state: Float[Array, "*axes state"]) -> Float[Array, "*axes latent"]:
        """The gating values."""
        return np.ascontiguousarray(state)

    def latent_jacobian(
        self, state: Float[Array, "row state"], inputs: Float[Array, "row input"] | None = None
    ) -> Float[Array, "row latent latent"]:
        """Over a bin, exact for the integrator: the product of its substeps' Jacobians along the course without noise."""
        drive = np.zeros(state.shape) if inputs is None else inputs
        c = self.config
        step_s = self.bin_s / c.substeps
        return bin_jacobian(
            self.circuit,
            state,
            drive,
            slice(0, 2),
            self.circuit.coupling,
            step_s=step_s,
            substeps=c.substeps,
            integrator=c.integrator,
        )

    def run(
        self,
        start: Float[Array, "trial state"],
        stimulus: Float[Array, "trial time state"],
        noise: Float[Array, "trial time substep state"],
    ) -> tuple[Float[Array, "trial time state"], Float[Array, "trial time state"]]:
        """States and population rates in Hz under given currents in nA.

        Args:
            start: initial gating values.
            stimulus: current into each population, held for the bin.
            noise: the same; its substep axis is 1 (held for the bin) or one value a substep.
        """
        states, rates = np.empty(stimulus.shape), np.empty(stimulus.shape)
        state = start
        for t in range(stimulus.shape[1]):
            after, before = self._bin(state, stimulus[:, t], noise[:, t])
            state = after[-1]
            ended = self.config.record == "end"
            states[:, t], rates[:, t] = (state, before[-1]) if ended else (np.mean(after, 0), np.mean(before, 0))
        return states, rates

    def _bin(self, state: Array, stimulus: Array, noise: Array) -> tuple[list[Array], list[Array]]:
        """States after each substep of a bin, and rates at its start."""
        step_s, states, rates = self.bin_s / self.config.substeps, [], []
        for k in range(self.config.substeps):
            extra = noise[:, 0 if noise.shape[1] == 1 else k]
            state, rate = self.circuit.advance(state, step_s, stimulus, extra, integrator=self.config.integrator)
            states.append(state)
            rates.append(rate)
        return states, rates

    # -- data -------------------------------------------------------------------------------------------------------

    def simulate(self, trials: int, *, seed: int = 0, randomness: Randomness = "per_trial") -> Trials:
        if randomness == "legacy":
            raise InvalidInput("randomness", "'legacy'", "'per_trial' or 'shared'", "Only two_area has a stored study.")
        streams = open_streams(randomness, trials, seed)
        drawn = self._draw(streams)
        states, fired = self.run(*drawn.currents)
        readout = LinearNonlinear(self.config.spikes, 2, streams.dataset)
        readout.fit(self._calibration if randomness == "per_trial" else states)
        rates = readout.rates(states)
        return Trials.from_arrays(
            **readout.recorded(rates, streams),
            bin_s=self.bin_s,
            table=drawn.table.assign(latent_trial=np.arange(trials), **_choices(states, fired)),
            truth={"rates": rates, "latents": states, "inputs": drawn.stimulus, "states": states, "pop_rates": fired},
            name="single_area",
            provenance={
                "simulator": to_dict(self.config),
                "task": {"name": registry.name_of(type(self.task)), **to_dict(self.task.config)},
                "seed": seed,
                "randomness": randomness,
                "trials": trials,
                "readout": readout.described(),
            },
        )

    def drawn(self, trials: Trials) -> Drawn:
        """Start, stimulus and noise of given trials, drawn again: a rerun with them gives the trials' states to the bit.

        Raises:
            InvalidInput: trials that do not say how they were drawn.
        """
        number, randomness, seed = drawn_as(trials.provenance)
        rows = trials.table["latent_trial"].to_numpy(int)
        return self._draw(open_streams(randomness, number, seed)).select(rows)

    def perturbed(self, trials: Trials, pulse: Pulse) -> Perturbed:
        """The trials run again with a pulse into the two populations, and the same start, stimulus and noise; the pulse's area is not looked at."""
        drawn, substeps = self.drawn(trials), self.config.substeps
        shares = pulse.shares(self.task.bins, self.bin_s, substeps)
        if drawn.noise.shape[2] == 1 and np.ptp(shares, 1).max() == 0:
            shares = shares[:, :1]
        states, rates = self.run(drawn.start, drawn.stimulus, drawn.noise + shares[..., None] * pulse.vector(2))
        return Perturbed(states, states, np.asarray(_choices(states, rates)["choice"]))

    def _draw(self, streams: TrialStreams) -> Drawn:
        drawn, c = self.task.sample(streams), self.config
        noise = noise_currents(c.noise, streams, bins=self.task.bins, substeps=c.substeps, channels=2, bin_s=self.bin_s)
        return Drawn(self.draw_initial(streams), np.asarray(drawn.stimulus, float), noise, pd.DataFrame(drawn.table))

    @cached_property
    def _calibration(self) -> Array:
        """States of trials of fixed seeds: a readout fitted to them does not depend on how many trials are drawn."""
        states: Array = self.run(*self._draw(PerTrialStreams(_CALIBRATION_TRIALS, 0)).currents)[0]
        return states


def _choices(states: Array, rates: Array) -> dict[str, Any]:
    """Choice, first bin with a rate of 50 Hz, first bin with |S_0 - S_1| above 0.3 (-1 for never), whether so at the end."""
    fast = np.max(rates, -1) >= 50
    apart = np.abs(states[..., 0] - states[..., 1]) > 0.3
    return {
        "choice": (rates[:, -1, 1] >= rates[:, -1, 0]).astype(int),
        "decision_bin": np.where(fast.any(1), fast.argmax(1), -1),
        "separation_bin": np.where(apart.any(1), apart.argmax(1), -1),
        "decided": apart[:, -1],
    }
