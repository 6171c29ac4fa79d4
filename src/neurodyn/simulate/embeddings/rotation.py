"""A random rotation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy.stats import special_ortho_group

from neurodyn.config import check_choices, check_range
from neurodyn.shapes import Array, Float
from neurodyn.simulate.embeddings.base import Embedding


@dataclass(frozen=True)
class RotationConfig:
    """Options of `Rotation`."""

    seed: int = 0
    """Seed of the rotation."""

    def __post_init__(self) -> None:
        check_choices(self, "embedding")
        check_range("embedding.seed", self.seed, 0)


class Rotation(Embedding):
    """z R with R drawn evenly from all rotations about the origin: put it first in a `stack`."""

    Config: ClassVar = RotationConfig

    def __init__(self, config: RotationConfig = RotationConfig()) -> None:
        self.config = config
        self.matrix: Array | None = None

    def __call__(self, latents: Float[Array, "*axes latent"]) -> Float[Array, "*axes embedded"]:
        size = np.shape(latents)[-1]
        if self.matrix is None or len(self.matrix) != size:
            generator = np.random.default_rng(self.config.seed)
            self.matrix = special_ortho_group.rvs(size, random_state=generator) if size > 1 else np.ones((1, 1))
        return np.asarray(latents @ self.matrix)

    def described(self) -> dict[str, Any]:
        return {} if self.matrix is None else {"matrix": self.matrix.tolist()}
