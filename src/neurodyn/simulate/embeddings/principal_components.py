"""The leading principal components."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from neurodyn.config import check_choices, check_range
from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Float
from neurodyn.simulate.embeddings.base import Embedding, fitted, rows


@dataclass(frozen=True)
class PrincipalComponentsConfig:
    """Options of `PrincipalComponents`."""

    components: int | None = None
    """Number of components; empty keeps all."""

    def __post_init__(self) -> None:
        check_choices(self, "embedding")
        if self.components is not None:
            check_range("embedding.components", self.components, 1)


class PrincipalComponents(Embedding):
    """(z − mean) V, with V the leading eigenvectors of the covariance, each with its largest entry positive."""

    Config: ClassVar = PrincipalComponentsConfig

    def __init__(self, config: PrincipalComponentsConfig = PrincipalComponentsConfig()) -> None:
        self.config = config
        self.mean: Array | None = None
        self.axes: Array | None = None

    def fit(self, latents: Float[Array, "*axes latent"]) -> PrincipalComponents:
        flat = rows(latents)
        keep = flat.shape[1] if self.config.components is None else self.config.components
        if keep > min(flat.shape):
            expected = f"at most {min(flat.shape)} for {flat.shape[1]} latents in {flat.shape[0]} bins"
            raise InvalidInput("embedding.components", keep, expected)
        self.mean = flat.mean(0)
        axes = np.linalg.svd(flat - self.mean, full_matrices=False)[2][:keep].T
        self.axes = axes * np.sign(axes[np.abs(axes).argmax(0), np.arange(keep)])
        return self

    def __call__(self, latents: Float[Array, "*axes latent"]) -> Float[Array, "*axes embedded"]:
        centred = latents - fitted(self.mean, "principal_components")
        return np.asarray(centred @ fitted(self.axes, "principal_components"))

    def described(self) -> dict[str, Any]:
        named = {"mean": self.mean, "axes": self.axes}
        return {name: fitted(values, "principal_components").tolist() for name, values in named.items()}
