"""Latents of mean zero and unit variance."""

from __future__ import annotations

from typing import Any

from neurodyn.shapes import Array, Float
from neurodyn.simulate.embeddings.base import Embedding, fitted, rows


class Standardise(Embedding):
    """Each latent less its mean, by its s.d.; one that does not vary becomes zero."""

    def __init__(self) -> None:
        self.mean: Array | None = None
        self.sd: Array | None = None

    def fit(self, latents: Float[Array, "*axes latent"]) -> Standardise:
        flat = rows(latents)
        self.mean, self.sd = flat.mean(0), flat.std(0)
        return self

    def __call__(self, latents: Float[Array, "*axes latent"]) -> Float[Array, "*axes embedded"]:
        mean, sd = fitted(self.mean, "standardise"), fitted(self.sd, "standardise")
        return (latents - mean) / (sd + (sd == 0))

    def described(self) -> dict[str, Any]:
        return {"mean": fitted(self.mean, "standardise").tolist(), "sd": fitted(self.sd, "standardise").tolist()}
