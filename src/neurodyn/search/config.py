"""How a search goes about it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from neurodyn.config import check_choices, check_range

LONGEST = 1000
"""Epochs of a population-based search whose generations are not given, at most."""


@dataclass(frozen=True)
class SearchConfig:
    """Size and stages of a search."""

    algorithm: Literal["population", "random"] = "population"
    """`population`: members train side by side; after every generation the worse copy the better and explore around their values. `random`: members are independent, and the worse half stops early."""
    population: int = 20
    """Members."""
    generations: int | None = None
    """Most generations after the first exchange of `population`; by default as many as 1000 epochs hold. It stops before when 4 generations bring no more than 0.05 %. `random` has no use for it."""
    generation_epochs: int = 25
    """Epochs between two exchanges."""
    burn_in_epochs: int | None = None
    """Epochs before members are first compared; by default the ramps of the objective and one generation."""
    early_stopping: Literal["halving", "none"] = "halving"
    """Of `random`: `halving` stops the worse half of those that are left after the burn-in, after twice that, four times, and so on."""

    def __post_init__(self) -> None:
        check_choices(self, "search")
        check_range("search.population", self.population, 2 if self.algorithm == "population" else 1)
        check_range("search.generation_epochs", self.generation_epochs, 1)
        if self.generations is not None:
            check_range("search.generations", self.generations, 1)
        if self.burn_in_epochs is not None:
            check_range("search.burn_in_epochs", self.burn_in_epochs, 1)

    def resolved(self, objective: Any) -> SearchConfig:
        """With the defaults that depend on the objective's config filled in."""
        burn_in = self.burn_in_epochs or ramp_epochs(objective) + self.generation_epochs
        most = max(1, (LONGEST - burn_in) // self.generation_epochs)
        return dataclasses.replace(self, burn_in_epochs=burn_in, generations=self.generations or most)

    def milestone(self, generation: int) -> int:
        """Epoch at which a generation ends: the first with the burn-in."""
        return (self.burn_in_epochs or 0) + generation * self.generation_epochs

    def rungs(self, epochs: int) -> list[int | None]:
        """Epochs at which the worse half stops early; None is the end of training."""
        found: list[int | None] = []
        rung = self.burn_in_epochs or epochs
        while self.early_stopping == "halving" and rung < epochs:
            found.append(rung)
            rung *= 2
        return [*found, None]


def ramp_epochs(objective: Any) -> int:
    """Epochs until every ramp of an objective is complete: its fields `<term>_start_epoch` and `<term>_increase_epochs`."""
    values: Mapping[str, Any] = {f.name: getattr(objective, f.name) for f in dataclasses.fields(objective)}
    ends = [
        values.get(f"{name.removesuffix('_increase_epochs')}_start_epoch", 0) + value
        for name, value in values.items()
        if name.endswith("_increase_epochs")
    ]
    return max(ends, default=0)
