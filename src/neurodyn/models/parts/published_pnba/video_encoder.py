"""PNBA's published video encoder, with the left-most column that its latents come from, and the small encoder of a series that stands in its place."""

from __future__ import annotations

from torch import Tensor, nn

from neurodyn.models.parts.published_pnba.blocks import Attn3, Res3, group_norm
from neurodyn.models.parts.published_pnba.config import OUTPUT_GROUPS, PublishedPNBAConfig


class VideoEncoder(nn.Module):
    """Video `(trial, time, height, width)`, values 0 to 1, to features `(trial, latent channel, slot, time)`.

    Positions of the last feature map, row by row, are brought to the slots by nearest-neighbour interpolation, as released. From 4 × 8 positions to 4 slots it keeps the
    left-most column alone: the other 28 positions reach the latents only through the attention before it.
    """

    def __init__(self, config: PublishedPNBAConfig) -> None:
        super().__init__()
        kernel, dropout, channels = config.temporal_kernel, config.dropout, config.channels
        self.slots = config.slots
        self.stem = nn.Conv3d(1, config.video_features[0], 3, padding=1)
        following = (*config.video_features[1:], channels)
        layers: list[nn.Module] = []
        for width, wider, blocks in zip(config.video_features, following, config.video_encoder_blocks):
            layers += [Res3(width, width, kernel, dropout) for _ in range(blocks)]
            layers += [nn.Conv3d(width, wider, (1, 3, 3), stride=(1, 2, 2), padding=(0, 1, 1))]
            layers += [group_norm(wider), nn.SiLU()]
        self.levels = nn.Sequential(*layers)
        self.middle = nn.Sequential(
            Res3(channels, channels, kernel, dropout),
            Attn3(channels),
            Res3(channels, channels, kernel, dropout),
            nn.Conv3d(channels, channels, 3, padding=1),
        )

    def forward(self, video: Tensor) -> Tensor:
        features = self.middle(self.levels(self.stem(video.unsqueeze(1)))).flatten(3)
        step = features.shape[3] // self.slots  # positions are a multiple of slots: nearest neighbours lie evenly
        return features[..., ::step].transpose(2, 3)  # type: ignore[no-any-return]


class SeriesEncoder(nn.Module):
    """A series `(trial, time, channel)` to features `(trial, latent channel, slot, time)`: two convolutions over five bins and a linear map.

    It is this library's: no network for series was released.
    """

    def __init__(self, config: PublishedPNBAConfig, channels: int) -> None:
        super().__init__()
        width = config.series_features
        self.shape = (config.channels, config.slots)
        layers: list[nn.Module] = []
        for size in (channels, width):
            layers += [nn.Conv1d(size, width, 5, padding=2), group_norm(width, OUTPUT_GROUPS), nn.SiLU()]
        self.layers = nn.Sequential(*layers, nn.Conv1d(width, config.channels * config.slots, 1))

    def forward(self, series: Tensor) -> Tensor:
        return self.layers(series.transpose(1, 2)).unflatten(1, self.shape)  # type: ignore[no-any-return]
