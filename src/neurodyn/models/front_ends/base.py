"""What every front end is: from a population of any units to features, and from features back to each unit."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from jaxtyping import Bool, Float
from torch import Tensor, nn

from neurodyn.data.spec import SessionSpec
from neurodyn.data.trials import Trials


class FrontEnd(nn.Module, ABC):
    """Units to features that subjects share, and features back to units.

    Activity arrives standardised, its units in recorded order. What is read out of features is added to the parameters of each unit's mean activity.

    Args:
        config: the leaf's config.
        parameters: numbers that the population's likelihood takes of a unit.
    """

    Config: ClassVar[type[Any]]
    subject_free: ClassVar[bool] = True
    """Whether a subject that took no part in training can be encoded: no weight belongs to a subject."""

    def __init__(self, config: Any, parameters: int) -> None:
        super().__init__()
        self.config, self.parameters_per_unit = config, parameters

    @property
    @abstractmethod
    def width(self) -> int:
        """Features a bin, those that `encode` gives and `decode` takes."""

    def add(self, session: SessionSpec) -> None:
        """Makes room for one more subject, in the order of the model's `DataSpec`."""
        return None

    def own(self, session: int) -> list[nn.Parameter]:
        """Weights that are trained for one subject alone."""
        return []

    def fit(self, session: int, trials: Trials) -> None:
        """Takes what it needs to know of a subject's units from its activity alone.

        Raises:
            InvalidInput: something it needs is missing.
        """
        return None

    def scale_by(self, sessions: int) -> None:
        """Takes scales that all subjects share from the first so many: those trained on, once all of them have been fitted."""
        return None

    @abstractmethod
    def encode(
        self,
        activity: Float[Tensor, "trial time heldin"],
        known: Bool[Tensor, "trial time heldin"] | None,
        session: int,
    ) -> Float[Tensor, "trial time feature"]:
        """Features of each bin.

        Args:
            activity: standardised, of the units that may be seen, in recorded order.
            known: entries that say something; None for all.
            session: index of the subject.

        Raises:
            InvalidInput: fewer units than it needs.
        """

    @abstractmethod
    def decode(
        self, features: Float[Tensor, "trial time feature"], session: int
    ) -> Float[Tensor, "trial time unit parameter"]:
        """What each unit's parameters differ by from those of its mean, held-in units first."""
