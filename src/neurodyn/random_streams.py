"""Random numbers of simulated trials: a generator for each trial, or one for all of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, Literal

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float, Int

Randomness = Literal["per_trial", "shared", "legacy"]
Generator = np.random.Generator | np.random.RandomState
"""What numbers are drawn from: NumPy's generator, or its legacy one."""
Draw = Callable[[Array, Any], Array]
"""Values of given expectations from a generator, of the same shape."""
_BLOCK = 260
"""Steps of noise drawn at a time for a trial: few calls, little memory."""


class TrialStreams(ABC):
    """Draws for a number of trials at once; every array has the trial as its first axis."""

    trials: int
    dataset: np.random.Generator
    """For what belongs to the data set as a whole, such as the projection to the units."""

    @abstractmethod
    def choice(self, options: int) -> Array:
        """One of `options` equally likely integers for each trial, `(trial,)`."""

    @abstractmethod
    def integers(self, *options: int) -> Int[Array, "trial number"]:
        """For each trial one of `options` equally likely integers from 0, for each of several numbers."""

    @abstractmethod
    def uniform(self, low: float, high: float) -> Array:
        """A number between two for each trial."""

    @abstractmethod
    def normal(self, sd: float, size: int) -> Float[Array, "trial size"]:
        """Normal numbers of mean zero."""

    @abstractmethod
    def exponential(self, mean: float, size: int) -> Float[Array, "trial size"]:
        """Exponential numbers."""

    @abstractmethod
    def poisson(self, expected: Float[Array, "trial time channel"]) -> Int[Array, "trial time channel"]:
        """Poisson counts with these expectations."""

    @abstractmethod
    def normal_steps(self, steps: int, channels: int) -> Iterator[Array]:
        """Standard normal numbers `(trial, channel)`, one array a step: noise too long to hold at once."""

    @abstractmethod
    def drawn(self, draw: Draw, expected: Float[Array, "trial time unit"]) -> Array:
        """Values `(trial, time, unit)` of any distribution, drawn after everything else."""

    def spikes(self, expected: Float[Array, "trial time unit"]) -> Int[Array, "trial time unit"]:
        """Poisson spike counts, drawn after everything else."""
        return self.drawn(_poisson, expected)


def _poisson(expected: Array, generator: Any) -> Array:
    return np.asarray(generator.poisson(expected))


class PerTrialStreams(TrialStreams):
    """One generator a trial, spawned from the seed by trial index: trial 7 is the same whatever the number of trials."""

    def __init__(self, trials: int, seed: int) -> None:
        self.trials = trials
        self.dataset = np.random.default_rng(seed)
        self._generators = [
            np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(index,))) for index in range(trials)
        ]

    def choice(self, options: int) -> Array:
        return np.array([g.integers(options) for g in self._generators])

    def integers(self, *options: int) -> Int[Array, "trial number"]:
        return np.stack([g.integers(0, options) for g in self._generators])

    def uniform(self, low: float, high: float) -> Array:
        return np.array([g.uniform(low, high) for g in self._generators])

    def normal(self, sd: float, size: int) -> Float[Array, "trial size"]:
        return np.stack([g.normal(0.0, sd, size) for g in self._generators])

    def exponential(self, mean: float, size: int) -> Float[Array, "trial size"]:
        return np.stack([g.exponential(mean, size) for g in self._generators])

    def poisson(self, expected: Float[Array, "trial time channel"]) -> Int[Array, "trial time channel"]:
        return np.stack([g.poisson(trial) for g, trial in zip(self._generators, expected)])

    def drawn(self, draw: Draw, expected: Float[Array, "trial time unit"]) -> Array:
        return np.stack([draw(trial, g) for g, trial in zip(self._generators, expected)])

    def normal_steps(self, steps: int, channels: int) -> Iterator[Array]:
        for start in range(0, steps, _BLOCK):
            shape = (min(_BLOCK, steps - start), channels)
            block = np.stack([g.standard_normal(shape) for g in self._generators])
            yield from block.swapaxes(0, 1)


class SharedStreams(TrialStreams):
    """One generator for all trials, drawn from array by array: the stream of the quality benchmark. Every trial depends on their number."""

    def __init__(self, trials: int, seed: int) -> None:
        self.trials = trials
        self.dataset = np.random.default_rng(seed)

    def choice(self, options: int) -> Array:
        return self.dataset.integers(0, options, self.trials)

    def integers(self, *options: int) -> Int[Array, "trial number"]:
        return self.dataset.integers(0, options, (self.trials, len(options)))

    def uniform(self, low: float, high: float) -> Array:
        return self.dataset.uniform(low, high, self.trials)

    def normal(self, sd: float, size: int) -> Float[Array, "trial size"]:
        return self.dataset.normal(0.0, sd, (self.trials, size))

    def exponential(self, mean: float, size: int) -> Float[Array, "trial size"]:
        return self.dataset.exponential(mean, (self.trials, size))

    def poisson(self, expected: Float[Array, "trial time channel"]) -> Int[Array, "trial time channel"]:
        return self.dataset.poisson(expected)

    def drawn(self, draw: Draw, expected: Float[Array, "trial time unit"]) -> Array:
        return draw(expected, self.dataset)

    def normal_steps(self, steps: int, channels: int) -> Iterator[Array]:
        for _ in range(steps):
            yield self.dataset.standard_normal((self.trials, channels))


