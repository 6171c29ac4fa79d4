"""The potential of LangevinFlow's public code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.config import check_choices
from neurodyn.models.potentials.base import Potential
from neurodyn.models.potentials.oscillator import TAPS, check_layout, correlated

_CHANNELS = 4
_SMALLEST_NORM = 1e-12


@dataclass(frozen=True)
class OscillatorReleaseConfig:
    """Options of the public code's potential."""

    kernel_init: Literal["zero", "normal"] = "zero"
    """`zero`: as in the public code, where training then never moves the kernel after the first step. `normal`: standard normal numbers, from which it learns."""

    def __post_init__(self) -> None:
        check_choices(self, "model.potential")


class OscillatorRelease(Potential):
    """The quadratic form of LangevinFlow's public code, for parity: U = Σ_ij ⟨(K̂ ∗ z)_i, z_j⟩, unbounded below.

    Four channels; every filter of 3 taps has unit norm, K̂ = K / max(|K|, 10⁻¹²). Only sums over channels enter: with K̄_c = Σ_i K̂_ic and m = Σ_c z_c,
    U = ⟨K̄ ∗ z, m⟩ and ∂U/∂z_c = K̄ ∗ z + K̄_cᵀ ∗ m. The Hessian is constant, of rank at most D/2, and has negative eigenvalues, so no
    stationary law exists.

    Source: Song, Keller, Yue, Perona & Welling 2025, arXiv:2507.11531, its code.

    Raises:
        InvalidInput: the size is no multiple of four.
    """

    Config: ClassVar = OscillatorReleaseConfig

    def __init__(self, config: OscillatorReleaseConfig, size: int) -> None:
        super().__init__(config, size)
        check_layout(_CHANNELS, size)
        shape = (_CHANNELS, _CHANNELS, TAPS)
        self.kernel = nn.Parameter(torch.zeros(shape) if config.kernel_init == "zero" else torch.randn(shape))
        """K `(channel out, channel in, tap)`, before its filters are normalised."""

    def summed_kernel(self) -> Tensor:
        """K̄ `(1, channel in, tap)`: the normalised filters, summed over the channels they write to."""
        return F.normalize(self.kernel, dim=-1, eps=_SMALLEST_NORM).sum(0, keepdim=True)

    def energy(self, position: Tensor) -> Tensor:
        flat = position.reshape(-1, self.size)
        total = flat.view(len(flat), _CHANNELS, -1).sum(1)
        return (correlated(flat, self.summed_kernel(), "zero")[:, 0] * total).sum(-1).view(position.shape[:-1])

    def quadratic(self) -> Tensor:
        """`(dimension, dimension)`: the Hessian, the same everywhere."""
        kernel = self.summed_kernel()
        unit = torch.eye(self.size, dtype=kernel.dtype, device=kernel.device)
        half = correlated(unit, kernel, "zero")[:, 0].repeat(1, _CHANNELS)
        return half + half.mT

    def prepared(self) -> Callable[[Tensor], Tensor]:
        minus = -self.quadratic()

        def force(position: Tensor) -> Tensor:
            return position @ minus

        return force

    def hessian(self, position: Tensor) -> Tensor:
        return self.quadratic().expand(len(position), -1, -1)
