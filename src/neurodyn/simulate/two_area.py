"""Two decision circuits in a row: parietal cortex drives prefrontal cortex, which is recorded."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
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
from neurodyn.simulate.decision_circuit import DecisionCircuit, DecisionCircuitConfig, mirrored_block
from neurodyn.simulate.noise import NoiseConfig, noise_currents
from neurodyn.simulate.spikes import LinearNonlinearPoisson, LinearNonlinearPoissonConfig
from neurodyn.tasks.base import Task
from neurodyn.tasks.pulse_discrimination import PulseDiscrimination

PPC, PFC = slice(0, 2), slice(2, 4)
_CALIBRATION_TRIALS = 200
"""Trials from which the readout's mean and scale are taken when each trial has a generator of its own."""

# Structure and tone of PPC -> PFC, then of PFC -> PPC.
_PRESETS: dict[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "rec": ((0.15, 0.0), (0.04, 0.0)),
    "recnf": ((0.15, 0.0), (-0.04, -0.08)),
    "no_feedback": ((0.15, 0.0), (0.0, 0.0)),
    "no_coupling": ((0.0, 0.0), (0.0, 0.0)),
}


@dataclass(frozen=True)
class TwoAreaConfig:
    """Options of the two-area simulator. Couplings are in nA; each block has a structure (difference) and a tone (sum)."""

    preset: Literal["rec", "recnf", "no_feedback", "no_coupling"] = "rec"
    """Coupling between the areas: positive feedback, negative feedback, none from PFC to PPC, none at all."""
    ppc: tuple[float, float] = (0.35, 0.28387)
    """Structure and tone within PPC."""
    pfc: tuple[float, float] = (0.4182, 0.28387)
    """Structure and tone within PFC."""
    ppc_to_pfc: tuple[float, float] | None = None
    """Structure and tone from PPC to PFC; empty takes the preset's."""
    pfc_to_ppc: tuple[float, float] | None = None
    """Structure and tone from PFC to PPC; empty takes the preset's."""
    circuit: DecisionCircuitConfig = field(default_factory=DecisionCircuitConfig)
    """Constants of the populations."""
    noise: NoiseConfig = field(default_factory=NoiseConfig)
    """Private noise current of each of the four populations."""
    start_mean: float = 0.04
    """Mean of the exponential distribution of the initial gating values."""
    integrator: Literal["euler", "rk4"] = "euler"
    """Explicit Euler or Runge-Kutta 4."""
    substeps: int = 10
    """Integration steps in a bin: 1 ms each by default."""
    record: Literal["end", "mean"] = "end"
    """States at the end of each bin, and rates at the start of its last substep; or means over the substeps of both."""
    spikes: LinearNonlinearPoissonConfig = field(default_factory=LinearNonlinearPoissonConfig)
    """The units recorded in PFC."""

    def __post_init__(self) -> None:
        check_choices(self, "two_area")
        check_range("two_area.substeps", self.substeps, 1)
        check_range("two_area.start_mean", self.start_mean, 0)
        for name in ("ppc", "pfc", "ppc_to_pfc", "pfc_to_ppc"):
            value = getattr(self, name)
            if value is not None and len(value) != 2:
                raise InvalidInput(f"two_area.{name}", value, "two numbers: structure and tone")


def single_area(structure: float, tone: float = 0.28387) -> DecisionCircuit:
    """One area of two populations, on its own.

    >>> len(single_area(0.2).fixed_points())
    1
    """
    return DecisionCircuit(mirrored_block(structure, tone))


