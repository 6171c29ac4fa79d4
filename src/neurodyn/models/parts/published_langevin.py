"""LangevinFlow's network as it was published: a lagged encoder, a path from the first bin alone, and a decoder that also sees the encoder."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from neurodyn.config import check_choices, check_range
from neurodyn.errors import InvalidInput
from neurodyn.models.parts.dropped_gru import dropped_gru
from neurodyn.models.parts.masks import keep_mask
from neurodyn.models.parts.transformer import TransformerLayer
from neurodyn.models.potentials.oscillator_release import OscillatorRelease, OscillatorReleaseConfig

VELOCITY_PRIOR = 0.1
"""Variance of the fixed normal that the velocity of every bin is drawn to."""
FIXUP_LAYERS = 3
"""Depth that the release's initial scaling assumes; the decoder has one layer."""


@dataclass(frozen=True)
class PublishedConfig:
    """What the public code fixes or sets for each data set."""

    damping: float = 0.55
    """γ a **bin**, whatever its width: the share of the velocity that is lost. Published 0.55; 0.7 for dmfc_rsg."""
    step: float = 0.01
    """Δ of a bin: how far a velocity carries the position, and a force the velocity."""
    dropout: float = 0.05
    """Dropout of the encoder's state, which is fed back after it, and of the decoder."""
    heads: int = 2
    """Attention heads of the decoder; they divide 3 × `size`."""
    feedforward: int = 512
    """Hidden units of its feed-forward map."""
    kernel_init: Literal["zero", "normal"] = "zero"
    """How the potential's kernel starts: `zero` as released, after which training moves it once and never again; `normal`, from which it learns."""

    def __post_init__(self) -> None:
        check_choices(self, "model.published")
        check_range("model.published.damping", self.damping, 0, 1, open_low=True, open_high=True)
        check_range("model.published.step", self.step, 0, open_low=True)
        check_range("model.published.dropout", self.dropout, 0, 0.99)
        check_range("model.published.heads", self.heads, 1)
        check_range("model.published.feedforward", self.feedforward, 1)


