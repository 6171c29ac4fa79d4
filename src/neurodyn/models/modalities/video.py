"""A video: frames through convolutions, averaged over places, then over time."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor, nn

from neurodyn.config import check_range
from neurodyn.errors import InvalidInput
from neurodyn.models.modalities.base import Modality, gaussian
from neurodyn.models.parts.gaussians import Gaussian
from neurodyn.models.parts.temporal_stack import TemporalStack


@dataclass(frozen=True)
class VideoConfig:
    """Sizes of the video's encoder and decoder."""

    features: tuple[int, ...] = (8, 16, 32)
    """Feature channels of every level; height and width halve after each."""

    def __post_init__(self) -> None:
        if not self.features:
            raise InvalidInput("model.video.features", "none", "at least one level")
        for width in self.features:
            check_range("model.video.features", width, 1)


class Video(Modality):
    """Each frame through strided convolutions; a learned projection of the whole map goes through convolutions over time. The way back mirrors it, with values within 0 to 1.

    In place of the release's left-most column of the map, every place counts.

    Args:
        config: widths.
        frame: height and width, divisible by 2 at each level.
        latents: D.
        hidden: channels of the layers over time.
        kernel: bins that a layer over time sees, odd.

    Raises:
        InvalidInput: a frame that does not halve at each level.
    """

    def __init__(self, config: VideoConfig, frame: tuple[int, int], latents: int, hidden: int, kernel: int) -> None:
        super().__init__()
        self.shape = frame
        levels = len(config.features)
        if any(side % 2**levels for side in frame):
            raise InvalidInput("model.video.features", f"{levels} levels", f"levels that halve frames of {frame}")
        widths = (1, *config.features)
        self.down = nn.ModuleList(
            nn.Conv2d(before, after, 3, stride=2, padding=1) for before, after in zip(widths, widths[1:])
        )
        back = (*config.features[::-1], 1)
        self.up = nn.ModuleList(nn.Conv2d(before, after, 3, padding=1) for before, after in zip(back, back[1:]))
        self._map = (config.features[-1], frame[0] // 2**levels, frame[1] // 2**levels)
        flat = self._map[0] * self._map[1] * self._map[2]
        self.into = nn.Linear(flat, hidden)
        self.out = nn.Linear(hidden, flat)
        self.encoder = TemporalStack(hidden, hidden, (kernel, kernel), 2 * latents)
        self.decoder = TemporalStack(latents, hidden, (kernel,), hidden)

    def encode(self, values: Tensor, known: Tensor, mask: Tensor | None) -> Gaussian:
        frames = values.flatten(0, 1).unsqueeze(1) - 0.5
        for convolution in self.down:
            frames = F.silu(convolution(frames))
        return gaussian(self.encoder(self.into(frames.flatten(1)).unflatten(0, values.shape[:2]), mask))

    def decode(self, latents: Tensor, mask: Tensor | None) -> Tensor:
        shape = latents.shape[:2]
        maps = self.out(self.decoder(latents, mask)).reshape(-1, *self._map)
        for convolution in self.up:
            maps = convolution(F.interpolate(F.silu(maps), scale_factor=2.0))
        return maps.squeeze(1).sigmoid().unflatten(0, shape)  # type: ignore[no-any-return]
