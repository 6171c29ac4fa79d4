"""Which recording networks are compared with along their training, by which measures, and when: what a study says once for all its arms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from neurodyn import config as configs
from neurodyn import registry
from neurodyn.comparison.compare import measure_of
from neurodyn.comparison.preparation import Preparation
from neurodyn.config import check_range
from neurodyn.data.datasets.base import Dataset
from neurodyn.errors import InvalidInput
from neurodyn.similarity.activity import Activity
from neurodyn.similarity.condition_averages import condition_averages
from neurodyn.similarity.measures.base import SimilarityMeasure

WITHOUT_MEAN = ":without_mean"
"""Ends the label of a measure that is taken after the mean over conditions."""


@dataclass(frozen=True)
class SimilarityTo:
    """What networks are compared with, and how: the same for all arms of a study."""

    data: str = "hatsopoulos2007"
    """Data set with recorded condition averages, or trials with conditions."""
    options: dict[str, Any] = field(default_factory=dict)
    """Its options."""
    measures: tuple[str, ...] = ("procrustes", "cka")
    """Names of measures, with options after colons: `cka:form=linear`."""
    without_mean: tuple[str, ...] = ("procrustes",)
    """Those that are taken besides with the mean over conditions taken out of both sides."""
    also: tuple[str, ...] = ()
    """Measures of the trained network alone, not along its training."""
    lag_s: float = 0.0
    """How much later the network is looked at than the recording, from the event that both are aligned to. One for all networks."""
    draws: int = 100
    """Bootstrap draws of conditions and units at every kept step."""
    seed: int = 0
    """Of these draws: the same for all networks."""

    def __post_init__(self) -> None:
        check_range("similarity.draws", self.draws, 0)
        if not self.looks:
            raise InvalidInput("similarity.measures", "none", "at least one")
        for name in self.names:
            look(name)

    @property
    def looks(self) -> tuple[str, ...]:
        """Every measure as it is taken, those after the mean over conditions last."""
        return (*self.measures, *(f"{name}{WITHOUT_MEAN}" for name in self.without_mean))

    @property
    def names(self) -> tuple[str, ...]:
        """Of all scores of a trained network."""
        return (*self.looks, *self.also)

    def recording(self) -> Activity:
        """The data set's condition averages.

        Raises:
            UnknownName, MissingData, InvalidInput: as loading it.
        """
        trials = self._dataset().load()
        return condition_averages(trials[0] if isinstance(trials, list) else trials, self.data)

    def check_present(self) -> None:
        """Whether the recording is on this machine; nothing is read.

        Raises:
            MissingData: it is not; the message says how to get it.
        """
        self._dataset().check_present()

    def _dataset(self) -> Dataset:
        cls = registry.load("datasets", self.data)
        found: Dataset = cls(configs.from_dict(cls.Config, self.options, "similarity.options"))
        return found


def look(name: str) -> tuple[SimilarityMeasure, Preparation]:
    """A measure of `SimilarityTo.looks`, and how activities are prepared for it."""
    return measure_of(name.removesuffix(WITHOUT_MEAN)), Preparation(without_mean=name.endswith(WITHOUT_MEAN))
