"""Some of the latents."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np

from neurodyn.config import check_choices, check_range
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float
from neurodyn.simulate.embeddings.base import Embedding


@dataclass(frozen=True)
class SubsampleConfig:
    """Options of `Subsample`."""

    keep: int = 2
    """Number of latents that are kept."""
    which: Literal["first", "last", "random"] = "last"
    """Which ones; those drawn stay in order."""
    seed: int = 0
    """Seed of a random choice."""

    def __post_init__(self) -> None:
        check_choices(self, "embedding")
        check_range("embedding.keep", self.keep, 1)
        check_range("embedding.seed", self.seed, 0)


class Subsample(Embedding):
    """The first, the last or random latents: the rest of the system is there, and not recorded."""

    Config: ClassVar = SubsampleConfig

    def __init__(self, config: SubsampleConfig = SubsampleConfig()) -> None:
        self.config = config

    def __call__(self, latents: Float[Array, "*axes latent"]) -> Float[Array, "*axes embedded"]:
        c, size = self.config, np.shape(latents)[-1]
        if c.keep > size:
            raise InvalidInput("embedding.keep", c.keep, f"at most {size}, the number of latents")
        kept = {
            "first": np.arange(c.keep),
            "last": np.arange(size - c.keep, size),
            "random": np.sort(np.random.default_rng(c.seed).permutation(size)[: c.keep]),
        }[c.which]
        return np.ascontiguousarray(latents[..., kept])
