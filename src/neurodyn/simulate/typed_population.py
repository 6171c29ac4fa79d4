"""Calcium activity of a population of known cell types, with the behaviour that drives it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurodyn.config import check_range
from neurodyn.shapes import Array, Float


@dataclass(frozen=True)
class CellType:
    """What the neurons of one type have in common: means of the traits of `TRAITS`. The numbers are invented, not measured."""

    name: str
    """Subclass; empty for excitatory neurons, which have none."""
    share: float
    """Share of the population."""
    time_constant_s: float
    """Of the neuron's own low-pass filter."""
    noise: float
    """S.d. of its private drive."""
    running: float
    """Weight of running speed."""
    pupil: float
    """Weight of pupil size."""
    synchrony: float
    """Weight of the synchronised state."""
    population: float
    """Weight of the shared fluctuation."""
    local: float
    """Weight of what neurons nearby share."""


TYPES = (
    CellType("", 0.50, 0.60, 1.0, 0.0, 0.1, 0.0, 0.5, 0.5),
    CellType("Lamp5", 0.10, 0.50, 0.7, -0.2, 0.3, 0.5, -0.2, 0.3),
    CellType("Pvalb", 0.10, 0.15, 0.6, 0.3, 0.0, 0.3, 0.9, 0.5),
    CellType("Vip", 0.10, 0.30, 0.7, 0.9, 0.3, -0.3, 0.1, 0.1),
    CellType("Sncg", 0.10, 0.80, 0.8, 0.3, 0.9, -0.5, 0.1, 0.0),
    CellType("Sst", 0.10, 0.35, 0.6, -0.6, -0.3, 0.0, 0.5, 0.6),
)
POSITIVE = ("time_constant_s", "noise")
WEIGHTS = ("running", "pupil", "synchrony", "population", "local")
TRAITS = (*POSITIVE, *WEIGHTS)
"""What a neuron has of its own, drawn around the mean of its type."""
STATES = ("synchronised", "desynchronised", "running")
"""Values 0, 1, 2 of the behaviour signal `state`."""


@dataclass(frozen=True)
class TypedPopulationConfig:
    """Options of the typed population."""

    units: int = 80
    """Neurons."""
    frame_s: float = 0.25
    """Frame interval, in seconds."""
    spread: float = 0.25
    """S.d. of the weights within a type (of the logarithm, for time constants and noise): how much types overlap."""
    calcium_s: float = 0.7
    """Decay of the calcium indicator, in seconds."""
    measurement: float = 0.5
    """S.d. of the measurement noise, relative to that of the calcium."""
    field_um: tuple[float, float, float] = (400.0, 400.0, 150.0)
    """Size of the imaged volume, in micrometres."""
    sources: int = 20
    """Local sources in this volume, each felt by the neurons around it."""
    reach_um: float = 50.0
    """S.d. of the reach of a source, in micrometres."""

    def __post_init__(self) -> None:
        check_range("population.units", self.units, 1)
        check_range("population.frame_s", self.frame_s, 0, open_low=True)
        check_range("population.spread", self.spread, 0)
        check_range("population.calcium_s", self.calcium_s, 0, open_low=True)
        check_range("population.measurement", self.measurement, 0)
        check_range("population.sources", self.sources, 1)
        check_range("population.reach_um", self.reach_um, 0, open_low=True)


@dataclass(frozen=True, eq=False)
class TypedRecording:
    """One continuous recording."""

    fluorescence: Float[Array, "time unit"]
    """Measured, z-scored for every neuron."""
    calcium: Float[Array, "time unit"]
    """The same without measurement noise, on the scale of `fluorescence`."""
    behaviour: dict[str, Array]
    """`running` (cm/s), `pupil` (its mean is 1) and `state` (0, 1, 2: see `STATES`), each `(time, 1)`."""
    drives: Float[Array, "time drive"]
    """What neurons weigh: running, pupil, synchrony and the shared fluctuation, standardised."""
    neurons: pd.DataFrame
    """One row a neuron: `class`, `subclass`, `x_um`, `y_um`, `z_um` and its own `TRAITS`."""


