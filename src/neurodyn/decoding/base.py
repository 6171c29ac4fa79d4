"""What reads behaviour from latents: fitted on some subjects' trials, applied to others'."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from neurodyn.errors import InvalidInput
from neurodyn.shapes import Array, Bool, Float


class Decoder(ABC):
    """A map from latents to behaviour of the same bins. Its `Config` holds its options.

    Nothing it learns comes from the trials it is applied to: means and scales are those of the trials it was fitted to.
    """

    Config: ClassVar[type[Any]]

    def __init__(self, config: Any = None) -> None:
        self.config = self.Config() if config is None else config

    _fitted: Callable[[np.ndarray, np.ndarray | None], np.ndarray] | None = None

    def fit(
        self,
        latents: Float[Array, "trial time latent"],
        behaviour: Float[Array, "trial time channel"],
        mask: Bool[Array, "trial time"] | None = None,
        seed: int = 0,
    ) -> Decoder:
        """Fits it; a second call starts afresh.

        Args:
            latents: of the training trials; whatever stands outside the mask is not looked at.
            behaviour: in physical units; bins in which a channel is NaN are not fitted.
            mask: bins with data; all by default.
            seed: of everything drawn.

        Raises:
            InvalidInput: latents that are not finite inside the mask, or no bin to fit.
        """
        self._fitted = self._fit(latents, behaviour, mask, seed)
        return self

    def __call__(
        self, latents: Float[Array, "trial time latent"], mask: Bool[Array, "trial time"] | None = None
    ) -> Float[Array, "trial time channel"]:
        """Behaviour in physical units, finite in every bin.

        Args:
            latents: of any trials.
            mask: bins with data: the others' latents are taken as average. All by default.

        Raises:
            InvalidInput: it has not been fitted, other latents than it was fitted to, or latents that are not finite inside the mask.
        """
        if self._fitted is None:
            raise InvalidInput("decoder", "one that has not been fitted", "a fitted one", "Call fit first.")
        return self._fitted(latents, mask)

    @abstractmethod
    def _fit(
        self, latents: np.ndarray, behaviour: np.ndarray, mask: np.ndarray | None, seed: int
    ) -> Callable[[np.ndarray, np.ndarray | None], np.ndarray]:
        """What maps latents and their mask to behaviour; arguments as `fit`."""


def r2(
    true: Float[Array, "trial time channel"],
    predicted: Float[Array, "trial time channel"],
    mask: Bool[Array, "trial time"] | None = None,
) -> np.ndarray:
    """1 − SSE / SST of every channel `(channel,)`, on raw values: below 0 where the mean of the scored bins would have been better.

    SST is about the channel's own mean over the scored bins. Bins where a channel of the truth is NaN are left out. A channel that does not vary is NaN.

    Raises:
        InvalidInput: predictions that are not finite, or no bin to score.
    """
    used = _used(true, mask)
    y, p = np.asarray(true[used], np.float64), np.asarray(predicted[used], np.float64)
    if not np.isfinite(p).all():
        raise InvalidInput("predicted", "values that are not finite", "finite values")
    residual, total = np.square(y - p).sum(0), np.square(y - y.mean(0)).sum(0)
    varies = total > 1e-12 * np.maximum(np.square(y).sum(0), np.finfo(float).tiny)
    return np.where(varies, 1 - residual / np.where(varies, total, 1), np.nan)


def _used(behaviour: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """Bins `(trial, time)` inside the mask whose behaviour is known in every channel."""
    used = np.isfinite(behaviour).all(-1)
    used = used if mask is None else used & mask
    if not used.any():
        raise InvalidInput("behaviour", "no bin inside the mask without NaN", "at least one")
    return np.asarray(used)
