"""A curved sheet by a random network."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np

from neurodyn.config import check_choices, check_range
from neurodyn.shapes import Array, Float
from neurodyn.simulate.embeddings.base import Embedding, fitted, rows


@dataclass(frozen=True)
class RandomManifoldConfig:
    """Options of `RandomManifold`."""

    size: int = 10
    """D: dimensions it lies in. At least twice the latents and one more make it one to one, but for exceptions."""
    hidden: tuple[int, ...] = (32,)
    """Units of each hidden layer."""
    curvature: float = 1.0
    """Factor on the weights of the first layer: how far tanh is from straight."""
    seed: int = 0
    """Seed of the weights."""

    def __post_init__(self) -> None:
        check_choices(self, "embedding")
        check_range("embedding.size", self.size, 1)
        check_range("embedding.curvature", self.curvature, 0, open_low=True)
        check_range("embedding.seed", self.seed, 0)
        for number in self.hidden:
            check_range("embedding.hidden", number, 1)


class RandomManifold(Embedding):
    """y = W_n tanh(... tanh(W_1 z + b_1) ...), z standardised, weights N(0, 1/inputs), biases N(0, 1/4); y of mean 0 and s.d. 1 in each dimension."""

    Config: ClassVar = RandomManifoldConfig

    def __init__(self, config: RandomManifoldConfig = RandomManifoldConfig()) -> None:
        self.config = config
        self.latent_mean: Array | None = None
        self.latent_sd: Array | None = None
        self.mean: Array | None = None
        self.sd: Array | None = None

    def fit(self, latents: Float[Array, "*axes latent"]) -> RandomManifold:
        flat = rows(latents)
        sd = flat.std(0)
        self.latent_mean, self.latent_sd = flat.mean(0), sd + (sd == 0)
        through = self._through(flat)
        sd = through.std(0)
        self.mean, self.sd = through.mean(0), sd + (sd == 0)
        return self

    def __call__(self, latents: Float[Array, "*axes latent"]) -> Float[Array, "*axes embedded"]:
        mean, sd = fitted(self.mean, "random_manifold"), fitted(self.sd, "random_manifold")
        return (self._through(latents) - mean) / sd

    def described(self) -> dict[str, Any]:
        named = {"latent_mean": self.latent_mean, "latent_sd": self.latent_sd, "mean": self.mean, "sd": self.sd}
        return {name: fitted(values, "random_manifold").tolist() for name, values in named.items()}

    def _through(self, latents: Array) -> Array:
        c, generator = self.config, np.random.default_rng(self.config.seed)
        values = (latents - fitted(self.latent_mean, "random_manifold")) / fitted(self.latent_sd, "random_manifold")
        sizes = (np.shape(latents)[-1], *c.hidden, c.size)
        for layer, (inputs, outputs) in enumerate(pairwise(sizes)):
            weights = generator.normal(0, (c.curvature if layer == 0 else 1.0) / np.sqrt(inputs), (inputs, outputs))
            bias = generator.normal(0, 0.5, outputs)
            values = values @ weights + bias
            if layer < len(c.hidden):
                values = np.tanh(values)
        return np.asarray(values)
