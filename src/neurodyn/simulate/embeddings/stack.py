"""Embeddings one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from neurodyn.config import Part, check_choices, resolve_parts
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float
from neurodyn.simulate.embeddings.base import Embedding, embedding_of
from neurodyn.simulate.embeddings.rotation import RotationConfig


@dataclass(frozen=True)
class StackConfig:
    """Options of `Stack`."""

    parts: tuple[Annotated[Any, Part("embeddings")], ...] = (RotationConfig(),)
    """Embeddings by name or with options, the first applied first."""

    def __post_init__(self) -> None:
        resolve_parts(self, "embedding")
        check_choices(self, "embedding")
        if not self.parts:
            raise InvalidInput("embedding.parts", "none", "at least one embedding")


class Stack(Embedding):
    """Each embedding is fitted to what the one before it gives.

    >>> from numpy import ones
    >>> stack = Stack(StackConfig(parts=({"name": "subsample", "keep": 2}, "paraboloid")))
    >>> stack.fit(ones((5, 3)))(ones((5, 3))).shape
    (5, 3)
    """

    Config: ClassVar = StackConfig

    def __init__(self, config: StackConfig = StackConfig()) -> None:
        self.config = config
        self.parts = [embedding_of(each) for each in config.parts]

    def fit(self, latents: Float[Array, "*axes latent"]) -> Stack:
        for part in self.parts:
            latents = part.fit(latents)(latents)
        return self

    def __call__(self, latents: Float[Array, "*axes latent"]) -> Float[Array, "*axes embedded"]:
        for part in self.parts:
            latents = part(latents)
        return latents

    def described(self) -> dict[str, Any]:
        return {"parts": [part.described() for part in self.parts]}
