"""Two decision circuits in a row without evidence, recorded so that what one area's deviations owe to the other shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from neurodyn.config import check_choices, check_range, to_dict
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float
from neurodyn.simulate.decision_circuit import DecisionCircuit, DecisionCircuitConfig, mirrored_block

PPC, PFC = slice(0, 2), slice(2, 4)
_CHANNELS = 10
_START_MEAN, _NOISE_NA = 0.01, 0.07
_AT_A_TIME = 3000
"""Trials integrated together: few enough for a processor's cache."""


@dataclass(frozen=True)
class ResidualCircuitConfig:
    """Options of `ResidualCircuit`. Couplings are in nA."""

    within: float = 0.36
    """w_self: structure (difference) within each area."""
    forward: float = 0.08
    """w_fwd: structure from PPC to PFC."""
    feedback: float = 0.0
    """w_fbk: structure from PFC to PPC."""
    tone: float = 0.28387
    """Coupling of the sum within each area."""
    coherence: float = 0.0
    """Of the stimulus: 25 Hz (1 ± coherence) at 5.2e-4 nA/Hz into the two PPC populations."""
    stimulus_from: int = 4000
    """First step with a stimulus."""
    steps: int = 12000
    """Integration steps."""
    step_s: float = 1e-4
    """Length of a step in seconds."""
    steps_per_bin: int = 450
    """Steps that a recorded bin is the sum of."""
    noise_tau_s: float = 0.002
    """Time constant of the noise current."""
    observation_variance: float = 0.27
    """Variance of the noise of each recorded channel and bin."""
    shuffled: bool = False
    """Let PFC receive at each step the PPC input of another trial of the same choice: the same averages, no correlation with the trial's own past."""
    circuit: DecisionCircuitConfig = field(default_factory=DecisionCircuitConfig)
    """Constants of the populations."""

    def __post_init__(self) -> None:
        check_choices(self, "residual_circuit")
        check_range("residual_circuit.steps_per_bin", self.steps_per_bin, 1)
        check_range("residual_circuit.steps", self.steps, self.steps_per_bin)
        check_range("residual_circuit.observation_variance", self.observation_variance, 0)


