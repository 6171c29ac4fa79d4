"""PNBA's published video decoder, and the small decoder of a series that stands in its place."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from neurodyn.models.parts.published_pnba.blocks import Attn3, Res3, group_norm
from neurodyn.models.parts.published_pnba.config import OUTPUT_GROUPS, PublishedPNBAConfig


class FrameUpsample(nn.Module):
    """Every frame twice as high and wide, by nearest neighbours and a 3 × 3 convolution: `(trial, channel, time, height, width)`."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.convolution = nn.Conv3d(channels, channels, (1, 3, 3), padding=(0, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.convolution(F.interpolate(x, scale_factor=(1, 2, 2)))  # type: ignore[no-any-return]


class VideoDecoder(nn.Module):
    """Latents `(trial, latent channel, slot, time)` to video `(trial, time, height, width)`, clamped to 0 to 1 as released: outside, no gradient passes.

    Slots are repeated by nearest neighbours to the positions of the smallest map, row by row: with 4 slots and 4 × 8 positions, each row starts constant.
    """

    def __init__(self, config: PublishedPNBAConfig) -> None:
        super().__init__()
        kernel, dropout, channels = config.temporal_kernel, config.dropout, config.channels
        self.map = config.video_map
        layers: list[nn.Module] = [
            nn.Conv3d(channels, channels, 3, padding=1),
            Res3(channels, channels, kernel, dropout),
            Attn3(channels),
            Res3(channels, channels, kernel, dropout),
        ]
        width = channels
        for wider, blocks in zip(reversed(config.video_features), reversed(config.video_decoder_blocks)):
            layers.append(FrameUpsample(width))
            for _ in range(blocks):
                layers.append(Res3(width, wider, kernel, dropout))
                width = wider
        self.layers = nn.Sequential(*layers, nn.Conv3d(width, 1, 3, padding=1))

    def forward(self, latents: Tensor) -> Tensor:
        height, width = self.map
        by_time = latents.transpose(2, 3)
        repeated = by_time.repeat_interleave(height * width // by_time.shape[3], 3)
        video = self.layers(repeated.view(*repeated.shape[:3], height, width))
        return video.squeeze(1).clamp(0.0, 1.0)  # type: ignore[no-any-return]


class SeriesDecoder(nn.Module):
    """Latents `(trial, latent channel, slot, time)` to a series `(trial, time, channel)`: two convolutions over five bins and a linear map.

    It is this library's: no network for series was released.
    """

    def __init__(self, config: PublishedPNBAConfig, channels: int) -> None:
        super().__init__()
        width = config.series_features
        layers: list[nn.Module] = []
        for size in (config.channels * config.slots, width):
            layers += [nn.Conv1d(size, width, 5, padding=2), group_norm(width, OUTPUT_GROUPS), nn.SiLU()]
        self.layers = nn.Sequential(*layers, nn.Conv1d(width, channels, 1))

    def forward(self, latents: Tensor) -> Tensor:
        return self.layers(latents.flatten(1, 2)).transpose(1, 2)  # type: ignore[no-any-return]
