"""What every integrator is: one step of a position and a velocity under a force, friction and noise."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float, Tensor

Numbers = Array | Tensor
"""A NumPy array or a torch tensor: an integrator uses arithmetic operators only."""
Force = Callable[[Any], Any]
"""From positions `(trial, dimension)` to −∇U there."""


class Phase(NamedTuple):
    """Where every trial is, and what pulls it."""

    position: Float[Numbers, "trial dimension"]
    velocity: Float[Numbers, "trial dimension"]
    force: Float[Numbers, "trial dimension"]
    """−∇U at the position, carried on so that a step needs one evaluation."""


class Coefficients(NamedTuple):
    """The numbers of a step, found once for all steps of a pass. Each is a float or an array `(dimension,)`."""

    step: Any
    """Δ."""
    damping: Any
    """γ."""
    temperature: Any
    """𝒯."""
    decay: Any
    """c: what friction leaves of a velocity."""
    spread: Any
    """s: s.d. of the velocity that noise adds."""


class Integrator(ABC):
    """A discretisation of dz = v dt, dv = −∇U(z) dt − γ v dt + √(2γ𝒯) dW, with unit mass.

    Arithmetic operators only: NumPy arrays and torch tensors (with gradients, of any precision) go through the same code.
    Step, damping and temperature are in the same unit of time, whatever it is.
    """

    Config: ClassVar[type[Any] | None] = None
    order: ClassVar[int]
    """Order of the deterministic part: at zero damping, the error at a fixed time falls as Δ to this power."""
    noises: ClassVar[int]
    """Standard normal numbers a step takes, for each dimension."""
    damping_per_step: ClassVar[bool] = False
    """Whether γ is a number a step, whatever the step's length; else it is a number a unit of time."""
    stability: ClassVar[float]
    """Frequency × step that the deterministic part stays below."""

    def coefficients(self, step: Any, damping: Any, temperature: Any) -> Coefficients:
        """The numbers of a step.

        Args:
            step: Δ.
            damping: γ, a float or `(dimension,)`.
            temperature: 𝒯, a float or `(dimension,)`.
        """
        decay, spread = self.friction(step, damping, temperature)
        return Coefficients(step, damping, temperature, decay, spread)

    def friction(self, step: Any, damping: Any, temperature: Any) -> tuple[Any, Any]:
        """Decay c and spread s of one O part: c = exp(−γΔ/n), s² = 𝒯 (1 − c²), with n such parts a step."""
        decay = math.e ** (-damping * step / max(self.noises, 1))
        return decay, (temperature * (1 - decay * decay)) ** 0.5

    @abstractmethod
    def step(
        self,
        phase: Phase,
        force_of: Force,
        noise: Float[Numbers, "noises trial dimension"],
        coefficients: Coefficients,
    ) -> Phase:
        """Every trial one step later.

        Args:
            phase: where the trials are, with the force there.
            force_of: −∇U of positions.
            noise: standard normal numbers ξ.
            coefficients: from `coefficients`.
        """

    def start(self, position: Any, velocity: Any, force_of: Force) -> Phase:
        """The phase at a first position and velocity."""
        return Phase(position, velocity, force_of(position))

    def limit(self, step: float, damping: float) -> float:
        """Frequency × step that a harmonic force must stay below for the noise-free step to be stable."""
        return self.stability

    def check(self, frequency: float, step: float, damping: float = 0.0, where: str = "model.integrator") -> None:
        """Whether a step is stable.

        Args:
            frequency: largest ω = √k of the force, in radians per unit of time.
            step: Δ.
            damping: γ; only schemes that friction must hold stable look at it.
            where: the option to blame.

        Raises:
            InvalidInput: ω Δ reaches the limit.
        """
        limit = self.limit(step, damping)
        if frequency > 0 and not frequency * step < limit:
            fix = "Shorten the step, or soften the force." if limit else "Choose baoab, or raise the damping."
            raise InvalidInput(
                where,
                f"frequency x step = {frequency:.4g} x {step:.4g} = {frequency * step:.4g}",
                f"below {limit:.4g}, where the integrator is stable",
                fix,
            )

    def linear_map(
        self, stiffness: Any, step: float, damping: Any, temperature: Any
    ) -> tuple[Float[Array, "phase phase"], Float[Array, "phase noise"]]:
        """The step as (q, v) ← M (q, v) + N ξ under U = qᵀ K q / 2: M and N, positions first.

        Args:
            stiffness: k, or a symmetric matrix K `(dimension, dimension)`.
        """
        matrix = np.atleast_2d(np.asarray(stiffness, dtype=float))
        size = len(matrix)
        numbers = self.coefficients(step, damping, temperature)

        def force_of(position: Array) -> Any:
            return -position @ matrix.T

        # One trial for each unit vector of (q, v, ξ): their images are the columns.
        unit = np.eye((2 + self.noises) * size).reshape(-1, 2 + self.noises, size)
        begun = self.start(unit[:, 0], unit[:, 1], force_of)
        ended = self.step(begun, force_of, unit[:, 2:].swapaxes(0, 1), numbers)
        columns = np.concatenate([ended.position, ended.velocity], 1).T
        return columns[:, : 2 * size], columns[:, 2 * size :]

    def stationary(self, stiffness: Any, step: float, damping: Any, temperature: Any) -> Float[Array, "phase phase"]:
        """Covariance of (position, velocity) that the steps settle to under U = qᵀ K q / 2: exact for the discretisation, with its bias.

        Solves the discrete Lyapunov equation S = M S Mᵀ + N Nᵀ of `linear_map`. `(2, 2)` for a stiffness that is a number, `(2 dimension, 2 dimension)`
        for a matrix.

        Raises:
            InvalidInput: nothing is stationary, because the step is unstable or nothing damps it.
        """
        from scipy.linalg import solve_discrete_lyapunov

        moved, noised = self.linear_map(stiffness, step, damping, temperature)
        radius = np.abs(np.linalg.eigvals(moved)).max()
        if radius >= 1 - 1e-12:
            raise InvalidInput(
                "step, damping",
                f"a step that grows by {radius:.6g}",
                "a factor below 1",
                "Shorten the step, or raise the damping.",
            )
        return np.asarray(solve_discrete_lyapunov(moved, noised @ noised.T))