class ResidualCircuit:
    """PPC (populations 0, 1) and PFC (2, 3) with the equations of `DecisionCircuit`, Euler steps of 0.1 ms.

    Noise currents i ← i + (Δ/τ)(−i + √τ 0.07 ξ); S_0 = 0.01 + √τ 0.07 ξ. Ten channels an area read the sum of its S over 45 ms through orthonormal
    maps, with noise. The choice is the sign of S_2 − S_3 at the end. In single precision: noise dwarfs its rounding.

    >>> ResidualCircuit(ResidualCircuitConfig(steps=900)).simulate(4).neural.values.shape
    (4, 2, 20)
    """

    Config = ResidualCircuitConfig

    def __init__(self, config: ResidualCircuitConfig = ResidualCircuitConfig()) -> None:
        self.config = config
        local = mirrored_block(config.within, config.tone)
        forward, feedback = mirrored_block(config.forward, 0.0), mirrored_block(config.feedback, 0.0)
        self.coupling = np.block([[local, forward], [feedback, local]])
        self.circuit = DecisionCircuit(self.coupling, config.circuit)
        self.bins = config.steps // config.steps_per_bin
        self.bin_s = config.steps_per_bin * config.step_s

    @property
    def stimulus(self) -> Float[Array, "time population"]:
        """Current into the four populations at each step, in nA."""
        c = self.config
        found = np.zeros((c.steps, 4))
        found[c.stimulus_from :, PPC] = 5.2e-4 * 25 * (1 + c.coherence * np.array([1.0, -1.0]))
        return found

    def simulate(self, trials: int, *, seed: int = 0) -> Trials:
        """Trials with the fluorescence of 20 channels (10 an area, column `area` of the unit table); condition: the choice; truth: `latents`, mean S in each bin.

        Raises:
            InvalidInput: no trials.
        """
        if trials < 1:
            raise InvalidInput("trials", trials, "at least 1")
        summed, choice = self._run(trials, seed, None)
        if self.config.shuffled:
            summed = self._run(trials, seed, choice)[0]
        generator = np.random.default_rng((seed, 1))
        maps = np.linalg.qr(generator.normal(size=(_CHANNELS, _CHANNELS)))[0]
        read = [summed[..., PPC] @ maps[:, :2].T, summed[..., PFC] @ maps[:, 2:4].T]
        noise = generator.normal(0, np.sqrt(self.config.observation_variance), (trials, self.bins, 2 * _CHANNELS))
        import pandas as pd

        return Trials.from_arrays(
            fluorescence=np.concatenate(read, 2) + noise,
            bin_s=self.bin_s,
            conditions=choice,
            unit_table=pd.DataFrame({"area": ["PPC"] * _CHANNELS + ["PFC"] * _CHANNELS}),
            truth={"latents": summed / self.config.steps_per_bin},
            name="residual_circuit",
            provenance={"simulator": to_dict(self.config), "seed": seed, "maps": maps[:, :4].tolist()},
        )

    def jacobian_per_bin(
        self, state: Float[Array, "time population"], populations: slice = slice(0, 4)
    ) -> Float[Array, "time out in"]:
        """exp(bin · ∂drift/∂S) of some populations with the others held, along a path of bin averages such as a condition's mean."""
        from scipy.linalg import expm

        ends = (np.arange(self.bins) + 1) * self.config.steps_per_bin - 1
        slopes = self.circuit.jacobian(state, self.stimulus[ends])[:, populations, populations]
        return np.asarray(expm(self.bin_s * slopes))

    def _run(self, trials: int, seed: int, choice: Array | None) -> tuple[Array, Array]:
        """Sums of S over each bin `(trial, time, 4)` and the choice; with choices, PPC's input to PFC is exchanged among trials of one choice."""
        # Trials of one choice exchange inputs at each step, so then all are integrated together.
        at_a_time = trials if choice is not None else _AT_A_TIME
        parts = [
            self._chunk(min(at_a_time, trials - start), np.random.default_rng((seed, 0, start)), choice)
            for start in range(0, trials, at_a_time)
        ]
        summed, end = (np.concatenate(each) for each in zip(*parts))
        return summed, (end[:, 2] > end[:, 3]).astype(int)

    def _chunk(self, trials: int, generator: np.random.Generator, choice: Array | None) -> tuple[Array, Array]:
        c, constants = self.config, self.config.circuit
        kind: Any = np.float32
        spread = np.sqrt(c.noise_tau_s) * _NOISE_NA
        share = kind(c.step_s / c.noise_tau_s)
        coupling = self.coupling.T.astype(kind)  # (target, source)
        across = coupling[PFC, PPC].copy()
        groups = [] if choice is None else [np.flatnonzero(choice == each) for each in np.unique(choice)]
        if choice is not None:
            coupling[PFC, PPC] = 0
        drive = (self.stimulus + constants.background_na).astype(kind)[..., None]
        state = (_START_MEAN + spread * generator.standard_normal((4, trials))).astype(kind)
        current, total = np.zeros((4, trials), kind), np.zeros((4, trials))
        summed = np.empty((trials, self.bins, 4))
        decay, gain = kind(1 - c.step_s / constants.tau_s), kind(constants.saturation * c.step_s)
        for t in range(c.steps):
            xi = generator.standard_normal((4, trials), kind)
            current += share * (kind(spread) * xi - current)
            into = coupling @ state
            if choice is not None:
                other = np.empty(trials, int)
                for rows in groups:
                    other[rows] = generator.permutation(rows)
                into[PFC] += across @ state[PPC][:, other]
            into += drive[t]
            into += current
            into *= kind(constants.gain_hz_per_na)
            into -= kind(constants.threshold_hz)
            into[into == 0] = kind(1e-6)  # the limit of the transfer function, where it is 0/0
            rate = into / -np.expm1(kind(-constants.curvature_s) * into)
            state = decay * state + gain * (1 - state) * rate
            total += state
            if (t + 1) % c.steps_per_bin == 0:
                if t // c.steps_per_bin < self.bins:
                    summed[:, t // c.steps_per_bin] = total.T
                total[:] = 0
        return summed, state.T.astype(float)
