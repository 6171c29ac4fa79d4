"""The sessions that join a trained model, as training sees them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from torch import Tensor, nn

from neurodyn.data.batch import Observed
from neurodyn.data.spec import DataSpec
from neurodyn.data.transforms.base import Transform
from neurodyn.data.trials import Trials
from neurodyn.models.base import Model, Output
from neurodyn.observations.base import Observation


class Newcomers(Model):
    """A model that was grown, as a model of its new sessions alone: session 0 here is the first that joined there.

    Args:
        whole: what `Model.grown` returned.
        joined: number of its sessions that are new, the last ones.
    """

    def __init__(self, whole: Model, joined: int) -> None:
        nn.Module.__init__(self)
        self.config, self._sampling, self.behaviour_encoder = whole.config, False, None
        self.whole = whole
        self._before = len(whole.spec.sessions) - joined
        self.spec = DataSpec(whole.spec.sessions[self._before :])

    @property
    def uses_privileged(self) -> bool:
        return self.whole.uses_privileged

    def forward(self, observed: Observed, privileged: Mapping[str, Tensor] | None = None) -> Output:
        """What the grown model says."""
        there = dataclasses.replace(observed, session=observed.session + self._before)
        output: Output = self.whole(there, privileged)
        return output

    def observation(self, signal: str, session: int = 0) -> Observation:
        return self.whole.observation(signal, session + self._before)

    def transforms(self) -> list[Transform]:
        return self.whole.transforms()

    def prepare(self, sessions: Sequence[Trials]) -> None:
        """Starts the maps of the new sessions; all else was trained before."""
        for session, trials in enumerate(sessions):
            self.whole.join(session + self._before, trials)