class LegacyStreams(TrialStreams):
    """The seeding of the stored two-area study: a legacy generator a trial for task and noise, fresh ones for the rest."""

    def __init__(self, trials: int, seed: int) -> None:
        self.trials = trials
        self.dataset = np.random.default_rng(seed)
        self._seed = seed
        seeds = np.random.default_rng(seed)
        self._generators = [np.random.RandomState(int(seeds.integers(0, 4294967295))) for _ in range(trials)]

    def choice(self, options: int) -> Array:
        return np.array([g.choice(options) for g in self._generators])

    def integers(self, *options: int) -> Int[Array, "trial number"]:
        return np.stack([g.randint(0, options) for g in self._generators])

    def uniform(self, low: float, high: float) -> Array:
        return np.array([g.uniform(low, high) for g in self._generators])

    def normal(self, sd: float, size: int) -> Float[Array, "trial size"]:
        return np.stack([g.normal(0.0, sd, size) for g in self._generators])

    def exponential(self, mean: float, size: int) -> Float[Array, "trial size"]:
        return np.random.default_rng(self._seed).exponential(mean, (self.trials, size))

    def poisson(self, expected: Float[Array, "trial time channel"]) -> Int[Array, "trial time channel"]:
        # One channel after the other, as the study drew its pulses.
        return np.stack([g.poisson(trial.T).T for g, trial in zip(self._generators, expected)])

    def normal_steps(self, steps: int, channels: int) -> Iterator[Array]:
        for start in range(0, steps, _BLOCK):
            shape = (min(_BLOCK, steps - start), channels)
            block = np.stack([g.standard_normal(shape) for g in self._generators])
            yield from block.swapaxes(0, 1)

    def drawn(self, draw: Draw, expected: Float[Array, "trial time unit"]) -> Array:
        return draw(expected, self.dataset)


class ReleasedStreams(TrialStreams):
    """The stream of the released learning-rule study: one legacy generator for all trials, which one object continues from batch to batch.

    Seed a study's run of seed s with s + 3. Choices come as one array; integers trial by trial, the first number of a trial before its second.
    """

    def __init__(self, trials: int, seed: int) -> None:
        self.trials = trials
        self.dataset = np.random.default_rng(seed)
        self._generator = np.random.RandomState(seed)

    def choice(self, options: int) -> Array:
        return self._generator.randint(0, options, self.trials)

    def integers(self, *options: int) -> Int[Array, "trial number"]:
        # One by one: an array of draws leaves the generator elsewhere.
        drawn = [self._generator.randint(each) for _ in range(self.trials) for each in options]
        return np.array(drawn, dtype=np.int64).reshape(self.trials, len(options))

    def uniform(self, low: float, high: float) -> Array:
        return self._generator.uniform(low, high, self.trials)

    def normal(self, sd: float, size: int) -> Float[Array, "trial size"]:
        return self._generator.normal(0.0, sd, (self.trials, size))

    def exponential(self, mean: float, size: int) -> Float[Array, "trial size"]:
        return self._generator.exponential(mean, (self.trials, size))

    def poisson(self, expected: Float[Array, "trial time channel"]) -> Int[Array, "trial time channel"]:
        return self._generator.poisson(expected)

    def drawn(self, draw: Draw, expected: Float[Array, "trial time unit"]) -> Array:
        return draw(expected, self._generator)

    def normal_steps(self, steps: int, channels: int) -> Iterator[Array]:
        for _ in range(steps):
            yield self._generator.standard_normal((self.trials, channels))


def open_streams(randomness: Randomness, trials: int, seed: int) -> TrialStreams:
    """The streams of a data set.

    Raises:
        InvalidInput: no trials, or a negative seed.
    """
    if trials < 1:
        raise InvalidInput("trials", trials, "at least 1")
    if seed < 0:
        raise InvalidInput("seed", seed, "0 or more")
    kinds: dict[str, type[PerTrialStreams | SharedStreams | LegacyStreams]] = {
        "per_trial": PerTrialStreams,
        "shared": SharedStreams,
        "legacy": LegacyStreams,
    }
    return kinds[randomness](trials, seed)
