"""PNBA's published network: both encoders, the fused posterior, and four reconstructions."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from neurodyn.errors import InvalidInput
from neurodyn.models.parts.gaussians import Gaussian, product
from neurodyn.models.parts.published_pnba.config import PublishedPNBAConfig
from neurodyn.models.parts.published_pnba.neural_decoder import NeuralDecoder, NeuralOutput
from neurodyn.models.parts.published_pnba.neural_encoder import Heads, NeuralEncoder, NeuralProjector
from neurodyn.models.parts.published_pnba.video_decoder import SeriesDecoder, VideoDecoder
from neurodyn.models.parts.published_pnba.video_encoder import SeriesEncoder, VideoEncoder

LEAST_UNITS = 3
"""Units that the first convolution needs."""


class Reconstructions(NamedTuple):
    """What one pass gives: three Gaussians over latents `(trial, latent channel, slot, time)`, and each modality decoded from the fused latents and from the other's alone."""

    neural: Gaussian
    """Latents of the activity alone."""
    video: Gaussian
    """Latents of the second modality alone."""
    fused: Gaussian
    """Their product."""
    rates_of_fused: Tensor
    """Rates `(trial, time, unit)`."""
    rates_of_video: Tensor
    """The same from the second modality: encoding."""
    video_of_fused: Tensor
    """The second modality, in its own shape."""
    video_of_neural: Tensor
    """The same from the activity: decoding."""


class PublishedPNBA(nn.Module):
    """Neural activity and a video as diagonal Gaussians over the same latents, 8 channels × 4 slots a bin, with decoders of both. No parameter belongs to a subject.

    The layers are those of the released code, its quirks included: video latents come from the left-most column of the last map, the video's attention replaces its
    input, decoded video is clamped. The body of the paper could not be read, so whether it describes the same network is not known: modes `release` and `paper` share
    it, and differ in which trials the matching loss compares. Where the second modality is a series, for which no network was released, a small encoder and decoder of
    this library stand in the video's place.

    Trials of different length: the release knows no mask. Set padded bins to zero and leave them out of the losses; they still reach their neighbours
    through convolutions, normalisation and attention, so latents of a padded trial differ from those of the trial alone.

    Flattened to `(trial, time, latent)`, the latent is latent channel × slots + slot: see `by_time`. Source: Zhu et al. 2025, arXiv:2505.04331, and its code.

    Args:
        config: sizes.
        channels: of the series that stands in the video's place; None for video.
    """

    def __init__(self, config: PublishedPNBAConfig, channels: int | None = None) -> None:
        super().__init__()
        self.config = config
        self.projector = NeuralProjector(config)
        self.neural_encoder = NeuralEncoder(config)
        self.neural_heads = Heads(config)
        self.video_encoder = SeriesEncoder(config, channels) if channels is not None else VideoEncoder(config)
        self.video_heads = Heads(config)
        self.neural_decoder = NeuralDecoder(config)
        self.output = NeuralOutput(config)
        self.video_decoder = SeriesDecoder(config, channels) if channels is not None else VideoDecoder(config)
        self.shape = config.frame if channels is None else (channels,)
        """Of one bin of the second modality."""
        self.scale = nn.Parameter(torch.ones(()))
        """Of the matching loss: what distances are multiplied by. Unconstrained."""
        self.shift = nn.Parameter(torch.zeros(()))
        """Of the matching loss: what is added."""

    def encode_neural(self, values: Tensor) -> Gaussian:
        """Activity `(trial, unit, time)` to latents `(trial, latent channel, slot, time)`.

        Raises:
            InvalidInput: fewer than three units.
        """
        if values.shape[1] < LEAST_UNITS:
            fix = "Record more units, or take another front end (model.mode=default)."
            raise InvalidInput("units", values.shape[1], f"at least {LEAST_UNITS}", fix)
        return self.neural_heads(self.neural_encoder(self.projector(values)))  # type: ignore[no-any-return]

    def encode_video(self, values: Tensor) -> Gaussian:
        """The second modality, video `(trial, time, height, width)` with values 0 to 1 or a series `(trial, time, channel)`, to latents.

        Raises:
            InvalidInput: other frames or channels than the network was made for.
        """
        if tuple(values.shape[2:]) != self.shape:
            raise InvalidInput("second modality", tuple(values.shape[2:]), f"{self.shape} in each bin")
        return self.video_heads(self.video_encoder(values))  # type: ignore[no-any-return]

    def decode_neural(self, latents: Tensor, units: int) -> Tensor:
        """Latents to rates `(trial, time, unit)`, positive."""
        return self.output(self.neural_decoder(latents), units)  # type: ignore[no-any-return]

    def decode_video(self, latents: Tensor) -> Tensor:
        """Latents to the second modality: video `(trial, time, height, width)` within 0 to 1, or a series `(trial, time, channel)`."""
        return self.video_decoder(latents)  # type: ignore[no-any-return]

    def forward(self, values: Tensor, video: Tensor) -> Reconstructions:
        """Both modalities encoded, fused and decoded: each from the fused latents and from the other's. In training latents are drawn; in evaluation they are means.

        Args:
            values: activity `(trial, unit, time)`.
            video: `(trial, time, height, width)`, or a series `(trial, time, channel)`.
        """
        neural, other = self.encode_neural(values), self.encode_video(video)
        fused = product([neural, other])
        q, x, y = (part.sample() if self.training else part.mean for part in (fused, neural, other))
        rates_q, rates_y = self.decode_neural(torch.cat([q, y]), values.shape[1]).chunk(2)
        video_q, video_x = self.decode_video(torch.cat([q, x])).chunk(2)
        return Reconstructions(neural, other, fused, rates_q, rates_y, video_q, video_x)


def by_time(latents: Tensor) -> Tensor:
    """Latents `(trial, latent channel, slot, time)` as `(trial, time, latent)`, the latent being latent channel × slots + slot."""
    return latents.flatten(1, 2).transpose(1, 2)


def by_slot(latents: Tensor, slots: int) -> Tensor:
    """The other way: `(trial, time, latent)` to `(trial, latent channel, slot, time)`."""
    trials, bins, count = latents.shape
    return latents.transpose(1, 2).reshape(trials, count // slots, slots, bins)
