"""What every system with known truth is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from neurodyn.config import from_dict
from neurodyn.data.trials import Trials
from neurodyn.dynamics.discrete_map import DiscreteMap
from neurodyn.errors import InvalidInput
from neurodyn.random_streams import PerTrialStreams, Randomness, TrialStreams
from neurodyn.shapes import Array, Float
from neurodyn.simulate.perturbation import Perturbed, Pulse


class Simulator(ABC):
    """A dynamical system, and the trials that are recorded from it.

    `initial_state`, `step` and `decode` are those of a model with dynamics, in NumPy: fixed points, perturbations and
    flow fields need nothing else. All are vectorised over trials and free of noise.
    """

    Config: ClassVar[type[Any]]
    bin_s: float
    """Bin width in seconds."""
    state_size: int
    """Length of a state."""
    input_size: int
    """Length of an input."""

    @abstractmethod
    def draw_initial(self, streams: TrialStreams) -> Float[Array, "trial state"]:
        """Initial states from given streams."""

    def initial_state(self, trials: int, seed: int = 0) -> Float[Array, "trial state"]:
        """Initial states, drawn as a simulation of this seed with a generator a trial draws them."""
        return self.draw_initial(PerTrialStreams(trials, seed))

    @abstractmethod
    def step(
        self, state: Float[Array, "trial state"], inputs: Float[Array, "trial input"] | None = None
    ) -> Float[Array, "trial state"]:
        """States one bin later, with the input held for the bin (none is zero)."""

    @abstractmethod
    def decode(self, state: Float[Array, "*axes state"]) -> Float[Array, "*axes latent"]:
        """The latents that the recorded units read, `(..., state)` to `(..., latent)`."""

    @abstractmethod
    def simulate(self, trials: int, *, seed: int = 0, randomness: Randomness = "per_trial") -> Trials:
        """Trials with spike counts and truth: `rates` (expected counts per bin), `latents`, `states`, and `inputs` where driven.

        Args:
            trials: how many.
            seed: of everything that is drawn.
            randomness: `per_trial` spawns a generator a trial, so that a trial does not depend on how many there are.
                `shared` draws all trials from one generator. `legacy` is the stored two-area study's.

        Raises:
            InvalidInput: a number or a randomness the system does not have.
        """

    @classmethod
    def from_provenance(cls, provenance: Mapping[str, Any]) -> Simulator:
        """The system that trials with this provenance were simulated by."""
        made: Any = cls
        return made(from_dict(cls.Config, provenance["simulator"], "simulator"))  # type: ignore[no-any-return]

    def latent_jacobian(
        self, state: Float[Array, "row state"], inputs: Float[Array, "row input"] | None = None
    ) -> Float[Array, "row latent latent"]:
        """How a small deviation of the recorded latents moves in one bin while all that is not recorded stays as it is: ∂(latents a bin later)/∂(latents).

        Here for latents that are the whole state, up to a constant linear map; by central differences.

        Args:
            state: states, one a row.
            inputs: what drives each over the bin; none is zero.
        """
        drive = np.zeros((len(state), self.input_size)) if inputs is None else inputs
        jacobian = DiscreteMap.of_arrays(lambda x, u: self.step(x, u)).jacobian(state, drive)
        zero = self.decode(np.zeros((1, self.state_size)))
        to_latents = self.decode(np.eye(self.state_size)) - zero  # (state, latent)
        return np.asarray(to_latents.T @ jacobian @ np.linalg.pinv(to_latents).T)

    @property
    def can_be_perturbed(self) -> bool:
        """Whether `perturbed` or `perturbed_by` is offered: each is made of the other."""
        cls = type(self)
        return cls.perturbed is not Simulator.perturbed or cls.perturbed_by is not Simulator.perturbed_by

    def perturbed(self, trials: Trials, pulse: Pulse) -> Perturbed:
        """Trials of this system run again with a pulse, and the same start, drive and noise: without a pulse nothing changes.

        Args:
            trials: of this system, all or some of what a seed draws.
            pulse: of current.

        Raises:
            InvalidInput: a pulse outside the trial; trials that do not say how they were drawn; a system that cannot be perturbed.
        """
        if not self.can_be_perturbed:
            what, fix = "a system whose trials can be run again", "Use two_area, single_area or a planar world."
            raise InvalidInput("simulator", type(self).__name__, what, fix)
        return self.perturbed_by(trials, [pulse])[0]

    def perturbed_by(self, trials: Trials, pulses: Sequence[Pulse]) -> list[Perturbed]:
        """The same for each of several pulses."""
        return [self.perturbed(trials, pulse) for pulse in pulses]
