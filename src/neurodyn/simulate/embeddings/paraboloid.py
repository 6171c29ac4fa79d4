"""Latents with one more that is their squared distance from a point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from neurodyn.config import check_choices, check_range
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float
from neurodyn.simulate.embeddings.base import Embedding


@dataclass(frozen=True)
class ParaboloidConfig:
    """Options of `Paraboloid`."""

    scale: float = 1.0
    """s: factor on the distance before it is squared."""
    centre: tuple[float, ...] = ()
    """c: the lowest point, one number a latent; empty is the origin."""

    def __post_init__(self) -> None:
        check_choices(self, "embedding")
        check_range("embedding.scale", self.scale, 0, open_low=True)


class Paraboloid(Embedding):
    """(x_1, ..., x_d, Σ (s (x − c))²): a curved sheet over the latents, which a plane through it tells apart."""

    Config: ClassVar = ParaboloidConfig

    def __init__(self, config: ParaboloidConfig = ParaboloidConfig()) -> None:
        self.config = config

    def __call__(self, latents: Float[Array, "*axes latent"]) -> Float[Array, "*axes embedded"]:
        c, size = self.config, np.shape(latents)[-1]
        if c.centre and len(c.centre) != size:
            raise InvalidInput("embedding.centre", c.centre, f"{size} numbers, one a latent")
        away = c.scale * (latents - np.array(c.centre or (0.0,) * size))
        return np.concatenate([latents, (away**2).sum(-1, keepdims=True)], -1)