class TwoArea(Simulator):
    """The frontoparietal circuit of Murray, Jaramillo & Wang 2017 (10.1523/JNEUROSCI.0343-17.2017) doing a task.

    States are gating values S of populations PPC 0, 1 and PFC 2, 3; inputs are currents in nA into the four; the stimulus
    drives PPC. The latents are PFC's S. PFC's true input is S_PPC J_12 in nA. Its two numbers are exact negatives of each
    other unless PPC -> PFC has a tone, and it leaves out PFC's private noise.

    >>> trials = TwoArea().simulate(4, seed=1)
    >>> trials.truth["inputs"].shape, trials.counts.shape
    ((4, 100, 2), (4, 100, 30))
    """

    Config: ClassVar = TwoAreaConfig
    state_size = 4
    input_size = 4

    def __init__(self, config: TwoAreaConfig = TwoAreaConfig(), task: Task | None = None) -> None:
        """A circuit with its task (by default `PulseDiscrimination` with its default options).

        Raises:
            InvalidInput: a task without two stimulus channels.
        """
        self.config = config
        self.task = task or PulseDiscrimination()
        if self.task.channels != 2:
            raise InvalidInput("task", f"{self.task.channels} channels", "2, one for each PPC population")
        self.bin_s = self.task.bin_s
        forward, feedback = _PRESETS[config.preset]
        self.coupling = np.block(
            [
                [mirrored_block(*config.ppc), mirrored_block(*(config.ppc_to_pfc or forward))],
                [mirrored_block(*(config.pfc_to_ppc or feedback)), mirrored_block(*config.pfc)],
            ]
        )
        self.circuit = DecisionCircuit(self.coupling, config.circuit)

    @classmethod
    def from_provenance(cls, provenance: Mapping[str, Any]) -> TwoArea:
        drawn = dict(provenance["task"])
        task: Any = registry.load("tasks", drawn.pop("name"))
        config = from_dict(TwoAreaConfig, provenance["simulator"], "simulator")
        return cls(config, task(from_dict(task.Config, drawn, "task")))

    # -- dynamics ---------------------------------------------------------------------------------------------------

    def draw_initial(self, streams: TrialStreams) -> Float[Array, "trial state"]:
        return streams.exponential(self.config.start_mean, 4)

    def step(
        self, state: Float[Array, "trial state"], inputs: Float[Array, "trial input"] | None = None
    ) -> Float[Array, "trial state"]:
        drive = np.zeros(state.shape) if inputs is None else inputs
        for after, _ in self._substeps(state, drive, np.zeros((len(state), 1, 4))):
            state = after
        return state

    def decode(self, state: Float[Array, "*axes state"]) -> Float[Array, "*axes latent"]:
        """PFC's gating values."""
        return np.ascontiguousarray(state[..., PFC])

    def input_to_pfc(self, states: Float[Array, "trial time state"]) -> Float[Array, "trial time input"]:
        """S_PPC J_12 in nA: what PFC receives from PPC."""
        return np.ascontiguousarray(states[..., PPC]) @ np.ascontiguousarray(self.coupling[PPC, PFC])

    def input_to_ppc(self, states: Float[Array, "trial time state"]) -> Float[Array, "trial time input"]:
        """S_PFC J_21 in nA: what PPC receives from PFC."""
        return np.ascontiguousarray(states[..., PFC]) @ np.ascontiguousarray(self.coupling[PFC, PPC])

    def run(
        self,
        start: Float[Array, "trial state"],
        stimulus: Float[Array, "trial time state"],
        noise: Float[Array, "trial time substep state"],
    ) -> tuple[Float[Array, "trial time state"], Float[Array, "trial time state"]]:
        """States and population rates in Hz under given currents in nA: the same noise can be used again with another stimulus.

        Args:
            start: initial gating values.
            stimulus: current into each population, held for the bin.
            noise: the same; its substep axis is 1 (held for the bin) or one value a substep.
        """
        states, rates = np.empty(stimulus.shape), np.empty(stimulus.shape)
        state = start
        for t in range(stimulus.shape[1]):
            steps = list(self._substeps(state, stimulus[:, t], noise[:, t]))
            state = steps[-1][0]
            states[:, t], rates[:, t] = steps[-1] if self.config.record == "end" else np.mean(steps, 0)
        return states, rates

    def _substeps(self, state: Array, stimulus: Array, noise: Array) -> Iterator[tuple[Array, Array]]:
        """State after each substep of a bin, with the rates at its start."""
        circuit, h = self.circuit, self.bin_s / self.config.substeps
        held = noise.shape[1] == 1
        for k in range(self.config.substeps):
            extra = noise[:, 0 if held else k]
            rate = circuit.rates(state, stimulus, extra)
            slope = circuit.derivative(state, rate)
            if self.config.integrator == "rk4":
                second = circuit.drift(state + h / 2 * slope, stimulus, extra)
                third = circuit.drift(state + h / 2 * second, stimulus, extra)
                fourth = circuit.drift(state + h * third, stimulus, extra)
                slope = (slope + 2 * second + 2 * third + fourth) / 6
            state = state + h * slope
            yield state, rate

    # -- data -------------------------------------------------------------------------------------------------------

    def simulate(self, trials: int, *, seed: int = 0, randomness: Randomness = "per_trial") -> Trials:
        streams = open_streams(randomness, trials, seed)
        truth, table = self._behave(streams)
        spikes = self.config.spikes
        if randomness == "legacy":  # there, projection and spikes come from one generator
            spikes = dataclasses.replace(spikes, projection_seed=None)
        readout = LinearNonlinearPoisson(spikes, 2, streams.dataset)
        readout.fit(self._calibration_latents if randomness == "per_trial" else truth["latents"])
        rates = readout.rates(truth["latents"])
        return Trials.from_arrays(
            readout.sample(rates, streams),
            bin_s=self.bin_s,
            table=table,
            truth={"rates": rates, **truth},
            name="two_area",
            provenance={
                "simulator": to_dict(self.config),
                "task": {"name": type(self.task).__module__.rsplit(".", 1)[-1], **to_dict(self.task.config)},
                "seed": seed,
                "randomness": randomness,
                "readout": readout.described(),
            },
        )

    def _behave(self, streams: TrialStreams) -> tuple[dict[str, Array], pd.DataFrame]:
        drawn = self.task.sample(streams)
        noise = noise_currents(
            self.config.noise,
            streams,
            bins=self.task.bins,
            substeps=self.config.substeps,
            channels=4,
            bin_s=self.bin_s,
        )
        stimulus = np.concatenate([drawn.stimulus, np.zeros_like(drawn.stimulus)], 2)
        states, rates = self.run(self.draw_initial(streams), stimulus, noise)
        truth = {
            "latents": self.decode(states),
            "inputs": self.input_to_pfc(states),
            "states": states,
            "pop_rates": rates,
            "stimulus": stimulus,
            "inputs_to_ppc": self.input_to_ppc(states),
        }
        return truth, drawn.table.assign(**_choices(states, rates))

    @cached_property
    def _calibration_latents(self) -> Array:
        """Latents of trials of fixed seeds: a readout fitted to them does not depend on how many trials are drawn."""
        return self._behave(PerTrialStreams(_CALIBRATION_TRIALS, 0))[0]["latents"]


def _choices(states: Array, rates: Array) -> dict[str, Any]:
    """Choice of each area, first bin with a PFC rate of 50 Hz, first bin with |S_2 - S_3| above 0.3 (-1 for never)."""
    fast = np.max(rates[..., PFC], -1) >= 50
    apart = np.abs(states[..., 2] - states[..., 3]) > 0.3
    return {
        "choice": (rates[:, -1, 3] >= rates[:, -1, 2]).astype(int),
        "ppc_choice": (rates[:, -1, 1] >= rates[:, -1, 0]).astype(int),
        "decision_bin": np.where(fast.any(1), fast.argmax(1), -1),
        "separation_bin": np.where(apart.any(1), apart.argmax(1), -1),
        "decided": apart[:, -1],
    }
