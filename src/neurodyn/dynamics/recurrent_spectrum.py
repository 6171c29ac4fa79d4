"""Eigenvalues of a network's recurrent weights before and after training, and how much the weights changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from neurodyn.shapes import Array, Float, Shaped


@dataclass(frozen=True, eq=False)
class RecurrentSpectrum:
    """Recurrent weights before (W₀) and after (W) training."""

    before: Shaped[Array, " unit"]
    """Complex eigenvalues of W₀, the largest first."""
    after: Shaped[Array, " unit"]
    """Those of W."""
    change: Float[Array, " unit"]
    """Singular values of W − W₀, the largest first."""
    norm_ratio: float
    """‖W − W₀‖ / ‖W₀‖ (Frobenius)."""
    cosine: float
    """Of W and W₀ as vectors."""

    @property
    def effective_rank(self) -> float:
        """exp of the entropy of the change's normalised singular values: their number where all are alike, 1 where there is one.

        Source: Roy & Vetterli 2007, "The effective rank", EUSIPCO. NaN where nothing changed.
        """
        total = self.change.sum()
        if not total > 0:
            return float("nan")
        share = self.change / total
        share = share[share > 0]
        return float(np.exp(-(share * np.log(share)).sum()))

    def as_mapping(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "spectral_radius": {"before": float(np.abs(self.before[0])), "after": float(np.abs(self.after[0]))},
            "change": {
                "norm_ratio": _finite(self.norm_ratio),
                "cosine": _finite(self.cosine),
                "effective_rank": _finite(self.effective_rank),
                "singular_values": self.change.tolist(),
            },
            "eigenvalues": {
                name: {"real": values.real.tolist(), "imaginary": values.imag.tolist()}
                for name, values in (("before", self.before), ("after", self.after))
            },
        }


def recurrent_spectrum(before: Float[Array, "unit unit"], after: Float[Array, "unit unit"]) -> RecurrentSpectrum:
    """The spectra of recurrent weights, `[i, j]` from unit j to unit i, in float64."""
    before, after = before.astype(np.float64), after.astype(np.float64)
    size = float(np.linalg.norm(before))
    both = size * float(np.linalg.norm(after))
    return RecurrentSpectrum(
        _eigenvalues(before),
        _eigenvalues(after),
        np.linalg.svd(after - before, compute_uv=False),
        float(np.linalg.norm(after - before)) / size if size > 0 else float("nan"),
        float((before * after).sum()) / both if both > 0 else float("nan"),
    )


def _eigenvalues(weights: np.ndarray) -> np.ndarray:
    found = np.linalg.eigvals(weights).astype(complex)
    return np.asarray(found[np.argsort(-np.abs(found), kind="stable")])


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