class TypedPopulation:
    """Neurons of known type, driven by behaviour, by a shared fluctuation, by what is near and by noise.

    With drives u(t) (running, pupil, synchrony, shared, local), weights w and private white noise ξ, of neuron i:

        a_i(t) = α_i a_i(t − 1) + √(1 − α_i²) (w_i · u_i(t) + σ_i ξ_i(t)),    α_i = exp(−frame / τ_i)
        c_i(t) = β c_i(t − 1) + (1 − β) ln(1 + exp a_i(t)),                   β = exp(−frame / decay)

    and the fluorescence is c_i with measurement noise, z-scored. τ, σ and w differ by type.
    """

    def __init__(self, config: TypedPopulationConfig = TypedPopulationConfig()) -> None:
        self.config = config

    def draw_neurons(self, random: np.random.Generator) -> pd.DataFrame:
        """Types, positions and traits of a population, one row a neuron."""
        c = self.config
        kind = random.choice(len(TYPES), c.units, p=[t.share for t in TYPES])
        columns: dict[str, object] = {
            "class": np.where(kind == 0, "excitatory", "inhibitory").astype(object),
            "subclass": np.array([t.name for t in TYPES], object)[kind],
        }
        for axis, size in zip("xyz", c.field_um):
            columns[f"{axis}_um"] = random.uniform(0, size, c.units)
        for trait in TRAITS:
            mean = np.array([getattr(t, trait) for t in TYPES])[kind]
            own = c.spread * random.standard_normal(c.units)
            columns[trait] = mean * np.exp(own) if trait in POSITIVE else mean + own
        return pd.DataFrame(columns)

    def record(self, frames: int, seed: int | tuple[int, ...] = 0) -> TypedRecording:
        """One session: a population, and what it and the animal do.

        Args:
            frames: length of the recording.
            seed: of everything that is drawn.
        """
        c, random = self.config, np.random.default_rng(seed)
        neurons = self.draw_neurons(random)
        behaviour, drives = self._behave(frames, random)
        traits = {name: neurons[name].to_numpy() for name in TRAITS}
        driven = drives @ np.stack([traits[name] for name in WEIGHTS[:-1]])
        driven += traits["local"] * self._local(frames, neurons, random)
        driven += traits["noise"] * random.standard_normal((frames, c.units))
        alpha = np.exp(-c.frame_s / traits["time_constant_s"])
        active = np.logaddexp(0, _low_passed(driven, alpha, np.sqrt(1 - alpha**2)))
        beta = np.full(c.units, np.exp(-c.frame_s / c.calcium_s))
        calcium = _low_passed(active, beta, 1 - beta)
        measured = calcium + c.measurement * calcium.std(0) * random.standard_normal(calcium.shape)
        mean, sd = measured.mean(0), measured.std(0)
        return TypedRecording((measured - mean) / sd, (calcium - mean) / sd, behaviour, drives, neurons)

    def _behave(self, frames: int, random: np.random.Generator) -> tuple[dict[str, Array], Array]:
        """Arousal comes and goes in ten seconds; bouts of running, the pupil and the cortical state follow it, each with a noise of its own."""
        step = self.config.frame_s
        arousal, bouts, states, shared = _wander(frames, np.array([10.0, 3.0, 5.0, 0.5]), step, random).T
        running = 12 * np.maximum(0, bouts + 0.7 * arousal - 0.6)
        slow = np.exp(-step / np.array([2.0]))
        wide = _low_passed((arousal + running / 12)[:, None], slow, 1 - slow)[:, 0]
        pupil = 1 + 0.2 * (wide - wide.mean()) + 0.02 * random.standard_normal(frames)
        synchronised = (states + 0.7 * arousal < -0.3) & (running < 1)
        state = np.where(running >= 1, 2, np.where(synchronised, 0, 1))
        shared = shared * np.where(synchronised, 1.5, 0.8)
        drives = np.stack([running, pupil, synchronised, shared], 1)
        drives = (drives - drives.mean(0)) / np.maximum(drives.std(0), 1e-9)
        behaviour = {"running": running, "pupil": pupil, "state": state.astype(float)}
        return {name: values[:, None] for name, values in behaviour.items()}, drives

    def _local(self, frames: int, neurons: pd.DataFrame, random: np.random.Generator) -> Array:
        """What each neuron feels of the sources around it, of s.d. about 1."""
        c = self.config
        at = random.uniform(0, 1, (c.sources, 3)) * np.array(c.field_um)
        own = neurons[["x_um", "y_um", "z_um"]].to_numpy()
        near = np.exp(-0.5 * ((own[:, None] - at) ** 2).sum(2) / c.reach_um**2)
        near /= np.maximum(np.linalg.norm(near, axis=1, keepdims=True), 1e-3)
        return np.asarray(_wander(frames, np.full(c.sources, 0.7), c.frame_s, random) @ near.T)


def _wander(frames: int, time_constants_s: Array, step: float, random: np.random.Generator) -> Array:
    """Ornstein-Uhlenbeck processes of s.d. 1, `(time, channel)`, begun in their stationary state."""
    keep = np.exp(-step / time_constants_s)
    noise = random.standard_normal((frames, len(keep)))
    noise[1:] *= np.sqrt(1 - keep**2)
    return _low_passed(noise, keep, np.ones(len(keep)))


def _low_passed(values: Array, keep: Array, gain: Array) -> Array:
    """y(t) = keep · y(t − 1) + gain · x(t) of every channel, `(time, channel)`, from rest."""
    from scipy.signal import lfilter

    columns = [lfilter([g], [1.0, -k], x) for x, k, g in zip(values.T, keep, gain)]
    return np.stack(columns, 1)