class PublishedLangevin(nn.Module):
    """Position z and velocity v from the encoder's state of the first bin, then one step a bin (Δ dimensionless, damping γ a **bin**):

        z ← z + Δ v        v ← (1 − γ) (v − Δ ∇U(z)) + √(2γ) ε,    ε ~ N(0, I)

    with both right-hand sides at the old state: explicit Euler. One post-norm transformer layer over all bins reads [z ; v ; h], h the encoder's state, and a linear map gives log rates.
    Modes differ in what the encoder sees and in the KL of the path:

    - `release`, the public code: the state of bin t has seen x_0, x_0, x_1, ..., x_{t−1}. Its KL takes the drawn velocity for a mean and 2γ for a log-variance:
      ½ Σ (ln s − 2γ − 1 + v² / s + e^{2γ} / s), s = 0.1.
    - `paper`: the state of bin t has seen x_0, ..., x_t. The KL is that of the transition N(μ, 2γ), μ = (1 − γ)(v − Δ ∇U): ½ Σ (ln(s / 2γ) − 1 + (μ² + 2γ) / s).

    In both, forward bins read the last observed bin again, and the KL is a penalty on the velocity rather than part of a bound. Noise is drawn in one
    call, in the order z_0, v_0, v_1, .... Source: Song et al. 2025, arXiv:2507.11531, and its code.

    Args:
        heldin: units that are seen.
        units: units whose rates are predicted.
        size: D, of h, z and v; a multiple of 4, the potential's channels.
        dropout, damping, step, heads, feedforward, kernel_init: as in `PublishedConfig`.
        mode: as above.

    Raises:
        InvalidInput: a size that is no multiple of 4, or heads that do not divide 3 D.
    """

    def __init__(
        self,
        *,
        heldin: int,
        units: int,
        size: int,
        dropout: float,
        damping: float,
        step: float = 0.01,
        heads: int = 2,
        feedforward: int = 512,
        kernel_init: Literal["zero", "normal"] = "zero",
        mode: Literal["release", "paper"] = "release",
    ) -> None:
        super().__init__()
        if 3 * size % heads:
            fix = "Change model.size or model.published.heads."
            raise InvalidInput("model.published.heads", heads, f"a divisor of 3 × {size}", fix)
        self.size, self.dropout, self.damping, self.step, self.mode = size, dropout, damping, step, mode
        self.encoder = nn.GRUCell(heldin, size)
        self.initial_posterior = nn.Linear(size, 4 * size)
        """Mean and log-variance of the position, then of the velocity."""
        self.potential = OscillatorRelease(OscillatorReleaseConfig(kernel_init=kernel_init), size)
        self.decoder = TransformerLayer(3 * size, heads, feedforward, dropout, pre_norm=False)
        self.decoder.scale_for_depth(FIXUP_LAYERS, values=False)
        self.readout = nn.Linear(3 * size, units)

    def forward(
        self,
        counts: Tensor,
        bins: int,
        *,
        draw: Callable[[int, int, int], Tensor] | None,
        counted: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Rates and latents of a batch.

        Args:
            counts: `(trial, observed time, unit)`.
            bins: observed and forward bins.
            draw: standard normal numbers of a shape `(time + 1, trial, D)`, for samples of the posterior; None for no noise.
            counted: bins that the path's KL counts `(time, trial)`; None for all.

        Returns:
            Log rates `(trial, time, unit)`, latents [z ; v ; h] `(trial, time, 3 D)`, and the KLs `position` and `velocity` (of the first bin) and `path`, `(trial,)` each.
        """
        trials, size = len(counts), self.size
        keep = None
        if self.training and self.dropout > 0:
            keep = keep_mask((bins, trials, size), self.dropout, device=counts.device, dtype=counts.dtype)
        encoded = dropped_gru(counts, self.order(counts.shape[1], bins), self.encoder, keep).unbind(0)
        shape = (bins + 1, trials, size)
        noise = counts.new_zeros(shape) if draw is None else draw(*shape)
        posterior = self.initial_posterior(encoded[0]).split(size, 1)
        positions, velocities, kl = self.path(posterior, noise, counted)
        parts = [part for bin_ in zip(positions, velocities, encoded) for part in bin_]
        latents = torch.stack(parts, 1).view(trials, bins, 3 * size)
        return self.decode(latents), latents, kl

    def decode(self, latents: Tensor) -> Tensor:
        """Log rates `(trial, time, unit)` of latents [z ; v ; h] `(trial, time, 3 D)`; every bin looks at every other."""
        bins = latents.shape[1]
        return self.readout(self.decoder(latents, latents.new_zeros(1, bins, bins)))  # type: ignore[no-any-return]

    def order(self, observed: int, bins: int) -> list[int]:
        """The bin of the counts that the encoder reads at each bin."""
        lag = 1 if self.mode == "release" else 0
        inside = [max(bin_ - lag, 0) for bin_ in range(observed)]
        return inside + [observed - 1] * (bins - observed)

    def path(
        self, posterior: tuple[Tensor, ...], noise: Tensor, counted: Tensor | None = None
    ) -> tuple[list[Tensor], list[Tensor], dict[str, Tensor]]:
        """Positions and velocities of every bin `(trial, D)`, and the KLs.

        Args:
            posterior: of the first bin: mean and log-variance of the position, mean and log-variance of the velocity, `(trial, D)` each.
            noise: of z_0, v_0, v_1, ...: `(time + 1, trial, D)`.
            counted: bins that the path's KL counts `(time, trial)`; None for all.
        """
        position, position_log_variance, velocity, velocity_log_variance = posterior
        kl = {
            "position": _from_standard(position, position_log_variance),
            "velocity": _from_standard(velocity, velocity_log_variance),
        }
        position = torch.addcmul(position, torch.exp(position_log_variance / 2), noise[0])
        velocity = torch.addcmul(velocity, torch.exp(velocity_log_variance / 2), noise[1])
        positions, velocities, means = [position], [velocity], []
        force_of = self.potential.prepared()
        for kick in (math.sqrt(2 * self.damping) * noise[2:]).unbind(0):
            force = force_of(position)
            position = position.add(velocity, alpha=self.step)
            mean = (1 - self.damping) * velocity.add(force, alpha=self.step)
            velocity = mean + kick
            positions.append(position)
            velocities.append(velocity)
            means.append(mean)
        each = (
            self._path_kl(torch.stack(velocities[1:] if self.mode == "release" else means))
            if means
            else noise[:0, :, 0]
        )
        kl["path"] = (each if counted is None else each * counted[1:]).sum(0)
        return positions, velocities, kl

    def _path_kl(self, given: Tensor) -> Tensor:
        """Of each step from the second bin on `(step, trial)`, by its velocities or, in mode `paper`, their means `(step, trial, D)`."""
        log_variance = 2 * self.damping if self.mode == "release" else math.log(2 * self.damping)
        constant = math.log(VELOCITY_PRIOR) - log_variance - 1 + math.exp(log_variance) / VELOCITY_PRIOR
        return 0.5 * ((given * given).sum(2) / VELOCITY_PRIOR + constant * self.size)


def _from_standard(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL of N(mean, exp log_variance) from N(0, I), `(trial,)`."""
    return 0.5 * (mean * mean + log_variance.exp() - log_variance - 1).sum(1)
