"""An invertible curved sheet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from neurodyn.config import check_choices, check_range
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float
from neurodyn.simulate.embeddings.base import Embedding, fitted, rows


@dataclass(frozen=True)
class FlowConfig:
    """Options of `Flow`."""

    size: int = 10
    """D: dimensions it lies in, at least the latents'."""
    layers: int = 4
    """Coupling layers; each bends half of the dimensions by the other half."""
    hidden: int = 32
    """Units of the network in a layer."""
    bend: float = 1.0
    """How far a layer moves what it bends."""
    seed: int = 0
    """Seed of the weights."""

    def __post_init__(self) -> None:
        check_choices(self, "embedding")
        check_range("embedding.size", self.size, 2)
        check_range("embedding.layers", self.layers, 1)
        check_range("embedding.hidden", self.hidden, 1)
        check_range("embedding.bend", self.bend, 0)
        check_range("embedding.seed", self.seed, 0)


class Flow(Embedding):
    """Standardised latents with zeros beside them, rotated, then bent by additive coupling layers and rotated again: y_a = x_a + b tanh(x_b W_1 + c) W_2.

    One to one, with the inverse in closed form, as the injective readouts of ODIN are (Versteeg et al. 2023, arXiv:2309.06402); coupling layers of Dinh et al.
    2014, arXiv:1410.8516.
    """

    Config: ClassVar = FlowConfig

    def __init__(self, config: FlowConfig = FlowConfig()) -> None:
        self.config = config
        self.mean: Array | None = None
        self.sd: Array | None = None
        c, generator = config, np.random.default_rng(config.seed)
        self._cut = c.size // 2
        self._layers = []
        for _ in range(c.layers):
            turn = np.linalg.qr(generator.normal(size=(c.size, c.size)))[0]
            inward = generator.normal(0, 1, (c.size - self._cut, c.hidden))
            outward = generator.normal(0, 1 / np.sqrt(c.hidden), (c.hidden, self._cut))
            self._layers.append((turn, inward, generator.normal(0, 0.5, c.hidden), outward))

    def fit(self, latents: Float[Array, "*axes latent"]) -> Flow:
        flat = rows(latents)
        sd = flat.std(0)
        self.mean, self.sd = flat.mean(0), sd + (sd == 0)
        return self

    def __call__(self, latents: Float[Array, "*axes latent"]) -> Float[Array, "*axes embedded"]:
        size = np.shape(latents)[-1]
        if size > self.config.size:
            raise InvalidInput("embedding.size", self.config.size, f"at least {size}, the number of latents")
        scaled = (latents - fitted(self.mean, "flow")) / fitted(self.sd, "flow")
        values = np.concatenate([scaled, np.zeros((*scaled.shape[:-1], self.config.size - size))], -1)
        for turn, *network in self._layers:
            values = values @ turn
            values = values + self._bent(values, network)
        return np.asarray(values)

    def inverse(self, embedded: Float[Array, "*axes embedded"]) -> Float[Array, "*axes latent"]:
        """The latents of embedded ones; what is off the sheet is put back onto it."""
        mean, sd, values = fitted(self.mean, "flow"), fitted(self.sd, "flow"), np.asarray(embedded)
        for turn, *network in reversed(self._layers):
            values = (values - self._bent(values, network)) @ turn.T
        return np.asarray(values[..., : len(mean)] * sd + mean)

    def described(self) -> dict[str, Any]:
        return {"mean": fitted(self.mean, "flow").tolist(), "sd": fitted(self.sd, "flow").tolist()}

    def _bent(self, values: Array, network: list[Array]) -> Array:
        """What a layer adds: to the first half, by the second."""
        inward, bias, outward = network
        added = self.config.bend * np.tanh(values[..., self._cut :] @ inward + bias) @ outward
        return np.concatenate([added, np.zeros((*added.shape[:-1], values.shape[-1] - self._cut))], -1)
