"""Sizes of PNBA's published network."""

from __future__ import annotations

from dataclasses import dataclass

from neurodyn.config import check_range
from neurodyn.errors import InvalidInput

MOST_GROUPS = 32
"""Groups of a normalisation, where there are as many channels."""
OUTPUT_GROUPS = 8
"""The same at the output of every unit."""


@dataclass(frozen=True)
class PublishedPNBAConfig:
    """Sizes of the published network, 42,525,564 parameters as they stand."""

    channels: int = 8
    """Latent channels."""
    pooled_units: int = 256
    """Bins that the population is pooled to, over neighbouring units. With every level but one dividing it by 4, the latent slots are left: 256 → 4."""
    projector: int = 128
    """Feature channels at the pooled population, and of the output at every unit; half as many before the rate."""
    encoder: int = 64
    """Feature channels of the neural encoder's first level."""
    decoder: int = 128
    """Feature channels of the neural decoder's last level."""
    multipliers: tuple[int, ...] = (1, 2, 2, 4)
    """Channels of every level, from the most to the fewest slots, as multiples of `encoder` and `decoder`."""
    encoder_blocks: int = 1
    """Residual blocks of a level of the neural encoder."""
    decoder_blocks: int = 2
    """Residual blocks of a level of the neural decoder."""
    frame: tuple[int, int] = (32, 64)
    """Height and width of the video."""
    video_features: tuple[int, ...] = (32, 64, 128)
    """Feature channels of the video at every level; height and width halve after each."""
    video_encoder_blocks: tuple[int, ...] = (4, 3, 2)
    """Residual blocks of every level of the video encoder."""
    video_decoder_blocks: tuple[int, ...] = (3, 2, 1)
    """Residual blocks of every level of the video decoder, in the same order."""
    temporal_kernel: int = 5
    """Frames that a residual block of the video sees; odd."""
    series_features: int = 32
    """Feature channels of the encoder and decoder that stand in place of the video's where the second modality is a series. They are this library's: no network for series was released."""
    dropout: float = 0.0
    """Dropout inside residual blocks."""
    replicas: int = 8
    """Mode `release`: groups that a batch is split into before trials are compared, as the release's data-parallel replication does; 1 compares the whole batch, as mode `paper` does."""

    def __post_init__(self) -> None:
        for name in (
            "channels",
            "pooled_units",
            "projector",
            "encoder",
            "decoder",
            "encoder_blocks",
            "decoder_blocks",
            "series_features",
            "replicas",
        ):
            check_range(f"model.published.{name}", getattr(self, name), 1)
        check_range("model.published.dropout", self.dropout, 0, 1, open_high=True)
        levels = len(self.video_features)
        for name in ("video_encoder_blocks", "video_decoder_blocks"):
            if len(getattr(self, name)) != levels:
                raise InvalidInput(
                    f"model.published.{name}", getattr(self, name), f"{levels}, one a level of the video"
                )
        if self.temporal_kernel % 2 == 0:
            raise InvalidInput("model.published.temporal_kernel", self.temporal_kernel, "an odd number of frames")
        if not self.multipliers or self.pooled_units % 4 ** (len(self.multipliers) - 1):
            expected = (
                f"a multiple of 4 ^ {max(len(self.multipliers) - 1, 0)}: every level but the last divides it by 4"
            )
            raise InvalidInput("model.published.pooled_units", self.pooled_units, expected)
        if any(side % 2**levels for side in self.frame):
            raise InvalidInput("model.published.frame", self.frame, f"sides that halve {levels} times")
        height, width = self.video_map
        if height * width % self.slots:
            fix = "Change model.published.frame or pooled_units."
            raise InvalidInput("model.published.frame", self.frame, f"a multiple of {self.slots} final positions", fix)
        for name, widths, groups in (
            ("channels", (self.channels,), MOST_GROUPS),
            ("projector", (self.projector,), MOST_GROUPS),
            ("projector", (self.projector, self.projector // 2), OUTPUT_GROUPS),
            ("encoder", self.encoder_widths, MOST_GROUPS),
            ("decoder", self.decoder_widths, MOST_GROUPS),
            ("video_features", self.video_features, MOST_GROUPS),
            ("series_features", (self.series_features,), OUTPUT_GROUPS),
        ):
            if any(width < 1 or width % min(groups, width) for width in widths):
                expected = f"channels that {groups} groups divide, or no more than {groups}"
                raise InvalidInput(f"model.published.{name}", f"{widths} channels", expected)

    @property
    def slots(self) -> int:
        """Places that each latent channel has."""
        return self.pooled_units // 4 ** (len(self.multipliers) - 1)  # type: ignore[no-any-return]

    @property
    def encoder_widths(self) -> tuple[int, ...]:
        """Channels of the neural encoder's levels, in its order."""
        return tuple(self.encoder * factor for factor in self.multipliers)

    @property
    def decoder_widths(self) -> tuple[int, ...]:
        """Channels of the neural decoder's levels, in its order: fewest slots first."""
        return tuple(self.decoder * factor for factor in reversed(self.multipliers))

    @property
    def video_map(self) -> tuple[int, int]:
        """Height and width of the video encoder's last feature map."""
        height, width = self.frame
        factor = 2 ** len(self.video_features)
        return height // factor, width // factor
