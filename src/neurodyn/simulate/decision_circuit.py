"""Mean-field circuits of NMDA populations that decide between two options."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from scipy.special import lambertw

from neurodyn.config import check_choices, check_range
from neurodyn.dynamics.newton import newton
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float

_START_LEVELS = (0.0, 0.02, 0.05, 0.09, 0.15, 0.25, 0.45, 0.7)
"""Gating values from which fixed points are looked for: denser where resting states and saddles lie."""


@dataclass(frozen=True)
class DecisionCircuitConfig:
    """Constants of the populations."""

    gain_hz_per_na: float = 270.0
    """a: gain of the transfer function, in Hz/nA."""
    threshold_hz: float = 108.0
    """b: threshold of the transfer function, in Hz."""
    curvature_s: float = 0.154
    """c: curvature of the transfer function, in seconds."""
    background_na: float = 0.334
    """I_0: background current, in nA."""
    tau_s: float = 0.060
    """τ: NMDA time constant, in seconds."""
    saturation: float = 0.641
    """γ: gating gained per spike."""

    def __post_init__(self) -> None:
        check_choices(self, "circuit")
        for name in ("gain_hz_per_na", "curvature_s", "tau_s", "saturation"):
            check_range(f"circuit.{name}", getattr(self, name), 0, open_low=True)


def mirrored_block(structure: float, tone: float) -> Float[Array, "2 2"]:
    """Coupling of two populations to two: `structure` acts on their difference, `tone` on their sum."""
    same, cross = (structure + tone) / 2, (tone - structure) / 2
    return np.array([[same, cross], [cross, same]])


class DecisionCircuit:
    """Populations with gating S in [0, 1) (Wong & Wang 2006, 10.1523/JNEUROSCI.3733-05.2006).

    I = S J + I_0 + external (row vectors: the current into j is the sum over i of S_i J_ij, in nA);
    r = f(I) = (a I - b) / (1 - exp(-c (a I - b))) in Hz;  dS/dt = -S/τ + γ (1 - S) r.

    >>> circuit = DecisionCircuit(mirrored_block(0.4182, 0.28387))
    >>> [len(circuit.fixed_points()), round(float(circuit.transfer(np.array(0.4))), 6)]
    [5, 6.493506]
    """

    def __init__(
        self,
        coupling: Float[Array, "source target"],
        config: DecisionCircuitConfig = DecisionCircuitConfig(),
    ) -> None:
        if coupling.ndim != 2 or coupling.shape[0] != coupling.shape[1] or not np.isfinite(coupling).all():
            raise InvalidInput("coupling", f"shape {coupling.shape}", "a square matrix of finite numbers, in nA")
        self.coupling = coupling
        self.config = config

    @property
    def populations(self) -> int:
        """Number of populations."""
        return int(self.coupling.shape[0])

    # -- transfer function ------------------------------------------------------------------------------------------

    def transfer(self, current: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Rate in Hz of a current in nA; 1/c in the limit a I = b."""
        c = self.config
        drive = c.gain_hz_per_na * current - c.threshold_hz
        u = c.curvature_s * drive
        tiny = np.abs(u) < 1e-9
        denominator = np.where(tiny, 1.0, -np.expm1(-np.clip(u, -700, 700)))
        return np.where(tiny, 1 / c.curvature_s, drive / denominator)

    def transfer_slope(self, current: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Derivative of the rate with respect to the current, in Hz/nA; a/2 in the limit a I = b."""
        c = self.config
        u = np.clip(c.curvature_s * (c.gain_hz_per_na * current - c.threshold_hz), -700, 700)
        tiny = np.abs(u) < 1e-4
        safe = np.where(tiny, 1.0, u)
        slope = (1 - safe / np.expm1(safe)) / -np.expm1(-safe)
        return c.gain_hz_per_na * np.where(tiny, 0.5 + u / 6, slope)

    def transfer_inverse(self, rate_hz: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
        """Current in nA of a rate in Hz.

        With y = c r and u = c (a I - b): u = y + W(-y exp(-y)), the branch of Lambert's W that is not -y.

        Raises:
            InvalidInput: a rate of zero or less, which no current gives.
        """
        c = self.config
        y = np.asarray(c.curvature_s * rate_hz)
        if not (y > 0).all():
            raise InvalidInput("rate_hz", float(np.min(rate_hz)), "rates above 0 Hz")
        argument = -y * np.exp(-y)
        u = y + np.where(y > 1, lambertw(argument, 0).real, lambertw(argument, -1).real)
        near = np.abs(y - 1) < 0.2
        if near.any():
            # The branches meet at y = 1, where W loses half its digits: start from the Taylor series there and polish.
            u = np.where(near, 2 * (y - 1), u)
            for _ in range(6):
                current = (u / c.curvature_s + c.threshold_hz) / c.gain_hz_per_na
                slope = self.transfer_slope(current) / c.gain_hz_per_na
                u = np.where(near, u - (c.curvature_s * self.transfer(current) - y) / slope, u)
        return np.asarray((u / c.curvature_s + c.threshold_hz) / c.gain_hz_per_na)

    # -- dynamics ---------------------------------------------------------------------------------------------------

    def rates(self, state: Float[Array, "trial state"], *external: Array) -> Float[Array, "trial state"]:
        """Population rates in Hz, with external currents in nA (each `(trial, state)` or broadcast to it)."""
        current = state @ self.coupling + self.config.background_na
        for extra in external:
            current = current + extra
        return self.transfer(current)

    def derivative(
        self, state: Float[Array, "trial state"], rates_hz: Float[Array, "trial state"]
    ) -> Float[Array, "trial state"]:
        """dS/dt in 1/s, given the rates."""
        return -state / self.config.tau_s + self.config.saturation * (1 - state) * rates_hz

    def drift(self, state: Float[Array, "trial state"], *external: Array) -> Float[Array, "trial state"]:
        """dS/dt in 1/s, with external currents in nA."""
        return self.derivative(state, self.rates(state, *external))

    def advance(
        self,
        state: Float[Array, "trial state"],
        step_s: float,
        *external: Array,
        integrator: Literal["euler", "rk4"] = "euler",
    ) -> tuple[Float[Array, "trial state"], Float[Array, "trial state"]]:
        """States one step later, by explicit Euler or Runge-Kutta 4, with currents held; and the rates in Hz at the step's start."""
        rates = self.rates(state, *external)
        slope = self.derivative(state, rates)
        if integrator == "rk4":
            second = self.drift(state + step_s / 2 * slope, *external)
            third = self.drift(state + step_s / 2 * second, *external)
            fourth = self.drift(state + step_s * third, *external)
            slope = (slope + 2 * second + 2 * third + fourth) / 6
        return state + step_s * slope, rates

    def jacobian(self, state: Float[Array, "trial state"], *external: Array) -> Float[Array, "trial state state"]:
        """Derivative of the drift, `[trial, i, j]` = ∂(dS_i/dt)/∂S_j, in 1/s."""
        c = self.config
        current = state @ self.coupling + c.background_na
        for extra in external:
            current = current + extra
        decay = -1 / c.tau_s - c.saturation * self.transfer(current)
        gain = c.saturation * (1 - state) * self.transfer_slope(current)
        return decay[:, :, None] * np.eye(self.populations) + gain[:, :, None] * self.coupling.T

    def fixed_points(self, external: Array | None = None) -> Float[Array, "point state"]:
        """All fixed points under a constant external current `(state,)` in nA, by Newton's method from a grid of starts."""
        drive = np.zeros(self.populations) if external is None else external
        starts = np.array(list(product(_START_LEVELS, repeat=self.populations)))
        return newton(
            lambda state: self.drift(state, drive), lambda state: self.jacobian(state, drive), starts, low=0.0, high=1.0
        )
