"""What every embedding is: a map from a system's states to the latents that units read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from neurodyn import registry
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float


class Embedding(ABC):
    """A map of latents, made by `fit` on some of them and the same for all that follow.

    The last axis is the latents'; all axes before it are kept. What is drawn at random has a seed of its own, so that a map does not depend on the trials.
    """

    Config: ClassVar[type[Any] | None] = None

    @abstractmethod
    def __call__(self, latents: Float[Array, "*axes latent"]) -> Float[Array, "*axes embedded"]:
        """The embedded latents.

        Raises:
            InvalidInput: a number of latents it cannot take, or one that must be fitted and is not.
        """

    def fit(self, latents: Float[Array, "*axes latent"]) -> Embedding:
        """Sets what depends on the latents (means, scales, axes); nothing by default."""
        return self

    def described(self) -> dict[str, Any]:
        """What was fitted or drawn, as plain lists, for the provenance."""
        return {}


def embedding_of(config: Any) -> Embedding:
    """The embedding of a resolved part: a config, or the name of one without options."""
    if isinstance(config, str):
        return registry.load("embeddings", config)()  # type: ignore[no-any-return]
    made: Any = registry.load("embeddings", registry.name_of(type(config)))
    return made(config)  # type: ignore[no-any-return]


def rows(latents: Float[Array, "*axes latent"]) -> Float[Array, "row latent"]:
    """All axes but the last as one."""
    return np.asarray(latents).reshape(-1, np.shape(latents)[-1])


def fitted(values: Array | None, name: str) -> Array:
    """What `fit` has set.

    Raises:
        InvalidInput: it was not called.
    """
    if values is None:
        raise InvalidInput(f"embedding.{name}", "one that was not fitted", "a fitted one", "Call fit(latents) first.")
    return values
