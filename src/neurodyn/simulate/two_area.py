"""Two decision circuits in a row: parietal cortex drives prefrontal cortex."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from neurodyn import registry
from neurodyn.config import check_choices, check_range, from_dict, to_dict
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import PerTrialStreams, Randomness, TrialStreams, open_streams
from neurodyn.shapes import Array, Float
from neurodyn.simulate.area_units import AreaUnits, RecordedArea
from neurodyn.simulate.base import Simulator
from neurodyn.simulate.bin_jacobian import bin_jacobian
from neurodyn.simulate.choices import choices
from neurodyn.simulate.decision_circuit import DecisionCircuit, DecisionCircuitConfig, mirrored_block
from neurodyn.simulate.drawn import Drawn, drawn_as
from neurodyn.simulate.linear_nonlinear import LinearNonlinearConfig
from neurodyn.simulate.noise import NoiseConfig, noise_currents
from neurodyn.simulate.perturbation import Perturbed, Pulse
from neurodyn.simulate.twins import pulsed
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
    spikes: LinearNonlinearConfig = field(default_factory=LinearNonlinearConfig)
    """The units recorded in each area."""

    twin: float | None = None
    """Structure of PFC in an adversarial twin, which makes the same trajectories under another input (see `simulate.twins`); empty for the circuit itself."""

    def __post_init__(self) -> None:
        check_choices(self, "two_area")
        if self.twin is not None and self.recorded != "pfc":
            raise InvalidInput(
                "two_area.twin", self.twin, f"none, with recorded={self.recorded}", "Twins are of PFC alone."
            )
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
    drives PPC. The latents are the S of what is recorded, PFC unless told otherwise. PFC's true input is S_PPC J_12 in nA. Its two numbers are exact
    negatives of each other unless PPC -> PFC has a tone, and it leaves out PFC's private noise. PPC's true input is S_PFC J_21 and the stimulus.

    >>> trials = TwoArea().simulate(4, seed=1)
    >>> trials.truth["inputs"].shape, trials.counts.shape
    ((4, 100, 2), (4, 100, 30))
    """

    Config: ClassVar = TwoAreaConfig
    state_size = input_size = 4

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
        self.own = self.coupling[self.seen, self.seen]
        """Coupling within what is recorded: in a twin, the twin's."""
        if config.twin is not None:
            self.own = mirrored_block(config.twin, config.pfc[1])
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

    def latent_jacobian(
        self, state: Float[Array, "row state"], inputs: Float[Array, "row input"] | None = None
    ) -> Float[Array, "row latent latent"]:
        """Of the recorded populations over a bin, exact for the integrator; the others keep their course. In a twin, with its coupling, under the input that leaves
        the currents as they are.

        Args:
            state: all four S at the start of the bin, one a row.
            inputs: currents into the four in nA (`truth["stimulus"]`); none is zero.
        """
        drive = np.zeros(state.shape) if inputs is None else inputs
        return bin_jacobian(
            self.circuit,
            state,
            drive,
            self.seen,
            self.own,
            step_s=self.bin_s / self.config.substeps,
            substeps=self.config.substeps,
            integrator=self.config.integrator,
        )

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
        states, rates, state = np.empty(stimulus.shape), np.empty(stimulus.shape), start
        for t in range(stimulus.shape[1]):
            steps = list(self._substeps(state, stimulus[:, t], noise[:, t]))
            state = steps[-1][0]
            states[:, t], rates[:, t] = steps[-1] if self.config.record == "end" else np.mean(steps, 0)
        return states, rates

    def perturbed_by(self, trials: Trials, pulses: Sequence[Pulse]) -> list[Perturbed]:
        """The trials run again with each pulse and the same start, stimulus and noise. In a twin, PFC alone is run, under the input that makes the trials."""
        drawn, number = self.drawn(trials), len(pulses)
        currents = np.stack([self._current(pulse) for pulse in pulses])
        if self.config.twin is None:
            held = drawn.noise.shape[2] == 1 and np.ptp(currents, 2).max() == 0
            extra = currents[:, None, :, :1] if held else currents[:, None]
            noise = (drawn.noise + extra).reshape(-1, *np.broadcast_shapes(drawn.noise.shape, extra.shape[1:])[1:])
            found = self.run(np.tile(drawn.start, (number, 1)), np.tile(drawn.stimulus, (number, 1, 1)), noise)
        else:
            found = self._twins_perturbed(drawn, currents)
        choice = choices(*found)["ppc_choice" if self.config.recorded == "ppc" else "choice"]
        split = [np.split(each, number) for each in (self.decode(found[0]), found[0], choice)]
        return [Perturbed(*each) for each in zip(*split)]

    def _current(self, pulse: Pulse) -> Float[Array, "time substep state"]:
        if pulse.area not in ("PPC", "PFC"):
            raise InvalidInput("pulse.area", pulse.area, "PPC or PFC")
        current = np.zeros((self.task.bins, self.config.substeps, 4))
        shares = pulse.shares(self.task.bins, self.bin_s, self.config.substeps)
        current[..., _AREAS[pulse.area.lower()].populations] = shares[..., None] * pulse.vector(2)
        return current

    def _twins_perturbed(self, drawn: Drawn, currents: Float[Array, "pulse time substep state"]) -> tuple[Array, Array]:
        """States and rates with the twin's PFC moved, the trials of one pulse after those of the other; PPC is not there to answer."""
        steps, path = self.config.substeps, [drawn.start]
        for t in range(self.task.bins):
            path += [state for state, _ in self._substeps(path[-1], drawn.stimulus[:, t], drawn.noise[:, t])]
        pfc = np.ascontiguousarray(np.stack(path, 1)[..., PFC])
        circuit, pulses = (
            DecisionCircuit(self.own, self.circuit.config),
            currents.reshape(len(currents), -1, 4)[..., PFC],
        )
        by_bin = [x.reshape(len(x), -1, steps, 2) for x in pulsed(circuit, pfc, pulses, self.bin_s / steps)]
        moved, fired = (each[:, :, -1] if self.config.record == "end" else each.mean(2) for each in by_bin)
        states, rates = (np.tile(each, (len(currents), 1, 1)) for each in self.run(*drawn.currents))
        states[..., PFC] += moved
        rates[..., PFC] = fired
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
        return self._trials({"seed": seed, "randomness": randomness, "trials": trials}, repeats)

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
        units_of = like.provenance.get("units_of", like.provenance)
        old, randomness, first = drawn_as(units_of)
        if seed in (first, like.provenance["seed"]):
            fix = "The same seed draws the same trials."
            raise InvalidInput("seed", seed, "another seed than that of the trials", fix)
        before = open_streams(randomness, old, first)
        units = self._units(before, randomness, self.run(*self._draw(before).currents)[0])
        found = self._trials({"seed": seed, "randomness": randomness, "trials": trials}, repeats, units)
        named = {"units_of": {name: units_of[name] for name in ("seed", "randomness", "trials")}}
        kept = {name: getattr(like, name) for name in ("heldin", "forward", "session")}
        return dataclasses.replace(found, **kept, provenance={**found.provenance, **named})

    def drawn(self, trials: Trials) -> Drawn:
        """Start, stimulus and noise of given trials, drawn again: a rerun with them gives the trials' states to the bit.

        Raises:
            InvalidInput: trials that do not say how.
        """
        number, randomness, seed = drawn_as(trials.provenance)
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

    def _trials(self, how: Mapping[str, Any], repeats: int, units: AreaUnits | None = None) -> Trials:
        """The trials of a seed, with the units that they scale, or given ones."""
        number, randomness, seed = drawn_as(how)
        streams = open_streams(randomness, number, seed)
        drawn = self._draw(streams)
        states, rates = self.run(*drawn.currents)
        units = units or self._units(streams, randomness, states)
        truth = {"rates": units.rates(states), **self._truth(drawn, states, rates)}
        counts = units.sample(truth["rates"], streams, repeats)
        table = drawn.table.assign(**choices(states, rates), latent_trial=np.arange(number))
        if repeats > 1:
            rows = np.repeat(np.arange(number), repeats)
            truth = {name: values[rows] for name, values in truth.items()}
            table = table.iloc[rows].reset_index(drop=True).assign(repeat=np.tile(np.arange(repeats), number))
        task = {"name": type(self.task).__module__.rsplit(".", 1)[-1], **to_dict(self.task.config)}
        return Trials.from_arrays(
            counts,
            bin_s=self.bin_s,
            table=table,
            unit_table=units.table,
            truth=truth,
            name="two_area",
            provenance={"simulator": to_dict(self.config), "task": task, **how, "readout": units.described()},
        )

    def _truth(self, drawn: Drawn, states: Array, rates: Array) -> dict[str, Array]:
        to_ppc = self.input_to_ppc(states)
        into = to_ppc + drawn.stimulus[..., PPC] if self.config.recorded == "ppc" else self.input_to_pfc(states)
        if self.config.twin is not None:
            into = into + np.ascontiguousarray(states[..., PFC]) @ (self.coupling[PFC, PFC] - self.own)
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
        states: Array = self.run(*self._draw(PerTrialStreams(_CALIBRATION_TRIALS, 0)).currents)[0]
        return states
