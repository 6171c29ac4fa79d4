"""Two decision circuits in a row: parietal cortex drives prefrontal cortex."""

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
from neurodyn.simulate.area_units import AreaUnits, RecordedArea
from neurodyn.simulate.base import Simulator
from neurodyn.simulate.decision_circuit import DecisionCircuit, DecisionCircuitConfig, mirrored_block
from neurodyn.simulate.noise import NoiseConfig, noise_currents
from neurodyn.simulate.spikes import LinearNonlinearPoissonConfig
from neurodyn.tasks.base import Task
from neurodyn.tasks.pulse_discrimination import PulseDiscrimination

PPC, PFC = slice(0, 2), slice(2, 4)
_CALIBRATION_TRIALS = 200
"""Trials from which the readout's mean and scale are taken when each trial has a generator of its own."""
_AREAS = {"ppc": RecordedArea("PPC", PPC, 1), "pfc": RecordedArea("PFC", PFC, 0)}

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
    recorded: Literal["pfc", "ppc", "both"] = "pfc"
    """Area whose units are recorded and whose S are the latents; of both, PPC comes first."""
    spikes: LinearNonlinearPoissonConfig = field(default_factory=LinearNonlinearPoissonConfig)
    """The units recorded in each area."""

    def __post_init__(self) -> None:
        check_choices(self, "two_area")
        check_range("two_area.substeps", self.substeps, 1)
        check_range("two_area.start_mean", self.start_mean, 0)
        for name in ("ppc", "pfc", "ppc_to_pfc", "pfc_to_ppc"):
            value = getattr(self, name)
            if value is not None and len(value) != 2:
                raise InvalidInput(f"two_area.{name}", value, "two numbers: structure and tone")


@dataclass(frozen=True, eq=False)
class Drawn:
    """What drives trials, drawn: with it they can be run again."""

    start: Float[Array, "trial state"]
    stimulus: Float[Array, "trial time state"]
    """Current into each population in nA."""
    noise: Float[Array, "trial time substep state"]
    """The same; its substep axis is 1 where the noise is held for the bin."""
    table: pd.DataFrame
    """The task's conditions."""

    @property
    def currents(self) -> tuple[Array, Array, Array]:
        """The arguments of `TwoArea.run`."""
        return self.start, self.stimulus, self.noise

    def select(self, rows: Array) -> Drawn:
        """Some trials, `(row,)` of their numbers, each as often as it is named."""
        table = self.table.iloc[rows].reset_index(drop=True)
        return Drawn(self.start[rows], self.stimulus[rows], self.noise[rows], table)


def single_area(structure: float, tone: float = 0.28387) -> DecisionCircuit:
    """One area of two populations, on its own.

    >>> len(single_area(0.2).fixed_points())
    1
    """
    return DecisionCircuit(mirrored_block(structure, tone))


class TwoArea(Simulator):
    """The frontoparietal circuit of Murray, Jaramillo & Wang 2017 (10.1523/JNEUROSCI.0343-17.2017) doing a task.

    States are gating values S of populations PPC 0, 1 and PFC 2, 3; inputs are currents in nA into the four; the stimulus
    drives PPC. The latents are the S of what is recorded, PFC unless told otherwise. PFC's true input is S_PPC J_12 in nA. Its two numbers are exact
    negatives of each other unless PPC -> PFC has a tone, and it leaves out PFC's private noise. PPC's true input is S_PFC J_21 and the stimulus.

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
        self._last: tuple[tuple[int, Randomness, int], Drawn] | None = None

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
        """Gating values of the recorded area: PFC's, PPC's, or all four."""
        return np.ascontiguousarray(state[..., self.seen])

    @property
    def seen(self) -> slice:
        """The recorded populations among the four."""
        return {"pfc": PFC, "ppc": PPC, "both": slice(0, 4)}[self.config.recorded]

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

    def simulate(self, trials: int, *, seed: int = 0, randomness: Randomness = "per_trial", repeats: int = 1) -> Trials:
        """Trials with truth, as `Simulator.simulate`.

        Args:
            trials: how many different ones, `latent_trial` in the table.
            seed: of everything that is drawn.
            randomness: see `Simulator.simulate`.
            repeats: how often each is recorded, with spikes drawn anew: as many rows after each other, `repeat` in the table.

        Raises:
            InvalidInput: a number out of range.
        """
        check_range("repeats", repeats, 1)
        streams = open_streams(randomness, trials, seed)
        drawn = self._draw(streams)
        states, rates = self.run(*drawn.currents)
        units = self._units(streams, randomness, states)
        return self._trials(drawn, states, rates, units, streams, seed, randomness, repeats)

    def fresh(self, like: Trials, trials: int, *, seed: int, repeats: int = 1) -> Trials:
        """Further trials of this circuit, seen by the units of earlier ones: the same projections and scales, held-in units and forward bins.

        Args:
            like: what `simulate` or the data set gave, or some of it.
            trials: how many different ones.
            seed: of the task, the noise and the spikes; another than that of `like`.
            repeats: how often each is recorded, with spikes drawn anew.

        Raises:
            InvalidInput: the seed of `like`; trials that do not say how they were drawn.
        """
        check_range("repeats", repeats, 1)
        old, randomness, first = _drawn_as(like.provenance)
        if seed == first:
            raise InvalidInput(
                "seed", seed, "another seed than that of the trials", "The same seed draws the same trials."
            )
        before = open_streams(randomness, old, first)
        states = self.run(*self._draw(before).currents)[0]
        units = self._units(before, randomness, states)
        streams = open_streams(randomness, trials, seed)
        drawn = self._draw(streams)
        found = self._trials(
            drawn, *self.run(*drawn.currents), units, streams, seed, randomness, repeats, like.provenance
        )
        return dataclasses.replace(found, heldin=like.heldin, forward=like.forward, session=like.session)

    def drawn(self, trials: Trials) -> Drawn:
        """Start, stimulus and noise of given trials, drawn again: a rerun with them gives the trials' states to the bit.

        Raises:
            InvalidInput: trials that do not say how they were drawn.
        """
        number, randomness, seed = _drawn_as(trials.provenance)
        if "latent_trial" not in trials.table:
            raise InvalidInput("trials", "a table without latent_trial", "simulated trials with their table")
        key = (number, randomness, seed)
        if self._last is None or self._last[0] != key:
            self._last = key, self._draw(open_streams(randomness, number, seed))
        return self._last[1].select(trials.table["latent_trial"].to_numpy(int))

    def _draw(self, streams: TrialStreams) -> Drawn:
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
        return Drawn(self.draw_initial(streams), stimulus, noise, drawn.table)

    def _units(self, streams: TrialStreams, randomness: Randomness, states: Array) -> AreaUnits:
        """The units of trials with these states; scaled by trials of fixed seeds where each trial has a generator of its own."""
        spikes = self.config.spikes
        if randomness == "legacy":  # there, projection and spikes come from one generator
            spikes = dataclasses.replace(spikes, projection_seed=None)
        recorded = self.config.recorded
        areas = tuple(_AREAS.values()) if recorded == "both" else (_AREAS[recorded],)
        scaled_by = self._calibration_states if randomness == "per_trial" else states
        return AreaUnits(spikes, areas, streams.dataset, scaled_by)

    def _trials(
        self,
        drawn: Drawn,
        states: Array,
        rates: Array,
        units: AreaUnits,
        streams: TrialStreams,
        seed: int,
        randomness: Randomness,
        repeats: int,
        units_of: Mapping[str, Any] | None = None,
    ) -> Trials:
        truth = {"rates": units.rates(states), **self._truth(drawn, states, rates)}
        counts = units.sample(truth["rates"], streams, repeats)
        rows = np.repeat(np.arange(len(states)), repeats)
        table = drawn.table.assign(**_choices(states, rates), latent_trial=np.arange(len(states)))
        if repeats > 1:
            truth = {name: values[rows] for name, values in truth.items()}
            table = table.iloc[rows].reset_index(drop=True).assign(repeat=np.tile(np.arange(repeats), len(states)))
        provenance = {
            "simulator": to_dict(self.config),
            "task": {"name": type(self.task).__module__.rsplit(".", 1)[-1], **to_dict(self.task.config)},
            "seed": seed,
            "randomness": randomness,
            "trials": len(states),
            "readout": units.described(),
        }
        if units_of is not None:
            provenance["units_of"] = {name: units_of[name] for name in ("seed", "randomness", "trials")}
        return Trials.from_arrays(
            counts,
            bin_s=self.bin_s,
            table=table,
            unit_table=units.table,
            truth=truth,
            name="two_area",
            provenance=provenance,
        )

    def _truth(self, drawn: Drawn, states: Array, rates: Array) -> dict[str, Array]:
        to_ppc = self.input_to_ppc(states)
        into = to_ppc + drawn.stimulus[..., PPC] if self.config.recorded == "ppc" else self.input_to_pfc(states)
        return {
            "latents": self.decode(states),
            "inputs": into,
            "states": states,
            "pop_rates": rates,
            "stimulus": drawn.stimulus,
            "inputs_to_ppc": to_ppc,
        }

    @cached_property
    def _calibration_states(self) -> Array:
        """States of trials of fixed seeds: a readout scaled by them does not depend on how many trials are drawn."""
        states, _ = self.run(*self._draw(PerTrialStreams(_CALIBRATION_TRIALS, 0)).currents)
        return states


def _drawn_as(provenance: Mapping[str, Any]) -> tuple[int, Randomness, int]:
    """How many trials were drawn, how, and with which seed."""
    missing = [name for name in ("trials", "randomness", "seed") if name not in provenance]
    if missing:
        raise InvalidInput("trials", f"a provenance without {missing}", "simulated trials with their provenance")
    return provenance["trials"], provenance["randomness"], provenance["seed"]


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
